/* The forecast of a series that is new, from what it is part of: as much of the whole's forecast as
 * is its share. So the season, the growth and the calendar of the whole are there before the series
 * can have shown any of its own (top-down by proportions: C. W. Gross, J. E. Sohl, "Disaggregation
 * methods to expedite product line forecasting", Journal of Forecasting 9(3), 1990). With each
 * point more its own method counts more, until the series has newcomer_points() of them.
 *
 * The share is of what the whole was expected to be, one period ahead, and not of what it came to:
 * the newcomer itself was not expected, and the whole's next forecasts hardly know of it yet. A
 * period of age k counts NEWCOMER_DECAY^k: shares grow.
 *
 * Units: those of the series. All values finite. Plain data, zeroed when new. Deterministic to the
 * bit. Threads: pure. */
#ifndef MODELS_NEWCOMER_H
#define MODELS_NEWCOMER_H

#include <stdbool.h>

enum { NEWCOMER_POINTS_MIN = 8 };

#define NEWCOMER_DECAY 0.85

struct newcomer {
	double own, expected; /* sums, of the series and of the whole as it was forecast */
};

/* How many points a series needs to be forecast by itself alone: two seasons, and
 * NEWCOMER_POINTS_MIN at least. */
int newcomer_points(int season_period);

/* A period has closed, of which the whole was expected to be `expected`. */
void newcomer_learn(struct newcomer *newcomer, double own, double expected);

/* point[horizon], what the method of a series with `count` points says, becomes what is to be said;
 * whole_ahead[horizon] is the forecast of the whole. False, and nothing is changed, where there is
 * no share: the whole is not above 0, or the series below it, or it has enough points. */
bool newcomer_forecast(const struct newcomer *newcomer, int count, int season_period,
		       const double *whole_ahead, int horizon, double *point);

#endif
