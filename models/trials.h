/* Settings of models tried on inner folds: each is fitted on the rows of a fold's training part and
 * judged on what is held out, so that each held row gets a margin from a model that did not see it.
 *
 * Ownership: trials own their margins; the dataset, bins and folds are borrowed. Threads:
 * trials_run uses as many as it is told to. */
#ifndef MODELS_TRIALS_H
#define MODELS_TRIALS_H

#include "models/boost.h"
#include "models/folds.h"
#include "models/logistic.h"

enum { TRIAL_PATIENCE = 40 };

struct trial_ground {
	const struct dataset *dataset;
	const struct bins *bins;
	const struct folds *folds;
	size_t held_count;
	uint32_t *held_rows; /* [held_count], rising; owned */
	uint8_t *labels;     /* [held_count]; owned */
	double *weights;     /* [held_count]; owned; NULL: 1 each */
	size_t thread_count;
};

struct trial {
	bool is_linear;
	struct boost_options boost; /* of trees: rounds is how many may be tried */
	/* set by trials_run */
	size_t rounds;	 /* of trees, those with the lowest loss over all folds */
	double penalty;	 /* of a linear one, chosen likewise */
	double log_loss; /* mean over held rows */
	double *margins; /* [held_count] */
};

void trial_ground_init(struct trial_ground *ground, const struct dataset *dataset,
		       const struct bins *bins, const struct folds *folds, size_t thread_count);
void trial_ground_fini(struct trial_ground *ground);

/* Tries trials[count], all folds of all of them at once. */
void trials_run(const struct trial_ground *ground, struct trial *trials, size_t count);
void trial_fini(struct trial *trial);

#endif
