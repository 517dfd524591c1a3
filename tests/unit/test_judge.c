/* Measures of probabilities, against their definitions and against values worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/prng.h"
#include "models/judge.h"

enum { COUNT = 400 };

static void auc_is_the_share_of_pairs_in_order(void **state)
{
	(void)state;
	double scores[COUNT];
	uint8_t labels[COUNT];
	struct prng prng = prng_new(3, 1);
	for (int i = 0; i < COUNT; i++) {
		labels[i] = prng_chance(&prng, 0.3);
		scores[i] = (double)prng_below(&prng, 30) / 40 + (labels[i] ? 0.1 : 0); /* ties */
	}
	double right = 0, pairs = 0;
	for (int i = 0; i < COUNT; i++)
		for (int k = 0; k < COUNT; k++)
			if (labels[i] == 1 && labels[k] == 0) {
				pairs++;
				right += scores[i] > scores[k]	  ? 1
					 : scores[i] == scores[k] ? 0.5
								  : 0;
			}
	struct judgement judgement;
	judge(scores, labels, COUNT, &judgement);
	assert_true(fabs(judgement.auc - right / pairs) < 1e-12);
	assert_true(judgement.auc_error > 0.01 && judgement.auc_error < 0.05);
	double difference;
	assert_true(judge_auc_difference(scores, scores, labels, COUNT, &difference) == 0);
	assert_true(difference == 0);
}

static void a_small_table_by_hand(void **state)
{
	(void)state;
	const double scores[] = { 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05 };
	const uint8_t labels[] = { 1, 0, 1, 1, 0, 0, 0, 0, 0, 0 };
	struct judgement judgement;
	judge(scores, labels, 10, &judgement);
	assert_int_equal(judgement.positive_count, 3);
	assert_true(fabs(judgement.auc - 19.0 / 21) < 1e-12);
	assert_true(fabs(judgement.average_precision - (1 + 2.0 / 3 + 3.0 / 4) / 3) < 1e-12);
	assert_true(fabs(judgement.lift - 1 / 0.3) < 1e-12);
	double brier = 0, error = 0;
	for (int i = 0; i < 10; i++) {
		brier += (scores[i] - labels[i]) * (scores[i] - labels[i]) / 10;
		error += fabs(scores[i] - labels[i]) / 10; /* a row a bin */
	}
	assert_true(fabs(judgement.brier - brier) < 1e-12);
	assert_true(fabs(judgement.calibration_error - error) < 1e-12);
}

/* A constant says nothing: the lift is 1, the AUC one half, whatever the rows' order. */
static void a_constant_says_nothing(void **state)
{
	(void)state;
	double scores[COUNT];
	uint8_t labels[COUNT];
	for (int i = 0; i < COUNT; i++) {
		scores[i] = 0.25;
		labels[i] = i < COUNT / 4;
	}
	struct judgement judgement;
	judge(scores, labels, COUNT, &judgement);
	assert_true(judgement.auc == 0.5);
	assert_true(fabs(judgement.lift - 1) < 1e-12);
	assert_true(fabs(judgement.average_precision - 0.25) < 1e-12);
	for (int i = 0; i < COUNT; i++)
		labels[i] = 0;
	judge(scores, labels, COUNT, &judgement);
	assert_true(judgement.auc == -1 && judgement.lift == 0);
}

/* DeLong's standard error is that of the AUC over many draws. */
static void the_error_is_what_repetition_shows(void **state)
{
	(void)state;
	enum { DRAWS = 400, ROWS = 150 };
	struct prng prng = prng_new(8, 1);
	double sum = 0, squares = 0, claimed = 0;
	for (int draw = 0; draw < DRAWS; draw++) {
		double scores[ROWS];
		uint8_t labels[ROWS];
		for (int i = 0; i < ROWS; i++) {
			labels[i] = i % 3 == 0;
			scores[i] = prng_normal(&prng) + labels[i];
		}
		struct judgement judgement;
		judge(scores, labels, ROWS, &judgement);
		sum += judgement.auc / DRAWS;
		squares += judgement.auc * judgement.auc / DRAWS;
		claimed += judgement.auc_error / DRAWS;
	}
	double seen = sqrt(squares - sum * sum);
	assert_true(fabs(claimed / seen - 1) < 0.12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auc_is_the_share_of_pairs_in_order),
		cmocka_unit_test(a_small_table_by_hand),
		cmocka_unit_test(a_constant_says_nothing),
		cmocka_unit_test(the_error_is_what_repetition_shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
