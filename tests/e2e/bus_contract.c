/* One list of behaviours for both buses: what the model in memory claims is checked against a real
 * Kafka, each with the same code.
 *
 *   bus_contract                   the model only
 *   bus_contract HOST:PORT         the model and that Kafka
 *   bus_contract HOST:PORT TEXT    only the behaviours with TEXT in their names
 *   bus_contract HOST:PORT crash PREFIX SERIAL TOPIC    itself, as the process to be killed
 *
 * Prints TAP. Figures (join and commit times) are diagnostics, not tests. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/timestamp.h"
#include "kafka/bus_kafka.h"
#include "kafka/group.h"
#include "kafka/reader.h"
#include "tests/lib/bus_world.h"

enum { REJOIN_MS_MAX = 5000, COMMITS_TIMED = 50 };

/* ---- the behaviours ------------------------------------------------------------------------- */

static void transaction_is_seen_only_after_commit(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	member_join(&member, in);
	append(world, in, 0, "before");
	member_poll(&member, 1, &seen);
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "inside");
	member_poll_nothing(&member);
	expect_ok(bus_commit(member.bus));
	await_high(member.bus, in, 3);
	append(world, in, 0, "after");
	member_poll(&member, 2, &seen);
	EXPECT_SEEN(&seen, "inside", "after");
	assert_int_equal(seen.offsets[0], 1);
	assert_int_equal(seen.offsets[1], 3); /* the marker is at 2 */
	read_all(member.bus, in, 0, &seen);
	EXPECT_SEEN(&seen, "before", "inside", "after");
	bus_close(&member.bus);
}

static void aborted_records_are_never_seen(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	member_join(&member, in);
	for (int i = 0; i < 3; i++) {
		expect_ok(bus_begin(member.bus));
		produce(member.bus, in, i == 1 ? "kept" : "dropped");
		expect_ok(i == 1 ? bus_commit(member.bus) : bus_abort(member.bus));
	}
	expect_ok(bus_abort(member.bus)); /* nothing to abort is no error */
	append(world, in, 0, "last");
	member_poll(&member, 2, &seen);
	EXPECT_SEEN(&seen, "kept", "last");
	read_all(member.bus, in, 0, &seen);
	EXPECT_SEEN(&seen, "kept", "last");
	bus_close(&member.bus);
}

static void markers_take_offsets(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	for (int i = 0; i < 2; i++) {
		expect_ok(bus_begin(member.bus));
		produce(member.bus, in, "a");
		produce(member.bus, in, "b");
		expect_ok(bus_commit(member.bus));
	}
	await_high(member.bus, in, 6);
	read_all(member.bus, in, 0, &seen);
	EXPECT_SEEN(&seen, "a", "b", "a", "b");
	assert_int_equal(seen.offsets[1], 1);
	assert_int_equal(seen.offsets[2], 3);
	bus_close(&member.bus);
}

static void an_empty_transaction_leaves_nothing(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	member_join(&member, in);
	expect_ok(bus_begin(member.bus));
	expect_ok(bus_commit(member.bus));
	expect_ok(bus_begin(member.bus));
	expect_ok(bus_abort(member.bus));
	struct position position = position_at(in, 7, "Y=7");
	expect_ok(bus_begin(member.bus));
	expect_ok(bus_send_offsets(member.bus, &position, 1));
	expect_ok(bus_commit(member.bus));
	assert_int_equal(high_of(member.bus, in, 0), 0);
	bus_close(&member.bus);
}

static void positions_are_committed_with_the_transaction_only(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	struct member member;
	world_topic(world, "in", 2, in);
	member_open(world, &member);
	member_join(&member, in);
	assert_int_equal(member.committed[0].offset, -1);
	assert_string_equal(member.committed[0].metadata, "");
	struct position position = position_at(in, 3, "Y=1;v=2");
	expect_ok(bus_begin(member.bus));
	expect_ok(bus_send_offsets(member.bus, &position, 1));
	expect_ok(bus_abort(member.bus));
	expect_ok(bus_committed(member.bus, &position, 1));
	assert_int_equal(position.offset, -1);

	position = position_at(in, 5, "Y=2;v=2");
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "a");
	expect_ok(bus_send_offsets(member.bus, &position, 1));
	expect_ok(bus_commit(member.bus));
	struct position positions[2] = { position_at(in, 0, "x"), position_at(in, 0, "x") };
	positions[1].partition = 1;
	expect_ok(bus_committed(member.bus, positions, 2));
	assert_int_equal(positions[0].offset, 5);
	assert_string_equal(positions[0].metadata, "Y=2;v=2");
	assert_int_equal(positions[1].offset, -1);
	assert_string_equal(positions[1].metadata, "");
	bus_close(&member.bus);
}

static void the_longest_metadata_is_kept(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	member_join(&member, in);
	struct position position = position_at(in, 1, "");
	memset(position.metadata, 'm', sizeof position.metadata - 1);
	expect_ok(bus_begin(member.bus));
	expect_ok(bus_send_offsets(member.bus, &position, 1));
	expect_ok(bus_commit(member.bus));
	struct position read = position_at(in, 0, "");
	expect_ok(bus_committed(member.bus, &read, 1));
	assert_string_equal(read.metadata, position.metadata);
	bus_close(&member.bus);
}

static void the_same_id_fences_and_aborts(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "zombie");
	struct bus *second = world_open(world, "group2");
	read_all(second, in, 0, &seen);
	assert_int_equal(seen.count, 0);
	expect_err(bus_commit(member.bus), ERR_ABORT, "BUS_FENCED");
	expect_ok(bus_begin(second));
	produce(second, in, "mine");
	expect_ok(bus_commit(second));
	read_all(second, in, 0, &seen);
	EXPECT_SEEN(&seen, "mine");
	/* The fenced one comes back by bus_abort, and fences in turn. */
	expect_ok(bus_abort(member.bus));
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "again");
	expect_ok(bus_commit(member.bus));
	expect_ok(bus_begin(second));
	produce(second, in, "too late");
	expect_err(bus_commit(second), ERR_ABORT, "BUS_FENCED");
	bus_close(&second);
	read_all(member.bus, in, 0, &seen);
	EXPECT_SEEN(&seen, "mine", "again");
	bus_close(&member.bus);
}

static void offsets_of_a_fenced_producer_are_refused(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	member_join(&member, in);
	struct position position = position_at(in, 4, "");
	expect_ok(bus_begin(member.bus));
	struct bus *second = world_open(world, "group2");
	/* The positions may travel with the commit: one of the two is refused. */
	struct err *refused = bus_send_offsets(member.bus, &position, 1);
	if (refused == NULL)
		refused = bus_commit(member.bus);
	expect_err(refused, ERR_ABORT, "BUS_FENCED");
	expect_ok(bus_abort(member.bus));
	bus_close(&second);
	expect_ok(bus_committed(member.bus, &position, 1));
	assert_int_equal(position.offset, -1);
	bus_close(&member.bus);
}

static void seek_reads_again_from_there(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	for (int i = 0; i < 10; i++)
		append(world, in, 0, i < 5 ? "low" : "high");
	member_open(world, &member);
	member_join(&member, in);
	member_poll(&member, 10, &seen);
	assert_int_equal(member_await_end(&member, in, 0), 10);
	for (int64_t to = 7; to >= 0; to -= 7) {
		struct position position = position_at(in, to, "");
		expect_ok(bus_seek(member.bus, &position, 1));
		assert_int_equal(bus_end_reached(member.bus, in, 0), -1);
		member_poll(&member, (size_t)(10 - to), &seen);
		assert_int_equal(seen.offsets[0], to);
		assert_int_equal(member_await_end(&member, in, 0), 10);
	}
	expect_ok(bus_seek(member.bus, NULL, 0)); /* as a member does that has lost everything */
	bus_close(&member.bus);
}

static void the_end_counts_markers_and_waits_for_open_transactions(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 2, in);
	member_open(world, &member);
	member_join(&member, in);
	assert_int_equal(member_await_end(&member, in, 1), 0);
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "a");
	expect_ok(bus_abort(member.bus));
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "b");
	expect_ok(bus_commit(member.bus));
	member_poll(&member, 1, &seen);
	/* The end is known once the marker is written and seen; earlier ends are below it. */
	int64_t high = high_of(member.bus, in, 0), end = -1;
	struct bus_batch batch;
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (end < high && time_monotonic_ms() < deadline) {
		expect_ok(bus_poll(member.bus, POLL_MS, &batch));
		assert_int_equal(batch.count, 0);
		high = high_of(member.bus, in, 0);
		end = bus_end_reached(member.bus, in, 0);
	}
	assert_int_equal(end, high);

	struct bus *other = world_open(world, "group2"); /* fences member's producer: unused now */
	expect_ok(bus_begin(other));
	produce(other, in, "open");
	await_high(other, in, high + 1);
	append(world, in, 0, "behind");
	member_poll_nothing(&member);
	assert_int_equal(bus_end_reached(member.bus, in, 0), end);
	/* it hears of what it may not read yet */
	deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (bus_known_end(member.bus, in, 0) < end + 2 && time_monotonic_ms() < deadline) {
		expect_ok(bus_poll(member.bus, POLL_MS, &batch));
		assert_int_equal(batch.count, 0);
	}
	assert_int_equal(bus_known_end(member.bus, in, 0), end + 2);
	struct position stable = { .topic = in, .partition = 0 };
	expect_ok(bus_stable_ends(member.bus, &stable, 1));
	assert_int_equal(stable.offset, end);
	expect_ok(bus_commit(other));
	member_poll(&member, 2, &seen);
	EXPECT_SEEN(&seen, "open", "behind");
	bus_close(&other);
	bus_close(&member.bus);
}

static void watermarks_count_open_transactions(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	int64_t low, high;
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	member_join(&member, in);
	append(world, in, 0, "a");
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "b");
	struct position position = position_at(in, 1, "");
	expect_ok(bus_send_offsets(member.bus, &position, 1));
	await_high(member.bus, in, 2); /* b is sent after the client's linger */
	expect_ok(bus_watermarks(member.bus, in, 0, &low, &high));
	assert_int_equal(low, 0);
	expect_ok(bus_abort(member.bus));
	bus_close(&member.bus);
}

static void nulls_headers_and_partitions_survive(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	struct bus_batch batch = { 0 };
	struct member member;
	struct header headers[HEADER_COUNT_MAX];
	world_topic(world, "in", 4, in);
	member_open(world, &member);
	for (size_t i = 0; i < HEADER_COUNT_MAX; i++)
		headers[i] = (struct header){ "h", i == 0 ? bytes_str("") : bytes_str("value") };
	struct outgoing tombstone = { in, -1, bytes_str("gone"), { NULL, 0 }, headers,
				      HEADER_COUNT_MAX };
	struct outgoing empty = { in, -1, bytes_str("gone"), bytes_str(""), NULL, 0 };
	member_join(&member, in);
	expect_ok(bus_begin(member.bus));
	expect_ok(bus_produce(member.bus, &tombstone));
	expect_ok(bus_produce(member.bus, &empty));
	expect_ok(bus_commit(member.bus));
	static struct record records[2];
	size_t count = 0;
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (count < 2 && time_monotonic_ms() < deadline) {
		expect_ok(bus_poll(member.bus, POLL_MS, &batch));
		for (size_t i = 0; i < batch.count && count < 2; i++)
			records[count++] = batch.records[i];
	}
	assert_int_equal(count, 2); /* produced together, so read together: still borrowed */
	assert_int_equal(batch.count, 2);
	assert_int_equal(records[0].partition, hash_partition(bytes_str("gone"), 4));
	assert_true(bytes_equal(records[0].key, bytes_str("gone")));
	assert_null(records[0].value.data);
	assert_int_equal(records[0].header_count, HEADER_COUNT_MAX);
	assert_string_equal(records[0].headers[1].name, "h");
	assert_int_equal(records[0].headers[0].value.len, 0);
	assert_true(bytes_equal(records[0].headers[1].value, bytes_str("value")));
	assert_non_null(records[1].value.data);
	assert_int_equal(records[1].value.len, 0);
	assert_int_equal(records[1].header_count, 0);
	assert_ptr_equal(records[0].topic, records[1].topic);
	bus_close(&member.bus);
}

static void a_record_too_large_is_poison_at_once(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	uint8_t *large = check_calloc(1, 1048588);
	struct outgoing out = { .topic = in, .value = bytes_of(large, 1048588) };
	expect_ok(bus_begin(member.bus));
	expect_err(bus_produce(member.bus, &out), ERR_POISON, "BUS_TOO_LARGE");
	out.value.len = 1048588 - 100;
	expect_ok(bus_produce(member.bus, &out));
	expect_ok(bus_commit(member.bus));
	read_all(member.bus, in, 0, &seen);
	assert_int_equal(seen.count, 1);
	free(large);
	bus_close(&member.bus);
}

static void read_all_takes_many_and_stops_at_an_error(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	read_all(member.bus, in, 0, &seen);
	assert_int_equal(seen.count, 0);
	expect_ok(bus_begin(member.bus));
	for (int i = 0; i < SEEN_MAX; i++)
		produce(member.bus, in, "x");
	expect_ok(bus_commit(member.bus));
	for (int again = 0; again < 2; again++) {
		read_all(member.bus, in, 0, &seen);
		assert_int_equal(seen.count, SEEN_MAX);
		for (size_t i = 0; i < seen.count; i++)
			assert_int_equal(seen.offsets[i], i);
	}
	bus_close(&member.bus);
}

static struct err *refuse(void *context, const struct record *record)
{
	(void)record;
	++*(int *)context;
	return err_new(ERR_POISON, "TEST", "refused");
}

static void read_all_returns_the_error_of_each(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	struct member member;
	int calls = 0;
	world_topic(world, "in", 1, in);
	append(world, in, 0, "a");
	append(world, in, 0, "b");
	member_open(world, &member);
	expect_err(bus_read_all(member.bus, in, 0, refuse, &calls), ERR_POISON, "TEST");
	assert_int_equal(calls, 1);
	bus_close(&member.bus);
}

static void missing_topics_are_fatal(void **state)
{
	struct world *world = world_of(state);
	char name[NAME_MAX_LEN];
	int32_t count;
	struct member member;
	world_name(world, "nowhere", name);
	member_open(world, &member);
	expect_err(bus_partition_count(member.bus, name, &count), ERR_FATAL, "BUS_TOPIC_MISSING");
	expect_ok(bus_begin(member.bus));
	struct outgoing out = { .topic = name, .value = bytes_str("v") };
	expect_err(bus_produce(member.bus, &out), ERR_FATAL, "BUS_TOPIC_MISSING");
	expect_ok(bus_abort(member.bus));
	bus_close(&member.bus);
}

static struct err *assigned_beyond(void *context, struct position *positions, size_t count)
{
	struct member *member = context;
	member->assigned_count += count;
	for (size_t i = 0; i < count; i++)
		positions[i].offset = 100;
	return NULL;
}

static void an_offset_that_is_gone_is_fatal(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	struct member member;
	struct bus_batch batch;
	world_topic(world, "in", 1, in);
	append(world, in, 0, "a");
	member_open(world, &member);
	member.listener.assigned = assigned_beyond;
	const char *const topics[] = { in };
	expect_ok(bus_subscribe(member.bus, topics, 1, &member.listener));
	struct err *err = NULL;
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (err == NULL && time_monotonic_ms() < deadline)
		err = bus_poll(member.bus, POLL_MS, &batch);
	expect_err(err, ERR_FATAL, "BUS_OFFSET_GONE");
	bus_close(&member.bus);
}

static struct err *assigned_retry_once(void *context, struct position *positions, size_t count)
{
	struct member *member = context;
	if (member->assigned_count > 0)
		return member_assigned(context, positions, count);
	member->assigned_count += count;
	return err_new(ERR_RETRY, "TEST", "not yet");
}

static void a_listeners_error_leaves_and_the_next_poll_joins(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	struct bus_batch batch;
	world_topic(world, "in", 1, in);
	append(world, in, 0, "a");
	member_open(world, &member);
	member.listener.assigned = assigned_retry_once;
	const char *const topics[] = { in };
	expect_ok(bus_subscribe(member.bus, topics, 1, &member.listener));
	struct err *err = NULL;
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (err == NULL && time_monotonic_ms() < deadline)
		err = bus_poll(member.bus, POLL_MS, &batch);
	expect_err(err, ERR_RETRY, "TEST");
	assert_int_equal(member.revoked_count, 0);
	member_poll(&member, 1, &seen);
	assert_int_equal(member.assigned_count, 2);
	bus_close(&member.bus);
	assert_int_equal(member.revoked_count, 1);
}

static void close_revokes_and_aborts(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 2, in);
	member_open(world, &member);
	member_join(&member, in);
	assert_int_equal(member.assigned_count, 2);
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "open");
	bus_close(&member.bus);
	assert_int_equal(member.revoked_count, 2);
	assert_false(member.lost);
	append(world, in, 0, "after");
	member_open(world, &member);
	member_join(&member, in);
	member_poll(&member, 1, &seen);
	EXPECT_SEEN(&seen, "after");
	bus_close(&member.bus);
}

static void the_same_member_elsewhere_ends_this_one(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	struct member zombie, member;
	struct bus_batch batch;
	world_topic(world, "in", 1, in);
	member_open(world, &zombie);
	member_join(&zombie, in);
	expect_ok(bus_begin(zombie.bus));
	member_open(world, &member);
	member_join(&member, in);
	produce(zombie.bus, in, "zombie");
	expect_err(bus_commit(zombie.bus), ERR_ABORT, "BUS_FENCED");
	/* It must not come back and fence its successor. */
	expect_err(bus_abort(zombie.bus), ERR_FATAL, "BUS_MEMBER_FENCED");
	expect_err(bus_poll(zombie.bus, POLL_MS, &batch), ERR_FATAL, "BUS_MEMBER_FENCED");
	expect_ok(bus_begin(member.bus));
	produce(member.bus, in, "mine");
	struct position position = position_at(in, 0, "");
	expect_ok(bus_send_offsets(member.bus, &position, 1));
	expect_ok(bus_commit(member.bus));
	bus_close(&zombie.bus);
	bus_close(&member.bus);
}

/* ---- the crash ------------------------------------------------------------------------------ */

/* Joins, commits one record with a position, and dies in the middle of the next transaction. */
static void crash_prepare(struct world *world, struct member *member, const char *in)
{
	static struct seen seen;
	member_open(world, member);
	member_join(member, in);
	struct position position = position_at(in, 1, "Y=1");
	member_poll(member, 1, &seen);
	expect_ok(bus_begin(member->bus));
	produce(member->bus, in, "committed");
	expect_ok(bus_send_offsets(member->bus, &position, 1));
	expect_ok(bus_commit(member->bus));
	position = position_at(in, 2, "Y=2");
	expect_ok(bus_begin(member->bus));
	produce(member->bus, in, "lost");
	expect_ok(bus_send_offsets(member->bus, &position, 1));
	await_high(member->bus, in, 4); /* its record is in the log */
}

/* The child: as above, in another process, with the names of the parent's current test. */
static int crash_run(struct world *world, const char *in)
{
	struct member member;
	crash_prepare(world, &member, in);
	ssize_t written = write(STDOUT_FILENO, "r", 1);
	for (;;)
		pause();
	return (int)written;
}

static void crash_child(struct world *world, const char *in)
{
	int channel[2];
	char ready = 0, serial[16];
	snprintf(serial, sizeof serial, "%d", world->serial);
	assert_int_equal(pipe(channel), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(channel[1], STDOUT_FILENO);
		close(channel[0]);
		close(channel[1]);
		execl(world->program, world->program, world->client.brokers, "crash", world->prefix,
		      serial, in, (char *)NULL);
		_exit(127);
	}
	close(channel[1]);
	ssize_t got = read(channel[0], &ready, 1);
	close(channel[0]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(got, 1);
}

static void a_killed_member_rejoins_and_its_transaction_is_aborted(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	struct member member;
	world_topic(world, "in", 1, in);
	append(world, in, 0, "first");
	if (world->memory != NULL) {
		crash_prepare(world, &member, in);
		bus_memory_kill(&member.bus);
		assert_int_equal(member.revoked_count, 0);
	} else {
		crash_child(world, in);
	}
	append(world, in, 0, "behind");
	int64_t began = time_monotonic_ms();
	member_open(world, &member);
	int64_t opened = time_monotonic_ms();
	int64_t joined_ms = member_join(&member, in);
	assert_int_equal(member.committed[0].offset, 1);
	assert_string_equal(member.committed[0].metadata, "Y=1");
	member_poll(&member, 2, &seen);
	int64_t total_ms = time_monotonic_ms() - began;
	EXPECT_SEEN(&seen, "committed", "behind");
	printf("# %s: after kill -9: open %lld ms, join %lld ms, first record %lld ms\n",
	       world->memory != NULL ? "memory" : "kafka", (long long)(opened - began),
	       (long long)joined_ms, (long long)total_ms);
	assert_true(total_ms < REJOIN_MS_MAX);
	read_all(member.bus, in, 0, &seen);
	EXPECT_SEEN(&seen, "first", "committed", "behind");
	bus_close(&member.bus);
}

/* ---- only what differs between the two ------------------------------------------------------ */

static int us_compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Commits COMMITS_TIMED transactions of 100 records, `rest_ms` apart; prints median and maximum of
 * send_offsets + commit. */
static void commits_time(struct world *world, struct bus *bus, const char *in, int rest_ms)
{
	int64_t us[COMMITS_TIMED];
	for (int i = 0; i < COMMITS_TIMED; i++) {
		struct position position = position_at(in, i, "Y=0");
		struct timespec rest = { .tv_nsec = rest_ms * 1000000L };
		expect_ok(bus_begin(bus));
		for (int j = 0; j < 100; j++)
			produce(bus, in, "record");
		int64_t began = time_monotonic_ns();
		expect_ok(bus_send_offsets(bus, &position, 1));
		expect_ok(bus_commit(bus));
		us[i] = (time_monotonic_ns() - began) / 1000;
		nanosleep(&rest, NULL);
	}
	qsort(us, COMMITS_TIMED, sizeof us[0], us_compare);
	printf("# %s: send_offsets + commit of 100 records, %d ms apart: median %.2f ms, "
	       "max %.2f ms\n",
	       world->memory != NULL ? "memory" : "kafka", rest_ms,
	       (double)us[COMMITS_TIMED / 2] / 1000, (double)us[COMMITS_TIMED - 1] / 1000);
}

static void commits_are_timed(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	struct member member;
	world_topic(world, "in", 1, in);
	member_open(world, &member);
	member_join(&member, in);
	commits_time(world, member.bus, in, 0);
	commits_time(world, member.bus, in, world->memory != NULL ? 0 : 20);
	bus_close(&member.bus);
}

static void options_that_break_the_promise_are_refused(void **state)
{
	static const struct client_property bad[] = {
		{ "enable.auto.commit", "true" },   { "isolation.level", "read_uncommitted" },
		{ "enable.idempotence", "false" },  { "auto.offset.reset", "earliest" },
		{ "transactional.id", "mine" },     { "group.id", "mine" },
		{ "no.such.option", "1" },          { "session.timeout.ms", "soon" },
	};
	struct world *world = world_of(state);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct client_options client = { world->client.brokers, &bad[i], 1 };
		struct bus_kafka_options options = { .client = &client,
							.group = "g",
							.transactional_id = "t" };
		struct bus *bus = NULL;
		struct err *err = bus_kafka_open(&options, &bus);
		assert_non_null(err);
		assert_non_null(strstr(err_text(err), bad[i].name));
		expect_err(err, ERR_FATAL, "BUS_OPTION");
	}
	struct client_property fine = { "session.timeout.ms", "6000" };
	struct client_options client = { world->client.brokers, &fine, 1 };
	struct bus_kafka_options options = { .client = &client,
						.group = "g",
						.transactional_id = "t-fine" };
	struct bus *bus = NULL;
	expect_ok(bus_kafka_open(&options, &bus));
	bus_close(&bus);
}

static void admin_and_reader_and_writer_agree(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN], group[NAME_MAX_LEN], value[64];
	static struct seen seen;
	struct member member;
	int32_t count = 0;
	bool has = true, created = true;
	world_topic(world, "in", 3, in);
	struct topic_spec spec = { .name = in, .partition_count = 5, .replication_factor = -1 };
	expect_ok(admin_create(world->admin, &spec, 1, &created));
	assert_false(created);
	expect_ok(admin_partition_count(world->admin, in, &count));
	assert_int_equal(count, 3);
	expect_ok(admin_partition_count(world->admin, "no-such-topic", &count));
	assert_int_equal(count, -1);
	expect_ok(admin_topic_config(world->admin, in, "max.message.bytes", value, sizeof value));
	assert_string_equal(value, "1048588");
	expect_ok(admin_topic_config(world->admin, in, "no.such", value, sizeof value));
	assert_string_equal(value, "");
	world_name(world, "group", group);
	expect_ok(group_has_offsets(&world->client, group, in, &has));
	assert_false(has);

	for (int i = 0; i < 9; i++)
		append(world, in, i % 3, "x");
	member_open(world, &member);
	member_join(&member, in);
	struct position position = position_at(in, 3, "");
	expect_ok(bus_begin(member.bus));
	expect_ok(bus_send_offsets(member.bus, &position, 1));
	expect_ok(bus_commit(member.bus));
	bus_close(&member.bus);
	expect_ok(group_has_offsets(&world->client, group, in, &has));
	assert_true(has);

	struct reader_options options = { .client = &world->client, .topic = in, .partition = -1 };
	seen.count = 0;
	expect_ok(reader_run(&options, seen_add, &seen, NULL));
	assert_int_equal(seen.count, 9);
	options.partition = 1;
	seen.count = 0;
	expect_ok(reader_run(&options, seen_add, &seen, NULL));
	assert_int_equal(seen.count, 3);
	options.topic = "no-such-topic";
	expect_err(reader_run(&options, seen_add, &seen, NULL), ERR_FATAL, "BUS_TOPIC_MISSING");
}

/* ---- the run -------------------------------------------------------------------------------- */

static const struct behaviour behaviours[] = {
	BEHAVIOUR(transaction_is_seen_only_after_commit),
	BEHAVIOUR(aborted_records_are_never_seen),
	BEHAVIOUR(markers_take_offsets),
	BEHAVIOUR(an_empty_transaction_leaves_nothing),
	BEHAVIOUR(positions_are_committed_with_the_transaction_only),
	BEHAVIOUR(the_longest_metadata_is_kept),
	BEHAVIOUR(the_same_id_fences_and_aborts),
	BEHAVIOUR(offsets_of_a_fenced_producer_are_refused),
	BEHAVIOUR(seek_reads_again_from_there),
	BEHAVIOUR(the_end_counts_markers_and_waits_for_open_transactions),
	BEHAVIOUR(watermarks_count_open_transactions),
	BEHAVIOUR(nulls_headers_and_partitions_survive),
	BEHAVIOUR(a_record_too_large_is_poison_at_once),
	BEHAVIOUR(read_all_takes_many_and_stops_at_an_error),
	BEHAVIOUR(read_all_returns_the_error_of_each),
	BEHAVIOUR(missing_topics_are_fatal),
	BEHAVIOUR(an_offset_that_is_gone_is_fatal),
	BEHAVIOUR(a_listeners_error_leaves_and_the_next_poll_joins),
	BEHAVIOUR(close_revokes_and_aborts),
	BEHAVIOUR(the_same_member_elsewhere_ends_this_one),
	BEHAVIOUR(a_killed_member_rejoins_and_its_transaction_is_aborted),
	BEHAVIOUR(commits_are_timed),
	{ "options_that_break_the_promise_are_refused",
	  options_that_break_the_promise_are_refused, true },
	{ "admin_and_reader_and_writer_agree", admin_and_reader_and_writer_agree, true },
};

enum { BEHAVIOUR_COUNT = sizeof behaviours / sizeof behaviours[0] };

int main(int argc, char **argv)
{
	struct world memory, kafka;
	if (!worlds_open(argc, argv, &memory, &kafka))
		return 1;
	if (argc == 6 && strcmp(argv[2], "crash") == 0) {
		snprintf(kafka.prefix, sizeof kafka.prefix, "%s", argv[3]);
		kafka.serial = (int)strtol(argv[4], NULL, 10);
		return crash_run(&kafka, argv[5]);
	}
	return worlds_run("bus_contract", behaviours, BEHAVIOUR_COUNT, argc == 3 ? argv[2] : NULL,
			  &memory, &kafka);
}
