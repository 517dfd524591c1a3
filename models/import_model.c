#include "models/import_model.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/import_lightgbm.h"

enum { NODES_PER_TREE_MAX = 1 << 20 };

static struct err *not_read(const char *what)
{
	return err_new(ERR_POISON, "MODEL_FORMAT", "the model is not read: %s", what);
}

static struct err *damaged(const char *what)
{
	return err_new(ERR_POISON, "MODEL_INVALID", "the XGBoost model is damaged: %s", what);
}

/* ---- a tree of XGBoost ---- */

/* The arrays of a tree, borrowed from its JSON; all [count]. */
struct tree {
	size_t count;
	const json_t *left, *right, *columns, *conditions, *default_left, *covers, *types;
};

static double number_at(const json_t *array, size_t i)
{
	const json_t *item = json_array_get(array, i);
	return json_is_boolean(item) ? json_is_true(item) : json_number_value(item);
}

static struct err *tree_open(const json_t *json, struct tree *tree)
{
	static const char *const names[] = { "left_children",	 "right_children", "split_indices",
					     "split_conditions", "default_left",   "sum_hessian" };
	const json_t **arrays[] = { &tree->left,       &tree->right,	    &tree->columns,
				    &tree->conditions, &tree->default_left, &tree->covers };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		*arrays[i] = json_object_get(json, names[i]);
		if (!json_is_array(*arrays[i]) ||
		    (i > 0 && json_array_size(*arrays[i]) != json_array_size(*arrays[0])))
			return damaged("a tree lacks an array, or its arrays differ in length");
	}
	tree->count = json_array_size(tree->left);
	tree->types = json_object_get(json, "split_type");
	if (tree->count == 0 || tree->count > NODES_PER_TREE_MAX)
		return damaged("a tree has no nodes, or too many");
	return NULL;
}

/* Adds node `i` and all below it; `left` nodes may still be added. The sign that a node is read
 * twice is that there are none left. */
static struct err *add_node(const struct tree *tree, size_t i, int depth, size_t *left,
			    struct forest *forest, uint32_t *index)
{
	if (i >= tree->count || *left == 0 || depth > FOREST_DEPTH_MAX)
		return damaged("a node is not there, or is its own parent");
	--*left;
	double condition = number_at(tree->conditions, i), first = number_at(tree->left, i);
	struct forest_node node = { .column = -1,
				    .value = condition,
				    .cover = number_at(tree->covers, i) };
	*index = forest_add_node(forest, &node);
	if (first < 0)
		return NULL;
	if (number_at(tree->types, i) != 0)
		return not_read("it splits on categories in XGBoost's own way; train it with a "
				"column of 0 and 1 for each level");
	double column = number_at(tree->columns, i);
	if (!(column >= 0 && column < FOREST_COLUMNS_MAX))
		return damaged("a column that is not there");
	node.column = (int32_t)column;
	node.flags = number_at(tree->default_left, i) != 0 ? FOREST_MISSING_LEFT : 0;
	/* "less than" for 32-bit floats is "at most the float below" */
	node.value = (double)nextafterf((float)condition, -INFINITY);
	struct err *err = add_node(tree, (size_t)first, depth + 1, left, forest, &node.left);
	if (err == NULL)
		err = add_node(tree, (size_t)number_at(tree->right, i), depth + 1, left, forest,
			       &node.right);
	forest->nodes[*index] = node;
	return err;
}

/* ---- a model of XGBoost ---- */

/* A parameter written as a number, a text, or a text with brackets around it: "[4.79E-1]". */
static bool read_number(const json_t *json, double *number)
{
	if (json_is_number(json)) {
		*number = json_number_value(json);
		return true;
	}
	const char *text = json_string_value(json);
	char *end;
	if (text == NULL)
		return false;
	text += *text == '[';
	*number = strtod(text, &end);
	return end != text && (*end == '\0' || strcmp(end, "]") == 0) && dm_is_finite(*number);
}

static struct err *base_of(const json_t *learner, const char *objective, double *base)
{
	const json_t *parameters = json_object_get(learner, "learner_model_param");
	double targets = 1, classes = 0;
	if (!read_number(json_object_get(parameters, "base_score"), base))
		return not_read("its base_score is not one number");
	read_number(json_object_get(parameters, "num_target"), &targets);
	read_number(json_object_get(parameters, "num_class"), &classes);
	if (targets > 1 || classes > 2)
		return not_read("it has several outcomes; one of yes or no is expected");
	if (strcmp(objective, "binary:logitraw") == 0)
		return NULL;
	if (!(*base > 0 && *base < 1))
		return damaged("its base_score is no probability");
	*base = dm_log(*base / (1 - *base));
	return NULL;
}

static struct err *check_kind(const json_t *learner, const char **objective)
{
	const json_t *booster = json_object_get(learner, "gradient_booster");
	const char *kind = json_string_value(json_object_get(booster, "name"));
	*objective =
		json_string_value(json_object_get(json_object_get(learner, "objective"), "name"));
	if (kind == NULL || strcmp(kind, "gbtree") != 0)
		return not_read("it is no plain tree booster (gbtree)");
	if (*objective == NULL || (strcmp(*objective, "binary:logistic") != 0 &&
				   strcmp(*objective, "binary:logitraw") != 0))
		return not_read("its objective is neither binary:logistic nor binary:logitraw");
	return NULL;
}

static void read_names(const json_t *learner, struct import_names *names)
{
	const json_t *array = json_object_get(learner, "feature_names");
	names->count = json_array_size(array);
	names->names = check_calloc(names->count + 1, sizeof *names->names);
	for (size_t i = 0; i < names->count; i++) {
		const char *name = json_string_value(json_array_get(array, i));
		names->names[i] = check_strdup(name != NULL ? name : "");
	}
}

static struct err *read_xgboost(const json_t *root, struct forest *forest,
				struct import_names *names)
{
	const json_t *learner = json_object_get(root, "learner");
	const json_t *model =
		json_object_get(json_object_get(learner, "gradient_booster"), "model");
	const json_t *trees = json_object_get(model, "trees");
	const char *objective;
	double columns = 0, parallel = 1;
	struct err *err = check_kind(learner, &objective);
	if (err == NULL)
		err = base_of(learner, objective, &forest->base);
	if (err != NULL)
		return err;
	read_number(json_object_get(json_object_get(learner, "learner_model_param"), "num_feature"),
		    &columns);
	read_number(
		json_object_get(json_object_get(model, "gbtree_model_param"), "num_parallel_tree"),
		&parallel);
	if (!(columns >= 1 && columns <= FOREST_COLUMNS_MAX) || parallel != 1)
		return not_read("it has no columns, too many, or grows several trees a round");
	forest->column_count = (size_t)columns;
	forest->rounds_inputs = true;
	for (size_t i = 0; err == NULL && i < json_array_size(trees); i++) {
		struct tree tree = { 0 };
		uint32_t index = 0;
		err = tree_open(json_array_get(trees, i), &tree);
		size_t left = tree.count;
		if (err == NULL)
			err = add_node(&tree, 0, 0, &left, forest, &index);
		if (err == NULL)
			forest_add_root(forest, index);
	}
	if (err == NULL && forest->tree_count == 0)
		err = damaged("it has no trees");
	read_names(learner, names);
	return err;
}

/* ---- both ---- */

static struct err *read_json(struct bytes bytes, struct forest *forest, struct import_names *names)
{
	json_error_t error;
	json_t *root = json_loadb((const char *)bytes.data, bytes.len, 0, &error);
	if (root == NULL)
		return not_read("it is no JSON; XGBoost writes that with save_model(\"m.json\"), "
				"its own binary form is not read");
	struct err *err = read_xgboost(root, forest, names);
	json_decref(root);
	return err;
}

struct err *import_model(struct bytes bytes, struct forest *forest, struct import_names *names)
{
	static const char text_begin[] = "tree\n";
	struct err *err = NULL;
	forest_init(forest, 0);
	*names = (struct import_names){ 0 };
	if (bytes.len > IMPORT_BYTES_MAX)
		err = not_read("it is larger than 256 MiB");
	else if (bytes.len > sizeof text_begin &&
		 memcmp(bytes.data, text_begin, sizeof text_begin - 1) == 0)
		err = import_lightgbm(bytes, forest, names);
	else if (bytes.len > 0 && bytes.data[0] == '{')
		err = read_json(bytes, forest, names);
	else
		err = not_read("it is neither XGBoost's JSON nor LightGBM's text");
	if (err == NULL)
		err = forest_check(forest);
	if (err != NULL) {
		forest_fini(forest);
		import_names_fini(names);
	}
	return err;
}

void import_names_fini(struct import_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct import_names){ 0 };
}

struct err *import_check(const struct forest *forest, const double *rows, const double *predictions,
			 size_t row_count)
{
	for (size_t i = 0; i < row_count; i++) {
		double said = dm_sigmoid(forest_margin(forest, rows + i * forest->column_count));
		if (fabs(said - predictions[i]) <= 1e-5)
			continue;
		return err_new(
			ERR_POISON, "MODEL_GOLDEN",
			"row %zu of the golden predictions comes out as %.6f and not as %.6f: "
			"the columns are in another order, the file is of another model, or of "
			"a version that is not read rightly; it is not used",
			i + 1, said, predictions[i]);
	}
	return NULL;
}
