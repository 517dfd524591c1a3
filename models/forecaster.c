/* See forecaster.h. */
#include "models/forecaster.h"

#include <math.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/smoothing.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
	COMBINATION_POINTS_MIN = 5, /* below, slopes are noise */
	WARMUP_POINTS = 3,	    /* origins before tell nothing about errors */
	ERRORS_MAX = 64,	    /* 0.97^64 = 0.14: older errors hardly weigh */
	MEMBERS_MAX = 4,
};

/* Coarse on purpose, for the cost; no other grids were tried. */
static const double SES_ALPHA[] = { 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0 };
static const double DAMPED_ALPHA[] = { 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9 };
static const double DAMPED_BETA[] = { 0.05, 0.15, 0.4 };
static const double DAMPED_PHI[] = { 0.8, 0.95 };

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const double ERROR_WEIGHT_PER_PERIOD = 0.97;
static const double PRIOR_SCALE_SHARE = 0.3; /* prior standard deviation over mean size */
static const double PRIOR_ERRORS = 2.0;	     /* it weighs as much as so many errors */
static const double SIGMA_PER_MEAN_ABSOLUTE = 1.2533141373155003; /* sqrt(pi / 2), normal */
static const double SIZE_FLOOR_SHARE = 0.2;
static const double VALUE_MAX = 1e30;

/* The two intervals: two-sided level, and the normal quantile at (1 + level) / 2. */
static const struct {
	double level, z;
	enum forecaster_quantile lower, upper;
} INTERVAL[] = {
	{ 0.80, 1.2815515655446004, FORECASTER_Q100, FORECASTER_Q900 },
	{ 0.95, 1.9599639845400545, FORECASTER_Q025, FORECASTER_Q975 },
};

/* A series with every method's state at each origin. */
struct fitted {
	int count;
	int period;    /* 0 unless seasonal */
	bool combined; /* else SES alone */
	double ses_alpha, damped_phi;
	double index[FORECASTER_PERIOD_MAX];
	double size_mean;		  /* mean |y| */
	double y[FORECASTER_HISTORY_MAX]; /* seasonally adjusted */
	double ses_level[FORECASTER_HISTORY_MAX];
	double theta_base[FORECASTER_HISTORY_MAX];
	double theta_drift[FORECASTER_HISTORY_MAX];
	double damped_level[FORECASTER_HISTORY_MAX];
	double damped_trend[FORECASTER_HISTORY_MAX];
};

static double magnitude(double x)
{
	return x < 0 ? -x : x;
}

static void fit_ses(struct fitted *f)
{
	double best = HUGE_VAL;
	for (int i = 0; i < LENGTH(SES_ALPHA); i++) {
		double error = smoothing_ses(f->y, f->count, SES_ALPHA[i], f->ses_level);
		if (error < best) {
			best = error;
			f->ses_alpha = SES_ALPHA[i];
		}
	}
	(void)smoothing_ses(f->y, f->count, f->ses_alpha, f->ses_level);
}

static void fit_damped(struct fitted *f)
{
	double best = HUGE_VAL;
	double alpha = 0;
	double beta = 0;
	for (int i = 0; i < LENGTH(DAMPED_ALPHA) * LENGTH(DAMPED_BETA) * LENGTH(DAMPED_PHI); i++) {
		double a = DAMPED_ALPHA[i % LENGTH(DAMPED_ALPHA)];
		double b = DAMPED_BETA[i / LENGTH(DAMPED_ALPHA) % LENGTH(DAMPED_BETA)];
		double phi = DAMPED_PHI[i / LENGTH(DAMPED_ALPHA) / LENGTH(DAMPED_BETA)];
		double error = smoothing_damped(f->y, f->count, a, b, phi, f->damped_level,
						f->damped_trend);
		if (error < best) {
			best = error;
			alpha = a;
			beta = b;
			f->damped_phi = phi;
		}
	}
	(void)smoothing_damped(f->y, f->count, alpha, beta, f->damped_phi, f->damped_level,
			       f->damped_trend);
}

static void fit(struct fitted *f, const double *history, int count, int period)
{
	f->count = count;
	f->size_mean = 0;
	f->combined = count >= COMBINATION_POINTS_MIN;
	f->period = smoothing_is_seasonal(history, count, period) ? period : 0;
	if (f->period > 0)
		smoothing_seasonal(history, count, f->period, f->index);
	for (int t = 0; t < count; t++) {
		CHECK(magnitude(history[t]) <= VALUE_MAX);
		f->y[t] = f->period > 0 ? history[t] - f->index[t % f->period] : history[t];
		f->size_mean += magnitude(f->y[t]) / (double)count;
	}
	fit_ses(f);
	if (!f->combined)
		return;
	fit_damped(f);
	smoothing_theta(f->y, count, f->ses_alpha, f->ses_level, f->theta_base, f->theta_drift);
}

/* Median of 1 to MEMBERS_MAX values, which it sorts. */
static double median(double *values, int count)
{
	for (int i = 1; i < count; i++) {
		double value = values[i];
		int at = i;
		for (; at > 0 && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
	return (values[(count - 1) / 2] + values[count / 2]) / 2.0;
}

/* Forecast of the adjusted series, `horizon` steps ahead of the last point seen, y[origin]. */
static double predict_from(const struct fitted *f, int origin, int horizon)
{
	double level = f->ses_level[origin];
	if (!f->combined)
		return level;
	double member[MEMBERS_MAX];
	int member_count = 0;
	member[member_count++] = level;
	member[member_count++] = smoothing_damped_forecast(
		f->damped_level[origin], f->damped_trend[origin], f->damped_phi, horizon);
	member[member_count++] = f->theta_base[origin] + f->theta_drift[origin] * (double)horizon;
	if (f->period > 0 && origin + 1 >= f->period) {
		int back = f->period - 1 - (horizon - 1) % f->period;
		member[member_count++] = f->y[origin - back];
	}
	return median(member, member_count);
}

/* What errors at an origin are in proportion to: the level there, but for series around 0. A
 * business that shrank to a third has a third of the error, and its old errors say so. */
static double size_at(const struct fitted *f, int origin)
{
	double floor = SIZE_FLOOR_SHARE * f->size_mean;
	double level = magnitude(f->ses_level[origin]);
	return level > floor ? level : floor;
}

/* Past absolute errors at one horizon, brought to today's size, with their weights, sorted. */
struct errors {
	int count;
	double weight_sum, weighted_size;
	double size[ERRORS_MAX];
	double weight[ERRORS_MAX];
};

static void errors_insert(struct errors *errors, double size, double weight)
{
	int at = errors->count++;
	for (; at > 0 && errors->size[at - 1] > size; at--) {
		errors->size[at] = errors->size[at - 1];
		errors->weight[at] = errors->weight[at - 1];
	}
	errors->size[at] = size;
	errors->weight[at] = weight;
	errors->weight_sum += weight;
	errors->weighted_size += weight * size;
}

static void errors_collect(const struct fitted *f, int horizon, struct errors *errors)
{
	errors->count = 0;
	errors->weight_sum = 0;
	errors->weighted_size = 0;
	double weight = 1;
	double size_now = size_at(f, f->count - 1);
	for (int origin = f->count - 1 - horizon;
	     origin >= WARMUP_POINTS - 1 && errors->count < ERRORS_MAX; origin--) {
		double error = f->y[origin + horizon] - predict_from(f, origin, horizon);
		weight *= ERROR_WEIGHT_PER_PERIOD;
		double size = size_at(f, origin);
		errors_insert(errors, size > 0 ? magnitude(error) * (size_now / size) : 0, weight);
	}
}

/* Half the width of a two-sided interval: the weighted conformal quantile, in which the period to
 * be forecast counts with weight 1 as an error of any size; false if it can't be reached. */
static bool errors_quantile(const struct errors *errors, double level, double *half)
{
	double needed = level * (errors->weight_sum + 1.0);
	double sum = 0;
	for (int i = 0; i < errors->count; i++) {
		sum += errors->weight[i];
		if (sum >= needed) {
			*half = errors->size[i];
			return true;
		}
	}
	return false;
}

/* Half widths at one horizon, in INTERVAL order; *scale is the one-step standard deviation, set
 * at horizon 1 and used as the prior after it. */
static void half_widths(const struct fitted *f, int horizon, double *scale, double half[2])
{
	struct errors errors;
	errors_collect(f, horizon, &errors);
	double prior = horizon == 1 ? PRIOR_SCALE_SHARE * size_at(f, f->count - 1)
				    : *scale * sqrt((double)horizon);
	double sigma = (errors.weighted_size * SIGMA_PER_MEAN_ABSOLUTE + PRIOR_ERRORS * prior) /
		       (errors.weight_sum + PRIOR_ERRORS);
	if (horizon == 1)
		*scale = sigma;
	for (int i = 0; i < LENGTH(INTERVAL); i++)
		if (!errors_quantile(&errors, INTERVAL[i].level, &half[i]))
			half[i] = INTERVAL[i].z * sigma;
	if (half[1] < half[0])
		half[1] = half[0];
}

static void fill_step(struct forecaster_step *step, double point, const double half[2],
		      bool nonnegative)
{
	step->quantile[FORECASTER_Q500] = point;
	for (int i = 0; i < LENGTH(INTERVAL); i++) {
		step->quantile[INTERVAL[i].lower] = point - half[i];
		step->quantile[INTERVAL[i].upper] = point + half[i];
	}
	for (int q = 0; q < FORECASTER_QUANTILE_COUNT; q++) {
		if (nonnegative && step->quantile[q] < 0)
			step->quantile[q] = 0;
		CHECK(dm_is_finite(step->quantile[q]));
	}
}

void forecaster_predict(const double *history, int history_count,
			const struct forecaster_options *options, struct forecaster_result *out)
{
	CHECK(history_count >= 0);
	CHECK(options->horizon_count >= 1 && options->horizon_count <= FORECASTER_HORIZON_MAX);
	CHECK(options->season_period >= 0 && options->season_period <= FORECASTER_PERIOD_MAX);
	*out = (struct forecaster_result){ .horizon_count = options->horizon_count };
	if (history_count == 0)
		return;
	int skipped =
		history_count > FORECASTER_HISTORY_MAX ? history_count - FORECASTER_HISTORY_MAX : 0;
	struct fitted f;
	fit(&f, history + skipped, history_count - skipped, options->season_period);
	out->method = !f.combined     ? FORECASTER_SES
		      : f.period == 0 ? FORECASTER_MEDIAN
				      : FORECASTER_SEASONAL_MEDIAN;
	double scale = 0;
	double widest[2] = { 0, 0 };
	for (int h = 1; h <= options->horizon_count; h++) {
		double half[2];
		half_widths(&f, h, &scale, half);
		for (int i = 0; i < 2; i++)
			widest[i] = half[i] > widest[i] ? half[i] : widest[i];
		double point = predict_from(&f, f.count - 1, h);
		if (f.period > 0)
			point += f.index[(f.count - 1 + h) % f.period];
		fill_step(&out->step[h - 1], point, widest, options->nonnegative);
	}
}

double forecaster_quantile_level(enum forecaster_quantile quantile)
{
	static const double LEVELS[FORECASTER_QUANTILE_COUNT] = { 0.025, 0.1, 0.5, 0.9, 0.975 };
	CHECK((int)quantile >= 0 && quantile < FORECASTER_QUANTILE_COUNT);
	return LEVELS[quantile];
}

const char *forecaster_method_name(enum forecaster_method method)
{
	static const char *const NAMES[] = { "none", "ses", "median", "seasonal_median" };
	CHECK((int)method >= 0 && method <= FORECASTER_SEASONAL_MEDIAN);
	return NAMES[method];
}
