/* Logistic regression with an L2 penalty, over numeric columns and categories.
 *
 * A numeric column is standardised (and held within what training saw, so that a value far outside
 * doesn't carry the margin away); where training had missing values, these have a weight of their
 * own. A category has a weight for each level. The margin is intercept + a contribution for each
 * column, which is 0 on average over the training rows, so the intercept is the average margin.
 *
 * Fit: minimises the weighted log loss plus penalty / 2 times the squared weights by Newton's
 * method, each step by conjugate gradients preconditioned with the diagonal (as in C.-J. Lin, R. C.
 * Weng and S. S. Keerthi, "Trust Region Newton Method for Logistic Regression", JMLR 9, 2008, with
 * a line search in place of the trust region).
 *
 * Ownership: in place, logistic_fini frees. The same input gives the same bits. Threads: pure. */
#ifndef MODELS_LOGISTIC_H
#define MODELS_LOGISTIC_H

#include <stdbool.h>

#include "base/err.h"
#include "models/dataset.h"
#include "models/packing.h"

enum { LOGISTIC_NEWTON_MAX = 60, LOGISTIC_CG_MAX = 60, LOGISTIC_HALVINGS_MAX = 30 };

struct logistic_column {
	uint16_t categories; /* 0: numeric */
	uint32_t first;	     /* numeric: its weight, then that of a missing value; a category: its
			      * levels' weights, then that of a missing value */
	double mean, scale;  /* of a numeric one; scale 0: constant */
	double low, high;    /* what training saw, standardised */
	double average;	     /* of the column's raw contribution in training */
};

struct logistic {
	size_t column_count, weight_count;
	struct logistic_column *columns;
	double *weights;
	double intercept;
};

struct logistic_sample {
	const struct dataset *dataset;
	const uint32_t *rows; /* of the dataset; NULL: all */
	size_t row_count;     /* of rows */
};

/* A fitted model in *logistic. penalty > 0, in units of one example's curvature. `start`: a model
 * of the same dataset to begin from, with the same columns; NULL: none. */
void logistic_fit(const struct logistic_sample *sample, double penalty,
		  const struct logistic *start, struct logistic *logistic);
void logistic_fini(struct logistic *logistic);

/* row[column_count], NaN where missing. */
double logistic_margin(const struct logistic *logistic, const double *row);

/* Writes contributions[column_count]: intercept and all of them sum up to the margin. */
void logistic_explain(const struct logistic *logistic, const double *row, double *contributions);

/* All weights, averages and the intercept times `scale`: margins become as much larger. */
void logistic_scale(struct logistic *logistic, double scale);

/* Layout: f64 intercept; u32 count and f64 each weight; u32 count and {u32 categories, first; f64
 * mean, scale, low, high, average} each column. Errors: POISON MODEL_INVALID; *logistic is then to
 * be freed, too. */
void logistic_pack(const struct logistic *logistic, struct packer *packer);
ERR_MUST_USE struct err *logistic_unpack(struct logistic *logistic, struct unpacker *unpacker);

#endif
