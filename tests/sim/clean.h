/* One pass over the input by the runtime itself: no faults, no restarts, and every state goes with
 * its commit.
 *
 * Threads: one. */
#ifndef TESTS_SIM_CLEAN_H
#define TESTS_SIM_CLEAN_H

#include "kafka/bus_memory.h"
#include "tests/sim/subject.h"

/* Processes all that the subject's input in `kafka` holds; folder: for a database. */
void clean_pass(const struct subject *subject, struct memory_kafka *kafka, int32_t partition_count,
		struct registry *registry, const char *folder);

#endif
