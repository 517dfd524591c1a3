/* A few small boosted trees over the hazard model's inputs, of fixed size: they add to its margin
 * where the features' interplay says more than its causes can.
 *
 * A tree has at most GROVE_DEPTH splits on a path, as a complete binary tree: node n's children are
 * 2 n + 1 (value <= threshold) and 2 n + 2. Trees are grown by models/boost on examples in memory,
 * beginning at the margin of the model below; how many is chosen on held-out examples, and where
 * they are of no use there are none.
 *
 * Inputs are standardised (hazard_inputs). Ownership: plain data. Threads: pure. */
#ifndef MODELS_GROVE_H
#define MODELS_GROVE_H

#include <stdbool.h>
#include <stdint.h>

#include "models/features.h"

enum {
	GROVE_DEPTH = 3,
	GROVE_NODES = (1 << GROVE_DEPTH) - 1,
	GROVE_LEAVES = 1 << GROVE_DEPTH,
	GROVE_TREES_MAX = 40,
	GROVE_NO_COLUMN = 255, /* of a node: no split, all goes left */
};

struct grove_tree {
	uint8_t columns[GROVE_NODES];
	float thresholds[GROVE_NODES];
	float leaves[GROVE_LEAVES], covers[GROVE_LEAVES];
};

struct grove {
	uint32_t tree_count;
	struct grove_tree trees[GROVE_TREES_MAX];
};

/* An example: its inputs, and the margin to begin from. */
struct grove_example {
	float inputs[FEATURE_COUNT];
	double margin;
	bool ended, is_held; /* held out, to choose by */
};

/* Grows a grove for the examples; the same ones in the same order give the same bits. */
void grove_grow(const struct grove_example *examples, size_t count, uint64_t seed,
		struct grove *grove);

double grove_margin(const struct grove *grove, const double inputs[FEATURE_COUNT]);

/* Adds each feature's exact Shapley value (models/shap.h) to contributions; returns the margin
 * where nothing is known: both together are grove_margin but for rounding. */
double grove_explain(const struct grove *grove, const double inputs[FEATURE_COUNT],
		     double contributions[FEATURE_COUNT]);

/* Bytes: u8 version 1, u8 trees, then each tree: its columns, then thresholds, leaves and covers as
 * 4-byte little-endian floats. Returns their number. */
enum {
	GROVE_TREE_BYTES = GROVE_NODES + 4 * (GROVE_NODES + 2 * GROVE_LEAVES),
	GROVE_BYTES_MAX = 2 + GROVE_TREES_MAX * GROVE_TREE_BYTES,
};

size_t grove_pack(const struct grove *grove, uint8_t out[GROVE_BYTES_MAX]);

/* False where the bytes are none of this layout; *grove is then empty. */
bool grove_unpack(const uint8_t *bytes, size_t len, struct grove *grove);

#endif
