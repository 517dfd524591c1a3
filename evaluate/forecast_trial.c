/* See forecast_trial.h. */
#include "evaluate/forecast_trial.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "models/accuracy.h"
#include "models/combination.h"
#include "models/driven.h"
#include "models/gaps.h"
#include "models/rate.h"
#include "models/share.h"
#include "models/smoothing.h"

enum {
	ORIGINS_APART = 4,
	ORIGINS = TRIAL_ORIGINS_MAX,
	TRAINING_MIN = 6,
	SUM_POINTS_MAX = 1040, /* weeks of 20 years */
	METHODS = PORTFOLIO_METHOD_COUNT
};

_Static_assert((int)METHODS <= (int)COMBINATION_METHODS_MAX, "methods combined");

/* Periods that calendars have, in points: quarters, days of a week, months, hours, half hours,
 * weeks, quarter hours, and the weeks of the last three of a day. */
static const int CALENDAR[] = { 4, 7, 12, 24, 48, 52, 96, 168, 336 };
static const double SCALE_MIN = 1e-9; /* of the naive scale */
static const double SEASONAL = 0.1, SEASONAL_SERIES_MIN = 0.05;
static const double SCALE_ORIGINS = 1.0; /* the pooled scale weighs as many of a series' own */

struct work_series {
	double *y; /* without gaps */
	int count;
	int origins, origin[ORIGINS]; /* points known at each, the last first */
	double *past[ORIGINS];	      /* [METHODS][horizon], forecasts made there */
	double naive_scale;
	double strength[PORTFOLIO_PERIODS_MAX + 2];
};

struct work {
	const struct forecast_trial_options *options;
	const struct series_table *table;
	struct forecast_trial *trial;
	struct work_series *series;
	int candidates[PORTFOLIO_PERIODS_MAX + 2], candidate_count;
	bool total_is_done;
};

/* ---- which periods there are ---- */

static void candidates_set(struct work *w)
{
	int n = 0;
	int own = w->options->period;
	for (size_t i = 0; i < sizeof CALENDAR / sizeof *CALENDAR; i++) {
		if (own > 1 && own < CALENDAR[i] && (n == 0 || w->candidates[n - 1] < own))
			w->candidates[n++] = own;
		if (n == 0 || w->candidates[n - 1] != CALENDAR[i])
			w->candidates[n++] = CALENDAR[i];
	}
	if (own > w->candidates[n - 1])
		w->candidates[n++] = own;
	w->candidate_count = n;
}

static void strength_measure(void *context, size_t i)
{
	struct work *w = context;
	struct work_series *s = &w->series[i];
	for (int k = 0; k < w->candidate_count; k++)
		s->strength[k] = season_strength(s->y, s->count, w->candidates[k]);
}

/* The period that is strongest over all series, and the week of that day. */
static void periods_choose(struct work *w)
{
	int first = 0;
	double best = 0;
	for (int k = 0; k < w->candidate_count; k++) {
		double sum = 0;
		size_t long_enough = 0, seasonal = 0;
		for (size_t i = 0; i < w->table->count; i++) {
			double strength = w->series[i].strength[k];
			long_enough += w->series[i].count > 3 * w->candidates[k];
			seasonal += strength > SEASONAL;
			sum += strength > 0 ? strength : 0;
		}
		double mean = long_enough > 0 ? sum / (double)long_enough : 0;
		if ((double)seasonal < SEASONAL_SERIES_MIN * (double)long_enough || mean <= best)
			continue;
		best = mean;
		first = w->candidates[k];
	}
	struct portfolio_periods *periods = &w->trial->periods;
	if (first > 0)
		periods->period[periods->count++] = first;
	for (int k = 0; k < w->candidate_count; k++)
		if (first > 0 && w->candidates[k] == 7 * first)
			periods->period[periods->count++] = w->candidates[k];
}

/* ---- forecasts ---- */

/* What is combined of few noisy points that are sums, in the first places of the methods. The total
 * is forecast by its level and by its number, flat and sloped; parts by their level, by their
 * number, and by their share of that. */
enum { SUM_LEVEL, SUM_NUMBER, SUM_LAST, SUM_METHODS };

static void forecast_sums(const struct work *w, size_t i, int origin, const double *total,
			  double *out)
{
	const int horizon = w->options->horizon;
	const double *y = w->series[i].y, *number = w->options->numbers->series[i].values;
	double *level = out + SUM_LEVEL * horizon, *last = out + SUM_LAST * horizon;
	double scratch[SUM_POINTS_MAX];
	int count = origin < SUM_POINTS_MAX ? origin : SUM_POINTS_MAX;
	level[0] = smoothing_ses_best(y + origin - count, count, scratch);
	for (int h = 1; h < horizon; h++)
		level[h] = level[0];
	rate_forecast(y, number, origin, horizon, out + SUM_NUMBER * horizon, last);
	if (i == 0)
		return;
	double share = share_median(y, w->series[0].y, origin);
	for (int h = 0; h < horizon; h++) {
		last[h] = 0;
		for (int m = 0; m < SUM_METHODS; m++)
			last[h] += share * total[m * horizon + h] / SUM_METHODS;
	}
}

static void forecast_known(struct work *w, size_t i, const double *y, int origin,
			   struct portfolio_memory *memory, double *out)
{
	const struct work_series *s = &w->series[i];
	const struct portfolio_periods *periods = &w->trial->periods;
	const struct regressor_table *table = w->options->regressors;
	int horizon = w->trial->horizon;
	if (table == NULL || table->sets[i].count == 0) {
		portfolio_forecast(y, origin, periods, horizon, memory, out);
		return;
	}
	const struct regressor_set *set = &table->sets[i];
	double *x = check_calloc((size_t)(origin + horizon) * (size_t)set->count, sizeof *x);
	regressor_set_fill(set, s->count, origin, periods, horizon, x);
	driven_forecast(y, origin, periods, x, set->count, horizon, memory,
			&w->trial->series[i].regressors, out);
	free(x);
}

/* Nothing beyond the origin is seen, nor is it by the cleaning. */
static void forecast_from(struct work *w, size_t i, int origin, struct portfolio_memory *memory,
			  double *out)
{
	const struct work_series *s = &w->series[i];
	if (!w->options->clean) {
		forecast_known(w, i, s->y, origin, memory, out);
		return;
	}
	double *y = check_malloc((size_t)origin * sizeof *y);
	memcpy(y, s->y, (size_t)origin * sizeof *y);
	int skipped = origin > CLEAN_POINTS_MAX ? origin - CLEAN_POINTS_MAX : 0;
	w->trial->series[i].found = clean_series(y + skipped, origin - skipped,
						 w->trial->periods.period, w->trial->periods.count);
	forecast_known(w, i, y, origin, memory, out);
	free(y);
}

/* The first series is done before the others, which are shares of it. */
static void forecast_sum_series(void *context, size_t i)
{
	struct work *w = context;
	struct work_series *s = &w->series[i];
	if (i == 0 && w->total_is_done)
		return;
	for (int k = 0; k < s->origins; k++)
		forecast_sums(w, i, s->origin[k], w->series[0].past[k], s->past[k]);
	forecast_sums(w, i, s->count, w->trial->series[0].method[0], w->trial->series[i].method[0]);
}

static void forecast_series(void *context, size_t i)
{
	struct work *w = context;
	struct work_series *s = &w->series[i];
	struct portfolio_memory memory = { .known = false };
	for (int k = s->origins - 1; k >= 0; k--)
		forecast_from(w, i, s->origin[k], &memory, s->past[k]);
	forecast_from(w, i, s->count, NULL, w->trial->series[i].method[0]);
}

static int origins_most(const struct work *w)
{
	return w->options->numbers != NULL ? ORIGINS : ORIGINS_APART;
}

/* What is known at each origin: enough to find the seasons that the series has, where the last one
 * can. Errors from fewer points tell nothing of those from its end. */
static int training_min(const struct work *w, const struct work_series *s)
{
	const struct portfolio_periods *periods = &w->trial->periods;
	int min = TRAINING_MIN;
	for (int p = 0; p < periods->count; p++) {
		int seen = season_points_min(periods->period[p]), k = 0;
		while (w->candidates[k] != periods->period[p])
			k++;
		if (s->strength[k] > SEASONAL && s->count - w->options->horizon >= seen)
			min = seen;
	}
	return min;
}

/* Origins before the end, a horizon apart, closer where the series is short. */
static void origins_set(const struct work *w, struct work_series *s)
{
	int horizon = w->options->horizon;
	int room = s->count - horizon - training_min(w, s); /* before the last origin */
	if (room < 0)
		return;
	int most = origins_most(w);
	int apart = room / (most - 1) < horizon ? room / (most - 1) : horizon;
	apart = apart < 1 || w->options->numbers != NULL ? 1 : apart;
	for (int k = 0; k < most && room - k * apart >= 0; k++)
		s->origin[s->origins++] = s->count - horizon - k * apart;
}

static double naive_scale(const struct work_series *s, int period)
{
	double scale = accuracy_mase_scale(s->y, s->count, s->count > period ? period : 1);
	if (scale > 0)
		return scale;
	double size = 0;
	for (int t = 0; t < s->count; t++)
		size = fabs(s->y[t]) > size ? fabs(s->y[t]) : size;
	return size > 0 ? 1e-9 * size : 1e-9; /* a constant series */
}

/* ---- weights ---- */

/* Without learning: parameters of richer methods would be noise themselves, and errors of many
 * small series say little about a large one. */
static void prior_simple(double prior[METHODS])
{
	memset(prior, 0, METHODS * sizeof *prior);
	for (int m = 0; m < SUM_METHODS; m++)
		prior[m] = 1.0 / SUM_METHODS;
}

static void prior_learn(struct work *w)
{
	size_t count = 0, max = w->table->count * (size_t)origins_most(w);
	struct combination_case *cases = check_calloc(max, sizeof *cases);
	for (size_t i = 0; i < w->table->count; i++) {
		const struct work_series *s = &w->series[i];
		for (int k = 0; k < s->origins; k++)
			cases[count++] = (struct combination_case){ .forecast = s->past[k],
								    .actual = s->y + s->origin[k],
								    .scale = s->naive_scale };
	}
	combination_prior(cases, count, METHODS, w->options->horizon, w->trial->prior);
	free(cases);
}

/* Whether an origin is left out with another (-1: none is): its errors are partly of the same
 * points, so what is learnt from them would know those that it is to be tried on. */
static bool is_left_out(const struct work_series *s, int origin, int left_out, int horizon)
{
	return left_out >= 0 && abs(s->origin[origin] - s->origin[left_out]) < horizon;
}

/* Weights of a series from its origins, less the one to be left out. */
static void weights_learn(const struct work *w, size_t i, int left_out, double *weight)
{
	const struct work_series *s = &w->series[i];
	double error[METHODS] = { 0 };
	int horizon = w->options->horizon, used = 0;
	for (int k = 0; k < s->origins; k++) {
		if (is_left_out(s, k, left_out, horizon))
			continue;
		used++;
		for (int m = 0; m < METHODS; m++)
			for (int h = 0; h < horizon; h++)
				error[m] +=
					fabs(s->y[s->origin[k] + h] - s->past[k][m * horizon + h]);
	}
	combination_weights(w->trial->prior, used > 0 ? error : NULL, METHODS, weight);
}

/* ---- quantiles ---- */

/* The error of the combination at each origin, with weights from the others. */
static void errors_make(const struct work *w, size_t i, double *error, double mean[ORIGINS])
{
	const struct work_series *s = &w->series[i];
	int horizon = w->options->horizon;
	for (int k = 0; k < s->origins; k++) {
		double weight[METHODS];
		double *at = error + k * horizon;
		weights_learn(w, i, k, weight);
		combination_point(weight, s->past[k], METHODS, horizon, at);
		mean[k] = 0;
		for (int h = 0; h < horizon; h++) {
			at[h] = s->y[s->origin[k] + h] - at[h];
			mean[k] += fabs(at[h]) / (double)horizon;
		}
	}
}

/* A series' scale: its mean errors at the origins less the one to be left out, drawn to its naive
 * scale. Where none is left out they weigh as many as are left otherwise: quantiles hold for scales
 * that are as sure of a series' own errors as those that they were learnt with. */
static double scale_of(const struct work_series *s, const double mean[ORIGINS], int left_out,
		       int horizon, double per_naive)
{
	double sum = 0, left = 0;
	int used = 0;
	for (int k = 0; k < s->origins; k++) {
		for (int other = 0; left_out < 0 && other < s->origins; other++)
			left += !is_left_out(s, k, other, horizon) / (double)s->origins;
		if (is_left_out(s, k, left_out, horizon))
			continue;
		sum += mean[k];
		used++;
	}
	double weight = left_out < 0 ? left : used;
	sum = SCALE_ORIGINS * per_naive * s->naive_scale + (used > 0 ? weight * sum / used : 0);
	/* foretold exactly: a scale all the same, to divide by */
	double scale = sum / (SCALE_ORIGINS + weight), least = SCALE_MIN * s->naive_scale;
	return scale > least ? scale : least;
}

static void quantiles_fill(struct work *w, size_t i, const struct spread *spread, double scale)
{
	struct forecast_trial_series *out = &w->trial->series[i];
	const struct work_series *s = &w->series[i];
	bool nonnegative = true;
	for (int t = 0; t < s->count; t++)
		nonnegative = nonnegative && s->y[t] >= 0;
	for (int h = 0; h < w->options->horizon; h++)
		for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++) {
			double value = out->point[h] + spread_offset(spread, h + 1, q, scale);
			out->quantile[q][h] = nonnegative && value < 0 ? 0 : value;
		}
}

static void combine(struct work *w)
{
	struct forecast_trial *trial = w->trial;
	int horizon = trial->horizon;
	size_t per_series = (size_t)origins_most(w) * (size_t)horizon;
	double *error = trial->errors = check_calloc(trial->count * per_series, sizeof *error);
	double(*mean)[ORIGINS] = check_calloc(trial->count, sizeof *mean);
	double per_naive = 0;
	size_t learnt = 0;
	for (size_t i = 0; i < trial->count; i++) {
		struct forecast_trial_series *out = &trial->series[i];
		weights_learn(w, i, -1, out->weight);
		combination_point(out->weight, out->method[0], METHODS, horizon, out->point);
		errors_make(w, i, error + i * per_series, mean[i]);
		out->error = error + i * per_series;
		for (int k = 0; k < w->series[i].origins; k++, learnt++)
			per_naive += mean[i][k] / w->series[i].naive_scale;
	}
	per_naive = learnt > 0 ? per_naive / (double)learnt : 1.0;
	struct spread *spread = spread_new(horizon, learnt);
	for (size_t i = 0; i < trial->count; i++)
		for (int k = 0; k < w->series[i].origins; k++)
			spread_add(spread, error + i * per_series + (size_t)(k * horizon),
				   scale_of(&w->series[i], mean[i], k, horizon, per_naive));
	spread_finish(spread);
	for (size_t i = 0; i < trial->count; i++)
		quantiles_fill(w, i, spread,
			       scale_of(&w->series[i], mean[i], -1, horizon, per_naive));
	spread_free(&spread);
	free(mean);
}

/* ---- the whole ---- */

static struct err *series_prepare(struct work *w, size_t i)
{
	const struct series *from = &w->table->series[i];
	struct work_series *s = &w->series[i];
	s->count = from->count;
	s->y = check_calloc((size_t)from->count + 1, sizeof *s->y);
	if (from->count > 0)
		memcpy(s->y, from->values, (size_t)from->count * sizeof *s->y);
	if (gaps_fill(s->y, s->count) == 0)
		return err_new(ERR_FATAL, "SERIES_EMPTY",
			       "series %s has no value: leave it out of the file", from->id);
	s->naive_scale = naive_scale(s, w->options->period);
	return NULL;
}

static void origins_prepare(struct work *w)
{
	size_t values = (size_t)METHODS * (size_t)w->options->horizon;
	for (size_t i = 0; i < w->table->count; i++) {
		struct work_series *s = &w->series[i];
		origins_set(w, s);
		for (int k = 0; k < s->origins; k++)
			s->past[k] = check_calloc(values, sizeof(double));
	}
}

static void arrays_lay(struct forecast_trial *trial)
{
	size_t horizon = (size_t)trial->horizon;
	size_t per_series = horizon * (METHODS + 1 + SPREAD_QUANTILE_COUNT);
	trial->values = check_calloc(trial->count * per_series, sizeof *trial->values);
	trial->series = check_calloc(trial->count, sizeof *trial->series);
	for (size_t i = 0; i < trial->count; i++) {
		double *at = trial->values + i * per_series;
		struct forecast_trial_series *series = &trial->series[i];
		for (int m = 0; m < METHODS; m++, at += horizon)
			series->method[m] = at;
		series->point = at;
		for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++)
			series->quantile[q] = at += horizon;
	}
}

static struct err *run(struct work *w)
{
	const struct parallel_options *parallel = &w->options->parallel;
	struct parallel_options quiet = *parallel;
	quiet.progress = NULL;
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < w->table->count; i++)
		err = series_prepare(w, i);
	if (err != NULL)
		return err;
	candidates_set(w);
	bool of_sums = w->options->numbers != NULL;
	bool is_whole = of_sums || parallel_run(w->table->count, strength_measure, w, &quiet);
	if (!of_sums)
		periods_choose(w);
	origins_prepare(w);
	if (of_sums)
		forecast_sum_series(w, 0);
	w->total_is_done = of_sums;
	if (!is_whole ||
	    !parallel_run(w->table->count, of_sums ? forecast_sum_series : forecast_series, w,
			  parallel))
		return err_new(ERR_FATAL, "INTERRUPTED", "interrupted");
	if (of_sums)
		prior_simple(w->trial->prior);
	else
		prior_learn(w);
	combine(w);
	for (size_t i = 0; i < w->table->count; i++)
		w->trial->series[i].origin_count = w->series[i].origins;
	return NULL;
}

struct err *forecast_trial_run(const struct series_table *table,
			       const struct forecast_trial_options *options,
			       struct forecast_trial **trial)
{
	CHECK(options->period >= 1 && options->horizon >= 1 &&
	      options->horizon <= PORTFOLIO_HORIZON_MAX);
	*trial = check_calloc(1, sizeof **trial);
	(*trial)->count = table->count;
	(*trial)->horizon = options->horizon;
	arrays_lay(*trial);
	struct work w = { .options = options, .table = table, .trial = *trial };
	w.series = check_calloc(table->count, sizeof *w.series);
	struct err *err = run(&w);
	for (size_t i = 0; i < table->count; i++) {
		for (int k = 0; k < w.series[i].origins; k++)
			free(w.series[i].past[k]);
		free(w.series[i].y);
	}
	free(w.series);
	if (err != NULL)
		forecast_trial_free(trial);
	return err;
}

void forecast_trial_free(struct forecast_trial **trial)
{
	if (*trial == NULL)
		return;
	free((*trial)->values);
	free((*trial)->errors);
	free((*trial)->series);
	free(*trial);
	*trial = NULL;
}
