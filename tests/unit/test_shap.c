/* Contributions of trees, against Shapley's own definition over all coalitions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/prng.h"
#include "models/shap.h"

enum { COLUMNS = 6, TREES = 5, ROWS = 20 };

/* A random tree below a new node; columns come again on a path. */
static uint32_t grow(struct forest *forest, struct prng *prng, int depth, double cover)
{
	struct forest_node node = { .column = -1, .value = prng_normal(prng), .cover = cover };
	uint32_t at = forest_add_node(forest, &node);
	if (depth == 0 || (depth < 4 && prng_chance(prng, 0.2)))
		return at;
	double share = prng_chance(prng, 0.05) ? 0 : prng_uniform(prng);
	node.column = (int32_t)prng_below(prng, COLUMNS);
	node.value = prng_normal(prng);
	node.flags = prng_chance(prng, 0.5) ? FOREST_MISSING_LEFT : 0;
	node.left = grow(forest, prng, depth - 1, cover * share);
	node.right = grow(forest, prng, depth - 1, cover - cover * share);
	forest->nodes[at] = node;
	return at;
}

/* What a tree says where only the columns in `known` are. */
static double expect(const struct forest *forest, uint32_t at, const double *row, unsigned known)
{
	const struct forest_node *node = &forest->nodes[at];
	if (node->column < 0)
		return node->value;
	double left = expect(forest, node->left, row, known);
	double right = expect(forest, node->right, row, known);
	if (known >> node->column & 1)
		return forest_goes_left(forest, node, row[node->column]) ? left : right;
	double share = node->cover > 0 ? forest->nodes[node->left].cover / node->cover : 0.5;
	double other = node->cover > 0 ? forest->nodes[node->right].cover / node->cover : 0.5;
	return share * left + other * right;
}

static double value_of(const struct forest *forest, const double *row, unsigned known)
{
	double value = forest->base;
	for (size_t i = 0; i < forest->tree_count; i++)
		value += expect(forest, forest->roots[i], row, known);
	return value;
}

static double factorial(unsigned n)
{
	return n < 2 ? 1 : n * factorial(n - 1);
}

static double shapley(const struct forest *forest, const double *row, unsigned column)
{
	double sum = 0;
	for (unsigned set = 0; set < 1u << COLUMNS; set++) {
		if (set >> column & 1)
			continue;
		unsigned size = (unsigned)__builtin_popcount(set);
		double weight =
			factorial(size) * factorial(COLUMNS - size - 1) / factorial(COLUMNS);
		sum += weight *
		       (value_of(forest, row, set | 1u << column) - value_of(forest, row, set));
	}
	return sum;
}

static void contributions_are_shapley_values(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct prng prng = prng_new(seed, 3);
		struct forest forest;
		forest_init(&forest, COLUMNS);
		forest.base = prng_normal(&prng);
		for (int i = 0; i < TREES; i++)
			forest_add_root(&forest, grow(&forest, &prng, 7, 100));
		assert_null(forest_check(&forest));
		assert_true(fabs(shap_expected(&forest) - value_of(&forest, NULL, 0)) < 1e-9);
		for (int i = 0; i < ROWS; i++) {
			double row[COLUMNS], contributions[COLUMNS] = { 0 };
			double sum = shap_expected(&forest);
			for (size_t j = 0; j < COLUMNS; j++)
				row[j] = prng_chance(&prng, 0.1) ? NAN : prng_normal(&prng);
			shap_add(&forest, row, contributions);
			for (unsigned j = 0; j < COLUMNS; j++) {
				assert_true(fabs(contributions[j] - shapley(&forest, row, j)) <
					    1e-9);
				sum += contributions[j];
			}
			assert_true(fabs(sum - forest_margin(&forest, row)) < 1e-9);
		}
		forest_fini(&forest);
	}
}

/* A path of very many splits, on few columns and on as many as there are. */
static void a_long_path_adds_up(void **state)
{
	(void)state;
	enum { LONG = 100 };
	struct forest forest;
	struct prng prng = prng_new(4, 4);
	forest_init(&forest, LONG);
	const struct forest_node leaf = { .column = -1, .value = 1 };
	for (uint32_t i = 0; i < LONG; i++) {
		const struct forest_node split = { .column = (int32_t)i,
						   .value = 0,
						   .left = 2 * i + 1,
						   .right = 2 * i + 2,
						   .cover = LONG + 1 - i };
		forest_add_node(&forest, &split);
		uint32_t at = forest_add_node(&forest, &leaf);
		forest.nodes[at].cover = 1;
		forest.nodes[at].value = i;
	}
	uint32_t last = forest_add_node(&forest, &leaf);
	forest.nodes[last].cover = 1;
	forest_add_root(&forest, 0);
	assert_null(forest_check(&forest));
	for (int i = 0; i < ROWS; i++) {
		double row[LONG], contributions[LONG] = { 0 }, sum = shap_expected(&forest);
		for (size_t j = 0; j < LONG; j++)
			row[j] = prng_chance(&prng, 0.03) ? -1 : 1;
		shap_add(&forest, row, contributions);
		for (size_t j = 0; j < LONG; j++)
			sum += contributions[j];
		assert_true(fabs(sum - forest_margin(&forest, row)) < 1e-6);
	}
	forest_fini(&forest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contributions_are_shapley_values),
		cmocka_unit_test(a_long_path_adds_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
