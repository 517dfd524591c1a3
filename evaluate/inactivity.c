#include "evaluate/inactivity.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/timestamp.h"
#include "evaluate/history.h"
#include "evaluate/report.h"
#include "evaluate/svg.h"

/* Customers at one or several moments. */
struct snapshots {
	size_t count, capacity;
	double *values; /* [row * HISTORY_COUNT] */
	uint8_t *labels;
	uint32_t *customers;
	size_t *moments; /* number of the snapshot */
};

/* What a snapshot had, for the timeline. */
struct moment {
	int64_t at_ms;
	size_t count, silent;
};

struct work {
	const struct inactivity_evaluation *options;
	FILE *out;
	struct orders orders;
	int learnt_days; /* the horizon that snapshots can have */
	size_t moment_count;
	struct moment moments[INACTIVITY_SNAPSHOTS_MAX];
	struct snapshots train, test;
	bool is_judged;
	struct dataset dataset;
	struct classifier model;
	double *probabilities, *logistic;
};

/* ---- snapshots ---- */

static void snapshots_reserve(struct snapshots *rows)
{
	if (rows->count < rows->capacity)
		return;
	rows->capacity = rows->capacity == 0 ? 4096 : rows->capacity * 2;
	rows->values =
		check_realloc(rows->values, rows->capacity * HISTORY_COUNT * sizeof *rows->values);
	rows->labels = check_realloc(rows->labels, rows->capacity);
	rows->customers = check_realloc(rows->customers, rows->capacity * sizeof(uint32_t));
	rows->moments = check_realloc(rows->moments, rows->capacity * sizeof(size_t));
}

/* Whether a customer is among the share of them that is learnt from: the same ones at each moment.
 * The multiplier spreads numbers evenly (D. E. Knuth, TAOCP 3, section 6.4). */
static bool is_learnt_from(const struct work *work, uint32_t customer)
{
	double rows = (double)work->orders.customer_count * (double)work->moment_count;
	double place = (double)(customer * UINT32_C(2654435761)) * 0x1p-32;
	return place * rows < INACTIVITY_ROWS_MAX;
}

/* Each customer known at at_ms becomes a row; its label is silence for so many days. */
static void take(const struct work *work, int64_t at_ms, int days, size_t moment,
		 struct snapshots *rows)
{
	bool learns = rows == &work->train;
	const struct orders *orders = &work->orders;
	int64_t active_ms = work->options->active_days * MS_PER_DAY;
	for (uint32_t customer = 0; customer < orders->customer_count; customer++) {
		snapshots_reserve(rows);
		if (learns && !is_learnt_from(work, customer))
			continue;
		if (active_ms > 0 &&
		    !history_orders_within(orders, customer, at_ms - active_ms, at_ms))
			continue;
		if (!history_values(orders, customer, at_ms, orders->first_ms, days,
				    rows->values + rows->count * HISTORY_COUNT))
			continue;
		rows->labels[rows->count] =
			!history_orders_within(orders, customer, at_ms, at_ms + days * MS_PER_DAY);
		rows->customers[rows->count] = customer;
		rows->moments[rows->count++] = moment;
	}
}

static void snapshots_fini(struct snapshots *rows)
{
	free(rows->values);
	free(rows->labels);
	free(rows->customers);
	free(rows->moments);
}

/* Chooses the moments to learn from, the latest first. */
static struct err *choose_moments(struct work *work)
{
	const struct inactivity_evaluation *options = work->options;
	int64_t history_days = (options->cutoff_ms - work->orders.first_ms) / MS_PER_DAY;
	char first[TIME_TEXT_LEN + 1], last[TIME_TEXT_LEN + 1], cutoff[TIME_TEXT_LEN + 1];
	work->learnt_days = options->horizon_days;
	if (options->cutoff_ms - work->orders.end_ms > INACTIVITY_GAP_DAYS_MAX * MS_PER_DAY) {
		time_format(work->orders.end_ms - 1, last);
		time_format(options->cutoff_ms, cutoff);
		return err_new(
			ERR_FATAL, "CUTOFF_LATE",
			"%s ends on %.10s, long before the cutoff of %.10s: whoever is silent "
			"in between may only be missing from the file; take a --cutoff "
			"within %d days of its last order",
			options->orders_path, last, cutoff, INACTIVITY_GAP_DAYS_MAX);
	}
	if (history_days < options->horizon_days + INACTIVITY_HISTORY_DAYS_MIN)
		work->learnt_days = (int)(history_days / 3);
	if (work->learnt_days < 7 || history_days < INACTIVITY_HISTORY_DAYS_MIN) {
		time_format(work->orders.first_ms, first);
		time_format(options->cutoff_ms, cutoff);
		return err_new(ERR_FATAL, "HISTORY_SHORT",
			       "%s begins on %.10s, %" PRId64
			       " days before the cutoff of %.10s: at "
			       "least %d are needed; take a later --cutoff",
			       options->orders_path, first, history_days < 0 ? 0 : history_days,
			       cutoff, INACTIVITY_HISTORY_DAYS_MIN);
	}
	int64_t step = work->learnt_days / 6 > 7 ? work->learnt_days / 6 : 7;
	int64_t needed = INACTIVITY_HISTORY_DAYS_MIN < history_days / 2
				 ? INACTIVITY_HISTORY_DAYS_MIN
				 : history_days / 2;
	for (int64_t back = work->learnt_days; work->moment_count < INACTIVITY_SNAPSHOTS_MAX;
	     back += step) {
		if (history_days - back < needed)
			break;
		work->moments[work->moment_count++].at_ms = options->cutoff_ms - back * MS_PER_DAY;
	}
	return NULL;
}

static struct err *check_rows(const struct work *work)
{
	size_t silent = 0, count = work->train.count;
	for (size_t i = 0; i < count; i++)
		silent += work->train.labels[i];
	if (count > 0 && (silent == 0 || silent == count))
		return err_new(
			ERR_FATAL, "ONE_CLASS",
			"within %d days all %zu customers of the earlier snapshots %s: there "
			"is nothing to tell apart; take %s --horizon-days",
			work->learnt_days, count, silent == 0 ? "order again" : "are silent",
			silent == 0 ? "shorter" : "longer");
	if (count < INACTIVITY_ROWS_MIN || silent < INACTIVITY_CLASS_ROWS_MIN ||
	    count - silent < INACTIVITY_CLASS_ROWS_MIN)
		return err_new(
			ERR_FATAL, "TOO_FEW_ROWS",
			"too few customers to learn from: %zu rows in %zu earlier snapshots, "
			"%zu of them silent afterwards; at least %d are needed, and %d of "
			"each kind",
			count, work->moment_count, silent, INACTIVITY_ROWS_MIN,
			INACTIVITY_CLASS_ROWS_MIN);
	if (work->test.count == 0)
		return err_new(
			ERR_FATAL, "TOO_FEW_ROWS", "no customer has ordered before the cutoff%s",
			work->options->active_days > 0 ? " in the days of --active-days" : "");
	return NULL;
}

static struct err *take_all(struct work *work)
{
	const struct inactivity_evaluation *options = work->options;
	struct err *err = choose_moments(work);
	if (err != NULL)
		return err;
	for (size_t m = 0; m < work->moment_count; m++) {
		struct moment *moment = &work->moments[m];
		size_t before = work->train.count;
		take(work, moment->at_ms, work->learnt_days, m, &work->train);
		moment->count = work->train.count - before;
		for (size_t i = before; i < work->train.count; i++)
			moment->silent += work->train.labels[i];
	}
	take(work, options->cutoff_ms, options->horizon_days, 0, &work->test);
	work->is_judged =
		options->cutoff_ms + options->horizon_days * MS_PER_DAY <= work->orders.end_ms;
	work->dataset = (struct dataset){ .row_count = work->train.count,
					  .column_count = HISTORY_COUNT,
					  .values = work->train.values,
					  .labels = work->train.labels,
					  .groups = work->train.customers };
	return check_rows(work);
}

/* ---- what is said ---- */

static void print_facts(const struct work *work)
{
	const struct orders *orders = &work->orders;
	const struct inactivity_evaluation *options = work->options;
	char first[TIME_TEXT_LEN + 1], last[TIME_TEXT_LEN + 1], cutoff[TIME_TEXT_LEN + 1];
	time_format(orders->first_ms, first);
	time_format(orders->end_ms - 1, last);
	time_format(options->cutoff_ms, cutoff);
	fprintf(work->out, "orders: %zu lines of %zu customers, %.10s to %.10s", orders->count,
		orders->customer_count, first, last);
	if (orders->bad_count > 0)
		fprintf(work->out, "; %zu rows that can't be read", orders->bad_count);
	if (orders->other_count > 0)
		fprintf(work->out, "; %zu events that are no orders", orders->other_count);
	fprintf(work->out,
		"\nlearnt from: %zu customers at %zu earlier moments, each with the %d "
		"days after it\n",
		work->train.count, work->moment_count, work->learnt_days);
	for (size_t m = 0; m < work->moment_count; m++) {
		char at[TIME_TEXT_LEN + 1];
		time_format(work->moments[m].at_ms, at);
		fprintf(work->out, "  %.10s  %6zu customers, %5.1f %% silent\n", at,
			work->moments[m].count,
			100 * (double)work->moments[m].silent /
				(double)(work->moments[m].count > 0 ? work->moments[m].count : 1));
	}
	fprintf(work->out, "cutoff: %.10s, %zu customers, silent for %d days?%s\n", cutoff,
		work->test.count, options->horizon_days,
		work->is_judged ? "" : " (not judged: the file ends before that)");
	if (work->learnt_days < options->horizon_days)
		fprintf(work->out,
			"warning: the orders before the cutoff are too few days for a horizon of "
			"%d; learnt is silence\nof %d days: the ranking stands for both, the "
			"probabilities are those of %d days\n",
			options->horizon_days, work->learnt_days, work->learnt_days);
}

/* A row's contributions by kind, and of each kind the feature that speaks most for its sum. */
struct kinds {
	const double *values;
	double sums[HISTORY_KIND_COUNT];
	size_t spokesmen[HISTORY_KIND_COUNT];
};

static void kinds_set(struct kinds *kinds, const double *values, const double *contributions)
{
	*kinds = (struct kinds){ .values = values };
	for (size_t j = 0; j < HISTORY_COUNT; j++)
		kinds->sums[history_kind_of(j)] += contributions[j];
	for (int k = 0; k < HISTORY_KIND_COUNT; k++) {
		double sign = kinds->sums[k] < 0 ? -1 : 1, most = -INFINITY;
		for (size_t j = 0; j < HISTORY_COUNT; j++) {
			if (history_kind_of(j) != (enum history_kind)k ||
			    sign * contributions[j] <= most)
				continue;
			most = sign * contributions[j];
			kinds->spokesmen[k] = j;
		}
	}
}

static void say_kind(const void *context, size_t kind, char *text, size_t text_max)
{
	const struct kinds *kinds = context;
	size_t feature = kinds->spokesmen[kind];
	history_text(feature, kinds->values[feature], text, text_max);
}

static struct err *predict(struct work *work)
{
	const struct snapshots *test = &work->test;
	FILE *file = NULL;
	struct err *err = report_open(work->options->out_path, &file);
	work->probabilities = check_calloc(test->count + 1, sizeof(double));
	for (size_t i = 0; err == NULL && i < test->count; i++) {
		const double *row = test->values + i * HISTORY_COUNT;
		struct bytes id = work->orders.names[test->customers[i]];
		double contributions[HISTORY_COUNT];
		double p = dm_sigmoid(classifier_explain(&work->model, row, contributions));
		work->probabilities[i] = p;
		struct kinds kinds;
		kinds_set(&kinds, row, contributions);
		if (work->model.report.has_skill)
			report_predict(file, id, p, kinds.sums, HISTORY_KIND_COUNT, say_kind,
				       &kinds);
		else
			report_predict_plain(file, id, p,
					     "no better than the base rate: nothing is known of "
					     "this customer");
	}
	struct err *close_err = report_close(work->options->out_path, &file);
	if (err == NULL)
		return close_err;
	err_free(&close_err);
	return err;
}

static void predict_logistic(struct work *work)
{
	struct logistic model;
	const struct logistic_sample sample = { .dataset = &work->dataset };
	work->logistic = check_calloc(work->test.count + 1, sizeof(double));
	logistic_fit(&sample, work->model.report.trials[0].penalty, NULL, &model);
	for (size_t i = 0; i < work->test.count; i++)
		work->logistic[i] =
			dm_sigmoid(logistic_margin(&model, work->test.values + i * HISTORY_COUNT));
	logistic_fini(&model);
}

/* The share that fell silent after each moment, and what is said for the cutoff. */
static struct err *timeline_chart(const struct work *work, const char *folder)
{
	struct svg_point known[INACTIVITY_SNAPSHOTS_MAX + 1], said[1];
	char path[REPORT_PATH_MAX + 40];
	double sum = 0, silent = 0, count = (double)work->test.count;
	size_t known_count = work->moment_count;
	for (size_t m = 0; m < work->moment_count; m++) {
		const struct moment *moment = &work->moments[work->moment_count - 1 - m];
		known[m] = (struct svg_point){
			(double)moment->at_ms,
			moment->count > 0 ? (double)moment->silent / (double)moment->count : NAN, 0
		};
	}
	for (size_t i = 0; i < work->test.count; i++) {
		sum += work->probabilities[i];
		silent += work->test.labels[i];
	}
	said[0] = (struct svg_point){ (double)work->options->cutoff_ms, sum / count, 0 };
	if (work->is_judged && work->learnt_days == work->options->horizon_days)
		known[known_count++] =
			(struct svg_point){ (double)work->options->cutoff_ms, silent / count, 0 };
	const struct svg_chart chart = {
		.title = "Timeline: how many fell silent after each moment",
		.subtitle = "Learnt from all moments but the last; the cutoff is what is predicted",
		.x = { .label = "moment", .scale = SVG_TIME },
		.y = { "share that is silent over the horizon", SVG_PERCENT, 0, 1 },
		.layer_count = 2,
		.layers = { { SVG_LINE, "came", known, known_count },
			    { SVG_DOTS, "said at the cutoff", said, 1 } },
	};
	snprintf(path, sizeof path, "%s/timeline.svg", folder);
	return svg_write(path, &chart);
}

static struct err *judge_and_show(struct work *work, const char *folder)
{
	size_t count = work->test.count;
	double *recency = check_calloc(2 * count + 1, sizeof *recency), *base = recency + count;
	double silent = 0;
	for (size_t i = 0; i < work->train.count; i++)
		silent += work->train.labels[i];
	predict_logistic(work);
	for (size_t i = 0; i < count; i++) {
		double silence = work->test.values[i * HISTORY_COUNT + HISTORY_SILENCE];
		/* a ranking only, squeezed into (0, 1) */
		recency[i] = dm_sigmoid(silence - dm_log1p(work->learnt_days));
		base[i] = silent / (double)work->train.count;
	}
	struct report_row rows[] = {
		{ .name = "base rate", .probabilities = base },
		{ .name = "recency (ranking only)", .probabilities = recency },
		{ .name = "logistic regression", .probabilities = work->logistic },
		{ .name = "foretell", .probabilities = work->probabilities },
	};
	for (size_t i = 0; i < 4; i++)
		judge(rows[i].probabilities, work->test.labels, count, &rows[i].judgement);
	fprintf(work->out, "\n");
	struct err *err = NULL;
	if (rows[0].judgement.auc < 0) {
		fprintf(work->out, "not judged: all customers had the same outcome\n");
	} else {
		report_print(work->out, rows, 4);
		fprintf(work->out, "\n");
		report_print_verdict(work->out, &work->model.report, &rows[3], &rows[2],
				     work->test.labels);
		err = report_charts(folder, rows, 4, work->test.labels);
	}
	if (err == NULL)
		fprintf(work->out, "charts: %s/calibration.svg, %s/lift.svg, %s/timeline.svg\n",
			folder, folder, folder);
	free(recency);
	return err;
}

static struct err *run(struct work *work)
{
	const struct inactivity_evaluation *options = work->options;
	char folder[REPORT_PATH_MAX];
	struct err *err = orders_read(options->orders_path, options->map_path, &work->orders);
	if (err == NULL)
		err = take_all(work);
	if (err != NULL)
		return err;
	print_facts(work);
	classifier_train(&work->dataset, &options->classifier, &work->model);
	fprintf(work->out, "\n");
	report_print_trials(work->out, &work->model.report);
	err = predict(work);
	if (err == NULL)
		err = report_folder(options->out_path, folder);
	if (err == NULL)
		err = timeline_chart(work, folder);
	if (err == NULL && work->is_judged)
		err = judge_and_show(work, folder);
	else if (err == NULL)
		report_print_verdict(work->out, &work->model.report, NULL, NULL, NULL);
	if (err == NULL)
		fprintf(work->out, "predictions: %s\n", options->out_path);
	return err;
}

struct err *inactivity_evaluate(const struct inactivity_evaluation *evaluation)
{
	struct work work = { .options = evaluation, .out = evaluation->out };
	struct err *err = run(&work);
	classifier_fini(&work.model);
	free(work.probabilities);
	free(work.logistic);
	snapshots_fini(&work.train);
	snapshots_fini(&work.test);
	orders_fini(&work.orders);
	return err;
}
