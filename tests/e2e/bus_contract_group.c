/* The behaviours of groups of several members, of what runs out of time, and of what the brokers do
 * by themselves, for both buses: see tests/e2e/bus_contract.c.
 *
 *   bus_contract_group                   the model only
 *   bus_contract_group HOST:PORT [TEXT]  the model and that Kafka; only names with TEXT
 *   bus_contract_group HOST:PORT sleep PREFIX SERIAL TOPIC    itself, as the one to be stopped
 *
 * The Kafka ends transactions that are out of time every half second, and cleans at once: see
 * tests/e2e/test_bus_contract.sh. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "tests/lib/bus_world.h"

#define PYTHON "deps/venv/bin/python"

enum {
	SESSION_MS = 6000,
	TRANSACTION_MS = 1500,
	SOON_MS = 4000,	 /* well below a session */
	BRIEF_MS = 2000, /* a sleeper's session */
	STEP_MS = 50,	 /* of the model's time, with each poll */
	CLEANED_MAX = 400,
};

static const struct client_property short_lived[] = {
	{ "session.timeout.ms", "6000" },
	{ "heartbeat.interval.ms", "200" },
	{ "transaction.timeout.ms", "1500" },
};
enum { SHORT_LIVED_COUNT = sizeof short_lived / sizeof short_lived[0] };

/* ---- two members ---------------------------------------------------------------------------- */

static void open_member(struct world *world, struct member *member, const char *slot)
{
	if (world->memory != NULL)
		memory_kafka_set_timeouts(
			world->memory,
			&(struct memory_timeouts){ SESSION_MS, 600000, TRANSACTION_MS });
	member_open_slot(world, member, slot, short_lived, SHORT_LIVED_COUNT);
}

static void subscribe(struct member *member, const char *topic)
{
	const char *const topics[] = { topic };
	expect_ok(bus_subscribe(member->bus, topics, 1, &member->listener));
}

static void poll_once(struct world *world, struct member *member)
{
	struct bus_batch batch;
	expect_ok(bus_poll(member->bus, STEP_MS, &batch));
	world_wait(world, STEP_MS);
}

/* How long, in the world's time, until each owns so many; fails if that takes for ever. */
static int64_t await_owned(struct world *world, struct member *a, size_t a_count, struct member *b,
			   size_t b_count)
{
	int64_t began_ms = time_monotonic_ms(), began_model_ms = world->now_ms;
	while (time_monotonic_ms() - began_ms < WAIT_MS_MAX) {
		poll_once(world, a);
		if (b != NULL)
			poll_once(world, b);
		if (a->owned_count == a_count && (b == NULL || b->owned_count == b_count))
			return world->memory != NULL ? world->now_ms - began_model_ms
						     : time_monotonic_ms() - began_ms;
	}
	fail_msg("%zu and %zu partitions are owned", a->owned_count,
		 b == NULL ? 0 : b->owned_count);
	return 0;
}

static void members_share_the_partitions(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct member a, b;
	world_topic(world, "in", 3, in);
	open_member(world, &a, "a");
	open_member(world, &b, "b");
	subscribe(&a, in);
	(void)await_owned(world, &a, 3, NULL, 0);
	subscribe(&b, in);
	(void)await_owned(world, &a, 2, &b, 1); /* range, in the order of their names */
	assert_int_equal(a.revoked_count, 3);	/* eager: everything is handed back */
	assert_false(a.lost);
	bus_close(&b.bus);
	bus_close(&a.bus);
}

/* Whoever paused a partition reads on when it is assigned anew. */
static void a_new_assignment_is_never_paused(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct member a, b;
	static struct seen seen;
	world_topic(world, "in", 2, in);
	open_member(world, &a, "a");
	open_member(world, &b, "b");
	subscribe(&a, in);
	(void)await_owned(world, &a, 2, NULL, 0);
	expect_ok(bus_pause(a.bus, in, 0, true));
	expect_ok(bus_pause(a.bus, in, 1, true));
	subscribe(&b, in);
	(void)await_owned(world, &a, 1, &b, 1);
	append(world, in, 0, "first");
	member_poll(&a, 1, &seen);
	EXPECT_SEEN(&seen, "first");
	expect_ok(bus_pause(a.bus, in, 0, true));
	append(world, in, 0, "last");
	member_poll_nothing(&a);
	expect_ok(bus_pause(a.bus, in, 0, false));
	member_poll(&a, 1, &seen);
	EXPECT_SEEN(&seen, "last");
	bus_close(&b.bus);
	bus_close(&a.bus);
}

static void positions_of_an_old_generation_are_refused(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct member a, b;
	world_topic(world, "in", 2, in);
	open_member(world, &a, "a");
	open_member(world, &b, "b");
	subscribe(&a, in);
	(void)await_owned(world, &a, 2, NULL, 0);
	struct position position = position_at(in, 5, "Y=5");
	expect_ok(bus_begin(a.bus));
	produce(a.bus, in, "old");
	expect_ok(bus_send_offsets(a.bus, &position, 1));
	subscribe(&b, in);
	(void)await_owned(world, &a, 1, &b, 1);
	expect_err(bus_commit(a.bus), ERR_ABORT, "BUS_MEMBER_LOST");
	expect_ok(bus_abort(a.bus));
	expect_ok(bus_committed(a.bus, &position, 1));
	assert_int_equal(position.offset, -1);
	bus_close(&b.bus);
	bus_close(&a.bus);
}

/* Two members of a new topic of two partitions, one each. */
static void open_pair(struct world *world, struct member *a, struct member *b,
		      char in[NAME_MAX_LEN])
{
	world_topic(world, "in", 2, in);
	open_member(world, a, "a");
	open_member(world, b, "b");
	subscribe(a, in);
	subscribe(b, in);
	(void)await_owned(world, a, 1, b, 1);
}

/* The group looks at member and generation only: a hand-over is the member's own business. */
static void nobody_asks_who_owns_a_partition(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct member a, b;
	open_pair(world, &a, &b, in);
	struct position position = position_at(in, 7, "");
	position.partition = 1; /* b's */
	expect_ok(bus_begin(a.bus));
	expect_ok(bus_send_offsets(a.bus, &position, 1));
	expect_ok(bus_commit(a.bus));
	expect_ok(bus_committed(b.bus, &position, 1));
	assert_int_equal(position.offset, 7);
	bus_close(&b.bus);
	bus_close(&a.bus);
}

static void a_closed_static_member_keeps_its_place_for_a_session(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct member a, b;
	open_pair(world, &a, &b, in);
	size_t revoked_count = a.revoked_count;
	bus_close(&b.bus);
	for (int i = 0; i < 10; i++)
		poll_once(world, &a);
	open_member(world, &b, "b"); /* comes back to it, and nobody is disturbed */
	subscribe(&b, in);
	assert_true(await_owned(world, &a, 1, &b, 1) < SOON_MS);
	assert_int_equal(a.revoked_count, revoked_count);
	bus_close(&b.bus);
	assert_true(await_owned(world, &a, 2, NULL, 0) > SESSION_MS / 2);
	bus_close(&a.bus);
}

static void a_member_without_a_name_leaves_when_it_is_closed(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct member a, b;
	world->nameless = true;
	open_pair(world, &a, &b, in);
	bus_close(&b.bus);
	assert_true(await_owned(world, &a, 2, NULL, 0) < SOON_MS);
	bus_close(&a.bus);
}

static void a_member_beyond_the_partitions_hears_that_it_has_none(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct member a, b;
	world_topic(world, "in", 1, in);
	open_member(world, &a, "a");
	open_member(world, &b, "b");
	subscribe(&a, in);
	subscribe(&b, in);
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (a.owned_count + b.owned_count != 1 || a.empty_count + b.empty_count == 0) {
		assert_true(time_monotonic_ms() < deadline);
		poll_once(world, &a);
		poll_once(world, &b);
	}
	bus_close(&b.bus);
	bus_close(&a.bus);
}

static struct err *refuse(void *context, struct position *positions, size_t count)
{
	(void)context;
	(void)positions;
	(void)count;
	return err_new(ERR_RETRY, "TEST", "not yet");
}

static void a_member_that_gives_up_keeps_its_place_for_a_session(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct member a, b;
	struct bus_batch batch;
	world_topic(world, "in", 2, in);
	open_member(world, &a, "a");
	a.listener.assigned = refuse;
	subscribe(&a, in);
	struct err *err = NULL;
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (err == NULL && time_monotonic_ms() < deadline)
		err = bus_poll(a.bus, STEP_MS, &batch);
	expect_err(err, ERR_RETRY, "TEST");
	open_member(world, &b, "b");
	subscribe(&b, in);
	assert_true(await_owned(world, &b, 2, NULL, 0) > SESSION_MS / 2);
	bus_close(&a.bus);
	bus_close(&b.bus);
}

/* ---- what runs out of time ------------------------------------------------------------------ */

/* SIGSTOP: the sleeper owns everything and has a transaction under way when its session begins to
 * run out; nobody tells it. */
static void fall_asleep(struct world *world, struct member *sleeper, const char *in)
{
	static const struct client_property brief[] = { { "session.timeout.ms", "2000" },
							{ "heartbeat.interval.ms", "200" } };
	if (world->memory != NULL)
		memory_kafka_set_timeouts(world->memory,
					  &(struct memory_timeouts){ BRIEF_MS, 600000, 600000 });
	member_open_slot(world, sleeper, "sleeper", brief, 2);
	subscribe(sleeper, in);
	(void)await_owned(world, sleeper, 2, NULL, 0);
	struct position position = position_at(in, 5, "Y=5");
	expect_ok(bus_begin(sleeper->bus));
	produce(sleeper->bus, in, "asleep");
	expect_ok(bus_send_offsets(sleeper->bus, &position, 1));
}

/* It wakes up in the middle of its commit: refused, and then it hears that all is lost. */
static void wake_up(struct world *world, struct member *sleeper)
{
	expect_err(bus_commit(sleeper->bus), ERR_ABORT, "BUS_MEMBER_LOST");
	expect_ok(bus_abort(sleeper->bus));
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (sleeper->revoked_count == 0) {
		assert_true(time_monotonic_ms() < deadline);
		poll_once(world, sleeper);
	}
	assert_int_equal(sleeper->revoked_count, 2);
	assert_true(sleeper->lost);
}

enum { READING_MS = 4000 };

/* The first assignment takes longer than the group waits for a poll, as many states do. To the
 * client a listener's time is part of a poll. */
static struct err *read_for_long(void *context, struct position *positions, size_t count)
{
	struct member *member = context;
	poll(NULL, 0, READING_MS);
	return member_assigned(member, positions, count);
}

static void who_reads_for_longer_than_the_poll_interval_keeps_its_place(void **state)
{
	static const struct client_property brief[] = { { "session.timeout.ms", "2000" },
							{ "heartbeat.interval.ms", "200" },
							{ "max.poll.interval.ms", "2500" } };
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct member member;
	world_topic(world, "in", 2, in);
	member_open_slot(world, &member, "slow", brief, 3);
	member.listener.assigned = read_for_long;
	subscribe(&member, in);
	(void)await_owned(world, &member, 2, NULL, 0);
	for (int i = 0; i < READING_MS / STEP_MS; i++)
		poll_once(world, &member);
	assert_int_equal(member.revoked_count, 0);
	struct position position = position_at(in, 5, "Y=5");
	expect_ok(bus_begin(member.bus));
	expect_ok(bus_send_offsets(member.bus, &position, 1));
	expect_ok(bus_commit(member.bus));
	bus_close(&member.bus);
}

/* The real one has to be another process: says "r" when it may be stopped, and what came of it. */
static int sleep_run(struct world *world, const char *in)
{
	static struct member sleeper;
	ssize_t written;
	fall_asleep(world, &sleeper, in);
	written = write(STDOUT_FILENO, "r", 1);
	raise(SIGSTOP);
	struct err *err = bus_commit(sleeper.bus);
	bool refused = err != NULL && strcmp(err_code(err), "BUS_MEMBER_LOST") == 0;
	if (!refused)
		fprintf(stderr, "# commit: %s\n", err == NULL ? "taken" : err_text(err));
	err_free(&err);
	expect_ok(bus_abort(sleeper.bus));
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (sleeper.revoked_count == 0 && time_monotonic_ms() < deadline)
		poll_once(world, &sleeper);
	written += write(STDOUT_FILENO,
			 refused && sleeper.revoked_count == 2 && sleeper.lost ? "y" : "n", 1);
	_exit(written == 2 ? 0 : 1);
}

struct child {
	pid_t pid;
	int channel;
};

/* Another process, whose output is heard here. */
static struct child start(const char *program, const char *const *arguments)
{
	int channel[2];
	assert_int_equal(pipe(channel), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(channel[1], STDOUT_FILENO);
		close(channel[0]);
		close(channel[1]);
		execv(program, (char *const *)arguments);
		_exit(127);
	}
	close(channel[1]);
	return (struct child){ pid, channel[0] };
}

static struct child start_sleeper(const struct world *world, const char *in)
{
	char serial[16];
	snprintf(serial, sizeof serial, "%d", world->serial);
	return start(world->program, (const char *[]){ world->program, world->client.brokers,
						       "sleep", world->prefix, serial, in, NULL });
}

static char hear(const struct child *child)
{
	char said = 0;
	return read(child->channel, &said, 1) == 1 ? said : 0;
}

static void a_member_that_sleeps_for_too_long_has_lost_all(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct member sleeper, b;
	struct child child = { 0 };
	world_topic(world, "in", 2, in);
	if (world->memory != NULL) {
		fall_asleep(world, &sleeper, in);
		bus_memory_stop(sleeper.bus, true);
	} else {
		child = start_sleeper(world, in);
		assert_int_equal(hear(&child), 'r');
	}
	member_open_slot(world, &b, "b", short_lived, SHORT_LIVED_COUNT);
	subscribe(&b, in);
	(void)await_owned(world, &b, 2, NULL, 0);
	struct position position = position_at(in, 3, "Y=3");
	expect_ok(bus_begin(b.bus));
	expect_ok(bus_send_offsets(b.bus, &position, 1));
	expect_ok(bus_commit(b.bus));
	if (world->memory != NULL) {
		bus_memory_stop(sleeper.bus, false);
		wake_up(world, &sleeper);
		bus_close(&sleeper.bus);
	} else {
		kill(child.pid, SIGCONT);
		assert_int_equal(hear(&child), 'y');
		waitpid(child.pid, NULL, 0);
		close(child.channel);
	}
	expect_ok(bus_committed(b.bus, &position, 1));
	assert_int_equal(position.offset, 3);
	bus_close(&b.bus);
}

static void a_transaction_ends_with_its_time(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	static struct member a, b;
	world_topic(world, "in", 1, in);
	open_member(world, &a, "a");
	open_member(world, &b, "b");
	expect_ok(bus_begin(a.bus));
	produce(a.bus, in, "hangs");
	await_high(b.bus, in, 1);
	world_wait(world, TRANSACTION_MS + 1);
	await_high(b.bus, in, 2); /* the marker */
	append(world, in, 0, "behind");
	read_all(b.bus, in, 0, &seen);
	EXPECT_SEEN(&seen, "behind");
	expect_err(bus_commit(a.bus), ERR_ABORT, "BUS_FENCED");
	expect_ok(bus_abort(a.bus));
	expect_ok(bus_begin(a.bus));
	produce(a.bus, in, "goes on");
	expect_ok(bus_commit(a.bus));
	read_all(b.bus, in, 0, &seen);
	EXPECT_SEEN(&seen, "behind", "goes on");
	bus_close(&a.bus);
	bus_close(&b.bus);
}

/* ---- positions that are on their way -------------------------------------------------------- */

enum { ON_ITS_WAY_MS = 1000 };

static uint32_t longest(void *context, uint32_t bound)
{
	(void)context;
	return bound - 1;
}

static void no_pause(void *context, int64_t until_ms)
{
	(void)context;
	(void)until_ms;
}

static bool no_strike(void *context, enum memory_call call)
{
	(void)context;
	(void)call;
	return false;
}

/* A commit of the model that has brought a position, and whose end is still to come. */
static void commit_halfway(struct world *world, struct member *member, const struct position *to)
{
	static const struct memory_chaos slow = { .below = longest,
						  .pause = no_pause,
						  .strikes = no_strike,
						  .delay_ms_max = ON_ITS_WAY_MS };
	memory_kafka_set_chaos(world->memory, &slow);
	expect_ok(bus_begin(member->bus));
	expect_ok(bus_send_offsets(member->bus, to, 1));
	expect_ok(bus_commit_start(member->bus));
	world_wait(world, ON_ITS_WAY_MS + 1);
	memory_kafka_set_chaos(world->memory, NULL);
}

/* Who asks for a position while a transaction holds it gets what comes of it, not what was. */
static void positions_that_a_transaction_holds_are_waited_for(void **state)
{
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN], group[NAME_MAX_LEN];
	static struct member a, b;
	struct child child = { 0 };
	bool done;
	world_topic(world, "in", 1, in);
	world_name(world, "group", group);
	open_member(world, &a, "a");
	open_member(world, &b, "b");
	subscribe(&a, in);
	(void)await_owned(world, &a, 1, NULL, 0);
	struct position old = position_at(in, 3, "Y=3"), new = position_at(in, 5, "Y=5");
	expect_ok(bus_begin(a.bus));
	expect_ok(bus_send_offsets(a.bus, &old, 1));
	expect_ok(bus_commit(a.bus));
	if (world->memory != NULL) {
		commit_halfway(world, &a, &new);
		expect_err(bus_committed(b.bus, &old, 1), ERR_RETRY, "BUS_UNSTABLE");
		world_wait(world, ON_ITS_WAY_MS + 1);
		expect_ok(bus_commit_end(a.bus, true, &done));
	} else {
		child = start(PYTHON, (const char *[]){ PYTHON, "tests/e2e/lib/hold_position.py",
							world->client.brokers, group, in, "5",
							"Y=5", NULL });
		assert_int_equal(hear(&child), 'r');
	}
	expect_ok(bus_committed(b.bus, &old, 1));
	assert_int_equal(old.offset, 5);
	assert_string_equal(old.metadata, "Y=5");
	if (world->memory == NULL) {
		waitpid(child.pid, NULL, 0);
		close(child.channel);
	}
	bus_close(&b.bus);
	bus_close(&a.bus);
}

/* ---- what the brokers do by themselves ------------------------------------------------------ */

static void put(struct world *world, const char *topic, const char *key, const char *value)
{
	struct outgoing out = { .topic = topic, .key = bytes_str(key) };
	if (value != NULL)
		out.value = bytes_str(value);
	world_append(world, &out);
}

/* Writes on until the cleaner has been there; segments roll by size. */
static void await_cleaning(struct world *world, struct bus *bus, const char *topic,
			   struct seen *seen, size_t more_than)
{
	for (int i = 0; i < CLEANED_MAX; i++) {
		put(world, topic, "fill", "x");
		if (world->memory != NULL)
			memory_kafka_compact(world->memory, topic, 0, high_of(bus, topic, 0) - 1,
					     false);
		read_all(bus, topic, 0, seen);
		if (seen->count < more_than)
			return;
		if (world->memory == NULL)
			usleep(STEP_MS * 1000);
	}
	fail_msg("%zu records are left", seen->count);
}

static void compaction_keeps_the_last_of_each_key_and_its_offset(void **state)
{
	static const struct topic_config configs[TOPIC_CONFIG_MAX] = {
		{ "cleanup.policy", "compact" },
		{ "min.cleanable.dirty.ratio", "0.01" },
		{ "segment.ms", "200" },
		{ NULL, NULL },
	};
	struct world *world = world_of(state);
	char in[NAME_MAX_LEN];
	static struct seen seen;
	static struct member a;
	world_topic_with(world, "in", 1, configs, in);
	open_member(world, &a, "a");
	for (int i = 0; i < 20; i++)
		put(world, in, "k", i == 19 ? "last" : "old");
	put(world, in, "gone", "v");
	put(world, in, "gone", NULL);
	await_cleaning(world, a.bus, in, &seen, 6);
	assert_string_equal(seen.values[0], "last");
	assert_int_equal(seen.offsets[0], 19);
	/* the tombstone stays for a while; what it deletes may lie beyond where the cleaner was */
	size_t tombstone = seen.offsets[1] == 20 ? 2 : 1;
	assert_int_equal(seen.offsets[tombstone], 21);
	bus_close(&a.bus);
}

static const struct behaviour behaviours[] = {
	BEHAVIOUR(members_share_the_partitions),
	BEHAVIOUR(a_new_assignment_is_never_paused),
	BEHAVIOUR(positions_of_an_old_generation_are_refused),
	BEHAVIOUR(nobody_asks_who_owns_a_partition),
	BEHAVIOUR(a_closed_static_member_keeps_its_place_for_a_session),
	BEHAVIOUR(a_member_without_a_name_leaves_when_it_is_closed),
	BEHAVIOUR(a_member_beyond_the_partitions_hears_that_it_has_none),
	BEHAVIOUR(a_member_that_gives_up_keeps_its_place_for_a_session),
	BEHAVIOUR(a_transaction_ends_with_its_time),
	BEHAVIOUR(positions_that_a_transaction_holds_are_waited_for),
	BEHAVIOUR(a_member_that_sleeps_for_too_long_has_lost_all),
	{ "who_reads_for_longer_than_the_poll_interval_keeps_its_place",
	  who_reads_for_longer_than_the_poll_interval_keeps_its_place, true },
	BEHAVIOUR(compaction_keeps_the_last_of_each_key_and_its_offset),
};

int main(int argc, char **argv)
{
	struct world memory, kafka;
	if (!worlds_open(argc, argv, &memory, &kafka))
		return 1;
	if (argc == 6 && strcmp(argv[2], "sleep") == 0) {
		snprintf(kafka.prefix, sizeof kafka.prefix, "%s", argv[3]);
		kafka.serial = (int)strtol(argv[4], NULL, 10);
		return sleep_run(&kafka, argv[5]);
	}
	return worlds_run("bus_contract_group", behaviours,
			  sizeof behaviours / sizeof behaviours[0], argc == 3 ? argv[2] : NULL,
			  &memory, &kafka);
}
