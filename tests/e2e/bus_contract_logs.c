/* The behaviours of logs that are read on in, cut short by markers, or made anew, for both buses:
 * see tests/e2e/bus_contract.c.
 *
 *   bus_contract_logs                   the model only
 *   bus_contract_logs HOST:PORT [TEXT]  the model and that Kafka; only names with TEXT */
#include <sys/wait.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "kafka/memory_tail.h"
#include "tests/lib/bus_world.h"

#define PYTHON "deps/venv/bin/python"

enum { TAIL_BYTES = 1 << 20, TAIL_RECORDS = 100, STILL_POLLS = 5, PATIENCE_MS = 100 };

/* ---- reading on ----------------------------------------------------------------------------- */

static struct log_tail *open_tail(struct world *world)
{
	struct log_tail *tail = NULL;
	if (world->memory != NULL)
		return memory_tail_open(world->memory);
	expect_ok(log_tail_open(&world->client, TAIL_BYTES, &tail));
	return tail;
}

/* Polls until `count` records have come, then a few times more: nothing may follow. */
static void tail_read(struct log_tail *tail, size_t count, struct seen *seen)
{
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	int still = 0;
	seen->count = 0;
	while (still < STILL_POLLS) {
		struct bus_batch batch;
		if (seen->count < count && time_monotonic_ms() > deadline)
			fail_msg("%zu records of %zu", seen->count, count);
		expect_ok(log_tail_poll(tail, TAIL_RECORDS, &batch));
		for (size_t i = 0; i < batch.count; i++)
			expect_ok(seen_add(seen, &batch.records[i]));
		still = seen->count >= count ? still + 1 : 0;
		if (batch.count == 0)
			time_system.sleep_ms(time_system.context, 10);
	}
	assert_int_equal(seen->count, count);
}

static void a_tail_reads_on_from_where_it_is_told(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	world_topic(world, "in", 2, in);
	append(world, in, 0, "a");
	append(world, in, 0, "b");
	append(world, in, 1, "other");
	struct log_tail *tail = open_tail(world);
	expect_ok(log_tail_add(tail, in, 0, LOG_TAIL_BEGIN));
	tail_read(tail, 2, &seen);
	EXPECT_SEEN(&seen, "a", "b");
	append(world, in, 0, "c");
	tail_read(tail, 1, &seen);
	EXPECT_SEEN(&seen, "c");
	expect_ok(log_tail_add(tail, in, 0, 1)); /* again, from there */
	tail_read(tail, 2, &seen);
	EXPECT_SEEN(&seen, "b", "c");
	assert_int_equal(seen.offsets[0], 1);
	log_tail_drop(tail, in, 0);
	expect_ok(log_tail_add(tail, in, 1, 0));
	append(world, in, 0, "nobody's");
	tail_read(tail, 1, &seen);
	EXPECT_SEEN(&seen, "other");
	log_tail_close(&tail);
}

static void a_tail_waits_for_open_transactions_and_passes_over_aborted_ones(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	struct log_tail *tail = open_tail(world);
	expect_ok(log_tail_add(tail, in, 0, LOG_TAIL_BEGIN));
	append(world, in, 0, "before");
	tail_read(tail, 1, &seen);
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "aborted");
	await_high(member.bus, in, 2);
	append(world, in, 0, "behind");
	tail_read(tail, 0, &seen);
	expect_ok(bus_abort(member.bus));
	tail_read(tail, 1, &seen);
	EXPECT_SEEN(&seen, "behind");
	assert_int_equal(seen.offsets[0], 2);
	log_tail_close(&tail);
	bus_close(&member.bus);
}

static void a_tail_beyond_the_end_says_so(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	struct bus_batch batch;
	struct err *err = NULL;
	world_topic(world, "in", 1, in);
	append(world, in, 0, "a");
	struct log_tail *tail = open_tail(world);
	expect_ok(log_tail_add(tail, in, 0, 7));
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (err == NULL && time_monotonic_ms() < deadline)
		err = log_tail_poll(tail, TAIL_RECORDS, &batch);
	expect_err(err, ERR_FATAL, "BUS_OFFSET_GONE");
	log_tail_close(&tail);
}

static void read_from_begins_there(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	append(world, in, 0, "a");
	append(world, in, 0, "b");
	append(world, in, 0, "c");
	member_open(world, &member);
	for (int64_t from = 0; from <= 3; from++) {
		const struct position start = { .topic = in, .offset = from };
		seen.count = 0;
		expect_ok(bus_read_from(member.bus, &start, seen_add, &seen));
		assert_int_equal(seen.count, 3 - from);
	}
	bus_close(&member.bus);
}

/* ---- what is deleted ------------------------------------------------------------------------ */

static void call(const char *script, const struct world *world, const char *topic,
		 const char *number)
{
	int status = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		execl(PYTHON, PYTHON, script, world->client.brokers, topic, number, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Who has read beyond it goes on; who would begin there can't. */
static void what_retention_took_is_gone(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	static struct member member, late;
	struct bus_batch batch;
	int64_t low = 0, high = 0;
	world_topic(world, "in", 1, in);
	append(world, in, 0, "a");
	append(world, in, 0, "b");
	append(world, in, 0, "c");
	member_open(world, &member);
	member_join(&member, in);
	member_poll(&member, 3, &seen);
	if (world->memory != NULL)
		memory_kafka_trim(world->memory, in, 0, 2);
	else
		call("tests/e2e/lib/trim_topic.py", world, in, "2");
	expect_ok(bus_watermarks(member.bus, in, 0, &low, &high));
	assert_int_equal(low, 2);
	assert_int_equal(high, 3);
	read_all(member.bus, in, 0, &seen);
	EXPECT_SEEN(&seen, "c");
	append(world, in, 0, "d");
	member_poll(&member, 1, &seen);
	EXPECT_SEEN(&seen, "d");
	bus_close(&member.bus);
	member_open(world, &late);
	const char *const topics[] = { in };
	expect_ok(bus_subscribe(late.bus, topics, 1, &late.listener));
	struct err *err = NULL;
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (err == NULL && time_monotonic_ms() < deadline)
		err = bus_poll(late.bus, POLL_MS, &batch);
	expect_err(err, ERR_FATAL, "BUS_OFFSET_GONE");
	bus_close(&late.bus);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* What was committed is the offset behind the last record; behind that there may be markers. */
static void a_position_in_front_of_markers_is_at_the_end(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	member_join(&member, in);
	struct position position = position_at(in, 2, "Y=2");
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "a");
	produce(member.bus, in, "b");
	expect_ok(bus_send_offsets(member.bus, &position, 1));
	expect_ok(bus_commit(member.bus));
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "c");
	await_high(member.bus, in, 4);
	expect_ok(bus_abort(member.bus));
	await_high(member.bus, in, 5);
	bus_close(&member.bus);

	member_open(world, &member);
	member_join(&member, in);
	assert_int_equal(member.committed[0].offset, 2);
	assert_int_equal(member_await_end(&member, in, 0), 5); /* without a record */
	expect_ok(bus_ends(member.bus, &position, 1));
	assert_int_equal(position.offset, 5);
	append(world, in, 0, "after");
	member_poll(&member, 1, &seen);
	EXPECT_SEEN(&seen, "after");
	assert_int_equal(seen.offsets[0], 5);
	bus_close(&member.bus);
}

/* ---- a topic that is made anew -------------------------------------------------------------- */

static void remake(struct world *world, const char *topic)
{
	if (world->memory != NULL)
		memory_kafka_recreate(world->memory, topic);
	else
		call("tests/e2e/lib/remake_topic.py", world, topic, "1");
}

static uint64_t id_of(struct bus *bus, const char *topic)
{
	char cluster[CLUSTER_ID_MAX + 1];
	uint64_t id = 0;
	expect_ok(bus_ids(bus, &topic, 1, &id, cluster, WAIT_MS_MAX));
	assert_string_not_equal(cluster, "");
	return id;
}

static void await_no_position(struct bus *bus, const char *topic)
{
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	struct position position = position_at(topic, 0, "");
	while (position.offset >= 0) {
		assert_true(time_monotonic_ms() < deadline);
		expect_ok(bus_committed(bus, &position, 1));
		if (position.offset >= 0)
			time_system.sleep_ms(time_system.context, PATIENCE_MS);
	}
}

static void a_topic_made_anew_has_another_id_and_no_positions(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	append(world, in, 0, "old");
	append(world, in, 0, "older");
	member_open(world, &member);
	member_join(&member, in);
	uint64_t id = id_of(member.bus, in);
	assert_int_not_equal(id, 0);
	assert_int_equal(id_of(member.bus, in), id);
	struct position position = position_at(in, 2, "Y=2");
	expect_ok(bus_begin(member.bus));
	expect_ok(bus_send_offsets(member.bus, &position, 1));
	expect_ok(bus_commit(member.bus));
	bus_close(&member.bus);
	remake(world, in);
	append(world, in, 0, "new");
	member_open(world, &member);
	await_no_position(member.bus, in);
	assert_int_not_equal(id_of(member.bus, in), id);
	assert_int_not_equal(id_of(member.bus, in), 0);
	member_join(&member, in);
	assert_int_equal(member.committed[0].offset, -1);
	member_poll(&member, 1, &seen);
	EXPECT_SEEN(&seen, "new");
	assert_int_equal(seen.offsets[0], 0);
	bus_close(&member.bus);
}

static const struct behaviour behaviours[] = {
	BEHAVIOUR(a_tail_reads_on_from_where_it_is_told),
	BEHAVIOUR(a_tail_waits_for_open_transactions_and_passes_over_aborted_ones),
	BEHAVIOUR(a_tail_beyond_the_end_says_so),
	BEHAVIOUR(read_from_begins_there),
	BEHAVIOUR(what_retention_took_is_gone),
	BEHAVIOUR(a_position_in_front_of_markers_is_at_the_end),
	BEHAVIOUR(a_topic_made_anew_has_another_id_and_no_positions),
};

int main(int argc, char **argv)
{
	struct world memory, kafka;
	if (!worlds_open(argc, argv, &memory, &kafka))
		return 1;
	return worlds_run("bus_contract_logs", behaviours, sizeof behaviours / sizeof behaviours[0],
			  argc == 3 ? argv[2] : NULL, &memory, &kafka);
}
