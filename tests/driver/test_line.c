/* The line as data: orders in, outputs out, without a broker. Each tests/driver/cases/NAME.csv has
 * its NAME.expected, an output a line. FORETELL_UPDATE=1 writes the expected files anew: look at
 * what changed, and bump the stage's logic version when an output did.
 *
 *   test_line dump MAP CSV     prints what the line makes of any file, for comparison with Kafka */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/hash.h"
#include "tests/lib/memory_line.h"

static const char *const outputs[] = {
	"alerts", "scores", "forecasts", "forecast.accuracy", "accounts", "forecast.series", "dlq"
};
enum { OUTPUT_COUNT = sizeof outputs / sizeof outputs[0], PATH_LEN = 256 };

static char *run(const char *map, const char *csv, int32_t partition_count)
{
	const struct memory_line_options options = {
		.app_id = "test",
		.partition_count = partition_count,
		.commit_interval_ms = 5,
		.checkpoint_interval_ms = 100,
		.cache_entries = 1000,
		.dimension = "country",
	};
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	(void)memory_line_ingest(line, map, csv);
	struct err *err = memory_line_finish(line);
	if (err != NULL) {
		fprintf(stderr, "%s: %s\n", err_code(err), err_text(err));
		abort();
	}
	char *dump = memory_line_dump(line, outputs, OUTPUT_COUNT);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
	return dump;
}

/* The dump without the many lines of daily series, for people to read; the digest of all of it
 * stands for those. new. */
static char *summarise(const char *dump)
{
	char *text = NULL, hex[HASH_SHA256_HEX_LEN + 1];
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	CHECK(out != NULL);
	for (const char *line = dump, *end; *line != '\0'; line = end) {
		end = strchr(line, '\n') + 1;
		const char *daily = strstr(line, "\t\"revenue.day");
		if (daily == NULL || daily > end)
			fprintf(out, "%.*s", (int)(end - line), line);
	}
	hash_sha256_hex(bytes_str(dump), hex);
	fprintf(out, "sha256 of everything, daily series included: %s\n", hex);
	fclose(out);
	return text;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return check_strdup("");
	char *text = NULL;
	size_t room = 0;
	ssize_t len = getdelim(&text, &room, '\0', file);
	fclose(file);
	if (len >= 0)
		return text;
	free(text);
	return check_strdup("");
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	CHECK(file != NULL && fputs(text, file) != EOF && fclose(file) == 0);
}

/* Fails with the first line that differs. */
static void expect_same(const char *expected, const char *actual, const char *what)
{
	if (strcmp(expected, actual) == 0)
		return;
	size_t i = 0, start = 0;
	for (; expected[i] == actual[i]; i++)
		if (expected[i] == '\n')
			start = i + 1;
	fail_msg("%s:\nexpected %.600s\ngot      %.600s", what, expected + start, actual + start);
}

static void run_case(void **state)
{
	const char *name = *state;
	char csv[PATH_LEN], expected_path[PATH_LEN];
	snprintf(csv, sizeof csv, "tests/driver/cases/%s.csv", name);
	snprintf(expected_path, sizeof expected_path, "tests/driver/cases/%s.expected", name);
	char *dump = run("tests/driver/cases/map.json", csv, 1);
	char *actual = summarise(dump);
	free(dump);
	if (getenv("FORETELL_UPDATE") != NULL)
		write_file(expected_path, actual);
	char *expected = read_file(expected_path);
	assert_true(*expected != '\0');
	expect_same(expected, actual, name);
	free(expected);
	free(actual);
}

/* How keys are spread over partitions is nobody's business but Kafka's. */
static void partitions_change_nothing(void **state)
{
	(void)state;
	char *one = run("tests/driver/cases/map.json", "tests/driver/cases/weeks.csv", 1);
	char *five = run("tests/driver/cases/map.json", "tests/driver/cases/weeks.csv", 5);
	expect_same(one, five, "weeks with 1 and with 5 partitions");
	free(one);
	free(five);
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;
	for (; (text = strstr(text, part)) != NULL; text++)
		count++;
	return count;
}

static void step(struct memory_line *line, int times)
{
	for (int i = 0; i < times; i++)
		assert_null(memory_line_step(line, 0));
}

/* The wall clock has carried an input on; what comes later is late by it, also where the store is
 * lost with the process that did so. */
static void clock_of_a_quiet_input_is_kept(void **state)
{
	(void)state;
	const char *log = "identity.events", *map = "tests/driver/cases/map.json";
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = 1,
						     .commit_interval_ms = 5,
						     .checkpoint_interval_ms = 100,
						     .cache_entries = 1000,
						     .idle_ms = 1000 };
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	(void)memory_line_ingest(line, map, "tests/driver/cases/late.csv");
	assert_null(memory_line_run(line, 0));
	memory_line_stop(line, 0);
	step(line, 3);
	memory_line_wait(line, 2 * options.idle_ms);
	step(line, 5);
	memory_line_lose_store(line);
	char *before = memory_line_dump(line, &log, 1);
	(void)memory_line_ingest(line, map, "tests/driver/cases/silence.csv");
	assert_null(memory_line_run(line, 0));
	char *after = memory_line_dump(line, &log, 1);
	size_t events = count_of(after, "\"late\":") - count_of(before, "\"late\":");
	size_t late = count_of(after, "\"late\":true") - count_of(before, "\"late\":true");
	assert_true(events > 0);
	assert_int_equal(late, events);
	free(before);
	free(after);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
}

#define CASE(case_name)                                           \
	{                                                         \
		.name = "case " case_name, .test_func = run_case, \
		.initial_state = (void *)(uintptr_t)(case_name)   \
	}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "dump") == 0) {
		char *dump = run(argv[2], argv[3], 4);
		fputs(dump, stdout);
		free(dump);
		return 0;
	}
	const struct CMUnitTest tests[] = {
		CASE("silence"),
		CASE("late"),
		CASE("bad_rows"),
		CASE("weeks"),
		cmocka_unit_test(partitions_change_nothing),
		cmocka_unit_test(clock_of_a_quiet_input_is_kept),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
