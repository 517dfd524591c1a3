/* A stage's clock handed on to who reads what it writes: each partition of its own log is a writer
 * of the topics that it says things to, and tells them how far it has come. For a processor's
 * clock_moved and inputs_given. */
#ifndef RUNTIME_RELAY_H
#define RUNTIME_RELAY_H

#include "runtime/effects.h"

/* A TICK to all of `topic`: own_log's partition of `origin` stands at clock_ms. */
void relay_clock(struct effects *effects, const char *topic, const char *own_log,
		 const struct origin *origin, int64_t clock_ms);

/* The set of topic's writers: the partitions of own_log. */
void relay_inputs(struct effects *effects, const char *topic, const char *own_log,
		  int32_t partition_count, const struct origin *origin);

#endif
