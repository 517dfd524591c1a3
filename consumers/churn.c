#include "consumers/churn.h"

#include <math.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/timestamp.h"
#include "consumers/examples.h"

#define EXPIRE_MS (730 * MS_PER_DAY)

enum { MINOR_DIGITS = 2 };

static const char rule_version[] = "1";

/* Upper bounds of the bands below SEVERE. */
static const double band_bounds[] = {
	[BAND_LOW] = 0.30, [BAND_GUARDED] = 0.50, [BAND_ELEVATED] = 0.70, [BAND_HIGH] = 0.85
};

/* Probabilities from which an open alert has the severities above LOW. */
static const double severity_bounds[] = {
	[SEVERITY_MEDIUM] = 0.87, [SEVERITY_HIGH] = 0.93, [SEVERITY_CRITICAL] = 0.97
};

static double margin_of(double probability)
{
	return dm_log(probability) - dm_log(1.0 - probability);
}

static void add_bound(struct churn_rule *rule, double probability)
{
	CHECK(rule->bound_count < CHURN_BOUNDS_MAX);
	double margin = margin_of(probability);
	size_t at = rule->bound_count++;
	for (; at > 0 && rule->bounds[at - 1] > margin; at--)
		rule->bounds[at] = rule->bounds[at - 1];
	rule->bounds[at] = margin;
}

void churn_rule_init(struct churn_rule *rule, const struct churn_options *options)
{
	*rule = (struct churn_rule){ .options = *options };
	add_bound(rule, options->open);
	add_bound(rule, options->close);
	for (int band = BAND_LOW; band < BAND_SEVERE; band++)
		add_bound(rule, band_bounds[band]);
	for (int severity = SEVERITY_MEDIUM; severity <= SEVERITY_CRITICAL; severity++)
		add_bound(rule, severity_bounds[severity]);
}

enum score_band churn_band(double probability, bool scored)
{
	if (!scored)
		return BAND_UNKNOWN;
	int band = BAND_LOW;
	while (band < BAND_SEVERE && probability >= band_bounds[band])
		band++;
	return (enum score_band)band;
}

static int32_t severity_of(double probability)
{
	int32_t severity = SEVERITY_LOW;
	while (severity < SEVERITY_CRITICAL && probability >= severity_bounds[severity + 1])
		severity++;
	return severity;
}

size_t churn_reasons(const struct buyer_score *score, const char *currency,
		     struct reason reasons[REASONS_MAX], struct reason_texts *texts)
{
	size_t count = 0;
	for (size_t i = 0; i < BUYER_REASON_COUNT && count < REASONS_MAX; i++) {
		enum buyer_reason code = score->ranked[i];
		struct words words = words_in(texts, count);
		buyer_reason_say(score, code, currency, MINOR_DIGITS, &words);
		reasons[count] = (struct reason){
			.code = bytes_str(buyer_reason_name(code)),
			.text = bytes_of(texts->en[count], phrase_end(&words.en)),
			.contribution = score->contribution[code],
			.text_zh = bytes_of(texts->zh[count], phrase_end(&words.zh)),
		};
		count++;
	}
	return count;
}

const char *churn_abstains(const struct churn_options *options, const struct buyer_score *score)
{
	if (score->abstain != BUYER_ABSTAIN_NO && score->abstain != BUYER_ABSTAIN_FEW_ORDERS)
		return buyer_abstain_name(score->abstain);
	return score->order_count < options->order_count_min
		       ? buyer_abstain_name(BUYER_ABSTAIN_FEW_ORDERS)
		       : NULL;
}

static void say_score(const struct churn_options *options, struct bytes account, int64_t at_ms,
		      const struct account_state *state, const struct buyer_score *score,
		      struct effects *effects)
{
	struct reason_texts texts;
	const char *abstains = churn_abstains(options, score);
	struct score said = {
		.account = account,
		.at_ms = at_ms,
		.probability = score->probability,
		.horizon_days = BUYER_HORIZON_DAYS,
		.band = state->band,
		.margin = score->margin,
		.base_margin = score->base_margin,
		.abstained = abstains != NULL,
		.abstained_why = bytes_str(abstains),
		.model_version = bytes_str(buyer_model_id()),
		.base_rate = -1,
		.expected_days = hazard_expected_days(score->probability, BUYER_HORIZON_DAYS),
		.data_ms = state->last_ms,
		.rule_version = bytes_str(rule_version),
	};
	said.reason_count = churn_reasons(score, state->currency, said.reasons, &texts);
	effects_say(effects, "scores", account, &score_type, &said);
}

static void say_alert(struct bytes account, const struct churn_occasion *occasion,
		      const struct account_state *state, const struct buyer_score *score,
		      enum alert_status status, struct effects *effects)
{
	struct reason_texts texts;
	char id[ALERT_ID_MAX];
	const struct alert_news news = { status, occasion->at_ms, occasion->ingest_ms,
					 occasion->trigger_event_id };
	struct alert alert = alert_life_record(&state->alert, account, &news, id);
	alert.probability = score->probability;
	alert.horizon_days = BUYER_HORIZON_DAYS;
	alert.margin = score->margin;
	alert.base_margin = score->base_margin;
	alert.model_version = bytes_str(buyer_model_id());
	alert.rule_version = bytes_str(rule_version);
	alert.base_rate = -1;
	alert.expected_days = hazard_expected_days(score->probability, BUYER_HORIZON_DAYS);
	alert.data_ms = state->last_ms;
	alert.reason_count = churn_reasons(score, state->currency, alert.reasons, &texts);
	effects_say(effects, "alerts", account, &alert_type, &alert);
}

/* Silence grows on a day's scale at first and slower later: the next look comes after another
 * quarter of it, so that a long silence costs few looks and a threshold is met at most a quarter
 * late. */
static int64_t next_look(int64_t at_ms, int64_t silence_ms)
{
	if (silence_ms >= EXPIRE_MS)
		return TIME_NONE;
	int64_t wait_ms = silence_ms / 4 > MS_PER_DAY ? silence_ms / 4 : MS_PER_DAY;
	return time_floor(at_ms + wait_ms, MS_PER_HOUR, 0);
}

/* The lowest bound that the margin has not passed. What people said of an account's warnings moves
 * the one from which the next opens. */
static double next_bound(const struct churn_rule *rule, const struct account_state *state,
			 double margin)
{
	double next = HUGE_VAL,
	       opens = margin_of(alert_life_open(&state->alert, rule->options.open));
	for (size_t i = rule->bound_count; i-- > 0 && rule->bounds[i] > margin - 1e-9;)
		next = rule->bounds[i];
	return opens > margin - 1e-9 && opens < next ? opens : next;
}

/* Until when no bound is crossed, and no time of the alert's own comes, after all that is to be
 * said now was said. An account that stands on a bound, as far as rounding can tell, may be on
 * either side of it at the next look. */
static int64_t quiet_until(const struct churn_rule *rule, int64_t at_ms,
			   const struct account_state *state, const struct buyer_score *score)
{
	const struct alert_state *alert = &state->alert;
	if (at_ms < state->buyer.last_ms)
		return at_ms;
	double next = next_bound(rule, state, score->margin);
	if (opportunity_holds(state) && alert->open)
		return at_ms;
	int64_t until_ms = buyer_quiet_until(&state->buyer, score, at_ms, next);
	int64_t due_ms =
		rule->options.opportunity.open > 0 ? opportunity_due_ms(state, at_ms) : TIME_NONE;
	until_ms = due_ms < until_ms ? due_ms : until_ms;
	int64_t own_ms = alert->open ? alert->snoozed_until_ms : alert->cool_until_ms;
	until_ms = own_ms > at_ms && own_ms < until_ms ? own_ms : until_ms;
	int64_t expires_ms = state->buyer.last_ms + EXPIRE_MS;
	return alert->open && expires_ms < until_ms ? expires_ms : until_ms;
}

/* One conversation: an opportunity gives way to a warning, and is looked for where there is none.
 */
static bool converse(const struct churn_options *options, struct bytes account,
		     const struct churn_occasion *occasion, const struct alert_view *view,
		     const struct buyer_score *score, struct account_state *state,
		     struct effects *effects)
{
	enum alert_status status;
	bool is_at_risk = view->is_over || view->probability >= view->close;
	bool alerted = is_at_risk && opportunity_end(account, occasion, state, effects);
	if (!state->alert.open || state->alert.rule != ALERT_RULE_OPPORTUNITY) {
		if (alert_life_step(&state->alert, view, &status)) {
			say_alert(account, occasion, state, score, status, effects);
			return true;
		}
	}
	return opportunity_judge(&options->opportunity, account, occasion,
				 view->may_open && !is_at_risk, state, effects) ||
	       alerted;
}

bool churn_judge(const struct churn_rule *rule, struct bytes account,
		 const struct churn_occasion *occasion, struct account_state *state,
		 struct effects *effects)
{
	if (state->buyer.order_count == 0) {
		state->check_ms = TIME_NONE;
		return false;
	}
	int64_t at_ms = occasion->at_ms, silence_ms = at_ms - state->buyer.last_ms;
	state->scored_ms = at_ms;
	state->check_ms = next_look(at_ms, silence_ms);
	if (occasion->trigger_event_id.data == NULL)
		examples_look_at_buyer(account, at_ms, state, effects);
	const struct bgnbd buys = opportunity_buys(occasion);
	if (at_ms >= state->quiet_from_ms && at_ms < state->quiet_until_ms &&
	    memcmp(&buys, &state->quiet_buys, sizeof buys) == 0)
		return false;
	struct buyer_score score;
	buyer_score(&state->buyer, at_ms, &score);
	int32_t band = (int32_t)churn_band(score.probability, true);
	bool band_changed = band != state->band;
	state->band = band;
	if (band_changed)
		say_score(&rule->options, account, at_ms, state, &score, effects);
	const struct alert_view view = {
		.at_ms = at_ms,
		.probability = score.probability,
		.open = rule->options.open,
		.close = rule->options.close,
		.severity = severity_of(score.probability),
		.rule = ALERT_RULE_SILENCE,
		.may_open = churn_abstains(&rule->options, &score) == NULL,
		.is_over = silence_ms >= EXPIRE_MS,
	};
	bool alerted = converse(&rule->options, account, occasion, &view, &score, state, effects);
	state->quiet_from_ms = at_ms;
	state->quiet_until_ms = quiet_until(rule, at_ms, state, &score);
	state->quiet_buys = buys;
	return alerted;
}

void churn_end(struct bytes account, const struct churn_occasion *occasion,
	       struct account_state *state, struct effects *effects)
{
	struct buyer_score score;
	if (!alert_life_leave(&state->alert))
		return;
	buyer_score(&state->buyer, occasion->at_ms, &score);
	say_alert(account, occasion, state, &score, ALERT_RESOLVED, effects);
}

void churn_take_over(const struct churn_rule *rule, struct bytes account,
		     const struct churn_occasion *occasion, const struct alert_state *from,
		     struct account_state *state, struct effects *effects)
{
	struct buyer_score score;
	if (!from->open || from->rule == ALERT_RULE_OPPORTUNITY || state->alert.open)
		return;
	buyer_score(&state->buyer, occasion->at_ms, &score);
	if (!alert_life_take_over(&state->alert, from, score.probability, rule->options.close))
		return;
	say_alert(account, occasion, state, &score, ALERT_OPENED, effects);
	enum alert_status status;
	for (enum alert_verdict mark = VERDICT_ACK; mark <= VERDICT_SNOOZE; mark++)
		if (alert_life_mark(&state->alert, from, mark, occasion->at_ms, &status))
			say_alert(account, occasion, state, &score, status, effects);
}

bool churn_feedback(struct bytes account, const struct churn_occasion *occasion,
		    const struct source_event *event, struct account_state *state,
		    struct effects *effects)
{
	struct buyer_score score;
	enum alert_status status;
	state->quiet_from_ms = state->quiet_until_ms = 0;
	if (!alert_life_take(&state->alert, account, event, occasion->at_ms, &status))
		return false;
	buyer_score(&state->buyer, occasion->at_ms, &score);
	say_alert(account, occasion, state, &score, status, effects);
	return true;
}
