#include "models/classifier.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/hash.h"
#include "models/crew.h"
#include "models/folds.h"
#include "models/grid.h"
#include "models/shap.h"
#include "models/trials.h"

static const char magic[4] = { 'F', 'T', 'C', 'L' };

/* Sizes of trees, from a single split to many: how many columns may act together. */
struct shape {
	const char *name;
	size_t leaves, depth;
};

static const struct shape shapes[] = {
	{ "trees of 1 split", 2, 1 },	 { "trees of 4 leaves", 4, 2 },
	{ "trees of 8 leaves", 8, 4 },	 { "trees of 16 leaves", 16, 6 },
	{ "trees of 32 leaves", 32, 8 }, { "trees of 64 leaves", 64, 12 },
};
enum { SHAPE_COUNT = sizeof shapes / sizeof shapes[0], SHAPE_NONE = SHAPE_COUNT };

/* Those tried first; the search goes on from the better one. */
static const size_t first_shapes[] = { 1, 3 };

enum { BLEND_MAX = 3, REPEATS_ROWS_MAX = 30000, REPEATS = 4 };

/* In the blend a share below this is not worth a model. */
static const double share_min = 0.03;
static const double ridge = 10;

struct choice {
	const struct dataset *dataset;
	const struct classifier_options *options;
	struct bins *bins;
	struct folds folds;
	struct trial_ground ground;
	size_t trial_count;
	struct trial trials[CLASSIFIER_TRIALS_MAX]; /* the linear one first */
	size_t shape_of[CLASSIFIER_TRIALS_MAX];
	size_t used_count;
	size_t used[BLEND_MAX]; /* trials in the blend */
	struct blend blend;
};

struct classifier_options classifier_defaults(void)
{
	return (struct classifier_options){ .seed = 1, .thread_count = 1 };
}

/* ---- the choice ---- */

/* Few rows can't tell many cuts apart: fewer bins are quicker, and lead trees less astray. */
static size_t bin_count_for(const struct dataset *dataset)
{
	return dataset->row_count <= REPEATS_ROWS_MAX ? 64 : BINS_MAX;
}

static struct boost_options boost_options_for(const struct choice *choice, size_t shape)
{
	struct boost_options options = boost_defaults();
	size_t rows = choice->dataset->row_count, columns = choice->dataset->column_count;
	options.rounds = rows <= REPEATS_ROWS_MAX ? 1000 : 600;
	if (choice->options->rounds_max > 0 && choice->options->rounds_max < options.rounds)
		options.rounds = choice->options->rounds_max;
	options.leaves_max = shapes[shape].leaves;
	options.depth_max = shapes[shape].depth;
	options.learning_rate = rows <= REPEATS_ROWS_MAX ? 0.05 : 0.1;
	options.column_share = columns <= 50 ? 0.6 : 0.4;
	options.seed = choice->options->seed + shape;
	return options;
}

static void try_shapes(struct choice *choice, const size_t *wanted, size_t count)
{
	size_t first = choice->trial_count;
	for (size_t i = 0; i < count; i++) {
		struct trial *trial = &choice->trials[choice->trial_count];
		CHECK(choice->trial_count < CLASSIFIER_TRIALS_MAX);
		*trial = (struct trial){ .boost = boost_options_for(choice, wanted[i]) };
		choice->shape_of[choice->trial_count++] = wanted[i];
	}
	trials_run(&choice->ground, choice->trials + first, count);
}

static bool was_tried(const struct choice *choice, size_t shape)
{
	for (size_t i = 1; i < choice->trial_count; i++)
		if (choice->shape_of[i] == shape)
			return true;
	return false;
}

static size_t best_trees(const struct choice *choice)
{
	size_t best = 1;
	for (size_t i = 2; i < choice->trial_count; i++)
		if (choice->trials[i].log_loss < choice->trials[best].log_loss)
			best = i;
	return best;
}

static void tell(const struct choice *choice, double share)
{
	char what[120];
	const struct classifier_options *options = choice->options;
	if (options->progress == NULL)
		return;
	const struct trial *trial = &choice->trials[choice->trial_count - 1];
	snprintf(what, sizeof what, "%s: log loss %.4f",
		 trial->is_linear ? "linear"
				  : shapes[choice->shape_of[choice->trial_count - 1]].name,
		 trial->log_loss);
	options->progress(options->progress_context, what, share);
}

/* From the better of the first shapes to its neighbours, as long as one of them is better yet. */
static void search(struct choice *choice)
{
	choice->trials[0] = (struct trial){ .is_linear = true };
	choice->shape_of[0] = SHAPE_NONE;
	choice->trial_count = 1;
	trials_run(&choice->ground, choice->trials, 1);
	tell(choice, 0.1);
	if (choice->options->linear_only)
		return;
	try_shapes(choice, first_shapes, sizeof first_shapes / sizeof first_shapes[0]);
	tell(choice, 0.4);
	for (;;) {
		size_t best = choice->shape_of[best_trees(choice)], wanted[2], count = 0;
		if (best > 0 && !was_tried(choice, best - 1))
			wanted[count++] = best - 1;
		if (best + 1 < SHAPE_COUNT && !was_tried(choice, best + 1))
			wanted[count++] = best + 1;
		if (count == 0)
			return;
		try_shapes(choice, wanted, count);
		tell(choice, 0.6);
	}
}

/* The linear trial and the two best of trees. */
static void choose_used(struct choice *choice)
{
	choice->used_count = 1;
	choice->used[0] = 0;
	if (choice->trial_count < 2)
		return;
	size_t best = best_trees(choice), second = 0;
	choice->used[choice->used_count++] = best;
	for (size_t i = 1; i < choice->trial_count; i++)
		if (i != best &&
		    (second == 0 || choice->trials[i].log_loss < choice->trials[second].log_loss))
			second = i;
	if (second > 0)
		choice->used[choice->used_count++] = second;
}

static void blend_used(struct choice *choice)
{
	const double *margins[BLEND_MAX];
	for (size_t k = 0; k < choice->used_count; k++)
		margins[k] = choice->trials[choice->used[k]].margins;
	blend_fit(margins, choice->used_count, choice->ground.labels, choice->ground.weights,
		  choice->ground.held_count, ridge, &choice->blend);
}

/* Leaves out what has hardly a share, for the model to stay small. */
static void choose_blend(struct choice *choice)
{
	choose_used(choice);
	blend_used(choice);
	size_t kept = 0;
	for (size_t k = 0; k < choice->used_count; k++)
		if (choice->blend.weights[k] >= share_min)
			choice->used[kept++] = choice->used[k];
	if (kept > 0 && kept < choice->used_count) {
		choice->used_count = kept;
		blend_used(choice);
	}
}

/* ---- what it is worth ---- */

static void report_set(const struct choice *choice, struct classifier_report *report)
{
	const struct trial_ground *ground = &choice->ground;
	double *probabilities = check_calloc(ground->held_count + 1, sizeof *probabilities);
	struct judgement judgement;
	*report = (struct classifier_report){ .row_count = choice->dataset->row_count,
					      .held_count = ground->held_count,
					      .trial_count = choice->trial_count };
	for (size_t t = 0; t < choice->trial_count; t++) {
		struct classifier_trial *out = &report->trials[t];
		const struct trial *trial = &choice->trials[t];
		for (size_t i = 0; i < ground->held_count; i++)
			probabilities[i] = dm_sigmoid(trial->margins[i]);
		judge(probabilities, ground->labels, ground->held_count, &judgement);
		snprintf(out->name, sizeof out->name, "%s",
			 trial->is_linear ? "logistic regression"
					  : shapes[choice->shape_of[t]].name);
		out->log_loss = judgement.log_loss;
		out->auc = judgement.auc;
		out->rounds = trial->rounds;
		out->penalty = trial->penalty;
	}
	for (size_t k = 0; k < choice->used_count; k++)
		report->trials[choice->used[k]].share = choice->blend.weights[k];
	for (size_t i = 0; i < ground->held_count; i++) {
		double margin = choice->blend.intercept;
		for (size_t k = 0; k < choice->used_count; k++)
			margin += choice->blend.weights[k] *
				  choice->trials[choice->used[k]].margins[i];
		probabilities[i] = dm_sigmoid(margin);
	}
	judge(probabilities, ground->labels, ground->held_count, &report->held);
	free(probabilities);
	double rate = report->held.base_rate;
	report->base_log_loss = -rate * dm_log(rate) - (1 - rate) * dm_log(1 - rate);
	report->skill = (report->held.auc - 0.5) / report->held.auc_error;
	report->has_skill = report->skill > CLASSIFIER_SKILL_MIN &&
			    report->held.auc - 2 * report->held.auc_error > CLASSIFIER_AUC_MIN &&
			    report->held.log_loss < report->base_log_loss;
}

/* ---- the model ---- */

struct refit {
	const struct choice *choice;
	const struct trial *trial;
	struct forest forests[REPEATS];
};

static void refit_trees(void *context, size_t i)
{
	struct refit *refit = context;
	const struct choice *choice = refit->choice;
	const struct boost_sample sample = { .bins = choice->bins, .dataset = choice->dataset };
	struct boost_options options = refit->trial->boost;
	/* all rows are a quarter more than a fold's, and take a few more rounds */
	options.rounds = refit->trial->rounds + refit->trial->rounds / 10;
	options.seed += 1000000 * (i + 1);
	boost_fit(&sample, &options, NULL, &refit->forests[i]);
}

static void add_trees(const struct choice *choice, const struct trial *trial, double share,
		      struct forest *forest)
{
	struct refit refit = { .choice = choice, .trial = trial };
	size_t repeats = choice->dataset->row_count <= REPEATS_ROWS_MAX ? REPEATS : 1;
	crew_run(choice->options->thread_count, repeats, refit_trees, &refit);
	for (size_t i = 0; i < repeats; i++) {
		forest_add_forest(forest, &refit.forests[i], share / (double)repeats);
		forest_fini(&refit.forests[i]);
	}
}

static void base_set(struct classifier *classifier)
{
	forest_settle(&classifier->forest);
	classifier->base = grid_round(
		classifier->linear.intercept + shap_expected(&classifier->forest), GRID_MAX / 4);
}

static void fit_used(const struct choice *choice, struct classifier *classifier)
{
	const struct logistic_sample sample = { .dataset = choice->dataset };
	classifier->forest.base = choice->blend.intercept;
	for (size_t k = 0; k < choice->used_count; k++) {
		const struct trial *trial = &choice->trials[choice->used[k]];
		double share = choice->blend.weights[k];
		if (trial->is_linear) {
			logistic_fit(&sample, trial->penalty, NULL, &classifier->linear);
			logistic_scale(&classifier->linear, share);
		} else {
			add_trees(choice, trial, share, &classifier->forest);
		}
	}
}

void classifier_train(const struct dataset *dataset, const struct classifier_options *options,
		      struct classifier *classifier)
{
	struct choice choice = { .dataset = dataset, .options = options };
	*classifier = (struct classifier){ .column_count = dataset->column_count };
	forest_init(&classifier->forest, dataset->column_count);
	choice.bins = bins_new(dataset, bin_count_for(dataset));
	folds_init(&choice.folds, dataset, options->seed);
	trial_ground_init(&choice.ground, dataset, choice.bins, &choice.folds,
			  options->thread_count);
	search(&choice);
	choose_blend(&choice);
	report_set(&choice, &classifier->report);
	if (classifier->report.has_skill) {
		fit_used(&choice, classifier);
	} else {
		double rate = classifier->report.held.base_rate;
		classifier->forest.base = dm_log(rate / (1 - rate));
	}
	base_set(classifier);
	for (size_t i = 0; i < choice.trial_count; i++)
		trial_fini(&choice.trials[i]);
	trial_ground_fini(&choice.ground);
	folds_fini(&choice.folds);
	bins_free(&choice.bins);
}

void classifier_fini(struct classifier *classifier)
{
	logistic_fini(&classifier->linear);
	forest_fini(&classifier->forest);
	*classifier = (struct classifier){ 0 };
}

void classifier_of_forest(struct forest *forest, struct classifier *classifier)
{
	*classifier =
		(struct classifier){ .column_count = forest->column_count, .forest = *forest };
	*forest = (struct forest){ 0 };
	base_set(classifier);
}

/* ---- scoring ---- */

double classifier_margin(const struct classifier *classifier, const double *row)
{
	double margin = forest_margin(&classifier->forest, row);
	if (classifier->linear.column_count > 0)
		margin += grid_round(logistic_margin(&classifier->linear, row), GRID_MAX / 4);
	return margin;
}

double classifier_explain(const struct classifier *classifier, const double *row,
			  double *contributions)
{
	size_t largest = 0;
	double margin = classifier_margin(classifier, row), rest = margin - classifier->base;
	if (classifier->linear.column_count > 0)
		logistic_explain(&classifier->linear, row, contributions);
	else
		memset(contributions, 0, classifier->column_count * sizeof *contributions);
	shap_add(&classifier->forest, row, contributions);
	for (size_t j = 0; j < classifier->column_count; j++) {
		contributions[j] = grid_round(contributions[j], GRID_MAX / 4);
		rest -= contributions[j];
		if (fabs(contributions[j]) > fabs(contributions[largest]))
			largest = j;
	}
	/* what rounding left over, some 1e-9, is on the grid, too: so the sum is exact */
	if (classifier->column_count > 0)
		contributions[largest] += rest;
	return margin;
}

/* ---- bytes ---- */

void classifier_pack(const struct classifier *classifier, struct packer *packer)
{
	size_t begin = packer->len;
	char digest[HASH_SHA256_HEX_LEN + 1];
	pack_bytes(packer, bytes_of(magic, sizeof magic));
	pack_u32(packer, CLASSIFIER_VERSION);
	pack_u32(packer, (uint32_t)classifier->column_count);
	pack_u8(packer, classifier->linear.column_count > 0);
	if (classifier->linear.column_count > 0)
		logistic_pack(&classifier->linear, packer);
	forest_pack(&classifier->forest, packer);
	hash_sha256_hex(bytes_of(packer->data + begin, packer->len - begin), digest);
	pack_bytes(packer, bytes_of(digest, HASH_SHA256_HEX_LEN));
}

static struct err *invalid(const char *what)
{
	return err_new(ERR_POISON, "MODEL_INVALID", "this is no model: %s", what);
}

static struct err *header_unpack(struct bytes bytes, struct unpacker *unpacker,
				 struct classifier *classifier)
{
	char digest[HASH_SHA256_HEX_LEN + 1];
	if (bytes.len < sizeof magic + 4 + HASH_SHA256_HEX_LEN ||
	    bytes.len > CLASSIFIER_BYTES_MAX || memcmp(bytes.data, magic, sizeof magic) != 0)
		return invalid("it does not begin as one, or has not the length of one");
	*unpacker = unpacker_of(bytes_of(bytes.data, bytes.len - HASH_SHA256_HEX_LEN));
	unpack_bytes(unpacker, sizeof magic);
	uint32_t version = unpack_u32(unpacker);
	if (version != CLASSIFIER_VERSION)
		return err_new(ERR_POISON, "MODEL_VERSION",
			       "the model has version %u, and this program reads version %d: train "
			       "it anew, or use the program that wrote it",
			       version, CLASSIFIER_VERSION);
	hash_sha256_hex(bytes_of(bytes.data, bytes.len - HASH_SHA256_HEX_LEN), digest);
	if (memcmp(digest, bytes.data + bytes.len - HASH_SHA256_HEX_LEN, HASH_SHA256_HEX_LEN) != 0)
		return invalid("its bytes don't have the hash that it ends with");
	classifier->column_count = unpack_u32(unpacker);
	return NULL;
}

struct err *classifier_unpack(struct bytes bytes, struct classifier *classifier)
{
	struct unpacker unpacker;
	*classifier = (struct classifier){ 0 };
	struct err *err = header_unpack(bytes, &unpacker, classifier);
	if (err == NULL && unpack_u8(&unpacker) != 0)
		err = logistic_unpack(&classifier->linear, &unpacker);
	if (err == NULL)
		err = forest_unpack(&classifier->forest, &unpacker);
	if (err == NULL && (classifier->forest.column_count != classifier->column_count ||
			    (classifier->linear.column_count != 0 &&
			     classifier->linear.column_count != classifier->column_count) ||
			    unpacker.left != 0))
		err = invalid("its parts don't fit together");
	if (err != NULL) {
		classifier_fini(classifier);
		return err;
	}
	base_set(classifier);
	return NULL;
}
