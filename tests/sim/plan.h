/* The input of a simulated run and what must come of it: the oracle.
 *
 * The input is a list of steps, each a few records of one partition, alone or in a transaction that
 * is committed or aborted. The expectation is one pass over the input by the rules of
 * runtime/processor.h, written down here once more without cache, store, transactions or recovery.
 *
 * Threads: one. */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include "base/prng.h"
#include "kafka/bus_memory.h"
#include "schemas/registry.h"

#define PLAN_INPUT "in"

struct plan;

/* A plan drawn from `prng` for a topic of `partition_count`; registry is borrowed for the call. */
struct plan *plan_new(struct prng *prng, int32_t partition_count, struct registry *registry);
void plan_free(struct plan **plan);

size_t plan_step_count(const struct plan *plan);

/* Appends step `index` to PLAN_INPUT. */
void plan_append(const struct plan *plan, size_t index, struct memory_kafka *kafka);

/* What a topic of the application should hold, one line for each value: "topic/partition key
 * value", in the order of (topic, partition, key), values of a key in theirs; of states the last.
 */
const char *plan_expected(const struct plan *plan);

/* The same of what lies in `kafka` under the application's name. new. */
char *plan_actual(const struct plan *plan, struct memory_kafka *kafka, const char *app_id);

#endif
