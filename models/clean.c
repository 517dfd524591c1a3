/* See clean.h. */
#include "models/clean.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "models/median.h"
#include "models/season.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
	HALF = 5, /* neighbours on each side */
	TAIL = 2,
	POINTS_MIN = 16,
	OUTLIERS_ONE_IN = 20,
	SIDE = 8, /* points before and after a shift that are looked at */
	SIDE_MIN = 6,
};

static const double OUTLIER_SPREADS = 6.0, SHIFT_SPREADS = 6.0;
static const double STRENGTH_MIN = 0.1, CYCLE_WEIGHT = 0.8; /* as the portfolio's */
static const double STEP_SHARE = 0.6;			    /* of a shift, in a single step */

static double median_between(const double *y, int first, int end)
{
	double x[2 * HALF + 2 * SIDE + 1];
	memcpy(x, y + first, (size_t)(end - first) * sizeof *x);
	return median_sort(x, end - first);
}

/* ---- outliers ---- */

int clean_outliers(double *y, int count)
{
	double usual[CLEAN_POINTS_MAX], far[CLEAN_POINTS_MAX], sorted[CLEAN_POINTS_MAX];
	if (count > CLEAN_POINTS_MAX) {
		y += count - CLEAN_POINTS_MAX;
		count = CLEAN_POINTS_MAX;
	}
	if (count < POINTS_MIN)
		return 0;
	for (int t = 0; t < count; t++) {
		int first = t < HALF ? 0 : t - HALF;
		int end = t + HALF + 1 > count ? count : t + HALF + 1;
		usual[t] = median_between(y, first, end);
		far[t] = sorted[t] = fabs(y[t] - usual[t]);
	}
	double limit = OUTLIER_SPREADS * SIGMA_PER_MEDIAN * median_sort(sorted, count);
	int found = 0;
	for (int t = 0; t < count; t++)
		found += far[t] > limit;
	if (!(limit > 0) || found > count / OUTLIERS_ONE_IN)
		return 0;
	found = 0;
	for (int t = 0; t < count - TAIL; t++)
		if (far[t] > limit) {
			y[t] = usual[t];
			found++;
		}
	return found;
}

/* ---- shifts ---- */

/* How many spreads of the points around it the level moves at t; 0 where it is no step. */
static double shift_at(const double *y, int count, int t, double *size)
{
	int first = t < SIDE ? 0 : t - SIDE;
	int end = t + SIDE > count ? count : t + SIDE;
	double before = median_between(y, first, t), after = median_between(y, t, end);
	double far[2 * SIDE];
	*size = after - before;
	for (int i = first; i < end; i++)
		far[i - first] = fabs(y[i] - (i < t ? before : after));
	double spread = SIGMA_PER_MEDIAN * median_sort(far, end - first);
	if (!((y[t] - y[t - 1]) / *size >= STEP_SHARE)) /* NaN, too */
		return 0;
	return spread > 0 ? fabs(*size) / spread : HUGE_VAL;
}

static bool is_near(const struct clean_shift *shift, int found, int t)
{
	for (int k = 0; k < found; k++)
		if (abs(shift[k].at - t) < SIDE)
			return true;
	return false;
}

static int by_place(const void *a, const void *b)
{
	const struct clean_shift *x = a, *y = b;
	return (x->at > y->at) - (x->at < y->at);
}

int clean_find_shifts(const double *y, int count, struct clean_shift shift[CLEAN_SHIFTS_MAX])
{
	int found = 0, from = count > CLEAN_POINTS_MAX ? count - CLEAN_POINTS_MAX : 0;
	for (; found < CLEAN_SHIFTS_MAX; found++) {
		double best = SHIFT_SPREADS, size;
		int at = 0;
		for (int t = from + SIDE_MIN; t <= count - SIDE_MIN; t++) {
			if (is_near(shift, found, t))
				continue;
			double spreads = shift_at(y, count, t, &size);
			if (spreads > best || (spreads == HUGE_VAL && at == 0)) {
				best = spreads;
				at = t;
			}
		}
		if (at == 0)
			break;
		shift[found].at = at;
		(void)shift_at(y, count, at, &shift[found].size);
	}
	qsort(shift, (size_t)found, sizeof *shift, by_place);
	return found;
}

void clean_level(const struct clean_shift *shift, int shift_count, double *y)
{
	double rest = 0;
	for (int k = 0; k < shift_count; k++)
		rest += shift[k].size;
	for (int k = 0, t = 0; k < shift_count; k++) {
		for (; t < shift[k].at; t++)
			y[t] += rest;
		rest -= shift[k].size;
	}
}

/* ---- both ---- */

struct clean_found clean_series(double *y, int count, const int *candidates, int candidate_count)
{
	double rest[CLEAN_POINTS_MAX], least = HUGE_VAL;
	struct clean_shift shift[CLEAN_SHIFTS_MAX];
	struct season season = { .logs = true };
	struct clean_found found;
	CHECK(count <= CLEAN_POINTS_MAX);
	for (int t = 0; t < count; t++) {
		season.logs = season.logs && y[t] > 0;
		least = y[t] < least ? y[t] : least;
	}
	season_choose(y, count, candidates, candidate_count, STRENGTH_MIN, &season);
	season_fit(y, count, CYCLE_WEIGHT, &season);
	season_remove(&season, y, 0, count, rest);
	found.outliers = clean_outliers(rest, count);
	found.shifts = clean_find_shifts(rest, count, shift);
	clean_level(shift, found.shifts, rest);
	if (found.outliers + found.shifts == 0)
		return found;
	season_add(&season, rest, 0, count, rest);
	for (int t = 0; t < count; t++)
		y[t] = least > 0 && rest[t] < least ? least : rest[t];
	return found;
}
