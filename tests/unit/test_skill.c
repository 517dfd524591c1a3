/* Falling back to the naive forecast, and coming back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "models/skill.h"

static int until_changed(struct skill *skill, double error, double naive_error)
{
	bool before = skill->fallen_back;
	for (int i = 1; i <= 200; i++) {
		skill_update(skill, error, naive_error);
		if (skill->fallen_back != before)
			return i;
	}
	return 0;
}

static void nothing_is_decided_on_a_few_errors(void **state)
{
	(void)state;
	struct skill skill = { 0 };
	assert_int_equal(until_changed(&skill, 2, 1), SKILL_WARM_UP);
}

static void the_worse_method_goes_and_comes_back(void **state)
{
	(void)state;
	struct skill skill = { 0 };
	for (int i = 0; i < 100; i++)
		skill_update(&skill, 1, 2);
	assert_false(skill.fallen_back);
	int gone = until_changed(&skill, 4, 1);
	assert_in_range(gone, 3, 12);
	for (int i = 0; i < 20; i++)
		skill_update(&skill, 4, 1);
	int back = until_changed(&skill, 1, 4);
	assert_in_range(back, 3, 30);
}

static void between_the_thresholds_nothing_changes(void **state)
{
	(void)state;
	struct skill ahead = { 0 }, behind = { 0 };
	for (int i = 0; i < 50; i++)
		skill_update(&behind, 2, 1);
	assert_true(behind.fallen_back);
	assert_int_equal(until_changed(&ahead, 0.995, 1), 0);
	assert_int_equal(until_changed(&behind, 0.995, 1), 0);
}

static void two_exact_methods_are_no_reason_to_fall_back(void **state)
{
	(void)state;
	struct skill skill = { 0 };
	assert_int_equal(until_changed(&skill, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_decided_on_a_few_errors),
		cmocka_unit_test(the_worse_method_goes_and_comes_back),
		cmocka_unit_test(between_the_thresholds_nothing_changes),
		cmocka_unit_test(two_exact_methods_are_no_reason_to_fall_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
