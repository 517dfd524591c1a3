/* See buyer.h. */
#include "models/buyer.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/dmath_each.h"
#include "base/saturate.h"
#include "base/words.h"
#include "models/buyer_prior.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#define DAY_MS	       INT64_C(86400000)
#define QUIET_DAYS_MAX 100000.0

enum { CURRENCY_LEN_MAX = 8 };

static const double DECAY_DAYS[BUYER_DECAY_COUNT] = { 30.0, 90.0, 365.0 };

static const struct {
	double weight, reference;
} PRIOR[BUYER_REASON_COUNT] = {
	[BUYER_REASON_OVERDUE] = { BUYER_PRIOR_OVERDUE_WEIGHT, BUYER_PRIOR_OVERDUE_REFERENCE },
	[BUYER_REASON_FADING] = { BUYER_PRIOR_FADING_WEIGHT, BUYER_PRIOR_FADING_REFERENCE },
	[BUYER_REASON_FEW] = { BUYER_PRIOR_FEW_WEIGHT, BUYER_PRIOR_FEW_REFERENCE },
	[BUYER_REASON_SMALL] = { BUYER_PRIOR_SMALL_WEIGHT, BUYER_PRIOR_SMALL_REFERENCE },
};

/* Through doubles, since the difference of two int64 may not fit; exact below 2^53 ms. */
static double days_between(int64_t from_ms, int64_t to_ms)
{
	return ((double)to_ms - (double)from_ms) / (double)DAY_MS;
}

static int64_t day_of(int64_t at_ms)
{
	return at_ms / DAY_MS - (at_ms % DAY_MS < 0);
}

static bool is_new_occasion(const struct buyer *buyer, int64_t at_ms)
{
	int64_t day = day_of(at_ms);
	return buyer->order_count == 0 ||
	       (day != day_of(buyer->last_ms) && day != day_of(buyer->first_ms));
}

/* Adds one order at at_ms to the decayed counts; the later of the two moments is kept. */
static void decayed_add(struct buyer *buyer, int64_t at_ms)
{
	double age_days = days_between(buyer->decay_ms, at_ms);
	double decay[BUYER_DECAY_COUNT];
	for (int i = 0; i < BUYER_DECAY_COUNT; i++)
		decay[i] = (age_days > 0 ? -age_days : age_days) / DECAY_DAYS[i];
	dm_exp_each(decay, BUYER_DECAY_COUNT);
	for (int i = 0; i < BUYER_DECAY_COUNT; i++)
		buyer->decayed[i] = age_days > 0 ? buyer->decayed[i] * decay[i] + 1.0
						 : buyer->decayed[i] + decay[i];
	if (age_days > 0)
		buyer->decay_ms = at_ms;
}

void buyer_update(struct buyer *buyer, int64_t at_ms, int64_t amount_minor, int64_t event_count)
{
	CHECK(event_count >= 1);
	CHECK(buyer->order_count >= 0 && buyer->event_count >= buyer->order_count);
	buyer->sum_minor = saturating_add(buyer->sum_minor, amount_minor);
	if (amount_minor < 0)
		return;

	buyer->event_count = saturating_add(buyer->event_count, event_count);
	if (buyer->order_count == 0) {
		buyer->first_ms = at_ms;
		buyer->last_ms = at_ms;
		buyer->decay_ms = at_ms;
		buyer->order_count = 1;
		for (int i = 0; i < BUYER_DECAY_COUNT; i++)
			buyer->decayed[i] = 1.0;
		return;
	}
	if (is_new_occasion(buyer, at_ms)) {
		buyer->order_count = saturating_add(buyer->order_count, 1);
		decayed_add(buyer, at_ms);
	}
	if (at_ms < buyer->first_ms)
		buyer->first_ms = at_ms;
	if (at_ms > buyer->last_ms)
		buyer->last_ms = at_ms;
}

void buyer_merge(struct buyer *into, const struct buyer *from)
{
	if (from->order_count == 0 || into->order_count == 0) {
		int64_t sum_minor = saturating_add(into->sum_minor, from->sum_minor);
		if (from->order_count > 0)
			*into = *from;
		into->sum_minor = sum_minor;
		return;
	}
	int64_t at_ms = into->decay_ms > from->decay_ms ? into->decay_ms : from->decay_ms;
	for (int i = 0; i < BUYER_DECAY_COUNT; i++)
		into->decayed[i] = buyer_decayed(into, (enum buyer_decay)i, at_ms) +
				   buyer_decayed(from, (enum buyer_decay)i, at_ms);
	into->decay_ms = at_ms;
	into->order_count = saturating_add(into->order_count, from->order_count);
	into->event_count = saturating_add(into->event_count, from->event_count);
	into->sum_minor = saturating_add(into->sum_minor, from->sum_minor);
	if (from->first_ms < into->first_ms)
		into->first_ms = from->first_ms;
	if (from->last_ms > into->last_ms)
		into->last_ms = from->last_ms;
}

double buyer_decayed(const struct buyer *buyer, enum buyer_decay decay, int64_t now_ms)
{
	CHECK((int)decay >= 0 && (int)decay < BUYER_DECAY_COUNT);
	double age_days = days_between(buyer->decay_ms, now_ms);
	double count = buyer->decayed[decay];
	return age_days > 0 ? count * dm_exp(-age_days / DECAY_DAYS[decay]) : count;
}

static double silence_days_at(const struct buyer *buyer, int64_t now_ms)
{
	double days = days_between(buyer->last_ms, now_ms);
	return days > 0 ? days : 0.0;
}

static enum buyer_abstain abstain_of(const struct buyer_score *score)
{
	if (score->order_count == 0)
		return BUYER_ABSTAIN_NO_ORDERS;
	if (score->order_count < BUYER_ALERT_ORDERS_MIN)
		return BUYER_ABSTAIN_FEW_ORDERS;
	if (score->gap_days_mean > BUYER_HORIZON_DAYS)
		return BUYER_ABSTAIN_SLOW_RHYTHM;
	return BUYER_ABSTAIN_NO;
}

static double shrunk_gap_days(const struct buyer *buyer)
{
	double span_days = days_between(buyer->first_ms, buyer->last_ms);
	return (span_days + BUYER_PRIOR_GAP_DAYS) / (double)buyer->order_count;
}

/* The features of buyer.h's formula, for an account with at least one order. */
static void features_of(const struct buyer *buyer, const struct buyer_score *score,
			double feature[BUYER_REASON_COUNT])
{
	double orders = (double)buyer->order_count;
	double spent_minor = buyer->sum_minor > 0 ? (double)buyer->sum_minor : 0.0;
	double ratio = spent_minor / orders / BUYER_PRIOR_TYPICAL_ORDER_MINOR;
	if (ratio > BUYER_PRIOR_VALUE_RATIO_MAX)
		ratio = BUYER_PRIOR_VALUE_RATIO_MAX;
	feature[BUYER_REASON_OVERDUE] = sqrt(score->silence_days / shrunk_gap_days(buyer));
	feature[BUYER_REASON_FADING] = -dm_log1p(score->recent_orders);
	feature[BUYER_REASON_FEW] = -dm_log(orders);
	feature[BUYER_REASON_SMALL] = -dm_log1p(ratio);
}

/* Insertion sort, stable, so that equal contributions keep the enum's order. */
static void rank_reasons(struct buyer_score *score)
{
	for (int i = 0; i < BUYER_REASON_COUNT; i++) {
		int at = i;
		while (at > 0 &&
		       score->contribution[score->ranked[at - 1]] < score->contribution[i]) {
			score->ranked[at] = score->ranked[at - 1];
			at--;
		}
		score->ranked[at] = (enum buyer_reason)i;
	}
}

void buyer_score(const struct buyer *buyer, int64_t now_ms, struct buyer_score *out)
{
	*out = (struct buyer_score){ .base_margin = BUYER_PRIOR_BASE_MARGIN };
	out->order_count = buyer->order_count;
	if (buyer->order_count > 0) {
		double feature[BUYER_REASON_COUNT];
		out->silence_days = silence_days_at(buyer, now_ms);
		out->recent_orders = buyer_decayed(buyer, BUYER_DECAY_90, now_ms);
		if (buyer->order_count > 1)
			out->gap_days_mean = days_between(buyer->first_ms, buyer->last_ms) /
					     (double)(buyer->order_count - 1);
		if (buyer->sum_minor > 0)
			out->order_minor_mean = buyer->sum_minor / buyer->order_count;
		features_of(buyer, out, feature);
		for (int i = 0; i < BUYER_REASON_COUNT; i++)
			out->contribution[i] = PRIOR[i].weight * (feature[i] - PRIOR[i].reference);
	}
	double margin = out->base_margin;
	for (int i = 0; i < BUYER_REASON_COUNT; i++)
		margin += out->contribution[i];
	out->margin = margin;
	out->probability = dm_sigmoid(margin);
	CHECK(dm_is_finite(out->margin));
	out->abstain = abstain_of(out);
	rank_reasons(out);
}

int64_t buyer_quiet_until(const struct buyer *buyer, const struct buyer_score *score,
			  int64_t now_ms, double margin)
{
	CHECK(buyer->order_count > 0 && now_ms >= buyer->last_ms);
	double gain = margin - score->margin - 1e-9;
	if (!(gain > 0))
		return now_ms;
	if (!dm_is_finite(gain))
		return INT64_MAX;
	double recent = score->recent_orders;
	double a = PRIOR[BUYER_REASON_OVERDUE].weight / sqrt(shrunk_gap_days(buyer));
	double k = PRIOR[BUYER_REASON_FADING].weight * recent / (1.0 + recent) /
		   DECAY_DAYS[BUYER_DECAY_90];
	/* a x + k x^2 = c for x = sqrt(s), in the form that no cancellation harms */
	double c = a * sqrt(score->silence_days) + k * score->silence_days + gain;
	double x = 2.0 * c / (a + sqrt(a * a + 4.0 * k * c));
	double days = x * x < QUIET_DAYS_MAX ? x * x : QUIET_DAYS_MAX;
	int64_t until_ms = buyer->last_ms + (int64_t)(days * (double)DAY_MS) - 1;
	return until_ms > now_ms ? until_ms : now_ms;
}

/* Rounds for showing; far beyond any history it stops at a number that still prints. */
static int64_t rounded(double value)
{
	return value < 1e15 ? (int64_t)(value + 0.5) : INT64_C(1000000000000000);
}

static void say_days(struct words *words, int64_t days)
{
	words_number(words, (double)days);
	words_say(words, days == 1 ? " day" : " days", " 天");
}

static void say_overdue(const struct buyer_score *score, struct words *words)
{
	int64_t gap = rounded(score->gap_days_mean);
	words_say(words, "Silent for ", "已 ");
	say_days(words, rounded(score->silence_days));
	if (score->order_count < 2) {
		words_say(words, " since the only order.", "未下单，此前仅下单一次");
	} else if (gap <= 1) {
		words_say(words, "; orders about daily.", "未下单，此前几乎每天下单");
	} else {
		words_say(words, "; orders every ", "未下单，此前平均每 ");
		say_days(words, gap);
		words_say(words, " on average.", "下单");
	}
}

static void say_fading(const struct buyer_score *score, struct words *words)
{
	words_say(words, "Recent orders, fading over 90 days, add up to ",
		  "近期订单按 90 天衰减合计 ");
	words_tenths(words, score->recent_orders);
	words_say(words, " of ", "，总数为 ");
	words_number(words, (double)score->order_count);
	words_say(words, ".", "");
}

static void say_few(const struct buyer_score *score, struct words *words)
{
	words_say(words, "Has ordered on ", "至今共有 ");
	say_days(words, score->order_count);
	words_say(words, " so far.", "下过单");
}

static void say_small(const struct buyer_score *score, const char *currency, int minor_digits,
		      struct words *words)
{
	struct phrase *both[] = { &words->en, &words->zh };
	int64_t unit = 1;
	for (int i = 0; i < minor_digits; i++)
		unit *= 10;
	words_say(words, "Spends ", "平均每单 ");
	for (int i = 0; i < 2; i++) {
		phrase_int(both[i], score->order_minor_mean / unit, 1);
		if (minor_digits > 0) {
			phrase_text(both[i], ".");
			phrase_int(both[i], score->order_minor_mean % unit, minor_digits);
		}
		phrase_text(both[i], " ");
		phrase_bytes(both[i], bytes_of(currency, strnlen(currency, CURRENCY_LEN_MAX)));
	}
	words_say(words, " an order on average.", "");
}

void buyer_reason_say(const struct buyer_score *score, enum buyer_reason reason,
		      const char *currency, int minor_digits, struct words *words)
{
	CHECK(minor_digits >= 0 && minor_digits <= 4);
	switch (score->order_count == 0 ? BUYER_REASON_COUNT : reason) {
	case BUYER_REASON_OVERDUE: say_overdue(score, words); break;
	case BUYER_REASON_FADING: say_fading(score, words); break;
	case BUYER_REASON_FEW: say_few(score, words); break;
	case BUYER_REASON_SMALL: say_small(score, currency, minor_digits, words); break;
	case BUYER_REASON_COUNT: words_say(words, "Has not ordered yet.", "尚未下单"); break;
	}
}

const char *buyer_reason_name(enum buyer_reason reason)
{
	static const char *const NAMES[BUYER_REASON_COUNT] = { "OVERDUE", "FADING", "FEW",
							       "SMALL" };
	CHECK((int)reason >= 0 && reason < BUYER_REASON_COUNT);
	return NAMES[reason];
}

const char *buyer_abstain_name(enum buyer_abstain abstain)
{
	static const char *const NAMES[] = { "NO", "NO_ORDERS", "FEW_ORDERS", "SLOW_RHYTHM" };
	CHECK((int)abstain >= 0 && abstain <= BUYER_ABSTAIN_SLOW_RHYTHM);
	return NAMES[abstain];
}

bool buyer_is_valid(const struct buyer *buyer)
{
	if (buyer->order_count < 0 || buyer->event_count < buyer->order_count)
		return false;
	for (int i = 0; i < BUYER_DECAY_COUNT; i++) {
		double count = buyer->decayed[i];
		if (!dm_is_finite(count) || count < 0 ||
		    count > (double)buyer->order_count * (1 + 1e-9))
			return false;
	}
	if (buyer->order_count == 0)
		return buyer->event_count == 0 && buyer->first_ms == 0 && buyer->last_ms == 0 &&
		       buyer->decay_ms == 0;
	return buyer->first_ms <= buyer->last_ms && buyer->decay_ms >= buyer->first_ms &&
	       buyer->decay_ms <= buyer->last_ms;
}

const char *buyer_model_id(void)
{
	return BUYER_PRIOR_ID;
}
