/* A few small boosted trees, of bounded size, that judge an account: grown by foretell on top of
 * the hazard model, whose margin they add to where the features' interplay says more than its
 * causes can; or brought by the user, who trained them elsewhere, and then the whole margin.
 *
 * Grown trees read standardised inputs (hazard_inputs), and begin at the margin of the model below;
 * how many is chosen on held-out examples, and where they are of no use there are none. Brought
 * ones read the features as they are. Values are made float first: the examples that trees are
 * trained on hold floats.
 *
 * Nodes stand in preorder: a left child behind its parent. Ownership: plain data. Threads: pure. */
#ifndef MODELS_GROVE_H
#define MODELS_GROVE_H

#include <stdbool.h>
#include <stdint.h>

#include "models/features.h"
#include "models/forest.h"

enum {
	GROVE_GROWN_DEPTH = 3,
	GROVE_GROWN_MAX = 40, /* trees */
	/* of a model that is brought */
	GROVE_DEPTH_MAX = 16,
	GROVE_TREES_MAX = 250,
	GROVE_NODES_MAX = 1500, /* with leaves: 50 trees of 16 leaves, say */
	GROVE_LEAF = 255,	/* a column: none */
};

struct grove_node {
	float value; /* a leaf's; else the threshold: what is at most this goes left */
	float cover; /* how much of the examples' weight came by */
	uint16_t right, column;
};

struct grove {
	bool is_whole; /* the margin is all of the model's, of features as they are */
	uint16_t tree_count, node_count;
	double base;
	uint16_t roots[GROVE_TREES_MAX];
	struct grove_node nodes[GROVE_NODES_MAX];
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

/* A forest of another program (models/import_model) as a whole model; columns[j] is the feature of
 * its column j. Errors: POISON MODEL_TOO_LARGE, MODEL_FORMAT (categories, zeros as missing); the
 * text says how to train it. *grove is then empty. */
ERR_MUST_USE struct err *grove_bring(const struct forest *forest, const size_t *columns,
				     struct grove *grove);

/* Of inputs, or where it is_whole of features. */
double grove_margin(const struct grove *grove, const double inputs[FEATURE_COUNT]);

/* Adds each feature's exact Shapley value (models/shap.h) to contributions; returns the margin
 * where nothing is known: both together are grove_margin but for rounding. */
double grove_explain(const struct grove *grove, const double inputs[FEATURE_COUNT],
		     double contributions[FEATURE_COUNT]);

/* Bytes: u8 version 2, u8 is_whole, f64 base, u16 trees, then each node in its order: u8 column,
 * f32 value, f32 cover; little-endian. Returns their number. */
enum { GROVE_BYTES_MAX = 12 + 9 * GROVE_NODES_MAX };

size_t grove_pack(const struct grove *grove, uint8_t out[GROVE_BYTES_MAX]);

/* False where the bytes are none of this layout; *grove is then empty. */
bool grove_unpack(const uint8_t *bytes, size_t len, struct grove *grove);

#endif
