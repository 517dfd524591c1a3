#include "consumers/risk.h"

#include <string.h>

#include "base/timestamp.h"
#include "consumers/churn.h"
#include "consumers/examples.h"
#include "consumers/risk_words.h"

#define SOON_MS	     MS_PER_DAY
#define LATER_MS     (7 * MS_PER_DAY)
#define GONE_DAYS    365.0
#define KNOWN_DAYS   14.0
#define BAND_OVERLAP 0.1 /* of a bound, by which a band must be left to be left */

enum { KNOWN_SIGNALS = 5 };

const char risk_rule_version[] = "2"; /* 2: what people answer moves where it opens */

/* Upper bounds of the bands below SEVERE, for a risk of which a twentieth is usual. */
static const double band_bounds[] = {
	[BAND_LOW] = 0.05, [BAND_GUARDED] = 0.12, [BAND_ELEVATED] = 0.25, [BAND_HIGH] = 0.45
};

static const double severity_bounds[] = {
	[SEVERITY_MEDIUM] = 0.30, [SEVERITY_HIGH] = 0.45, [SEVERITY_CRITICAL] = 0.65
};

enum score_band risk_band(double probability)
{
	int band = BAND_LOW;
	while (band < BAND_SEVERE && probability >= band_bounds[band])
		band++;
	return (enum score_band)band;
}

/* The band with hysteresis: one is left only clearly. */
static int32_t band_next(int32_t before, double probability)
{
	if (before < BAND_LOW || before > BAND_SEVERE)
		return (int32_t)risk_band(probability);
	int32_t up = (int32_t)risk_band(probability / (1 + BAND_OVERLAP));
	int32_t down = (int32_t)risk_band(probability * (1 + BAND_OVERLAP));
	return up > before ? up : down < before ? down : before;
}

static int32_t severity_of(double probability)
{
	int32_t severity = SEVERITY_LOW;
	while (severity < SEVERITY_CRITICAL && probability >= severity_bounds[severity + 1])
		severity++;
	return severity;
}

void risk_score(const struct account_state *state, const struct risk_occasion *occasion,
		struct hazard_score *score, double out[FEATURE_COUNT])
{
	double features[FEATURE_COUNT];
	double *read = out != NULL ? out : features;
	const struct relationship *relationship = &state->relationship;
	features_read(&relationship->features, occasion->around,
		      relationship_region_slot(relationship),
		      relationship_segment_slot(relationship), occasion->at_ms, read);
	hazard_score(occasion->model, read, score);
	hazard_add_silence(score, features_alive(&relationship->features, occasion->at_ms));
}

const char *risk_abstains(const struct account_state *state, const struct hazard_model *model,
			  int64_t at_ms)
{
	const struct features *features = &state->relationship.features;
	uint64_t signals = 0;
	for (int signal = 0; signal <= SIGNAL_PRICE; signal++)
		signals += features->traces[signal].count;
	if (model->is_refuted)
		return "no better than the base rate";
	if (signals < KNOWN_SIGNALS)
		return "too few events";
	if ((double)(at_ms - state->first_ms) < KNOWN_DAYS * (double)MS_PER_DAY)
		return "known for too short a time";
	return NULL;
}

bool risk_is_telling(const struct source_event *event)
{
	static const char *const types[] = { "support.ticket.escalated",
					     "support.satisfaction",
					     "erp.shipment.delivered",
					     "erp.price",
					     "iot.error",
					     "product.subscription",
					     "product.renewal",
					     "crm.opportunity.lost" };
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (bytes_equal(event->type, bytes_str(types[i])))
			return true;
	return false;
}

/* ---- what is said ---- */

static void say_score(struct bytes account, const struct risk_occasion *occasion,
		      const struct account_state *state, const struct hazard_score *score,
		      const char *abstains, struct effects *effects)
{
	struct reason_texts texts;
	struct score said = {
		.account = account,
		.at_ms = occasion->at_ms,
		.probability = score->probability,
		.horizon_days = HAZARD_HORIZON_DAYS,
		.band = state->band,
		.margin = score->margin,
		.base_margin = score->base_margin,
		.abstained = abstains != NULL,
		.abstained_why = bytes_str(abstains),
		.model_version = bytes_str(occasion->model->version),
		.base_rate = occasion->model->base_rate,
		.expected_days = score->expected_days,
		.data_ms = state->last_ms,
		.rule_version = bytes_str(risk_rule_version),
	};
	said.reason_count = risk_words(state, occasion, score, said.reasons, &texts);
	effects_say(effects, "scores", account, &score_type, &said);
}

static void say_alert(struct bytes account, const struct risk_occasion *occasion,
		      const struct account_state *state, const struct hazard_score *score,
		      enum alert_status status, struct effects *effects)
{
	char id[ALERT_ID_MAX];
	struct reason_texts texts;
	const struct alert_news news = { status, occasion->at_ms, occasion->ingest_ms,
					 occasion->trigger_event_id };
	struct alert alert = alert_life_record(&state->alert, account, &news, id);
	alert.probability = score->probability;
	alert.horizon_days = HAZARD_HORIZON_DAYS;
	alert.margin = score->margin;
	alert.base_margin = score->base_margin;
	alert.model_version = bytes_str(occasion->model->version);
	alert.rule_version = bytes_str(risk_rule_version);
	alert.base_rate = occasion->model->base_rate;
	alert.expected_days = score->expected_days;
	alert.data_ms = state->last_ms;
	alert.reason_count = risk_words(state, occasion, score, alert.reasons, &texts);
	effects_say(effects, "alerts", account, &alert_type, &alert);
}

/* ---- judging ---- */

bool risk_has_left(const struct account_state *state, int64_t at_ms)
{
	const struct features *features = &state->relationship.features;
	return (features->ended_ms > 0 && features->ended_ms <= at_ms) ||
	       features_silence_days(features, at_ms) >= GONE_DAYS;
}

static int64_t next_look(const struct risk_options *options, const struct account_state *state,
			 int64_t at_ms, double probability)
{
	if (risk_has_left(state, at_ms)) {
		int64_t due_ms = examples_due(state);
		return due_ms > at_ms ? due_ms : at_ms + SOON_MS;
	}
	bool is_worth = state->alert.open || probability >= options->close / 2;
	return time_floor(at_ms, MS_PER_DAY, 0) + (is_worth ? SOON_MS : LATER_MS);
}

/* One conversation: an opportunity gives way to a warning, and is looked for where there is none.
 */
static bool converse(const struct risk_options *options, struct bytes account,
		     const struct risk_occasion *occasion, const struct alert_view *view,
		     const struct hazard_score *score, struct account_state *state,
		     struct effects *effects)
{
	enum alert_status status;
	const struct churn_occasion simple = { occasion->at_ms, occasion->ingest_ms,
					       occasion->trigger_event_id, occasion->model };
	bool is_at_risk = view->is_over || view->probability >= view->close;
	bool alerted = is_at_risk && opportunity_end(account, &simple, state, effects);
	if (!state->alert.open || state->alert.rule != ALERT_RULE_OPPORTUNITY) {
		if (alert_life_step(&state->alert, view, &status)) {
			say_alert(account, occasion, state, score, status, effects);
			return true;
		}
	}
	return opportunity_judge(&options->opportunity, account, &simple,
				 view->may_open && !is_at_risk, state, effects) ||
	       alerted;
}

/* A warning opens by its first reason: from the more on, the more often people called those wrong
 * that it led. Never from less than is set. */
static void lead_set(struct alert_view *view, const struct hazard_model *model,
		     const struct hazard_score *score)
{
	enum feature_group ranked[GROUP_COUNT];
	if (view->probability < view->open || hazard_rank(score, ranked) == 0)
		return;
	view->lead = (int32_t)ranked[0];
	view->open = trust_open(&model->trust, ranked[0], view->open);
}

bool risk_judge(const struct risk_options *options, struct bytes account,
		const struct risk_occasion *occasion, struct account_state *state,
		struct effects *effects)
{
	struct hazard_score score;
	int64_t at_ms = occasion->at_ms;
	risk_score(state, occasion, &score, NULL);
	const char *abstains = risk_abstains(state, occasion->model, at_ms);
	state->scored_ms = at_ms;
	state->quiet_from_ms = state->quiet_until_ms = 0;
	int32_t band = abstains != NULL ? BAND_UNKNOWN : band_next(state->band, score.probability);
	bool is_over = risk_has_left(state, at_ms);
	if (band != state->band && !is_over) {
		state->band = band;
		say_score(account, occasion, state, &score, abstains, effects);
	}
	struct alert_view view = { .at_ms = at_ms,
				   .probability = score.probability,
				   .open = options->open,
				   .close = options->close,
				   .severity = severity_of(score.probability),
				   .rule = ALERT_RULE_RISK,
				   .may_open = abstains == NULL,
				   .is_over = is_over };
	lead_set(&view, occasion->model, &score);
	bool alerted = converse(options, account, occasion, &view, &score, state, effects);
	if (occasion->trigger_event_id.data == NULL)
		examples_look(account, occasion,
			      !is_over && (abstains == NULL || occasion->model->is_refuted), state,
			      effects);
	state->check_ms = next_look(options, state, at_ms, score.probability);
	return alerted;
}

/* ---- accounts that are one ---- */

void risk_end(struct bytes account, const struct risk_occasion *occasion,
	      struct account_state *state, struct effects *effects)
{
	struct hazard_score score;
	if (!alert_life_leave(&state->alert))
		return;
	risk_score(state, occasion, &score, NULL);
	say_alert(account, occasion, state, &score, ALERT_RESOLVED, effects);
}

void risk_take_over(const struct risk_options *options, struct bytes account,
		    const struct risk_occasion *occasion, const struct alert_state *from,
		    struct account_state *state, struct effects *effects)
{
	struct hazard_score score;
	if (!from->open || from->rule == ALERT_RULE_OPPORTUNITY || state->alert.open ||
	    risk_has_left(state, occasion->at_ms))
		return;
	risk_score(state, occasion, &score, NULL);
	if (!alert_life_take_over(&state->alert, from, score.probability, options->close))
		return;
	say_alert(account, occasion, state, &score, ALERT_OPENED, effects);
	enum alert_status status;
	for (enum alert_verdict mark = VERDICT_ACK; mark <= VERDICT_SNOOZE; mark++)
		if (alert_life_mark(&state->alert, from, mark, occasion->at_ms, &status))
			say_alert(account, occasion, state, &score, status, effects);
}

/* ---- feedback ---- */

bool risk_feedback(struct bytes account, const struct risk_occasion *occasion,
		   const struct source_event *event, struct account_state *state,
		   struct effects *effects)
{
	enum alert_status status;
	struct hazard_score score;
	if (!alert_life_take(&state->alert, account, event, occasion->at_ms, &status))
		return false;
	risk_score(state, occasion, &score, NULL);
	say_alert(account, occasion, state, &score, status, effects);
	return true;
}
