/* What must come of the input of the tally: one pass over it by the rules of runtime/processor.h,
 * written down here once more without cache, store, transactions or recovery.
 *
 * Threads: one. */
#ifndef TESTS_SIM_ORACLE_H
#define TESTS_SIM_ORACLE_H

#include "kafka/bus_memory.h"
#include "tests/sim/lines.h"

/* Adds what the input in `kafka` comes to. upgraded_at[partition_count]: the first offset that
 * logic version 2 judges. */
void oracle_pass(struct memory_kafka *kafka, struct registry *registry, int32_t partition_count,
		 const int64_t *upgraded_at, struct lines *lines);

#endif
