/* See rate.h. */
#include "models/rate.h"

#include "base/check.h"
#include "models/smoothing.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { SLOPE_POINTS = 26, SLOPE_POINTS_MIN = 6 };

static const double WORTH_ALPHA = 0.1;

/* Half the slope of the last points, by least squares. */
static double half_slope(const double *y, int count)
{
	int n = count < SLOPE_POINTS ? count : SLOPE_POINTS;
	double middle = 0.5 * (double)(n - 1), products = 0, squares = 0;
	if (n < SLOPE_POINTS_MIN)
		return 0;
	y += count - n;
	for (int t = 0; t < n; t++) {
		double from = (double)t - middle;
		products += from * (y[t] - y[0]);
		squares += from * from;
	}
	return 0.5 * products / squares;
}

void rate_forecast(const double *sum, const double *number, int count, int horizon, double *flat,
		   double *sloped)
{
	double level[RATE_POINTS_MAX];
	CHECK(count >= 1);
	if (count > RATE_POINTS_MAX) {
		sum += count - RATE_POINTS_MAX;
		number += count - RATE_POINTS_MAX;
		count = RATE_POINTS_MAX;
	}
	double sums = sum[0], numbers = number[0];
	for (int t = 1; t < count; t++) {
		sums += WORTH_ALPHA * (sum[t] - sums);
		numbers += WORTH_ALPHA * (number[t] - numbers);
	}
	double now = smoothing_ses_best(number, count, level), slope = half_slope(number, count);
	double worth = numbers > 0 ? sums / numbers : 0;
	for (int h = 0; h < horizon; h++) {
		/* the slope's line leads the level by one step */
		double ahead = now + slope * (double)(h + 2);
		flat[h] = now * worth;
		sloped[h] = (ahead > 0 ? ahead : 0) * worth;
	}
}
