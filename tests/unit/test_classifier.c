/* The model that chooses itself: the linear part is a minimum, contributions add up to the bit,
 * bytes come back the same, threads change nothing, noise is called noise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/dmath.h"
#include "base/prng.h"
#include "models/classifier.h"

enum { ROWS = 600, COLUMNS = 4 };

enum truth { LINEAR, CROSSED, NOISE };

struct fixture {
	double values[ROWS * COLUMNS];
	uint16_t categories[COLUMNS];
	uint8_t labels[ROWS];
	struct dataset dataset;
};

static void fixture_set(struct fixture *fixture, enum truth truth, uint64_t seed)
{
	struct prng prng = prng_new(seed, 1);
	*fixture = (struct fixture){ .categories = { 0, 0, 3, 0 } };
	for (size_t i = 0; i < ROWS; i++) {
		double *row = fixture->values + i * COLUMNS;
		row[0] = prng_normal(&prng);
		row[1] = 100 + 10 * prng_normal(&prng);
		row[2] = prng_below(&prng, 3);
		row[3] = 7; /* constant */
		double margin = truth == LINEAR	   ? row[0] + (row[2] == 1 ? 1 : 0) - 1
				: truth == CROSSED ? (row[0] > 0) == (row[1] > 100) ? 2 : -2
						   : -1;
		fixture->labels[i] = prng_chance(&prng, dm_sigmoid(margin));
		for (size_t j = 0; j < 3; j++)
			if (prng_chance(&prng, 0.05))
				row[j] = NAN;
	}
	fixture->dataset = (struct dataset){ .row_count = ROWS,
					     .column_count = COLUMNS,
					     .values = fixture->values,
					     .category_counts = fixture->categories,
					     .labels = fixture->labels };
}

static double penalised_loss(const struct fixture *fixture, const struct logistic *model,
			     double penalty)
{
	double loss = 0;
	for (size_t i = 0; i < ROWS; i++) {
		double margin = logistic_margin(model, fixture->values + i * COLUMNS);
		loss += dm_log1p(dm_exp(fixture->labels[i] ? -margin : margin));
	}
	for (size_t k = 0; k < model->weight_count; k++)
		loss += penalty / 2 * model->weights[k] * model->weights[k];
	return loss;
}

static void the_linear_model_is_at_its_minimum(void **state)
{
	(void)state;
	struct fixture fixture;
	struct logistic model;
	fixture_set(&fixture, LINEAR, 2);
	const struct logistic_sample sample = { .dataset = &fixture.dataset };
	logistic_fit(&sample, 3, NULL, &model);
	double lowest = penalised_loss(&fixture, &model, 3);
	for (size_t k = 0; k <= model.weight_count; k++) {
		double *weight = k < model.weight_count ? &model.weights[k] : &model.intercept;
		for (int sign = -1; sign <= 1; sign += 2) {
			double before = *weight;
			*weight += sign * 0.01;
			assert_true(penalised_loss(&fixture, &model, 3) > lowest);
			*weight = before;
		}
	}
	logistic_fini(&model);
}

static void linear_contributions_average_to_nothing(void **state)
{
	(void)state;
	struct fixture fixture;
	struct logistic model;
	fixture_set(&fixture, LINEAR, 3);
	const struct logistic_sample sample = { .dataset = &fixture.dataset };
	logistic_fit(&sample, 1, NULL, &model);
	double sums[COLUMNS] = { 0 };
	for (size_t i = 0; i < ROWS; i++) {
		double contributions[COLUMNS], sum = model.intercept;
		logistic_explain(&model, fixture.values + i * COLUMNS, contributions);
		for (size_t j = 0; j < COLUMNS; j++) {
			sums[j] += contributions[j];
			sum += contributions[j];
		}
		assert_true(fabs(sum - logistic_margin(&model, fixture.values + i * COLUMNS)) <
			    1e-12);
	}
	for (size_t j = 0; j < COLUMNS; j++)
		assert_true(fabs(sums[j]) < 1e-9 * ROWS);
	/* a value far beyond what was seen carries the margin no further than the farthest seen */
	double row[COLUMNS] = { 1e9, 100, 0, 7 }, edge[COLUMNS] = { 1e6, 100, 0, 7 };
	assert_true(logistic_margin(&model, row) == logistic_margin(&model, edge));
	logistic_fini(&model);
}

static void train(const struct fixture *fixture, size_t threads, struct classifier *model)
{
	struct classifier_options options = classifier_defaults();
	options.thread_count = threads;
	options.rounds_max = 150;
	classifier_train(&fixture->dataset, &options, model);
}

static void contributions_add_up_to_the_bit(void **state)
{
	(void)state;
	for (int truth = LINEAR; truth <= CROSSED; truth++) {
		struct fixture fixture;
		struct classifier model;
		fixture_set(&fixture, (enum truth)truth, 5);
		train(&fixture, 2, &model);
		assert_true(model.report.has_skill);
		for (size_t i = 0; i < ROWS; i++) {
			const double *row = fixture.values + i * COLUMNS;
			double contributions[COLUMNS], forth = model.base, back = 0;
			double margin = classifier_explain(&model, row, contributions);
			for (size_t j = 0; j < COLUMNS; j++) {
				forth += contributions[j];
				back += contributions[COLUMNS - 1 - j];
			}
			assert_true(forth == margin);
			assert_true(back + model.base == margin);
			assert_true(margin == classifier_margin(&model, row));
			assert_true(fabs(contributions[3]) < 1e-6); /* the constant */
		}
		classifier_fini(&model);
	}
}

static void what_acts_together_is_found(void **state)
{
	(void)state;
	struct fixture fixture, fresh;
	struct classifier model;
	fixture_set(&fixture, CROSSED, 6);
	fixture_set(&fresh, CROSSED, 7);
	train(&fixture, 2, &model);
	double probabilities[ROWS];
	struct judgement judgement;
	for (size_t i = 0; i < ROWS; i++)
		probabilities[i] =
			dm_sigmoid(classifier_margin(&model, fresh.values + i * COLUMNS));
	judge(probabilities, fresh.labels, ROWS, &judgement);
	assert_true(judgement.auc > 0.8);	       /* the best possible is .88 */
	assert_true(model.report.trials[0].auc < 0.6); /* the linear one sees nothing */
	assert_true(judgement.calibration_error < 0.12);
	classifier_fini(&model);
}

static void noise_is_called_noise(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct fixture fixture;
		struct classifier model;
		fixture_set(&fixture, NOISE, seed);
		train(&fixture, 2, &model);
		assert_false(model.report.has_skill);
		double first = classifier_margin(&model, fixture.values);
		assert_true(fabs(dm_sigmoid(first) - model.report.held.base_rate) < 1e-6);
		for (size_t i = 0; i < ROWS; i++)
			assert_true(classifier_margin(&model, fixture.values + i * COLUMNS) ==
				    first);
		classifier_fini(&model);
	}
}

static void bytes_come_back_and_threads_change_nothing(void **state)
{
	(void)state;
	struct fixture fixture;
	struct classifier model, other, back;
	struct packer a = { 0 }, b = { 0 };
	fixture_set(&fixture, LINEAR, 9);
	train(&fixture, 1, &model);
	train(&fixture, 3, &other);
	classifier_pack(&model, &a);
	classifier_pack(&other, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	assert_null(classifier_unpack(packer_bytes(&a), &back));
	for (size_t i = 0; i < ROWS; i++) {
		double one[COLUMNS], two[COLUMNS];
		const double *row = fixture.values + i * COLUMNS;
		assert_true(classifier_explain(&model, row, one) ==
			    classifier_explain(&back, row, two));
		assert_memory_equal(one, two, sizeof one);
	}
	assert_true(back.base == model.base);
	classifier_fini(&back);
	struct prng prng = prng_new(1, 1);
	for (int i = 0; i < 300; i++) { /* a wrong bit or a lost end is always noticed */
		size_t at = prng_below(&prng, (uint32_t)a.len), len = a.len;
		if (i % 2 == 0)
			a.data[at] ^= (uint8_t)(1u << prng_below(&prng, 8));
		else
			len = at;
		struct err *err = classifier_unpack(bytes_of(a.data, len), &back);
		assert_non_null(err);
		err_free(&err);
		if (i % 2 == 0)
			memcpy(a.data, b.data, a.len);
	}
	classifier_fini(&model);
	classifier_fini(&other);
	packer_fini(&a);
	packer_fini(&b);
}

/* A blend finds the weights that made the outcome, and gives none to what speaks against it. */
static void a_blend_finds_its_weights(void **state)
{
	(void)state;
	enum { COUNT = 20000 };
	static double good[COUNT], other[COUNT], against[COUNT];
	static uint8_t labels[COUNT];
	struct prng prng = prng_new(12, 1);
	for (int i = 0; i < COUNT; i++) {
		good[i] = 2 * prng_normal(&prng);
		other[i] = prng_normal(&prng);
		against[i] = -good[i] + prng_normal(&prng);
		labels[i] = prng_chance(&prng, dm_sigmoid(0.8 * good[i] + 0.5 * other[i] - 1));
	}
	const double *margins[] = { good, other, against };
	struct blend blend;
	blend_fit(margins, 3, labels, NULL, COUNT, 1, &blend);
	assert_true(fabs(blend.weights[0] - 0.8) < 0.05);
	assert_true(fabs(blend.weights[1] - 0.5) < 0.08);
	assert_true(fabs(blend.intercept + 1) < 0.08);
	assert_true(blend.weights[2] >= 0 && blend.weights[2] < 0.05);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_linear_model_is_at_its_minimum),
		cmocka_unit_test(linear_contributions_average_to_nothing),
		cmocka_unit_test(contributions_add_up_to_the_bit),
		cmocka_unit_test(what_acts_together_is_found),
		cmocka_unit_test(noise_is_called_noise),
		cmocka_unit_test(bytes_come_back_and_threads_change_nothing),
		cmocka_unit_test(a_blend_finds_its_weights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
