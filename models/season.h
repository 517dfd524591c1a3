/* Seasons of a series: which periods it has, and its indices for up to two of them at once (hour of
 * day and of week).
 *
 * Indices are means, by position, of the series (or its logarithm) less the other season and less
 * a centred moving average over the period, the loop being run until they settle: the idea of
 * K. Bandara, R. J. Hyndman, C. Bergmeir, "MSTL: a seasonal-trend decomposition algorithm for
 * time series with multiple seasonal patterns", 2021, with means for its local regressions. Later
 * cycles weigh more, and indices are shrunk by the share of their variance that is noise:
 * D. M. Miller, D. Williams, "Shrinkage estimators of time series seasonal factors and their
 * effect on forecasting accuracy", IJF 19(4), 2003.
 *
 * Whether a period is there is judged by what it foretells: each cycle by the others' means.
 *
 * Units: those of the series. All values finite. Threads: pure. Errors: none. No allocation. */
#ifndef MODELS_SEASON_H
#define MODELS_SEASON_H

#include <stdbool.h>

enum { SEASON_COUNT_MAX = 2, SEASON_PERIOD_MAX = 400, SEASON_POINTS_MAX = 2048 };

struct season {
	int count;		      /* 0: none */
	int period[SEASON_COUNT_MAX]; /* ascending, the second a multiple of the first */
	bool logs;		      /* multiplicative: indices are of the logarithm */
	double index[SEASON_COUNT_MAX][SEASON_PERIOD_MAX];
};

/* The share of the variance around the moving average of y[count] that the other cycles' means by
 * position explain, at most 1; 0 or below where the period tells nothing, or there are fewer than
 * three cycles. period: 2 to SEASON_PERIOD_MAX. Points before the last SEASON_POINTS_MAX are not
 * looked at. */
double season_strength(const double *y, int count, int period);

/* Points from which on a season of that period can be found: three cycles, and one. */
int season_points_min(int period);

/* Chooses season->period (and count) among candidates, ascending: the strongest, if above
 * `strength_min`, then, of its multiples, the one that is strongest in what the first leaves over.
 * A period that is a multiple of a nearly as strong one is not the first. season->logs is set by
 * the caller. */
void season_choose(const double *y, int count, const int *candidates, int candidate_count,
		   double strength_min, struct season *season);

/* Fits the indices of the periods given in `season` (count, period, logs) to y[count]; periods with
 * fewer than two cycles are dropped. weight: of a cycle against the one after it, 0 to 1. With logs
 * y > 0. */
void season_fit(const double *y, int count, double weight, struct season *season);

/* The series without its season, and with it again: out[i] for position t = first + i. `out` and
 * `y` may be the same. */
void season_remove(const struct season *season, const double *y, int first, int count, double *out);
void season_add(const struct season *season, const double *y, int first, int count, double *out);

#endif
