/* Forecasts that add up: one total and several ways of parting it (by country, by product group),
 * each of which must sum to the total.
 *
 * The total is that of generalised least squares with the forecasts' variances and without their
 * correlations (S. L. Wickramasuriya, G. Athanasopoulos, R. J. Hyndman, "Optimal forecast
 * reconciliation for hierarchical and grouped time series through trace minimization", JASA 114,
 * 2019, with a diagonal W): the mean of its own forecast and of each parting's sum, weighed by
 * their precisions. Errors of parts go together, so the variance of their sum is better given than
 * added up. What a parting then lacks is shared by the parts' sizes, not by their variances:
 * forecasts near the median add up to less than the total where parts are skewed, and by variance
 * the wildest parts would get what none of them lacks.
 *
 * Ownership: all borrowed. Threads: pure. Errors: none. */
#ifndef MODELS_RECONCILE_H
#define MODELS_RECONCILE_H

#include <stddef.h>
#include <stdint.h>

struct reconcile_parting {
	size_t count;
	double *value;		/* [count], changed in place */
	const double *variance; /* [count], >= 0 */
	double sum_variance;	/* of the values' sum; 0: the sum of the variances */
};

/* Makes total and partings add up, up to rounding. Returns the new total. */
double reconcile_total(double total, double variance, struct reconcile_parting *partings,
		       size_t parting_count);

/* Rounds value[count] to whole numbers whose sum is `total`: down first, then up where most was cut
 * off. Differences beyond 1 a value are spread evenly. count >= 1. */
void reconcile_round(const double *value, size_t count, int64_t total, int64_t *whole);

#endif
