/* See order_trial.h. */
#include "evaluate/order_trial.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "evaluate/forecast_trial.h"
#include "models/accuracy.h"
#include "models/reconcile.h"
#include "models/smoothing.h"

enum { SEASONS_WEEKS_MIN = 2 * 52 };

static const double NORMAL_WIDTH_80 = 2.5631031310892009; /* of the 80 % interval, in sigmas */

struct work {
	const struct order_history *history;
	const struct parallel_options *parallel;
	struct order_trial *trial;
	struct series_table table, numbers; /* the nodes up to the origin at hand */
	struct forecast_trial *made;
	double *value, *variance; /* [node_count], of one step */
	int origin;
};

size_t order_trial_at(const struct order_trial *trial, int origin, int step, size_t node)
{
	return ((size_t)origin * ORDER_HORIZON + (size_t)(step - 1)) * trial->node_count + node;
}

/* Weeks known at an origin: at the last one all but one. */
static int known_at(const struct work *w, int origin)
{
	return w->history->weeks - ORDER_ORIGINS + origin;
}

static void table_fill(struct series_table *table, int known, bool of_numbers,
		       const struct order_history *h)
{
	for (size_t i = 0; i < table->count; i++) {
		struct series *series = &table->series[i];
		const int64_t *from = of_numbers ? h->nodes[i].number : h->nodes[i].amount;
		series->count = known;
		for (int t = 0; t < known; t++)
			series->values[t] = (double)from[t];
	}
}

/* Mean square of the errors, at all origins and steps, of the sum of the nodes of a dimension (-1:
 * of the total): what goes together and what is off on one side count in it. */
static double past_variance(const struct work *w, int dimension)
{
	const struct order_history *h = w->history;
	int count = w->made->series[0].origin_count * ORDER_HORIZON;
	double squares = 0;
	for (int e = 0; e < count; e++) {
		double sum = 0;
		for (size_t i = 0; i < h->node_count; i++)
			if (h->nodes[i].dimension == dimension)
				sum += w->made->series[i].error[e];
		squares += sum * sum / (double)count;
	}
	return squares;
}

/* Makes one step coherent, in whole units. */
static void reconcile_step(struct work *w, int step)
{
	const struct order_history *h = w->history;
	struct reconcile_parting partings[ORDER_DIMENSIONS_MAX] = { { 0, NULL, NULL, 0 } };
	size_t first[ORDER_DIMENSIONS_MAX] = { 0 };
	for (size_t i = 0; i < h->node_count; i++) {
		const struct forecast_trial_series *made = &w->made->series[i];
		double sigma = (made->quantile[3][step - 1] - made->quantile[1][step - 1]) /
			       NORMAL_WIDTH_80;
		w->value[i] = made->point[step - 1];
		w->variance[i] = sigma * sigma;
		if (i == 0)
			continue;
		struct reconcile_parting *p = &partings[h->nodes[i].dimension];
		if (p->count++ == 0) {
			first[h->nodes[i].dimension] = i;
			p->value = &w->value[i];
			p->variance = &w->variance[i];
		}
	}
	for (size_t k = 0; k < h->dimension_count; k++)
		partings[k].sum_variance = past_variance(w, (int)k);
	w->value[0] =
		reconcile_total(w->value[0], past_variance(w, -1), partings, h->dimension_count);
	int64_t *point = w->trial->point + order_trial_at(w->trial, w->origin, step, 0);
	point[0] = (int64_t)floor(w->value[0] + 0.5);
	for (size_t k = 0; k < h->dimension_count; k++) {
		reconcile_round(partings[k].value, partings[k].count, point[0], point + first[k]);
		int64_t off = -point[0];
		for (size_t i = 0; i < partings[k].count; i++)
			off += point[first[k] + i];
		off = off < 0 ? -off : off;
		if (off > w->trial->incoherent_max)
			w->trial->incoherent_max = off;
	}
}

static void score_step(struct work *w, int step, double ses, size_t i)
{
	struct order_trial *trial = w->trial;
	const struct forecast_trial_series *made = &w->made->series[i];
	size_t at = order_trial_at(trial, w->origin, step, i);
	/* the interval moves with its point */
	double moved = (double)trial->point[at] - made->point[step - 1];
	for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++)
		trial->quantile[q][at] = made->quantile[q][step - 1] + moved;
	int known = known_at(w, w->origin);
	if (known + step > w->history->weeks)
		return;
	struct order_score *score = &trial->scores[i];
	double actual = (double)w->history->nodes[i].amount[known + step - 1];
	score->forecasts++;
	score->error += accuracy_absolute(actual, (double)trial->point[at]);
	score->naive_error +=
		accuracy_absolute(actual, (double)w->history->nodes[i].amount[known - 1]);
	score->ses_error += accuracy_absolute(actual, ses);
	score->covered_80 +=
		accuracy_covered(actual, trial->quantile[1][at], trial->quantile[3][at]);
	score->covered_95 +=
		accuracy_covered(actual, trial->quantile[0][at], trial->quantile[4][at]);
}

static struct err *origin_run(struct work *w, double *level)
{
	struct forecast_trial_options options = { .period = 1,
						  .horizon = ORDER_HORIZON,
						  .parallel = *w->parallel };
	int known = known_at(w, w->origin);
	table_fill(&w->table, known, false, w->history);
	table_fill(&w->numbers, known, true, w->history);
	if (w->history->weeks < SEASONS_WEEKS_MIN)
		options.numbers = &w->numbers;
	struct err *err = forecast_trial_run(&w->table, &options, &w->made);
	if (err != NULL)
		return err;
	for (int step = 1; step <= ORDER_HORIZON; step++)
		reconcile_step(w, step);
	for (size_t i = 0; i < w->history->node_count; i++) {
		const struct series *series = &w->table.series[i];
		double ses = smoothing_ses_best(series->values, series->count, level);
		for (int step = 1; step <= ORDER_HORIZON; step++)
			score_step(w, step, ses, i);
	}
	forecast_trial_free(&w->made);
	return NULL;
}

static void table_make(struct series_table *table, size_t count, int points)
{
	table->count = count;
	table->series = check_calloc(count, sizeof *table->series);
	for (size_t i = 0; i < count; i++)
		table->series[i].values = check_calloc((size_t)points, sizeof(double));
}

static void table_free(struct series_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->series[i].values);
	free(table->series);
}

static void arrays_make(struct work *w)
{
	size_t nodes = w->history->node_count;
	size_t all = nodes * ORDER_ORIGINS * ORDER_HORIZON;
	struct order_trial *trial = w->trial;
	trial->node_count = nodes;
	trial->scores = check_calloc(nodes, sizeof *trial->scores);
	trial->point = check_calloc(all, sizeof *trial->point);
	for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++)
		trial->quantile[q] = check_calloc(all, sizeof(double));
	w->value = check_calloc(nodes, sizeof *w->value);
	w->variance = check_calloc(nodes, sizeof *w->variance);
	table_make(&w->table, nodes, w->history->weeks);
	table_make(&w->numbers, nodes, w->history->weeks);
}

struct err *order_trial_run(const struct order_history *history,
			    const struct parallel_options *parallel, struct order_trial **trial)
{
	*trial = NULL;
	if (history->weeks < ORDER_WEEKS_MIN + ORDER_ORIGINS)
		return err_new(ERR_FATAL, "ORDERS", "%d whole weeks are needed, there are %d",
			       ORDER_WEEKS_MIN + ORDER_ORIGINS, history->weeks);
	*trial = check_calloc(1, sizeof **trial);
	struct work w = { .history = history, .parallel = parallel, .trial = *trial };
	arrays_make(&w);
	double *level = check_calloc((size_t)history->weeks, sizeof *level);
	struct err *err = NULL;
	for (w.origin = 0; err == NULL && w.origin < ORDER_ORIGINS; w.origin++)
		err = origin_run(&w, level);
	table_free(&w.table);
	table_free(&w.numbers);
	free(w.value);
	free(w.variance);
	free(level);
	if (err != NULL)
		order_trial_free(trial);
	return err;
}

void order_trial_free(struct order_trial **trial)
{
	if (*trial == NULL)
		return;
	free((*trial)->scores);
	free((*trial)->point);
	for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++)
		free((*trial)->quantile[q]);
	free(*trial);
	*trial = NULL;
}
