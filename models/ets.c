/* See ets.h. */
#include "models/ets.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/optimize.h"
#include "models/smoothing.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { CALLS_MAX = 120, AGAIN_CALLS_MAX = 40, END_POINTS = 10, FORM_POINTS_MIN = 4 };

static const double TOLERANCE = 1e-6;
static const double FORECAST_MIN_SHARE = 1e-6; /* of the mean, for relative errors */

struct state {
	double level, slope;
	double index[ETS_PERIOD_MAX];
	int at; /* position in index of the next point */
};

/* One point; returns its forecast from the points before. */
static double step(const struct ets *m, struct state *s, double y)
{
	double slope = m->phi * s->slope;
	double base = s->level + slope;
	double *index = &s->index[s->at];
	double forecast = base;
	double error, level_error;
	if (m->season == ETS_MULTIPLICATIVE) {
		forecast = base * *index;
		error = y - forecast;
		level_error = error / *index;
		*index += m->gamma * error / base;
	} else if (m->season == ETS_ADDITIVE) {
		forecast = base + *index;
		error = level_error = y - forecast;
		*index += m->gamma * error;
	} else {
		error = level_error = y - forecast;
	}
	s->level = base + m->alpha * level_error;
	s->slope = slope + m->beta * level_error;
	s->at = s->at + 1 < m->period ? s->at + 1 : 0;
	return forecast;
}

/* The same without a season: most of the time is spent here. */
static inline double step_plain(const struct ets *m, struct state *s, double y)
{
	double slope = m->phi * s->slope;
	double base = s->level + slope;
	double error = y - base;
	s->level = base + m->alpha * error;
	s->slope = slope + m->beta * error;
	return base;
}

/* What is the same for all forms of one series. */
struct task {
	struct ets *model;
	const double *y;
	int count;
	double end_level[2], end_slope[2], smallest;
	double index[2][ETS_PERIOD_MAX]; /* additive, multiplicative, by position from the start */
};

/* Runs backwards from guessed states at the end to those before the first point. */
static bool backcast(const struct task *task, struct state *s)
{
	const struct ets *m = task->model;
	int kind = m->season == ETS_MULTIPLICATIVE;
	bool seasonal = m->season != ETS_NO_SEASON;
	*s = (struct state){ .level = task->end_level[m->season == ETS_NO_SEASON ? 0 : kind] };
	if (m->trend != ETS_FLAT)
		s->slope = -task->end_slope[kind];
	if (seasonal) /* reversed: the first point met is y[count - 1] */
		for (int k = 0; k < m->period; k++)
			s->index[k] = task->index[kind][(task->count - 1 - k) % m->period];
	for (int t = task->count - 1; t >= 0; t--)
		(void)(seasonal ? step(m, s, task->y[t]) : step_plain(m, s, task->y[t]));
	/* the position met next would be y[-1]; turn the season round for y[0], y[1], ... */
	if (seasonal) {
		double turned[ETS_PERIOD_MAX];
		for (int k = 0; k < m->period; k++)
			turned[k] = s->index[(s->at + m->period - 1 - k) % m->period];
		memcpy(s->index, turned, sizeof turned);
	}
	s->at = 0;
	s->slope = -s->slope;
	return dm_is_finite(s->level) && dm_is_finite(s->slope);
}

static void set_parameters(struct ets *m, const double *x)
{
	int i = 0;
	m->alpha = x[i++];
	m->beta = m->trend == ETS_FLAT ? 0 : m->alpha * x[i++];
	m->gamma = m->season == ETS_NO_SEASON ? 0 : (1.0 - m->alpha) * x[i++];
	m->phi = m->trend == ETS_DAMPED ? x[i++] : 1.0;
}

static double squares_plain(const struct ets *m, struct state *s, const double *y, int count)
{
	double sum = 0;
	for (int t = 0; t < count; t++) {
		double error = y[t] - step_plain(m, s, y[t]);
		sum += error * error;
	}
	return sum;
}

/* Sums over a pass: squares of errors, relative ones where the model has them, and the logarithms
 * of the forecasts, of which the last ones stand in product; false if a forecast is too small. */
static bool sums(const struct task *task, struct state *s, double *squares, double *logs,
		 double *product)
{
	const struct ets *m = task->model;
	for (int t = 0; t < task->count; t++) {
		double forecast = m->season == ETS_NO_SEASON ? step_plain(m, s, task->y[t])
							     : step(m, s, task->y[t]);
		double error = task->y[t] - forecast;
		if (m->relative_errors) {
			if (!(forecast > task->smallest))
				return false;
			error /= forecast;
			*product *= forecast;
			if (*product > 1e200 || *product < 1e-200) {
				*logs += dm_log(*product);
				*product = 1;
			}
		}
		*squares += error * error;
	}
	return true;
}

/* -2 log of the likelihood of the model's parameters, less what is the same for all; the states
 * before the first point become the model's. */
static double judge(struct task *task)
{
	struct ets *m = task->model;
	struct state s;
	if (!backcast(task, &s))
		return HUGE_VAL;
	m->level = s.level;
	m->slope = s.slope;
	memcpy(m->index, s.index, sizeof m->index);
	double squares = 0, logs = 0, product = 1;
	if (m->season == ETS_NO_SEASON && !m->relative_errors)
		squares = squares_plain(m, &s, task->y, task->count);
	else if (!sums(task, &s, &squares, &logs, &product))
		return HUGE_VAL;
	if (!dm_is_finite(squares) || !dm_is_finite(product))
		return HUGE_VAL;
	double n = (double)task->count;
	double floor = 1e-30 * n;
	return n * dm_log((squares > floor ? squares : floor) / n) + 2.0 * (logs + dm_log(product));
}

static double likelihood(const double *x, void *context)
{
	struct task *task = context;
	set_parameters(task->model, x);
	return judge(task);
}

static double penalty(const struct ets *m, int count)
{
	int k = 2; /* alpha and the level */
	k += m->trend == ETS_FLAT ? 0 : m->trend == ETS_TREND ? 2 : 3;
	k += m->season == ETS_NO_SEASON ? 0 : m->period;
	k += 1; /* the variance */
	double room = (double)(count - k - 1);
	return room > 0 ? 2.0 * k + 2.0 * k * (k + 1) / room : HUGE_VAL;
}

/* What is searched of a form, and where. */
static void box_make(const struct ets *m, struct optimize_box *box)
{
	int i = 0;
	box->lower[i] = 1e-4, box->upper[i] = 0.9999, i++;
	if (m->trend != ETS_FLAT)
		box->lower[i] = 1e-4, box->upper[i] = 0.9999, i++;
	if (m->season != ETS_NO_SEASON)
		box->lower[i] = 1e-4, box->upper[i] = 0.9999, i++;
	if (m->trend == ETS_DAMPED)
		box->lower[i] = 0.8, box->upper[i] = 0.98, i++;
	box->dimensions = i;
}

/* Fits one form; keeps it if it is better than the best so far. */
static void try_form(struct task *task, struct ets *best)
{
	struct ets *m = task->model;
	double fine = penalty(m, task->count);
	if (fine >= HUGE_VAL)
		return;
	struct optimize_box box;
	double x[4] = { 0.3, 0.1, 0.1, 0.1 };
	box_make(m, &box);
	if (m->trend == ETS_DAMPED)
		x[box.dimensions - 1] = 0.95;
	double value = optimize_simplex(likelihood, task, &box, CALLS_MAX, TOLERANCE, x);
	if (value >= HUGE_VAL || value + fine >= best->aicc)
		return;
	(void)likelihood(x, task); /* leaves the states of the best parameters */
	*best = *m;
	best->aicc = value + fine;
}

/* Level and slope at the end, by least squares over the last points less their season. */
static void guess_end(struct task *task, int kind, int period)
{
	int count = task->count;
	int used = period > 1 ? 2 * period : END_POINTS;
	used = used < count ? used : count;
	double mean = 0, cross = 0, spread = 0;
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < used; i++) {
			int t = count - used + i;
			double y = task->y[t];
			if (period > 1)
				y = kind == 0 ? y - task->index[0][t % period]
					      : y / task->index[1][t % period];
			double x = (double)i - (double)(used - 1) / 2.0;
			mean += pass == 0 ? y / (double)used : 0;
			cross += pass == 1 ? x * (y - mean) : 0;
			spread += pass == 1 ? x * x : 0;
		}
	task->end_slope[kind] = spread > 0 ? cross / spread : 0;
	task->end_level[kind] = mean + task->end_slope[kind] * (double)(used + 1) / 2.0;
	if (kind == 1 && !(task->end_level[1] > 0))
		task->end_level[1] = mean;
}

static void prepare(struct task *task, int period, bool positive)
{
	double mean = 0;
	for (int t = 0; t < task->count; t++)
		mean += fabs(task->y[t]) / (double)task->count;
	task->smallest = FORECAST_MIN_SHARE * mean;
	if (period > 1) {
		smoothing_seasonal(task->y, task->count, period, task->index[0]);
		if (positive)
			smoothing_seasonal_ratio(task->y, task->count, period, task->index[1]);
	}
	guess_end(task, 0, period);
	if (period > 1 && positive)
		guess_end(task, 1, period);
}

/* Tries all trends of one kind of season and error. */
static void try_trends(struct task *task, enum ets_season season, int period, bool relative,
		       struct ets *best)
{
	for (int trend = ETS_FLAT; trend <= ETS_DAMPED; trend++) {
		*task->model = (struct ets){ .relative_errors = relative,
					     .trend = (enum ets_trend)trend,
					     .season = season,
					     .period = season == ETS_NO_SEASON ? 1 : period };
		try_form(task, best);
	}
}

/* The same for a series that is short enough. */
static void fit(const double *y, int count, int period, struct ets *model)
{
	*model = (struct ets){
		.period = 1, .alpha = 0.5, .phi = 1, .level = y[0], .aicc = HUGE_VAL
	};
	if (count < FORM_POINTS_MIN)
		return;
	bool positive = true, constant = true;
	for (int t = 0; t < count; t++) {
		positive = positive && y[t] > 0;
		constant = constant && y[t] == y[0];
	}
	if (constant)
		return;
	if (period > ETS_PERIOD_MAX || count < 2 * period || count < period + 5)
		period = 1;
	struct ets trial;
	struct task task = { .model = &trial, .y = y, .count = count };
	prepare(&task, 1, false);
	try_trends(&task, ETS_NO_SEASON, 1, false, model);
	if (positive)
		try_trends(&task, ETS_NO_SEASON, 1, true, model);
	if (period == 1)
		return;
	prepare(&task, period, positive);
	try_trends(&task, ETS_ADDITIVE, period, false, model);
	if (positive) {
		try_trends(&task, ETS_ADDITIVE, period, true, model);
		try_trends(&task, ETS_MULTIPLICATIVE, period, true, model);
	}
}

void ets_fit(const double *y, int count, int period, struct ets *model)
{
	CHECK(count >= 1);
	int first = count > ETS_POINTS_MAX ? count - ETS_POINTS_MAX : 0;
	fit(y + first, count - first, period, model);
	model->first = first;
}

/* The task of a model that was fitted before, on the series as it is now. */
static void task_again(struct task *task, struct ets *model, const double *y, int count)
{
	model->first = count > ETS_POINTS_MAX ? count - ETS_POINTS_MAX : 0;
	*task = (struct task){ .model = model,
			       .y = y + model->first,
			       .count = count - model->first };
	prepare(task, model->period, model->season == ETS_MULTIPLICATIVE);
}

void ets_refresh(struct ets *model, const double *y, int count)
{
	struct ets before = *model;
	struct task task;
	CHECK(model->period == 1);
	task_again(&task, model, y, count);
	if (judge(&task) < HUGE_VAL)
		return;
	*model = before;
	model->first = task.model->first;
	model->level = y[model->first];
	model->slope = 0;
}

void ets_estimate(struct ets *model, const double *y, int count)
{
	struct task task;
	struct optimize_box box;
	struct ets trial = *model;
	double x[4] = { model->alpha };
	int i = 1;
	CHECK(model->period == 1);
	if (model->trend != ETS_FLAT)
		x[i++] = model->beta / model->alpha;
	if (model->trend == ETS_DAMPED)
		x[i++] = model->phi;
	task_again(&task, &trial, y, count);
	box_make(&trial, &box);
	if (model->aicc < HUGE_VAL && task.count >= FORM_POINTS_MIN &&
	    optimize_simplex(likelihood, &task, &box, AGAIN_CALLS_MAX, TOLERANCE, x) < HUGE_VAL) {
		set_parameters(&trial, x);
		*model = trial;
	}
	ets_refresh(model, y, count);
}

void ets_forecast(const struct ets *model, const double *y, int count, int horizon, double *out)
{
	struct state s = { .level = model->level, .slope = model->slope };
	memcpy(s.index, model->index, sizeof s.index);
	for (int t = model->first; t < count; t++)
		(void)step(model, &s, y[t]);
	double share = 0, damp = 1;
	for (int h = 0; h < horizon; h++) {
		damp *= model->phi;
		share += damp;
		double base = s.level + share * s.slope;
		double index = s.index[(s.at + h) % model->period];
		out[h] = model->season == ETS_MULTIPLICATIVE ? base * index
			 : model->season == ETS_ADDITIVE     ? base + index
							     : base;
	}
}
