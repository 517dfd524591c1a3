/* What happens to an account as a whole (account_change in account.events):
 *
 *   MERGE B into A    B sends its state to A as a TRANSFER, ends its open alert, and keeps nothing
 *                     but where it went; what still comes for B is sent on
 *   TRANSFER to A     A adds it to its own: counts and sums add, decayed counts add as of the later
 *                     of their moments, first and last times are the earliest and the latest.
 *                     Amounts in another currency than A's are counted, not added. An alert that
 *                     was open for B goes on as A's, with the time at which it opened and what
 *                     was said of it (acknowledged, snoozed); where A's own is open, that one goes
 * on ERASE             its open alert ends, and nothing is left; what still comes for it is dropped
 *
 * Where A itself has been merged meanwhile, both go on to where A went. Threads: pure. */
#ifndef CONSUMERS_ACCOUNT_MERGE_H
#define CONSUMERS_ACCOUNT_MERGE_H

#include "consumers/account_state.h"
#include "consumers/churn.h"
#include "consumers/readdress.h"
#include "consumers/risk.h"
#include "schemas/identity.h"

/* The header of an event that was sent on: it names the account that it came to first, where its
 * amounts were added to the series. */
#define ACCOUNT_MOVED_HEADER "moved-from"

/* A change as it was read. */
struct account_move {
	struct account_change change;
	struct account_state state;   /* TRANSFER: what is taken over */
	struct account_record record; /* scratch */
	uint8_t scratch[OUTPUT_LEN_MAX];
};

/* Reads a framed account_change. Errors: as registry_decode, and of the state in it. */
ERR_MUST_USE struct err *account_move_read(struct account_move *move, struct registry *registry,
					   struct bytes value);

/* What alerts are judged by. */
struct account_rules {
	const struct churn_rule *churn;
	const struct risk_options *risk;
};

/* Applies it to the account `key`. Of the occasion, at_ms is set here; the rest is the change's. */
void account_move_apply(struct account_move *move, struct registry *registry,
			const struct account_rules *rules, struct risk_occasion *occasion,
			struct bytes key, struct account_state *state, struct effects *effects);

/* Sends an event, framed, on from an account that was merged. `scratch` has room for it and
 * KEY_LEN_MAX + READDRESS_ROOM. */
void account_send_on(struct bytes value, struct bytes from, const struct account_state *state,
		     uint8_t *scratch, struct effects *effects);

/* Adds `from` to `into`. */
void account_state_merge(struct account_state *into, const struct account_state *from);

#endif
