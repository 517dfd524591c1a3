/* What a stage decides, apart from how it runs: a processor is a set of pure functions
 *
 *     (state of one key, record or due time) -> (new state, effects)
 *
 * It does no I/O, keeps nothing between calls but its options, reads no clock and no random source.
 * That is what makes a replay exact and the tests fast. The runtime owns everything else: which
 * states are in memory, when they are published, and whether effects go out or were out before.
 *
 * Per record:   parse -> route (which keys, at most TARGETS_MAX) -> apply for each key
 *               -> follow (keys that a state has named) -> apply for each of them
 * Per due time: fire for each key whose timer is due, in (due time, kind, key) order
 *
 * A key's timers that are due up to the record's own time fire before the record is applied,
 * whether the log's clock has come that far or not: what a key does depends on its own records and
 * times only, never on how the partitions of an input happened to interleave. */
#ifndef RUNTIME_PROCESSOR_H
#define RUNTIME_PROCESSOR_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/timestamp.h"
#include "runtime/effects.h"

#define NO_TIMERS INT64_MIN

struct target {
	uint8_t kind;
	struct bytes key;
	int64_t until_ms; /* timers due up to here fire first; NO_TIMERS: none */
};

/* A kind of state: its key space, its bytes, and what happens to it. */
struct state_kind {
	const char *name;	 /* part of the key in the meta topic */
	const char *state_topic; /* logical name of the compacted topic that holds it */
	bool published;		 /* true: a topic for others, keyed by the entity's id alone */
	bool few; /* a handful in each partition, and large: each lies in memory of its own */
	size_t state_size;
	/* The state as a framed Avro value for `topic` (its full name) into out[OUTPUT_LEN_MAX];
	 * *len 0: there is nothing left to keep, the key goes from store and topic. */
	struct err *(*encode)(void *context, const char *topic, struct bytes key, const void *state,
			      uint8_t *out, size_t *len);
	struct err *(*decode)(void *context, struct bytes value, void *state);
	/* The states of the same partition that this one is judged with, of other kinds: their keys
	 * into `reads`, at most READS_MAX; origin->reads then has them, read only, zeroed where
	 * there is none. They are as the log's last record left them: a state that changes keeps
	 * with each change the offset that made it, and who reads it asks for what was known at
	 * origin->offset, so that a replay sees what the first pass saw. `parsed` is NULL for a
	 * timer. NULL: none. */
	size_t (*reads)(void *context, const void *state, const void *parsed,
			struct target reads[READS_MAX]);
	/* When the state's next timer is due; TIME_NONE: never. NULL: this kind has no timers. */
	int64_t (*due)(const void *state);
	/* Applies the parsed record; says in *must_publish whether the state has to be published in
	 * the same transaction (see `follow`). That something was said is no reason: a replay makes
	 * anew what was not published, and says nothing twice. */
	void (*apply)(void *context, const struct origin *origin, const void *parsed,
		      struct bytes key, void *state, struct effects *effects, bool *must_publish);
	/* Fires what is due at at_ms. The next due time must lie after at_ms. */
	void (*fire)(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
		     void *state, struct effects *effects, bool *must_publish);
};

enum { STATE_KINDS_MAX = 6 };

struct processor {
	const char *name;	/* of the stage */
	uint32_t logic_version; /* bumped whenever a golden output changes */
	const char *meta_topic; /* logical name: the clock, and kinds that are not published */
	bool keyed;   /* a record's key is that of the state of kind 0 that it touches, mostly */
	bool no_headers; /* it looks at no record's headers, which spares reading them */
	bool clocked; /* control records in its input move a clock (runtime/log_clock.h) */
	struct state_kind kinds[STATE_KINDS_MAX];
	size_t kind_count;
	void *context; /* borrowed; the processor's options and scratch */

	/* A state of the partition by which its records are understood, such as definitions that
	 * are deployed: given before each record and each slice of a tick, with the offset at hand.
	 * As with `reads`, it keeps with each change the offset that made it. guided NULL: none. */
	struct target guide;
	void (*guided)(void *context, const void *state, int64_t offset);

	/* Reads a record; *parsed is borrowed until the next call. Sets origin->ingest_ms where the
	 * value knows better than the log when the event came in. POISON sends it to the dlq. */
	struct err *(*parse)(void *context, const struct record *record, struct origin *origin,
			     const void **parsed);
	size_t (*route)(void *context, const void *parsed, struct target targets[TARGETS_MAX]);
	/* Further keys that only a state could name, called once the routed ones are applied; NULL:
	 * there are none. A replay may find the naming state ahead, and then nothing is named: the
	 * states that are named must say must_publish, so that none of them is left behind. So must
	 * the one that names where it is judged with them (`reads`), or it would be judged again
	 * with what they became later; one that isn't names the same again. */
	size_t (*follow)(void *context, struct target targets[TARGETS_MAX]);

	/* Clocked: everything due up to clock_ms has fired. NULL: nothing to do. */
	void (*clock_moved)(void *context, const struct origin *origin, int64_t clock_ms,
			    struct effects *effects);
	/* Clocked: the log's set of writers has changed. NULL: nothing to do. */
	void (*inputs_given)(void *context, const struct origin *origin, struct effects *effects);

	/* Interval 0 only: an input that is read to its end and has been quiet for idle_ms of wall
	 * time is carried on to wall_ms; touches the given key of kind 0. NULL: nothing to do. */
	void (*idle)(void *context, const struct origin *origin, int64_t wall_ms, void *state,
		     struct effects *effects);
	/* The key of kind 0 that stands for an input partition, for idle. */
	struct bytes (*input_key)(void *context, const char *topic, int32_t partition);
};

/* Room for a state of any kind. */
static inline size_t processor_state_size(const struct processor *processor)
{
	size_t size = 1;
	for (size_t i = 0; i < processor->kind_count; i++)
		if (processor->kinds[i].state_size > size)
			size = processor->kinds[i].state_size;
	return size;
}

/* What a slot of the cache has to hold. */
static inline size_t processor_slot_size(const struct processor *processor)
{
	size_t size = 0;
	for (size_t i = 0; i < processor->kind_count; i++)
		if (!processor->kinds[i].few && processor->kinds[i].state_size > size)
			size = processor->kinds[i].state_size;
	return size;
}

#endif
