#include "models/trials.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/crew.h"

/* Penalties of the linear model, the strongest first: each fit begins where the last one ended. */
static const double penalties[] = { 1000, 300, 100, 30, 10, 3, 1, 0.3 };
enum { PENALTY_COUNT = sizeof penalties / sizeof penalties[0] };

/* Of many rows the penalty matters little: every third is enough. */
enum { MANY_ROWS = 30000, MANY_STEP = 3 };

/* What one fold of one trial came to. */
struct attempt {
	struct forest forest;
	double *losses; /* of trees: after each round; of a linear one: for each penalty */
	size_t loss_count;
	double *margins; /* of a linear one: [penalty][held row of the fold] */
};

struct bout {
	const struct trial_ground *ground;
	struct trial *trials;
	struct attempt *attempts; /* [trial * folds + fold] */
};

static double loss_of(double margin, uint8_t label)
{
	double z = label ? margin : -margin;
	return z > 0 ? dm_log1p(dm_exp(-z)) : dm_log1p(dm_exp(z)) - z;
}

static void attempt_linear(const struct trial_ground *ground, const struct fold *fold,
			   struct attempt *attempt)
{
	const struct dataset *dataset = ground->dataset;
	const struct logistic_sample sample = { dataset, fold->train, fold->train_count };
	struct logistic last = { 0 };
	attempt->loss_count = PENALTY_COUNT;
	attempt->losses = check_calloc(PENALTY_COUNT, sizeof *attempt->losses);
	attempt->margins =
		check_calloc(PENALTY_COUNT * fold->held_count + 1, sizeof *attempt->margins);
	size_t step = fold->train_count > MANY_ROWS ? MANY_STEP : 1;
	for (size_t p = 0; p < PENALTY_COUNT; p++) {
		struct logistic model;
		if (p % step != 0) {
			attempt->losses[p] = INFINITY;
			continue;
		}
		double *margins = attempt->margins + p * fold->held_count;
		double weights = 0;
		logistic_fit(&sample, penalties[p], p > 0 ? &last : NULL, &model);
		for (size_t i = 0; i < fold->held_count; i++) {
			uint32_t row = fold->held[i];
			double weight = dataset_weight(dataset, row);
			margins[i] = logistic_margin(&model, dataset_row(dataset, row));
			attempt->losses[p] += weight * loss_of(margins[i], dataset->labels[row]);
			weights += weight;
		}
		attempt->losses[p] /= weights > 0 ? weights : 1;
		logistic_fini(&last);
		last = model;
	}
	logistic_fini(&last);
}

static void attempt_trees(const struct trial_ground *ground, const struct fold *fold,
			  const struct trial *trial, size_t fold_number, struct attempt *attempt)
{
	const struct boost_sample sample = { .bins = ground->bins,
					     .dataset = ground->dataset,
					     .rows = fold->train,
					     .row_count = fold->train_count };
	struct boost_options options = trial->boost;
	attempt->losses = check_calloc(options.rounds + 1, sizeof *attempt->losses);
	struct boost_watch watch = { .rows = fold->held,
				     .row_count = fold->held_count,
				     .patience = TRIAL_PATIENCE,
				     .losses = attempt->losses };
	options.seed = trial->boost.seed + 1000 * (fold_number + 1);
	boost_fit(&sample, &options, &watch, &attempt->forest);
	attempt->loss_count = watch.loss_count;
}

static void attempt_run(void *context, size_t job)
{
	const struct bout *bout = context;
	const struct folds *folds = bout->ground->folds;
	const struct trial *trial = &bout->trials[job / folds->count];
	size_t k = job % folds->count;
	struct attempt *attempt = &bout->attempts[job];
	if (trial->is_linear)
		attempt_linear(bout->ground, &folds->folds[k], attempt);
	else
		attempt_trees(bout->ground, &folds->folds[k], trial, k, attempt);
}

/* The index into losses[] with the lowest mean over the folds, as far as all of them came: a fold
 * that stopped early had passed its low, and would only have gone on rising. */
static size_t lowest(const struct attempt *attempts, const struct folds *folds)
{
	size_t longest = 0, best = 0;
	double best_loss = INFINITY;
	for (size_t k = 0; k < folds->count; k++)
		if (attempts[k].loss_count > longest)
			longest = attempts[k].loss_count;
	for (size_t r = 0; r < longest; r++) {
		double loss = 0;
		for (size_t k = 0; k < folds->count; k++) {
			size_t last = attempts[k].loss_count - 1;
			loss += attempts[k].losses[r < last ? r : last] *
				(double)folds->folds[k].held_count;
		}
		if (loss < best_loss) {
			best_loss = loss;
			best = r;
		}
	}
	return best;
}

/* Takes the best setting's margins over into the trial. */
static void settle(const struct trial_ground *ground, struct attempt *attempts, struct trial *trial)
{
	const struct folds *folds = ground->folds;
	const struct dataset *dataset = ground->dataset;
	double *by_row = check_calloc(dataset->row_count + 1, sizeof *by_row);
	size_t best = lowest(attempts, folds);
	trial->rounds = trial->is_linear ? 0 : best;
	trial->penalty = trial->is_linear ? penalties[best] : 0;
	for (size_t k = 0; k < folds->count; k++) {
		const struct fold *fold = &folds->folds[k];
		if (!trial->is_linear)
			forest_cut(&attempts[k].forest, best);
		for (size_t i = 0; i < fold->held_count; i++)
			by_row[fold->held[i]] =
				trial->is_linear
					? attempts[k].margins[best * fold->held_count + i]
					: forest_margin(&attempts[k].forest,
							dataset_row(dataset, fold->held[i]));
	}
	trial->margins = check_calloc(ground->held_count + 1, sizeof *trial->margins);
	trial->log_loss = 0;
	double weights = 0;
	for (size_t i = 0; i < ground->held_count; i++) {
		double weight = dataset_weight(dataset, ground->held_rows[i]);
		trial->margins[i] = by_row[ground->held_rows[i]];
		trial->log_loss += weight * loss_of(trial->margins[i], ground->labels[i]);
		weights += weight;
	}
	trial->log_loss /= weights > 0 ? weights : 1;
	free(by_row);
}

void trials_run(const struct trial_ground *ground, struct trial *trials, size_t count)
{
	size_t fold_count = ground->folds->count;
	struct bout bout = { ground, trials,
			     check_calloc(count * fold_count + 1, sizeof *bout.attempts) };
	crew_run(ground->thread_count, count * fold_count, attempt_run, &bout);
	for (size_t t = 0; t < count; t++)
		settle(ground, &bout.attempts[t * fold_count], &trials[t]);
	for (size_t i = 0; i < count * fold_count; i++) {
		forest_fini(&bout.attempts[i].forest);
		free(bout.attempts[i].losses);
		free(bout.attempts[i].margins);
	}
	free(bout.attempts);
}

void trial_fini(struct trial *trial)
{
	free(trial->margins);
	trial->margins = NULL;
}

void trial_ground_init(struct trial_ground *ground, const struct dataset *dataset,
		       const struct bins *bins, const struct folds *folds, size_t thread_count)
{
	*ground = (struct trial_ground){
		.dataset = dataset, .bins = bins, .folds = folds, .thread_count = thread_count
	};
	uint8_t *held = check_calloc(dataset->row_count + 1, 1);
	for (size_t k = 0; k < folds->count; k++)
		for (size_t i = 0; i < folds->folds[k].held_count; i++)
			held[folds->folds[k].held[i]] = 1;
	ground->held_rows = check_calloc(dataset->row_count + 1, sizeof *ground->held_rows);
	ground->labels = check_calloc(dataset->row_count + 1, 1);
	if (dataset->weights != NULL)
		ground->weights = check_calloc(dataset->row_count + 1, sizeof *ground->weights);
	for (size_t row = 0; row < dataset->row_count; row++) {
		if (!held[row])
			continue;
		ground->held_rows[ground->held_count] = (uint32_t)row;
		ground->labels[ground->held_count] = dataset->labels[row];
		if (dataset->weights != NULL)
			ground->weights[ground->held_count] = dataset->weights[row];
		ground->held_count++;
	}
	free(held);
}

void trial_ground_fini(struct trial_ground *ground)
{
	free(ground->held_rows);
	free(ground->labels);
	free(ground->weights);
}
