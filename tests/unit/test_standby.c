/* runtime/standby: what is followed, how far, and who gets its lock. What becomes of the states is
 * the simulator's business (tests/sim). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"
#include "kafka/bus_memory.h"
#include "kafka/memory_tail.h"
#include "runtime/worker.h"

enum {
	STORE_BYTES = 8 << 20,
	PARTITIONS = 2,
	TURNS = 20,
	LOOKS = 20,
	POLLS_MAX = 5, /* of the thread, while somebody waits for the lock: one, and some chance */
	POLL_US = 1000,
	HOUR_MS = 3600 * 1000
};

static const char *const inputs[] = { "in" };

struct fixture {
	struct memory_kafka *kafka;
	struct store *store;
	struct standby *standby;
	struct time_source time;
	int64_t now_ms;
};

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

/* ---- a stage whose states are numbers ------------------------------------------------------- */

static struct err *decode(void *context, struct bytes value, void *state)
{
	(void)context;
	CHECK(value.len == sizeof(int64_t));
	memcpy(state, value.data, value.len);
	return NULL;
}

static const struct processor numbers = {
	.name = "numbers",
	.meta_topic = "numbers.meta",
	.kinds = { { .name = "number",
		     .state_topic = "numbers",
		     .published = true,
		     .state_size = sizeof(int64_t),
		     .decode = decode } },
	.kind_count = 1,
};

static void append(struct fixture *fixture, const char *topic, int32_t partition, const char *key,
		   int64_t number)
{
	const struct header header = { "lsn", bytes_str("7") };
	memory_kafka_append(fixture->kafka,
			    &(struct outgoing){ .topic = topic,
						.partition = partition,
						.key = bytes_str(key),
						.value = bytes_of(&number, sizeof number),
						.headers = &header,
						.header_count = 1 });
}

/* ---- the fixture ---------------------------------------------------------------------------- */

static int64_t monotonic_ns(void *context)
{
	return ((struct fixture *)context)->now_ms * 1000000;
}

static void sleep_ms(void *context, int64_t ms)
{
	((struct fixture *)context)->now_ms += ms;
}

static void open_standby(struct fixture *fixture, struct log_tail *tail,
			 const struct time_source *time)
{
	const struct standby_options options = { .app_id = "app",
						 .processor = &numbers,
						 .inputs = inputs,
						 .input_count = 1,
						 .partition_count = PARTITIONS,
						 .store = fixture->store,
						 .tail = tail,
						 .time = time };
	fixture->standby = standby_new(&options);
}

static int set_up(void **state)
{
	struct fixture *fixture = check_calloc(1, sizeof *fixture);
	const struct store_options plenty = { .memory_bytes = STORE_BYTES };
	const char *base = getenv("TMPDIR");
	char folder[200], path[240];
	snprintf(folder, sizeof folder, "%s/foretell-standby-XXXXXX", base != NULL ? base : "/tmp");
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/db", folder);
	expect_ok(store_open(path, &plenty, NULL, &fixture->store));
	fixture->kafka = memory_kafka_new();
	memory_kafka_topic(fixture->kafka, "app.numbers", PARTITIONS);
	memory_kafka_topic(fixture->kafka, "app.numbers.meta", PARTITIONS);
	fixture->time = (struct time_source){ monotonic_ns, monotonic_ns, sleep_ms, fixture };
	open_standby(fixture, memory_tail_open(fixture->kafka), &fixture->time);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	standby_close(&fixture->standby);
	store_close(&fixture->store);
	memory_kafka_free(&fixture->kafka);
	free(fixture);
	return 0;
}

static void follow(struct fixture *fixture)
{
	for (int i = 0; i < TURNS; i++)
		(void)standby_turn(fixture->standby);
}

static int64_t followed_count(struct fixture *fixture)
{
	struct standby_figures figures;
	standby_look(fixture->standby, &figures);
	return figures.partitions;
}

static struct standby_mark own(struct fixture *fixture, int32_t partition)
{
	const struct position position = { .topic = inputs[0], .partition = partition };
	struct standby_mark mark;
	standby_own(fixture->standby, &position, 1, &mark);
	return mark;
}

static struct shelf *shelf_of(struct fixture *fixture, int32_t partition)
{
	struct shelf *shelf = NULL;
	expect_ok(store_shelf(fixture->store, numbers.name, inputs[0], partition, &shelf));
	return shelf;
}

static int64_t number_at(struct fixture *fixture, int32_t partition, const char *key)
{
	struct shelf_value value;
	int64_t number = -1;
	expect_ok(shelf_get(shelf_of(fixture, partition), 0, bytes_str(key), &value));
	if (value.present)
		memcpy(&number, value.state.data, sizeof number);
	return number;
}

static bool has_position(struct fixture *fixture, int32_t partition)
{
	struct shelf_position position;
	expect_ok(shelf_position(shelf_of(fixture, partition), &position));
	return position.present;
}

/* As a worker leaves it: in order, with a position. */
static void fill_shelf(struct fixture *fixture, int32_t partition, int64_t number)
{
	const struct shelf_position position = { .x = 10, .y = 10 };
	struct shelf *shelf = shelf_of(fixture, partition);
	struct store_batch *batch = store_batch_new();
	store_batch_put(batch, shelf, 0, bytes_str("k"), 5, TIME_NONE, TIME_NONE,
			bytes_of(&number, sizeof number));
	store_batch_position(batch, shelf, &position);
	expect_ok(store_batch_write(fixture->store, batch));
	store_batch_free(&batch);
}

/* ---- what is followed ----------------------------------------------------------------------- */

static void what_is_not_owned_is_followed_and_taken_warm(void **state)
{
	struct fixture *fixture = *state;
	append(fixture, "app.numbers", 0, "k", 1);
	append(fixture, "app.numbers", 1, "k", 2);
	append(fixture, "app.numbers", 1, "k", 3);
	append(fixture, "app.numbers.meta", 1, "in/clock/", 9);
	struct standby_mark mark = own(fixture, 0);
	assert_false(mark.warm); /* nobody has followed it */
	follow(fixture);
	assert_int_equal(followed_count(fixture), 1);
	assert_int_equal(number_at(fixture, 0, "k"), -1);
	assert_int_equal(number_at(fixture, 1, "k"), 3);
	mark = own(fixture, 1);
	assert_true(mark.warm);
	assert_int_equal(mark.offsets[0], 1); /* meta */
	assert_int_equal(mark.offsets[1], 2);
	assert_int_equal(mark.clock_len, sizeof(int64_t));
	standby_mark_fini(&mark);
	append(fixture, "app.numbers", 0, "k", 4);
	append(fixture, "app.numbers", 1, "k", 5);
	follow(fixture);
	assert_int_equal(number_at(fixture, 0, "k"), 4); /* not owned any more */
	assert_int_equal(number_at(fixture, 1, "k"), 3); /* the worker's */
}

static void an_assignment_of_nothing_follows_all(void **state)
{
	struct fixture *fixture = *state;
	struct standby_mark mark = own(fixture, 0);
	follow(fixture);
	assert_int_equal(followed_count(fixture), 1);
	standby_own(fixture->standby, NULL, 0, &mark);
	follow(fixture);
	assert_int_equal(followed_count(fixture), PARTITIONS);
}

static void what_is_given_is_followed_from_there_and_loses_its_position(void **state)
{
	struct fixture *fixture = *state;
	append(fixture, "app.numbers", 0, "k", 1); /* is in the shelf, in a later version */
	struct standby_mark mark = own(fixture, 0);
	fill_shelf(fixture, 0, 2);
	mark = (struct standby_mark){ .warm = true, .offsets = { 0, 1 } };
	standby_give(fixture->standby, inputs[0], 0, &mark);
	follow(fixture);
	assert_int_equal(number_at(fixture, 0, "k"), 2);
	assert_true(has_position(fixture, 0)); /* until it is more than the position says */
	append(fixture, "app.numbers", 0, "k", 3);
	follow(fixture);
	assert_int_equal(number_at(fixture, 0, "k"), 3);
	assert_false(has_position(fixture, 0));
}

/* A group that is slow to answer must not cost the process its own states. */
static void without_an_assignment_what_is_in_order_stays(void **state)
{
	struct fixture *fixture = *state;
	fill_shelf(fixture, 0, 2);
	append(fixture, "app.numbers", 1, "k", 3);
	follow(fixture);
	assert_int_equal(followed_count(fixture), 0);
	fixture->now_ms += 60000;
	follow(fixture);
	assert_int_equal(followed_count(fixture), 1);
	assert_true(has_position(fixture, 0));
	assert_int_equal(number_at(fixture, 0, "k"), 2);
	assert_int_equal(number_at(fixture, 1, "k"), 3);
}

/* ---- what its worker gives it ---------------------------------------------------------------- */

/* A worker's bus, of which the test tells the assignments: it asks for positions, and reads. */
static struct bus_listener told;

static struct err *listen(struct bus *bus, const char *const *topics, size_t count,
			  const struct bus_listener *listener)
{
	(void)bus;
	(void)topics;
	(void)count;
	told = *listener;
	return NULL;
}

static struct err *committed(struct bus *bus, struct position *positions, size_t count)
{
	(void)bus;
	for (size_t i = 0; i < count; i++) {
		positions[i].offset = 0;
		snprintf(positions[i].metadata, sizeof positions[i].metadata, "Y=0;v=0");
	}
	return NULL;
}

/* What is in the shelf of a partition after its worker has lost it, or drained it and given it,
 * where "late" was written to its topic while the worker had it. */
static int64_t late_after(struct fixture *fixture, bool lost)
{
	struct bus *bus = bus_memory_open(fixture->kafka, "group", "tid");
	struct bus_ops ops = *bus->ops;
	const struct worker_options options = { .app_id = "app",
						.inputs = inputs,
						.input_count = 1,
						.cache_entries = 16,
						.checkpoint_interval_ms = 1000,
						.time = &fixture->time,
						.standby = fixture->standby };
	static struct worker_stats stats;
	struct registry *registry = NULL;
	struct worker *worker = NULL;
	struct position position = { .topic = inputs[0], .partition = 0 };
	ops.subscribe = listen;
	ops.committed = committed;
	bus->ops = &ops;
	memset(&stats, 0, sizeof stats);
	expect_ok(registry_open(NULL, &registry));
	expect_ok(worker_open(&options, &numbers, bus, fixture->store, registry, &stats, &worker));
	expect_ok(told.assigned(told.context, &position, 1));
	append(fixture, "app.numbers", 0, "late", 4);
	expect_ok(told.revoked(told.context, &position, 1, lost));
	(void)own(fixture, 1);
	follow(fixture);
	worker_close(&worker);
	registry_close(&registry);
	return number_at(fixture, 0, "late");
}

/* A commit of which the worker did not hear may have written states that its shelf lacks. */
static void what_was_lost_is_followed_from_the_beginning(void **state)
{
	struct fixture *fixture = *state;
	memory_kafka_topic(fixture->kafka, inputs[0], PARTITIONS);
	assert_int_equal(late_after(fixture, true), 4);
}

static void what_was_drained_is_followed_from_its_end(void **state)
{
	struct fixture *fixture = *state;
	memory_kafka_topic(fixture->kafka, inputs[0], PARTITIONS);
	assert_int_equal(late_after(fixture, false), -1);
}

/* ---- its lock ------------------------------------------------------------------------------- */

/* A log that never ends. */
struct endless {
	struct log_tail tail;
	_Atomic int64_t polls;
	int64_t value;
	struct record record;
	struct header header;
};

static struct err *endless_add(struct log_tail *tail, const char *topic, int32_t partition,
			       int64_t offset)
{
	(void)tail;
	(void)topic;
	(void)partition;
	(void)offset;
	return NULL;
}

static void endless_drop(struct log_tail *tail, const char *topic, int32_t partition)
{
	(void)tail;
	(void)topic;
	(void)partition;
}

static struct err *endless_poll(struct log_tail *tail, size_t count_max, struct bus_batch *batch)
{
	struct endless *endless = (struct endless *)tail;
	(void)count_max;
	usleep(POLL_US);
	endless->record = (struct record){ .topic = "app.numbers",
					   .offset = atomic_fetch_add(&endless->polls, 1),
					   .key = bytes_str("k"),
					   .value = bytes_of(&endless->value, sizeof(int64_t)),
					   .header_count = 1 };
	endless->record.headers[0] = (struct header){ "lsn", bytes_str("7") };
	*batch = (struct bus_batch){ &endless->record, 1 };
	return NULL;
}

static void endless_close(struct log_tail *tail)
{
	(void)tail; /* the test's */
}

static const struct log_tail_ops endless_ops = { endless_add, endless_drop, endless_poll,
						 endless_close };

/* Counted in what the thread did meanwhile, not in time: a mutex isn't fair, and the thread takes
 * it again at once. */
static void whoever_needs_the_lock_gets_it(void **state)
{
	struct fixture *fixture = *state;
	struct endless endless = { .tail.ops = &endless_ops };
	struct standby_mark mark;
	int64_t worst = 0;
	standby_close(&fixture->standby);
	open_standby(fixture, &endless.tail, &time_system);
	standby_own(fixture->standby, NULL, 0, &mark);
	standby_start(fixture->standby);
	for (int i = 0; i < LOOKS; i++) {
		int64_t before = atomic_load(&endless.polls);
		while (atomic_load(&endless.polls) == before) /* it is at work again */
			usleep(POLL_US / 10);
		before = atomic_load(&endless.polls);
		(void)followed_count(fixture);
		int64_t waited = atomic_load(&endless.polls) - before;
		worst = waited > worst ? waited : worst;
	}
	standby_close(&fixture->standby);
	assert_in_range(worst, 0, POLLS_MAX);
}

static struct err *gone_poll(struct log_tail *tail, size_t count_max, struct bus_batch *batch)
{
	struct endless *gone = (struct endless *)tail;
	(void)count_max;
	*batch = (struct bus_batch){ NULL, 0 };
	atomic_fetch_add(&gone->polls, 1);
	return err_new(ERR_FATAL, "BUS_TOPIC_MISSING", "there is none");
}

static const struct log_tail_ops gone_ops = { endless_add, endless_drop, gone_poll, endless_close };

static void what_fails_for_good_is_tried_less_and_less_often(void **state)
{
	struct fixture *fixture = *state;
	struct endless gone = { .tail.ops = &gone_ops };
	struct standby_mark mark;
	standby_close(&fixture->standby);
	open_standby(fixture, &gone.tail, &fixture->time);
	standby_own(fixture->standby, NULL, 0, &mark);
	for (; fixture->now_ms < HOUR_MS; fixture->now_ms += 50)
		(void)standby_turn(fixture->standby);
	assert_in_range(atomic_load(&gone.polls), 60, 75); /* a minute apart in the end */
	gone.tail.ops = &endless_ops;			   /* the topic is there again */
	int64_t before = atomic_load(&gone.polls), until_ms = fixture->now_ms + HOUR_MS / 60;
	for (; fixture->now_ms < until_ms; fixture->now_ms += 50)
		(void)standby_turn(fixture->standby);
	assert_in_range(atomic_load(&gone.polls) - before, 1, INT64_MAX);
	standby_close(&fixture->standby);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_is_not_owned_is_followed_and_taken_warm),
		TEST(an_assignment_of_nothing_follows_all),
		TEST(what_is_given_is_followed_from_there_and_loses_its_position),
		TEST(without_an_assignment_what_is_in_order_stays),
		TEST(what_was_lost_is_followed_from_the_beginning),
		TEST(what_was_drained_is_followed_from_its_end),
		TEST(whoever_needs_the_lock_gets_it),
		TEST(what_fails_for_good_is_tried_less_and_less_often),
	};
	log_set_level(LOG_OFF);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
