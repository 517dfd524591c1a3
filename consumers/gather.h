/* The gather stage: brings examples and their outcomes together, and hands them on to the learn
 * stage in one order.
 *
 * All examples of a model lie in one partition. Each is a state of its own, keyed by account and
 * day, with a timer at the time when its outcome was known; timers fire when every partition of
 * the account stage has passed that time, in the order of (due time, key). So the lessons come out
 * in the order of (matured at, account), however the partitions interleaved. An account has at most
 * EXAMPLE_SLOTS examples in waiting, and a state is used again. */
#ifndef CONSUMERS_GATHER_H
#define CONSUMERS_GATHER_H

#include "runtime/processor.h"

struct gather_stage;

/* A new stage; registry is borrowed. partition_count: of its input, the writers of lessons. */
struct gather_stage *gather_stage_new(int32_t partition_count, struct registry *registry);
void gather_stage_free(struct gather_stage **stage);

/* The processor; its context is `stage`, which must outlive it. */
struct processor gather_processor(struct gather_stage *stage);

#endif
