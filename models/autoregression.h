/* Autoregression of a series' changes, with or without a drift and a pull back to a level; the
 * lags by information criterion.
 *
 * The change is regressed on a constant, the last value and the last changes (the form of
 * D. A. Dickey, W. A. Fuller, "Distribution of the estimators for autoregressive time series with a
 * unit root", JASA 74, 1979), by least squares; which of these terms are there, and how many
 * changes, is what has the least AICc on the same points (C. M. Hurvich, C.-L. Tsai, "Regression
 * and time series model selection in small samples", Biometrika 76(2), 1989).
 *
 * The series has no season (or is adjusted for it). No allocation. Units: those of the series. All
 * values finite. Threads: pure. Errors: none. */
#ifndef MODELS_AUTOREGRESSION_H
#define MODELS_AUTOREGRESSION_H

#include <stdbool.h>

enum { AUTOREGRESSION_LAGS_MAX = 6, AUTOREGRESSION_POINTS_MAX = 400 };

struct autoregression {
	double constant, pull; /* pull: of the last value; below 0, or 0 where there is none */
	int lags;
	double change[AUTOREGRESSION_LAGS_MAX]; /* of the last change, the one before, ... */
};

/* Fitted to y[count], count >= 1; below 8 points the last value stays. Of a longer series the last
 * AUTOREGRESSION_POINTS_MAX count. */
void autoregression_fit(const double *y, int count, struct autoregression *model);

/* Forecasts of y[count..count + horizon), from y[0..count), within a range beyond what was seen. */
void autoregression_forecast(const struct autoregression *model, const double *y, int count,
			     int horizon, double *out);

#endif
