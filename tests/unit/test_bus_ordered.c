/* Records of several partitions in the order of their own times, on the model of Kafka. Values are
 * times in days. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "kafka/bus_memory.h"
#include "kafka/bus_ordered.h"

enum { TODAY = 1000, POLLS = 60, SEEN_MAX = 20000 };
enum { BYTES = 64 * 1024, RECORD_COST_MIN = 100, RECORD_COST_MAX = 200 };

struct fixture {
	struct memory_kafka *kafka;
	struct bus *bus;
	struct bus_listener listener;
	int64_t now_ms, gate_days;
	int64_t seen[SEEN_MAX];
	int32_t from[SEEN_MAX];
	size_t seen_count;
};

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static int64_t time_of(struct bytes value)
{
	char text[24] = "";
	if (value.len == 0 || value.len >= sizeof text)
		return TIME_NONE;
	memcpy(text, value.data, value.len);
	return strtoll(text, NULL, 10) * MS_PER_DAY;
}

static bool may_pass(void *context, int64_t time_ms)
{
	return time_ms < ((struct fixture *)context)->gate_days * MS_PER_DAY;
}

static int64_t monotonic_ns(void *context)
{
	return ((struct fixture *)context)->now_ms * 1000000;
}

static struct err *on_assigned(void *context, struct position *positions, size_t count)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		positions[i].offset = 0;
	return NULL;
}

static struct err *on_revoked(void *context, const struct position *positions, size_t count,
			      bool lost)
{
	(void)context;
	(void)positions;
	(void)count;
	(void)lost;
	return NULL;
}

static struct time_source clock_source;

static int setup_with(void **state, size_t bytes_scale)
{
	struct fixture *fixture = check_calloc(1, sizeof *fixture);
	clock_source = (struct time_source){ .monotonic_ns = monotonic_ns, .context = fixture };
	const struct bus_ordered_options options = {
		.time_of = time_of,
		.may_pass = may_pass,
		.context = fixture,
		.bytes_max = BYTES * bytes_scale,
		.time = &clock_source,
	};
	fixture->now_ms = 1;
	fixture->gate_days = 2 * TODAY;
	fixture->kafka = memory_kafka_new();
	memory_kafka_set_time(fixture->kafka, TODAY * MS_PER_DAY);
	memory_kafka_topic(fixture->kafka, "crm", 1);
	memory_kafka_topic(fixture->kafka, "iot", 2);
	fixture->bus = bus_ordered_new(&options, bus_memory_open(fixture->kafka, "group", "tid"));
	fixture->listener = (struct bus_listener){ fixture, on_assigned, on_revoked, true };
	*state = fixture;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, 0);
}

static int setup_with_little_room(void **state)
{
	return setup_with(state, 1);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	bus_close(&fixture->bus);
	memory_kafka_free(&fixture->kafka);
	free(fixture);
	return 0;
}

static void append(struct fixture *fixture, const char *topic, int32_t partition, int64_t day)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)day);
	memory_kafka_append(fixture->kafka, &(struct outgoing){ .topic = topic,
								.partition = partition,
								.key = bytes_str("key"),
								.value = bytes_str(text) });
}

static size_t poll(struct fixture *fixture)
{
	struct bus_batch batch;
	expect_ok(bus_poll(fixture->bus, 0, &batch));
	for (size_t i = 0; i < batch.count; i++) {
		assert_true(fixture->seen_count < SEEN_MAX);
		assert_true(bytes_equal(batch.records[i].key, bytes_str("key")));
		fixture->from[fixture->seen_count] = batch.records[i].partition;
		fixture->seen[fixture->seen_count++] = time_of(batch.records[i].value) / MS_PER_DAY;
	}
	return batch.count;
}

static void join(struct fixture *fixture)
{
	static const char *const topics[] = { "crm", "iot" };
	expect_ok(bus_subscribe(fixture->bus, topics, 2, &fixture->listener));
	assert_int_equal(poll(fixture), 0);
}

static void expect_sorted(const struct fixture *fixture, size_t count)
{
	assert_int_equal(fixture->seen_count, count);
	for (size_t i = 1; i < count; i++)
		assert_true(fixture->seen[i] >= fixture->seen[i - 1]);
}

/* A short topic that is read at once does not run ahead of long ones. */
static void the_earliest_goes_first(void **state)
{
	struct fixture *fixture = *state;
	for (int day = 0; day < 900; day++) {
		for (int i = 0; i < 9; i++)
			append(fixture, "iot", i % 2, day);
		if (day % 9 == 0)
			append(fixture, "crm", 0, day);
	}
	memory_kafka_set_poll_max(fixture->kafka, 100);
	join(fixture);
	for (int i = 0; i < 20 * POLLS; i++)
		(void)poll(fixture);
	expect_sorted(fixture, 900 * 9 + 100);
	assert_true(bus_end_reached(fixture->bus, "crm", 0) >= 0);
}

/* What waits has a bound: the partition that is ahead is paused, and goes on in time. */
static void who_is_far_ahead_is_paused(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 9000; i++)
		append(fixture, "crm", 0, 500 + i / 100);
	append(fixture, "iot", 0, 400);
	append(fixture, "iot", 1, 450);
	fixture->gate_days = 300;
	join(fixture);
	for (int i = 0; i < POLLS; i++)
		assert_int_equal(poll(fixture), 0);
	assert_true(bus_ordered_waiting(fixture->bus) > 4000);
	assert_true(bus_ordered_waiting(fixture->bus) < 4000 + POLL_RECORDS_MAX + 3);
	assert_int_equal(bus_end_reached(fixture->bus, "crm", 0), -1);
	fixture->gate_days = 2 * TODAY;
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	expect_sorted(fixture, 9002);
	assert_int_equal(fixture->seen[1], 450);
	assert_int_equal(bus_ordered_waiting(fixture->bus), 0);
}

/* The gate stops the past, stretch by stretch, and never the present. */
static void a_gate_holds_the_past(void **state)
{
	struct fixture *fixture = *state;
	fixture->gate_days = 10;
	for (int day = 0; day < 30; day++)
		append(fixture, "crm", 0, day);
	join(fixture);
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	expect_sorted(fixture, 10);
	fixture->gate_days = 20;
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	expect_sorted(fixture, 20);
	fixture->gate_days = 30;
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	expect_sorted(fixture, 30);
	fixture->gate_days = 0;
	append(fixture, "crm", 0, TODAY);
	(void)poll(fixture);
	expect_sorted(fixture, 31);
}

/* A date from the future, or none, goes with its neighbours and holds nobody up. */
static void a_wrong_date_holds_nobody_up(void **state)
{
	struct fixture *fixture = *state;
	append(fixture, "crm", 0, 1);
	append(fixture, "crm", 0, 5 * TODAY);
	append(fixture, "crm", 0, 2);
	append(fixture, "iot", 0, 3);
	append(fixture, "iot", 1, 4);
	join(fixture);
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	const int64_t expected[] = { 1, 5 * TODAY, 2, 3, 4 };
	assert_int_equal(fixture->seen_count, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(fixture->seen[i], expected[i]);
}

/* After a seek reading goes on there, and nothing that waited comes besides. */
static void a_seek_drops_what_waits(void **state)
{
	struct fixture *fixture = *state;
	fixture->gate_days = 5;
	for (int day = 0; day < 10; day++)
		append(fixture, "crm", 0, day);
	join(fixture);
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	expect_sorted(fixture, 5);
	fixture->seen_count = 0;
	fixture->gate_days = 20;
	const struct position back = { .topic = "crm", .partition = 0, .offset = 3 };
	expect_ok(bus_seek(fixture->bus, &back, 1));
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	expect_sorted(fixture, 7);
	assert_int_equal(fixture->seen[0], 3);
}

/* The same while a partition is paused: it goes on though nothing waits any more. */
static void a_seek_ends_a_pause(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 9000; i++)
		append(fixture, "crm", 0, 500 + i / 100);
	fixture->gate_days = 300;
	join(fixture);
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	assert_true(bus_ordered_waiting(fixture->bus) >= 4000);
	fixture->gate_days = 2 * TODAY;
	const struct position on = { .topic = "crm", .partition = 0, .offset = 8990 };
	expect_ok(bus_seek(fixture->bus, &on, 1));
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	expect_sorted(fixture, 10);
}

/* What waits costs no more than it may, whichever partitions it is of, and all of it comes. */
static void what_waits_has_its_bytes(void **state)
{
	enum { EACH = 3000, AT_ONCE = 100 };
	struct fixture *fixture = *state;
	for (int i = 0; i < EACH; i++) {
		append(fixture, "crm", 0, 300 + i / 10);
		append(fixture, "iot", 0, 310 + i / 10);
		append(fixture, "iot", 1, 320 + i / 10);
	}
	memory_kafka_set_poll_max(fixture->kafka, AT_ONCE);
	fixture->gate_days = 100;
	join(fixture);
	size_t most = 0;
	for (int i = 0; i < 20 * POLLS; i++) {
		fixture->gate_days = i < 5 * POLLS ? 100 : 2 * TODAY;
		(void)poll(fixture);
		size_t bytes = bus_ordered_bytes(fixture->bus);
		most = bytes > most ? bytes : most;
		assert_true(bytes <= BYTES + AT_ONCE * RECORD_COST_MAX);
		assert_true(bytes >= bus_ordered_waiting(fixture->bus) * RECORD_COST_MIN);
	}
	assert_true(most > BYTES / 2);
	expect_sorted(fixture, 3 * (size_t)EACH);
	(void)poll(fixture);
	assert_int_equal(bus_ordered_bytes(fixture->bus), 0);
}

/* A gate that holds the past must not hold alerts of today up for long. */
static void the_present_waits_for_a_gate_only_so_long(void **state)
{
	struct fixture *fixture = *state;
	fixture->gate_days = 10;
	append(fixture, "iot", 0, 500);
	append(fixture, "iot", 0, TODAY);
	append(fixture, "iot", 1, TODAY);
	join(fixture);
	for (int i = 0; i < POLLS; i++)
		assert_int_equal(poll(fixture), 0);
	fixture->now_ms += 4999;
	assert_int_equal(poll(fixture), 0);
	fixture->now_ms++;
	assert_int_equal(poll(fixture), 1);
	assert_int_equal(fixture->from[0], 1);
	append(fixture, "crm", 0, TODAY);
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	assert_int_equal(fixture->seen_count, 2);
	fixture->gate_days = 2 * TODAY;
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	assert_int_equal(fixture->seen_count, 4);
	assert_int_equal(fixture->seen[2], 500);
	fixture->gate_days = 10; /* the next stretch has its own time */
	append(fixture, "iot", 0, 600);
	append(fixture, "crm", 0, TODAY);
	for (int i = 0; i < POLLS; i++)
		assert_int_equal(poll(fixture), 0);
}

/* A record of today opens no gate for the past behind it. */
static void the_past_behind_the_present_is_gated(void **state)
{
	struct fixture *fixture = *state;
	fixture->gate_days = 10;
	append(fixture, "crm", 0, TODAY);
	append(fixture, "crm", 0, 500);
	append(fixture, "crm", 0, 501);
	append(fixture, "crm", 0, TODAY);
	join(fixture);
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	assert_int_equal(fixture->seen_count, 1);
	fixture->gate_days = 2 * TODAY;
	for (int i = 0; i < POLLS; i++)
		(void)poll(fixture);
	assert_int_equal(fixture->seen_count, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_earliest_goes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_far_ahead_is_paused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_gate_holds_the_past, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_date_holds_nobody_up, setup, teardown),
		cmocka_unit_test_setup_teardown(a_seek_drops_what_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(a_seek_ends_a_pause, setup, teardown),
		cmocka_unit_test_setup_teardown(what_waits_has_its_bytes, setup_with_little_room,
						teardown),
		cmocka_unit_test_setup_teardown(the_present_waits_for_a_gate_only_so_long, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_past_behind_the_present_is_gated, setup,
						teardown),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
