#include "models/folds.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/prng.h"

/* The part of each row, new. */
static uint8_t *deal(const struct dataset *dataset, uint64_t seed)
{
	size_t count = dataset->row_count, dealt[2] = { 0, 0 };
	uint8_t *parts = check_calloc(count + 1, 1);
	uint32_t *order = check_calloc(count + 1, sizeof *order);
	struct prng prng = prng_new(seed, 2);
	for (size_t i = 0; i < count; i++) {
		/* Fisher and Yates, inside out */
		size_t at = prng_below(&prng, (uint32_t)i + 1);
		order[i] = order[at];
		order[at] = (uint32_t)i;
	}
	for (size_t i = 0; dataset->groups != NULL && i < count; i++) {
		struct prng own = prng_new(seed, dataset->groups[i]);
		parts[i] = (uint8_t)prng_below(&own, FOLDS_MAX);
	}
	for (size_t i = 0; dataset->groups == NULL && i < count; i++) {
		size_t label = dataset->labels[order[i]];
		/* the second class goes on where the first one stopped, so that parts are even */
		parts[order[i]] = (uint8_t)((dealt[label]++ + label * 2) % FOLDS_MAX);
	}
	free(order);
	return parts;
}

void folds_init(struct folds *folds, const struct dataset *dataset, uint64_t seed)
{
	uint8_t *parts = deal(dataset, seed);
	folds->count = dataset->row_count <= FOLDS_ROWS_ALL ? FOLDS_MAX : 1;
	for (size_t k = 0; k < folds->count; k++) {
		struct fold *fold = &folds->folds[k];
		*fold = (struct fold){
			.train = check_calloc(dataset->row_count + 1, sizeof *fold->train),
			.held = check_calloc(dataset->row_count + 1, sizeof *fold->held)
		};
		for (size_t i = 0; i < dataset->row_count; i++) {
			if (parts[i] == k)
				fold->held[fold->held_count++] = (uint32_t)i;
			else
				fold->train[fold->train_count++] = (uint32_t)i;
		}
	}
	free(parts);
}

void folds_fini(struct folds *folds)
{
	for (size_t k = 0; k < folds->count; k++) {
		free(folds->folds[k].train);
		free(folds->folds[k].held);
	}
	folds->count = 0;
}
