/* Direct regression: for each horizon its own small linear model of the change from a reference
 * point, on recent changes and on the same places of earlier seasons; shrunk to no change.
 *
 * The reference is the last point of the same season (or the last point at all, where there is no
 * season), so without evidence the forecast is the seasonal naive one. Ridge regression: A. E.
 * Hoerl, R. W. Kennard, "Ridge regression", Technometrics 12(1), 1970; direct forecasts: M.
 * Marcellino, J. H. Stock, M. W. Watson, "A comparison of direct and iterated multistep AR
 * methods", Journal of Econometrics 135, 2006.
 *
 * Units: those of the series. All values finite. Threads: pure. Errors: none. No allocation; some
 * 20 KiB of stack. */
#ifndef MODELS_LAGGED_H
#define MODELS_LAGGED_H

#include <stdbool.h>

struct lagged_options {
	int period_count, period[2]; /* ascending; 0: no season */
	bool logs;		     /* of the logarithm: y > 0 */
	double ridge;		     /* penalty, as a share of each term's own variance */
	double memory;		     /* weight of a point against the one after it */
};

/* Forecasts of y[count..count + horizon). False where there are too few points to fit: fewer than
 * two of the longest period, the horizon and 30 together; `out` is then untouched. */
bool lagged_forecast(const double *y, int count, const struct lagged_options *options, int horizon,
		     double *out);

#endif
