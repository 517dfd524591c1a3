/* The processor of the simulation: small, and made so that a record lost, repeated or out of order
 * changes everything after it. A state is a count and a digest chained over all that happened to
 * its key, offsets included; what is said depends on the digest, and so do the timers.
 *
 *   event    touches its key (kind 0, published) and, often, a second one (kind 1, in the meta
 *            topic); says something about most of them. Either state may name a third key (kind 2,
 *            in the meta topic, too), which is then touched as well
 *   timer    changes a state of kind 0 or 1 and says so
 *   tick     of the log's clock: said, too
 *   anything else is poison
 *
 * The functions of a state are pure and shared with the oracle (tests/sim/oracle.c), which knows
 * nothing else of the runtime. */
#ifndef TESTS_SIM_TALLY_H
#define TESTS_SIM_TALLY_H

#include "runtime/processor.h"

#define TALLY_SAID   "said"
#define TALLY_TICKS  "ticks"
#define TALLY_STATES "tallies"
#define TALLY_META   "tally.meta"

enum { TALLY_KINDS = 3, TALLY_VALUE_LEN = 5 + 1 + 1 + 8 + 8 + 1, TALLY_KEY_LEN_MAX = 16 };

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
	uint8_t names; /* number of a third key that is to be touched; 0: none */
	struct {
		int64_t count;
		uint64_t digest;
	} value;
};

/* By what it is judged: each logic version comes to other digests. */
struct tally_rule {
	uint32_t logic;
	uint8_t kind;
	bool names; /* whether states name others */
};

int64_t tally_due(const void *state);
void tally_apply(struct tally *state, const struct tally_rule *rule, int64_t offset,
		 const struct tally_event *event, struct tally_word *word);
void tally_fire(struct tally *state, const struct tally_rule *rule, int64_t at_ms,
		struct tally_word *word);

/* Whether what is said with this digest must not be seen before its state. */
bool tally_is_urgent(uint64_t digest);

/* The keys that an event touches: of kind 0 its own, of kind 1 (where it has one) into second. */
struct bytes tally_second_key(const struct tally_event *event, uint8_t second[TALLY_KEY_LEN_MAX]);

/* Of kind 2: what a word has named, into third. */
struct bytes tally_third_key(uint8_t names, uint8_t third[TALLY_KEY_LEN_MAX]);

/* An event as a record's value; schema_id: of any schema but that of control records. */
void tally_encode(const struct tally_event *event, int32_t schema_id, uint8_t out[TALLY_VALUE_LEN]);
bool tally_decode(struct bytes key, struct bytes value, struct tally_event *event);

struct tally_stage {
	uint32_t logic;		  /* version */
	bool does_name;		  /* states name others */
	struct tally_event event; /* scratch of parse */
	uint8_t second[TALLY_KEY_LEN_MAX], third[TALLY_KEY_LEN_MAX];
	uint8_t names; /* by the record at hand */
};

struct processor tally_processor(struct tally_stage *stage); /* stage: borrowed scratch */

#endif
