/* Forecasts of many series at once, as `foretell evaluate forecast` makes them: all methods of
 * models/portfolio.h from the end of each series and, to learn from, from origins before it; then
 * weights (models/combination.h) and quantiles (models/spread.h) from the errors of these. Nothing
 * but the series given is looked at, and their regressors where there are any.
 *
 * Ownership: a trial owns its results and borrows the series, which must outlive it. Threads: it
 * starts its own; the result doesn't depend on how many. */
#ifndef EVALUATE_FORECAST_TRIAL_H
#define EVALUATE_FORECAST_TRIAL_H

#include <stdbool.h>

#include "evaluate/parallel.h"
#include "evaluate/regressor_table.h"
#include "evaluate/series_table.h"
#include "models/clean.h"
#include "models/portfolio.h"
#include "models/spread.h"

enum { TRIAL_ORIGINS_MAX = 12 };

struct forecast_trial_options {
	int period;  /* of the scores, a candidate for a season if above 1 */
	int horizon; /* 1 to PORTFOLIO_HORIZON_MAX */
	bool clean;  /* forecast from the series without outliers and shifts (models/clean.h) */
	/* Few noisy points that are sums: how many amounts each is of, series by series as in the
	 * table, of which the first is the total of others. Then there is no season, and three
	 * simple methods alone are combined, equal before their errors: level, number
	 * (models/rate.h), share of the total (models/share.h). NULL: all methods. */
	const struct series_table *numbers;
	struct parallel_options parallel;
	const struct regressor_table *regressors; /* of the table's series; NULL: none */
};

/* What is known of one series; arrays of the horizon's length. */
struct forecast_trial_series {
	int origin_count; /* that its errors were learnt from */
	struct regressors regressors;
	struct clean_found found; /* by cleaning */
	double weight[PORTFOLIO_METHOD_COUNT];
	double *method[PORTFOLIO_METHOD_COUNT];
	double *point;
	double *quantile[SPREAD_QUANTILE_COUNT];
	const double *error; /* [origin_count][horizon], the last origin first: actual less
			      * forecast, with weights from the other origins */
};

struct forecast_trial {
	size_t count;
	int horizon;
	struct portfolio_periods periods;     /* candidates that many series had */
	double prior[PORTFOLIO_METHOD_COUNT]; /* weights over all series */
	struct forecast_trial_series *series; /* in the order of the table */
	double *values, *errors;	      /* what the arrays point into */
};

/* A new trial. Errors: FATAL SERIES_EMPTY (a series without any value: its id), INTERRUPTED. */
ERR_MUST_USE struct err *forecast_trial_run(const struct series_table *table,
					    const struct forecast_trial_options *options,
					    struct forecast_trial **trial);
void forecast_trial_free(struct forecast_trial **trial); /* NULL-safe */

#endif
