#include "models/import_lightgbm.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"

enum { LEAVES_MAX = 1 << 20 };

/* Bits of a decision_type; two more say what is missing. */
enum { IS_CATEGORY = 1, DEFAULT_LEFT = 2, MISSING_SHIFT = 2, MISSING_ZERO = 1, MISSING_NAN = 2 };

static struct err *not_read(const char *what)
{
	return err_new(ERR_POISON, "MODEL_FORMAT", "the model is not read: %s", what);
}

static struct err *damaged(const char *what)
{
	return err_new(ERR_POISON, "MODEL_INVALID", "the LightGBM model is damaged: %s", what);
}

/* ---- lines of "name=value" ---- */

/* What stands behind name= on a line of its own in [at, end); NULL where there is none. The text
 * ends with the line. */
static const char *find(const char *at, const char *end, const char *name)
{
	size_t len = strlen(name);
	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		if (line_end == NULL)
			line_end = end;
		if ((size_t)(line_end - at) > len && memcmp(at, name, len) == 0 && at[len] == '=')
			return at + len + 1;
		at = line_end + 1;
	}
	return NULL;
}

static double number_of(const char *text, double otherwise)
{
	char *end;
	double value = text != NULL ? strtod(text, &end) : otherwise;
	return text != NULL && end == text ? otherwise : value;
}

/* Reads `count` numbers parted by blanks, new; NULL where there are fewer on the line. */
static double *numbers_of(const char *text, size_t count)
{
	double *numbers = check_calloc(count + 1, sizeof *numbers);
	for (size_t i = 0; i < count; i++) {
		char *end;
		while (text != NULL && *text == ' ')
			text++;
		/* strtod would go on over the line's end */
		if (text == NULL || *text == '\n' || *text == '\0') {
			free(numbers);
			return NULL;
		}
		numbers[i] = strtod(text, &end);
		if (end == text || !dm_is_finite(numbers[i])) {
			free(numbers);
			return NULL;
		}
		text = end;
	}
	return numbers;
}

/* ---- a tree ---- */

enum { COLUMNS, THRESHOLDS, TYPES, LEFTS, RIGHTS, COUNTS, LEAF_VALUES, LEAF_COUNTS, ARRAYS };

static const char *const array_names[ARRAYS] = { "split_feature", "threshold",	 "decision_type",
						 "left_child",	  "right_child", "internal_count",
						 "leaf_value",	  "leaf_count" };

struct tree {
	size_t leaves;
	double *arrays[ARRAYS];
	size_t set_count, word_count;
	double *boundaries, *words; /* of the sets of categories */
	double scale;		    /* of the leaves */
};

static void tree_fini(struct tree *tree)
{
	for (size_t i = 0; i < ARRAYS; i++)
		free(tree->arrays[i]);
	free(tree->boundaries);
	free(tree->words);
}

static struct err *tree_read(const char *at, const char *end, struct tree *tree)
{
	double leaves = number_of(find(at, end, "num_leaves"), 0);
	double sets = number_of(find(at, end, "num_cat"), 0);
	if (number_of(find(at, end, "is_linear"), 0) != 0)
		return not_read("it has linear trees; train it without linear_tree");
	if (!(leaves >= 1 && leaves <= LEAVES_MAX && sets >= 0 && sets <= LEAVES_MAX))
		return damaged("a tree has no leaves, or too many");
	tree->leaves = (size_t)leaves;
	tree->set_count = (size_t)sets;
	for (size_t i = 0; i < ARRAYS; i++) {
		size_t count = i < LEAF_VALUES ? tree->leaves - 1 : tree->leaves;
		const char *text = find(at, end, array_names[i]);
		/* a tree of one leaf tells no counts */
		if (i == LEAF_COUNTS && tree->leaves == 1)
			continue;
		tree->arrays[i] = numbers_of(text, count);
		if (tree->arrays[i] == NULL)
			return damaged("a tree lacks an array, or numbers in it");
	}
	if (tree->set_count == 0)
		return NULL;
	tree->boundaries = numbers_of(find(at, end, "cat_boundaries"), tree->set_count + 1);
	double words = tree->boundaries != NULL ? tree->boundaries[tree->set_count] : -1;
	if (!(words >= 0 && words <= LEAVES_MAX))
		return damaged("the sets of categories have no end");
	tree->word_count = (size_t)words;
	tree->words = numbers_of(find(at, end, "cat_threshold"), tree->word_count);
	return tree->words != NULL ? NULL : damaged("sets of categories are missing");
}

static struct err *set_category(const struct tree *tree, size_t i, struct forest *forest,
				struct forest_node *node)
{
	double set = tree->arrays[THRESHOLDS][i];
	if (!(set >= 0 && set < (double)tree->set_count))
		return damaged("a set of categories that is not there");
	double first = tree->boundaries[(size_t)set], last = tree->boundaries[(size_t)set + 1];
	if (!(first >= 0 && first <= last && last <= (double)tree->word_count &&
	      (last - first) * 32 <= FOREST_CATEGORY_MAX))
		return damaged("a set of categories is out of bounds");
	size_t words = (size_t)(last - first);
	node->flags = FOREST_CATEGORY; /* what is missing goes right */
	node->set_bits = (uint32_t)words * 32;
	node->set = forest_add_set(forest, node->set_bits);
	for (size_t k = 0; k < words; k++) {
		double word = tree->words[(size_t)first + k];
		if (!(word >= 0 && word <= UINT32_MAX))
			return damaged("a set of categories holds what is no number of 32 bits");
		forest->sets[node->set + k] = (uint32_t)word;
	}
	return NULL;
}

static struct err *set_split(const struct tree *tree, size_t i, struct forest *forest,
			     struct forest_node *node)
{
	double column = tree->arrays[COLUMNS][i], type = tree->arrays[TYPES][i];
	if (!(column >= 0 && column < (double)forest->column_count) || !(type >= 0 && type < 16))
		return damaged("a column or a kind of split that is not there");
	node->column = (int32_t)column;
	unsigned bits = (unsigned)type, missing = bits >> MISSING_SHIFT;
	if (bits & IS_CATEGORY)
		return set_category(tree, i, forest, node);
	node->value = tree->arrays[THRESHOLDS][i];
	node->flags = bits & DEFAULT_LEFT ? FOREST_MISSING_LEFT : 0;
	if (missing == MISSING_ZERO)
		node->flags |= FOREST_ZERO_MISSING;
	if (missing != MISSING_NAN)
		node->flags |= FOREST_NAN_IS_ZERO;
	return NULL;
}

/* Adds a node and all below it: `child` is the number of a split, or ~ that of a leaf. */
static struct err *add_node(const struct tree *tree, double child, int depth, size_t *left,
			    struct forest *forest, uint32_t *index)
{
	struct forest_node node = { .column = -1 };
	bool is_leaf = child < 0;
	double number = is_leaf ? -child - 1 : child;
	if (*left == 0 || depth > FOREST_DEPTH_MAX ||
	    !(number < (double)(is_leaf ? tree->leaves : tree->leaves - 1)))
		return damaged("a node is not there, or is its own parent");
	--*left;
	size_t i = (size_t)number;
	if (is_leaf) {
		node.value = tree->scale * tree->arrays[LEAF_VALUES][i];
		node.cover = tree->leaves > 1 ? tree->arrays[LEAF_COUNTS][i] : 1;
		*index = forest_add_node(forest, &node);
		return NULL;
	}
	*index = forest_add_node(forest, &node);
	node.cover = tree->arrays[COUNTS][i];
	struct err *err = set_split(tree, i, forest, &node);
	if (err == NULL)
		err = add_node(tree, tree->arrays[LEFTS][i], depth + 1, left, forest, &node.left);
	if (err == NULL)
		err = add_node(tree, tree->arrays[RIGHTS][i], depth + 1, left, forest, &node.right);
	forest->nodes[*index] = node;
	return err;
}

static struct err *add_tree(const char *at, const char *end, double scale, struct forest *forest)
{
	struct tree tree = { .scale = scale };
	uint32_t index = 0;
	struct err *err = tree_read(at, end, &tree);
	size_t left = 2 * tree.leaves;
	if (err == NULL)
		err = add_node(&tree, tree.leaves > 1 ? 0 : -1, 0, &left, forest, &index);
	if (err == NULL)
		forest_add_root(forest, index);
	tree_fini(&tree);
	return err;
}

/* ---- the model ---- */

static bool begins(const char *text, const char *part)
{
	return text != NULL && strncmp(text, part, strlen(part)) == 0;
}

static struct err *read_head(const char *at, const char *end, struct forest *forest, double *scale)
{
	const char *objective = find(at, end, "objective");
	double columns = number_of(find(at, end, "max_feature_idx"), -1) + 1;
	if (!begins(objective, "binary sigmoid:"))
		return not_read("its objective is not binary");
	*scale = number_of(objective + strlen("binary sigmoid:"), 0);
	if (number_of(find(at, end, "num_tree_per_iteration"), 1) != 1)
		return not_read("it has several outcomes; one of yes or no is expected");
	for (const char *line = at; line < end; line++) {
		if (begins(line, "average_output"))
			return not_read("it is a random forest, whose trees are averaged");
		line = memchr(line, '\n', (size_t)(end - line));
		if (line == NULL)
			break;
	}
	if (!(columns >= 1 && columns <= FOREST_COLUMNS_MAX) || !(*scale > 0 && *scale < 1000))
		return damaged("it has no columns, too many, or no scale");
	forest->column_count = (size_t)columns;
	return NULL;
}

static void read_names(const char *text, size_t count, struct import_names *names)
{
	names->names = check_calloc(count + 1, sizeof *names->names);
	while (text != NULL && names->count < count && *text != '\n' && *text != '\0') {
		size_t len = strcspn(text, " \n");
		char *name = check_calloc(len + 1, 1);
		memcpy(name, text, len);
		names->names[names->count++] = name;
		text += len;
		text += *text == ' ';
	}
}

static struct err *read_text(const char *text, size_t len, struct forest *forest,
			     struct import_names *names)
{
	const char *end = text + len, *tree = strstr(text, "\nTree=");
	const char *all_end = strstr(text, "\nend of trees");
	double scale = 1;
	if (tree == NULL || all_end == NULL || all_end < tree)
		return damaged("it has no trees, or no end of them");
	struct err *err = read_head(text, tree + 1, forest, &scale);
	if (err == NULL)
		read_names(find(text, tree, "feature_names"), forest->column_count, names);
	while (err == NULL && tree != NULL && tree < all_end) {
		const char *next = strstr(tree + 1, "\nTree=");
		const char *tree_end = next != NULL && next < all_end ? next : all_end;
		err = add_tree(tree + 1, tree_end + 1 < end ? tree_end + 1 : end, scale, forest);
		tree = next;
	}
	return err;
}

struct err *import_lightgbm(struct bytes bytes, struct forest *forest, struct import_names *names)
{
	char *text = check_calloc(bytes.len + 1, 1); /* for what needs a terminator */
	memcpy(text, bytes.data, bytes.len);
	struct err *err = memchr(text, '\0', bytes.len) != NULL
				  ? damaged("there is a zero byte in it")
				  : read_text(text, bytes.len, forest, names);
	free(text);
	return err;
}
