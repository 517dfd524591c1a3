/* A forecast by all methods of the portfolio, of a series that regressors drive: their effect is
 * taken out (models/regressors.h), the rest is forecast, and the effect of the regressors' future
 * values is added to each method's forecast.
 *
 * Units: those of the series and of each regressor. All values finite, below 1e30 in size. Threads:
 * pure. Errors: none. No allocation; some 300 KiB of stack. */
#ifndef MODELS_DRIVEN_H
#define MODELS_DRIVEN_H

#include "models/portfolio.h"
#include "models/regressors.h"

/* As portfolio_forecast, with x[count + horizon][regressor_count]: the regressors of each point and
 * of those to come. model: what was estimated. Without regressors it is portfolio_forecast. */
void driven_forecast(const double *y, int count, const struct portfolio_periods *periods,
		     const double *x, int regressor_count, int horizon,
		     struct portfolio_memory *memory, struct regressors *model, double *out);

/* Forecasts a regressor whose future is not known: the median of all methods at each step, from
 * y[count] to out[horizon]. */
void driven_foretell(const double *y, int count, const struct portfolio_periods *periods,
		     int horizon, double *out);

#endif
