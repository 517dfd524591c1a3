/* cli/gate: a history waits, stretch by stretch, until names have found their accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/gate.h"

enum { WORKERS_MAX = 3 };

#define WEEK MS_PER_WEEK

struct fixture {
	struct gate gate;
	struct gate_asker asker, other;
	struct gate_answerer answerers[WORKERS_MAX];
	_Atomic int64_t effects[WORKERS_MAX];
	const struct gate_answerer *list[WORKERS_MAX];
	struct gate_view view;
};

static void begin(struct fixture *fixture, size_t workers)
{
	memset(fixture, 0, sizeof *fixture);
	for (size_t i = 0; i < workers; i++) {
		fixture->answerers[i].effects = &fixture->effects[i];
		fixture->list[i] = &fixture->answerers[i];
	}
	fixture->view = (struct gate_view){ .answerers = fixture->list,
					    .answerer_count = workers,
					    .now_ms = 1,
					    .is_settled = true };
}

static bool passes(struct fixture *fixture, int64_t time_ms)
{
	return gate_may_pass(&fixture->gate, &fixture->asker, &fixture->view, time_ms);
}

/* Whether there was a question. */
static bool answers(struct fixture *fixture, size_t worker)
{
	int64_t question = gate_question(&fixture->gate, &fixture->answerers[worker]);
	if (question > 0)
		gate_answer(&fixture->answerers[worker], question);
	return question > 0;
}

static void each_stretch_is_answered_for(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture, 1);
	for (int64_t time_ms = WEEK; time_ms < 40 * WEEK; time_ms += 4 * WEEK) {
		assert_false(answers(&fixture, 0)); /* nobody asks */
		assert_false(passes(&fixture, time_ms));
		assert_true(answers(&fixture, 0));
		assert_false(answers(&fixture, 0));
		assert_true(passes(&fixture, time_ms));
		assert_true(passes(&fixture, time_ms + 4 * WEEK - 1));
		assert_true(passes(&fixture, 0)); /* what is older never waits */
	}
}

/* Else identify could not have had them yet. */
static void its_own_records_come_first(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture, 1);
	fixture.view.is_settled = false;
	assert_false(passes(&fixture, WEEK));
	assert_false(answers(&fixture, 0));
	fixture.view.is_settled = true;
	assert_false(passes(&fixture, WEEK));
	assert_true(answers(&fixture, 0));
	assert_true(passes(&fixture, WEEK));
}

/* What one worker says may come behind the end that another one has seen. */
static void several_have_said_nothing_between(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture, 3);
	assert_false(passes(&fixture, WEEK));
	for (int64_t round = 1; round <= 4; round++) {
		fixture.effects[round % 3] = round; /* one more step from name to name */
		assert_true(answers(&fixture, 0));
		assert_true(answers(&fixture, 2));
		assert_false(passes(&fixture, WEEK)); /* one of them has not answered */
		assert_true(answers(&fixture, 1));
		assert_false(passes(&fixture, WEEK)); /* and here they are asked again */
	}
	for (size_t i = 0; i < 3; i++) {
		assert_false(passes(&fixture, WEEK));
		assert_true(answers(&fixture, i));
	}
	assert_true(passes(&fixture, WEEK));
}

/* Each of several resolve workers has its own question; one answer may be to both. */
static void several_may_ask(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture, 1);
	assert_false(passes(&fixture, WEEK));
	assert_true(answers(&fixture, 0));
	assert_false(gate_may_pass(&fixture.gate, &fixture.other, &fixture.view, WEEK));
	assert_true(passes(&fixture, WEEK));
	assert_false(passes(&fixture, 8 * WEEK));
	assert_true(answers(&fixture, 0));
	assert_true(gate_may_pass(&fixture.gate, &fixture.other, &fixture.view, WEEK));
	assert_true(passes(&fixture, 8 * WEEK));
}

static void it_waits_only_so_long(void **state)
{
	struct fixture fixture;
	(void)state;
	begin(&fixture, 2);
	assert_false(passes(&fixture, WEEK));
	fixture.view.now_ms += GATE_CLOSED_MS - 1;
	assert_false(passes(&fixture, WEEK));
	fixture.view.now_ms++;
	assert_true(passes(&fixture, WEEK));
	assert_false(passes(&fixture, 6 * WEEK)); /* it begins anew */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stretch_is_answered_for),
		cmocka_unit_test(its_own_records_come_first),
		cmocka_unit_test(several_have_said_nothing_between),
		cmocka_unit_test(several_may_ask),
		cmocka_unit_test(it_waits_only_so_long),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
