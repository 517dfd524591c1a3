/* The single methods of a forecast, side by side: what a combination is made from.
 *
 * Units: those of the series. All values finite, below 1e30 in size. Threads: pure. Errors: none.
 * No allocation; some 100 KiB of stack. */
#ifndef MODELS_PORTFOLIO_H
#define MODELS_PORTFOLIO_H

#include <stdbool.h>

#include "models/ets.h"
#include "models/season.h"

enum {
	PORTFOLIO_POINTS_MAX = 1536, /* older points are ignored */
	PORTFOLIO_HORIZON_MAX = 400,
};

enum portfolio_method {
	PORTFOLIO_NAIVE, /* the last season again, or the last point where there is none */
	PORTFOLIO_SES,	 /* of the parameter with the least absolute error */
	PORTFOLIO_ETS,
	PORTFOLIO_THETA,
	PORTFOLIO_CES,
	PORTFOLIO_AUTOREGRESSION,
	PORTFOLIO_LAGGED,
	PORTFOLIO_INTERMITTENT, /* where there are zeros; else the naive forecast */
	PORTFOLIO_MEDIAN, /* of the last points, seasonally adjusted */
	PORTFOLIO_METHOD_COUNT
};

enum { PORTFOLIO_PERIODS_MAX = 8 };

struct portfolio_periods {
	int count;
	int period[PORTFOLIO_PERIODS_MAX]; /* that the series may have, ascending */
};

/* What a forecast leaves for later ones of the same series from later origins: parameters whose
 * search is long. Start with zeros. */
struct portfolio_memory {
	bool known;
	int skipped, period; /* what must be the same again */
	struct ets ets;
};

/* Forecasts by each method of y[count..count + horizon): out[method * horizon + h]. A method that
 * can't be fitted gives the naive forecast. count >= 1. memory: NULL, or of an earlier origin of
 * the same series; where it fits, its parameters are taken, else it is filled. */
void portfolio_forecast(const double *y, int count, const struct portfolio_periods *periods,
			int horizon, struct portfolio_memory *memory, double *out);

/* Stable lower-case name, e.g. "theta". Borrowed, static. */
const char *portfolio_method_name(enum portfolio_method method);

#endif
