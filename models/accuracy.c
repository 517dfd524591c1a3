/* See accuracy.h. */
#include "models/accuracy.h"

#include "base/check.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static double magnitude(double x)
{
	return x < 0 ? -x : x;
}

double accuracy_absolute(double actual, double forecast)
{
	return magnitude(actual - forecast);
}

double accuracy_squared(double actual, double forecast)
{
	return (actual - forecast) * (actual - forecast);
}

double accuracy_smape(double actual, double forecast)
{
	double size = magnitude(actual) + magnitude(forecast);
	return size > 0 ? 200.0 * (magnitude(actual - forecast) / size) : 0.0;
}

double accuracy_mase_scale(const double *y, int count, int period)
{
	CHECK(period >= 1);
	if (count <= period)
		return 0.0;
	double sum = 0;
	for (int t = period; t < count; t++)
		sum += magnitude(y[t] - y[t - period]);
	return sum / (double)(count - period);
}

double accuracy_pinball(double actual, double quantile, double level)
{
	CHECK(level > 0 && level < 1);
	return actual >= quantile ? level * (actual - quantile)
				  : (1.0 - level) * (quantile - actual);
}

bool accuracy_covered(double actual, double lower, double upper)
{
	return lower <= actual && actual <= upper;
}
