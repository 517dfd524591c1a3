/* Error measures of a forecast against what came.
 *
 * Units: those of the series, unless said otherwise. All arguments finite. Threads: pure
 * functions. Errors: none. Definitions follow S. Makridakis, E. Spiliotis, V. Assimakopoulos,
 * "The M4 Competition", International Journal of Forecasting 36(1), 2020, where no other source is
 * named. */
#ifndef MODELS_ACCURACY_H
#define MODELS_ACCURACY_H

#include <stdbool.h>

/* |actual - forecast|. */
double accuracy_absolute(double actual, double forecast);

/* (actual - forecast)^2, in squared units; +inf if that overflows. */
double accuracy_squared(double actual, double forecast);

/* One term of sMAPE, in percent, 0 to 200: 200 |a - f| / (|a| + |f|); 0 if both are 0. */
double accuracy_smape(double actual, double forecast);

/* The scale of MASE: mean |y[t] - y[t - period]| over y[0..count), the in-sample error of the
 * (seasonal, period > 1) naive forecast. Returns 0 where there is no scale: count <= period, or a
 * series that repeats itself exactly; then MASE is undefined. Source: R. J. Hyndman and
 * A. B. Koehler, "Another look at measures of forecast accuracy", IJF 22(4), 2006. */
double accuracy_mase_scale(const double *y, int count, int period);

/* Pinball (quantile) loss of `quantile` as a forecast of the `level` quantile, level in (0, 1):
 * level (a - q) if a >= q, else (1 - level)(q - a). Source: R. Koenker and G. Bassett,
 * "Regression quantiles", Econometrica 46(1), 1978. */
double accuracy_pinball(double actual, double quantile, double level);

/* True if lower <= actual <= upper. */
bool accuracy_covered(double actual, double lower, double upper);

#endif
