/* The best split of a node, from its histograms: private to models/boost.
 *
 * Threads: pure. */
#ifndef MODELS_BOOST_SPLIT_H
#define MODELS_BOOST_SPLIT_H

#include "models/boost.h"

/* Sums of gradients and curvatures of the rows of a bin or a node. */
struct boost_sum {
	double g, h;
};

struct boost_split {
	double gain; /* 0: there is none */
	size_t column;
	uint32_t bin; /* numeric: bins up to it go left */
	bool is_category, missing_left;
	struct boost_sum left;
	uint32_t set[BINS_MAX / 32]; /* of a category: levels that go left */
};

/* G^2 / (H + lambda). */
static inline double boost_score(struct boost_sum sum, double lambda)
{
	return sum.g * sum.g / (sum.h + lambda);
}

/* Looks for a split of one column better than *best, and puts it there. sums: the column's bins;
 * total: of the node. */
void boost_split_find(const struct bins_column *column, size_t index, const struct boost_sum *sums,
		      struct boost_sum total, const struct boost_options *options,
		      struct boost_split *best);

/* Whether rows of a bin go left. */
static inline bool boost_split_left(const struct boost_split *split, uint32_t bin)
{
	if (bin == 0)
		return split->missing_left;
	if (split->is_category)
		return split->set[(bin - 1) / 32] >> (bin - 1) % 32 & 1;
	return bin <= split->bin;
}

#endif
