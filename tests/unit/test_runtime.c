/* runtime/: what travels with a commit, the clock of a log, and waiting for room on the disk. */
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
#include "runtime/checkpoint.h"
#include "runtime/keep.h"
#include "runtime/log_clock.h"

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static void expect_code(struct err *err, const char *code)
{
	assert_non_null(err);
	assert_string_equal(err_code(err), code);
	err_free(&err);
}

static void checkpoint_comes_back(void **state)
{
	(void)state;
	struct checkpoint made = { .x = 1000, .y = 77, .logic_version = 3 }, read;
	char text[POSITION_TEXT_MAX];
	checkpoint_format(&made, text);
	assert_string_equal(text, "Y=77;v=3");
	expect_ok(checkpoint_parse(1000, text, &read));
	assert_true(read.y == 77 && read.logic_version == 3 && !read.cursor.present);
	made.input_id = 0xbadcafe;
	made.states_id = 7;
	checkpoint_format(&made, text);
	assert_string_equal(text, "Y=77;v=3;i=0badcafe;s=00000007");
	expect_ok(checkpoint_parse(1000, text, &read));
	assert_true(read.input_id == 0xbadcafe && read.states_id == 7 && !read.cursor.present);
	uint8_t key[KEY_LEN_MAX];
	memset(key, 0xfe, sizeof key);
	tick_cursor_set(&made.cursor, -12345, 2, bytes_of(key, sizeof key));
	checkpoint_format(&made, text);
	expect_ok(checkpoint_parse(1000, text, &read));
	assert_true(read.cursor.present && read.states_id == 7);
	assert_int_equal(tick_cursor_compare(&read.cursor, -12345, 2, bytes_of(key, sizeof key)),
			 0);
	assert_true(tick_cursor_compare(&read.cursor, -12345, 1, bytes_of(key, 1)) < 0);
	assert_true(tick_cursor_compare(&read.cursor, -12344, 0, bytes_of(key, 1)) > 0);
}

static void foreign_metadata_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = { "",
					     "Y=5",
					     "Y=;v=1",
					     "Y=11;v=1",
					     "Y=-1;v=1",
					     "Y=5;v=-1",
					     "Y=5;v=1;",
					     "Y=5;v=1;d=1;k=0;c=0",
					     "Y=5;v=1;i=0badcafe",
					     "Y=5;v=1;i=0badcaf;s=00000007",
					     "Y=5;v=1;i=0badcafe;s=0000000g",
					     "Y=5;v=1;d=1;k=300;c=",
					     "Y=5;v=1;d=1;k=0;c=zz",
					     "consumer-1",
					     "Y=5 ;v=1" };
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct checkpoint read;
		struct err *err = checkpoint_parse(10, texts[i], &read);
		if (err == NULL && strcmp(texts[i], "Y=5;v=1;") == 0)
			continue; /* a closing semicolon is harmless */
		expect_code(err, "CHECKPOINT_FOREIGN");
	}
}

static void give_inputs(struct log_clock *clock, int64_t offset, int32_t a, int32_t b)
{
	bool changed = false;
	struct control control = { .kind = CONTROL_INPUTS,
				   .writer = bytes_str(""),
				   .input_count = b > 0 ? 2 : 1 };
	control.inputs[0] = (struct control_input){ bytes_str("a"), a };
	control.inputs[1] = (struct control_input){ bytes_str("b"), b };
	expect_ok(log_clock_apply(clock, offset, &control, &changed));
	assert_true(changed);
	expect_ok(log_clock_apply(clock, offset + 1, &control, &changed));
	assert_false(changed); /* the same set again */
}

/* Whoever may write to the log can say such a thing; nothing of it is kept. */
static void inputs_that_cannot_be_are_poison(void **state)
{
	(void)state;
	static char too_long[TOPIC_NAME_MAX + 2];
	memset(too_long, 'x', sizeof too_long - 1);
	const struct control_input rows[][2] = {
		{ { bytes_str("a"), 0 }, { bytes_str("b"), 1 } },
		{ { bytes_str("a"), -5 }, { bytes_str("b"), 1 } },
		{ { bytes_str("a"), 2000000000 }, { bytes_str("b"), 0 } },
		{ { bytes_str("a"), PARTITIONS_MAX + 1 }, { bytes_str("b"), 1 } },
		{ { bytes_str(too_long), 1 }, { bytes_str("b"), 1 } },
		{ { bytes_str(""), 1 }, { bytes_str("b"), 1 } },
		{ { bytes_str("a"), 1 }, { bytes_str("a"), 2 } },
	};
	struct log_clock *clock = log_clock_new();
	give_inputs(clock, 0, 2, 1);
	uint8_t before[LOG_CLOCK_LEN_MAX], after[LOG_CLOCK_LEN_MAX];
	size_t len = log_clock_encode(clock, 2, before);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool changed = false;
		struct control control = { .kind = CONTROL_INPUTS, .input_count = 2 };
		memcpy(control.inputs, rows[i], sizeof rows[i]);
		expect_code(log_clock_apply(clock, 2, &control, &changed), "CLOCK_INPUTS");
		assert_int_equal(log_clock_encode(clock, 2, after), len);
		assert_memory_equal(after, before, len);
	}
	log_clock_free(&clock);
}

static bool tick(struct log_clock *clock, int64_t offset, const char *writer, int64_t at_ms)
{
	bool moved = false;
	const struct control control = { .kind = CONTROL_TICK,
					 .writer = bytes_str(writer),
					 .at_ms = at_ms };
	expect_ok(log_clock_apply(clock, offset, &control, &moved));
	return moved;
}

static void drain(struct log_clock *clock, int64_t y)
{
	uint8_t out[LOG_CLOCK_LEN_MAX];
	(void)log_clock_encode(clock, y, out);
	assert_false(log_clock_wants_drain(clock));
}

static void clock_is_the_slowest_writers(void **state)
{
	(void)state;
	struct log_clock *clock = log_clock_new();
	give_inputs(clock, 0, 2, 1);
	assert_true(log_clock_wants_drain(clock));
	drain(clock, 2);
	assert_false(tick(clock, 2, "a/0", 100));
	assert_false(tick(clock, 3, "a/1", 300));
	assert_int_equal(log_clock_now(clock), CLOCK_NONE);
	assert_true(tick(clock, 4, "b/0", 200));
	assert_int_equal(log_clock_now(clock), 100);
	assert_false(tick(clock, 5, "a/0", 50)); /* never back */
	assert_true(tick(clock, 6, "a/0", 400));
	assert_int_equal(log_clock_now(clock), 200);
	bool moved;
	const struct control stranger = { .kind = CONTROL_TICK, .writer = bytes_str("a/2") };
	expect_code(log_clock_apply(clock, 7, &stranger, &moved), "CLOCK_WRITER");
	give_inputs(clock, 8, 2, 2); /* a new writer holds the clock, it does not turn it back */
	drain(clock, 10);
	assert_int_equal(log_clock_now(clock), 200);
	assert_false(tick(clock, 10, "a/1", 900));
	assert_false(tick(clock, 11, "b/0", 900));
	assert_false(tick(clock, 12, "b/1", 150));
	assert_true(tick(clock, 13, "b/1", 350));
	assert_int_equal(log_clock_now(clock), 350);
	log_clock_free(&clock);
}

/* What is saved is the clock as of Y: a replay from there reads the later ticks again. */
static void saved_clock_is_as_of_y(void **state)
{
	(void)state;
	uint8_t out[LOG_CLOCK_LEN_MAX];
	struct log_clock *clock = log_clock_new(), *again = log_clock_new();
	give_inputs(clock, 0, 1, 0);
	drain(clock, 2);
	for (int64_t i = 0; i < 10; i++)
		assert_true(tick(clock, 10 + i, "a/0", 1000 * (i + 1)));
	size_t len = log_clock_encode(clock, 14, out); /* ticks at 10 .. 13 */
	expect_ok(log_clock_decode(again, bytes_of(out, len)));
	assert_int_equal(log_clock_now(again), 4000);
	assert_true(tick(again, 14, "a/0", 5000));
	len = log_clock_encode(clock, 20, out);
	expect_ok(log_clock_decode(again, bytes_of(out, len)));
	assert_int_equal(log_clock_now(again), 10000);
	for (size_t cut = 1; cut < len; cut++)
		expect_code(log_clock_decode(again, bytes_of(out, cut)), "CLOCK_INVALID");
	log_clock_free(&clock);
	log_clock_free(&again);
}

static void full_journal_asks_for_a_checkpoint(void **state)
{
	(void)state;
	struct log_clock *clock = log_clock_new();
	give_inputs(clock, 0, 1, 0);
	drain(clock, 2);
	int64_t i = 0;
	for (; !log_clock_wants_drain(clock); i++)
		(void)tick(clock, 2 + i, "a/0", i + 1);
	assert_int_equal(i, CLOCK_JOURNAL_MAX - 1);
	drain(clock, 2 + i);
	log_clock_free(&clock);
}

/* Time that only sleeping moves. */
static int64_t slept_ns(void *context)
{
	return *(const int64_t *)context;
}

static int64_t slept_ms(void *context)
{
	return *(const int64_t *)context / 1000000;
}

static void sleep_on(void *context, int64_t ms)
{
	*(int64_t *)context += ms * 1000000;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
	(void)info, (void)type, (void)place;
	return remove(path);
}

static void full_disk_is_waited_for_so_long(void **state)
{
	(void)state;
	char path[256];
	const char *base = getenv("TMPDIR");
	snprintf(path, sizeof path, "%s/foretell-full-XXXXXX", base != NULL ? base : "/tmp");
	assert_non_null(mkdtemp(path));
	/* as if the disk had to have more room than there is */
	const struct store_options options = { .memory_bytes = 8 << 20, .room_bytes = UINT64_MAX };
	int64_t now_ns = 0;
	const struct time_source time = { slept_ns, slept_ms, sleep_on, &now_ns };
	const struct processor processor = { .name = "test" };
	struct worker_stats *stats = check_calloc(1, sizeof *stats);
	struct engine *engine = check_calloc(1, sizeof *engine);
	engine->processor = &processor;
	engine->options.time = &time;
	engine->stats = stats;
	expect_ok(store_open(path, &options, NULL, &engine->store));
	engine->batch = store_batch_new();
	struct err *err = keep_write(engine, engine->batch);
	assert_non_null(err);
	assert_int_equal(err_verdict(err), ERR_FATAL);
	assert_non_null(strstr(err_text(err), "--state.dir"));
	expect_code(err, "STORE_FULL");
	assert_true(now_ns / 1000000 >= STORE_FULL_WAIT_MS &&
		    now_ns / 1000000 < STORE_FULL_WAIT_MS + 1000);
	store_batch_free(&engine->batch);
	store_close(&engine->store);
	free(engine);
	free(stats);
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	char lock[300];
	snprintf(lock, sizeof lock, "%s.lock", path);
	assert_int_equal(unlink(lock), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checkpoint_comes_back),
		cmocka_unit_test(foreign_metadata_is_refused),
		cmocka_unit_test(inputs_that_cannot_be_are_poison),
		cmocka_unit_test(clock_is_the_slowest_writers),
		cmocka_unit_test(saved_clock_is_as_of_y),
		cmocka_unit_test(full_journal_asks_for_a_checkpoint),
		cmocka_unit_test(full_disk_is_waited_for_so_long),
	};
	log_set_level(LOG_OFF);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
