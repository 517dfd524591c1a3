/* Quantiles around the forecasts of one series, calibrated by the errors of those that were out.
 *
 * A quantile is point + shape(h, q) * mean(h) * size. size is the level that the series had at the
 * time, mean(h) the mean absolute error at that horizon in proportion to it, and shape (that of
 * normal errors at first) is moved, when the actual of a forecast is known, by a step in the
 * direction that was missed: quantile tracking, with which the coverage comes out in the long run
 * whatever the errors' distribution: A. N. Angelopoulos, E. J. Candes, R. J. Tibshirani, "Conformal
 * PID control for time series prediction", NeurIPS 2023, section 2.1. What counts is whether the
 * quantile that was out was missed, not where it would be by now: farther ahead errors overlap, and
 * a shape that has moved on says nothing of the forecasts that were made with it. Before there are
 * errors, mean(1) is taken to be 30 % of the size, and to grow with the square root of the horizon:
 * a prior that weighs as much as two errors.
 *
 * Plain data, zeroed when new. Deterministic to the bit. Threads: pure functions. Errors: none. */
#ifndef MODELS_INTERVAL_H
#define MODELS_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

enum { INTERVAL_HORIZON_MAX = 14 };

/* Positions in a step's quantiles, and the levels they stand for. */
enum interval_quantile {
	INTERVAL_Q025, /* lower end of the 95 % interval */
	INTERVAL_Q100, /* lower end of the 80 % interval */
	INTERVAL_Q500, /* the point forecast, meant as a median */
	INTERVAL_Q900, /* upper end of the 80 % interval */
	INTERVAL_Q975, /* upper end of the 95 % interval */
	INTERVAL_QUANTILE_COUNT
};

struct interval_step {
	double mean;   /* absolute error in proportion to the size */
	int64_t count; /* errors that it and the shape are of; 0: neither is set */
	double shape[INTERVAL_QUANTILE_COUNT]; /* the middle one is 0 */
};

struct interval {
	struct interval_step step[INTERVAL_HORIZON_MAX]; /* step[h - 1] is h periods ahead */
};

/* What came of a forecast that was out for `horizon` periods: its quantiles as they were said, the
 * actual, the size that it was made with, all finite. Each once, in the order of periods. */
void interval_learn(struct interval *interval, int horizon,
		    const double said[INTERVAL_QUANTILE_COUNT], double actual, double size);

/* Quantiles around point[horizon_count], finite, not decreasing; not below 0 if nonnegative. */
void interval_quantiles(const struct interval *interval, const double *point, int horizon_count,
			double size, bool nonnegative, double (*quantile)[INTERVAL_QUANTILE_COUNT]);

#endif
