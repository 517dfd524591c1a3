#include "models/grove.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/little.h"
#include "models/boost.h"
#include "models/shap.h"

enum { BINS = 48, ROWS_MIN = 600, HELD_MIN = 60, ENDED_MIN = 30 };

#define GAIN_MIN 0.002 /* of the log loss of what is held out, below which trees are no use */

_Static_assert((int)FEATURE_COUNT < (int)GROVE_NO_COLUMN, "a column is a byte");

/* ---- walking -------------------------------------------------------------------------------- */

static size_t leaf_of(const struct grove_tree *tree, const double *inputs)
{
	size_t node = 0;
	while (node < GROVE_NODES) {
		uint8_t column = tree->columns[node];
		bool left = column == GROVE_NO_COLUMN ||
			    inputs[column] <= (double)tree->thresholds[node];
		node = 2 * node + (left ? 1 : 2);
	}
	return node - GROVE_NODES;
}

double grove_margin(const struct grove *grove, const double inputs[FEATURE_COUNT])
{
	double margin = 0;
	for (size_t i = 0; i < grove->tree_count; i++)
		margin += (double)grove->trees[i].leaves[leaf_of(&grove->trees[i], inputs)];
	return margin;
}

/* ---- explaining ----------------------------------------------------------------------------- */

enum { TREE_NODES = GROVE_NODES + GROVE_LEAVES };

/* The subtree at `node` of the complete tree, as a forest's nodes; returns its cover. */
static double plant(const struct grove_tree *tree, size_t node, struct forest_node *nodes)
{
	struct forest_node *to = &nodes[node];
	*to = (struct forest_node){ .column = -1 };
	if (node >= GROVE_NODES) {
		to->value = (double)tree->leaves[node - GROVE_NODES];
		return to->cover = (double)tree->covers[node - GROVE_NODES];
	}
	to->left = (uint32_t)(2 * node + 1);
	to->right = (uint32_t)(2 * node + 2);
	to->cover = plant(tree, to->left, nodes) + plant(tree, to->right, nodes);
	/* without a split the node is its left child */
	if (tree->columns[node] == GROVE_NO_COLUMN) {
		*to = nodes[to->left];
		return to->cover;
	}
	to->column = tree->columns[node];
	to->value = (double)tree->thresholds[node];
	return to->cover;
}

double grove_explain(const struct grove *grove, const double inputs[FEATURE_COUNT],
		     double contributions[FEATURE_COUNT])
{
	double expected = 0;
	for (size_t i = 0; i < grove->tree_count; i++) {
		struct forest_node nodes[TREE_NODES];
		uint32_t root = 0;
		(void)plant(&grove->trees[i], 0, nodes);
		const struct forest forest = { .column_count = FEATURE_COUNT,
					       .tree_count = 1,
					       .node_count = TREE_NODES,
					       .roots = &root,
					       .nodes = nodes };
		expected += shap_expected(&forest);
		shap_add(&forest, inputs, contributions);
	}
	return expected;
}

/* ---- growing -------------------------------------------------------------------------------- */

/* A forest's subtree into the complete tree. */
static void copy_tree(const struct forest *forest, uint32_t from, size_t node,
		      struct grove_tree *tree)
{
	const struct forest_node *at = &forest->nodes[from];
	if (node >= GROVE_NODES) {
		CHECK(at->column < 0);
		tree->leaves[node - GROVE_NODES] = (float)at->value;
		tree->covers[node - GROVE_NODES] = (float)at->cover;
		return;
	}
	if (at->column < 0) {
		tree->columns[node] = GROVE_NO_COLUMN;
		copy_tree(forest, from, 2 * node + 1, tree);
		return;
	}
	tree->columns[node] = (uint8_t)at->column;
	tree->thresholds[node] = at->value < (double)FLT_MAX ? (float)at->value : FLT_MAX;
	copy_tree(forest, at->left, 2 * node + 1, tree);
	copy_tree(forest, at->right, 2 * node + 2, tree);
}

/* The examples as a matrix, and who is held out. */
struct field {
	double *values, *offsets;
	uint8_t *labels;
	uint32_t *rows, *held;
	size_t row_count, held_count, ended_count;
};

static void field_init(struct field *field, const struct grove_example *examples, size_t count)
{
	*field = (struct field){ .values = check_calloc(count * FEATURE_COUNT + 1, sizeof(double)),
				 .offsets = check_calloc(count + 1, sizeof(double)),
				 .labels = check_calloc(count + 1, 1),
				 .rows = check_calloc(count + 1, sizeof(uint32_t)),
				 .held = check_calloc(count + 1, sizeof(uint32_t)) };
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < FEATURE_COUNT; k++)
			field->values[i * FEATURE_COUNT + k] = (double)examples[i].inputs[k];
		field->offsets[i] = examples[i].margin;
		field->labels[i] = examples[i].ended;
		field->ended_count += examples[i].ended;
		if (examples[i].is_held)
			field->held[field->held_count++] = (uint32_t)i;
		else
			field->rows[field->row_count++] = (uint32_t)i;
	}
}

static void field_fini(struct field *field)
{
	free(field->values);
	free(field->offsets);
	free(field->labels);
	free(field->rows);
	free(field->held);
}

/* How many rounds helped what is held out; 0: none. */
static size_t best_rounds(const struct boost_watch *watch)
{
	size_t best = 0;
	for (size_t i = 1; i < watch->loss_count; i++)
		if (watch->losses[i] < watch->losses[best])
			best = i;
	return watch->losses[best] < (1 - GAIN_MIN) * watch->losses[0] ? best : 0;
}

void grove_grow(const struct grove_example *examples, size_t count, uint64_t seed,
		struct grove *grove)
{
	struct field field;
	struct forest forest;
	double losses[GROVE_TREES_MAX + 1];
	*grove = (struct grove){ 0 };
	field_init(&field, examples, count);
	const struct dataset dataset = { .row_count = count,
					 .column_count = FEATURE_COUNT,
					 .values = field.values,
					 .labels = field.labels };
	struct boost_watch watch = { .rows = field.held,
				     .row_count = field.held_count,
				     .losses = losses };
	struct boost_options options = boost_defaults();
	options.rounds = GROVE_TREES_MAX;
	options.depth_max = GROVE_DEPTH;
	options.leaves_max = GROVE_LEAVES;
	options.learning_rate = 0.08;
	options.lambda = 10;
	options.hessian_min = 4;
	options.seed = seed;
	if (field.row_count >= ROWS_MIN && field.held_count >= HELD_MIN &&
	    field.ended_count >= ENDED_MIN) {
		struct bins *bins = bins_new(&dataset, BINS);
		const struct boost_sample sample = { .bins = bins,
						     .dataset = &dataset,
						     .offsets = field.offsets,
						     .rows = field.rows,
						     .row_count = field.row_count };
		boost_fit(&sample, &options, &watch, &forest);
		grove->tree_count = (uint32_t)best_rounds(&watch);
		for (size_t i = 0; i < grove->tree_count; i++)
			copy_tree(&forest, forest.roots[i], 0, &grove->trees[i]);
		forest_fini(&forest);
		bins_free(&bins);
	}
	field_fini(&field);
}

/* ---- as bytes ------------------------------------------------------------------------------- */

static uint8_t *put(uint8_t *at, const float *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++, at += 4) {
		uint32_t bits;
		memcpy(&bits, &numbers[i], sizeof bits);
		for (size_t byte = 0; byte < 4; byte++)
			at[byte] = (uint8_t)(bits >> 8 * byte);
	}
	return at;
}

static const uint8_t *get(const uint8_t *at, float *numbers, size_t count, bool *is_good)
{
	for (size_t i = 0; i < count; i++, at += 4) {
		uint32_t bits = little_load32(at);
		memcpy(&numbers[i], &bits, sizeof bits);
		*is_good &= numbers[i] >= -FLT_MAX && numbers[i] <= FLT_MAX;
	}
	return at;
}

size_t grove_pack(const struct grove *grove, uint8_t out[GROVE_BYTES_MAX])
{
	uint8_t *at = out;
	*at++ = 1;
	*at++ = (uint8_t)grove->tree_count;
	for (size_t i = 0; i < grove->tree_count; i++) {
		const struct grove_tree *tree = &grove->trees[i];
		memcpy(at, tree->columns, GROVE_NODES);
		at = put(at + GROVE_NODES, tree->thresholds, GROVE_NODES);
		at = put(at, tree->leaves, GROVE_LEAVES);
		at = put(at, tree->covers, GROVE_LEAVES);
	}
	return (size_t)(at - out);
}

bool grove_unpack(const uint8_t *bytes, size_t len, struct grove *grove)
{
	bool is_good = true;
	*grove = (struct grove){ 0 };
	if (len < 2 || bytes[0] != 1 || bytes[1] > GROVE_TREES_MAX ||
	    len != 2 + (size_t)bytes[1] * GROVE_TREE_BYTES)
		return false;
	grove->tree_count = bytes[1];
	const uint8_t *at = bytes + 2;
	for (size_t i = 0; i < grove->tree_count; i++) {
		struct grove_tree *tree = &grove->trees[i];
		memcpy(tree->columns, at, GROVE_NODES);
		for (size_t node = 0; node < GROVE_NODES; node++)
			is_good &= tree->columns[node] < FEATURE_COUNT ||
				   tree->columns[node] == GROVE_NO_COLUMN;
		at = get(at + GROVE_NODES, tree->thresholds, GROVE_NODES, &is_good);
		at = get(at, tree->leaves, GROVE_LEAVES, &is_good);
		at = get(at, tree->covers, GROVE_LEAVES, &is_good);
	}
	if (!is_good)
		*grove = (struct grove){ 0 };
	return is_good;
}
