/* The detector of changes: rarely wrong on what doesn't change, quick on what does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/prng.h"
#include "models/drift.h"

enum { PERIODS = 400000, TRIALS = 2000, QUIET = 60, LATEST = 40 };

static enum drift_change update(struct drift *drift, double error)
{
	int64_t since;
	double score;
	return drift_update(drift, error, &since, &score);
}

static void false_alarms_are_rare(void **state)
{
	(void)state;
	struct prng prng = prng_new(1, 0);
	struct drift drift = { 0 };
	int alarms = 0;
	for (int i = 0; i < PERIODS; i++)
		alarms += update(&drift, 7 * prng_normal(&prng)) != DRIFT_NONE;
	print_message("a false alarm every %d periods\n", PERIODS / alarms);
	assert_in_range(PERIODS / alarms, 2500, 7000);
}

/* Mean periods from a shift to its alarm, alarms before it left out. */
static double delay(double shift, enum drift_change expected)
{
	int found = 0, periods = 0;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct prng prng = prng_new((uint64_t)trial, 1);
		struct drift drift = { 0 };
		for (int i = 0; i < QUIET; i++)
			(void)update(&drift, prng_normal(&prng));
		drift.up = drift.down = 0;
		for (int i = 1; i <= LATEST; i++) {
			enum drift_change change = update(&drift, shift + prng_normal(&prng));
			if (change == DRIFT_NONE)
				continue;
			found += change == expected;
			periods += i;
			break;
		}
	}
	assert_true(found > TRIALS * 0.93);
	return (double)periods / TRIALS;
}

static void shifts_are_noticed_and_their_direction(void **state)
{
	(void)state;
	double up = delay(2, DRIFT_UP), down = delay(-2, DRIFT_DOWN), large = delay(5, DRIFT_UP);
	print_message("noticed after %.1f and %.1f periods, a large one after %.1f\n", up, down,
		      large);
	assert_true(up > 4 && up < 7 && down > 4 && down < 7 && large >= 1 && large < 3);
}

static void a_lone_outlier_is_no_change(void **state)
{
	(void)state;
	struct prng prng = prng_new(3, 0);
	struct drift drift = { 0 };
	for (int i = 0; i < 30; i++)
		(void)update(&drift, 0.3 * prng_normal(&prng));
	assert_int_equal(update(&drift, 1e12), DRIFT_NONE);
	for (int i = 0; i < 10; i++)
		assert_int_equal(update(&drift, 0), DRIFT_NONE);
}

static void a_constant_series_that_moves_is_noticed(void **state)
{
	(void)state;
	struct drift drift = { 0 };
	for (int i = 0; i < 30; i++)
		assert_int_equal(update(&drift, 0), DRIFT_NONE);
	assert_int_equal(update(&drift, -1), DRIFT_NONE);
	int64_t since = 0;
	double score = 0;
	assert_int_equal(drift_update(&drift, -1, &since, &score), DRIFT_DOWN);
	assert_int_equal(since, 2);
	assert_true(score > DRIFT_LIMIT);
}

static void after_an_alarm_it_is_quiet_for_a_while(void **state)
{
	(void)state;
	struct drift drift = { 0 };
	for (int i = 0; i < 30; i++)
		(void)update(&drift, i % 2 == 0 ? 1 : -1);
	int first = 0;
	while (update(&drift, 100) == DRIFT_NONE)
		first++;
	assert_true(first < 3);
	for (int i = 1; i < DRIFT_WARM_UP; i++)
		assert_int_equal(update(&drift, 100), DRIFT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(false_alarms_are_rare),
		cmocka_unit_test(shifts_are_noticed_and_their_direction),
		cmocka_unit_test(a_lone_outlier_is_no_change),
		cmocka_unit_test(a_constant_series_that_moves_is_noticed),
		cmocka_unit_test(after_an_alarm_it_is_quiet_for_a_while),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
