/* The simulated company's feeds in memory, to be put onto a bus in memory bit by bit, and the truth
 * about who its customers are. */
#ifndef TESTS_LIB_COMPANY_FEED_H
#define TESTS_LIB_COMPANY_FEED_H

#include "kafka/bus_memory.h"
#include "simulate/simulate.h"

/* A name of a customer, as the truth has it. */
struct true_name {
	char account[32], scheme[32], value[96], link[16], linked_to[32];
};

struct company_feed;

/* Plays a company. */
struct company_feed *company_feed_new(const struct simulate_options *options);
void company_feed_free(struct company_feed **feed);

const struct simulate_result *company_feed_result(const struct company_feed *feed);
const struct true_name *company_feed_names(const struct company_feed *feed, size_t *count);

/* How many records of a feed have not been sent yet. */
size_t company_feed_left(const struct company_feed *feed, enum feed which);

/* Sends the next `count` records of a feed (or what is left); after the last one, the ends. */
void company_feed_send(struct company_feed *feed, struct memory_kafka *kafka, enum feed which,
		       size_t count, int32_t partition_count);

#endif
