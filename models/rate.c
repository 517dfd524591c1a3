/* See rate.h. */
#include "models/rate.h"

#include <math.h>

#include "base/check.h"
#include "models/smoothing.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { GRID = 20 };

static const double WORTH_ALPHA = 0.05;

double rate_forecast(const double *sum, const double *number, int count)
{
	double level[RATE_POINTS_MAX], best = HUGE_VAL;
	CHECK(count >= 1);
	if (count > RATE_POINTS_MAX) {
		sum += count - RATE_POINTS_MAX;
		number += count - RATE_POINTS_MAX;
		count = RATE_POINTS_MAX;
	}
	double sums = sum[0], numbers = number[0], now = number[count - 1];
	for (int t = 1; t < count; t++) {
		sums += WORTH_ALPHA * (sum[t] - sums);
		numbers += WORTH_ALPHA * (number[t] - numbers);
	}
	for (int i = 1; i <= GRID; i++) {
		double error = smoothing_ses(number, count, (double)i / GRID, level);
		if (error < best) {
			best = error;
			now = level[count - 1];
		}
	}
	return numbers > 0 ? now * sums / numbers : 0;
}
