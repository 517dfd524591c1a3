/* Two years of a small company that are there at once, each topic whole: what is learnt of them
 * knows what all systems told at that time, not what the topic that is read fastest told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "consumers/examples.h"
#include "consumers/topics.h"
#include "schemas/registry.h"
#include "schemas/states.h"
#include "tests/lib/company_feed.h"
#include "tests/lib/line_checks.h"
#include "tests/lib/memory_line.h"

enum { ACCOUNTS = 20, MONTHS = 18, PARTITIONS = 2, READ_MAX = 256, STEPS = 30 };

/* Of all lessons: those of accounts known well, and among these those that knew of orders. */
struct counts {
	size_t known, ordered;
};

static void count_lesson(struct registry *registry, const struct record *record,
			 struct counts *counts)
{
	struct lesson lesson;
	struct example_facts facts;
	const char *type = NULL;
	must(registry_record_name(registry, record->value, &type));
	if (strcmp(type, "foretell.Lesson") != 0)
		return; /* of the clock */
	must(registry_decode(registry, &lesson_type, record->value, &lesson));
	assert_true(examples_unpack(lesson.features, &facts));
	if (!examples_are_known(&facts))
		return;
	counts->known++;
	counts->ordered += facts.history.repeats >= 0;
}

static struct counts count_lessons(struct memory_kafka *kafka)
{
	struct record records[READ_MAX];
	struct registry *registry = NULL;
	struct counts counts = { 0, 0 };
	char topic[TOPIC_NAME_MAX + 1];
	topics_name("test", "lessons", topic);
	must(registry_open(NULL, &registry));
	for (int32_t p = 0; p < PARTITIONS; p++) {
		size_t from = 0, got;
		do {
			got = memory_kafka_read(kafka, topic, p, from, records, READ_MAX);
			for (size_t i = 0; i < got; i++)
				count_lesson(registry, &records[i], &counts);
			from += got;
		} while (got > 0);
	}
	registry_close(&registry);
	return counts;
}

/* Resolve reads four weeks, then names find each other in it; as `foretell run` has it. */
static void run_by_stretches(struct memory_line *line, int64_t *until_ms, int64_t end_ms)
{
	for (; *until_ms < end_ms; *until_ms += 4 * MS_PER_WEEK) {
		for (int step = 0; step < STEPS; step++)
			must(memory_line_step(line, STAGE_RESOLVE));
		must(memory_line_run(line, STAGE_IDENTIFY));
	}
	*until_ms = INT64_MAX;
}

static struct counts load(void)
{
	struct simulate_options company = simulate_defaults();
	company.seed = 5;
	company.account_count = ACCOUNTS;
	company.month_count = MONTHS;
	int64_t until_ms = company.start_ms - 2000 * MS_PER_DAY;
	const struct memory_line_options options = {
		.app_id = "test",
		.partition_count = PARTITIONS,
		.commit_interval_ms = 5,
		.checkpoint_interval_ms = 50,
		.cache_entries = 1000,
		.all_inputs = true,
		.until_ms = &until_ms,
	};
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	struct company_feed *feed = company_feed_new(&company);
	for (int i = 0; i < FEED_COUNT; i++)
		company_feed_send(feed, kafka, (enum feed)i, SIZE_MAX, PARTITIONS);
	until_ms = company.start_ms;
	run_by_stretches(line, &until_ms, company_feed_result(feed)->end_ms);
	must(memory_line_finish(line));
	struct counts counts = count_lessons(kafka);
	company_feed_free(&feed);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
	return counts;
}

static void a_history_that_is_there_at_once_teaches(void **state)
{
	(void)state;
	struct counts counts = load();
	print_message("# %zu lessons, %zu of them know orders\n", counts.known, counts.ordered);
	/* 20 accounts, a third of which come later, an example each 28 days from the first weeks
	 * on, but for those of the last 135 days; read as it comes, one in four knows orders */
	assert_true(counts.known > 120);
	assert_true(10 * counts.ordered > 8 * counts.known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_history_that_is_there_at_once_teaches),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
