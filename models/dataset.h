/* Examples to learn from: a matrix with a row an example, and what came of each.
 *
 * A column is numeric or a category. A category's values are whole numbers from 0 to its
 * category_counts[] - 1; whatever else (a level that was not there in training) counts as missing.
 * A NaN is a missing value; infinities are not allowed.
 *
 * Ownership: all borrowed. Threads: read only. */
#ifndef MODELS_DATASET_H
#define MODELS_DATASET_H

#include <stddef.h>
#include <stdint.h>

enum {
	DATASET_COLUMNS_MAX = 2048,
	DATASET_CATEGORIES_MAX = 250, /* of one column; rarer levels are one level together */
	DATASET_ROWS_MAX = 20000000,
};

struct dataset {
	size_t row_count, column_count;
	const double *values;		 /* [row * column_count + column] */
	const uint16_t *category_counts; /* of each column; 0: numeric. NULL: all are numeric */
	const uint8_t *labels;		 /* 0 or 1 */
	const double *weights;		 /* > 0; NULL: 1 each */
	const uint32_t *groups; /* rows of one group, such as an account's at several times, are
				 * held out together; NULL: each row is its own */
};

static inline const double *dataset_row(const struct dataset *dataset, size_t row)
{
	return dataset->values + row * dataset->column_count;
}

static inline size_t dataset_categories(const struct dataset *dataset, size_t column)
{
	return dataset->category_counts == NULL ? 0 : dataset->category_counts[column];
}

static inline double dataset_weight(const struct dataset *dataset, size_t row)
{
	return dataset->weights == NULL ? 1 : dataset->weights[row];
}

#endif
