/* See driven.h. */
#include "models/driven.h"

#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/median.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static const double STRENGTH_MIN = 0.1; /* as the portfolio's */

static void season_find(const double *y, int count, const struct portfolio_periods *periods,
			struct season *season)
{
	memset(season, 0, sizeof *season);
	season->logs = true;
	for (int t = 0; t < count; t++)
		season->logs = season->logs && y[t] > 0;
	season_choose(y, count, periods->period, periods->count, STRENGTH_MIN, season);
}

void driven_forecast(const double *y, int count, const struct portfolio_periods *periods,
		     const double *x, int regressor_count, int horizon,
		     struct portfolio_memory *memory, struct regressors *model, double *out)
{
	CHECK(count >= 1 && horizon >= 1 && horizon <= PORTFOLIO_HORIZON_MAX);
	int skipped = count > PORTFOLIO_POINTS_MAX ? count - PORTFOLIO_POINTS_MAX : 0;
	double rest[PORTFOLIO_POINTS_MAX];
	struct season season;
	struct portfolio_memory shifted;
	if (regressor_count == 0) {
		memset(model, 0, sizeof *model);
		portfolio_forecast(y, count, periods, horizon, memory, out);
		return;
	}
	y += skipped;
	x += skipped * regressor_count;
	count -= skipped;
	season_find(y, count, periods, &season);
	regressors_fit(y, x, count, regressor_count, &season, model);
	regressors_remove(model, x, y, count, rest);
	/* the portfolio sees no point before the first of `rest`, but remembers which one it was */
	if (memory != NULL) {
		shifted = *memory;
		shifted.known = shifted.known && shifted.skipped == skipped;
		shifted.skipped = 0;
	}
	portfolio_forecast(rest, count, periods, horizon, memory != NULL ? &shifted : NULL, out);
	if (memory != NULL) {
		*memory = shifted;
		memory->skipped = skipped;
	}
	for (int m = 0; m < PORTFOLIO_METHOD_COUNT; m++)
		regressors_add(model, x + count * regressor_count, out + m * horizon, horizon,
			       out + m * horizon);
}

void driven_foretell(const double *y, int count, const struct portfolio_periods *periods,
		     int horizon, double *out)
{
	double made[PORTFOLIO_METHOD_COUNT * PORTFOLIO_HORIZON_MAX];
	portfolio_forecast(y, count, periods, horizon, NULL, made);
	for (int h = 0; h < horizon; h++) {
		double each[PORTFOLIO_METHOD_COUNT];
		for (int m = 0; m < PORTFOLIO_METHOD_COUNT; m++)
			each[m] = made[m * horizon + h];
		out[h] = median_sort(each, PORTFOLIO_METHOD_COUNT);
	}
}
