/* The model of Kafka: what it claims beyond the contract that it shares with the real one
 * (tests/e2e/bus_contract.c), and its faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "kafka/bus_memory.h"

struct fixture {
	struct memory_kafka *kafka;
	struct bus *bus;
	struct bus_listener listener;
	size_t assigned_count, revoked_count;
	int64_t start;		 /* where reading starts */
	struct err *next_answer; /* of assigned, once */
	bool lost;
};

static struct err *on_assigned(void *context, struct position *positions, size_t count)
{
	struct fixture *fixture = context;
	struct err *answer = fixture->next_answer;
	fixture->next_answer = NULL;
	fixture->assigned_count += count;
	for (size_t i = 0; i < count; i++)
		positions[i].offset = fixture->start;
	return answer;
}

static struct err *on_revoked(void *context, const struct position *positions, size_t count,
			      bool lost)
{
	struct fixture *fixture = context;
	(void)positions;
	fixture->revoked_count += count;
	fixture->lost = lost;
	return NULL;
}

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static void expect_err(struct err *err, enum err_verdict verdict, const char *code)
{
	assert_non_null(err);
	assert_string_equal(err_code(err), code);
	assert_int_equal(err_verdict(err), verdict);
	err_free(&err);
}

static int setup(void **state)
{
	struct fixture *fixture = check_calloc(1, sizeof *fixture);
	fixture->kafka = memory_kafka_new();
	memory_kafka_topic(fixture->kafka, "in", 2);
	memory_kafka_topic(fixture->kafka, "out", 1);
	fixture->bus = bus_memory_open(fixture->kafka, "group", "tid");
	fixture->listener = (struct bus_listener){ .context = fixture, on_assigned, on_revoked };
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	bus_close(&fixture->bus);
	memory_kafka_free(&fixture->kafka);
	free(fixture);
	return 0;
}

static struct outgoing text_record(const char *topic, int32_t partition, const char *value)
{
	return (struct outgoing){
		.topic = topic,
		.partition = partition,
		.key = bytes_str("key"),
		.value = bytes_str(value),
	};
}

static void append(struct fixture *fixture, int32_t partition, const char *value)
{
	struct outgoing out = text_record("in", partition, value);
	memory_kafka_append(fixture->kafka, &out);
}

static void produce(struct bus *bus, const char *value)
{
	struct outgoing out = text_record("out", 0, value);
	expect_ok(bus_produce(bus, &out));
}

static void join(struct fixture *fixture)
{
	static const char *const topics[] = { "in" };
	struct bus_batch batch;
	expect_ok(bus_subscribe(fixture->bus, topics, 1, &fixture->listener));
	expect_ok(bus_poll(fixture->bus, 0, &batch));
	assert_int_equal(batch.count, 0);
}

static size_t out_count(struct fixture *fixture)
{
	struct record records[16];
	return memory_kafka_read(fixture->kafka, "out", 0, 0, records, 16);
}

static int64_t out_high(struct bus *bus)
{
	int64_t low, high;
	expect_ok(bus_watermarks(bus, "out", 0, &low, &high));
	return high;
}

static void join_assigns_all_partitions_and_close_revokes_them(void **state)
{
	struct fixture *fixture = *state;
	join(fixture);
	assert_int_equal(fixture->assigned_count, 2);
	bus_close(&fixture->bus);
	assert_int_equal(fixture->revoked_count, 2);
	assert_false(fixture->lost);
	assert_null(fixture->bus);
}

static void listener_error_ends_membership_and_next_poll_joins_again(void **state)
{
	static const char *const topics[] = { "in" };
	struct fixture *fixture = *state;
	struct bus_batch batch;
	fixture->next_answer = err_new(ERR_RETRY, "TEST", "not yet");
	expect_ok(bus_subscribe(fixture->bus, topics, 1, &fixture->listener));
	expect_err(bus_poll(fixture->bus, 0, &batch), ERR_RETRY, "TEST");
	assert_int_equal(fixture->revoked_count, 0);
	expect_ok(bus_poll(fixture->bus, 0, &batch));
	assert_int_equal(fixture->assigned_count, 4);
}

static void poll_reports_the_end_after_the_last_record(void **state)
{
	struct fixture *fixture = *state;
	struct bus_batch batch;
	memory_kafka_set_time(fixture->kafka, 1234);
	append(fixture, 0, "a");
	join(fixture);
	expect_ok(bus_poll(fixture->bus, 0, &batch));
	assert_int_equal(batch.count, 1);
	assert_int_equal(batch.records[0].timestamp_ms, 1234);
	assert_memory_equal(batch.records[0].value.data, "a", 1);
	assert_int_equal(bus_end_reached(fixture->bus, "in", 0), -1);
	assert_int_equal(bus_end_reached(fixture->bus, "in", 1), 0);
	expect_ok(bus_poll(fixture->bus, 0, &batch));
	assert_int_equal(bus_end_reached(fixture->bus, "in", 0), 1);
}

static void poll_gives_equal_pointers_for_equal_topics(void **state)
{
	struct fixture *fixture = *state;
	struct bus_batch batch;
	append(fixture, 0, "a");
	append(fixture, 1, "b");
	join(fixture);
	expect_ok(bus_poll(fixture->bus, 0, &batch));
	assert_int_equal(batch.count, 2);
	assert_ptr_equal(batch.records[0].topic, batch.records[1].topic);
}

static void poll_bounds_its_batch_and_keeps_the_order(void **state)
{
	struct fixture *fixture = *state;
	struct bus_batch batch;
	for (int i = 0; i < POLL_RECORDS_MAX + 10; i++)
		append(fixture, 0, "x");
	join(fixture);
	int64_t next = 0;
	for (int poll = 0; poll < 2; poll++) {
		expect_ok(bus_poll(fixture->bus, 0, &batch));
		assert_true(batch.count <= POLL_RECORDS_MAX);
		for (size_t i = 0; i < batch.count; i++)
			assert_int_equal(batch.records[i].offset, next++);
	}
	assert_int_equal(next, POLL_RECORDS_MAX + 10);
}

static void headers_and_nulls_survive(void **state)
{
	struct fixture *fixture = *state;
	struct header headers[] = { { "h", bytes_str("v") }, { "empty", bytes_str("") } };
	struct outgoing out = { "in", 0, bytes_str(""), { NULL, 0 }, headers, 2 };
	struct bus_batch batch;
	memory_kafka_append(fixture->kafka, &out);
	join(fixture);
	expect_ok(bus_poll(fixture->bus, 0, &batch));
	const struct record *record = &batch.records[0];
	assert_null(record->value.data);
	assert_non_null(record->key.data);
	assert_int_equal(record->key.len, 0);
	assert_int_equal(record->header_count, 2);
	assert_string_equal(record->headers[0].name, "h");
	assert_true(bytes_equal(record->headers[0].value, bytes_str("v")));
}

static void headers_are_shown_only_to_who_wants_them(void **state)
{
	struct fixture *fixture = *state;
	struct header header = { "h", bytes_str("v") };
	struct outgoing out = { "in", 0, bytes_str("k"), bytes_str("v"), &header, 1 };
	struct bus_batch batch;
	memory_kafka_append(fixture->kafka, &out);
	fixture->listener.no_headers = true;
	join(fixture);
	expect_ok(bus_poll(fixture->bus, 0, &batch));
	assert_int_equal(batch.count, 1);
	assert_int_equal(batch.records[0].header_count, 0);
}

static void offsets_below_the_log_are_gone(void **state)
{
	struct fixture *fixture = *state;
	struct bus_batch batch;
	append(fixture, 0, "a");
	append(fixture, 0, "b");
	memory_kafka_trim(fixture->kafka, "in", 0, 1);
	join(fixture);
	expect_err(bus_poll(fixture->bus, 0, &batch), ERR_FATAL, "BUS_OFFSET_GONE");
}

static void a_position_left_open_is_refused(void **state)
{
	static const char *const topics[] = { "in" };
	struct fixture *fixture = *state;
	struct bus_batch batch;
	fixture->start = -1;
	expect_ok(bus_subscribe(fixture->bus, topics, 1, &fixture->listener));
	expect_err(bus_poll(fixture->bus, 0, &batch), ERR_FATAL, "BUS_OFFSET_GONE");
}

static void missing_topics_are_fatal(void **state)
{
	static const char *const topics[] = { "nowhere" };
	struct fixture *fixture = *state;
	struct bus_batch batch;
	int32_t count;
	expect_err(bus_partition_count(fixture->bus, "nowhere", &count), ERR_FATAL,
		   "BUS_TOPIC_MISSING");
	expect_ok(bus_subscribe(fixture->bus, topics, 1, &fixture->listener));
	expect_err(bus_poll(fixture->bus, 0, &batch), ERR_FATAL, "BUS_TOPIC_MISSING");
}

static void a_record_too_large_is_poison_and_the_transaction_goes_on(void **state)
{
	struct fixture *fixture = *state;
	size_t len = 1100000;
	uint8_t *large = check_calloc(1, len);
	struct outgoing out = { .topic = "out", .value = bytes_of(large, len) };
	expect_ok(bus_begin(fixture->bus));
	expect_err(bus_produce(fixture->bus, &out), ERR_POISON, "BUS_TOO_LARGE");
	free(large);
	produce(fixture->bus, "small");
	expect_ok(bus_commit(fixture->bus));
	assert_int_equal(out_count(fixture), 1);
}

static void fault_commit_aborts(void **state)
{
	struct fixture *fixture = *state;
	memory_kafka_fault(fixture->kafka, MEMORY_FAULT_COMMIT_ABORTS);
	expect_ok(bus_begin(fixture->bus));
	produce(fixture->bus, "a");
	expect_err(bus_commit(fixture->bus), ERR_ABORT, "BUS_COMMIT");
	assert_int_equal(out_count(fixture), 0);
	expect_err(bus_begin(fixture->bus), ERR_ABORT, "BUS_STATE");
	expect_ok(bus_abort(fixture->bus));
	expect_ok(bus_begin(fixture->bus));
	produce(fixture->bus, "b");
	expect_ok(bus_commit(fixture->bus));
	assert_int_equal(out_count(fixture), 1);
	assert_int_equal(out_high(fixture->bus), 4); /* a, its marker, b, its marker */
}

static void fault_commit_ambiguous_has_committed(void **state)
{
	struct fixture *fixture = *state;
	struct position position = { "in", 0, 5, "Y=3" };
	memory_kafka_fault(fixture->kafka, MEMORY_FAULT_COMMIT_AMBIGUOUS);
	expect_ok(bus_begin(fixture->bus));
	produce(fixture->bus, "a");
	expect_ok(bus_send_offsets(fixture->bus, &position, 1));
	expect_err(bus_commit(fixture->bus), ERR_ABORT, "BUS_COMMIT");
	expect_ok(bus_abort(fixture->bus));
	assert_int_equal(out_count(fixture), 1);
	position.offset = 0;
	expect_ok(bus_committed(fixture->bus, &position, 1));
	assert_int_equal(position.offset, 5);
	assert_string_equal(position.metadata, "Y=3");
}

static void fault_offsets_timeout_needs_an_abort(void **state)
{
	struct fixture *fixture = *state;
	struct position position = { "in", 0, 5, "" };
	memory_kafka_fault(fixture->kafka, MEMORY_FAULT_OFFSETS_TIMEOUT);
	expect_ok(bus_begin(fixture->bus));
	produce(fixture->bus, "a");
	expect_err(bus_send_offsets(fixture->bus, &position, 1), ERR_ABORT, "BUS_TIMED_OUT");
	expect_err(bus_commit(fixture->bus), ERR_ABORT, "BUS_STATE");
	expect_ok(bus_abort(fixture->bus));
	assert_int_equal(out_count(fixture), 0);
	expect_ok(bus_committed(fixture->bus, &position, 1));
	assert_int_equal(position.offset, -1);
}

static void a_killed_transaction_holds_readers_until_its_id_comes_back(void **state)
{
	struct fixture *fixture = *state;
	struct outgoing plain = text_record("out", 0, "plain");
	expect_ok(bus_begin(fixture->bus));
	produce(fixture->bus, "a");
	bus_memory_kill(&fixture->bus);
	memory_kafka_append(fixture->kafka, &plain);
	assert_int_equal(out_count(fixture), 0);

	fixture->bus = bus_memory_open(fixture->kafka, "group", "tid");
	assert_int_equal(out_count(fixture), 1); /* the plain one */
}

static void a_killed_transaction_ends_with_its_time(void **state)
{
	struct fixture *fixture = *state;
	const struct memory_timeouts timeouts = { 45000, 600000, 1000 };
	memory_kafka_set_timeouts(fixture->kafka, &timeouts);
	expect_ok(bus_begin(fixture->bus));
	produce(fixture->bus, "a");
	memory_kafka_set_time(fixture->kafka, 1000);
	assert_int_equal(out_high(fixture->bus), 1);
	memory_kafka_set_time(fixture->kafka, 1001);
	assert_int_equal(out_high(fixture->bus), 2); /* the marker */
	expect_err(bus_commit(fixture->bus), ERR_ABORT, "BUS_FENCED");
	expect_ok(bus_abort(fixture->bus));
	expect_ok(bus_begin(fixture->bus));
	produce(fixture->bus, "b");
	expect_ok(bus_commit(fixture->bus));
	assert_int_equal(out_count(fixture), 1);
}

static void the_same_id_takes_the_membership_over(void **state)
{
	struct fixture *fixture = *state;
	struct bus_batch batch;
	join(fixture);
	struct bus *zombie = fixture->bus;
	expect_ok(bus_begin(zombie));
	fixture->bus = bus_memory_open(fixture->kafka, "group", "tid");
	join(fixture);
	produce(zombie, "late");
	expect_err(bus_commit(zombie), ERR_ABORT, "BUS_FENCED");
	expect_err(bus_abort(zombie), ERR_FATAL, "BUS_MEMBER_FENCED");
	expect_err(bus_poll(zombie, 0, &batch), ERR_FATAL, "BUS_MEMBER_FENCED");
	bus_close(&zombie);
	assert_int_equal(fixture->revoked_count, 0);
	assert_int_equal(out_high(fixture->bus), 0);
	expect_ok(bus_begin(fixture->bus));
	produce(fixture->bus, "mine");
	expect_ok(bus_commit(fixture->bus));
	assert_int_equal(out_count(fixture), 1);
}

/* A member beside the fixture's, which says where it is. */
struct beside {
	struct bus *bus;
	struct bus_listener listener;
	size_t assigned_count;
};

static struct err *beside_assigned(void *context, struct position *positions, size_t count)
{
	((struct beside *)context)->assigned_count = count;
	for (size_t i = 0; i < count; i++)
		positions[i].offset = 0;
	return NULL;
}

static struct err *beside_revoked(void *context, const struct position *positions, size_t count,
				  bool lost)
{
	(void)positions;
	(void)lost;
	((struct beside *)context)->assigned_count -= count;
	return NULL;
}

static void join_beside(struct fixture *fixture, struct beside *beside)
{
	static const char *const topics[] = { "in" };
	struct bus_batch batch;
	*beside = (struct beside){ .bus = bus_memory_open(fixture->kafka, "group", "beside") };
	beside->listener = (struct bus_listener){ beside, beside_assigned, beside_revoked, false };
	expect_ok(bus_subscribe(beside->bus, topics, 1, &beside->listener));
	expect_ok(bus_poll(beside->bus, 0, &batch));
}

static void a_second_member_waits_for_the_first_and_gets_its_share(void **state)
{
	struct fixture *fixture = *state;
	struct bus_batch batch;
	struct beside beside;
	join(fixture);
	join_beside(fixture, &beside);
	assert_int_equal(beside.assigned_count, 0);
	expect_ok(bus_poll(fixture->bus, 0, &batch)); /* gives back, and joins */
	assert_int_equal(fixture->revoked_count, 2);
	assert_false(fixture->lost);
	expect_ok(bus_poll(beside.bus, 0, &batch));
	expect_ok(bus_poll(fixture->bus, 0, &batch));
	assert_int_equal(beside.assigned_count, 1);
	assert_int_equal(fixture->assigned_count, 2 + 1);
	bus_close(&beside.bus);
}

static void positions_of_an_old_generation_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct position position = { "in", 0, 5, "" };
	struct bus_batch batch;
	struct beside beside;
	join(fixture);
	expect_ok(bus_begin(fixture->bus));
	expect_ok(bus_send_offsets(fixture->bus, &position, 1));
	join_beside(fixture, &beside);
	expect_ok(bus_poll(fixture->bus, 0, &batch));
	expect_err(bus_commit(fixture->bus), ERR_ABORT, "BUS_MEMBER_LOST");
	expect_ok(bus_abort(fixture->bus));
	bus_close(&beside.bus);
}

static void a_stopped_member_is_lost_with_its_session(void **state)
{
	struct fixture *fixture = *state;
	struct bus_batch batch;
	struct beside beside;
	join(fixture);
	bus_memory_stop(fixture->bus, true);
	join_beside(fixture, &beside);
	assert_int_equal(beside.assigned_count, 0);
	memory_kafka_set_time(fixture->kafka, 45001);
	expect_ok(bus_poll(beside.bus, 0, &batch));
	assert_int_equal(beside.assigned_count, 2);
	bus_memory_stop(fixture->bus, false);
	expect_ok(bus_poll(fixture->bus, 0, &batch));
	assert_int_equal(fixture->revoked_count, 2);
	assert_true(fixture->lost);
	bus_close(&beside.bus);
}

static void compaction_keeps_the_last_of_each_key(void **state)
{
	struct fixture *fixture = *state;
	static const char *const values[] = { "a", "b", "c" };
	struct record records[4];
	struct outgoing gone = text_record("out", 0, "");
	gone.key = bytes_str("gone");
	memory_kafka_append(fixture->kafka, &gone);
	gone.value = bytes_of(NULL, 0);
	memory_kafka_append(fixture->kafka, &gone);
	for (size_t i = 0; i < 3; i++) {
		struct outgoing out = text_record("out", 0, values[i]);
		memory_kafka_append(fixture->kafka, &out);
	}
	memory_kafka_compact(fixture->kafka, "out", 0, 5, false);
	assert_int_equal(memory_kafka_read(fixture->kafka, "out", 0, 0, records, 4), 2);
	assert_null(records[0].value.data); /* the tombstone, for a while */
	assert_int_equal(records[1].offset, 4);
	memory_kafka_compact(fixture->kafka, "out", 0, 5, true);
	assert_int_equal(memory_kafka_read(fixture->kafka, "out", 0, 0, records, 4), 1);
	assert_int_equal(out_high(fixture->bus), 5);
}

static void a_topic_made_anew_is_empty_and_without_positions(void **state)
{
	struct fixture *fixture = *state;
	static const char *const topics[] = { "in" };
	struct position position = { "in", 0, 1, "" };
	char cluster[CLUSTER_ID_MAX + 1];
	uint64_t before, after;
	int64_t low, high;
	append(fixture, 0, "a");
	join(fixture);
	expect_ok(bus_ids(fixture->bus, topics, 1, &before, cluster, 0));
	expect_ok(bus_begin(fixture->bus));
	expect_ok(bus_send_offsets(fixture->bus, &position, 1));
	expect_ok(bus_commit(fixture->bus));
	memory_kafka_recreate(fixture->kafka, "in");
	expect_ok(bus_ids(fixture->bus, topics, 1, &after, cluster, 0));
	assert_true(before != 0 && after != 0 && before != after);
	expect_ok(bus_committed(fixture->bus, &position, 1));
	assert_int_equal(position.offset, -1);
	expect_ok(bus_watermarks(fixture->bus, "in", 0, &low, &high));
	assert_int_equal(high, 0);
}

/* Chaos by which each delay is the longest. */
static uint32_t longest(void *context, uint32_t bound)
{
	(void)context;
	return bound - 1;
}

static void wait_no_longer(void *context, int64_t until_ms)
{
	struct fixture *fixture = context;
	memory_kafka_set_time(fixture->kafka, until_ms);
}

static bool never(void *context, enum memory_call call)
{
	(void)context;
	(void)call;
	return false;
}

static void markers_trail_the_outcome(void **state)
{
	struct fixture *fixture = *state;
	const struct memory_chaos chaos = { fixture, longest, wait_no_longer, never, 10, 100 };
	struct position position = { "in", 0, 5, "" };
	bool done = true;
	expect_ok(bus_begin(fixture->bus));
	produce(fixture->bus, "a");
	memory_kafka_set_chaos(fixture->kafka, &chaos);
	expect_ok(bus_send_offsets(fixture->bus, &position, 1));
	expect_ok(bus_commit_start(fixture->bus));
	memory_kafka_set_time(fixture->kafka, 20); /* arrives */
	memory_kafka_set_time(fixture->kafka, 30); /* is decided; the answer is on its way */
	expect_ok(bus_commit_end(fixture->bus, false, &done));
	assert_false(done);
	assert_int_equal(out_count(fixture), 0);
	memory_kafka_set_time(fixture->kafka, 40);
	expect_ok(bus_commit_end(fixture->bus, false, &done));
	assert_true(done);
	expect_ok(bus_committed(fixture->bus, &position, 1));
	assert_int_equal(position.offset, 5);
	assert_int_equal(out_count(fixture), 1);
	memory_kafka_set_chaos(fixture->kafka, NULL);
}

static void the_dead_have_no_effect_but_what_they_sent(void **state)
{
	struct fixture *fixture = *state;
	struct bus_batch batch;
	join(fixture);
	expect_ok(bus_begin(fixture->bus));
	produce(fixture->bus, "a");
	bus_memory_strike_dead(fixture->bus);
	expect_err(bus_poll(fixture->bus, 0, &batch), ERR_FATAL, "BUS_KILLED");
	expect_err(bus_commit(fixture->bus), ERR_FATAL, "BUS_KILLED");
	expect_err(bus_abort(fixture->bus), ERR_FATAL, "BUS_KILLED");
	bus_memory_kill(&fixture->bus);
	assert_int_equal(fixture->revoked_count, 0);
	assert_int_equal(out_count(fixture), 0);
}

static void close_aborts_what_is_open(void **state)
{
	struct fixture *fixture = *state;
	struct outgoing plain = text_record("out", 0, "plain");
	expect_ok(bus_begin(fixture->bus));
	produce(fixture->bus, "a");
	bus_close(&fixture->bus);
	memory_kafka_append(fixture->kafka, &plain);
	assert_int_equal(out_count(fixture), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(join_assigns_all_partitions_and_close_revokes_them),
		TEST(listener_error_ends_membership_and_next_poll_joins_again),
		TEST(poll_reports_the_end_after_the_last_record),
		TEST(poll_gives_equal_pointers_for_equal_topics),
		TEST(poll_bounds_its_batch_and_keeps_the_order),
		TEST(headers_and_nulls_survive),
		TEST(headers_are_shown_only_to_who_wants_them),
		TEST(offsets_below_the_log_are_gone),
		TEST(a_position_left_open_is_refused),
		TEST(missing_topics_are_fatal),
		TEST(a_record_too_large_is_poison_and_the_transaction_goes_on),
		TEST(fault_commit_aborts),
		TEST(fault_commit_ambiguous_has_committed),
		TEST(fault_offsets_timeout_needs_an_abort),
		TEST(a_killed_transaction_holds_readers_until_its_id_comes_back),
		TEST(the_same_id_takes_the_membership_over),
		TEST(a_killed_transaction_ends_with_its_time),
		TEST(a_second_member_waits_for_the_first_and_gets_its_share),
		TEST(positions_of_an_old_generation_are_refused),
		TEST(a_stopped_member_is_lost_with_its_session),
		TEST(compaction_keeps_the_last_of_each_key),
		TEST(a_topic_made_anew_is_empty_and_without_positions),
		TEST(markers_trail_the_outcome),
		TEST(the_dead_have_no_effect_but_what_they_sent),
		TEST(close_aborts_what_is_open),
#undef TEST
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
