/* A model of a yes-or-no outcome that chooses itself: regularised logistic regression and boosted
 * trees, each tried in several settings on inner folds, blended and calibrated there, fitted anew
 * on all rows. It says whether it knows anything at all.
 *
 *   struct classifier model;
 *   classifier_train(&dataset, &options, &model);   // see models/dataset.h for the matrix
 *   if (model.report.has_skill)
 *           double margin = classifier_margin(&model, row);          // log odds
 *   struct packer packer = { 0 };
 *   classifier_pack(&model, &packer);               // bytes; classifier_hash names them
 *   classifier_fini(&model);
 *
 *   err = classifier_unpack(bytes, &model);         // the same model, to the bit
 *   margin = classifier_explain(&model, row, contributions);
 *
 * Every margin is model.base plus one contribution for each column, exactly and in any order of
 * adding (models/grid.h); the probability is dm_sigmoid(margin). Contributions are exact: those of
 * the linear part by its weights, those of trees by TreeSHAP (models/shap.h). The base is what the
 * model says where nothing is known of a row.
 *
 * The same dataset, options and seed give the same bytes, whatever the number of threads.
 *
 * Ownership: in place, classifier_fini frees. Threads: scoring is read only. */
#ifndef MODELS_CLASSIFIER_H
#define MODELS_CLASSIFIER_H

#include "models/blend.h"
#include "models/boost.h"
#include "models/judge.h"
#include "models/logistic.h"

enum {
	CLASSIFIER_VERSION = 1, /* of the bytes */
	CLASSIFIER_TRIALS_MAX = 12,
	CLASSIFIER_BYTES_MAX = 256 * 1024 * 1024,
};

struct classifier_options {
	uint64_t seed;
	size_t thread_count; /* 1 to CREW_MAX */
	bool linear_only;    /* no trees: small, and a row is scored in well under a microsecond */
	size_t rounds_max;   /* of boosting; 0: as many as help */
	/* May be NULL: told after each step of the choice what was found and what share is done. */
	void (*progress)(void *context, const char *what, double share);
	void *progress_context;
};

struct classifier_options classifier_defaults(void);

/* One setting that was tried, and how it did on the rows held out. */
struct classifier_trial {
	char name[40];
	double log_loss, auc;
	size_t rounds;	/* of trees; 0: linear */
	double penalty; /* of the linear one */
	double share;	/* its weight in the blend; 0: not in it */
};

struct classifier_report {
	size_t row_count, held_count;
	size_t trial_count;
	struct classifier_trial trials[CLASSIFIER_TRIALS_MAX]; /* the linear one comes first */
	struct judgement held;				       /* the blend, on rows held out */
	double base_log_loss; /* of always saying the base rate, on the same rows */
	double skill;	      /* by how many standard errors the blend's AUC there exceeds 0.5 */
	/* Whether that is more than chance gives to the best of so many trials (skill beyond
	 * CLASSIFIER_SKILL_MIN), enough to be of use (an AUC surely above CLASSIFIER_AUC_MIN), and
	 * the log loss is below the base rate's. If not, the model is the base rate: every margin
	 * is the same. */
	bool has_skill;
};

#define CLASSIFIER_SKILL_MIN 3.5
#define CLASSIFIER_AUC_MIN   0.55

struct classifier {
	size_t column_count;
	double base;			 /* on the grid */
	struct logistic linear;		 /* scaled by its share; no columns: none */
	struct forest forest;		 /* scaled by their shares; no trees: none */
	struct classifier_report report; /* not in the bytes; all 0 where unpacked */
};

/* Trains on all rows of the dataset: both classes must be there. */
void classifier_train(const struct dataset *dataset, const struct classifier_options *options,
		      struct classifier *classifier);
void classifier_fini(struct classifier *classifier);

/* The log odds of a row[column_count], on the grid. */
double classifier_margin(const struct classifier *classifier, const double *row);

/* The same, and what each column contributes to it, contributions[column_count]. */
double classifier_explain(const struct classifier *classifier, const double *row,
			  double *contributions);

/* A model made by others, such as models/import_*: the forest is stolen. */
void classifier_of_forest(struct forest *forest, struct classifier *classifier);

/* Layout: "FTCL", u32 version, u32 columns, u8 has linear, u8 has trees, the linear part
 * (models/logistic.h), the trees (models/forest.h), 32 bytes SHA-256 of all before.
 * Errors: POISON MODEL_INVALID (damaged), MODEL_VERSION (of a newer program). */
void classifier_pack(const struct classifier *classifier, struct packer *packer);
ERR_MUST_USE struct err *classifier_unpack(struct bytes bytes, struct classifier *classifier);

#endif
