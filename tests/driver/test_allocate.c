/* Demand and stock in, allocations out, through the whole line: the plans say what a person would,
 * each closed period of each product has one, and neither partitions nor crashes change a byte. */
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
#include "tests/lib/line_checks.h"
#include "tests/lib/memory_line.h"

enum { WEEKS = 20, TURNS = 150, EVENT_ID_LEN = 24 };

static const int64_t begin_ms = INT64_C(1704067200000); /* a Monday */
static const char *const products[] = { "P1", "P2" };
static const char *const regions[] = { "NORTH", "SOUTH" };
static const char *const outputs[] = { "allocations", "forecasts", "dlq" };

static const char series[] =
	"{\"series\": [{\"name\": \"units.week\", \"types\": [\"erp.order\"], \"measure\": "
	"\"quantity\", \"dimensions\": [\"attrs.region\", \"attrs.sku\"], \"period\": \"P1W\", "
	"\"horizon\": 4}]}";
static const char network[] =
	"{\"demand\": \"units.week.region.sku\", \"dimensions\": [\"region\", \"product\"],"
	" \"sites\": [{\"site\": \"HAM\", \"regions\": [\"NORTH\"], \"order_lead_days\": 14,"
	" \"order_cost_minor\": 500}, {\"site\": \"MUC\", \"regions\": [\"SOUTH\"],"
	" \"order_lead_days\": 14, \"order_cost_minor\": 500}],"
	" \"transfers\": [{\"from\": \"HAM\", \"to\": \"MUC\", \"lead_days\": 3, \"cost_minor\":"
	" 200}, {\"from\": \"MUC\", \"to\": \"HAM\", \"lead_days\": 3, \"cost_minor\": 200}],"
	" \"products\": [{\"product\": \"*\", \"lost_sale_cost_minor\": 9000,"
	" \"holding_cost_minor\": 100, \"service_level\": 0.9}]}";

static struct source_event event_of(const char *type, const char *subject, int64_t at_ms,
				    char id[EVENT_ID_LEN])
{
	static int count;
	snprintf(id, EVENT_ID_LEN, "E%d", ++count);
	return (struct source_event){ .event_id = bytes_str(id),
				      .source = bytes_str("test"),
				      .type = bytes_str(type),
				      .subject = bytes_str(subject),
				      .event_ms = at_ms };
}

static void order(struct memory_line *line, int64_t at_ms, int region, int product, int quantity)
{
	char id[EVENT_ID_LEN], customer[8];
	snprintf(customer, sizeof customer, "K%d%d", region, product);
	struct source_event event = event_of("erp.order", customer, at_ms, id);
	event.has_quantity = true;
	event.quantity = quantity;
	event.attr_count = 2;
	event.attrs[0] = (struct attr){ bytes_str("region"), bytes_str(regions[region]) };
	event.attrs[1] = (struct attr){ bytes_str("sku"), bytes_str(products[product]) };
	memory_line_tell(line, &event);
}

static void stock(struct memory_line *line, int64_t at_ms, const char *site, int product,
		  double level)
{
	char id[EVENT_ID_LEN];
	struct source_event event = event_of("erp.stock", site, at_ms, id);
	event.subject_scheme = bytes_str("site");
	event.has_erp = event.erp.has_stock = true;
	event.erp.stock.site = bytes_str(site);
	event.erp.stock.sku = bytes_str(products[product]);
	event.erp.stock.has_level = true;
	event.erp.stock.level = level;
	memory_line_tell(line, &event);
}

/* Ten to twenty pieces a week in each region. HAM always has plenty of P1, MUC nearly nothing; of
 * P2 nothing was ever told. */
static void feed(struct memory_line *line)
{
	struct prng random = prng_new(3, 1);
	for (int day = 0; day < 7 * WEEKS; day++) {
		int64_t at_ms = begin_ms + day * MS_PER_DAY + 9 * MS_PER_HOUR;
		for (int region = 0; region < 2; region++)
			for (int product = 0; product < 2; product++)
				order(line, at_ms, region, product,
				      1 + (int)prng_below(&random, 4));
		if (day % 3 != 0)
			continue;
		stock(line, at_ms + MS_PER_HOUR, "HAM", 0, 400 - day);
		stock(line, at_ms + MS_PER_HOUR, "MUC", 0, 5 + day % 2);
	}
	stock(line, begin_ms + 3 * MS_PER_DAY, "MUC", 0, 777); /* told late, and no longer true */
	memory_line_end(line, begin_ms + WEEKS * MS_PER_WEEK);
}

static char *run(int32_t partition_count, uint64_t seed)
{
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = partition_count,
						     .commit_interval_ms = 5,
						     .checkpoint_interval_ms = 60,
						     .cache_entries = 200,
						     .series = series,
						     .network = network };
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	struct prng random = prng_new(seed, 2);
	feed(line);
	for (int turn = 0; seed > 0 && turn < TURNS; turn++) {
		size_t stage = prng_below(&random, STAGE_COUNT);
		if (prng_chance(&random, 0.06))
			memory_line_kill(line, stage);
		else if (prng_chance(&random, 0.01))
			memory_line_lose_store(line);
		else
			must(memory_line_step(line, stage));
	}
	must(memory_line_finish(line));
	char *dump = memory_line_dump(line, outputs, sizeof outputs / sizeof outputs[0]);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
	return dump;
}

/* The last plan of a product; the text ends at its line's end. */
static const char *last_plan(const char *dump, const char *product, char *out, size_t size)
{
	char begin[64];
	const char *last = NULL;
	snprintf(begin, sizeof begin, "allocations\t\"%s\"\t", product);
	for (const char *at = dump; (at = strstr(at, begin)) != NULL; at++)
		last = at;
	assert_non_null(last);
	snprintf(out, size, "%.*s", (int)strcspn(last, "\n"), last);
	return out;
}

static void plans_say_what_to_move(void **state)
{
	char text[8192];
	const char *dump = *state;
	/* the first period of a series has no history before it, and is closed all the same */
	assert_int_equal(count_of(dump, "allocations\t\"P1\""), WEEKS);
	assert_int_equal(count_of(dump, "allocations\t\"P2\""), WEEKS);
	assert_null(strstr(dump, "dlq\t"));
	const char *plan = last_plan(dump, "P1", text, sizeof text);
	assert_non_null(strstr(plan, "\"status\":\"OPTIMAL\""));
	assert_non_null(strstr(plan, "\"kind\":\"TRANSFER\",\"from_site\":\"HAM\",\"to_site\":"
				     "\"MUC\""));
	assert_null(strstr(plan, "\"from_site\":\"MUC\""));
	assert_non_null(strstr(plan, "\"code\":\"SHORTAGE\""));
	assert_non_null(strstr(plan, "MUC has 5; its regions want"));
	assert_null(strstr(plan, "777"));
	plan = last_plan(dump, "P2", text, sizeof text);
	assert_null(strstr(plan, "TRANSFER"));
	assert_non_null(strstr(plan, "\"kind\":\"ORDER\",\"from_site\":\"\",\"to_site\":\"HAM\""));
	assert_non_null(strstr(plan, "\"kind\":\"ORDER\",\"from_site\":\"\",\"to_site\":\"MUC\""));
	assert_non_null(strstr(plan, "\"site\":\"HAM\",\"level\":0.0,\"at_ms\":null"));
}

/* Each plan saw the stock as of its own close, though the whole history had come in by then. */
static void plans_see_the_stock_of_their_time(void **state)
{
	const char *dump = *state;
	for (int week = 1; week <= WEEKS; week++) {
		char text[128];
		int day = (7 * week - 1) / 3 * 3;
		snprintf(text, sizeof text, "{\"site\":\"HAM\",\"level\":%d.0,\"at_ms\":%lld}",
			 400 - day,
			 (long long)(begin_ms + day * MS_PER_DAY + 10 * MS_PER_HOUR));
		assert_int_equal(count_of(dump, text), 1);
	}
}

static void neither_partitions_nor_crashes_change_anything(void **state)
{
	char *spread = run(3, 0);
	expect_same(*state, spread, "three partitions");
	free(spread);
	for (uint64_t seed = 1; seed <= 4; seed++) {
		char *crashed = run(3, seed);
		expect_same_of_seed(*state, crashed, seed);
		free(crashed);
	}
}

static int set_up(void **state)
{
	*state = run(1, 0);
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
		cmocka_unit_test(plans_say_what_to_move),
		cmocka_unit_test(plans_see_the_stock_of_their_time),
		cmocka_unit_test(neither_partitions_nor_crashes_change_anything),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
