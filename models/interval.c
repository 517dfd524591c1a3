/* See interval.h. */
#include "models/interval.h"

#include <math.h>

#include "base/check.h"
#include "base/dmath.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static const double LEVELS[INTERVAL_QUANTILE_COUNT] = { 0.025, 0.1, 0.5, 0.9, 0.975 };
static const double FORGETTING = 0.02, MEAN_MAX = 5.0; /* an error counts so much at most */
static const double PRIOR_SHARE = 0.3, PRIOR_ERRORS = 2.0;
static const double MEAN_PER_DEVIATION = 1.2533141373155003; /* sqrt(pi / 2), normal */
/* An error moves the shape by so much of a mean error at most; less the more were seen, and the
 * longer they took to be known: errors farther ahead go together. */
static const double STEP_FIRST = 1.0, STEP_LEAST = 0.3, STEP_HALVED = 10.0;
static const double SHAPE_MAX = 30.0, SHARE_MAX = 1e32;

static double shape_of(const struct interval_step *step, int q)
{
	if (step->count > 0 || q == INTERVAL_Q500)
		return step->shape[q];
	return dm_norm_quantile(LEVELS[q]) * MEAN_PER_DEVIATION;
}

/* The mean absolute error to be expected at each horizon, in proportion to the size. */
static void means(const struct interval *interval, int horizon, double *mean)
{
	double prior = PRIOR_SHARE;
	for (int h = 0; h < horizon; h++) {
		const struct interval_step *step = &interval->step[h];
		double n = (double)step->count;
		mean[h] = (n * step->mean + PRIOR_ERRORS * prior) / (n + PRIOR_ERRORS);
		prior = mean[h] * sqrt((double)(h + 2) / (double)(h + 1));
	}
}

static void shape_learn(struct interval_step *step, int horizon, const double *said, double actual)
{
	double by = STEP_FIRST / (1.0 + (double)step->count / STEP_HALVED);
	double *shape = step->shape;
	by = (by > STEP_LEAST ? by : STEP_LEAST) / sqrt(horizon * sqrt((double)horizon));
	for (int q = 0; q < INTERVAL_QUANTILE_COUNT; q++) {
		double moved = shape_of(step, q);
		bool lower = q < INTERVAL_Q500;
		bool below = lower ? actual < said[q] : actual <= said[q]; /* an end is within */
		if (q != INTERVAL_Q500)
			moved += by * (LEVELS[q] - (below ? 1.0 : 0.0));
		shape[q] = q == INTERVAL_Q500
				   ? 0
				   : dm_clamp(moved, lower ? -SHAPE_MAX : 0, lower ? 0 : SHAPE_MAX);
	}
	if (shape[INTERVAL_Q025] > shape[INTERVAL_Q100])
		shape[INTERVAL_Q025] = shape[INTERVAL_Q100];
	if (shape[INTERVAL_Q975] < shape[INTERVAL_Q900])
		shape[INTERVAL_Q975] = shape[INTERVAL_Q900];
}

void interval_learn(struct interval *interval, int horizon,
		    const double said[INTERVAL_QUANTILE_COUNT], double actual, double size)
{
	double mean[INTERVAL_HORIZON_MAX];
	CHECK(horizon >= 1 && horizon <= INTERVAL_HORIZON_MAX);
	if (!(size > 0))
		return; /* nothing but zeros so far: no proportion */
	struct interval_step *step = &interval->step[horizon - 1];
	double error = actual - said[INTERVAL_Q500];
	double share = dm_clamp(error / size, -SHARE_MAX, SHARE_MAX);
	means(interval, horizon, mean);
	double usual = mean[horizon - 1];
	shape_learn(step, horizon, said, actual);
	double weight = 1.0 / (double)(step->count + 1);
	weight = weight > FORGETTING ? weight : FORGETTING;
	double most = MEAN_MAX * usual;
	step->mean += weight * ((fabs(share) < most ? fabs(share) : most) - step->mean);
	step->count++;
}

void interval_quantiles(const struct interval *interval, const double *point, int horizon_count,
			double size, bool nonnegative, double (*quantile)[INTERVAL_QUANTILE_COUNT])
{
	double mean[INTERVAL_HORIZON_MAX];
	CHECK(horizon_count >= 1 && horizon_count <= INTERVAL_HORIZON_MAX);
	means(interval, horizon_count, mean);
	for (int h = 0; h < horizon_count; h++)
		for (int q = 0; q < INTERVAL_QUANTILE_COUNT; q++) {
			double value = point[h] + shape_of(&interval->step[h], q) * mean[h] * size;
			value = nonnegative && value < 0 ? 0 : value;
			CHECK(dm_is_finite(value));
			quantile[h][q] = value;
		}
}
