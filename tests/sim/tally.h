/* The processor of the simulation: small, and made so that a record lost, repeated or out of order
 * changes everything after it. A state is a count and a digest chained over all that happened to
 * its key, offsets included; what is said depends on the digest, and so do the timers.
 *
 *   event    touches its key (kind 0, published) and, often, a second one (kind 1, in the meta
 *            topic); says something about most of them
 *   timer    changes the state and says so
 *   tick     of the log's clock: said, too
 *   anything else is poison
 *
 * The functions of a state are pure and shared with the oracle (tests/sim/plan.c), which knows
 * nothing else of the runtime. */
#ifndef TESTS_SIM_TALLY_H
#define TESTS_SIM_TALLY_H

#include "runtime/processor.h"

#define TALLY_SAID   "said"
#define TALLY_TICKS  "ticks"
#define TALLY_STATES "tallies"
#define TALLY_META   "tally.meta"

enum { TALLY_KINDS = 2, TALLY_VALUE_LEN = 5 + 1 + 1 + 8 + 8 + 1, TALLY_KEY_LEN_MAX = 16 };

/* What an input record says. */
struct tally_event {
	uint64_t serial;
	int64_t at_ms;
	uint8_t second; /* number of the second key; 0: none */
	struct bytes key;
};

struct tally {
	int64_t count;
	uint64_t digest;
	int64_t due_ms; /* 0: no timer */
};

/* What came of a change: a value to be said, or none. */
struct tally_word {
	bool said, urgent;
	struct {
		int64_t count;
		uint64_t digest;
	} value;
};

int64_t tally_due(const void *state);
void tally_apply(struct tally *state, uint8_t kind, int64_t offset, const struct tally_event *event,
		 struct tally_word *word);
void tally_fire(struct tally *state, uint8_t kind, int64_t at_ms, struct tally_word *word);

/* The keys that an event touches: of kind 0 its own, of kind 1 (where it has one) into second. */
struct bytes tally_second_key(const struct tally_event *event, uint8_t second[TALLY_KEY_LEN_MAX]);

/* An event as a record's value; schema_id: of any schema but that of control records. */
void tally_encode(const struct tally_event *event, int32_t schema_id, uint8_t out[TALLY_VALUE_LEN]);
bool tally_decode(struct bytes key, struct bytes value, struct tally_event *event);

struct tally_stage {
	struct tally_event event; /* scratch of parse */
	uint8_t second[TALLY_KEY_LEN_MAX];
};

struct processor tally_processor(struct tally_stage *stage); /* stage: borrowed scratch */

#endif
