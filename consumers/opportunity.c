#include "consumers/opportunity.h"

#include <string.h>

#include "base/dmath.h"
#include "base/timestamp.h"
#include "base/words.h"
#include "consumers/churn.h"
#include "consumers/examples.h"

/* Set by hand: of accounts that nothing special is known of, one in seven buys more in a month. */
#define BASE_PROBABILITY 0.14
#define PART_MAX	 5.0

#define GAP_DAYS_MIN	 7.0  /* who orders more often needs no reminder */
#define GAP_DAYS_MAX	 60.0 /* beyond it an order within OPPORTUNITY_DAYS is no news */
#define ALIVE_MIN	 0.5
#define LIMIT_FROM	 0.80 /* of the seats, in use on the average of the last weeks */
#define LIMIT_WEIGHT	 3.6
#define TRIAL_WEIGHT	 3.2
#define WATCHED_DAYS	 10.0 /* of a trial: its last ones */
#define INTEREST_RISE	 1.6
#define PRODUCT_WEIGHT	 2.75
#define PRODUCT_DAYS_MIN 1.0 /* an order's lines may come after it */
#define PRODUCT_DAYS_MAX 45.0

enum { ORDERS_MIN = 4, SEATS_MIN = 3, SEAT_SIGNALS_MIN = 10, TRIAL_USES_MIN = 5, LOOKS_MIN = 4 };

static const char rule_version[] = "2"; /* 2: PRODUCT */

static const char *const codes[OPPORTUNITY_COUNT] = { "PURCHASE_DUE", "PLAN_LIMIT", "TRIAL",
						      "INTEREST", "PRODUCT" };

static double log_odds(double probability)
{
	return dm_log(probability) - dm_log1p(-probability);
}

/* ---- the parts ------------------------------------------------------------------------------ */

/* The usual distance of its orders, days; 0: no rhythm that one could be reminded of. */
static double rhythm_days(const struct buyer *buyer)
{
	if (buyer->order_count < ORDERS_MIN)
		return 0;
	double gap = time_days_between(buyer->first_ms, buyer->last_ms) /
		     (double)(buyer->order_count - 1);
	return gap >= GAP_DAYS_MIN && gap <= GAP_DAYS_MAX ? gap : 0;
}

static double part_due(const struct buyer *buyer, const struct bgnbd *model, int64_t at_ms,
		       double base, double *expected_days)
{
	double gap = rhythm_days(buyer), silence = time_days_between(buyer->last_ms, at_ms);
	if (gap <= 0)
		return 0;
	*expected_days = gap > silence ? gap - silence : 0;
	const struct bgnbd_history history = examples_history(buyer, at_ms);
	if (silence < gap || bgnbd_alive(model, &history) < ALIVE_MIN)
		return 0;
	double buys = dm_clamp(bgnbd_buys(model, &history, OPPORTUNITY_DAYS), 0.01, 0.99);
	return dm_clamp(log_odds(buys) - base, 0, PART_MAX);
}

static double part_limit(const struct features *features, int64_t at_ms)
{
	const struct trace *seats = &features->traces[SIGNAL_SEATS];
	if (features->seats < SEATS_MIN || seats->count < SEAT_SIGNALS_MIN ||
	    time_days_between(seats->last_ms, at_ms) > features_horizon_days[HORIZON_WEEKS])
		return 0;
	double share = (double)seats->sums[HORIZON_WEEKS] / (double)seats->counts[HORIZON_WEEKS];
	return LIMIT_WEIGHT * dm_clamp((share - LIMIT_FROM) / (1 - LIMIT_FROM), 0, 1);
}

static bool in_trial(const struct features *features, int64_t at_ms)
{
	return !features->is_subscriber && features->renewal_ms > at_ms;
}

static double part_trial(const struct features *features, int64_t at_ms)
{
	const struct trace *use = &features->traces[SIGNAL_USE];
	if (!in_trial(features, at_ms) || use->count < TRIAL_USES_MIN ||
	    time_days_between(at_ms, features->renewal_ms) > WATCHED_DAYS ||
	    time_days_between(use->last_ms, at_ms) > 3)
		return 0;
	return TRIAL_WEIGHT * dm_clamp((double)use->count / (2 * TRIAL_USES_MIN), 0, 1);
}

/* How often it looked at prices and content in about the last three weeks, and usually does. */
static double looks_of(const struct features *features, int64_t at_ms, double *usual)
{
	const struct trace *looks = &features->traces[SIGNAL_INTEREST];
	double ago = time_days_between(looks->last_ms, at_ms),
	       weeks = features_horizon_days[HORIZON_WEEKS];
	int64_t since_ms = features->traces[SIGNAL_VISIT].count > 0
				   ? features->traces[SIGNAL_VISIT].first_ms
				   : looks->first_ms;
	double seen =
		time_days_between(since_ms < looks->first_ms ? since_ms : looks->first_ms, at_ms);
	double year = features_horizon_days[HORIZON_YEAR];
	double span = year * (1 - dm_exp(-seen / year)) + 1;
	*usual = (double)looks->counts[HORIZON_YEAR] * dm_exp(-ago / year) / span * weeks;
	return (double)looks->counts[HORIZON_WEEKS] * dm_exp(-ago / weeks);
}

static double part_interest(const struct features *features, int64_t at_ms)
{
	double usual = 0;
	if (features->traces[SIGNAL_INTEREST].count < LOOKS_MIN)
		return 0;
	double now = looks_of(features, at_ms, &usual);
	if (now < LOOKS_MIN)
		return 0;
	return dm_clamp(INTEREST_RISE * dm_log((now + 1) / (usual + 1)), 0, PART_MAX);
}

static double part_product(const struct account_state *state, int64_t at_ms)
{
	double share, days = time_days_between(state->buyer.last_ms, at_ms);
	if (days < PRODUCT_DAYS_MIN || days > PRODUCT_DAYS_MAX ||
	    usual_products_missing(&state->relationship.usual, state->buyer.last_ms,
				   state->buyer.order_count, &share) == NULL)
		return 0;
	return PRODUCT_WEIGHT * share;
}

void opportunity_score(const struct account_state *state, const struct bgnbd *buys, int64_t at_ms,
		       struct opportunity_score *score)
{
	const struct features *features = &state->relationship.features;
	*score = (struct opportunity_score){ .base_margin = log_odds(BASE_PROBABILITY),
					     .expected_days = -1 };
	score->parts[OPPORTUNITY_DUE] =
		part_due(&state->buyer, buys, at_ms, score->base_margin, &score->expected_days);
	score->parts[OPPORTUNITY_LIMIT] = part_limit(features, at_ms);
	score->parts[OPPORTUNITY_TRIAL] = part_trial(features, at_ms);
	score->parts[OPPORTUNITY_INTEREST] = part_interest(features, at_ms);
	score->parts[OPPORTUNITY_PRODUCT] = part_product(state, at_ms);
	score->margin = score->base_margin;
	for (int i = 0; i < OPPORTUNITY_COUNT; i++)
		score->margin += score->parts[i];
	score->probability = dm_sigmoid(score->margin);
}

/* When it may be said that its last order lacks something; TIME_NONE: it lacks nothing. */
static int64_t product_due_ms(const struct account_state *state)
{
	double share;
	if (usual_products_missing(&state->relationship.usual, state->buyer.last_ms,
				   state->buyer.order_count, &share) == NULL)
		return TIME_NONE;
	return state->buyer.last_ms + (int64_t)(PRODUCT_DAYS_MIN * (double)MS_PER_DAY) + 1;
}

/* What is due is said once the account has cooled down; TIME_NONE: it was due before. */
static int64_t after_cooling(const struct account_state *state, int64_t due_ms, int64_t at_ms)
{
	int64_t cool_ms = state->alert.cool_until_ms;
	due_ms = due_ms > cool_ms ? due_ms : cool_ms;
	return due_ms > at_ms ? due_ms : TIME_NONE;
}

int64_t opportunity_due_ms(const struct account_state *state, int64_t at_ms)
{
	double gap = rhythm_days(&state->buyer);
	int64_t order_ms = TIME_NONE;
	if (gap > 0)
		order_ms = state->buyer.last_ms + (int64_t)(gap * (double)MS_PER_DAY) + 1;
	order_ms = after_cooling(state, order_ms, at_ms);
	int64_t product_ms = after_cooling(state, product_due_ms(state), at_ms);
	return order_ms < product_ms ? order_ms : product_ms;
}

/* ---- in words ------------------------------------------------------------------------------- */

static void tell_due(const struct account_state *state, int64_t at_ms, struct words *words)
{
	words_say(words, "an order is due: every ", "应再次下单：平均每 ");
	words_number(words, rhythm_days(&state->buyer));
	words_say(words, " days on average, the last one was ", " 天下单，上次在 ");
	words_number(words, time_days_between(state->buyer.last_ms, at_ms));
	words_say(words, " days ago", " 天前");
}

static void tell_limit(const struct account_state *state, int64_t at_ms, struct words *words)
{
	(void)at_ms;
	const struct features *features = &state->relationship.features;
	const struct trace *seats = &features->traces[SIGNAL_SEATS];
	double share = (double)seats->sums[HORIZON_WEEKS] / (double)seats->counts[HORIZON_WEEKS];
	words_say(words, "near its plan's limit: ", "接近套餐上限：近几周平均使用 ");
	words_number(words, 100 * share);
	words_say(words, " % of its ", "% 的席位，共 ");
	words_number(words, (double)features->seats);
	words_say(words, " seats in use in the last weeks", " 个");
}

static void tell_trial(const struct account_state *state, int64_t at_ms, struct words *words)
{
	const struct features *features = &state->relationship.features;
	words_say(words, "its trial goes well: used ", "试用顺利：已使用 ");
	words_number(words, (double)features->traces[SIGNAL_USE].count);
	words_say(words, " times, and ends in ", " 次，将在 ");
	words_number(words, time_days_between(at_ms, features->renewal_ms));
	words_say(words, " days", " 天后结束");
}

static void tell_interest(const struct account_state *state, int64_t at_ms, struct words *words)
{
	double usual = 0, now = looks_of(&state->relationship.features, at_ms, &usual);
	words_say(words, "looks at prices and content: about ", "关注价格与资料：近三周约 ");
	words_number(words, now);
	words_say(words, " times in the last three weeks, usually ", " 次，平常 ");
	words_number(words, usual);
	words_say(words, "", " 次");
}

static void tell_product(const struct account_state *state, int64_t at_ms, struct words *words)
{
	char name[PRODUCT_LEN_MAX + 1] = "";
	double share;
	const struct usual_product *product = usual_products_missing(
		&state->relationship.usual, state->buyer.last_ms, state->buyer.order_count, &share);
	if (product != NULL)
		memcpy(name, product->name, product->len);
	words_say(words, "usually orders ", "通常订购 ");
	words_say(words, name, name);
	words_say(words, ", in at least ", "，至少占其订单的 ");
	words_number(words, 100 * share);
	words_say(words, " % of its orders; the last one, ", "%；");
	words_number(words, time_days_between(state->buyer.last_ms, at_ms));
	words_say(words, " days ago, was without it", " 天前的上次订单中没有");
}

static void (*const tellers[OPPORTUNITY_COUNT])(const struct account_state *, int64_t,
						struct words *) = {
	[OPPORTUNITY_DUE] = tell_due,	      [OPPORTUNITY_LIMIT] = tell_limit,
	[OPPORTUNITY_TRIAL] = tell_trial,     [OPPORTUNITY_INTEREST] = tell_interest,
	[OPPORTUNITY_PRODUCT] = tell_product,
};

size_t opportunity_reasons(const struct account_state *state, int64_t at_ms,
			   const struct opportunity_score *score,
			   struct reason reasons[REASONS_MAX], struct reason_texts *texts)
{
	int ranked[OPPORTUNITY_COUNT];
	size_t count = 0;
	for (int i = 0; i < OPPORTUNITY_COUNT; i++) {
		if (score->parts[i] <= 0)
			continue;
		size_t at = count++;
		for (; at > 0 && score->parts[ranked[at - 1]] < score->parts[i]; at--)
			ranked[at] = ranked[at - 1];
		ranked[at] = i;
	}
	count = count < REASONS_MAX ? count : REASONS_MAX;
	for (size_t i = 0; i < count; i++) {
		struct words words = words_in(texts, i);
		tellers[ranked[i]](state, at_ms, &words);
		reasons[i] =
			(struct reason){ .code = bytes_str(codes[ranked[i]]),
					 .text = bytes_of(texts->en[i], phrase_end(&words.en)),
					 .contribution = score->parts[ranked[i]],
					 .text_zh = bytes_of(texts->zh[i], phrase_end(&words.zh)) };
	}
	return count;
}

/* ---- the alert ------------------------------------------------------------------------------ */

struct bgnbd opportunity_buys(const struct churn_occasion *occasion)
{
	return occasion->model != NULL ? occasion->model->buys : bgnbd_prior();
}

static void score_at(const struct account_state *state, const struct churn_occasion *occasion,
		     struct opportunity_score *score)
{
	const struct bgnbd buys = opportunity_buys(occasion);
	opportunity_score(state, &buys, occasion->at_ms, score);
}

static void say_alert(struct bytes account, const struct churn_occasion *occasion,
		      const struct account_state *state, const struct opportunity_score *score,
		      enum alert_status status, struct effects *effects)
{
	char id[ALERT_ID_MAX];
	struct reason_texts texts;
	const struct alert_news news = { status, occasion->at_ms, occasion->ingest_ms,
					 occasion->trigger_event_id };
	struct alert alert = alert_life_record(&state->alert, account, &news, id);
	alert.probability = score->probability;
	alert.horizon_days = OPPORTUNITY_DAYS;
	alert.margin = score->margin;
	alert.base_margin = score->base_margin;
	alert.model_version =
		bytes_str(occasion->model != NULL ? occasion->model->version : "prior");
	alert.rule_version = bytes_str(rule_version);
	alert.base_rate = BASE_PROBABILITY;
	alert.expected_days = score->expected_days;
	alert.data_ms = state->last_ms;
	alert.reason_count =
		opportunity_reasons(state, occasion->at_ms, score, alert.reasons, &texts);
	effects_say(effects, "alerts", account, &alert_type, &alert);
}

/* What was said of this order, or of this many seats, opens no other alert. */
static void leave_out_said(const struct account_state *state, struct opportunity_score *score)
{
	if (state->relationship.due_said_ms == state->buyer.last_ms)
		score->margin -= score->parts[OPPORTUNITY_DUE];
	if (state->relationship.limit_said == state->relationship.features.seats)
		score->margin -= score->parts[OPPORTUNITY_LIMIT];
	if (state->relationship.product_said_ms == state->buyer.last_ms)
		score->margin -= score->parts[OPPORTUNITY_PRODUCT];
	score->probability = dm_sigmoid(score->margin);
}

static void note_said(struct account_state *state, const struct opportunity_score *score)
{
	if (score->parts[OPPORTUNITY_DUE] > 0)
		state->relationship.due_said_ms = state->buyer.last_ms;
	if (score->parts[OPPORTUNITY_LIMIT] > 0)
		state->relationship.limit_said = state->relationship.features.seats;
	if (score->parts[OPPORTUNITY_PRODUCT] > 0)
		state->relationship.product_said_ms = state->buyer.last_ms;
}

bool opportunity_holds(const struct account_state *state)
{
	return state->alert.episode > 0 && state->alert.rule == ALERT_RULE_OPPORTUNITY;
}

bool opportunity_judge(const struct opportunity_options *options, struct bytes account,
		       const struct churn_occasion *occasion, bool may_open,
		       struct account_state *state, struct effects *effects)
{
	struct opportunity_score score, fresh;
	enum alert_status status;
	bool is_open = state->alert.open;
	if (options->open <= 0 || (is_open ? !opportunity_holds(state) : !may_open))
		return false;
	score_at(state, occasion, &score);
	fresh = score;
	if (!is_open)
		leave_out_said(state, &fresh);
	const struct alert_view view = {
		.at_ms = occasion->at_ms,
		.probability = fresh.probability,
		.open = options->open,
		.close = options->close,
		.severity = SEVERITY_LOW,
		.rule = ALERT_RULE_OPPORTUNITY,
		.may_open = may_open,
	};
	if (!alert_life_step(&state->alert, &view, &status))
		return false;
	if (status == ALERT_OPENED)
		note_said(state, &score);
	say_alert(account, occasion, state, &score, status, effects);
	return true;
}

bool opportunity_end(struct bytes account, const struct churn_occasion *occasion,
		     struct account_state *state, struct effects *effects)
{
	struct opportunity_score score;
	if (!opportunity_holds(state) || !alert_life_leave(&state->alert))
		return false;
	score_at(state, occasion, &score);
	say_alert(account, occasion, state, &score, ALERT_RESOLVED, effects);
	return true;
}

bool opportunity_feedback(struct bytes account, const struct churn_occasion *occasion,
			  const struct source_event *event, struct account_state *state,
			  struct effects *effects)
{
	struct opportunity_score score;
	enum alert_status status;
	state->quiet_from_ms = state->quiet_until_ms = 0;
	if (!alert_life_take(&state->alert, account, event, occasion->at_ms, &status))
		return false;
	score_at(state, occasion, &score);
	say_alert(account, occasion, state, &score, status, effects);
	return true;
}
