/* Inner validation: parts of a dataset that take turns at being held out.
 *
 * Positives and negatives are dealt out evenly, after a shuffle by seed; where rows have groups,
 * each group is dealt out whole. Of a large dataset only
 * the first of the five parts takes its turn, which is enough to tell candidates apart.
 *
 * Ownership: folds own their lists. Threads: read only once made. */
#ifndef MODELS_FOLDS_H
#define MODELS_FOLDS_H

#include "models/dataset.h"

enum {
	FOLDS_MAX = 5,
	FOLDS_ROWS_ALL = 30000, /* up to so many rows every part takes its turn */
};

struct fold {
	uint32_t *train, *held; /* rows, rising */
	size_t train_count, held_count;
};

struct folds {
	size_t count;
	struct fold folds[FOLDS_MAX];
};

/* New folds of the dataset's rows; folds_fini frees what they hold. */
void folds_init(struct folds *folds, const struct dataset *dataset, uint64_t seed);
void folds_fini(struct folds *folds);

#endif
