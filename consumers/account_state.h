/* What the account stage knows of one account, and its form on the accounts topic.
 *
 * Plain data of fixed size, zeroed when new. Beyond ACCOUNT_TYPES_MAX - 1 event types, all further
 * ones share the last row, named "*": a deterministic bound on the state's size. */
#ifndef CONSUMERS_ACCOUNT_STATE_H
#define CONSUMERS_ACCOUNT_STATE_H

#include "consumers/alert_life.h"
#include "consumers/relationship.h"
#include "models/bgnbd.h"
#include "models/buyer.h"
#include "schemas/states.h"

/* Statistics of one event type; decayed counts hold as of last_ms. */
struct type_statistics {
	int64_t count, sum_minor, first_ms, last_ms;
	double decayed_30, decayed_90;
	uint8_t type_len;
	uint8_t type[EVENT_TYPE_MAX];
};

/* What an event or a look reads comes first, so that it lies together in memory. The probability is
 * not kept: it follows from the purchases and scored_ms. */
struct account_state {
	int64_t event_count, late_count, first_ms, last_ms;
	int64_t scored_ms; /* 0: never scored */
	int64_t check_ms;  /* when to look again; only where scored_ms != 0 */
	/* Judged within [quiet_from_ms, quiet_until_ms), there is nothing to say. Found anew where
	 * it is lost, so the topic's record lacks it. */
	int64_t quiet_from_ms, quiet_until_ms;
	struct bgnbd quiet_buys; /* as long as these numbers judge */
	size_t type_count;
	char currency[4]; /* "" where no amount has come */
	int32_t band;	  /* enum score_band */
	struct alert_state alert;
	struct buyer buyer;
	struct type_statistics types[ACCOUNT_TYPES_MAX];
	uint8_t into_len; /* > 0: merged into that account, and all before is zero */
	uint8_t into[KEY_LEN_MAX];
	struct relationship relationship;
};

static inline struct bytes account_state_into(const struct account_state *state)
{
	return bytes_of(state->into, state->into_len);
}

/* Nothing is known of it, and nothing is kept. */
static inline bool account_is_new(const struct account_state *state)
{
	return state->event_count == 0 && state->into_len == 0;
}

/* Counts an event, its type, its money and, where it is an order or a return, the buyer's
 * statistics. Sums saturate. */
void account_state_count(struct account_state *state, const struct account_event *event);

/* The row of an event type, a new one, or the last one for all that no longer fit. */
struct type_statistics *account_state_type(struct account_state *state, struct bytes type);

/* To the topic's record, which borrows from key and state, and back. Errors of the latter: FATAL
 * STATE_INVALID. */
void account_state_to_record(const struct account_state *state, struct bytes account,
			     struct account_record *record);
ERR_MUST_USE struct err *account_state_from_record(const struct account_record *record,
						   struct account_state *state);

/* Of the state's next look; TIME_NONE: none. */
int64_t account_state_due(const void *state);

#endif
