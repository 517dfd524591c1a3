/* See smoothing.h. */
#include "models/smoothing.h"

#include <math.h>

#include "base/check.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { SES_GRID = 20 };

static double magnitude(double x)
{
	return x < 0 ? -x : x;
}

double smoothing_ses(const double *y, int count, double alpha, double *level)
{
	double error_sum = 0;
	double now = count > 0 ? y[0] : 0;
	for (int t = 0; t < count; t++) {
		double error = y[t] - now;
		error_sum += magnitude(error);
		now += alpha * error;
		level[t] = now;
	}
	return count > 1 ? error_sum / (double)(count - 1) : 0;
}

double smoothing_ses_best(const double *y, int count, double *level)
{
	double best = HUGE_VAL, last = y[count - 1];
	for (int i = 1; i <= SES_GRID; i++) {
		double error = smoothing_ses(y, count, (double)i / SES_GRID, level);
		if (error < best) {
			best = error;
			last = level[count - 1];
		}
	}
	return last;
}

/* Centred moving average at t; an even period gives half weight to both ends. */
static double moving_average(const double *y, int t, int period)
{
	int half = period / 2;
	double sum = 0;
	for (int i = t - half; i <= t + half; i++)
		sum += y[i];
	if (period % 2 == 0)
		sum -= (y[t - half] + y[t + half]) / 2.0;
	return sum / (double)period;
}

void smoothing_seasonal(const double *y, int count, int period, double *index)
{
	CHECK(period >= 2 && count >= 2 * period);
	int half = period / 2;
	double mean = 0;
	for (int p = 0; p < period; p++) {
		double sum = 0;
		int found = 0;
		for (int t = p; t < count - half; t += period) {
			if (t < half)
				continue;
			sum += y[t] - moving_average(y, t, period);
			found++;
		}
		CHECK(found > 0);
		index[p] = sum / (double)found;
		mean += index[p] / (double)period;
	}
	for (int p = 0; p < period; p++)
		index[p] -= mean;
}

void smoothing_seasonal_ratio(const double *y, int count, int period, double *index)
{
	CHECK(period >= 2 && count >= 2 * period);
	int half = period / 2;
	double mean = 0;
	for (int p = 0; p < period; p++) {
		double sum = 0;
		int found = 0;
		for (int t = p; t < count - half; t += period) {
			if (t < half)
				continue;
			sum += y[t] / moving_average(y, t, period);
			found++;
		}
		CHECK(found > 0);
		index[p] = sum / (double)found;
		mean += index[p] / (double)period;
	}
	for (int p = 0; p < period; p++)
		index[p] /= mean;
}

bool smoothing_is_seasonal(const double *y, int count, int period)
{
	if (period < 2 || count < 3 * period)
		return false;
	double mean = 0;
	for (int t = 0; t < count; t++)
		mean += (y[t] - y[0]) / (double)count;
	mean += y[0];
	double variance = 0;
	for (int t = 0; t < count; t++)
		variance += (y[t] - mean) * (y[t] - mean);
	if (!(variance > 0))
		return false;
	double squares = 0;
	double r = 0;
	for (int lag = 1; lag <= period; lag++) {
		double sum = 0;
		for (int t = lag; t < count; t++)
			sum += (y[t] - mean) * (y[t - lag] - mean);
		r = sum / variance;
		if (lag < period)
			squares += r * r;
	}
	return magnitude(r) > 1.645 * sqrt((1.0 + 2.0 * squares) / (double)count);
}
