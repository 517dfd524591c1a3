/* How much to trust each of several models, and how far: weights that make of their margins one
 * that is calibrated.
 *
 * margin = intercept + sum of weights[k] x margins of model k, fitted by logistic regression on
 * margins for rows that the models did not learn from; no weight is negative (L. Breiman, "Stacked
 * regressions", Machine Learning 24, 1996). A single model's weight and intercept are Platt's
 * scaling (J. Platt, 1999). A ridge draws the weights towards equal shares of 1, so that few rows
 * change little.
 *
 * Threads: pure. */
#ifndef MODELS_BLEND_H
#define MODELS_BLEND_H

#include <stddef.h>
#include <stdint.h>

enum { BLEND_MODELS_MAX = 8 };

struct blend {
	size_t model_count;
	double intercept, weights[BLEND_MODELS_MAX];
};

/* margins[model][i] and labels[i] of `count` rows; weights[i] of the rows, NULL: 1 each. ridge in
 * units of a row's curvature. */
void blend_fit(const double *const *margins, size_t model_count, const uint8_t *labels,
	       const double *weights, size_t count, double ridge, struct blend *blend);

#endif
