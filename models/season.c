/* See season.h. */
#include "models/season.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/dmath_each.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { LOOPS = 3, CYCLES_MIN = 3 };

static const double BETTER_BY = 0.1; /* before a period is preferred to one of its divisors */

/* x[t] less the centred moving average over `period`; defined for half <= t < count - half. */
static void remove_average(const double *x, int count, int period, double *out)
{
	int half = period / 2;
	double sum = 0;
	for (int t = 0; t < 2 * half + 1; t++)
		sum += x[t];
	for (int t = half; t < count - half; t++) {
		double whole = sum;
		if (period % 2 == 0)
			whole -= (x[t - half] + x[t + half]) / 2.0;
		out[t] = x[t] - whole / (double)period;
		if (t + half + 1 < count)
			sum += x[t + half + 1] - x[t - half];
	}
}

int season_points_min(int period)
{
	return CYCLES_MIN * period + 1;
}

double season_strength(const double *y, int count, int period)
{
	double rest[SEASON_POINTS_MAX];
	CHECK(period >= 2 && period <= SEASON_PERIOD_MAX);
	if (count > SEASON_POINTS_MAX) {
		y += count - SEASON_POINTS_MAX;
		count = SEASON_POINTS_MAX;
	}
	if (count < season_points_min(period))
		return 0;
	remove_average(y, count, period, rest);
	int half = period / 2;
	double all = 0, left = 0, mean = 0;
	/* an average runs below a bent trend: that is no season */
	for (int t = half; t < count - half; t++)
		mean += rest[t] / (double)(count - 2 * half);
	for (int t = half; t < count - half; t++)
		rest[t] -= mean;
	for (int p = 0; p < period; p++) {
		double sum = 0;
		int cycles = 0;
		for (int t = half + p; t < count - half; t += period, cycles++)
			sum += rest[t];
		for (int t = half + p; cycles > 1 && t < count - half; t += period) {
			double others = (sum - rest[t]) / (double)(cycles - 1);
			all += rest[t] * rest[t];
			left += (rest[t] - others) * (rest[t] - others);
		}
	}
	return all > 0 ? 1.0 - left / all : 0;
}

/* Indices of one season, from the series less the other. */
static void fit_one(const double *x, int count, int period, double weight, double *index)
{
	double rest[SEASON_POINTS_MAX];
	remove_average(x, count, period, rest);
	int half = period / 2;
	double mean = 0, noise = 0, size = 0;
	for (int p = 0; p < period; p++) {
		double sum = 0, weights = 0, squares = 0, weights_squared = 0;
		double w = 1;
		/* from the last cycle back */
		int last = count - half - 1;
		int t = last - ((last - p) % period + period) % period;
		for (; t >= half; t -= period, w *= weight) {
			sum += w * rest[t];
			squares += w * rest[t] * rest[t];
			weights += w;
			weights_squared += w * w;
		}
		CHECK(weights > 0);
		index[p] = sum / weights;
		mean += index[p] / (double)period;
		double share = weights_squared / (weights * weights);
		double variance = squares / weights - index[p] * index[p];
		noise += share < 0.99 && variance > 0 ? variance * share / (1.0 - share) : 0;
	}
	for (int p = 0; p < period; p++) {
		index[p] -= mean;
		size += index[p] * index[p];
	}
	double kept = size > noise ? 1.0 - noise / size : 0;
	for (int p = 0; p < period; p++)
		index[p] *= kept;
}

/* The candidate above `after` that is strongest and a multiple of it, or 0. */
static int strongest(const double *y, int count, const int *candidates, int candidate_count,
		     int after, double strength_min)
{
	int found = 0;
	double best = strength_min;
	for (int i = 0; i < candidate_count; i++) {
		if (candidates[i] <= after || candidates[i] % after != 0)
			continue;
		double strength = season_strength(y, count, candidates[i]);
		if (strength > best + (found > 0 && candidates[i] % found == 0 ? BETTER_BY : 0)) {
			best = strength;
			found = candidates[i];
		}
	}
	return found;
}

void season_choose(const double *y, int count, const int *candidates, int candidate_count,
		   double strength_min, struct season *season)
{
	double rest[SEASON_POINTS_MAX];
	if (count > SEASON_POINTS_MAX) { /* the phase does not matter here */
		y += count - SEASON_POINTS_MAX;
		count = SEASON_POINTS_MAX;
	}
	season->count = 0;
	for (int t = 0; t < count; t++)
		rest[t] = season->logs ? dm_log(y[t]) : y[t];
	int first = strongest(rest, count, candidates, candidate_count, 1, strength_min);
	if (first == 0)
		return;
	struct season one = { .count = 1, .period = { first } };
	season_fit(rest, count, 1, &one);
	season_remove(&one, rest, 0, count, rest);
	int second = strongest(rest, count, candidates, candidate_count, first, strength_min);
	season->period[season->count++] = first;
	if (second > 0)
		season->period[season->count++] = second;
}

void season_fit(const double *y, int count, double weight, struct season *season)
{
	double x[SEASON_POINTS_MAX], rest[SEASON_POINTS_MAX];
	int skipped = count > SEASON_POINTS_MAX ? count - SEASON_POINTS_MAX : 0;
	int used = count - skipped;
	while (season->count > 0 && used < 2 * season->period[season->count - 1])
		season->count--;
	if (season->count == 0)
		return;
	memset(season->index, 0, sizeof season->index);
	/* positions count from a point in the same phase as y[0] */
	memcpy(x, y + skipped, (size_t)used * sizeof *x);
	if (season->logs)
		dm_log_each(x, (size_t)used);
	for (int loop = 0; loop < (season->count > 1 ? LOOPS : 1); loop++)
		for (int k = 0; k < season->count; k++) {
			int other = season->count - 1 - k;
			for (int t = 0; t < used; t++)
				rest[t] = other == k
						  ? x[t]
						  : x[t] - season->index[other]
									[t % season->period[other]];
			fit_one(rest, used, season->period[k], weight, season->index[k]);
		}
	for (int k = 0; k < season->count; k++) { /* back to the phase of y[0] */
		double turned[SEASON_PERIOD_MAX];
		int period = season->period[k];
		for (int p = 0; p < period; p++)
			turned[(p + skipped) % period] = season->index[k][p];
		memcpy(season->index[k], turned, (size_t)period * sizeof *turned);
	}
}

static double index_at(const struct season *season, int t)
{
	double sum = 0;
	for (int k = 0; k < season->count; k++)
		sum += season->index[k][t % season->period[k]];
	return sum;
}

/* The one season's factors, by position; the exponentials are the most of what this costs. */
static void apply_factors(const struct season *season, const double *y, int first, int count,
			  double sign, double *out)
{
	double factor[SEASON_PERIOD_MAX];
	int period = season->period[0];
	for (int p = 0; p < period; p++)
		factor[p] = sign * season->index[0][p];
	dm_exp_each(factor, (size_t)period);
	int p = first % period;
	for (int i = 0; i < count; i++) {
		out[i] = y[i] * factor[p];
		p = p + 1 < period ? p + 1 : 0;
	}
}

void season_remove(const struct season *season, const double *y, int first, int count, double *out)
{
	if (season->logs && season->count == 1 && count >= season->period[0]) {
		apply_factors(season, y, first, count, -1, out);
		return;
	}
	for (int i = 0; i < count; i++) {
		double index = index_at(season, first + i);
		out[i] = season->logs ? y[i] * dm_exp(-index) : y[i] - index;
	}
}

void season_add(const struct season *season, const double *y, int first, int count, double *out)
{
	if (season->logs && season->count == 1 && count >= season->period[0]) {
		apply_factors(season, y, first, count, 1, out);
		return;
	}
	for (int i = 0; i < count; i++) {
		double index = index_at(season, first + i);
		out[i] = season->logs ? y[i] * dm_exp(index) : y[i] + index;
	}
}
