/* Boosted trees: the split found is the best there is, by trying every one; leaves are Newton
 * steps; walks agree with bins; bytes come back as they were, and damaged ones are refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/dmath.h"
#include "base/prng.h"
#include "models/boost.h"
#include "models/boost_split.h"

enum { ROWS = 300, COLUMNS = 5, LEVELS = 4 };

struct fixture {
	double values[ROWS * COLUMNS];
	uint16_t categories[COLUMNS];
	uint8_t labels[ROWS];
	struct dataset dataset;
};

/* Three numeric columns, one of them coarse, and two of categories; a tenth is missing. */
static void fixture_set(struct fixture *fixture, uint64_t seed)
{
	struct prng prng = prng_new(seed, 1);
	*fixture = (struct fixture){ .categories = { 0, 0, 0, LEVELS, 2 } };
	for (size_t i = 0; i < ROWS; i++) {
		double *row = fixture->values + i * COLUMNS;
		row[0] = prng_normal(&prng);
		row[1] = prng_below(&prng, 7);
		row[2] = prng_exponential(&prng, 5);
		row[3] = prng_below(&prng, LEVELS);
		row[4] = prng_below(&prng, 2);
		double margin = row[0] * (row[4] > 0 ? 2 : -2) + (row[3] == 1 ? 1 : 0);
		fixture->labels[i] = prng_chance(&prng, dm_sigmoid(margin));
		for (size_t j = 0; j < COLUMNS; j++)
			if (prng_chance(&prng, 0.1))
				row[j] = NAN;
	}
	fixture->dataset = (struct dataset){ .row_count = ROWS,
					     .column_count = COLUMNS,
					     .values = fixture->values,
					     .category_counts = fixture->categories,
					     .labels = fixture->labels };
}

/* All rows, all columns, no shrinkage. */
static struct boost_options plain_options(void)
{
	struct boost_options options = boost_defaults();
	options.rounds = 1;
	options.leaves_max = 2;
	options.depth_max = 1;
	options.learning_rate = 1;
	options.row_share = options.column_share = 1;
	options.hessian_min = 1;
	return options;
}

static void fit(const struct fixture *fixture, const struct boost_options *options,
		struct forest *forest)
{
	struct bins *bins = bins_new(&fixture->dataset, BINS_MAX);
	const struct boost_sample sample = { .bins = bins, .dataset = &fixture->dataset };
	boost_fit(&sample, options, NULL, forest);
	bins_free(&bins);
}

/* What parting the rows so gains, by the definition; p is what all rows have before. */
static double gain_of_parting(const struct fixture *fixture, const bool *left, double p,
			      double lambda)
{
	double g[2] = { 0, 0 }, h[2] = { 0, 0 };
	for (size_t i = 0; i < ROWS; i++) {
		g[left[i]] += (double)(float)(p - fixture->labels[i]);
		h[left[i]] += (double)(float)(p * (1 - p));
	}
	if (h[0] < 1 || h[1] < 1)
		return 0;
	double all = g[0] + g[1];
	return g[0] * g[0] / (h[0] + lambda) + g[1] * g[1] / (h[1] + lambda) -
	       all * all / (h[0] + h[1] + lambda);
}

/* Each threshold at each value, missing ones to either side. */
static double best_numeric(const struct fixture *fixture, size_t column, double p, double lambda)
{
	double best = 0;
	for (size_t at = 0; at < ROWS; at++) {
		double threshold = fixture->values[at * COLUMNS + column];
		for (int missing = 0; missing < 2 && !isnan(threshold); missing++) {
			bool left[ROWS];
			for (size_t i = 0; i < ROWS; i++) {
				double value = fixture->values[i * COLUMNS + column];
				left[i] = isnan(value) ? missing : value <= threshold;
			}
			double gain = gain_of_parting(fixture, left, p, lambda);
			best = gain > best ? gain : best;
		}
	}
	return best;
}

/* Each set of levels, "missing" being one more. */
static double best_category(const struct fixture *fixture, size_t column, double p, double lambda)
{
	double best = 0;
	for (unsigned set = 0; set < 1u << (LEVELS + 1); set++) {
		bool left[ROWS];
		for (size_t i = 0; i < ROWS; i++) {
			double value = fixture->values[i * COLUMNS + column];
			left[i] = set >> (isnan(value) ? LEVELS : (unsigned)value) & 1;
		}
		double gain = gain_of_parting(fixture, left, p, lambda);
		best = gain > best ? gain : best;
	}
	return best;
}

static void the_split_is_the_best_there_is(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct fixture fixture;
		struct forest forest;
		struct boost_options options = plain_options();
		/* the order of levels is the best one where nothing is shrunk */
		options.lambda = 0;
		fixture_set(&fixture, seed);
		fit(&fixture, &options, &forest);
		double p = dm_sigmoid(forest.base), best = 0;
		for (size_t j = 0; j < COLUMNS; j++) {
			double gain = fixture.categories[j] > 0 ? best_category(&fixture, j, p, 0)
								: best_numeric(&fixture, j, p, 0);
			best = gain > best ? gain : best;
		}
		bool left[ROWS];
		const struct forest_node *root = &forest.nodes[forest.roots[0]];
		assert_true(root->column >= 0);
		for (size_t i = 0; i < ROWS; i++)
			left[i] = forest_goes_left(
				&forest, root, fixture.values[i * COLUMNS + (size_t)root->column]);
		double found = gain_of_parting(&fixture, left, p, 0);
		assert_true(found > 0);
		assert_true(fabs(found - best) <= 1e-6 * best);
		forest_fini(&forest);
	}
}

static void a_leaf_is_a_newton_step(void **state)
{
	(void)state;
	struct fixture fixture;
	struct forest forest;
	struct boost_options options = plain_options();
	options.leaves_max = 8;
	options.depth_max = 4;
	options.lambda = 2;
	options.learning_rate = 0.25;
	fixture_set(&fixture, 5);
	fit(&fixture, &options, &forest);
	double p = dm_sigmoid(forest.base);
	size_t leaves = 0;
	for (uint32_t k = 0; k < forest.node_count; k++) {
		double g = 0, h = 0, count = 0;
		if (forest.nodes[k].column >= 0)
			continue;
		for (size_t i = 0; i < ROWS; i++) {
			if (forest_leaf(&forest, 0, fixture.values + i * COLUMNS) != k)
				continue;
			g += p - fixture.labels[i];
			h += p * (1 - p);
			count++;
		}
		assert_true(h >= 1 - 1e-6);
		assert_true(fabs(forest.nodes[k].value + 0.25 * g / (h + 2)) < 1e-6);
		assert_true(forest.nodes[k].cover == count);
		leaves++;
	}
	assert_int_equal(leaves, 8);
	forest_fini(&forest);
}

static double mean_loss(const struct fixture *fixture, const struct forest *forest)
{
	double loss = 0;
	for (size_t i = 0; i < ROWS; i++) {
		double p = dm_sigmoid(forest_margin(forest, fixture->values + i * COLUMNS));
		loss -= dm_log(fixture->labels[i] ? p : 1 - p) / ROWS;
	}
	return loss;
}

/* Also that rows walked by their bins and by their values come to the same: what was watched is
 * what the forest says. */
static void the_watched_loss_is_that_of_the_forest(void **state)
{
	(void)state;
	struct fixture fixture;
	struct forest forest;
	struct boost_options options = boost_defaults();
	double losses[41];
	uint32_t rows[ROWS];
	options.rounds = 40;
	fixture_set(&fixture, 9);
	for (uint32_t i = 0; i < ROWS; i++)
		rows[i] = i;
	struct bins *bins = bins_new(&fixture.dataset, 16);
	const struct boost_sample half = {
		.bins = bins, .dataset = &fixture.dataset, .rows = rows, .row_count = ROWS / 2
	};
	struct boost_watch watch = { .rows = rows + ROWS / 2,
				     .row_count = ROWS - ROWS / 2,
				     .losses = losses };
	boost_fit(&half, &options, &watch, &forest);
	assert_int_equal(watch.loss_count, 41);
	double loss = 0;
	for (size_t i = ROWS / 2; i < ROWS; i++) {
		double p = dm_sigmoid(forest_margin(&forest, fixture.values + i * COLUMNS));
		loss -= dm_log(fixture.labels[i] ? p : 1 - p) / (ROWS - ROWS / 2);
	}
	assert_true(fabs(loss - losses[40]) < 1e-9);
	assert_true(losses[40] < losses[0]);
	forest_cut(&forest, 3);
	assert_int_equal(forest.tree_count, 3);
	assert_null(forest_check(&forest));
	forest_fini(&forest);
	bins_free(&bins);
}

static void more_rounds_fit_better_and_the_same_seed_the_same(void **state)
{
	(void)state;
	struct fixture fixture;
	struct forest few, many, again;
	struct boost_options options = boost_defaults();
	fixture_set(&fixture, 11);
	options.rounds = 5;
	fit(&fixture, &options, &few);
	options.rounds = 60;
	fit(&fixture, &options, &many);
	fit(&fixture, &options, &again);
	assert_true(mean_loss(&fixture, &many) < mean_loss(&fixture, &few));
	struct packer a = { 0 }, b = { 0 };
	forest_pack(&many, &a);
	forest_pack(&again, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	packer_fini(&a);
	packer_fini(&b);
	forest_fini(&few);
	forest_fini(&many);
	forest_fini(&again);
}

static void bytes_come_back_and_damaged_ones_are_refused(void **state)
{
	(void)state;
	struct fixture fixture;
	struct forest forest, back;
	struct boost_options options = boost_defaults();
	fixture_set(&fixture, 13);
	options.rounds = 8;
	fit(&fixture, &options, &forest);
	struct packer packer = { 0 };
	forest_pack(&forest, &packer);
	struct unpacker unpacker = unpacker_of(packer_bytes(&packer));
	assert_null(forest_unpack(&back, &unpacker));
	assert_int_equal(unpacker.left, 0);
	for (size_t i = 0; i < ROWS; i++) {
		const double *row = fixture.values + i * COLUMNS;
		assert_true(forest_margin(&forest, row) == forest_margin(&back, row));
	}
	forest_fini(&back);
	for (size_t len = 0; len < packer.len; len += 7) { /* cut short */
		unpacker = unpacker_of(bytes_of(packer.data, len));
		struct err *err = forest_unpack(&back, &unpacker);
		assert_non_null(err);
		err_free(&err);
		forest_fini(&back);
	}
	struct prng prng = prng_new(1, 1);
	for (int i = 0; i < 3000; i++) { /* one byte wrong: refused, or still walkable */
		size_t at = prng_below(&prng, (uint32_t)packer.len);
		uint8_t before = packer.data[at];
		packer.data[at] = (uint8_t)prng_next(&prng);
		unpacker = unpacker_of(packer_bytes(&packer));
		struct err *err = forest_unpack(&back, &unpacker);
		if (err == NULL && back.column_count == COLUMNS)
			forest_margin(&back, fixture.values);
		err_free(&err);
		forest_fini(&back);
		packer.data[at] = before;
	}
	packer_fini(&packer);
	forest_fini(&forest);
}

static void bins_keep_the_order_of_values(void **state)
{
	(void)state;
	struct fixture fixture;
	fixture_set(&fixture, 17);
	for (size_t max = 3; max <= BINS_MAX; max += 50) {
		struct bins *bins = bins_new(&fixture.dataset, max);
		for (size_t j = 0; j < 3; j++) {
			const struct bins_column *column = &bins->columns[j];
			assert_true(column->bin_count >= 3 && column->bin_count <= max);
			for (size_t i = 0; i < ROWS; i++) {
				double value = fixture.values[i * COLUMNS + j];
				uint8_t bin = column->bins[i];
				assert_true(isnan(value) == (bin == 0));
				assert_true(bin < column->bin_count);
				if (bin > 0 && bin + 1 < column->bin_count)
					assert_true(value <= column->cuts[bin - 1]);
				if (bin > 1)
					assert_true(value > column->cuts[bin - 2]);
			}
		}
		bins_free(&bins);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_split_is_the_best_there_is),
		cmocka_unit_test(a_leaf_is_a_newton_step),
		cmocka_unit_test(the_watched_loss_is_that_of_the_forest),
		cmocka_unit_test(more_rounds_fit_better_and_the_same_seed_the_same),
		cmocka_unit_test(bytes_come_back_and_damaged_ones_are_refused),
		cmocka_unit_test(bins_keep_the_order_of_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
