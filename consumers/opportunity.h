/* The other side of churn: that an account may buy more, and why just now.
 *
 *   PURCHASE_DUE  its next order is due by its own rhythm: silent for its usual gap, and still
 *                 there by the BG/NBD model, which also gives the probability of an order
 *   PLAN_LIMIT    nearly all seats of its plan are in use
 *   TRIAL         a trial that ends soon is much used
 *   INTEREST      it looks at prices and sales content more often than it usually does
 *   PRODUCT       a product that it usually orders was not in its last order
 *
 *     margin = base + a part for each of these; the probability is that of an order, or of a larger
 *     plan, within OPPORTUNITY_DAYS
 *
 * Base and parts are set by hand but for the purchase that is due: how the accounts buy is learnt
 * in the stream (models/bgnbd), and comes with the active model. All signals of an account are one
 * alert, and an account has one conversation: no opportunity is said while it may leave (risk_judge
 * asks first), and an open one ends where a churn alert opens. What was said once (of this order,
 * of this many seats) does not open an alert again. Abstains where too little is known, and where
 * an account orders so often that nobody needs to be told.
 *
 * Plain functions. Threads: pure. Errors: none. */
#ifndef CONSUMERS_OPPORTUNITY_H
#define CONSUMERS_OPPORTUNITY_H

#include "consumers/account_state.h"
#include "models/bgnbd.h"
#include "runtime/effects.h"

struct churn_occasion;

enum { OPPORTUNITY_DAYS = 30 };

enum opportunity {
	OPPORTUNITY_DUE,
	OPPORTUNITY_LIMIT,
	OPPORTUNITY_TRIAL,
	OPPORTUNITY_INTEREST,
	OPPORTUNITY_PRODUCT,
	OPPORTUNITY_COUNT
};

struct opportunity_score {
	double probability, margin, base_margin;
	double parts[OPPORTUNITY_COUNT]; /* base_margin and these, in order, are the margin */
	double expected_days;		 /* until the next order, by its rhythm; -1: not known */
};

struct opportunity_options {
	double open, close; /* probabilities; close < open. open 0: opportunities are not said */
};

void opportunity_score(const struct account_state *state, const struct bgnbd *buys, int64_t at_ms,
		       struct opportunity_score *score);

/* Looks at the account, and says what changed. may_open: it is not about to leave, and enough is
 * known. Returns whether an alert was said. Nothing while a churn alert is open. */
bool opportunity_judge(const struct opportunity_options *options, struct bytes account,
		       const struct churn_occasion *occasion, bool may_open,
		       struct account_state *state, struct effects *effects);

/* Whether the alert of the account is about an opportunity. */
bool opportunity_holds(const struct account_state *state);

/* How accounts buy, as it is judged at the occasion. */
struct bgnbd opportunity_buys(const struct churn_occasion *occasion);

/* An open one ends, since the account is about to leave, or goes into another. Returns whether that
 * was said. */
bool opportunity_end(struct bytes account, const struct churn_occasion *occasion,
		     struct account_state *state, struct effects *effects);

/* Feedback on it came as an event. Returns whether an alert was said. */
bool opportunity_feedback(struct bytes account, const struct churn_occasion *occasion,
			  const struct source_event *event, struct account_state *state,
			  struct effects *effects);

/* When an opportunity may open at the earliest, if no order comes before: when one becomes due, or
 * when the account has cooled down from its last alert. TIME_NONE: never. */
int64_t opportunity_due_ms(const struct account_state *state, int64_t at_ms);

/* The reasons, most important first, in English and Chinese. Returns how many. */
size_t opportunity_reasons(const struct account_state *state, int64_t at_ms,
			   const struct opportunity_score *score,
			   struct reason reasons[REASONS_MAX], struct reason_texts *texts);

#endif
