/* A simulated company on the bus in memory, each event under its customer's true name: what comes
 * out of identity, for tests of what lies behind it. */
#ifndef TESTS_LIB_TRUE_FEED_H
#define TESTS_LIB_TRUE_FEED_H

#include "kafka/bus_memory.h"

/* Publishes all events of the company on erp.events in the order of their delivery, since what one
 * partition holds comes in one order. */
void true_feed(struct memory_kafka *kafka, uint64_t seed, uint32_t account_count,
		  int month_count, int32_t partition_count);

#endif
