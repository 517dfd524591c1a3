/* A dataset's values as numbers of at most 256 bins a column, column by column: what histogram
 * boosting works on. Bin 0 is "missing"; a category's level k is bin k + 1; a numeric column is cut
 * half way between values, into bins of about equal counts where it has more distinct values than
 * bins. Labels are not looked at.
 *
 * Source: histogram split finding as in G. Ke et al., "LightGBM: A Highly Efficient Gradient
 * Boosting Decision Tree", NeurIPS 2017, section 2.1.
 *
 * Ownership: bins own all they hold. Threads: read only once made. */
#ifndef MODELS_BINS_H
#define MODELS_BINS_H

#include <stdbool.h>

#include "models/dataset.h"

enum {
	BINS_MAX = 256,
	BINS_SAMPLE_MAX = 50000, /* rows that the cuts of a numeric column are chosen from */
};

struct bins_column {
	uint16_t bin_count;  /* with bin 0 */
	uint16_t categories; /* 0: numeric */
	uint32_t offset;     /* of its bins among those of all columns */
	const double *cuts;  /* [bin_count - 2], rising; bin 1 + k holds values <= cuts[k] */
	const uint8_t *bins; /* [row_count] */
};

struct bins {
	size_t row_count, column_count;
	uint32_t total; /* bins of all columns together */
	struct bins_column *columns;
};

/* New bins; bin_count_max: of a numeric column, 3 to BINS_MAX. Free with bins_free. */
struct bins *bins_new(const struct dataset *dataset, size_t bin_count_max);
void bins_free(struct bins **bins); /* NULL-safe */

#endif
