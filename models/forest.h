/* Decision trees whose leaves add up to a margin (log odds): what boosting makes, or another
 * program's file brings (models/import_*).
 *
 * A row is column_count doubles, NaN where a value is missing. At a node a numeric value goes left
 * if value <= threshold; a category goes left if its bit is set. What is missing goes where the
 * node says. A node's children stand behind it in `nodes`, so every walk ends.
 *
 * The margin is base + the leaves reached. Leaves and base lie on the grid (models/grid.h) once
 * forest_settle has been called, and their sum is then exact. `cover` is how many training rows
 * (or how much weight) a node saw; models/shap needs it.
 *
 * Ownership: a forest owns its arrays; forest_init and forest_fini in place. Threads: walking is
 * read only. */
#ifndef MODELS_FOREST_H
#define MODELS_FOREST_H

#include "base/err.h"
#include "models/packing.h"

enum {
	FOREST_TREES_MAX = 20000,
	FOREST_NODES_MAX = 4000000,
	FOREST_COLUMNS_MAX = 4096,
	FOREST_CATEGORY_MAX = 65536, /* the highest category that a set can hold, + 1 */
	FOREST_DEPTH_MAX = 128,	     /* splits on a path */
};

enum forest_node_flag {
	FOREST_CATEGORY = 1,	 /* a set, not a threshold */
	FOREST_MISSING_LEFT = 2, /* where a missing value goes */
	FOREST_ZERO_MISSING = 4, /* 0 counts as missing, too (LightGBM's zero_as_missing) */
	FOREST_NAN_IS_ZERO = 8,	 /* a NaN counts as 0 (LightGBM without missing values) */
};

struct forest_node {
	int32_t column; /* -1: a leaf */
	uint32_t flags;
	uint32_t left, right;	/* indices into nodes */
	uint32_t set, set_bits; /* of a category: first word in sets, how many categories */
	double value;		/* a leaf's; else the threshold */
	double cover;
};

struct forest {
	size_t column_count;
	bool rounds_inputs; /* values are made float first, as XGBoost does */
	double base;
	size_t tree_count, node_count, set_count; /* set_count: in words */
	size_t tree_capacity, node_capacity, set_capacity;
	uint32_t *roots;
	struct forest_node *nodes;
	uint32_t *sets;
};

void forest_init(struct forest *forest, size_t column_count);
void forest_fini(struct forest *forest);

/* Appends; the returned index is the new item's. A node is borrowed; a set is all zero. */
uint32_t forest_add_node(struct forest *forest, const struct forest_node *node);
uint32_t forest_add_set(struct forest *forest, size_t categories);
void forest_add_root(struct forest *forest, uint32_t node);

/* Adds the trees of `other` (same columns, same rounding) with their leaves times `scale`, and its
 * base times `scale`. */
void forest_add_forest(struct forest *forest, const struct forest *other, double scale);

/* Takes trees off the end. */
void forest_cut(struct forest *forest, size_t tree_count);

/* Puts leaves and base on the grid. */
void forest_settle(struct forest *forest);

/* The leaf of one tree, and the whole margin. row[column_count]. */
uint32_t forest_leaf(const struct forest *forest, size_t tree, const double *row);
double forest_margin(const struct forest *forest, const double *row);

/* The way a value takes at a node that is no leaf. */
bool forest_goes_left(const struct forest *forest, const struct forest_node *node, double value);

/* Whether every index, number and depth is in range and every node has one parent: asked of what
 * was read. Errors: POISON MODEL_INVALID. */
ERR_MUST_USE struct err *forest_check(const struct forest *forest);

/* Layout: u32 columns, u8 rounds_inputs, f64 base; u32 count and u32 each root; u32 count and
 * {u32 column, flags, left, right, set, set_bits, f64 value, cover} each node; u32 count and u32
 * each word of sets. Errors: POISON MODEL_INVALID; the forest is then to be freed, too. */
void forest_pack(const struct forest *forest, struct packer *packer);
ERR_MUST_USE struct err *forest_unpack(struct forest *forest, struct unpacker *unpacker);

#endif
