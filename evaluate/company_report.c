#include "evaluate/company_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"
#include "evaluate/company.h"

enum { RANKING_COUNT = 4, DECILES = 10, DECILE_MIN = 4000, CURVE_COUNT = 9, WARNED_MIN = 100 };

static const char *const ranking_names[RANKING_COUNT] = { "oracle", "foretell", "logistic (RFM)",
							  "recency rule" };

/* The looks that are judged, in the order of one ranking. */
struct judged {
	const struct company_row **rows;
	size_t count;
	double *values;
	int64_t leavers; /* with a look at least COMPANY_LEAD_DAYS before they left */
};

static double value_of(const struct company_row *row, int ranking)
{
	switch (ranking) {
	case 0: return (double)row->oracle;
	case 1: return (double)row->probability;
	case 2: return (double)row->baseline;
	default: return (double)row->silence;
	}
}

struct placed {
	double value;
	const struct company_row *row;
};

static int by_value_down(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static struct placed *placed_new(const struct company_table *table, int ranking, int from_day,
				 size_t *count)
{
	struct placed *placed = check_calloc(table->count + 1, sizeof *placed);
	*count = 0;
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].day >= from_day)
			placed[(*count)++] = (struct placed){ value_of(&table->rows[i], ranking),
							      &table->rows[i] };
	qsort(placed, *count, sizeof *placed, by_value_down);
	return placed;
}

static double loss_of(double p, bool left)
{
	p = p < 1e-7 ? 1e-7 : p > 1 - 1e-7 ? 1 - 1e-7 : p;
	return left ? -dm_log(p) : -dm_log1p(-p);
}

static double log_loss(const struct company_table *table, int from_day, uint64_t seed, int ranking,
		       double constant)
{
	double sum = 0, count = 0;
	for (size_t i = 0; i < table->count; i++) {
		const struct company_row *row = &table->rows[i];
		if (row->day < from_day || (seed != 0 && row->seed != seed))
			continue;
		sum += loss_of(ranking < 0 ? constant : value_of(row, ranking), company_left(row));
		count++;
	}
	return sum / count;
}

static double base_rate(const struct company_table *table, int from_day, uint64_t seed)
{
	double left = 0, count = 0;
	for (size_t i = 0; i < table->count; i++) {
		const struct company_row *row = &table->rows[i];
		if (row->day < from_day || (seed != 0 && row->seed != seed))
			continue;
		left += company_left(row);
		count++;
	}
	return left / count;
}

static double auc(const struct placed *placed, size_t count)
{
	double left = 0, above = 0, pairs = 0;
	for (size_t i = 0; i < count;) {
		double tied_left = 0, tied_stayed = 0;
		for (double value = placed[i].value; i < count && placed[i].value == value; i++) {
			tied_left += company_left(placed[i].row);
			tied_stayed += !company_left(placed[i].row);
		}
		above += tied_stayed * (left + tied_left / 2);
		left += tied_left;
		pairs += tied_stayed;
	}
	return left == 0 || pairs == 0 ? (double)NAN : above / (left * pairs);
}

static int print_losses(FILE *out, const struct company_table *table, int from_day)
{
	uint64_t seed = 0;
	fprintf(out,
		"Log loss           oracle   foretell   over oracle's   logistic   base rate\n");
	for (size_t i = 0; i <= table->count; i++) {
		uint64_t next = i < table->count ? table->rows[i].seed : 0;
		if (i < table->count && next == seed)
			continue;
		seed = next;
		double oracle = log_loss(table, from_day, seed, 0, 0);
		double model = log_loss(table, from_day, seed, 1, 0);
		fprintf(out, "  %-13s   %.4f     %.4f        %+5.1f %%     %.4f      %.4f\n",
			seed == 0 ? "all" : "", oracle, model, 100 * (model / oracle - 1),
			log_loss(table, from_day, seed, 2, 0),
			log_loss(table, from_day, seed, -1, base_rate(table, from_day, seed)));
	}
	double over = log_loss(table, from_day, 0, 1, 0) / log_loss(table, from_day, 0, 0, 0) - 1;
	bool met = over <= 0.10;
	fprintf(out, "  target: at most 10 %% over the oracle's: %s\n\n", met ? "met" : "MISSED");
	return !met;
}

/* ---- warnings ---- */

/* Customers as they are counted once each: a key of seed and number. */
static uint64_t customer_key(const struct company_row *row)
{
	return row->seed << 32 | row->number;
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static bool is_ahead(const struct company_row *row)
{
	return company_left(row) && row->left_day - row->day >= COMPANY_LEAD_DAYS;
}

static size_t distinct(uint64_t *keys, size_t count)
{
	size_t kept = 0;
	qsort(keys, count, sizeof *keys, by_key);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || keys[i] != keys[i - 1])
			keys[kept++] = keys[i];
	return kept;
}

/* Of those who left: the share that was warned of at least COMPANY_LEAD_DAYS before (and not longer
 * before than the horizon), warning of the first `warned` looks of a ranking. */
static double recall_ahead(const struct placed *placed, size_t warned, size_t count)
{
	uint64_t *keys = check_calloc(count + 1, sizeof *keys);
	size_t of = 0, in = 0;
	for (size_t i = 0; i < count; i++)
		if (is_ahead(placed[i].row))
			keys[of++] = customer_key(placed[i].row);
	of = distinct(keys, of);
	for (size_t i = 0; i < warned; i++)
		if (is_ahead(placed[i].row))
			keys[in++] = customer_key(placed[i].row);
	in = distinct(keys, in);
	free(keys);
	return of == 0 ? (double)NAN : (double)in / (double)of;
}

/* The most looks that can be warned of with at least that precision; 0: it is never reached with
 * WARNED_MIN looks or more. */
static size_t warned_at(const struct placed *placed, size_t count, double precision)
{
	size_t right = 0, most = 0;
	for (size_t i = 0; i < count; i++) {
		right += company_left(placed[i].row);
		if (i + 1 >= WARNED_MIN && (double)right >= precision * (double)(i + 1))
			most = i + 1;
	}
	return most;
}

static double best_precision(const struct placed *placed, size_t count)
{
	double right = 0, best = 0;
	for (size_t i = 0; i < count; i++) {
		right += company_left(placed[i].row);
		if (i + 1 >= WARNED_MIN && right / (double)(i + 1) > best)
			best = right / (double)(i + 1);
	}
	return best;
}

static void print_curve(FILE *out, struct placed *const placed[RANKING_COUNT], size_t count)
{
	static const double precisions[CURVE_COUNT] = { 0.60, 0.50, 0.40, 0.35, 0.30,
							0.25, 0.20, 0.15, 0.10 };
	fprintf(out,
		"Recall %d days or more ahead, by the share of warnings after which the "
		"customer left\nwithin %d days (precision)\n  precision ",
		COMPANY_LEAD_DAYS, HAZARD_HORIZON_DAYS);
	for (int ranking = 0; ranking < RANKING_COUNT; ranking++)
		fprintf(out, " %14s", ranking_names[ranking]);
	fprintf(out, "\n");
	for (int i = 0; i < CURVE_COUNT; i++) {
		fprintf(out, "      %2.0f %%  ", 100 * precisions[i]);
		for (int ranking = 0; ranking < RANKING_COUNT; ranking++) {
			size_t warned = warned_at(placed[ranking], count, precisions[i]);
			if (warned == 0)
				fprintf(out, " %14s", "-");
			else
				fprintf(out, " %12.1f %%",
					100 * recall_ahead(placed[ranking], warned, count));
		}
		fprintf(out, "\n");
	}
}

static int print_warnings(FILE *out, struct placed *const placed[RANKING_COUNT], size_t count)
{
	double best = best_precision(placed[0], count);
	double point = best < 0.60 ? best : 0.60;
	size_t oracle = warned_at(placed[0], count, point),
	       model = warned_at(placed[1], count, point);
	double of_oracle = recall_ahead(placed[0], oracle, count);
	double of_model = model == 0 ? 0 : recall_ahead(placed[1], model, count);
	print_curve(out, placed, count);
	bool met = of_model >= 0.85 * of_oracle;
	fprintf(out,
		"  at the oracle's point of %.0f %%: oracle %.1f %%, foretell %.1f %% (%.0f %% of "
		"it)\n  target: at least 85 %% of the oracle's recall: %s\n\n",
		100 * point, 100 * of_oracle, 100 * of_model, 100 * of_model / of_oracle,
		met ? "met" : "MISSED");
	return !met;
}

/* ---- calibration ---- */

static int print_calibration(FILE *out, const struct placed *placed, size_t count)
{
	int outside = 0;
	size_t smallest = count / DECILES;
	fprintf(out, "Calibration by tenths of the looks, least risk first\n"
		     "  looks   foretold      came\n");
	for (int decile = 0; decile < DECILES; decile++) {
		size_t from = count * (size_t)decile / DECILES,
		       to = count * (size_t)(decile + 1) / DECILES;
		double p = 0, left = 0, n = (double)(to - from);
		for (size_t i = from; i < to; i++) {
			p += (double)placed[count - 1 - i].row->probability;
			left += company_left(placed[count - 1 - i].row);
		}
		p /= n;
		left /= n;
		double band = 1.96 * sqrt(p * (1 - p) / n);
		bool inside = fabs(left - p) <= (band > 0.03 ? band : 0.03);
		outside += !inside;
		fprintf(out, "  %6.0f   %6.2f %%  %6.2f %%%s\n", n, 100 * p, 100 * left,
			inside ? "" : "   outside");
	}
	bool met = outside == 0 && smallest >= DECILE_MIN;
	fprintf(out,
		"  target: inside the 95 %% band or 3 points in each, at least %d looks each: "
		"%s\n\n",
		DECILE_MIN, met ? "met" : "MISSED");
	return !met;
}

/* ---- reasons ---- */

static int group_of(int cause)
{
	switch (cause) {
	case CAUSE_SATISFACTION: return GROUP_SATISFACTION;
	case CAUSE_SERVICE: return GROUP_SERVICE;
	case CAUSE_PRICE: return GROUP_PRICE;
	case CAUSE_COMPETITOR: return GROUP_COMPETITOR;
	case CAUSE_USAGE: return GROUP_USAGE;
	default: return GROUP_PEERS;
	}
}

static int by_customer(const void *a, const void *b)
{
	const struct company_row *x = *(const struct company_row *const *)a,
				 *y = *(const struct company_row *const *)b;
	uint64_t p = customer_key(x), q = customer_key(y);
	if (p != q)
		return p < q ? -1 : 1;
	return (x->day > y->day) - (x->day < y->day);
}

/* Of each customer that left of a cause that showed, the last look at least the lead before it, if
 * it was among the riskiest tenth of all looks: are the planted cause's signals among the reasons?
 */
static int print_reasons(FILE *out, const struct placed *placed, size_t count)
{
	size_t warned = count / 10, kept = 0;
	const struct company_row **rows = check_calloc(warned + 1, sizeof *rows);
	int64_t of[CAUSE_COUNT] = { 0 }, named[CAUSE_COUNT] = { 0 }, all = 0, right = 0;
	for (size_t i = 0; i < warned; i++)
		if (is_ahead(placed[i].row) && placed[i].row->is_shown &&
		    placed[i].row->cause != CAUSE_OUTSIDE)
			rows[kept++] = placed[i].row;
	qsort(rows, kept, sizeof *rows, by_customer);
	for (size_t i = 0; i < kept; i++) {
		if (i + 1 < kept && customer_key(rows[i]) == customer_key(rows[i + 1]))
			continue;
		int group = group_of(rows[i]->cause);
		bool is_named = false;
		for (int place = 0; place < 3; place++)
			is_named |= rows[i]->reasons[place] == group;
		of[rows[i]->cause]++;
		named[rows[i]->cause] += is_named;
		all++;
		right += is_named;
	}
	free(rows);
	fprintf(out, "Reasons: warned of (the riskiest tenth), left of a cause that showed\n");
	for (int cause = 1; cause < CAUSE_COUNT; cause++)
		if (of[cause] > 0)
			fprintf(out, "  %-14s %5" PRId64 "   among the first three %5.1f %%\n",
				cause_name((enum cause)cause), of[cause],
				100 * (double)named[cause] / (double)of[cause]);
	bool met = all > 0 && (double)right >= 0.8 * (double)all;
	fprintf(out, "  all            %5" PRId64 "   among the first three %5.1f %%\n", all,
		all == 0 ? 0 : 100 * (double)right / (double)all);
	fprintf(out, "  target: at least 80 %%: %s\n", met ? "met" : "MISSED");
	return !met;
}

int company_report_print(FILE *out, const struct company_table *table, int from_day)
{
	struct placed *placed[RANKING_COUNT];
	size_t count = 0;
	int missed = print_losses(out, table, from_day);
	fprintf(out, "AUC at %d days\n", HAZARD_HORIZON_DAYS);
	for (int ranking = 0; ranking < RANKING_COUNT; ranking++) {
		placed[ranking] = placed_new(table, ranking, from_day, &count);
		fprintf(out, "  %-16s %.3f\n", ranking_names[ranking], auc(placed[ranking], count));
	}
	fprintf(out, "\n");
	missed += print_warnings(out, placed, count);
	missed += print_calibration(out, placed[1], count);
	missed += print_reasons(out, placed[1], count);
	for (int ranking = 0; ranking < RANKING_COUNT; ranking++)
		free(placed[ranking]);
	return missed;
}
