/* What the account stage hands to the learn stage: an account's features at a look, and later what
 * came of it. Each account is an example every EXAMPLE_DAYS, from a day that its name decides; the
 * outcome is told EXAMPLE_GRACE_DAYS after the horizon, since a silence needs time to be heard.
 *
 * What somebody answers to a warning goes the same way, by the reason that led it.
 *
 * Of accounts of which orders alone are known, one in BUYERS_ONE_IN, by its name, is an example
 * every BUYERS_DAYS: of what it bought by then, which awaits no outcome. */
#ifndef CONSUMERS_EXAMPLES_H
#define CONSUMERS_EXAMPLES_H

#include "consumers/risk.h"

enum {
	EXAMPLE_DAYS = 28,
	EXAMPLE_GRACE_DAYS = 45,
	BUYERS_DAYS = 91,
	BUYERS_ONE_IN = 8,
	EXAMPLE_ACCOUNT_MAX = KEY_LEN_MAX - 8, /* a longer name leaves no room for the day */
};

extern const char examples_key[]; /* of every record: the model's name */

/* At a look: says the outcomes that are due, and takes the account as an example where it is time.
 * `may_learn`: it is known well enough, and has not left. */
void examples_look(struct bytes account, const struct risk_occasion *occasion, bool may_learn,
		   struct account_state *state, struct effects *effects);

/* The same at a look at an account of which orders alone are known. */
void examples_look_at_buyer(struct bytes account, int64_t at_ms, struct account_state *state,
			    struct effects *effects);

/* Feedback came as an event: says what was answered, if that is new. answers_before: as the
 * account's alert had them. */
void examples_answer(struct bytes account, int64_t at_ms, uint64_t answers_before,
		     const struct account_state *state, struct effects *effects);

/* The account goes into another one, or is erased: nobody will know what came of its examples. */
void examples_drop(struct bytes account, int64_t at_ms, struct account_state *state,
		   struct effects *effects);

/* When an outcome is due; TIME_NONE: none is awaited. */
int64_t examples_due(const struct account_state *state);

/* What an example holds: the features, and what the account had bought by then (repeats -1: it
 * never bought). */
struct example_facts {
	double features[FEATURE_COUNT];
	struct bgnbd_history history;
};

/* Whether the features say anything: not of an account of which orders alone are known. */
static inline bool examples_are_known(const struct example_facts *facts)
{
	return facts->features[FEATURE_LEVEL] != 0;
}

/* Whether an example or a lesson is what somebody answered, by its reason. */
static inline bool examples_is_answer(int32_t reason)
{
	return reason > GROUP_PEERS && reason < GROUP_COUNT;
}

struct bgnbd_history examples_history(const struct buyer *buyer, int64_t at_ms);

/* As little-endian floats, and back: features, repeats, recent_days, age_days. Those of earlier
 * versions are features alone (repeats is then -1). False where they are of another number, or
 * absurd. */
enum { EXAMPLE_BYTES = 4 * (FEATURE_COUNT + 3), EXAMPLE_BYTES_FORMER = 4 * FEATURE_COUNT };

static inline bool examples_are_long(size_t len)
{
	return len == EXAMPLE_BYTES || len == EXAMPLE_BYTES_FORMER;
}

void examples_pack(const struct example_facts *facts, uint8_t out[EXAMPLE_BYTES]);
bool examples_unpack(struct bytes packed, struct example_facts *facts);

#endif
