#include "models/boost.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/prng.h"
#include "models/boost_split.h"
#include "models/grid.h"

/* A gradient and a curvature as they are stored; sums of them are doubles. */
struct slope {
	float g, h;
};

/* A leaf that may still be split. Its rows are grower.rows[begin, begin + count). */
struct leaf {
	size_t begin, count, depth;
	uint32_t node;
	struct boost_sum total;
	struct boost_sum *sums; /* histograms of all columns, one behind the other */
	struct boost_split split;
};

struct grower {
	const struct boost_sample *sample;
	const struct boost_options *options;
	struct forest *forest;
	struct prng prng;
	size_t row_count;	     /* of the sample */
	const uint32_t *sample_rows; /* [row_count] */
	uint32_t *all_rows;	     /* owned, where the sample names none */
	double *margins;	     /* of every row of the dataset */
	struct slope *slopes;	     /* of every row of the dataset */
	uint32_t *rows, *spare;	     /* [row_count]: those drawn, parted by leaf */
	struct slope *ordered;	     /* [row_count]: slopes in the order of a leaf's rows */
	size_t drawn_count;
	uint32_t *columns; /* drawn */
	size_t column_count;
	struct leaf *leaves; /* [leaves_max] */
	size_t leaf_count;
	struct boost_sum *sums; /* [leaves_max * bins->total] */
};

struct boost_options boost_defaults(void)
{
	return (struct boost_options){ .rounds = 200,
				       .leaves_max = 16,
				       .depth_max = 6,
				       .learning_rate = 0.1,
				       .lambda = 1,
				       .hessian_min = 2,
				       .gain_min = 0,
				       .category_lambda = 3,
				       .category_smooth = 3,
				       .row_share = 0.7,
				       .column_share = 0.7,
				       .seed = 1 };
}

/* ---- drawing ---- */

static void draw_rows(struct grower *grower)
{
	double share = grower->options->row_share;
	grower->drawn_count = 0;
	for (size_t i = 0; i < grower->row_count; i++)
		if (share >= 1 || prng_chance(&grower->prng, share))
			grower->rows[grower->drawn_count++] = grower->sample_rows[i];
}

/* The first of a shuffle, in rising order; columns of a single bin can't be split. */
static void draw_columns(struct grower *grower)
{
	const struct bins *bins = grower->sample->bins;
	uint32_t *columns = grower->columns;
	size_t count = 0;
	for (uint32_t i = 0; i < bins->column_count; i++)
		if (bins->columns[i].bin_count > 2)
			columns[count++] = i;
	size_t wanted = (size_t)ceil(grower->options->column_share * (double)count);
	/* selection sampling (D. E. Knuth, TAOCP 2, algorithm 3.4.2 S) keeps the order */
	size_t taken = 0;
	for (size_t i = 0; i < count && taken < wanted; i++)
		if (prng_below(&grower->prng, (uint32_t)(count - i)) < wanted - taken)
			columns[taken++] = columns[i];
	grower->column_count = taken;
}

/* ---- histograms ---- */

static void sum_column(const uint8_t *bins, const uint32_t *rows, const struct slope *slopes,
		       size_t count, struct boost_sum *sums)
{
	for (size_t i = 0; i < count; i++) {
		struct boost_sum *sum = &sums[bins[rows[i]]];
		sum->g += (double)slopes[i].g;
		sum->h += (double)slopes[i].h;
	}
}

static void leaf_sum(struct grower *grower, struct leaf *leaf)
{
	const struct bins *bins = grower->sample->bins;
	const uint32_t *rows = grower->rows + leaf->begin;
	for (size_t i = 0; i < leaf->count; i++)
		grower->ordered[i] = grower->slopes[rows[i]];
	for (size_t k = 0; k < grower->column_count; k++) {
		const struct bins_column *column = &bins->columns[grower->columns[k]];
		struct boost_sum *sums = leaf->sums + column->offset;
		memset(sums, 0, column->bin_count * sizeof *sums);
		sum_column(column->bins, rows, grower->ordered, leaf->count, sums);
	}
}

/* The other child's histograms: what the parent's lose by one child's. Where they cancel, rounding
 * must not leave a bin that seems to hold rows. */
static void leaf_subtract(struct grower *grower, struct boost_sum *parent,
			  const struct boost_sum *child)
{
	const struct bins *bins = grower->sample->bins;
	for (size_t k = 0; k < grower->column_count; k++) {
		const struct bins_column *column = &bins->columns[grower->columns[k]];
		for (uint32_t i = column->offset; i < column->offset + column->bin_count; i++) {
			parent[i].g -= child[i].g;
			parent[i].h -= child[i].h;
			if (parent[i].h < 1e-9)
				parent[i] = (struct boost_sum){ 0, 0 };
		}
	}
}

static void leaf_find(struct grower *grower, struct leaf *leaf)
{
	const struct bins *bins = grower->sample->bins;
	leaf->split = (struct boost_split){ .gain = 0 };
	if (leaf->depth >= grower->options->depth_max ||
	    leaf->total.h < 2 * grower->options->hessian_min)
		return;
	for (size_t k = 0; k < grower->column_count; k++) {
		const struct bins_column *column = &bins->columns[grower->columns[k]];
		boost_split_find(column, grower->columns[k], leaf->sums + column->offset,
				 leaf->total, grower->options, &leaf->split);
	}
}

/* ---- a tree ---- */

static double leaf_value(const struct grower *grower, struct boost_sum total)
{
	return -total.g / (total.h + grower->options->lambda) * grower->options->learning_rate;
}

static uint32_t add_leaf_node(struct grower *grower, const struct leaf *leaf)
{
	const struct forest_node node = { .column = -1,
					  .value = leaf_value(grower, leaf->total),
					  .cover = (double)leaf->count };
	return forest_add_node(grower->forest, &node);
}

static void root_init(struct grower *grower)
{
	struct leaf *root = &grower->leaves[0];
	*root = (struct leaf){ .count = grower->drawn_count, .sums = grower->sums };
	for (size_t i = 0; i < root->count; i++) {
		root->total.g += (double)grower->slopes[grower->rows[i]].g;
		root->total.h += (double)grower->slopes[grower->rows[i]].h;
	}
	root->node = add_leaf_node(grower, root);
	forest_add_root(grower->forest, root->node);
	leaf_sum(grower, root);
	leaf_find(grower, root);
	grower->leaf_count = 1;
}

/* Parts a leaf's rows, those that go left first; returns how many that are. Order is kept. */
static size_t part_rows(struct grower *grower, const struct leaf *leaf)
{
	const uint8_t *bins = grower->sample->bins->columns[leaf->split.column].bins;
	uint32_t *rows = grower->rows + leaf->begin;
	bool goes_left[BINS_MAX];
	size_t left = 0, right = 0;
	for (uint32_t bin = 0; bin < BINS_MAX; bin++)
		goes_left[bin] = boost_split_left(&leaf->split, bin);
	for (size_t i = 0; i < leaf->count; i++) {
		if (goes_left[bins[rows[i]]])
			rows[left++] = rows[i];
		else
			grower->spare[right++] = rows[i];
	}
	memcpy(rows + left, grower->spare, right * sizeof *rows);
	return left;
}

/* Turns the leaf's node into a split. */
static void node_split(struct grower *grower, const struct leaf *leaf, uint32_t left,
		       uint32_t right)
{
	const struct boost_split *split = &leaf->split;
	const struct bins_column *column = &grower->sample->bins->columns[split->column];
	struct forest_node node = { .column = (int32_t)split->column,
				    .flags = split->missing_left ? FOREST_MISSING_LEFT : 0,
				    .left = left,
				    .right = right,
				    .cover = (double)leaf->count };
	if (split->is_category) {
		node.flags |= FOREST_CATEGORY;
		node.set_bits = column->categories;
		node.set = forest_add_set(grower->forest, column->categories);
		for (size_t i = 0; i < (column->categories + 31u) / 32; i++)
			grower->forest->sets[node.set + i] = split->set[i];
	} else {
		/* behind the last bin: everything that is not missing */
		node.value = split->bin + 1u < column->bin_count ? column->cuts[split->bin - 1]
								 : DBL_MAX;
	}
	grower->forest->nodes[leaf->node] = node;
}

/* Splits leaves[i]: the left child takes its place, the right one comes last. */
static void leaf_split(struct grower *grower, size_t i)
{
	struct leaf *parent = &grower->leaves[i];
	struct leaf *right = &grower->leaves[grower->leaf_count];
	struct leaf left = { .begin = parent->begin,
			     .count = part_rows(grower, parent),
			     .depth = parent->depth + 1,
			     .total = parent->split.left };
	*right = (struct leaf){ .begin = parent->begin + left.count,
				.count = parent->count - left.count,
				.depth = parent->depth + 1,
				.total = { parent->total.g - left.total.g,
					   parent->total.h - left.total.h } };
	left.node = add_leaf_node(grower, &left);
	right->node = add_leaf_node(grower, right);
	node_split(grower, parent, left.node, right->node);
	struct boost_sum *fresh = grower->sums + grower->leaf_count * grower->sample->bins->total;
	struct leaf *smaller = left.count <= right->count ? &left : right;
	struct leaf *larger = smaller == right ? &left : right;
	bool goes_on = left.depth < grower->options->depth_max &&
		       grower->leaf_count + 1 < grower->options->leaves_max;
	smaller->sums = fresh;
	larger->sums = parent->sums;
	grower->leaf_count++;
	if (goes_on) {
		leaf_sum(grower, smaller);
		leaf_subtract(grower, larger->sums, smaller->sums);
		leaf_find(grower, &left);
		leaf_find(grower, right);
	}
	grower->leaves[i] = left;
}

static void tree_grow(struct grower *grower)
{
	draw_rows(grower);
	draw_columns(grower);
	root_init(grower);
	while (grower->leaf_count < grower->options->leaves_max) {
		size_t best = 0;
		for (size_t i = 1; i < grower->leaf_count; i++)
			if (grower->leaves[i].split.gain > grower->leaves[best].split.gain)
				best = i;
		if (grower->leaves[best].split.gain <= 0)
			return;
		leaf_split(grower, best);
	}
}

/* ---- rounds ---- */

/* The leaf that a row of the dataset reaches, by its bins. */
static double walk_bins(const struct forest *forest, const struct bins *bins, uint32_t root,
			size_t row)
{
	const struct forest_node *node = &forest->nodes[root];
	while (node->column >= 0) {
		const struct bins_column *column = &bins->columns[node->column];
		uint8_t bin = column->bins[row];
		bool left;
		if (bin == 0)
			left = node->flags & FOREST_MISSING_LEFT;
		else if (node->flags & FOREST_CATEGORY)
			left = forest->sets[node->set + (bin - 1u) / 32] >> (bin - 1u) % 32 & 1;
		else /* a bin's upper end stands for it; the last has none */
			left = bin + 1u < column->bin_count ? column->cuts[bin - 1] <= node->value
							    : node->value == DBL_MAX;
		node = &forest->nodes[left ? node->left : node->right];
	}
	return node->value;
}

static void slopes_set(struct grower *grower)
{
	const struct dataset *dataset = grower->sample->dataset;
	for (size_t i = 0; i < grower->row_count; i++) {
		uint32_t row = grower->sample_rows[i];
		double p = dm_sigmoid(grower->margins[row]);
		double weight = dataset_weight(dataset, row);
		double h = p * (1 - p);
		grower->slopes[row] = (struct slope){ (float)(weight * (p - dataset->labels[row])),
						      (float)(weight * (h > 1e-12 ? h : 1e-12)) };
	}
}

static void margins_add(struct grower *grower, const uint32_t *rows, size_t count, uint32_t root)
{
	for (size_t i = 0; i < count; i++)
		grower->margins[rows[i]] +=
			walk_bins(grower->forest, grower->sample->bins, root, rows[i]);
}

static double loss_of(const struct grower *grower, const struct boost_watch *watch)
{
	const struct dataset *dataset = grower->sample->dataset;
	double loss = 0, weights = 0;
	for (size_t i = 0; i < watch->row_count; i++) {
		uint32_t row = watch->rows[i];
		double weight = dataset_weight(dataset, row);
		double margin = grower->margins[row];
		/* -log sigmoid(z) is log(1 + e^-z) */
		double z = dataset->labels[row] ? margin : -margin;
		loss += weight * (z > 0 ? dm_log1p(dm_exp(-z)) : dm_log1p(dm_exp(z)) - z);
		weights += weight;
	}
	return weights > 0 ? loss / weights : 0;
}

/* Notes the loss; false where it is time to stop. */
static bool watch_look(const struct grower *grower, struct boost_watch *watch)
{
	size_t lowest = 0;
	watch->losses[watch->loss_count++] = loss_of(grower, watch);
	for (size_t i = 1; i < watch->loss_count; i++)
		if (watch->losses[i] < watch->losses[lowest])
			lowest = i;
	return watch->patience == 0 || watch->loss_count - lowest <= watch->patience;
}

static double base_of(const struct grower *grower)
{
	const struct dataset *dataset = grower->sample->dataset;
	double positive = 0, all = 0;
	for (size_t i = 0; i < grower->row_count; i++) {
		double weight = dataset_weight(dataset, grower->sample_rows[i]);
		all += weight;
		positive += weight * dataset->labels[grower->sample_rows[i]];
	}
	/* half an example of each kind keeps the log odds finite */
	return dm_log((positive + 0.5) / (all - positive + 0.5));
}

static void grower_init(struct grower *grower, const struct boost_sample *sample,
			const struct boost_options *options, struct forest *forest)
{
	size_t rows = sample->dataset->row_count;
	size_t count = sample->rows != NULL ? sample->row_count : rows;
	*grower = (struct grower){ .sample = sample,
				   .options = options,
				   .forest = forest,
				   .prng = prng_new(options->seed, 1),
				   .row_count = count,
				   .sample_rows = sample->rows };
	if (sample->rows == NULL) {
		grower->all_rows = check_calloc(rows + 1, sizeof *grower->all_rows);
		for (size_t i = 0; i < rows; i++)
			grower->all_rows[i] = (uint32_t)i;
		grower->sample_rows = grower->all_rows;
	}
	grower->margins = check_calloc(rows + 1, sizeof *grower->margins);
	grower->slopes = check_calloc(rows + 1, sizeof *grower->slopes);
	grower->rows = check_calloc(count + 1, sizeof *grower->rows);
	grower->spare = check_calloc(count + 1, sizeof *grower->spare);
	grower->ordered = check_calloc(count + 1, sizeof *grower->ordered);
	grower->columns = check_calloc(sample->bins->column_count + 1, sizeof *grower->columns);
	grower->leaves = check_calloc(options->leaves_max, sizeof *grower->leaves);
	grower->sums = check_calloc(options->leaves_max * (size_t)sample->bins->total + 1,
				    sizeof *grower->sums);
	if (sample->offsets == NULL)
		forest->base = base_of(grower);
	forest_settle(forest);
	for (size_t i = 0; i < rows; i++)
		grower->margins[i] = sample->offsets != NULL ? sample->offsets[i] : forest->base;
}

static void grower_fini(struct grower *grower)
{
	free(grower->all_rows);
	free(grower->margins);
	free(grower->slopes);
	free(grower->rows);
	free(grower->spare);
	free(grower->ordered);
	free(grower->columns);
	free(grower->leaves);
	free(grower->sums);
}

void boost_fit(const struct boost_sample *sample, const struct boost_options *options,
	       struct boost_watch *watch, struct forest *forest)
{
	CHECK(options->rounds <= BOOST_ROUNDS_MAX && options->leaves_max >= 1 &&
	      options->leaves_max <= BOOST_LEAVES_MAX);
	CHECK(sample->bins->row_count == sample->dataset->row_count);
	struct grower grower;
	forest_init(forest, sample->bins->column_count);
	grower_init(&grower, sample, options, forest);
	bool goes_on = true;
	if (watch != NULL) {
		watch->loss_count = 0;
		goes_on = watch_look(&grower, watch);
	}
	for (size_t round = 0; goes_on && round < options->rounds; round++) {
		slopes_set(&grower);
		tree_grow(&grower);
		uint32_t root = forest->roots[forest->tree_count - 1];
		for (size_t i = root; i < forest->node_count; i++)
			if (forest->nodes[i].column < 0)
				forest->nodes[i].value = grid_round(forest->nodes[i].value, 1e4);
		margins_add(&grower, grower.sample_rows, grower.row_count, root);
		if (watch != NULL) {
			margins_add(&grower, watch->rows, watch->row_count, root);
			goes_on = watch_look(&grower, watch);
		}
	}
	grower_fini(&grower);
}
