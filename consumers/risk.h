/* The judgement of an account of which more is known than its orders: probability by the hazard
 * model, bands, reasons in words, the alert, and examples to learn from.
 *
 * It is looked at when something tells (an escalation, a late delivery, a price, an end) and on
 * timers: daily where the risk is worth watching, else weekly. A score is said when its band
 * changes; a band is left only beyond its bound by a tenth (hysteresis).
 *
 * Abstains (scores say why, no alert opens): an account known for too short a time or by too few
 * events, and a model that was measured in this stream to be no better than the base rate. */
#ifndef CONSUMERS_RISK_H
#define CONSUMERS_RISK_H

#include "consumers/account_state.h"
#include "consumers/opportunity.h"
#include "models/hazard.h"
#include "runtime/effects.h"

struct risk_options {
	double open, close; /* probabilities; close < open */
	struct opportunity_options opportunity;
};

struct risk_occasion {
	int64_t at_ms;
	int64_t ingest_ms;	       /* when what caused it came in */
	struct bytes trigger_event_id; /* absent: the clock */
	const struct surroundings *around;
	const struct hazard_model *model;
};

/* The score as it is now; features into out where it is not NULL. */
void risk_score(const struct account_state *state, const struct risk_occasion *occasion,
		struct hazard_score *score, double out[FEATURE_COUNT]);

/* NULL, or why no probability should be acted on. */
const char *risk_abstains(const struct account_state *state, const struct hazard_model *model,
			  int64_t at_ms);

enum score_band risk_band(double probability);

/* Whether the account has left: its contract is over, or it was silent for a year. */
bool risk_has_left(const struct account_state *state, int64_t at_ms);

/* Whether an event is one that tells, so that the account is looked at at once. */
bool risk_is_telling(const struct source_event *event);

/* Looks at the account, says what changed, sets when to look again. Returns whether an alert was
 * said. */
bool risk_judge(const struct risk_options *options, struct bytes account,
		const struct risk_occasion *occasion, struct account_state *state,
		struct effects *effects);

/* As churn_end and churn_take_over, of an account of which more is known. */
void risk_end(struct bytes account, const struct risk_occasion *occasion,
	      struct account_state *state, struct effects *effects);
void risk_take_over(const struct risk_options *options, struct bytes account,
		    const struct risk_occasion *occasion, const struct alert_state *from,
		    struct account_state *state, struct effects *effects);

/* Feedback on an alert came as an event. Returns whether an alert was said. */
bool risk_feedback(struct bytes account, const struct risk_occasion *occasion,
		   const struct source_event *event, struct account_state *state,
		   struct effects *effects);

extern const char risk_rule_version[];

#endif
