#include "models/features.h"

#include <math.h>

#include "base/dmath.h"
#include "base/timestamp.h"

const double features_horizon_days[HORIZON_COUNT] = { 22.5, 90, 360 };

/* What is usual a day, roughly, over all accounts of a company that sells to others: added to every
 * rate with the weight of PRIOR_DAYS, so that little data says little. */
static const double usual_rate[SIGNAL_COUNT] = {
	[SIGNAL_ORDER] = 0.05,	  [SIGNAL_USE] = 10,	   [SIGNAL_VISIT] = 0.15,
	[SIGNAL_CHARGING] = 0.8,  [SIGNAL_TICKET] = 0.025, [SIGNAL_ESCALATION] = 0.002,
	[SIGNAL_FAULT] = 0.004,	  [SIGNAL_MAIL] = 0.07,	   [SIGNAL_MAIL_OPENED] = 0.02,
	[SIGNAL_ACTIVITY] = 0.03, [SIGNAL_WON] = 0.002,	   [SIGNAL_LOST] = 0.003,
};

/* What is kept after so many days at each horizon; one exponential, since each horizon is four
 * times the one before. */
static void keep(double days, double kept[HORIZON_COUNT])
{
	double year = dm_exp(-days / features_horizon_days[HORIZON_YEAR]);
	double quarter = year * year * year * year;
	kept[HORIZON_YEAR] = year;
	kept[HORIZON_QUARTER] = quarter;
	kept[HORIZON_WEEKS] = quarter * quarter * quarter * quarter;
}

static bool is_own(enum signal signal)
{
	switch (signal) {
	case SIGNAL_ORDER:
	case SIGNAL_USE:
	case SIGNAL_VISIT:
	case SIGNAL_TICKET:
	case SIGNAL_CHARGING:
	case SIGNAL_READING: return true;
	default: return false;
	}
}

static void note_sign(struct features *features, int64_t at_ms)
{
	if (features->sign_days == 0)
		features->sign_first_ms = at_ms;
	if (features->sign_days == 0 ||
	    time_floor(at_ms, MS_PER_DAY, 0) > time_floor(features->sign_ms, MS_PER_DAY, 0))
		features->sign_days++;
	if (at_ms > features->sign_ms)
		features->sign_ms = at_ms;
}

void features_add(struct features *features, enum signal signal, int64_t at_ms, double value)
{
	struct trace *trace = &features->traces[signal];
	double kept[HORIZON_COUNT];
	if (trace->count == 0)
		trace->first_ms = trace->last_ms = at_ms;
	keep(time_days_between(trace->last_ms, at_ms), kept);
	for (int i = 0; i < HORIZON_COUNT; i++) {
		trace->counts[i] = (float)((double)trace->counts[i] * kept[i] + 1);
		trace->sums[i] = (float)((double)trace->sums[i] * kept[i] + value);
	}
	if (at_ms > trace->last_ms)
		trace->last_ms = at_ms;
	if (at_ms < trace->first_ms)
		trace->first_ms = at_ms;
	trace->count += trace->count < UINT32_MAX;
	if (is_own(signal))
		note_sign(features, at_ms);
}

void features_seats(struct features *features, int64_t at_ms, int64_t seats)
{
	if (features->seats > 0 && seats > 0 && seats < features->seats) {
		features->seats_cut_ms = at_ms;
		features->cut_share = 1 - (double)seats / (double)features->seats;
	}
	if (features->seats_usual == 0)
		features->seats_usual = seats;
	features->seats = seats;
}

static void trace_merge(struct trace *into, const struct trace *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0) {
		*into = *from;
		return;
	}
	int64_t at_ms = into->last_ms > from->last_ms ? into->last_ms : from->last_ms;
	double mine[HORIZON_COUNT], other[HORIZON_COUNT];
	keep(time_days_between(into->last_ms, at_ms), mine);
	keep(time_days_between(from->last_ms, at_ms), other);
	for (int h = 0; h < HORIZON_COUNT; h++) {
		into->counts[h] = (float)((double)into->counts[h] * mine[h] +
					  (double)from->counts[h] * other[h]);
		into->sums[h] =
			(float)((double)into->sums[h] * mine[h] + (double)from->sums[h] * other[h]);
	}
	into->first_ms = from->first_ms < into->first_ms ? from->first_ms : into->first_ms;
	into->last_ms = at_ms;
	into->count =
		from->count > UINT32_MAX - into->count ? UINT32_MAX : into->count + from->count;
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void features_merge(struct features *into, const struct features *from)
{
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		trace_merge(&into->traces[signal], &from->traces[signal]);
	into->first_ms = earliest(into->first_ms, from->first_ms);
	into->sign_first_ms = earliest(into->sign_first_ms, from->sign_first_ms);
	into->renewal_ms = latest(into->renewal_ms, from->renewal_ms);
	into->ended_ms = latest(into->ended_ms, from->ended_ms);
	into->seats_cut_ms = latest(into->seats_cut_ms, from->seats_cut_ms);
	into->sign_ms = latest(into->sign_ms, from->sign_ms);
	into->sign_days += from->sign_days;
	into->is_subscriber |= from->is_subscriber;
	if (into->seats_usual == 0) {
		into->seats = from->seats;
		into->seats_usual = from->seats_usual;
		into->seats_active = from->seats_active;
		into->cut_share = from->cut_share;
	}
	into->employees = latest(into->employees, from->employees);
}

/* ---- reading ---- */

struct view {
	const struct features *features;
	int64_t now_ms;
	double counts[SIGNAL_COUNT][HORIZON_COUNT], sums[SIGNAL_COUNT][HORIZON_COUNT];
	double spans[SIGNAL_COUNT][HORIZON_COUNT]; /* days that a decayed sum can have seen */
};

static void look(struct view *view, const struct features *features, int64_t now_ms)
{
	view->features = features;
	view->now_ms = now_ms;
	for (int s = 0; s < SIGNAL_COUNT; s++) {
		const struct trace *trace = &features->traces[s];
		double kept[HORIZON_COUNT], seen[HORIZON_COUNT];
		if (trace->count == 0) {
			for (int h = 0; h < HORIZON_COUNT; h++)
				view->counts[s][h] = view->sums[s][h] = view->spans[s][h] = 0;
			continue;
		}
		keep(time_days_between(trace->last_ms, now_ms), kept);
		keep(time_days_between(trace->first_ms, now_ms), seen);
		for (int h = 0; h < HORIZON_COUNT; h++) {
			view->counts[s][h] = (double)trace->counts[h] * kept[h];
			view->sums[s][h] = (double)trace->sums[h] * kept[h];
			view->spans[s][h] = features_horizon_days[h] * (1 - seen[h]);
		}
	}
}

static const double prior_days[HORIZON_COUNT] = { 10, 20, 40 };

/* Sums a day, shrunk. */
static double rate(const struct view *view, enum signal signal, enum horizon horizon)
{
	double prior = prior_days[horizon];
	return (view->sums[signal][horizon] + usual_rate[signal] * prior) /
	       (view->spans[signal][horizon] + prior);
}

/* The logarithm of how much more than in the last year there is now; shrunk towards none. */
static double trend(const struct view *view, enum signal signal, enum horizon horizon)
{
	if (!(view->sums[signal][HORIZON_YEAR] > 0)) /* none, or only uses that were none */
		return 0;
	double year = (view->sums[signal][HORIZON_YEAR] + usual_rate[signal] * 5) /
		      (view->spans[signal][HORIZON_YEAR] + 5);
	/* as many events as are needed to tell a rate: so much of the usual one is added */
	double prior =
		2 * view->sums[signal][HORIZON_YEAR] / (view->counts[signal][HORIZON_YEAR] + 1e-9);
	double now = (view->sums[signal][horizon] + prior) /
		     (view->spans[signal][horizon] + prior / year);
	return dm_log(now / year);
}

/* The mean value, shrunk towards `usual` with the weight of so many. */
static double mean(const struct view *view, enum signal signal, enum horizon horizon, double usual,
		   double weight)
{
	return (view->sums[signal][horizon] + usual * weight) /
	       (view->counts[signal][horizon] + weight);
}

static double level_trend(const struct view *view, enum signal signal, enum horizon horizon)
{
	if (view->features->traces[signal].count < 8)
		return 0;
	double year = view->sums[signal][HORIZON_YEAR] / view->counts[signal][HORIZON_YEAR];
	if (year <= 0 || view->counts[signal][horizon] < 1e-6)
		return 0;
	double now = mean(view, signal, horizon, year, 4);
	return now <= 0 ? 0 : dm_log(now / year);
}

double features_silence_days(const struct features *features, int64_t now_ms)
{
	return features->sign_ms == 0 ? 0 : time_days_between(features->sign_ms, now_ms);
}

double features_sign_days(const struct features *features)
{
	if (features->sign_days == 0)
		return 0;
	return (time_days_between(features->sign_first_ms, features->sign_ms) + 20) /
	       (double)features->sign_days;
}

double features_alive(const struct features *features, int64_t now_ms)
{
	static const double leaving = 0.0007; /* a day */
	double gap = features_sign_days(features);
	double silence = features_silence_days(features, now_ms) - 3;
	if (gap <= 0 || silence <= 0)
		return 1;
	/* real rhythms are less even than the model's: a silence counts for two thirds */
	double rate = 0.67 / (gap > 1 ? gap : 1) + leaving;
	double power = rate * silence;
	return 1 / (1 + leaving / rate * dm_expm1(power < 60 ? power : 60));
}

double features_gap_days(const struct features *features)
{
	const struct trace *orders = &features->traces[SIGNAL_ORDER];
	if (orders->count == 0)
		return 0;
	return (time_days_between(orders->first_ms, orders->last_ms) + 20) / (double)orders->count;
}

static void read_peers(const struct view *view, const struct surroundings *around, int region,
		       int segment, double *out)
{
	const struct features *features = view->features;
	double age =
		features->first_ms == 0 ? 365 : time_days_between(features->first_ms, view->now_ms);
	double size = features->seats_usual > 0 ? 3 * (double)features->seats_usual + 2
						: (double)features->employees;
	double year = (double)(view->now_ms % (INT64_C(31557600000))) / 31557600000.0;
	double angle = 6.283185307179586 * (year < 0 ? year + 1 : year);
	double a = angle - 3.141592653589793, b = a * a;
	out[FEATURE_NEW] = age < 180 ? 1 - age / 180 : 0;
	out[FEATURE_AGE] = dm_log1p(age / 180) - 1.5;
	out[FEATURE_SIZE] = size > 0 ? dm_log(size) - 4 : 0;
	out[FEATURE_SUBSCRIBER] = features->is_subscriber ? 1 : 0;
	out[FEATURE_DEVICES] = features->traces[SIGNAL_READING].count > 0 ? 1 : 0;
	/* sin and cos by their series about pi: right to 1e-3, the same bits everywhere */
	out[FEATURE_SEASON_SIN] =
		-a * (1 - b / 6 * (1 - b / 20 * (1 - b / 42 * (1 - b / 72 * (1 - b / 110)))));
	out[FEATURE_SEASON_COS] =
		-(1 - b / 2 * (1 - b / 12 * (1 - b / 30 * (1 - b / 56 * (1 - b / 90)))));
	out[FEATURE_CLIMATE] = around->climate;
	out[FEATURE_ORDER_RATE] = dm_log(rate(view, SIGNAL_ORDER, HORIZON_YEAR) / 0.05);
	out[FEATURE_LEVEL] = 1;
	for (int i = FEATURE_REGION_FIRST; i <= FEATURE_SEGMENT_LAST; i++)
		out[i] = 0;
	if (region >= 0)
		out[FEATURE_REGION_FIRST + region % 16] = 1;
	if (segment >= 0)
		out[FEATURE_SEGMENT_FIRST + segment % 8] = 1;
}

static void read_renewal(const struct view *view, double *out)
{
	const struct features *features = view->features;
	double ahead = 1e9;
	if (features->renewal_ms > 0)
		ahead = (double)(features->renewal_ms - view->now_ms) / (double)MS_PER_DAY;
	out[FEATURE_RENEWAL_SOON] = ahead > -10 && ahead < 105 ? 1 : 0;
	out[FEATURE_RENEWAL_NEAR] = ahead > -10 && ahead < 20 ? 1 : 0;
}

static void read_usage(const struct view *view, double *out)
{
	const struct features *features = view->features;
	const struct trace *orders = &features->traces[SIGNAL_ORDER];
	double gap = features_gap_days(features);
	double silence = orders->count == 0 ? 0 : time_days_between(orders->last_ms, view->now_ms);
	out[FEATURE_SILENCE] = orders->count == 0 ? 0 : dm_log1p(silence / gap) - 0.6;
	out[FEATURE_ORDER_TREND] = trend(view, SIGNAL_ORDER, HORIZON_WEEKS);
	out[FEATURE_ORDER_DRIFT] = trend(view, SIGNAL_ORDER, HORIZON_QUARTER);
	out[FEATURE_USE_TREND] = trend(view, SIGNAL_USE, HORIZON_WEEKS);
	out[FEATURE_USE_DRIFT] = trend(view, SIGNAL_USE, HORIZON_QUARTER);
	out[FEATURE_USE_LEVEL] = 0;
	if (features->seats_usual > 0 && features->traces[SIGNAL_USE].count > 0)
		out[FEATURE_USE_LEVEL] = dm_log(rate(view, SIGNAL_USE, HORIZON_WEEKS) /
						((double)features->seats_usual + 1));
	out[FEATURE_VISIT_TREND] = trend(view, SIGNAL_VISIT, HORIZON_WEEKS);
	out[FEATURE_VISIT_DRIFT] = trend(view, SIGNAL_VISIT, HORIZON_QUARTER);
	out[FEATURE_READING_TREND] = level_trend(view, SIGNAL_READING, HORIZON_WEEKS) * 7;
	out[FEATURE_READING_DRIFT] = level_trend(view, SIGNAL_READING, HORIZON_QUARTER) * 7;
	out[FEATURE_CHARGING_LEVEL] = 0;
	if (features->traces[SIGNAL_CHARGING].count > 0)
		out[FEATURE_CHARGING_LEVEL] =
			2 * dm_log(rate(view, SIGNAL_CHARGING, HORIZON_WEEKS) / 0.8);
	out[FEATURE_VISIT_LEVEL] = dm_log(rate(view, SIGNAL_VISIT, HORIZON_YEAR) / 0.15);
	out[FEATURE_SEATS_CUT] = 0;
	if (features->seats_cut_ms > 0)
		out[FEATURE_SEATS_CUT] =
			dm_exp(-time_days_between(features->seats_cut_ms, view->now_ms) / 90);
}

static double discontent(const struct view *view)
{
	return 0.65 - mean(view, SIGNAL_SATISFACTION, HORIZON_YEAR, 0.65, 1.5);
}

static void read_service(const struct view *view, double *out)
{
	out[FEATURE_LATE_WEEKS] = dm_log1p(view->sums[SIGNAL_DELIVERY][HORIZON_WEEKS]);
	out[FEATURE_LATE_QUARTER] = dm_log1p(view->sums[SIGNAL_DELIVERY][HORIZON_QUARTER]);
	out[FEATURE_FAULT_WEEKS] = view->counts[SIGNAL_FAULT][HORIZON_WEEKS];
	out[FEATURE_FAULT_QUARTER] = view->counts[SIGNAL_FAULT][HORIZON_QUARTER];
	out[FEATURE_ESCALATION_WEEKS] = view->counts[SIGNAL_ESCALATION][HORIZON_WEEKS];
	/* one bad experience is forgiven, several are not */
	double load = view->sums[SIGNAL_DELIVERY][HORIZON_WEEKS] / 6 +
		      view->counts[SIGNAL_FAULT][HORIZON_WEEKS] +
		      view->counts[SIGNAL_ESCALATION][HORIZON_WEEKS];
	load = load > 6 ? 6 : load;
	out[FEATURE_LOAD] = load;
	out[FEATURE_LOAD_SQUARE] = load * load / 4;
	out[FEATURE_LOAD_DISCONTENT] = discontent(view) * 4;
}

static void read_satisfaction(const struct view *view, double *out)
{
	out[FEATURE_SCORE] = discontent(view) * 4;
	out[FEATURE_SCORE_RECENT] =
		(0.65 - mean(view, SIGNAL_SATISFACTION, HORIZON_QUARTER, 0.65, 1.0)) * 4;
	/* a slow answer explains a bad score */
	out[FEATURE_ANSWER] = dm_log1p(mean(view, SIGNAL_ANSWER, HORIZON_YEAR, 6.5, 2)) - 2;
	out[FEATURE_TICKET_RATE] = dm_log(rate(view, SIGNAL_TICKET, HORIZON_YEAR) / 0.025);
	out[FEATURE_ESCALATION_YEAR] = dm_log1p(view->counts[SIGNAL_ESCALATION][HORIZON_YEAR]);
	out[FEATURE_TICKET_TREND] = trend(view, SIGNAL_TICKET, HORIZON_QUARTER);
	double sent = view->counts[SIGNAL_MAIL][HORIZON_YEAR],
	       sent_quarter = view->counts[SIGNAL_MAIL][HORIZON_QUARTER];
	double opened = view->counts[SIGNAL_MAIL_OPENED][HORIZON_YEAR],
	       opened_quarter = view->counts[SIGNAL_MAIL_OPENED][HORIZON_QUARTER];
	double usual = (opened + 1.7) / (sent + 6);
	out[FEATURE_MAIL_LEVEL] = dm_log(usual / 0.28);
	out[FEATURE_MAIL_TREND] = dm_log((opened_quarter + 4 * usual) / (sent_quarter + 4) / usual);
	out[FEATURE_RETURN] = view->counts[SIGNAL_RETURN][HORIZON_QUARTER];
}

static void read_payment(const struct view *view, double *out)
{
	double year = mean(view, SIGNAL_PAYMENT, HORIZON_YEAR, 0, 1);
	out[FEATURE_PAYMENT] = year / 6;
	out[FEATURE_PAYMENT_TREND] =
		(mean(view, SIGNAL_PAYMENT, HORIZON_QUARTER, year, 2) - year) / 4;
	out[FEATURE_OVERDUE] = dm_log1p(view->counts[SIGNAL_OVERDUE][HORIZON_QUARTER]);
}

static void read_market(const struct view *view, const struct surroundings *around, double *out)
{
	double gap = view->sums[SIGNAL_PRICE][HORIZON_QUARTER];
	gap = gap > 0 ? gap : 0;
	gap = gap > 30 ? 30 : gap;
	double offer = around->promotion / 20;
	out[FEATURE_PRICE_GAP] = gap / 8;
	out[FEATURE_PRICE_WEEKS] = view->sums[SIGNAL_PRICE][HORIZON_WEEKS] / 8;
	out[FEATURE_PRICE_PROMOTION] = gap / 8 * offer;
	out[FEATURE_PROMOTION] =
		offer * (around->promotion_days < 45 ? around->promotion_days / 45 : 1);
	out[FEATURE_PROMOTIONS] = around->promotions / 20;
	/* of the days ahead, those with an offer, by its size: as a logarithm, since it is a
	 * factor */
	double reach = offer * (around->promotion_days < 90 ? around->promotion_days / 90 : 1);
	out[FEATURE_EXPOSURE] = dm_log(0.05 + reach) + 3;
	out[FEATURE_PROMOTION_DISCONTENT] = discontent(view) * 4;
}

static void read_deals(const struct view *view, double *out)
{
	out[FEATURE_WON] = view->counts[SIGNAL_WON][HORIZON_YEAR] /
			   (view->counts[SIGNAL_WON][HORIZON_YEAR] +
			    view->counts[SIGNAL_LOST][HORIZON_YEAR] + 2);
	out[FEATURE_LOST] = view->counts[SIGNAL_LOST][HORIZON_QUARTER];
	out[FEATURE_ACTIVITY] = trend(view, SIGNAL_ACTIVITY, HORIZON_WEEKS);
}

/* How much the product is used at all, and for how many: the contented use it more. */
static void read_liking(const struct view *view, double *out)
{
	const struct features *features = view->features;
	out[FEATURE_USE_RATE] = out[FEATURE_SEATS] = 0;
	if (features->traces[SIGNAL_USE].count == 0)
		return;
	out[FEATURE_USE_RATE] = dm_log(rate(view, SIGNAL_USE, HORIZON_YEAR) / 10);
	if (features->seats_usual > 0)
		out[FEATURE_SEATS] = dm_log((double)features->seats_usual) - 2.5;
}

void features_read(const struct features *features, const struct surroundings *surroundings,
		   int region, int segment, int64_t now_ms, double out[FEATURE_COUNT])
{
	struct view view;
	look(&view, features, now_ms);
	read_peers(&view, surroundings, region, segment, out);
	read_renewal(&view, out);
	read_usage(&view, out);
	read_service(&view, out);
	read_satisfaction(&view, out);
	read_payment(&view, out);
	read_market(&view, surroundings, out);
	read_deals(&view, out);
	read_liking(&view, out);
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		if (!(out[i] > -8))
			out[i] = -8;
		if (out[i] > 8)
			out[i] = 8;
	}
}

/* What is left of one event after 120 days, or less of many. */
#define SIGN_QUARTER 0.26    /* decayed over a quarter */
#define SIGN_WEEKS   0.005   /* over weeks */
#define SIGN_LATE    0.4     /* of late days, as a logarithm */
#define SIGN_PERCENT 0.06    /* of 2 %, in features' units */
#define SIGN_LESS    (-0.15) /* use, as a logarithm, against the last year */
#define SIGN_SILENT  0.3
#define SIGN_SCORE   0.3

unsigned features_signs(const double features[FEATURE_COUNT])
{
	bool is_less = features[FEATURE_SUBSCRIBER] > 0
			       ? features[FEATURE_USE_TREND] < SIGN_LESS ||
					 features[FEATURE_USE_DRIFT] < SIGN_LESS
			       : features[FEATURE_SILENCE] > SIGN_SILENT;
	bool escalated = features[FEATURE_ESCALATION_WEEKS] > SIGN_WEEKS;
	unsigned signs = 0;
	if (is_less || features[FEATURE_SEATS_CUT] > SIGN_QUARTER)
		signs |= 1u << GROUP_USAGE;
	if (escalated || features[FEATURE_FAULT_QUARTER] > SIGN_QUARTER ||
	    features[FEATURE_LATE_QUARTER] > SIGN_LATE)
		signs |= 1u << GROUP_SERVICE;
	if (escalated || features[FEATURE_SCORE_RECENT] > SIGN_SCORE)
		signs |= 1u << GROUP_SATISFACTION;
	if (features[FEATURE_PRICE_GAP] > SIGN_PERCENT)
		signs |= 1u << GROUP_PRICE;
	if (features[FEATURE_PROMOTIONS] > SIGN_PERCENT)
		signs |= 1u << GROUP_COMPETITOR;
	return signs;
}

int features_slot(const uint8_t *name, size_t len)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ name[i]) * 16777619u;
	return (int)((hash ^ hash >> 15) & 0x7fffffff);
}

const size_t features_first[GROUP_SILENCE + 1] = {
	[GROUP_PEERS] = 0,
	[GROUP_RENEWAL] = FEATURE_RENEWAL_SOON,
	[GROUP_USAGE] = FEATURE_SILENCE,
	[GROUP_SERVICE] = FEATURE_LATE_WEEKS,
	[GROUP_SATISFACTION] = FEATURE_SCORE,
	[GROUP_PRICE] = FEATURE_PRICE_GAP,
	[GROUP_COMPETITOR] = FEATURE_PROMOTION,
	[GROUP_SILENCE] = FEATURE_COUNT,
};

const char *const features_names[FEATURE_COUNT] = {
	[FEATURE_NEW] = "new",
	[FEATURE_AGE] = "age",
	[FEATURE_SIZE] = "size",
	[FEATURE_SUBSCRIBER] = "subscriber",
	[FEATURE_DEVICES] = "devices",
	[FEATURE_SEASON_SIN] = "season_sin",
	[FEATURE_SEASON_COS] = "season_cos",
	[FEATURE_CLIMATE] = "climate",
	[FEATURE_ORDER_RATE] = "order_rate",
	[FEATURE_LEVEL] = "level",
	[FEATURE_REGION_FIRST + 0] = "region_0",
	[FEATURE_REGION_FIRST + 1] = "region_1",
	[FEATURE_REGION_FIRST + 2] = "region_2",
	[FEATURE_REGION_FIRST + 3] = "region_3",
	[FEATURE_REGION_FIRST + 4] = "region_4",
	[FEATURE_REGION_FIRST + 5] = "region_5",
	[FEATURE_REGION_FIRST + 6] = "region_6",
	[FEATURE_REGION_FIRST + 7] = "region_7",
	[FEATURE_REGION_FIRST + 8] = "region_8",
	[FEATURE_REGION_FIRST + 9] = "region_9",
	[FEATURE_REGION_FIRST + 10] = "region_10",
	[FEATURE_REGION_FIRST + 11] = "region_11",
	[FEATURE_REGION_FIRST + 12] = "region_12",
	[FEATURE_REGION_FIRST + 13] = "region_13",
	[FEATURE_REGION_FIRST + 14] = "region_14",
	[FEATURE_REGION_FIRST + 15] = "region_15",
	[FEATURE_SEGMENT_FIRST + 0] = "segment_0",
	[FEATURE_SEGMENT_FIRST + 1] = "segment_1",
	[FEATURE_SEGMENT_FIRST + 2] = "segment_2",
	[FEATURE_SEGMENT_FIRST + 3] = "segment_3",
	[FEATURE_SEGMENT_FIRST + 4] = "segment_4",
	[FEATURE_SEGMENT_FIRST + 5] = "segment_5",
	[FEATURE_SEGMENT_FIRST + 6] = "segment_6",
	[FEATURE_SEGMENT_FIRST + 7] = "segment_7",
	[FEATURE_RENEWAL_SOON] = "renewal_soon",
	[FEATURE_RENEWAL_NEAR] = "renewal_near",
	[FEATURE_SILENCE] = "silence",
	[FEATURE_ORDER_TREND] = "order_trend",
	[FEATURE_ORDER_DRIFT] = "order_drift",
	[FEATURE_USE_TREND] = "use_trend",
	[FEATURE_USE_DRIFT] = "use_drift",
	[FEATURE_USE_LEVEL] = "use_level",
	[FEATURE_VISIT_TREND] = "visit_trend",
	[FEATURE_VISIT_DRIFT] = "visit_drift",
	[FEATURE_READING_TREND] = "reading_trend",
	[FEATURE_READING_DRIFT] = "reading_drift",
	[FEATURE_CHARGING_LEVEL] = "charging_level",
	[FEATURE_VISIT_LEVEL] = "visit_level",
	[FEATURE_SEATS_CUT] = "seats_cut",
	[FEATURE_LATE_WEEKS] = "late_weeks",
	[FEATURE_LATE_QUARTER] = "late_quarter",
	[FEATURE_FAULT_WEEKS] = "fault_weeks",
	[FEATURE_FAULT_QUARTER] = "fault_quarter",
	[FEATURE_ESCALATION_WEEKS] = "escalation_weeks",
	[FEATURE_LOAD] = "load",
	[FEATURE_LOAD_SQUARE] = "load_square",
	[FEATURE_LOAD_DISCONTENT] = "load_discontent",
	[FEATURE_SCORE] = "score",
	[FEATURE_SCORE_RECENT] = "score_recent",
	[FEATURE_ANSWER] = "answer",
	[FEATURE_ESCALATION_YEAR] = "escalation_year",
	[FEATURE_TICKET_RATE] = "ticket_rate",
	[FEATURE_TICKET_TREND] = "ticket_trend",
	[FEATURE_MAIL_LEVEL] = "mail_level",
	[FEATURE_MAIL_TREND] = "mail_trend",
	[FEATURE_RETURN] = "return",
	[FEATURE_PAYMENT] = "payment",
	[FEATURE_PAYMENT_TREND] = "payment_trend",
	[FEATURE_OVERDUE] = "overdue",
	[FEATURE_WON] = "won",
	[FEATURE_LOST] = "lost",
	[FEATURE_ACTIVITY] = "activity",
	[FEATURE_USE_RATE] = "use_rate",
	[FEATURE_SEATS] = "seats",
	[FEATURE_PRICE_GAP] = "price_gap",
	[FEATURE_PRICE_WEEKS] = "price_weeks",
	[FEATURE_PRICE_PROMOTION] = "price_promotion",
	[FEATURE_PROMOTION] = "promotion",
	[FEATURE_PROMOTIONS] = "promotions",
	[FEATURE_EXPOSURE] = "exposure",
	[FEATURE_PROMOTION_DISCONTENT] = "promotion_discontent",
};
