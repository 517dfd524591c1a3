/* A region that is new: it is forecast as its share of all regions, with their season, until it has
 * a history of its own; and neither crashes nor checkpoints nor lost stores change a byte of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/timestamp.h"
#include "tests/lib/line_checks.h"
#include "tests/lib/memory_line.h"

enum { DAYS = 84, NEW_DAY = 56, OLD_SHARE = 4, NEW_SHARE = 2, TURNS = 250, EVENT_ID_LEN = 24 };

static const int64_t begin_ms = INT64_C(1704067200000); /* a Monday */
static const char *const outputs[] = { "forecasts", "forecast.accuracy", "forecast.series", "dlq" };
static const int of_day[7] = { 1, 1, 1, 2, 3, 6, 0 }; /* the season: pieces a customer */

static const char series[] =
	"{\"series\": [{\"name\": \"units.day\", \"types\": [\"erp.order\"], \"measure\": "
	"\"quantity\", \"period\": \"P1D\", \"horizon\": 7, \"season\": 7, \"dimensions\": "
	"[\"attrs.region\"]}]}";

static int64_t day_ms(int day)
{
	return begin_ms + day * MS_PER_DAY;
}

static void order(struct memory_line *line, int day, int customer, const char *region)
{
	char id[EVENT_ID_LEN], name[8];
	snprintf(id, sizeof id, "E%d-%d", day, customer);
	snprintf(name, sizeof name, "K%d", customer);
	struct source_event event = { .event_id = bytes_str(id),
				      .source = bytes_str("test"),
				      .type = bytes_str("erp.order"),
				      .subject = bytes_str(name),
				      .event_ms = day_ms(day) + 9 * MS_PER_HOUR };
	event.has_quantity = true;
	event.quantity = 10 * of_day[day % 7];
	event.attr_count = 1;
	event.attrs[0] = (struct attr){ bytes_str("region"), bytes_str(region) };
	memory_line_tell(line, &event);
}

static void feed(struct memory_line *line)
{
	for (int day = 0; day < DAYS; day++) {
		for (int c = 0; c < OLD_SHARE; c++)
			order(line, day, c, c % 2 ? "NORTH" : "SOUTH");
		for (int c = 0; day >= NEW_DAY && c < NEW_SHARE; c++)
			order(line, day, OLD_SHARE + c, "EAST");
		memory_line_end(line, day_ms(day + 1));
	}
}

static char *run(int32_t partition_count, int64_t checkpoint_ms, uint64_t seed)
{
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = partition_count,
						     .commit_interval_ms = 5,
						     .checkpoint_interval_ms = checkpoint_ms,
						     .cache_entries = 200,
						     .series = series };
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	struct prng random = prng_new(seed, 2);
	feed(line);
	must(memory_line_run(line, STAGE_RESOLVE));
	must(memory_line_run(line, STAGE_IDENTIFY));
	must(memory_line_run(line, STAGE_ACCOUNT));
	for (int turn = 0; seed > 0 && turn < TURNS; turn++) {
		if (prng_chance(&random, 0.15))
			memory_line_kill(line, STAGE_FORECAST);
		else if (prng_chance(&random, 0.01))
			memory_line_lose_store(line);
		else
			must(memory_line_step(line, STAGE_FORECAST));
	}
	must(memory_line_finish(line));
	char *dump = memory_line_dump(line, outputs, sizeof outputs / sizeof outputs[0]);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
	return dump;
}

/* The point that was said of EAST's day `day`, `horizon` days ahead; and how. */
static double point_of(const char *dump, int day, int horizon, char method[16])
{
	char target[64];
	snprintf(target, sizeof target,
		 "\"target_ms\":%lld,\"horizon\":%d,\"point\":", (long long)day_ms(day), horizon);
	const char *at = strstr(dump, "forecasts\t\"units.day.region/C62/EAST\"");
	at = at == NULL ? NULL : strstr(at, target);
	assert_non_null(at);
	const char *word = strstr(at, "\"method\":\"");
	assert_non_null(word);
	word += strlen("\"method\":\"");
	size_t len = strcspn(word, "\"");
	assert_true(len < 16);
	memcpy(method, word, len);
	method[len] = '\0';
	return strtod(at + strlen(target), NULL);
}

static void a_new_region_has_the_season_of_all(void **state)
{
	const char *dump = *state;
	char method[16];
	double error = 0, flat = 0;
	for (int ahead = 1; ahead <= 7; ahead++) { /* after its first day */
		int day = NEW_DAY + ahead;
		double actual = 10 * NEW_SHARE * of_day[day % 7];
		double point = point_of(dump, day, ahead, method);
		print_message("# day %d: %g, %g came (%s)\n", ahead, point, actual, method);
		assert_string_equal(method, "share");
		error += point > actual ? point - actual : actual - point;
		double last = 10 * NEW_SHARE * of_day[NEW_DAY % 7];
		flat += actual > last ? actual - last : last - actual;
	}
	print_message("# absolute error %g, of the last day repeated %g\n", error, flat);
	assert_true(error < 0.35 * flat);
}

static void it_ends_when_there_is_a_history(void **state)
{
	const char *dump = *state;
	char method[16];
	(void)point_of(dump, NEW_DAY + 13, 1, method);
	assert_string_not_equal(method, "combination");
	(void)point_of(dump, NEW_DAY + 14, 1, method);
	assert_string_not_equal(method, "share");
	/* those who were there from the beginning are no newcomers */
	const char *north = strstr(dump, "forecasts\t\"units.day.region/C62/NORTH\"");
	assert_non_null(north);
	const char *end = strstr(north, "forecasts\t\"units.day.region/C62/SOUTH\"");
	const char *share = strstr(north, "\"method\":\"share\"");
	assert_non_null(end);
	assert_true(share == NULL || share > end);
}

static void nothing_changes_a_byte(void **state)
{
	static const int64_t checkpoints[] = { 0, 30, 1000000 };
	char *one = run(1, 50, 0);
	expect_same(*state, one, "one partition");
	free(one);
	for (uint64_t seed = 1; seed <= 9; seed++) {
		char *crashed = run(seed % 2 ? 3 : 1, checkpoints[seed % 3], seed);
		expect_same_of_seed(*state, crashed, seed);
		free(crashed);
	}
}

static int set_up(void **state)
{
	*state = run(3, 50, 0);
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
		cmocka_unit_test(a_new_region_has_the_season_of_all),
		cmocka_unit_test(it_ends_when_there_is_a_history),
		cmocka_unit_test(nothing_changes_a_byte),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
