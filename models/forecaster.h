/* Point and interval forecasts of one series of period totals (revenue a week, usage a day).
 *
 * Method: per horizon the median of simple exponential smoothing, a damped trend and Theta (and
 * the seasonal naive, where the series is seasonal), each with the parameters that had the least
 * mean absolute one-step error on a small grid. A median of four other methods came sixth in the
 * M4 competition: F. Petropoulos and I. Svetunkov, "A simple combination of univariate
 * models", IJF 36(1), 2020. A seasonal series (M4's test, from 3 full seasons on) is forecast less
 * its additive indices, which are added again. The single methods are in smoothing.h.
 *
 * Intervals are symmetric about the point and come from the method's own past errors at the same
 * horizon, recent ones weighing more: R. F. Barber, E. Candes, A. Ramdas, R. Tibshirani,
 * "Conformal prediction beyond exchangeability", Annals of Statistics 51(2), 2023, with weight
 * 0.97 per period of age. Errors are taken in proportion to the series' level at the time. While
 * there are too few errors for a quantile (below about 20 for 95 %), a normal interval stands in
 * whose scale is the mean absolute error, mixed with a prior: 30 % of the series' level, growing
 * with the square root of the horizon. Widths never shrink with the horizon. Nothing here promises
 * coverage after a break in the series.
 *
 * Measured by rolling origin, one step ahead: CDNOW weekly revenue, 64 origins, mean absolute error
 * .989 of the naive forecast's (SES .988), coverage .73 and .97 for 80 and 95 %; UCI Online Retail
 * weekly, 39 origins, .925 (SES .904), .90 and 1.00; its days with period 7, 332 origins, .930 of
 * the seasonal naive's, .84 and .97. So it doesn't beat SES on the weekly series, and on CDNOW,
 * from two weeks ahead, it is no better than the naive forecast (.998 to 1.004). Longer horizons
 * are covered too often: .90 and .97 four weeks ahead on CDNOW. These figures are not held out:
 * errors in proportion to the level were chosen over plain ones by the coverage on these same
 * series.
 *
 * Known weakness: flat members outvote the trend. A clean trend is followed with half its slope,
 * with a quarter where the series is seasonal.
 *
 * Few points: none gives FORECASTER_NONE and zeros; 1 to 4 give SES, so one point repeats itself
 * with the prior's interval. A constant series is forecast exactly; its interval goes to width 0
 * as errors accumulate. A lone outlier moves a forecast by what two of three methods believe.
 *
 * Cost: bounded by FORECASTER_HISTORY_MAX; 20 us for 52 points, 75 to 115 us for 120 with a
 * season. No allocation; some 14 KiB of stack. Units: those of the series. Threads: pure functions.
 * Errors: none. */
#ifndef MODELS_FORECASTER_H
#define MODELS_FORECASTER_H

#include <stdbool.h>

enum {
	FORECASTER_HORIZON_MAX = 14,
	FORECASTER_PERIOD_MAX = 60,
	FORECASTER_HISTORY_MAX = 256, /* older points are ignored */
};

/* Positions in forecaster_step.quantile, and the levels they stand for. */
enum forecaster_quantile {
	FORECASTER_Q025, /* lower end of the 95 % interval */
	FORECASTER_Q100, /* lower end of the 80 % interval */
	FORECASTER_Q500, /* the point forecast, meant as a median */
	FORECASTER_Q900, /* upper end of the 80 % interval */
	FORECASTER_Q975, /* upper end of the 95 % interval */
	FORECASTER_QUANTILE_COUNT
};

enum forecaster_method {
	FORECASTER_NONE,	    /* no history: all values are 0 and mean nothing */
	FORECASTER_SES,		    /* too few points for more */
	FORECASTER_MEDIAN,	    /* of SES, damped trend, Theta */
	FORECASTER_SEASONAL_MEDIAN, /* of these and the seasonal naive, seasonally adjusted */
};

struct forecaster_options {
	int horizon_count; /* 1 to FORECASTER_HORIZON_MAX periods ahead */
	int season_period; /* periods a season, to FORECASTER_PERIOD_MAX; 0 or 1: none known */
	bool nonnegative;  /* the series can't fall below 0: neither do its quantiles */
};

struct forecaster_step {
	double quantile[FORECASTER_QUANTILE_COUNT]; /* finite, non-decreasing */
};

struct forecaster_result {
	enum forecaster_method method;
	int horizon_count;
	struct forecaster_step step[FORECASTER_HORIZON_MAX]; /* step[h - 1] is h periods ahead */
};

/* Forecasts from `history`[0..history_count), oldest first, borrowed, all finite and below 1e30
 * in size. history_count >= 0. */
void forecaster_predict(const double *history, int history_count,
			const struct forecaster_options *options, struct forecaster_result *out);

/* The level a quantile stands for, e.g. 0.975. */
double forecaster_quantile_level(enum forecaster_quantile quantile);

/* Stable lower-case name of a method, e.g. "seasonal_median". Borrowed, static. */
const char *forecaster_method_name(enum forecaster_method method);

#endif
