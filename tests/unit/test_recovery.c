/* runtime/recovery, and what is to be noticed of a commit: where a task starts, on a Kafka whose
 * answers are given one by one and a real store. What many crashes lead to is the simulator's
 * business; here are the turns that it reaches too rarely. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"
#include "runtime/observe.h"
#include "runtime/recovery.h"
#include "runtime/seal.h"
#include "runtime/task.h"

enum { ANSWERS_MAX = 4, LOG_END = 100, CACHE_ENTRIES = 16 };

/* What the group has committed, as it is asked for again and again; the last one stays. */
struct answer {
	int64_t x; /* -1: nothing */
	const char *metadata;
};

struct fake {
	struct bus bus;
	struct answer answers[ANSWERS_MAX];
	size_t answer_count, asked_count;
	size_t read_count;  /* topics of states that were read */
	struct bytes clock; /* what they say of the task's; none where data is NULL */
	struct bytes state; /* likewise, of the key "a", at 3 */
};

struct fixture {
	char path[256];
	struct fake fake;
	int64_t now_ns;
	struct time_source time;
	struct processor processor;
	struct engine *engine;
	struct task *task;
};

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

/* ---- a Kafka -------------------------------------------------------------------------------- */

static struct err *fake_committed(struct bus *bus, struct position *positions, size_t count)
{
	struct fake *fake = (struct fake *)bus;
	size_t i = fake->asked_count++;
	assert_int_equal(count, 1);
	const struct answer *answer =
		&fake->answers[i < fake->answer_count ? i : fake->answer_count - 1];
	positions->offset = answer->x;
	snprintf(positions->metadata, sizeof positions->metadata, "%s", answer->metadata);
	return NULL;
}

static struct err *fake_watermarks(struct bus *bus, const char *topic, int32_t partition,
				   int64_t *low, int64_t *high)
{
	(void)bus, (void)topic, (void)partition;
	*low = 0;
	*high = LOG_END;
	return NULL;
}

static struct err *fake_read_all(struct bus *bus, const char *topic, int32_t partition,
				 struct err *(*each)(void *, const struct record *), void *context)
{
	struct fake *fake = (struct fake *)bus;
	uint8_t key[TOPIC_NAME_MAX + 32 + KEY_LEN_MAX];
	fake->read_count++;
	if (fake->state.data != NULL && strcmp(topic, "app.states") == 0) {
		const struct record record = { .topic = topic,
					       .partition = partition,
					       .key = bytes_str("a"),
					       .value = fake->state,
					       .headers = { { "lsn", bytes_str("3") } },
					       .header_count = 1 };
		return each(context, &record);
	}
	if (fake->clock.data == NULL)
		return NULL;
	const struct record record = {
		.topic = topic,
		.partition = partition,
		.key = seal_meta_key("in", "clock", bytes_of(NULL, 0), key),
		.value = fake->clock,
	};
	return each(context, &record);
}

static struct err *fake_stable_ends(struct bus *bus, struct position *positions, size_t count)
{
	(void)bus;
	for (size_t i = 0; i < count; i++)
		positions[i].offset = LOG_END;
	return NULL;
}

static int64_t fake_end_reached(struct bus *bus, const char *topic, int32_t partition)
{
	(void)bus, (void)topic, (void)partition;
	return -1;
}

static const struct bus_ops fake_ops = {
	.committed = fake_committed,
	.watermarks = fake_watermarks,
	.stable_ends = fake_stable_ends,
	.read_all = fake_read_all,
	.end_reached = fake_end_reached,
};

/* ---- a worker's engine ---------------------------------------------------------------------- */

static int64_t fake_ns(void *context)
{
	return *(const int64_t *)context;
}

static int64_t fake_ms(void *context)
{
	return *(const int64_t *)context / 1000000;
}

static void fake_sleep(void *context, int64_t ms)
{
	*(int64_t *)context += ms * 1000000;
}

static int set_up(void **state)
{
	static const char *const inputs[] = { "in" };
	struct fixture *fixture = check_calloc(1, sizeof *fixture);
	const struct store_options options = { .memory_bytes = 8 << 20 };
	const char *base = getenv("TMPDIR");
	snprintf(fixture->path, sizeof fixture->path, "%s/foretell-recovery-XXXXXX",
		 base != NULL ? base : "/tmp");
	CHECK(mkdtemp(fixture->path) != NULL);
	fixture->time = (struct time_source){ fake_ns, fake_ms, fake_sleep, &fixture->now_ns };
	fixture->processor =
		(struct processor){ .name = "test", .meta_topic = "meta", .logic_version = 1 };
	fixture->fake.bus.ops = &fake_ops;
	struct engine *engine = fixture->engine = check_calloc(1, sizeof *engine);
	engine->processor = &fixture->processor;
	engine->options.inputs = inputs;
	engine->options.input_count = 1;
	engine->options.checkpoint_interval_ms = 1000;
	engine->options.time = &fixture->time;
	engine->bus = &fixture->fake.bus;
	engine->stats = check_calloc(1, sizeof *engine->stats);
	engine->cache = cache_new(CACHE_ENTRIES, 8, TASKS_MAX);
	engine->effects = effects_new("app", NULL);
	engine->batch = store_batch_new();
	expect_ok(store_open(fixture->path, &options, NULL, &engine->store));
	expect_ok(task_new(engine, "in", 0, &fixture->task));
	*state = fixture;
	return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
	(void)info, (void)type, (void)place;
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	struct engine *engine = fixture->engine;
	char lock[300];
	task_free(engine, &fixture->task);
	store_batch_free(&engine->batch);
	effects_free(&engine->effects);
	cache_free(&engine->cache);
	store_close(&engine->store);
	nftw(fixture->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	snprintf(lock, sizeof lock, "%s.lock", fixture->path);
	unlink(lock);
	free(engine->stats);
	free(engine);
	free(fixture);
	return 0;
}

#define ANSWERS(fixture, ...)                                                        \
	do {                                                                         \
		const struct answer answers_[] = { __VA_ARGS__ };                    \
		(fixture)->fake.answer_count = sizeof answers_ / sizeof answers_[0]; \
		(fixture)->fake.asked_count = (fixture)->fake.read_count = 0;        \
		memcpy((fixture)->fake.answers, answers_, sizeof answers_);          \
	} while (0)

static struct err *recover(struct fixture *fixture)
{
	return recovery_run(fixture->engine, &fixture->task, 1);
}

/* The store as of an earlier commit. */
static void keep(struct fixture *fixture, int64_t x, int64_t y, uint32_t logic_version)
{
	const struct shelf_position position = { .x = x, .y = y, .logic_version = logic_version };
	store_batch_clear(fixture->engine->batch);
	store_batch_position(fixture->engine->batch, fixture->task->shelf, &position);
	expect_ok(store_batch_write(fixture->engine->store, fixture->engine->batch));
}

static struct shelf_position kept(const struct fixture *fixture)
{
	struct shelf_position position;
	expect_ok(shelf_position(fixture->task->shelf, &position));
	return position;
}

/* ---- the tests ------------------------------------------------------------------------------ */

/* A process that stands still between asking for the positions and reading the states may read what
 * its successor wrote. */
static void positions_that_move_meanwhile_begin_it_again(void **state)
{
	struct fixture *fixture = *state;
	ANSWERS(fixture, { 10, "Y=8;v=1" }, { 12, "Y=9;v=1" });
	expect_err(recover(fixture), ERR_RETRY, "CHECKPOINT_MOVED");
	assert_false(kept(fixture).present);
	ANSWERS(fixture, { 12, "Y=9;v=1" });
	expect_ok(recover(fixture));
	assert_int_equal(fixture->task->next, 9);
	assert_int_equal(fixture->task->live_from, 12);
	assert_true(kept(fixture).present && kept(fixture).x == 12);
	/* only Y has moved, and a position that has gone */
	expect_ok(shelf_wipe(fixture->task->shelf));
	ANSWERS(fixture, { 12, "Y=9;v=1" }, { 12, "Y=10;v=1" });
	expect_err(recover(fixture), ERR_RETRY, "CHECKPOINT_MOVED");
	ANSWERS(fixture, { 12, "Y=9;v=1" }, { -1, "" });
	expect_err(recover(fixture), ERR_RETRY, "CHECKPOINT_MOVED");
}

/* States without a position: another has just begun, or the position is gone. */
static void states_without_a_position_are_asked_about_again(void **state)
{
	struct fixture *fixture = *state;
	fixture->fake.clock = bytes_str("a clock");
	ANSWERS(fixture, { -1, "" }, { 5, "Y=5;v=1" });
	expect_err(recover(fixture), ERR_RETRY, "CHECKPOINT_MOVED");
	ANSWERS(fixture, { -1, "" });
	expect_err(recover(fixture), ERR_FATAL, "CHECKPOINT_GONE");
	fixture->fake.clock = bytes_of(NULL, 0);
	ANSWERS(fixture, { -1, "" });
	expect_ok(recover(fixture));
	assert_int_equal(fixture->task->next, 0);
}

/* What lies between a store that is behind and X was judged by the version of then: no other may
 * judge it again. */
static void a_store_that_is_behind_is_not_replayed_by_another_version(void **state)
{
	struct fixture *fixture = *state;
	keep(fixture, 5, 4, 1);
	ANSWERS(fixture, { 10, "Y=10;v=1" });
	expect_ok(recover(fixture));
	assert_int_equal(fixture->task->next, 4);
	assert_int_equal(fixture->fake.read_count, 0);

	fixture->processor.logic_version = 2; /* after a clean stop of version 1 elsewhere */
	expect_ok(recover(fixture));
	assert_int_equal(fixture->task->next, 10);
	assert_int_equal(fixture->fake.read_count, 1);

	keep(fixture, 5, 4, 1); /* version 2 has gone on elsewhere, this store has slept */
	ANSWERS(fixture, { 10, "Y=9;v=2" });
	expect_ok(recover(fixture));
	assert_int_equal(fixture->task->next, 9);
	assert_int_equal(fixture->fake.read_count, 1);

	keep(fixture, 10, 10, 1); /* stopped cleanly here: nothing lies between */
	ANSWERS(fixture, { 10, "Y=10;v=1" });
	expect_ok(recover(fixture));
	assert_int_equal(fixture->task->next, 10);
	assert_int_equal(fixture->fake.read_count, 0);

	ANSWERS(fixture, { 10, "Y=9;v=1" }); /* not cleanly */
	expect_err(recover(fixture), ERR_FATAL, "LOGIC_CHANGED");
	fixture->processor.logic_version = 1;
	ANSWERS(fixture, { 10, "Y=10;v=2" });
	expect_err(recover(fixture), ERR_FATAL, "LOGIC_NEWER");
}

static struct err *refuse_state(void *context, struct bytes value, void *state)
{
	(void)context, (void)state;
	return bytes_equal(value, bytes_str("away"))
		       ? err_new(ERR_RETRY, "REGISTRY_UNREACHABLE", "away")
		       : err_new(ERR_POISON, "SCHEMA_ID_UNKNOWN", "no schema has the id 9");
}

/* Reading it again would read the same: somebody has to be told. */
static void a_state_that_cannot_be_read_is_told_and_not_tried_again(void **state)
{
	struct fixture *fixture = *state;
	fixture->processor.kinds[0] = (struct state_kind){ .name = "state",
							   .state_topic = "states",
							   .published = true,
							   .state_size = 8,
							   .decode = refuse_state };
	fixture->processor.kind_count = 1;
	ANSWERS(fixture, { 10, "Y=8;v=1" });
	fixture->fake.state = bytes_str("another's");
	expect_err(recover(fixture), ERR_FATAL, "STATE_UNREADABLE");
	fixture->fake.state = bytes_str("away");
	expect_err(recover(fixture), ERR_RETRY, "REGISTRY_UNREACHABLE");
}

static size_t follow_nobody(void *context, struct target targets[TARGETS_MAX])
{
	(void)context, (void)targets;
	return 0;
}

/* Some of the named would be published as they were, those that name them as they are. */
static void a_store_that_is_behind_is_not_replayed_where_states_name_others(void **state)
{
	struct fixture *fixture = *state;
	fixture->processor.follow = follow_nobody;
	keep(fixture, 5, 4, 1);
	ANSWERS(fixture, { 10, "Y=9;v=1" });
	expect_ok(recover(fixture));
	assert_int_equal(fixture->task->next, 9);
	assert_int_equal(fixture->fake.read_count, 1);

	keep(fixture, 10, 9, 1); /* not behind */
	ANSWERS(fixture, { 10, "Y=9;v=1" });
	expect_ok(recover(fixture));
	assert_int_equal(fixture->task->next, 9);
	assert_int_equal(fixture->fake.read_count, 0);
}

/* Nothing else would tell: the worker comes round all the time. */
static void a_commit_that_never_ends_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct engine *engine = fixture->engine;
	engine->flight = check_calloc(1, sizeof *engine->flight);
	engine->flight->present = true;
	for (int s = 0; s <= 200; s++) {
		observe_turn(engine, NULL);
		assert_int_equal(engine->stats->commit_told, s >= 180);
		fake_sleep(&fixture->now_ns, 1000);
	}
	engine->flight->committed = true; /* and the store takes its time */
	observe_turn(engine, NULL);
	assert_false(engine->stats->commit_told);
	engine->flight->present = engine->flight->committed = false;
	observe_turn(engine, NULL);
	assert_false(engine->stats->commit_told);
	free(engine->flight);
}

/* A revoked task's shelf is followed from the ends of its topics only if nobody else can have
 * written there. */
static void ends_of_states_are_a_drained_tasks_own(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		struct answer answer;
		bool known;
	} cases[] = {
		{ { 40, "Y=40;v=1" }, true },
		{ { 41, "Y=41;v=1" }, false },
		{ { 40, "Y=39;v=1" }, false },
		{ { 40, "Y=40;v=1;d=7;k=0;c=61" }, false }, /* amid a tick at the same offset */
		{ { -1, "" }, false },
		{ { 40, "somebody else's" }, false },
	};
	fixture->task->committed = (struct checkpoint){ .x = 40, .y = 40, .logic_version = 1 };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct position end = { .topic = "meta", .partition = 0 };
		ANSWERS(fixture, cases[i].answer);
		assert_int_equal(recovery_state_ends(fixture->engine, fixture->task, &end, 1),
				 cases[i].known);
		assert_int_equal(end.offset, LOG_END);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(positions_that_move_meanwhile_begin_it_again),
		TEST(states_without_a_position_are_asked_about_again),
		TEST(a_store_that_is_behind_is_not_replayed_by_another_version),
		TEST(a_state_that_cannot_be_read_is_told_and_not_tried_again),
		TEST(a_store_that_is_behind_is_not_replayed_where_states_name_others),
		TEST(a_commit_that_never_ends_is_told),
		TEST(ends_of_states_are_a_drained_tasks_own),
	};
	log_set_level(LOG_OFF);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
