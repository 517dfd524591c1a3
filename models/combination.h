/* A forecast combined from several methods, and quantiles around it from past errors.
 *
 * Weights: a prior for each method, from the errors of many series, times the inverse square of the
 * method's mean error on this series: J. M. Bates, C. W. J. Granger, "The combination of
 * forecasts", Operational Research Quarterly 20(4), 1969, without the correlations, shrunk to the
 * prior. The prior is the combination with the least loss over all of them: L. Breiman, "Stacked
 * regressions", Machine Learning 24, 1996, with weights that are not negative and sum to 1.
 *
 * A case is what was forecast from one origin of one series, and what came. Errors are relative to
 * a case's scale (the in-sample error of the naive forecast), and to its size (as sMAPE).
 *
 * Ownership: all borrowed for the call. Threads: pure. Errors: none. */
#ifndef MODELS_COMBINATION_H
#define MODELS_COMBINATION_H

#include <stddef.h>

enum { COMBINATION_METHODS_MAX = 8 };

struct combination_case {
	const double *forecast; /* [methods][horizon] */
	const double *actual;	/* [horizon] */
	double scale;		/* > 0 */
};

/* weight[methods], >= 0 and of sum 1: those of least mean loss over the cases, drawn to equal ones
 * where there are few. The loss is sMAPE and scaled error, each relative to that of equal
 * weights. */
void combination_prior(const struct combination_case *cases, size_t count, int methods, int horizon,
		       double *weight);

/* Weights for one series: prior[methods] and the mean absolute error of each method on it, over as
 * many origins as there are; error NULL: none, the prior. */
void combination_weights(const double *prior, const double *error, int methods, double *weight);

/* out[h] = sum of weight[m] forecast[m][h]. */
void combination_point(const double *weight, const double *forecast, int methods, int horizon,
		       double *out);

#endif
