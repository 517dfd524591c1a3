#include "evaluate/history.h"

#include <math.h>
#include <stdio.h>

#include "base/dmath.h"
#include "base/timestamp.h"
#include "models/buyer.h"

enum { YEAR_DAYS = 365 };

/* What one pass over the orders gathers. An occasion is a UTC day with orders. */
struct tally {
	double occasions, lines, returns;
	int64_t first_day, last_day;
	double gaps, gap_sum, gap_squares, gap_last, gap_max;
	double recent[4]; /* occasions in the last 30, 90, 180, 365 days */
	double previous;  /* in the 90 days before the last 90 */
	double year_ago;
	int64_t spent, spent_90, value_last; /* minor units */
	double lines_last;
	struct buyer buyer;
};

static const int recent_days[] = { 30, 90, 180, YEAR_DAYS };

static void add_occasion(struct tally *tally, int64_t day, int64_t at_day, int horizon_days)
{
	double age = (double)(at_day - day);
	if (tally->occasions > 0) {
		double gap = (double)(day - tally->last_day);
		tally->gaps++;
		tally->gap_sum += gap;
		tally->gap_squares += gap * gap;
		tally->gap_last = gap;
		tally->gap_max = gap > tally->gap_max ? gap : tally->gap_max;
	} else {
		tally->first_day = day;
	}
	tally->occasions++;
	tally->last_day = day;
	tally->value_last = 0;
	tally->lines_last = 0;
	for (size_t i = 0; i < 4; i++)
		tally->recent[i] += age <= recent_days[i];
	tally->previous += age > 90 && age <= 180;
	tally->year_ago += age <= YEAR_DAYS && age > YEAR_DAYS - horizon_days;
}

static void add_order(struct tally *tally, const struct order *order, int64_t at_ms,
		      int horizon_days)
{
	int64_t day = time_floor(order->at_ms, MS_PER_DAY, 0) / MS_PER_DAY;
	int64_t at_day = time_floor(at_ms, MS_PER_DAY, 0) / MS_PER_DAY;
	if (order->is_return) {
		tally->returns++;
		tally->spent -= order->amount_minor;
		buyer_update(&tally->buyer, order->at_ms, -order->amount_minor, 1);
		return;
	}
	if (tally->occasions == 0 || day != tally->last_day)
		add_occasion(tally, day, at_day, horizon_days);
	tally->lines++;
	tally->lines_last++;
	tally->spent += order->amount_minor;
	tally->spent_90 += at_day - day <= 90 ? order->amount_minor : 0;
	tally->value_last += order->amount_minor;
	buyer_update(&tally->buyer, order->at_ms, order->amount_minor, 1);
}

static double log_of(double value)
{
	return dm_log1p(value > 0 ? value : 0);
}

static double money(int64_t minor)
{
	return log_of((double)minor / 100);
}

static void set_rhythm(const struct tally *tally, int64_t at_day, double *values)
{
	double silence = (double)(at_day - tally->last_day);
	double tenure = (double)(at_day - tally->first_day);
	double gap = tally->gaps > 0 ? tally->gap_sum / tally->gaps : NAN;
	double spread = tally->gaps > 1
				? sqrt(fmax(0, tally->gap_squares / tally->gaps - gap * gap)) / gap
				: NAN;
	/* one more gap of 30 days stands for what is not known of a new customer */
	double shrunk = (tally->gap_sum + 30) / (tally->gaps + 1);
	values[HISTORY_SILENCE] = log_of(silence);
	values[HISTORY_ORDERS] = log_of(tally->occasions);
	values[HISTORY_TENURE] = log_of(tenure);
	values[HISTORY_GAP_MEAN] = tally->gaps > 0 ? log_of(gap) : NAN;
	values[HISTORY_GAP_LAST] = tally->gaps > 0 ? log_of(tally->gap_last) : NAN;
	values[HISTORY_GAP_MAX] = tally->gaps > 0 ? log_of(tally->gap_max) : NAN;
	values[HISTORY_GAP_SPREAD] = spread;
	values[HISTORY_OVERDUE] = log_of(silence / shrunk);
	values[HISTORY_BEYOND] = tally->gaps > 0 ? log_of(silence / tally->gap_max) : NAN;
}

static void set_counts(const struct tally *tally, int64_t at_ms, int64_t at_day, double *values)
{
	double tenure = (double)(at_day - tally->first_day);
	for (size_t i = 0; i < 4; i++)
		values[HISTORY_RECENT_30 + i] = log_of(tally->recent[i]);
	for (int i = 0; i < BUYER_DECAY_COUNT; i++)
		values[HISTORY_DECAYED_30 + i] =
			log_of(buyer_decayed(&tally->buyer, (enum buyer_decay)i, at_ms));
	values[HISTORY_TREND] =
		tenure > 90 ? dm_log((tally->recent[1] + 0.5) / (tally->previous + 0.5)) : NAN;
	values[HISTORY_PACE] =
		dm_log((tally->recent[1] + 0.5) / (tally->occasions * 90 / fmax(90, tenure) + 0.5));
}

static void set_money(const struct tally *tally, double *values)
{
	double mean = (double)tally->spent / tally->occasions;
	values[HISTORY_SPENT] = money(tally->spent);
	values[HISTORY_SPENT_90] = money(tally->spent_90);
	values[HISTORY_VALUE_MEAN] = money((int64_t)mean);
	values[HISTORY_VALUE_LAST] = mean > 0 ? log_of((double)tally->value_last / mean) : NAN;
	values[HISTORY_LINES] = log_of(tally->lines / tally->occasions);
	values[HISTORY_LINES_LAST] = log_of(tally->lines_last);
	values[HISTORY_RETURNS] = log_of(tally->returns / tally->lines);
}

bool history_values(const struct orders *orders, uint32_t customer, int64_t at_ms, int64_t first_ms,
		    int horizon_days, double *values)
{
	struct tally tally = { 0 };
	struct buyer_score score;
	int64_t at_day = time_floor(at_ms, MS_PER_DAY, 0) / MS_PER_DAY;
	for (size_t i = orders->begins[customer]; i < orders->begins[customer + 1]; i++) {
		if (orders->orders[i].at_ms >= at_ms)
			break;
		add_order(&tally, &orders->orders[i], at_ms, horizon_days);
	}
	if (tally.occasions == 0)
		return false;
	set_rhythm(&tally, at_day, values);
	set_counts(&tally, at_ms, at_day, values);
	set_money(&tally, values);
	bool year_known = at_ms - first_ms >= YEAR_DAYS * MS_PER_DAY;
	values[HISTORY_YEAR_AGO] = year_known ? log_of(tally.year_ago) : NAN;
	buyer_score(&tally.buyer, at_ms, &score);
	values[HISTORY_BUYER] = score.margin;
	return true;
}

bool history_orders_within(const struct orders *orders, uint32_t customer, int64_t at_ms,
			   int64_t until_ms)
{
	for (size_t i = orders->begins[customer]; i < orders->begins[customer + 1]; i++) {
		const struct order *order = &orders->orders[i];
		if (order->at_ms >= until_ms)
			return false;
		if (order->at_ms >= at_ms && !order->is_return)
			return true;
	}
	return false;
}

enum history_kind history_kind_of(size_t feature)
{
	switch ((enum history_feature)feature) {
	case HISTORY_SILENCE:
	case HISTORY_GAP_MEAN:
	case HISTORY_GAP_LAST:
	case HISTORY_GAP_MAX:
	case HISTORY_GAP_SPREAD:
	case HISTORY_OVERDUE:
	case HISTORY_BEYOND:
	case HISTORY_BUYER: return HISTORY_KIND_RHYTHM;
	case HISTORY_SPENT:
	case HISTORY_SPENT_90:
	case HISTORY_VALUE_MEAN:
	case HISTORY_VALUE_LAST: return HISTORY_KIND_MONEY;
	case HISTORY_LINES:
	case HISTORY_LINES_LAST: return HISTORY_KIND_LINES;
	case HISTORY_RETURNS: return HISTORY_KIND_RETURNS;
	default: return HISTORY_KIND_ORDERS;
	}
}

/* ---- words ---- */

enum form { FORM_LOG, FORM_RATIO, FORM_PLAIN };

static const struct {
	enum form form;
	const char *text; /* for printf, of one double */
} sayings[HISTORY_COUNT] = {
	[HISTORY_SILENCE] = { FORM_LOG, "%.0f days since the last order" },
	[HISTORY_ORDERS] = { FORM_LOG, "%.0f orders so far" },
	[HISTORY_TENURE] = { FORM_LOG, "a customer for %.0f days" },
	[HISTORY_GAP_MEAN] = { FORM_LOG, "orders every %.0f days on average" },
	[HISTORY_GAP_LAST] = { FORM_LOG, "%.0f days between the last two orders" },
	[HISTORY_GAP_MAX] = { FORM_LOG, "never silent for more than %.0f days before" },
	[HISTORY_GAP_SPREAD] = { FORM_PLAIN, "gaps between orders vary by %.1f times their mean" },
	[HISTORY_OVERDUE] = { FORM_LOG, "silent for %.1f times the usual gap" },
	[HISTORY_BEYOND] = { FORM_LOG, "silent for %.1f times the longest gap so far" },
	[HISTORY_RECENT_30] = { FORM_LOG, "%.0f orders in the last 30 days" },
	[HISTORY_RECENT_90] = { FORM_LOG, "%.0f orders in the last 90 days" },
	[HISTORY_RECENT_180] = { FORM_LOG, "%.0f orders in the last 180 days" },
	[HISTORY_RECENT_365] = { FORM_LOG, "%.0f orders in the last year" },
	[HISTORY_DECAYED_30] = { FORM_LOG, "orders of late count %.1f (30-day fading)" },
	[HISTORY_DECAYED_90] = { FORM_LOG, "orders of late count %.1f (90-day fading)" },
	[HISTORY_DECAYED_365] = { FORM_LOG, "orders of late count %.1f (one-year fading)" },
	[HISTORY_TREND] = { FORM_RATIO, "orders now %.1f times those of the 90 days before" },
	[HISTORY_PACE] = { FORM_RATIO, "orders now %.1f times the customer's own average" },
	[HISTORY_SPENT] = { FORM_LOG, "%.0f spent so far" },
	[HISTORY_SPENT_90] = { FORM_LOG, "%.0f spent in the last 90 days" },
	[HISTORY_VALUE_MEAN] = { FORM_LOG, "an order is %.0f on average" },
	[HISTORY_VALUE_LAST] = { FORM_LOG, "the last order is %.1f times the average" },
	[HISTORY_LINES] = { FORM_LOG, "%.1f lines an order" },
	[HISTORY_LINES_LAST] = { FORM_LOG, "%.0f lines in the last order" },
	[HISTORY_RETURNS] = { FORM_LOG, "%.2f returns for each line ordered" },
	[HISTORY_YEAR_AGO] = { FORM_LOG, "%.0f orders at this time last year" },
	[HISTORY_BUYER] = { FORM_PLAIN,
			    "how often and how lately they bought (rhythm score %.1f)" },
};

static const char *const unknown[HISTORY_COUNT] = {
	[HISTORY_GAP_MEAN] = "one order only", [HISTORY_GAP_LAST] = "one order only",
	[HISTORY_GAP_MAX] = "one order only",  [HISTORY_GAP_SPREAD] = "fewer than three orders",
	[HISTORY_BEYOND] = "one order only",   [HISTORY_TREND] = "a customer for less than 90 days",
};

void history_text(size_t feature, double value, char *text, size_t text_max)
{
	if (isnan(value)) {
		snprintf(text, text_max, "%s",
			 unknown[feature] != NULL ? unknown[feature] : "too little is known");
		return;
	}
	double said = sayings[feature].form == FORM_LOG	    ? dm_expm1(value)
		      : sayings[feature].form == FORM_RATIO ? dm_exp(value)
							    : value;
	/* the format is one of the table's own */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, text_max, sayings[feature].text, said);
#pragma GCC diagnostic pop
}
