/* Series that are deployed while the line runs: they count from their time on, whole periods, and
 * neither crashes nor checkpoints nor lost stores change a byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/prng.h"
#include "base/timestamp.h"
#include "consumers/series_shelf.h"
#include "tests/lib/line_checks.h"
#include "tests/lib/memory_line.h"

enum { DAYS = 60, CHANGE_DAY = 20, AGAIN_DAY = 40, CUSTOMERS = 6, TURNS = 150, EVENT_ID_LEN = 24 };
/* When the second change is told: ahead of its time, as it should be; or when that is past. */
enum { TOLD_AHEAD = AGAIN_DAY - 5, TOLD_LATE = AGAIN_DAY + 4 };

static const int64_t begin_ms = INT64_C(1704067200000);
static const char *const outputs[] = { "forecasts", "forecast.accuracy", "forecast.series",
				       "series.definitions", "dlq" };

#define OWN                                                                                 \
	"{\"name\": \"units.day\", \"types\": [\"erp.order\"], \"measure\": \"quantity\", " \
	"\"period\": \"P1D\", \"horizon\": 2}"
#define ADDED                                                                          \
	"{\"name\": \"orders.day\", \"types\": [\"erp.order\"], \"period\": \"P1D\", " \
	"\"horizon\": "                                                                \
	"2, \"dimensions\": [\"attrs.region\"]}"
static const char own[] = "{\"series\": [" OWN "]}";
static const char both[] = "{\"series\": [" OWN ", " ADDED "]}";
static const char other[] = "{\"series\": [" ADDED "]}";

static int64_t day_ms(int day)
{
	return begin_ms + day * MS_PER_DAY;
}

/* Each customer orders once a day, two pieces. */
static void feed_day(struct memory_line *line, int day, int more)
{
	for (int c = 0; c < CUSTOMERS; c++) {
		char id[EVENT_ID_LEN], customer[8];
		snprintf(id, sizeof id, "E%d-%d-%d", day, c, more);
		snprintf(customer, sizeof customer, "K%d", c);
		struct source_event event = { .event_id = bytes_str(id),
					      .source = bytes_str("test"),
					      .type = bytes_str("erp.order"),
					      .subject = bytes_str(customer),
					      .event_ms = day_ms(day) + 9 * MS_PER_HOUR };
		event.has_quantity = true;
		event.quantity = 2;
		event.attr_count = 1;
		event.attrs[0] = (struct attr){ bytes_str("region"),
						bytes_str(c % 2 ? "NORTH" : "SOUTH") };
		memory_line_tell(line, &event);
	}
}

static void feed(struct memory_line *line, int from_day, int until_day)
{
	for (int day = from_day; day < until_day; day++)
		feed_day(line, day, 0);
	memory_line_end(line, day_ms(until_day));
}

/* What lies before the account stage is the same each time: it is run to its end, and what is
 * deployed comes between. */
static void bring(struct memory_line *line, int from_day, int until_day)
{
	feed(line, from_day, until_day);
	must(memory_line_run(line, STAGE_RESOLVE));
	must(memory_line_run(line, STAGE_IDENTIFY));
}

static char *run(int32_t partition_count, int64_t checkpoint_ms, uint64_t seed, int told_day)
{
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = partition_count,
						     .commit_interval_ms = 5,
						     .checkpoint_interval_ms = checkpoint_ms,
						     .cache_entries = 200,
						     .series = own };
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	struct prng random = prng_new(seed, 2);
	bring(line, 0, CHANGE_DAY - 5);
	memory_line_deploy(line, both, day_ms(CHANGE_DAY));
	memory_line_deploy(line, both, day_ms(CHANGE_DAY)); /* once more: nothing changes */
	bring(line, CHANGE_DAY - 5, told_day);
	memory_line_deploy(line, other, day_ms(AGAIN_DAY));
	bring(line, told_day, DAYS);
	for (int turn = 0; seed > 0 && told_day == TOLD_AHEAD && turn < TURNS; turn++) {
		size_t stage = prng_chance(&random, 0.5) ? STAGE_ACCOUNT : STAGE_FORECAST;
		if (prng_chance(&random, 0.08))
			memory_line_kill(line, stage);
		else if (prng_chance(&random, 0.01))
			memory_line_lose_store(line);
		else
			must(memory_line_step(line, stage));
	}
	if (told_day == TOLD_LATE && seed > 0) { /* all is said, and little of it published */
		must(memory_line_run(line, STAGE_ACCOUNT));
		must(memory_line_run(line, STAGE_FORECAST));
		memory_line_kill(line, STAGE_ACCOUNT);
		memory_line_kill(line, STAGE_FORECAST);
	}
	must(memory_line_finish(line));
	char *dump = memory_line_dump(line, outputs, sizeof outputs / sizeof outputs[0]);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
	return dump;
}

/* The state of a series, to its line's end; and how many days of its history have that amount. */
static size_t days_with(const char *dump, const char *series, int amount)
{
	char begin[64], part[32], *state = NULL;
	snprintf(begin, sizeof begin, "forecast.series\t\"%s\"", series);
	snprintf(part, sizeof part, "{\"amount\":%d}", amount);
	const char *at = strstr(dump, begin);
	assert_non_null(at);
	state = check_strdup(at);
	state[strcspn(state, "\n")] = '\0';
	size_t count = count_of(state, part);
	free(state);
	return count;
}

static void counts_from_its_time_on(void **state)
{
	const char *dump = *state;
	assert_null(strstr(dump, "dlq\t"));
	assert_int_equal(days_with(dump, "orders.day/C62/", CUSTOMERS), DAYS - CHANGE_DAY);
	assert_int_equal(days_with(dump, "orders.day.region/C62/NORTH", CUSTOMERS / 2),
			 DAYS - CHANGE_DAY);
	/* no longer among them: no amount and no forecast after the second change */
	assert_int_equal(days_with(dump, "units.day/C62/", 2 * CUSTOMERS), AGAIN_DAY);
	assert_int_equal(count_of(dump, "forecasts\t\"units.day/C62/\""), 2 * (AGAIN_DAY - 1));
	assert_int_equal(count_of(dump, "series.definitions\t"), 2);
}

static void forecasts_name_their_version(void **state)
{
	const char *dump = *state;
	char version[SERIES_VERSION_LEN + 1], text[64];
	uint8_t body[SERIES_BODY_MAX];
	size_t len;
	must(series_deployment_make(both, strlen(both), "both", version, body, &len));
	snprintf(text, sizeof text, "\"definition_version\":\"%s\"", version);
	/* closes of days CHANGE_DAY to AGAIN_DAY - 1 of four series, but for the last of units.day
	 */
	assert_true(count_of(dump, text) > 2 * 3 * (AGAIN_DAY - CHANGE_DAY - 1));
	assert_int_equal(count_of(dump, "\"definition_version\":\"\""), 2 * (CHANGE_DAY - 1));
	must(series_deployment_make(other, strlen(other), "other", version, body, &len));
	snprintf(text, sizeof text, "\"definition_version\":\"%s\"", version);
	assert_true(count_of(dump, text) > 2 * 3 * (DAYS - AGAIN_DAY - 1));
}

static void nothing_changes_a_byte(void **state)
{
	static const int64_t checkpoints[] = { 0, 30, 1000000 };
	char *one = run(1, 50, 0, TOLD_AHEAD);
	expect_same(*state, one, "one partition");
	free(one);
	for (uint64_t seed = 1; seed <= 6; seed++) {
		char *crashed = run(3, checkpoints[seed % 3], seed, TOLD_AHEAD);
		expect_same_of_seed(*state, crashed, seed);
		free(crashed);
	}
}

/* What the log has before a deployment belongs to the definitions before it, whatever its time:
 * also in a replay, which finds the deployment on its shelf already. */
static void what_came_before_a_late_one_stays(void **state)
{
	(void)state;
	for (int32_t partition_count = 1; partition_count <= 3; partition_count += 2) {
		char *late = run(partition_count, 50, 0, TOLD_LATE);
		assert_int_equal(days_with(late, "units.day/C62/", 2 * CUSTOMERS), TOLD_LATE);
		char *killed = run(partition_count, 1000000, 11, TOLD_LATE);
		expect_same(late, killed, "killed when all was said");
		free(killed);
		free(late);
	}
}

/* ---- signals -------------------------------------------------------------------------------- */

static const char promoted[] =
	"{\"series\": [{\"name\": \"units.day\", \"types\": [\"erp.order\"], \"measure\": "
	"\"quantity\", \"period\": \"P1D\", \"horizon\": 2, \"signals\": [{\"name\": "
	"\"promotion\", \"dates\": [\"2024-01-06\", \"2024-01-15\", \"2024-01-19\", "
	"\"2024-01-28\", \"2024-02-05\", \"2024-02-14\", \"2024-02-20\", \"2024-03-01\"]}]}]}";
static const int promoted_days[] = { 5, 14, 18, 27, 35, 44, 50 }; /* and the one after the last */

/* Three times as many on promoted days. They are known at the end of the log only: what is then
 * forecast of the next one is three times the others. */
static void deployed_signals_are_in_the_forecasts(void **state)
{
	(void)state;
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = 1,
						     .commit_interval_ms = 5,
						     .checkpoint_interval_ms = 50,
						     .cache_entries = 200,
						     .series = own };
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	size_t next = 0;
	for (int day = 0; day < DAYS; day++) {
		bool is_promoted = next < sizeof promoted_days / sizeof promoted_days[0] &&
				   promoted_days[next] == day;
		next += is_promoted;
		for (int more = 0; more < (is_promoted ? 3 : 1); more++)
			feed_day(line, day, more);
		if (day == DAYS - 5)
			memory_line_deploy(line, promoted, day_ms(DAYS - 4));
		memory_line_end(line, day_ms(day + 1));
	}
	must(memory_line_finish(line));
	char *dump = memory_line_dump(line, outputs, sizeof outputs / sizeof outputs[0]);
	char target[64];
	double point[2] = { 0, 0 }; /* of the day before and of the promoted one */
	for (int i = 0; i < 2; i++) {
		snprintf(target, sizeof target, "\"target_ms\":%lld,\"horizon\":1,\"point\":",
			 (long long)day_ms(DAYS - 1 + i));
		const char *at = strstr(dump, "forecasts\t");
		at = at == NULL ? NULL : strstr(at, target);
		assert_non_null(at);
		point[i] = strtod(at + strlen(target), NULL);
	}
	print_message("# %g before it, %g promoted\n", point[0], point[1]);
	assert_in_range((int)point[0], 10, 14);
	assert_in_range((int)point[1], 30, 42);
	free(dump);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
}

static int set_up(void **state)
{
	*state = run(3, 50, 0, TOLD_AHEAD);
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_from_its_time_on),
		cmocka_unit_test(forecasts_name_their_version),
		cmocka_unit_test(nothing_changes_a_byte),
		cmocka_unit_test(what_came_before_a_late_one_stays),
		cmocka_unit_test(deployed_signals_are_in_the_forecasts),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
