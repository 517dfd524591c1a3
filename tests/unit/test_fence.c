/* kafka/fence: who has taken a member's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/fence.h"

enum { SESSION_MS = 45000 };

static enum fence_verdict judge(const char *own, const char *holder, int64_t since_ms)
{
	const struct fence_view view = { own, holder, since_ms, SESSION_MS };
	return fence_judge(&view);
}

static void a_place_that_is_ones_own_or_free_is_taken_again(void **state)
{
	(void)state;
	assert_int_equal(judge("w1-a", "w1-a", 0), FENCE_OWN);
	assert_int_equal(judge("w1-a", "", 0), FENCE_OWN);
	assert_int_equal(judge("", "", 0), FENCE_OWN);
	assert_int_equal(judge("w1-a", "w1-a", 10 * SESSION_MS), FENCE_OWN);
}

static void a_place_under_another_id_is_a_rivals(void **state)
{
	(void)state;
	assert_int_equal(judge("w1-a", "w1-b", 0), FENCE_RIVAL);
}

static void one_that_was_joining_waits_for_a_session(void **state)
{
	(void)state;
	assert_int_equal(judge("", "w1-b", 0), FENCE_WAIT);
	assert_int_equal(judge("", "w1-b", SESSION_MS), FENCE_WAIT);
	assert_int_equal(judge("", "w1-b", 2 * SESSION_MS), FENCE_RIVAL);
	assert_int_equal(judge("", "", 2 * SESSION_MS), FENCE_OWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_that_is_ones_own_or_free_is_taken_again),
		cmocka_unit_test(a_place_under_another_id_is_a_rivals),
		cmocka_unit_test(one_that_was_joining_waits_for_a_session),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
