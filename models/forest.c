#include "models/forest.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/grid.h"

enum { NODE_LEN = 6 * 4 + 2 * 8, WORD_BITS = 32 };

/* Leaves and bases beyond are no log odds; their sums stay below GRID_MAX. */
static const double leaf_max = 1e4;

/* What LightGBM takes for zero (kZeroThreshold). */
static const double zero_max = 1e-35;

void forest_init(struct forest *forest, size_t column_count)
{
	*forest = (struct forest){ .column_count = column_count };
}

void forest_fini(struct forest *forest)
{
	free(forest->roots);
	free(forest->nodes);
	free(forest->sets);
	*forest = (struct forest){ 0 };
}

static void *grow(void *items, size_t item_len, size_t count, size_t *capacity)
{
	if (count <= *capacity)
		return items;
	while (*capacity < count)
		*capacity = *capacity == 0 ? 64 : *capacity * 2;
	return check_realloc(items, *capacity * item_len);
}

uint32_t forest_add_node(struct forest *forest, const struct forest_node *node)
{
	forest->nodes = grow(forest->nodes, sizeof *forest->nodes, forest->node_count + 1,
			     &forest->node_capacity);
	forest->nodes[forest->node_count] = *node;
	return (uint32_t)forest->node_count++;
}

uint32_t forest_add_set(struct forest *forest, size_t categories)
{
	size_t words = (categories + WORD_BITS - 1) / WORD_BITS;
	forest->sets = grow(forest->sets, sizeof *forest->sets, forest->set_count + words,
			    &forest->set_capacity);
	for (size_t i = 0; i < words; i++)
		forest->sets[forest->set_count + i] = 0;
	forest->set_count += words;
	return (uint32_t)(forest->set_count - words);
}

void forest_add_root(struct forest *forest, uint32_t node)
{
	forest->roots = grow(forest->roots, sizeof *forest->roots, forest->tree_count + 1,
			     &forest->tree_capacity);
	forest->roots[forest->tree_count++] = node;
}

void forest_add_forest(struct forest *forest, const struct forest *other, double scale)
{
	CHECK(forest->column_count == other->column_count &&
	      forest->rounds_inputs == other->rounds_inputs);
	uint32_t node_offset = (uint32_t)forest->node_count;
	uint32_t set_offset = (uint32_t)forest->set_count;
	for (size_t i = 0; i < other->node_count; i++) {
		struct forest_node node = other->nodes[i];
		if (node.column < 0)
			node.value *= scale;
		node.left += node_offset;
		node.right += node_offset;
		node.set += set_offset;
		forest_add_node(forest, &node);
	}
	if (other->set_count > 0) {
		forest_add_set(forest, other->set_count * WORD_BITS);
		memcpy(forest->sets + set_offset, other->sets,
		       other->set_count * sizeof *other->sets);
	}
	for (size_t i = 0; i < other->tree_count; i++)
		forest_add_root(forest, other->roots[i] + node_offset);
	forest->base += scale * other->base;
}

void forest_cut(struct forest *forest, size_t tree_count)
{
	if (tree_count >= forest->tree_count)
		return;
	/* trees stand one behind the other, each with its root first */
	forest->node_count = forest->roots[tree_count];
	forest->tree_count = tree_count;
}

void forest_settle(struct forest *forest)
{
	forest->base = grid_round(forest->base, leaf_max);
	for (size_t i = 0; i < forest->node_count; i++)
		if (forest->nodes[i].column < 0)
			forest->nodes[i].value = grid_round(forest->nodes[i].value, leaf_max);
}

static bool set_holds(const struct forest *forest, const struct forest_node *node, double value)
{
	uint32_t category = (uint32_t)value;
	return forest->sets[node->set + category / WORD_BITS] >> category % WORD_BITS & 1;
}

bool forest_goes_left(const struct forest *forest, const struct forest_node *node, double value)
{
	if (node->flags & FOREST_NAN_IS_ZERO && isnan(value))
		value = 0;
	bool missing =
		isnan(value) || (node->flags & FOREST_ZERO_MISSING && fabs(value) <= zero_max);
	if (node->flags & FOREST_CATEGORY) {
		if (missing || value < 0 || value >= node->set_bits)
			return node->flags & FOREST_MISSING_LEFT;
		return set_holds(forest, node, value);
	}
	if (missing)
		return node->flags & FOREST_MISSING_LEFT;
	if (forest->rounds_inputs)
		value = (double)(float)value;
	return value <= node->value;
}

uint32_t forest_leaf(const struct forest *forest, size_t tree, const double *row)
{
	uint32_t at = forest->roots[tree];
	const struct forest_node *node = &forest->nodes[at];
	while (node->column >= 0) {
		at = forest_goes_left(forest, node, row[node->column]) ? node->left : node->right;
		node = &forest->nodes[at];
	}
	return at;
}

double forest_margin(const struct forest *forest, const double *row)
{
	double margin = forest->base;
	for (size_t i = 0; i < forest->tree_count; i++)
		margin += forest->nodes[forest_leaf(forest, i, row)].value;
	return margin;
}

/* ---- checks ---- */

static struct err *invalid(const char *what)
{
	return err_new(ERR_POISON, "MODEL_INVALID", "the trees are damaged: %s", what);
}

static struct err *node_check(const struct forest *forest, uint32_t at, uint8_t *depths)
{
	const struct forest_node *node = &forest->nodes[at];
	if (!dm_is_finite(node->value) || !(node->cover >= 0) || !dm_is_finite(node->cover))
		return invalid("a value that is no number");
	if (node->column < 0)
		return fabs(node->value) <= leaf_max ? NULL : invalid("a leaf beyond 10,000");
	if ((size_t)node->column >= forest->column_count)
		return invalid("a column that is not there");
	if (node->left <= at || node->right <= at || node->left == node->right ||
	    node->left >= forest->node_count || node->right >= forest->node_count)
		return invalid("a child that is not there");
	if (depths[node->left] != 0 || depths[node->right] != 0)
		return invalid("a node with two parents");
	if (depths[at] > FOREST_DEPTH_MAX)
		return invalid("a path that is too long");
	depths[node->left] = depths[node->right] = (uint8_t)(depths[at] + 1);
	if (!(node->flags & FOREST_CATEGORY))
		return NULL;
	size_t words = ((size_t)node->set_bits + WORD_BITS - 1) / WORD_BITS;
	if (node->set_bits > FOREST_CATEGORY_MAX || node->set > forest->set_count ||
	    words > forest->set_count - node->set)
		return invalid("a set that is not there");
	return NULL;
}

_Static_assert(FOREST_DEPTH_MAX < 254, "a depth is a byte");

struct err *forest_check(const struct forest *forest)
{
	if (!dm_is_finite(forest->base) || fabs(forest->base) > leaf_max)
		return invalid("a base that is no log odds");
	uint8_t *depths =
		check_calloc(forest->node_count + 1, 1); /* 0: no parent yet; a root's is 1 */
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < forest->tree_count; i++) {
		if (forest->roots[i] >= forest->node_count ||
		    (i > 0 && forest->roots[i] <= forest->roots[i - 1]))
			err = invalid("a root that is not there");
		else
			depths[forest->roots[i]] = 1;
	}
	for (uint32_t at = 0; err == NULL && at < forest->node_count; at++)
		err = depths[at] == 0 ? invalid("a node without a parent")
				      : node_check(forest, at, depths);
	/* a root that is also somebody's child would have been found with two parents */
	free(depths);
	return err;
}

/* ---- bytes ---- */

void forest_pack(const struct forest *forest, struct packer *packer)
{
	pack_u32(packer, (uint32_t)forest->column_count);
	pack_u8(packer, forest->rounds_inputs);
	pack_double(packer, forest->base);
	pack_u32(packer, (uint32_t)forest->tree_count);
	for (size_t i = 0; i < forest->tree_count; i++)
		pack_u32(packer, forest->roots[i]);
	pack_u32(packer, (uint32_t)forest->node_count);
	for (size_t i = 0; i < forest->node_count; i++) {
		const struct forest_node *node = &forest->nodes[i];
		pack_u32(packer, (uint32_t)node->column);
		pack_u32(packer, node->flags);
		pack_u32(packer, node->left);
		pack_u32(packer, node->right);
		pack_u32(packer, node->set);
		pack_u32(packer, node->set_bits);
		pack_double(packer, node->value);
		pack_double(packer, node->cover);
	}
	pack_u32(packer, (uint32_t)forest->set_count);
	for (size_t i = 0; i < forest->set_count; i++)
		pack_u32(packer, forest->sets[i]);
}

static struct forest_node unpack_node(struct unpacker *unpacker)
{
	struct forest_node node = { .column = (int32_t)unpack_u32(unpacker) };
	node.flags = unpack_u32(unpacker);
	node.left = unpack_u32(unpacker);
	node.right = unpack_u32(unpacker);
	node.set = unpack_u32(unpacker);
	node.set_bits = unpack_u32(unpacker);
	node.value = unpack_double(unpacker);
	node.cover = unpack_double(unpacker);
	return node;
}

struct err *forest_unpack(struct forest *forest, struct unpacker *unpacker)
{
	forest_init(forest, unpack_u32(unpacker));
	forest->rounds_inputs = unpack_u8(unpacker) != 0;
	forest->base = unpack_double(unpacker);
	size_t tree_count = unpack_count(unpacker, FOREST_TREES_MAX, 4);
	for (size_t i = 0; i < tree_count; i++)
		forest_add_root(forest, unpack_u32(unpacker));
	size_t node_count = unpack_count(unpacker, FOREST_NODES_MAX, NODE_LEN);
	for (size_t i = 0; i < node_count; i++) {
		struct forest_node node = unpack_node(unpacker);
		forest_add_node(forest, &node);
	}
	size_t words = unpack_count(unpacker, FOREST_NODES_MAX, 4);
	forest_add_set(forest, words * WORD_BITS);
	for (size_t i = 0; i < words; i++)
		forest->sets[i] = unpack_u32(unpacker);
	if (unpacker->failed || forest->column_count > FOREST_COLUMNS_MAX)
		return invalid("they end too early, or are too many");
	return forest_check(forest);
}
