/* A small simulated company through the whole line: accounts are judged, models are learnt, and
 * neither how stages and partitions interleave nor a crash changes a byte of models, alerts and
 * scores. Who is who comes from the simulation's truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "tests/lib/line_checks.h"
#include "tests/lib/memory_line.h"
#include "tests/lib/true_feed.h"

enum { ACCOUNTS = 60, MONTHS = 12, TURNS = 120 };

static const char *const outputs[] = { "models", "alerts", "scores", "lessons" };

/* The stages before it have run to their end: the log of the accounts is the same in every run.
 * Then the others take turns of `share` steps each, and every crash_every turns one is killed; 0:
 * never. */
static char *run(int32_t partition_count, int share, int crash_every)
{
	const struct memory_line_options options = {
		.app_id = "test",
		.partition_count = partition_count,
		.commit_interval_ms = 5,
		.checkpoint_interval_ms = 50,
		.cache_entries = 1000,
	};
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	true_feed(kafka, 7, ACCOUNTS, MONTHS, partition_count);
	must(memory_line_run(line, STAGE_RESOLVE));
	must(memory_line_run(line, STAGE_IDENTIFY));
	for (int turn = 1; turn < TURNS; turn++) {
		for (int step = 0; step < share; step++)
			must(memory_line_step(
				line,
				STAGE_ACCOUNT + (size_t)turn % (STAGE_COUNT - STAGE_ACCOUNT)));
		if (crash_every > 0 && turn % crash_every == 0)
			memory_line_kill(line,
					 STAGE_ACCOUNT + (size_t)(turn / crash_every) %
								 (STAGE_COUNT - STAGE_ACCOUNT));
	}
	must(memory_line_finish(line));
	char *dump = memory_line_dump(line, outputs, sizeof outputs / sizeof outputs[0]);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
	return dump;
}

static void neither_pace_nor_crashes_change_anything(void **state)
{
	(void)state;
	char *even = run(3, 0, 0);
	assert_true(count_of(even, "models\t\"churn\"") > 5);
	assert_true(count_of(even, "\"OPENED\"") > 3);
	assert_true(count_of(even, "\"COMPETITOR\"") > 3);
	assert_true(count_of(even, "\"PURCHASE_DUE\"") > 3);
	assert_true(count_of(even, "\"INTEREST\"") > 3);
	assert_true(count_of(even, "\"text_zh\"") > 100);
	char *uneven = run(3, 7, 0);
	expect_same(even, uneven, "stages in turn");
	free(uneven);
	char *crashed = run(3, 3, 11);
	expect_same(even, crashed, "with crashes");
	free(crashed);
	free(even);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neither_pace_nor_crashes_change_anything),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
