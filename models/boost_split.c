#include "models/boost_split.h"

#include <stdlib.h>

enum { FEW_LEVELS = 4 };

static struct boost_sum minus(struct boost_sum a, struct boost_sum b)
{
	return (struct boost_sum){ a.g - b.g, a.h - b.h };
}

/* What the loss gains by parting `total` into left and the rest; 0 where a side is too light. */
static double gain_of(struct boost_sum left, struct boost_sum total, double lambda,
		      const struct boost_options *options)
{
	struct boost_sum right = minus(total, left);
	if (left.h < options->hessian_min || right.h < options->hessian_min)
		return 0;
	return boost_score(left, lambda) + boost_score(right, lambda);
}

static void find_numeric(const struct bins_column *column, size_t index,
			 const struct boost_sum *sums, struct boost_sum total,
			 const struct boost_options *options, struct boost_split *best)
{
	double whole = boost_score(total, options->lambda) + options->gain_min;
	bool has_missing = sums[0].h > 0;
	for (int missing_left = 0; missing_left <= has_missing; missing_left++) {
		struct boost_sum left = missing_left ? sums[0] : (struct boost_sum){ 0, 0 };
		for (uint32_t bin = 1; bin < column->bin_count; bin++) {
			if (sums[bin].h <= 0)
				continue;
			left.g += sums[bin].g;
			left.h += sums[bin].h;
			/* the last bin parts only what is missing from all else */
			if (bin + 1u == column->bin_count && (missing_left || !has_missing))
				break;
			double gain = gain_of(left, total, options->lambda, options) - whole;
			if (gain <= best->gain)
				continue;
			*best = (struct boost_split){ .gain = gain,
						      .column = index,
						      .bin = bin,
						      .missing_left = missing_left,
						      .left = left };
		}
	}
	/* where nothing was missing, a missing value goes with the larger side */
	if (!has_missing && best->gain > 0 && best->column == index)
		best->missing_left = 2 * best->left.h >= total.h;
}

struct ranked_level {
	double rank;
	uint32_t bin;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked_level *left = a, *right = b;
	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	return (left->bin > right->bin) - (left->bin < right->bin);
}

/* The levels that the node holds, in the order in which some cut is best; returns how many. */
static size_t rank_levels(const struct bins_column *column, const struct boost_sum *sums,
			  double smooth, struct ranked_level levels[BINS_MAX])
{
	size_t count = 0;
	for (uint32_t bin = 0; bin < column->bin_count; bin++)
		if (sums[bin].h > 0)
			levels[count++] =
				(struct ranked_level){ sums[bin].g / (sums[bin].h + smooth), bin };
	qsort(levels, count, sizeof *levels, by_rank);
	return count;
}

static void set_category(struct boost_split *split, const struct bins_column *column,
			 const struct boost_sum *sums, const struct ranked_level *levels,
			 size_t left_count, struct boost_sum total)
{
	bool larger_left = 2 * split->left.h >= total.h;
	split->missing_left = larger_left;
	for (uint32_t bin = 1; larger_left && bin < column->bin_count; bin++)
		if (sums[bin].h <= 0)
			split->set[(bin - 1) / 32] |= UINT32_C(1) << (bin - 1) % 32;
	if (sums[0].h > 0)
		split->missing_left = false;
	for (size_t i = 0; i < left_count; i++) {
		uint32_t bin = levels[i].bin;
		if (bin == 0)
			split->missing_left = true;
		else
			split->set[(bin - 1) / 32] |= UINT32_C(1) << (bin - 1) % 32;
	}
}

static void find_category(const struct bins_column *column, size_t index,
			  const struct boost_sum *sums, struct boost_sum total,
			  const struct boost_options *options, struct boost_split *best)
{
	struct ranked_level levels[BINS_MAX];
	bool many = column->categories > FEW_LEVELS;
	double lambda = options->lambda + (many ? options->category_lambda : 0);
	size_t count = rank_levels(column, sums, many ? options->category_smooth : 0, levels);
	double whole = boost_score(total, options->lambda) + options->gain_min;
	struct boost_sum left = { 0, 0 };
	size_t best_count = 0;
	for (size_t i = 0; i + 1 < count; i++) {
		left.g += sums[levels[i].bin].g;
		left.h += sums[levels[i].bin].h;
		double gain = gain_of(left, total, lambda, options) - whole;
		if (gain <= best->gain)
			continue;
		*best = (struct boost_split){
			.gain = gain, .column = index, .is_category = true, .left = left
		};
		best_count = i + 1;
	}
	if (best_count > 0)
		set_category(best, column, sums, levels, best_count, total);
}

void boost_split_find(const struct bins_column *column, size_t index, const struct boost_sum *sums,
		      struct boost_sum total, const struct boost_options *options,
		      struct boost_split *best)
{
	if (column->categories > 0)
		find_category(column, index, sums, total, options, best);
	else
		find_numeric(column, index, sums, total, options, best);
}
