#include "models/shap.h"

/* Dividing cancels digits as paths grow; beyond so many columns the product is made anew. */
enum { DIVIDED_MAX = 20 };

/* A column on the way to a node, all its splits there taken together. */
struct step {
	int32_t column;
	double zero; /* share of the cover that goes this way */
	double one;  /* 1 where the row goes this way, else 0 */
};

struct walk {
	const struct forest *forest;
	const double *row;
	double *contributions;
	size_t step_count;
	struct step steps[FOREST_DEPTH_MAX + 1];
};

static double share_of(const struct forest_node *child, const struct forest_node *node)
{
	return node->cover > 0 ? child->cover / node->cover : 0.5;
}

static double expected_below(const struct forest *forest, uint32_t at)
{
	const struct forest_node *node = &forest->nodes[at];
	if (node->column < 0)
		return node->value;
	const struct forest_node *left = &forest->nodes[node->left];
	const struct forest_node *right = &forest->nodes[node->right];
	return share_of(left, node) * expected_below(forest, node->left) +
	       share_of(right, node) * expected_below(forest, node->right);
}

double shap_expected(const struct forest *forest)
{
	double expected = forest->base;
	for (size_t i = 0; i < forest->tree_count; i++)
		expected += expected_below(forest, forest->roots[i]);
	return expected;
}

/* The coefficients of the product over all steps but `except` of (zero + one t), into
 * powers[step_count + 1]; except: step_count for none. */
static size_t multiply(const struct walk *walk, size_t except, double *powers)
{
	size_t degree = 0;
	powers[0] = 1;
	for (size_t j = 0; j < walk->step_count; j++) {
		if (j == except)
			continue;
		double zero = walk->steps[j].zero, one = walk->steps[j].one;
		powers[degree + 1] = 0;
		for (size_t k = ++degree; k > 0; k--)
			powers[k] = powers[k] * zero + powers[k - 1] * one;
		powers[0] *= zero;
	}
	return degree;
}

/* The same by dividing powers[] of all steps by that of one. */
static void divide(const struct walk *walk, size_t except, const double *powers, double *quotient)
{
	size_t d = walk->step_count;
	double zero = walk->steps[except].zero, one = walk->steps[except].one;
	if (d > DIVIDED_MAX) {
		multiply(walk, except, quotient);
	} else if (one > 0) {
		quotient[d - 1] = powers[d];
		for (size_t k = d - 1; k > 0; k--)
			quotient[k - 1] = powers[k] - zero * quotient[k];
	} else if (zero > 0) {
		for (size_t k = 0; k < d; k++)
			quotient[k] = powers[k] / zero;
	} else {
		multiply(walk, except, quotient);
	}
}

/* Shapley's weights: k! (d - 1 - k)! / d! for coalitions of k others. */
static void leaf_add(struct walk *walk, double value)
{
	size_t d = walk->step_count;
	double powers[FOREST_DEPTH_MAX + 2], quotient[FOREST_DEPTH_MAX + 2];
	multiply(walk, d, powers);
	for (size_t i = 0; i < d; i++) {
		const struct step *step = &walk->steps[i];
		double sum = 0, weight = 1 / (double)d;
		divide(walk, i, powers, quotient);
		for (size_t k = 0; k < d; k++) {
			sum += weight * quotient[k];
			weight *= (double)(k + 1) / (double)(d - 1 > k ? d - 1 - k : 1);
		}
		walk->contributions[step->column] += (step->one - step->zero) * sum * value;
	}
}

static void walk_below(struct walk *walk, uint32_t at);

static void walk_child(struct walk *walk, const struct forest_node *node, uint32_t child,
		       bool is_taken)
{
	double share = share_of(&walk->forest->nodes[child], node);
	size_t i = 0;
	while (i < walk->step_count && walk->steps[i].column != node->column)
		i++;
	if (i == walk->step_count) {
		walk->steps[walk->step_count++] =
			(struct step){ node->column, share, is_taken ? 1 : 0 };
		walk_below(walk, child);
		walk->step_count--;
		return;
	}
	struct step before = walk->steps[i];
	walk->steps[i].zero *= share;
	walk->steps[i].one = is_taken ? before.one : 0;
	walk_below(walk, child);
	walk->steps[i] = before;
}

static void walk_below(struct walk *walk, uint32_t at)
{
	const struct forest_node *node = &walk->forest->nodes[at];
	if (node->column < 0) {
		if (walk->step_count > 0)
			leaf_add(walk, node->value);
		return;
	}
	bool left = forest_goes_left(walk->forest, node, walk->row[node->column]);
	walk_child(walk, node, node->left, left);
	walk_child(walk, node, node->right, !left);
}

void shap_add(const struct forest *forest, const double *row, double *contributions)
{
	struct walk walk = { .forest = forest, .row = row, .contributions = contributions };
	for (size_t i = 0; i < forest->tree_count; i++)
		walk_below(&walk, forest->roots[i]);
}
