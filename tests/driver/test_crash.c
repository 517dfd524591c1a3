/* Crashes, lost transactions and lost stores by seed: whatever happens on the way, what comes out
 * is what one clean pass gives, byte for byte. FORETELL_SEED=n runs one seed alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "tests/lib/line_checks.h"
#include "tests/lib/memory_line.h"

enum { SEEDS = 10, TURNS = 300, CUSTOMERS = 40, DAYS = 330, PARTITIONS = 3 };

static const char *const outputs[] = { "alerts", "scores",	    "forecasts",	"accounts",
				       "dlq",	 "forecast.series", "forecast.accuracy" };
enum { OUTPUT_COUNT = sizeof outputs / sizeof outputs[0] };

struct fixture {
	char folder[256], csv[300];
	char *expected;
};

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014): any state is a good seed. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Customers who order every few days and then, one after the other, fall silent; some come back. */
static void write_orders(const char *path)
{
	FILE *file = fopen(path, "w");
	CHECK(file != NULL);
	fprintf(file, "customer,day,amount,country\n");
	uint64_t random = 7;
	for (int day = 0; day < DAYS; day++) {
		for (int c = 0; c < CUSTOMERS; c++) {
			bool gone = day > 20 + 4 * c && !(c % 4 == 0 && day > 300);
			if (gone || next_random(&random) % (uint64_t)(5 + c % 9) != 0)
				continue;
			int64_t year;
			unsigned month, mday;
			time_civil_from_days(10000 + day, &year, &month, &mday);
			fprintf(file, "C%03d,%04d-%02u-%02u,%u.%02u,%s\n", c, (int)year, month,
				mday, (unsigned)(next_random(&random) % 90 + 10),
				(unsigned)(next_random(&random) % 100), c % 3 ? "DE" : "FR");
		}
		if (day % 50 == 0)
			fprintf(file, "C000,not a day,1.00,DE\n");
	}
	fclose(file);
}

static void write_map(const char *path)
{
	FILE *file = fopen(path, "w");
	CHECK(file != NULL);
	fputs("{\"topic\": \"erp.events\", \"schema\": \"erp_event\", \"source\": \"test\",\n"
	      " \"type\": \"erp.order\", \"subject\": {\"column\": \"customer\"},\n"
	      " \"time\": {\"column\": \"day\", \"format\": \"%Y-%m-%d\", \"zone\": \"UTC\"},\n"
	      " \"amount\": {\"column\": \"amount\", \"scale\": 2, \"currency\": \"EUR\"},\n"
	      " \"attributes\": {\"country\": \"country\"}, \"end\": \"next_day\"}\n",
	      file);
	fclose(file);
}

static struct memory_line *new_line(const struct fixture *fixture, struct memory_kafka *kafka,
				    int64_t commit_ms, int64_t checkpoint_ms, uint32_t cache)
{
	const struct memory_line_options options = {
		.app_id = "test",
		.partition_count = PARTITIONS,
		.commit_interval_ms = commit_ms,
		.checkpoint_interval_ms = checkpoint_ms,
		.cache_entries = cache,
		.dimension = "country",
	};
	struct memory_line *line = memory_line_new(kafka, &options);
	char map[512];
	snprintf(map, sizeof map, "%s/map.json", fixture->folder);
	(void)memory_line_ingest(line, map, fixture->csv);
	return line;
}

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static char *finish_and_dump(struct memory_line *line)
{
	expect_ok(memory_line_finish(line));
	return memory_line_dump(line, outputs, OUTPUT_COUNT);
}

static int set_up(void **state)
{
	struct fixture *fixture = check_calloc(1, sizeof *fixture);
	const char *base = getenv("TMPDIR");
	snprintf(fixture->folder, sizeof fixture->folder, "%s/foretell-crash-XXXXXX",
		 base != NULL ? base : "/tmp");
	CHECK(mkdtemp(fixture->folder) != NULL);
	snprintf(fixture->csv, sizeof fixture->csv, "%s/orders.csv", fixture->folder);
	char map[512];
	snprintf(map, sizeof map, "%s/map.json", fixture->folder);
	write_orders(fixture->csv);
	write_map(map);
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = new_line(fixture, kafka, 1, 0, 1000);
	fixture->expected = finish_and_dump(line);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char map[512];
	snprintf(map, sizeof map, "%s/map.json", fixture->folder);
	unlink(map);
	unlink(fixture->csv);
	rmdir(fixture->folder);
	free(fixture->expected);
	free(fixture);
	return 0;
}

static void do_something(struct memory_line *line, struct memory_kafka *kafka, uint64_t *random)
{
	size_t stage = next_random(random) % STAGE_COUNT;
	switch (next_random(random) % 40) {
	case 0:
	case 1: memory_line_kill(line, stage); break;
	case 2: memory_line_stop(line, stage); break;
	case 3: memory_line_lose_store(line); break;
	case 4:
	case 5: memory_kafka_fault(kafka, (enum memory_fault)(1 + next_random(random) % 3)); break;
	case 6: memory_line_wait(line, (int64_t)(next_random(random) % 500)); break;
	default: expect_ok(memory_line_step(line, stage));
	}
}

static void run_seed(const struct fixture *fixture, uint64_t seed)
{
	static const int64_t checkpoints[] = { 0, 20, 200, 1000000 };
	uint64_t random = seed;
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = new_line(fixture, kafka, (int64_t)(next_random(&random) % 50),
					    checkpoints[next_random(&random) % 4],
					    next_random(&random) % 2 ? 48 : 1000);
	memory_kafka_set_poll_max(kafka, 1 + next_random(&random) % 60);
	for (int turn = 0; turn < TURNS; turn++)
		do_something(line, kafka, &random);
	memory_kafka_fault(kafka, MEMORY_FAULT_NONE);
	char *actual = finish_and_dump(line);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
	expect_same_of_seed(fixture->expected, actual, seed);
	free(actual);
}

static void crashes_change_nothing(void **state)
{
	const char *only = getenv("FORETELL_SEED");
	uint64_t first = only != NULL ? strtoull(only, NULL, 10) : 1;
	for (uint64_t seed = first; seed < first + (only != NULL ? 1 : SEEDS); seed++)
		run_seed(*state, seed);
}

/* The clean pass itself says what it should, so that equality with it means something. */
static void clean_pass_says_something(void **state)
{
	const struct fixture *fixture = *state;
	assert_non_null(strstr(fixture->expected, "alerts\t\"C0"));
	assert_non_null(strstr(fixture->expected, "\"status\":\"RESOLVED\""));
	assert_non_null(strstr(fixture->expected, "forecasts\t\"revenue.week.country/EUR/FR\""));
	assert_non_null(strstr(fixture->expected, "forecast.accuracy\t\"revenue.day/EUR/\""));
	assert_non_null(strstr(fixture->expected, "dlq\t"));
}

/* A checkpoint interval is a matter of durability, never of results. */
static void checkpoint_interval_changes_nothing(void **state)
{
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = new_line(*state, kafka, 1000, 1000000, 1000);
	char *actual = finish_and_dump(line);
	expect_same(((struct fixture *)*state)->expected, actual, "a long interval");
	free(actual);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_pass_says_something),
		cmocka_unit_test(checkpoint_interval_changes_nothing),
		cmocka_unit_test(crashes_change_nothing),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
