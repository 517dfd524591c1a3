#include "models/grove.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/little.h"
#include "models/boost.h"
#include "models/shap.h"

enum { BINS = 48, ROWS_MIN = 600, HELD_MIN = 60, ENDED_MIN = 30 };

#define GAIN_MIN 0.002 /* of the log loss of what is held out, below which trees are no use */

_Static_assert((int)FEATURE_COUNT < (int)GROVE_LEAF, "a column is a byte");
_Static_assert(GROVE_GROWN_MAX <= GROVE_TREES_MAX &&
		       GROVE_GROWN_MAX * ((2 << GROVE_GROWN_DEPTH) - 1) <= GROVE_NODES_MAX,
	       "what is grown fits");

/* ---- walking -------------------------------------------------------------------------------- */

double grove_margin(const struct grove *grove, const double inputs[FEATURE_COUNT])
{
	double margin = grove->base;
	for (size_t i = 0; i < grove->tree_count; i++) {
		size_t at = grove->roots[i];
		const struct grove_node *node = &grove->nodes[at];
		for (; node->column != GROVE_LEAF; node = &grove->nodes[at])
			at = (float)inputs[node->column] <= node->value ? at + 1 : node->right;
		margin += (double)node->value;
	}
	return margin;
}

/* ---- explaining ----------------------------------------------------------------------------- */

double grove_explain(const struct grove *grove, const double inputs[FEATURE_COUNT],
		     double contributions[FEATURE_COUNT])
{
	struct forest_node nodes[GROVE_NODES_MAX];
	uint32_t roots[GROVE_TREES_MAX];
	for (uint32_t i = 0; i < grove->node_count; i++) {
		const struct grove_node *node = &grove->nodes[i];
		nodes[i] = (struct forest_node){
			.column = node->column == GROVE_LEAF ? -1 : (int32_t)node->column,
			.left = i + 1,
			.right = node->right,
			.value = (double)node->value,
			.cover = (double)node->cover,
		};
	}
	for (size_t i = 0; i < grove->tree_count; i++)
		roots[i] = grove->roots[i];
	const struct forest forest = { .column_count = FEATURE_COUNT,
				       .rounds_inputs = true,
				       .base = grove->base,
				       .tree_count = grove->tree_count,
				       .node_count = grove->node_count,
				       .roots = roots,
				       .nodes = nodes };
	shap_add(&forest, inputs, contributions);
	return shap_expected(&forest);
}

/* ---- from a forest -------------------------------------------------------------------------- */

/* The largest float that is at most `value`: floats compare with both alike. */
static float float_below(double value)
{
	if (value >= (double)FLT_MAX)
		return FLT_MAX;
	if (value <= -(double)FLT_MAX)
		return -FLT_MAX;
	float near = (float)value;
	return (double)near > value ? nextafterf(near, -FLT_MAX) : near;
}

static struct err *too_large(void)
{
	return err_new(ERR_POISON, "MODEL_TOO_LARGE",
		       "the trees are more than a model in the stream may have (%d trees, %d nodes "
		       "with their leaves, %d splits on a path): train it with fewer and smaller "
		       "ones, 45 of depth 4, say",
		       GROVE_TREES_MAX, GROVE_NODES_MAX, GROVE_DEPTH_MAX);
}

/* A forest's subtree behind what there is. columns NULL: they are the features. */
static struct err *plant(const struct forest *forest, uint32_t from, const size_t *columns,
			 int depth, struct grove *grove)
{
	const struct forest_node *at = &forest->nodes[from];
	if (grove->node_count == GROVE_NODES_MAX || depth > GROVE_DEPTH_MAX)
		return too_large();
	struct grove_node *node = &grove->nodes[grove->node_count++];
	*node = (struct grove_node){ .column = GROVE_LEAF,
				     .value = (float)at->value,
				     .cover = (float)at->cover };
	if (at->column < 0)
		return NULL;
	if (at->flags & (FOREST_CATEGORY | FOREST_ZERO_MISSING))
		return err_new(ERR_POISON, "MODEL_FORMAT",
			       "the model has categories, or takes 0 for missing: foretell's "
			       "features are numbers, of which none is missing");
	node->column = (uint16_t)(columns != NULL ? columns[at->column] : (size_t)at->column);
	node->value = float_below(at->value);
	struct err *err = plant(forest, at->left, columns, depth + 1, grove);
	node->right = grove->node_count;
	return err != NULL ? err : plant(forest, at->right, columns, depth + 1, grove);
}

/* The first trees of a forest. */
static struct err *plant_trees(const struct forest *forest, const size_t *columns, size_t count,
			       struct grove *grove)
{
	struct err *err = count > GROVE_TREES_MAX ? too_large() : NULL;
	for (size_t i = 0; err == NULL && i < count; i++) {
		grove->roots[grove->tree_count++] = grove->node_count;
		err = plant(forest, forest->roots[i], columns, 0, grove);
	}
	if (err != NULL)
		*grove = (struct grove){ 0 };
	return err;
}

struct err *grove_bring(const struct forest *forest, const size_t *columns, struct grove *grove)
{
	*grove = (struct grove){ .is_whole = true, .base = forest->base };
	return plant_trees(forest, columns, forest->tree_count, grove);
}

/* ---- growing -------------------------------------------------------------------------------- */

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
	double losses[GROVE_GROWN_MAX + 1];
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
	options.rounds = GROVE_GROWN_MAX;
	options.depth_max = GROVE_GROWN_DEPTH;
	options.leaves_max = 1 << GROVE_GROWN_DEPTH;
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
		struct err *err = plant_trees(&forest, NULL, best_rounds(&watch), grove);
		CHECK(err == NULL);
		forest_fini(&forest);
		bins_free(&bins);
	}
	field_fini(&field);
}

/* ---- as bytes ------------------------------------------------------------------------------- */

enum { GROVE_VERSION = 2, HEAD_BYTES = 12, NODE_BYTES = 9 };

_Static_assert(GROVE_BYTES_MAX == HEAD_BYTES + NODE_BYTES * GROVE_NODES_MAX, "as grove.h says");

static uint8_t *put_float(uint8_t *at, float number)
{
	uint32_t bits;
	memcpy(&bits, &number, sizeof bits);
	for (size_t byte = 0; byte < sizeof bits; byte++)
		at[byte] = (uint8_t)(bits >> 8 * byte);
	return at + sizeof bits;
}

static bool get_float(const uint8_t *at, float *number)
{
	uint32_t bits = little_load32(at);
	memcpy(number, &bits, sizeof bits);
	return *number >= -FLT_MAX && *number <= FLT_MAX;
}

size_t grove_pack(const struct grove *grove, uint8_t out[GROVE_BYTES_MAX])
{
	uint64_t base;
	memcpy(&base, &grove->base, sizeof base);
	out[0] = GROVE_VERSION;
	out[1] = grove->is_whole;
	little_store64(out + 2, base);
	out[10] = (uint8_t)(grove->tree_count & 0xff);
	out[11] = (uint8_t)(grove->tree_count >> 8);
	uint8_t *at = out + HEAD_BYTES;
	for (size_t i = 0; i < grove->node_count; i++) {
		const struct grove_node *node = &grove->nodes[i];
		*at++ = (uint8_t)node->column;
		at = put_float(at, node->value);
		at = put_float(at, node->cover);
	}
	return (size_t)(at - out);
}

/* The bytes that are left of nodes. */
struct reading {
	const uint8_t *at;
	size_t left; /* nodes */
};

static bool read_tree(struct reading *reading, int depth, struct grove *grove)
{
	if (reading->left == 0 || grove->node_count == GROVE_NODES_MAX || depth > GROVE_DEPTH_MAX)
		return false;
	struct grove_node *node = &grove->nodes[grove->node_count++];
	node->column = reading->at[0];
	if (!get_float(reading->at + 1, &node->value) || !get_float(reading->at + 5, &node->cover))
		return false;
	reading->at += NODE_BYTES;
	reading->left--;
	if (node->column == GROVE_LEAF)
		return true;
	if (node->column >= FEATURE_COUNT || !read_tree(reading, depth + 1, grove))
		return false;
	node->right = grove->node_count;
	return read_tree(reading, depth + 1, grove);
}

bool grove_unpack(const uint8_t *bytes, size_t len, struct grove *grove)
{
	*grove = (struct grove){ 0 };
	if (len < HEAD_BYTES || bytes[0] != GROVE_VERSION || bytes[1] > 1 ||
	    (len - HEAD_BYTES) % NODE_BYTES != 0)
		return false;
	size_t tree_count = bytes[10] | (size_t)bytes[11] << 8;
	uint64_t base = little_load64(bytes + 2);
	memcpy(&grove->base, &base, sizeof base);
	grove->is_whole = bytes[1] == 1;
	struct reading reading = { bytes + HEAD_BYTES, (len - HEAD_BYTES) / NODE_BYTES };
	bool is_good = tree_count <= GROVE_TREES_MAX && dm_is_finite(grove->base);
	while (is_good && grove->tree_count < tree_count) {
		grove->roots[grove->tree_count++] = grove->node_count;
		is_good = read_tree(&reading, 0, grove);
	}
	is_good &= reading.left == 0;
	if (!is_good)
		*grove = (struct grove){ 0 };
	return is_good;
}
