/* Judgement of churn: scores an account, and lives the life of its alert.
 *
 *              p >= open, not abstaining
 *     closed ───────────────────────────► open ──┐ severity rises: UPDATED
 *       ▲                                  │ ▲───┘
 *       ├──── p < close: RESOLVED ◄────────┤
 *       └──── two years silent: EXPIRED ◄──┘
 *
 * Between open and close nothing is said (hysteresis). A score is said when its band changes. */
#ifndef CONSUMERS_CHURN_H
#define CONSUMERS_CHURN_H

#include "consumers/account_state.h"
#include "consumers/opportunity.h"
#include "models/hazard.h"
#include "runtime/effects.h"

struct churn_options {
	double open, close;	 /* probabilities; close < open */
	int64_t order_count_min; /* fewer orders: scored, never alerted on */
	struct opportunity_options opportunity;
};

enum { CHURN_BOUNDS_MAX = 16 };

/* The options, and all probabilities that an account may cross with something being said, as
 * margins in ascending order. */
struct churn_rule {
	struct churn_options options;
	size_t bound_count;
	double bounds[CHURN_BOUNDS_MAX];
};

void churn_rule_init(struct churn_rule *rule, const struct churn_options *options);

/* The moment and the cause of a judgement. */
struct churn_occasion {
	int64_t at_ms;
	int64_t ingest_ms;		  /* when what caused it came in */
	struct bytes trigger_event_id;	  /* absent: silence */
	const struct hazard_model *model; /* the active one; NULL: none is */
};

/* Scores the account at the occasion, updates score, alert and the time of the next look, and says
 * what changed. Returns whether an alert was said.
 *
 * While nothing is bought the probability only grows, so after each score it is known until when no
 * bound can be crossed: up to there the account is not scored again. */
bool churn_judge(const struct churn_rule *rule, struct bytes account,
		 const struct churn_occasion *occasion, struct account_state *state,
		 struct effects *effects);

/* The account goes into another one, and its open alert with it: says RESOLVED, if one is open. */
void churn_end(struct bytes account, const struct churn_occasion *occasion,
	       struct account_state *state, struct effects *effects);

/* The alert `from` of an account that came into this one goes on here: says OPENED, if it does. */
void churn_take_over(const struct churn_rule *rule, struct bytes account,
		     const struct churn_occasion *occasion, const struct alert_state *from,
		     struct account_state *state, struct effects *effects);

/* Feedback on an alert came as an event. Returns whether an alert was said. */
bool churn_feedback(struct bytes account, const struct churn_occasion *occasion,
		    const struct source_event *event, struct account_state *state,
		    struct effects *effects);

enum score_band churn_band(double probability, bool scored);

/* The reasons of a score, most important first, in words; *texts holds what reasons[] borrow.
 * Returns how many. */
size_t churn_reasons(const struct buyer_score *score, const char *currency,
		     struct reason reasons[REASONS_MAX], struct reason_texts *texts);

/* Whether the score is for ranking only: NULL where it may raise an alert, else why not. */
const char *churn_abstains(const struct churn_options *options, const struct buyer_score *score);

#endif
