/* A forecast combined from several methods, and quantiles around it from past errors.
 *
 * Weights: a prior for each method, from the errors on many series, times the inverse square of the
 * method's mean error on this one: J. M. Bates, C. W. J. Granger, "The combination of forecasts",
 * Operational Research Quarterly 20(4), 1969, without the correlations. The prior falls with the
 * eighth power of a method's loss over all series, so that one that is a tenth worse counts half:
 * the power was chosen on series of this project's own, by rolling origin; from the sixth to the
 * sixteenth the results hardly differ.
 *
 * A case is what was forecast from one origin of one series, and what came. Errors are relative to
 * a case's scale (the in-sample error of the naive forecast), and to its size (as sMAPE).
 *
 * Ownership: all borrowed for the call. Threads: pure. Errors: none. */
#ifndef MODELS_COMBINATION_H
#define MODELS_COMBINATION_H

#include <stddef.h>

enum { COMBINATION_METHODS_MAX = 12 };

struct combination_case {
	const double *forecast; /* [methods][horizon] */
	const double *actual;	/* [horizon] */
	double scale;		/* > 0 */
};

/* weight[methods], > 0 and of sum 1, by the mean loss over the cases: sMAPE and scaled error, each
 * relative to its mean over the methods. Equal without cases. */
void combination_prior(const struct combination_case *cases, size_t count, int methods, int horizon,
		       double *weight);

/* Weights for one series: prior[methods] and the mean absolute error of each method on it, over as
 * many origins as there are; error NULL: none, the prior. Of methods with the same error only that
 * with most prior counts. */
void combination_weights(const double *prior, const double *error, int methods, double *weight);

/* out[h] = sum of weight[m] forecast[m][h]. */
void combination_point(const double *weight, const double *forecast, int methods, int horizon,
		       double *out);

#endif
