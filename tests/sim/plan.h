/* The input of a simulated run and what must come of it.
 *
 * The input is a list of steps, each a few records of one partition, alone or in a transaction that
 * is committed or aborted. What must come of it tells an oracle or, for a subject without one, an
 * undisturbed pass of the runtime itself.
 *
 * Threads: one. */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include "base/prng.h"
#include "kafka/bus_memory.h"
#include "tests/sim/subject.h"

enum { PLAN_PARTITIONS_MAX = 4 };

struct plan;

/* A plan drawn from `prng`; registry is borrowed for its life. */
struct plan *plan_new(const struct subject *subject, struct prng *prng, int32_t partition_count,
		      struct registry *registry);
void plan_free(struct plan **plan);

size_t plan_step_count(const struct plan *plan);

/* The step before which the logic version becomes 2; plan_step_count: it never does. */
size_t plan_upgrade_step(const struct plan *plan);

/* Makes the subject's topics. */
void plan_topics(const struct plan *plan, struct memory_kafka *kafka);

/* Appends step `index` to the input. */
void plan_append(const struct plan *plan, size_t index, struct memory_kafka *kafka);

/* What the subject's topics should hold, as lines (tests/sim/lines.h); borrowed. folder: for a
 * database. */
const char *plan_expected(struct plan *plan, const char *folder);

/* The same of what lies in `kafka`. new. */
char *plan_actual(const struct plan *plan, struct memory_kafka *kafka);

#endif
