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
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/timestamp.h"
#include "tests/lib/line_checks.h"
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

/* ---- what series may be like ---------------------------------------------------------------- */

enum { ODD_WEEKS = 40, ODD_FORECASTS_MAX = 4096 };

/* A constant one, a single point, orders below 0 (which are refused), amounts that no sum holds,
 * nothings, a period told twice, days long past, two points far apart, noise. */
static void write_odd(const char *path)
{
	FILE *file = fopen(path, "w");
	CHECK(file != NULL);
	fputs("customer,day,amount,country\n", file);
	for (int week = 0; week < ODD_WEEKS; week++) {
		int month = week / 4 + 1, day = week % 4 * 7 + 1;
		char date[16];
		snprintf(date, sizeof date, "2024-%02d-%02d", month, day);
		fprintf(file, "A,%s,100.00,CONST\n", date);
		fprintf(file, "B,%s,%d.00,NEG\n", date, -40 - week % 3);
		fprintf(file, "C,%s,90000000000000000.00,HUGE\n", date);
		fprintf(file, "D,%s,0.00,ZERO\n", date);
		for (int i = 0; i < 2; i++)
			fprintf(file, "E,%s,%d.50,TWICE\n", date, 10 + week % 5);
		fprintf(file, "F,%s,%d.00,NOISE\n", date, week * 7919 % 1013);
		fprintf(file, "G,%s,%d.00,\n", date, 1 + week % 2);
		if (week % 10 == 9)
			fprintf(file, "H,2023-11-%02d,75.00,BACK\n", 1 + week % 28);
		if (week == 12)
			fprintf(file, "I,%s,500.00,ONE\n", date);
		if (week == 3 || week == 33)
			fprintf(file, "J,%s,1000.00,GAP\n", date);
	}
	CHECK(fclose(file) == 0);
}

struct odd_forecast {
	char series[KEY_LEN_MAX + 1];
	int64_t origin_ms, horizon, point;
};

/* One said forecast, whose quantiles must be in order; false: another record. */
static bool read_forecast(const char *line, size_t len, struct odd_forecast *out)
{
	if (strncmp(line, "forecasts\t", 10) != 0)
		return false;
	const char *json = memchr(line, '{', len);
	json_t *record = json_loadb(json, (size_t)(line + len - json), 0, NULL);
	const char *series = NULL;
	json_int_t origin, horizon, point, low95, low80, high80, high95;
	assert_non_null(record);
	assert_int_equal(json_unpack(record, "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "series",
				     &series, "origin_ms", &origin, "horizon", &horizon, "point",
				     &point, "lower_95", &low95, "lower_80", &low80, "upper_80",
				     &high80, "upper_95", &high95),
			 0);
	assert_true(low95 <= low80 && low80 <= point && point <= high80 && high80 <= high95);
	*out = (struct odd_forecast){ .origin_ms = origin, .horizon = horizon, .point = point };
	snprintf(out->series, sizeof out->series, "%s", series);
	json_decref(record);
	return true;
}

static bool is_part_of(const struct odd_forecast *part, const struct odd_forecast *total)
{
	size_t len = strcspn(total->series, "/");
	return part->origin_ms == total->origin_ms && part->horizon == total->horizon &&
	       strncmp(part->series, total->series, len) == 0 &&
	       strncmp(part->series + len, ".country/", 9) == 0;
}

static int64_t saturated(int64_t a, int64_t b)
{
	int64_t sum;
	return !__builtin_add_overflow(a, b, &sum) ? sum : a < 0 ? INT64_MIN : INT64_MAX;
}

static void odd_series_are_forecast_without_a_nan(void **state)
{
	(void)state;
	static struct odd_forecast made[ODD_FORECASTS_MAX];
	static const char path[] = "build/odd_series.csv", head[] = "forecasts\t\"revenue.week";
	static const char *const series[] = { "CONST", "HUGE", "ZERO", "TWICE", "NOISE",
					      "BACK",  "ONE",  "GAP",  "-" };
	size_t count = 0, checked = 0, seen[sizeof series / sizeof series[0]] = { 0 };
	write_odd(path);
	char *dump = run("tests/driver/cases/map.json", path, 2);
	for (const char *bad = "nan\0inf\0NaN\0Inf\0", *word = bad; *word; word += 4) {
		char after_colon[8];
		for (int i = 0; i < 2; i++) {
			snprintf(after_colon, sizeof after_colon, i == 0 ? ":%s" : ":-%s", word);
			assert_null(strstr(dump, after_colon));
		}
	}
	for (const char *line = dump, *end; *line != '\0'; line = end) {
		end = strchr(line, '\n') + 1;
		if (count == ODD_FORECASTS_MAX || strncmp(line, head, sizeof head - 1) != 0 ||
		    !read_forecast(line, (size_t)(end - line), &made[count]))
			continue;
		for (size_t i = 0; i < sizeof series / sizeof series[0]; i++)
			seen[i] += strcmp(strrchr(made[count].series, '/') + 1, series[i]) == 0;
		count++;
	}
	for (size_t i = 0; i < sizeof series / sizeof series[0]; i++)
		assert_true(seen[i] > 0);
	for (size_t t = 0; t < count; t++) {
		int64_t sum = 0;
		size_t parts = 0;
		for (size_t i = 0; i < count; i++)
			if (is_part_of(&made[i], &made[t])) {
				sum = saturated(sum, made[i].point);
				parts++;
			}
		if (strcmp(made[t].series, "revenue.week/EUR/") != 0)
			continue;
		assert_true(parts > 0);
		/* also where a part begins late: of closes whose total was out it says nothing */
		assert_int_equal(made[t].point, sum);
		checked++;
	}
	assert_true(checked > 100);
	assert_non_null(strstr(dump, "-41.00,NEG"));
	free(dump);
}

static void begin(struct memory_line *line, const char *id, int64_t at_ms)
{
	const struct source_event event = { .event_id = bytes_str(id),
					    .source = bytes_str("test"),
					    .type = bytes_str("crm.account.created"),
					    .subject = bytes_str("C-1"),
					    .event_ms = at_ms };
	memory_line_tell(line, &event);
}

/* An account of which nothing but its beginning is told, and then an earlier one: 1970 to the day,
 * as a system says that doesn't know. Its timers go on. */
static void an_account_that_began_in_1970_goes_on(void **state)
{
	(void)state;
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = 1,
						     .commit_interval_ms = 5,
						     .checkpoint_interval_ms = 100,
						     .cache_entries = 1000 };
	const int64_t now_ms = INT64_C(1700000000000);
	const char *const accounts = "accounts";
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	begin(line, "1", now_ms);
	memory_line_end(line, now_ms + MS_PER_DAY);
	begin(line, "2", 0);
	memory_line_end(line, now_ms + 60 * MS_PER_DAY);
	must(memory_line_finish(line));
	char *dump = memory_line_dump(line, &accounts, 1);
	assert_int_equal(count_of(dump, "\"event_count\":2"), 1);
	free(dump);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
}

static void step(struct memory_line *line, int times)
{
	for (int i = 0; i < times; i++)
		assert_null(memory_line_step(line, 0));
}

static const struct memory_line_options with_idle = { .app_id = "test",
						      .partition_count = 1,
						      .commit_interval_ms = 5,
						      .checkpoint_interval_ms = 100,
						      .cache_entries = 1000,
						      .idle_ms = 1000 };

/* The wall clock has carried an input on; what comes later is late by it, also where the store is
 * lost with the process that did so. */
static void clock_of_a_quiet_input_is_kept(void **state)
{
	(void)state;
	const char *log = "identity.events", *map = "tests/driver/cases/map.json";
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &with_idle);
	(void)memory_line_ingest(line, map, "tests/driver/cases/late.csv");
	assert_null(memory_line_run(line, 0));
	memory_line_stop(line, 0);
	step(line, 3);
	memory_line_wait(line, 2 * with_idle.idle_ms);
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

/* An input that an open transaction holds back is not quiet: what it hides would be late. */
static void an_input_that_is_held_back_is_not_quiet(void **state)
{
	(void)state;
	const char *log = "identity.events", *map = "tests/driver/cases/map.json";
	const struct memory_timeouts patient = { 45000, 60000, 10 * MS_PER_HOUR };
	const struct outgoing out = { .topic = "erp.events", .value = bytes_str("anything") };
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &with_idle);
	struct bus *other = bus_memory_open(kafka, "other", "other");
	memory_kafka_set_timeouts(kafka, &patient);
	(void)memory_line_ingest(line, map, "tests/driver/cases/late.csv");
	assert_null(bus_begin(other));
	assert_null(bus_produce(other, &out));
	step(line, 50);
	char *before = memory_line_dump(line, &log, 1);
	for (int i = 0; i < 3; i++) {
		memory_line_wait(line, 2 * with_idle.idle_ms);
		step(line, 5);
	}
	char *held = memory_line_dump(line, &log, 1);
	assert_string_equal(held, before);
	assert_null(bus_abort(other));
	for (int i = 0; i < 3; i++) {
		memory_line_wait(line, 2 * with_idle.idle_ms);
		step(line, 5);
	}
	char *after = memory_line_dump(line, &log, 1);
	assert_true(count_of(after, "TICK") > count_of(before, "TICK"));
	free(before);
	free(held);
	free(after);
	bus_close(&other);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
}

static struct task_figures figures_of(const struct memory_line *line)
{
	return memory_line_stats(line, 0)->board.tasks[0];
}

/* A transaction of somebody else's that is never ended hides all that comes behind it: the stage
 * says so, since when, and from where on; and goes on when it is over. */
static void open_transaction_that_holds_it_back_is_told(void **state)
{
	(void)state;
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = 1,
						     .commit_interval_ms = 5,
						     .checkpoint_interval_ms = 100,
						     .cache_entries = 1000 };
	const struct memory_timeouts patient = { 45000, 60000, 10 * MS_PER_HOUR };
	const struct outgoing out = { .topic = "erp.events", .value = bytes_str("anything") };
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	struct bus *other = bus_memory_open(kafka, "other", "other");
	memory_kafka_set_timeouts(kafka, &patient);
	memory_kafka_append(kafka, &out);
	assert_null(bus_begin(other));
	assert_null(bus_produce(other, &out));
	memory_kafka_append(kafka, &out);
	for (int i = 0; i < 3; i++) {
		step(line, 250);
		struct task_figures figures = figures_of(line);
		assert_int_equal(figures.held_at, 1);
		assert_true(figures.held_ms > 0 && figures.held_ms < 1500);
		assert_int_equal(figures.end, 3);
		assert_true(figures.lag > 0);
		assert_int_equal(figures.held_told, i == 2);
		memory_line_wait(line, 40000);
	}
	assert_null(bus_abort(other));
	step(line, 250);
	assert_int_equal(figures_of(line).held_ms, 0);
	assert_false(figures_of(line).held_told);
	assert_int_equal(stats_get(&memory_line_stats(line, 0)->dead_letters), 2);
	bus_close(&other);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
}

static bool strikes(void *context, enum memory_call call)
{
	return call == MEMORY_COMMITTED && *(bool *)context;
}

static uint32_t most_below(void *context, uint32_t bound)
{
	(void)context;
	return bound - 1;
}

static void no_pause(void *context, int64_t until_ms)
{
	(void)context;
	(void)until_ms;
}

/* However often a recovery fails, it is tried again, and not in a hot loop. */
static void a_recovery_goes_on_until_it_succeeds(void **state)
{
	(void)state;
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = 1,
						     .commit_interval_ms = 5,
						     .checkpoint_interval_ms = 100,
						     .cache_entries = 1000 };
	const struct outgoing out = { .topic = "erp.events", .value = bytes_str("anything") };
	bool broken = false;
	const struct memory_chaos chaos = {
		.context = &broken, .below = most_below, .pause = no_pause, .strikes = strikes
	};
	const struct memory_timeouts patient = { MS_PER_HOUR, MS_PER_HOUR, MS_PER_HOUR };
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	memory_kafka_set_timeouts(kafka, &patient);
	memory_kafka_append(kafka, &out);
	step(line, 50);
	memory_kafka_append(kafka, &out);
	memory_kafka_set_chaos(kafka, &chaos);
	memory_kafka_fault(kafka, MEMORY_FAULT_COMMIT_ABORTS);
	broken = true;
	const struct worker_stats *stats = memory_line_stats(line, 0);
	int64_t began_ms = memory_line_now_ms(line);
	step(line, 1000);
	assert_int_equal(stats_phase(stats), PHASE_RECOVERING);
	assert_int_equal(stats_get(&stats->recoveries), 1);
	assert_true(memory_line_now_ms(line) - began_ms > 900 * 1000);
	broken = false;
	step(line, 50);
	assert_int_equal(stats_phase(stats), PHASE_RUNNING);
	assert_int_equal(stats_get(&stats->dead_letters), 3); /* the second one twice */
	memory_kafka_set_chaos(kafka, NULL);
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
		cmocka_unit_test(odd_series_are_forecast_without_a_nan),
		cmocka_unit_test(an_account_that_began_in_1970_goes_on),
		cmocka_unit_test(clock_of_a_quiet_input_is_kept),
		cmocka_unit_test(an_input_that_is_held_back_is_not_quiet),
		cmocka_unit_test(open_transaction_that_holds_it_back_is_told),
		cmocka_unit_test(a_recovery_goes_on_until_it_succeeds),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
