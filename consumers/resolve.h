/* The resolve stage: what the sources write becomes one log, keyed by the names of customers.
 *
 * Each event is read by its writer's schema, judged (poison goes to the dlq), given its lateness
 * and its subject's name in normal form (consumers/names.h), and written to identity.events under
 * that name; before it, what it says of other names of the same customer. Each input partition
 * keeps a watermark, and writes a tick into every partition of identity.events whenever that passes
 * a tick boundary; the set of inputs is written first.
 *
 * Events of erased names, and of names that lead to one by what they say, move the clock and go no
 * further; links that were cut, and links with erased names, are not told. Both are looked up in
 * what is decided when the event is read: what is committed once is never said again, so it doesn't
 * matter for a recovery that this changes.
 *
 * Runs with checkpoint interval 0: it reads several topics, whose interleaving a replay could not
 * repeat, so every state is published with the transaction that changed it. */
#ifndef CONSUMERS_RESOLVE_H
#define CONSUMERS_RESOLVE_H

#include "consumers/decisions.h"
#include "consumers/network.h"
#include "runtime/processor.h"

struct resolve_options {
	const struct control_input *inputs; /* all inputs and their partition counts; borrowed */
	size_t input_count;
	int64_t tick_ms;   /* > 0 */
	int64_t future_ms; /* how far ahead of its ingest time an event may be dated */
	bool live;	   /* the wall clock carries quiet inputs on */
	struct decisions *decisions; /* erased names and cut links; borrowed; NULL: none */
	const struct network *network;	   /* whose stock is told on; borrowed */
};

struct resolve;

/* A new stage; registry is borrowed. */
struct resolve *resolve_new(const struct resolve_options *options, struct registry *registry);
void resolve_free(struct resolve **resolve);

/* The processor; its context is `resolve`, which must outlive it. */
struct processor resolve_processor(struct resolve *resolve);

#endif
