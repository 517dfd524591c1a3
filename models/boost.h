/* Gradient boosting of decision trees for a yes-or-no outcome: Newton steps on the logistic loss.
 *
 * Each round fits a tree to gradient g = w (p - y) and curvature h = w p (1 - p): a leaf's value is
 * -G / (H + lambda) times the learning rate, a split's gain GL^2 / (HL + lambda) +
 * GR^2 / (HR + lambda) - G^2 / (H + lambda), half of it lowering the loss. Source: T. Chen and
 * C. Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016, equations 6 and 7. The leaf
 * with the largest gain is split first. Rows and columns are drawn anew for each tree (J. H.
 * Friedman, "Stochastic gradient boosting", 2002). Missing values go to the side where they gain
 * more. A category is split into two sets of levels, of those in the order of G / (H + smooth), for
 * which some cut is best (W. D. Fisher, "On grouping for maximum homogeneity", 1958); levels that a
 * node did not see go with the larger side.
 *
 *   struct bins *bins = bins_new(&dataset, BINS_MAX);
 *   struct boost_options options = boost_defaults();
 *   struct boost_sample sample = { .bins = bins, .dataset = &dataset };
 *   struct forest forest;
 *   boost_fit(&sample, &options, NULL, &forest);      // then forest_margin(&forest, row)
 *   forest_fini(&forest);
 *   bins_free(&bins);
 *
 * models/classifier chooses the options by itself, and is what to use unless one wants to set them.
 *
 * The same sample, options and seed give the same bits. Threads: pure; one may fit several at once
 * on the same bins. */
#ifndef MODELS_BOOST_H
#define MODELS_BOOST_H

#include <stdbool.h>

#include "models/bins.h"
#include "models/forest.h"

enum { BOOST_ROUNDS_MAX = 4000, BOOST_LEAVES_MAX = 256 };

struct boost_options {
	size_t rounds, leaves_max, depth_max;
	double learning_rate;
	double lambda;				 /* L2 on leaves, in units of h */
	double hessian_min;			 /* of a leaf */
	double gain_min;			 /* of a split */
	double category_lambda, category_smooth; /* for columns of more than 4 levels */
	double row_share, column_share;		 /* drawn for each tree, 0 to 1 */
	uint64_t seed;
};

struct boost_options boost_defaults(void);

struct boost_sample {
	const struct bins *bins;
	const struct dataset *dataset; /* whose bins they are; labels and weights are read */
	/* A margin for each row of the dataset to begin with, which the trees leave alone; NULL:
	 * none, and the forest's base is the log odds of the sample's mean. */
	const double *offsets;
	const uint32_t *rows; /* of the dataset, rising, to learn from; NULL: all */
	size_t row_count;     /* of rows */
};

/* Rows that are held out, to watch their loss round by round. */
struct boost_watch {
	const uint32_t *rows;
	size_t row_count;
	size_t patience;   /* rounds without a new low after which to stop; 0: never */
	double *losses;	   /* [rounds + 1]: mean log loss before the first round and after each */
	size_t loss_count; /* set: how many there are, at least 1 */
};

/* A new forest in *forest (forest_fini frees it); watch may be NULL. Leaves are settled. */
void boost_fit(const struct boost_sample *sample, const struct boost_options *options,
	       struct boost_watch *watch, struct forest *forest);

#endif
