/* state/: the store and its shelves; which shelf may be used; damage and a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "state/shelf_choice.h"
#include "state/shelf_layout.h"
#include "state/shelf_load.h"
#include "state/store_rocks.h"
#include "state/store_writer.h"

enum { STORE_BYTES = 8 << 20, MANY = 3000, STATE_LEN = 300 };

static const struct store_options plenty = { .memory_bytes = STORE_BYTES };

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static void expect_err(struct err *err, enum err_verdict verdict, const char *code,
		       const char *text)
{
	assert_non_null(err);
	assert_string_equal(err_code(err), code);
	assert_int_equal(err_verdict(err), verdict);
	if (strstr(err_text(err), text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, err_text(err));
	err_free(&err);
}

static void make_folder(char path[256])
{
	const char *base = getenv("TMPDIR");
	char folder[240];
	snprintf(folder, sizeof folder, "%s/foretell-store-XXXXXX", base != NULL ? base : "/tmp");
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, 256, "%s/db", folder);
}

static void open_shelf(const char *path, struct store **store, struct shelf **shelf)
{
	expect_ok(store_open(path, &plenty, NULL, store));
	expect_ok(store_shelf(*store, "account", "log", 3, shelf));
}

static void put(struct store_batch *batch, struct shelf *shelf, const char *key, int64_t lsn,
		int64_t old_due_ms, int64_t due_ms, const char *value)
{
	store_batch_put(batch, shelf, 0, bytes_str(key), lsn, old_due_ms, due_ms, bytes_str(value));
}

static void expect_due(struct shelf *shelf, int64_t until_ms, const char *expected)
{
	char text[256] = "";
	struct due_item item;
	bool found = false;
	struct due_cursor *cursor = due_cursor_new(shelf, INT64_MIN);
	for (;; due_cursor_next(cursor)) {
		expect_ok(due_cursor_item(cursor, until_ms, &item, &found));
		if (!found)
			break;
		snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s@%d ",
			 (int)item.key.len, (const char *)item.key.data, (int)item.due_ms);
	}
	due_cursor_free(&cursor);
	assert_string_equal(text, expected);
}

static void store_keeps_what_was_written(void **state)
{
	(void)state;
	char path[256];
	make_folder(path);
	struct store *store;
	struct shelf *shelf, *other;
	struct shelf_value value;
	struct shelf_position position;
	open_shelf(path, &store, &shelf);
	expect_ok(shelf_position(shelf, &position));
	assert_true(!position.present && !position.damaged && position.version == 0);
	struct store_batch *batch = store_batch_new();
	put(batch, shelf, "a", 7, TIME_NONE, 30, "first");
	put(batch, shelf, "b", 8, TIME_NONE, -5, "second");
	put(batch, shelf, "c", 9, TIME_NONE, TIME_NONE, "");
	const struct shelf_position written = { .x = 10,
						.y = 4,
						.logic_version = 2,
						.fingerprint = UINT64_C(0xfedcba9876543210),
						.cluster = bytes_str("k-7"),
						.clock = bytes_str("clock") };
	store_batch_position(batch, shelf, &written);
	expect_ok(store_batch_write(store, batch));
	expect_due(shelf, 100, "b@-5 a@30 ");
	store_batch_clear(batch);
	put(batch, shelf, "a", 11, 30, 20, "third");
	expect_ok(store_batch_write(store, batch));
	store_close(&store); /* flushes */
	open_shelf(path, &store, &shelf);
	expect_ok(store_shelf(store, "account", "log", 4, &other));
	expect_ok(shelf_get(shelf, 0, bytes_str("a"), &value));
	assert_true(value.present && value.lsn == 11 && value.due_ms == 20);
	assert_true(bytes_equal(value.state, bytes_str("third")));
	expect_ok(shelf_get(other, 0, bytes_str("a"), &value));
	assert_false(value.present);
	expect_due(shelf, 25, "b@-5 a@20 ");
	expect_ok(shelf_position(shelf, &position));
	assert_true(position.present && position.version == STORE_VERSION);
	assert_true(position.x == 10 && position.y == 4 && position.logic_version == 2);
	assert_true(position.fingerprint == written.fingerprint);
	assert_true(bytes_equal(position.cluster, written.cluster));
	assert_true(bytes_equal(position.clock, written.clock));
	store_batch_clear(batch);
	store_batch_no_position(batch, shelf);
	expect_ok(store_batch_write(store, batch));
	expect_ok(shelf_position(shelf, &position));
	assert_true(!position.present && !position.damaged && position.version == 0);
	expect_ok(shelf_wipe(shelf));
	expect_ok(shelf_position(shelf, &position));
	assert_false(position.present);
	store_batch_free(&batch);
	store_close(&store);
}

/* Until its outcome is told or forgotten, a batch is the writer's. */
static void batches_are_written_aside(void **state)
{
	(void)state;
	static const enum store_writer_mode modes[] = { STORE_WRITER_LATER, STORE_WRITER_ASIDE };
	char path[256], key[16];
	make_folder(path);
	struct store *store;
	struct shelf *shelf;
	struct shelf_value value;
	open_shelf(path, &store, &shelf);
	struct store_batch *batch = store_batch_new();
	for (size_t i = 0; i < 4; i++) {
		bool large = i % 2 == 1, done = false;
		struct store_writer *writer = store_writer_new(store, modes[i / 2]);
		store_batch_clear(batch);
		for (int j = 0; j < (large ? MANY : 1); j++) {
			snprintf(key, sizeof key, "%zu-%d", i, j);
			put(batch, shelf, key, j, TIME_NONE, TIME_NONE, "a state of some length");
		}
		store_writer_start(writer, batch);
		for (int tries = 0; !done; tries++)
			expect_ok(store_writer_end(writer, tries > 2, &done));
		expect_ok(shelf_get(shelf, 0, bytes_str(key), &value));
		assert_true(value.present);
		store_batch_clear(batch);
		snprintf(key, sizeof key, "%zu-forgotten", i);
		put(batch, shelf, key, 1, TIME_NONE, TIME_NONE, "");
		store_writer_start(writer, batch);
		store_writer_forget(writer);
		store_batch_clear(batch); /* nobody reads it any more */
		store_writer_start(writer, batch);
		expect_ok(store_writer_end(writer, true, &done));
		assert_true(done);
		store_writer_free(&writer);
	}
	store_batch_free(&batch);
	store_close(&store);
}

/* Whoever has the task next writes to its shelf: what the last owner had begun is over by then. */
static void what_is_forgotten_writes_no_more(void **state)
{
	(void)state;
	char path[256], key[16];
	make_folder(path);
	struct store *store;
	struct shelf *shelf;
	struct shelf_value value;
	open_shelf(path, &store, &shelf);
	struct store_writer *writer = store_writer_new(store, STORE_WRITER_ASIDE);
	struct store_batch *old = store_batch_new(), *new = store_batch_new();
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof key, "%d", i);
		put(old, shelf, key, 1, TIME_NONE, TIME_NONE, "the last owner's");
	}
	put(new, shelf, key, 2, TIME_NONE, TIME_NONE, "the next owner's");
	store_writer_start(writer, old);
	store_writer_forget(writer);
	expect_ok(store_batch_write(store, new));
	store_writer_free(&writer);
	expect_ok(shelf_get(shelf, 0, bytes_str(key), &value));
	assert_true(value.present && value.lsn == 2);
	store_batch_free(&old);
	store_batch_free(&new);
	store_close(&store);
}

static void second_process_is_refused(void **state)
{
	(void)state;
	char path[256];
	make_folder(path);
	struct store *store, *second;
	struct shelf *shelf;
	open_shelf(path, &store, &shelf);
	expect_err(store_open(path, &plenty, NULL, &second), ERR_FATAL, "STORE_OPEN",
		   "another foretell");
	assert_null(second);
	store_close(&store);
	open_shelf(path, &store, &shelf);
	store_close(&store);
}

/* ---- many at once --------------------------------------------------------------------------- */

static struct bytes state_of(int i, uint8_t out[STATE_LEN])
{
	uint32_t random = (uint32_t)i * 2654435761u + 1;
	for (size_t j = 0; j < STATE_LEN; j++) {
		random = random * 1664525 + 1013904223;
		out[j] = (uint8_t)(random >> 24);
	}
	return bytes_of(out, STATE_LEN);
}

static struct bytes key_of(int i, char text[16])
{
	snprintf(text, 16, "k%05d", i);
	return bytes_str(text);
}

/* States 0 .. count - 1, the odd ones due, in an order that isn't the keys'. */
static void load(struct store *store, struct shelf *shelf, int count, int64_t lsn)
{
	uint8_t state[STATE_LEN];
	char key[16];
	struct store_batch *batch = store_batch_new();
	for (int j = 0; j < count; j++) {
		int i = (int)((int64_t)j * 7919 % count);
		store_batch_put(batch, shelf, 0, key_of(i, key), lsn, TIME_NONE,
				i % 2 == 1 ? lsn + i : TIME_NONE, state_of(i, state));
	}
	expect_ok(store_batch_write(store, batch));
	store_batch_free(&batch);
}

static void many_are_what_each_is(void **state)
{
	(void)state;
	enum { ASKED = 200 };
	char path[256], texts[ASKED][16];
	make_folder(path);
	struct store *store;
	struct shelf *shelf;
	struct shelf_value values[ASKED], one;
	struct bytes keys[ASKED];
	open_shelf(path, &store, &shelf);
	load(store, shelf, MANY, 5);
	store_close(&store); /* half of them come from files, half from memory */
	open_shelf(path, &store, &shelf);
	load(store, shelf, MANY / 2, 9);
	struct shelf_loan *loan = shelf_loan_new();
	uint32_t random = 3;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < ASKED; i++) { /* unsorted, some absent, some twice */
			random = random * 1664525 + 1013904223;
			keys[i] = key_of((int)(random >> 16) % (MANY + 500), texts[i]);
			if (i % 10 == 9)
				keys[i] = keys[i - 1];
		}
		expect_ok(shelf_get_many(shelf, loan, 0, keys, ASKED, values));
		for (int i = 0; i < ASKED; i++) {
			expect_ok(shelf_get(shelf, 0, keys[i], &one));
			assert_int_equal(values[i].present, one.present);
			assert_int_equal(values[i].lsn, one.lsn);
			assert_int_equal(values[i].due_ms, one.due_ms);
			assert_true(bytes_equal(values[i].state, one.state));
		}
	}
	expect_ok(shelf_get_many(shelf, loan, 1, keys, 1, values)); /* another kind */
	assert_false(values[0].present);
	expect_ok(shelf_get_many(shelf, loan, 0, keys, 0, values));
	shelf_loan_free(&loan);
	store_close(&store);
}

/* ---- filling -------------------------------------------------------------------------------- */

static void index_everything(struct shelf_load *load)
{
	for (bool done = false; !done;) {
		expect_ok(shelf_load_index(load, &done));
		expect_ok(shelf_load_write(load));
	}
}

static void last_version_of_a_loaded_key_counts(void **state)
{
	(void)state;
	char path[256];
	make_folder(path);
	struct store *store;
	struct shelf *shelf;
	struct shelf_value value;
	open_shelf(path, &store, &shelf);
	struct shelf_load *load = shelf_load_new(shelf);
	shelf_load_put(load, 0, bytes_str("a"), 1, 10, bytes_str("oldest"));
	shelf_load_put(load, 1, bytes_str("b"), 2, 20, bytes_str("other kind"));
	shelf_load_put(load, 0, bytes_str("c"), 3, 30, bytes_str("goes"));
	shelf_load_put(load, 0, bytes_str("a"), 4, 20, bytes_str("old"));
	shelf_load_put(load, 0, bytes_str("aa"), 4, 5, bytes_str("longer"));
	shelf_load_put(load, 0, bytes_str("e"), 5, 50, bytes_str("goes at once"));
	shelf_load_delete(load, 0, bytes_str("e"));
	expect_ok(shelf_load_write(load));
	shelf_load_put(load, 0, bytes_str("a"), 6, 40, bytes_str("new"));
	shelf_load_put(load, 0, bytes_str("d"), 7, TIME_NONE, bytes_str(""));
	shelf_load_delete(load, 0, bytes_str("c"));
	expect_ok(shelf_load_write(load));
	expect_due(shelf, 100, "");
	index_everything(load);
	shelf_load_free(&load);
	expect_due(shelf, 100, "aa@5 b@20 a@40 ");
	expect_ok(shelf_get(shelf, 0, bytes_str("a"), &value));
	assert_true(value.lsn == 6 && bytes_equal(value.state, bytes_str("new")));
	expect_ok(shelf_get(shelf, 0, bytes_str("c"), &value));
	assert_false(value.present);
	expect_ok(shelf_get(shelf, 0, bytes_str("d"), &value));
	assert_true(value.present && value.state.len == 0);
	store_close(&store);
}

/* Several runs as files: three versions of most keys, some deleted in the end. */
static void much_is_loaded_in_runs(void **state)
{
	(void)state;
	enum { KEYS = 9000, VERSIONS = 3 };
	char path[256], key[16];
	uint8_t state_bytes[STATE_LEN];
	make_folder(path);
	struct store *store;
	struct shelf *shelf;
	open_shelf(path, &store, &shelf);
	struct shelf_load *load = shelf_load_new(shelf);
	int writes = 0;
	for (int j = 0; j < KEYS * VERSIONS; j++) {
		int i = (int)((int64_t)j * 7919 % KEYS), version = j / KEYS;
		if (!shelf_load_has_room(load, key_of(i, key), state_of(i, state_bytes))) {
			expect_ok(shelf_load_write(load));
			writes++;
		}
		if (version == VERSIONS - 1 && i % 10 == 0)
			shelf_load_delete(load, 0, key_of(i, key));
		else
			shelf_load_put(load, 0, key_of(i, key), version, i + 10 * version,
				       state_of(i + version, state_bytes));
	}
	expect_ok(shelf_load_write(load));
	assert_true(writes >= VERSIONS);
	index_everything(load);
	shelf_load_free(&load);
	for (int i = 0; i < KEYS; i++) {
		struct shelf_value value;
		expect_ok(shelf_get(shelf, 0, key_of(i, key), &value));
		assert_int_equal(value.present, i % 10 != 0);
		if (i % 10 == 0)
			continue;
		assert_true(value.lsn == VERSIONS - 1 && value.due_ms == i + 20);
		assert_true(bytes_equal(value.state, state_of(i + VERSIONS - 1, state_bytes)));
	}
	struct due_cursor *cursor = due_cursor_new(shelf, INT64_MIN);
	struct due_item item;
	bool found = true;
	for (int i = 1; i < KEYS; i += i % 10 == 9 ? 2 : 1, due_cursor_next(cursor)) {
		expect_ok(due_cursor_item(cursor, INT64_MAX, &item, &found));
		assert_true(found && item.due_ms == i + 20);
		assert_true(bytes_equal(item.key, key_of(i, key)));
	}
	expect_ok(due_cursor_item(cursor, INT64_MAX, &item, &found));
	assert_false(found);
	due_cursor_free(&cursor);
	store_close(&store);
}

/* ---- which shelf may be used ---------------------------------------------------------------- */

static const struct shelf_position good_position = {
	.present = true,
	.version = STORE_VERSION,
	.x = 90,
	.y = 50,
	.logic_version = 3,
	.fingerprint = 77,
	.cluster = { (const uint8_t *)"one", 3 },
};

static const struct shelf_need good_need = {
	.x = 100,
	.y = 60,
	.logic_version = 3,
	.fingerprint = 77,
	.cluster = { (const uint8_t *)"one", 3 },
	.low = 0,
	.replayable = true,
};

#define EXPECT_FIT(expected, position_change, need_change)                                    \
	do {                                                                                  \
		struct shelf_position position = good_position;                               \
		struct shelf_need need = good_need;                                           \
		position_change;                                                              \
		need_change;                                                                  \
		assert_int_equal(shelf_fit(&position, &need), expected);                      \
		assert_int_equal(shelf_usable(&position, &need), (expected) == SHELF_USABLE); \
	} while (0)

static void usable_shelf_is_a_prefix_of_what_was_committed(void **state)
{
	(void)state;
	EXPECT_FIT(SHELF_USABLE, , );
	EXPECT_FIT(SHELF_USABLE, (position.x = 100, position.y = 60), );
	EXPECT_FIT(SHELF_USABLE, (position.x = 100, position.y = 55), );
	EXPECT_FIT(SHELF_AHEAD, position.x = 101, );
	EXPECT_FIT(SHELF_AHEAD, position.y = 61, );
	EXPECT_FIT(SHELF_AHEAD, (position.x = 40, position.y = 50), );
	EXPECT_FIT(SHELF_USABLE, , need.low = 50);
	EXPECT_FIT(SHELF_NOT_RETAINED, , need.low = 51);
	EXPECT_FIT(SHELF_USABLE, (position.x = position.y = 100), (need.y = 100, need.low = 200));
	/* several input topics, or another logic: only the very position can be gone on from */
	EXPECT_FIT(SHELF_UNREPEATABLE, , need.replayable = false);
	EXPECT_FIT(SHELF_UNREPEATABLE, (position.x = 100, position.y = 55),
		   need.replayable = false);
	EXPECT_FIT(SHELF_USABLE, (position.x = 100, position.y = 60), need.replayable = false);
}

static void shelf_of_something_else_is_not_used(void **state)
{
	(void)state;
	EXPECT_FIT(SHELF_ABSENT, (position.present = false, position.version = 0), );
	EXPECT_FIT(SHELF_OTHER_FORMAT, (position.present = false, position.version = 1), );
	EXPECT_FIT(SHELF_OTHER_FORMAT, (position.present = false, position.version = 9), );
	EXPECT_FIT(SHELF_DAMAGED, (position.present = false, position.damaged = true), );
	EXPECT_FIT(SHELF_OTHER_LOGIC, , need.logic_version = 4);
	EXPECT_FIT(SHELF_OTHER_LOGIC, , need.logic_version = 2);
	EXPECT_FIT(SHELF_OTHER_SETUP, , need.fingerprint = 78);
	EXPECT_FIT(SHELF_OTHER_CLUSTER, , need.cluster = bytes_str("two"));
	EXPECT_FIT(SHELF_OTHER_CLUSTER, position.cluster.len = 0, );
	EXPECT_FIT(SHELF_USABLE, , need.cluster = bytes_str(""));
	for (int fit = SHELF_DAMAGED; fit <= SHELF_USABLE; fit++)
		assert_true(strlen(shelf_fit_text((enum shelf_fit)fit)) > 5);
}

static void position_of_another_version_counts_as_absent(void **state)
{
	(void)state;
	uint8_t raw[POSITION_HEAD_LEN + 3];
	struct shelf_position position = { .x = 1 }, read = { .present = false };
	layout_position_head(raw, &position);
	assert_true(layout_read_position(bytes_of(raw, POSITION_HEAD_LEN), &read) && read.present);
	read = (struct shelf_position){ .present = false };
	assert_false(layout_read_position(bytes_of(raw, POSITION_HEAD_LEN - 1), &read));
	assert_false(layout_read_position(bytes_of(raw, POSITION_HEAD_LEN + 1), &read));
	assert_false(read.present);
	raw[0] = STORE_VERSION - 1;
	assert_true(layout_read_position(bytes_of(raw, 5), &read));
	assert_true(!read.present && read.version == STORE_VERSION - 1);
}

/* ---- damage --------------------------------------------------------------------------------- */

/* The path of the largest file whose name has `part`; false where there is none. */
static bool find_file(const char *folder, const char *part, char out[512])
{
	DIR *dir = opendir(folder);
	off_t largest = -1;
	assert_non_null(dir);
	for (struct dirent *item = readdir(dir); item != NULL; item = readdir(dir)) {
		char path[512];
		struct stat info;
		snprintf(path, sizeof path, "%s/%.200s", folder, item->d_name);
		if (strstr(item->d_name, part) == NULL || stat(path, &info) != 0 ||
		    info.st_size <= largest)
			continue;
		largest = info.st_size;
		snprintf(out, 512, "%s", path);
	}
	closedir(dir);
	return largest >= 0;
}

/* A store with MANY states in files, closed. */
static void make_store(char path[256])
{
	struct store *store;
	struct shelf *shelf;
	const struct shelf_position position = { .x = 10, .y = 4 };
	make_folder(path);
	open_shelf(path, &store, &shelf);
	load(store, shelf, MANY, 5);
	struct store_batch *batch = store_batch_new();
	store_batch_position(batch, shelf, &position);
	expect_ok(store_batch_write(store, batch));
	store_batch_free(&batch);
	store_close(&store);
}

static void flip_bytes(const char *path, double from, double to)
{
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	long size = ftell(file);
	for (long at = (long)((double)size * from); at < (long)((double)size * to); at += 97) {
		fseek(file, at, SEEK_SET);
		int byte = fgetc(file);
		fseek(file, at, SEEK_SET);
		fputc(byte ^ 0x40, file);
	}
	fclose(file);
}

/* Reads everything: each state is right, or the reading fails. Returns the first error. */
static struct err *read_everything(struct shelf *shelf, int *present_count)
{
	uint8_t expected[STATE_LEN];
	char key[16];
	*present_count = 0;
	for (int i = 0; i < MANY; i++) {
		struct shelf_value value;
		struct err *err = shelf_get(shelf, 0, key_of(i, key), &value);
		if (err != NULL)
			return err;
		if (value.present)
			assert_true(bytes_equal(value.state, state_of(i, expected)));
		*present_count += value.present;
	}
	return NULL;
}

static void flipped_bytes_are_never_served(void **state)
{
	(void)state;
	char path[256], file[512];
	make_store(path);
	assert_true(find_file(path, ".sst", file));
	flip_bytes(file, 0.3, 0.6);
	struct store *store;
	struct shelf *shelf;
	struct shelf_position position;
	int count = 0;
	open_shelf(path, &store, &shelf);
	expect_err(read_everything(shelf, &count), ERR_ABORT, "STORE_CORRUPT", "rebuilt");
	/* until it is wiped there is nothing to start from */
	expect_ok(shelf_position(shelf, &position));
	assert_true(!position.present && position.damaged);
	expect_ok(shelf_wipe(shelf));
	expect_ok(shelf_position(shelf, &position));
	assert_true(!position.present && !position.damaged);
	load(store, shelf, MANY, 6);
	store_close(&store);
	open_shelf(path, &store, &shelf);
	expect_ok(read_everything(shelf, &count));
	assert_int_equal(count, MANY);
	store_close(&store);
}

static void damage_is_seen_by_all_that_read(void **state)
{
	(void)state;
	enum { ASKED = 500 };
	char path[256], file[512], texts[ASKED][16];
	make_store(path);
	assert_true(find_file(path, ".sst", file));
	flip_bytes(file, 0.0, 0.98); /* what follows is the filter and the index */
	struct store *store;
	struct shelf *shelf;
	struct bytes keys[ASKED];
	struct shelf_value values[ASKED];
	struct due_item item;
	bool found = true, done = false;
	open_shelf(path, &store, &shelf);
	for (int i = 0; i < ASKED; i++)
		keys[i] = key_of(i, texts[i]);
	struct shelf_loan *loan = shelf_loan_new();
	expect_err(shelf_get_many(shelf, loan, 0, keys, ASKED, values), ERR_ABORT, "STORE_CORRUPT",
		   "rebuilt");
	shelf_loan_free(&loan);
	struct due_cursor *cursor = due_cursor_new(shelf, INT64_MIN);
	expect_err(due_cursor_item(cursor, INT64_MAX, &item, &found), ERR_ABORT, "STORE_CORRUPT",
		   "rebuilt");
	assert_false(found); /* not: nothing is due */
	due_cursor_free(&cursor);
	struct shelf_load *filling = shelf_load_new(shelf);
	expect_err(shelf_load_index(filling, &done), ERR_ABORT, "STORE_CORRUPT", "rebuilt");
	assert_false(done);
	shelf_load_free(&filling);
	/* a disk that damages again and again is no ground to go on */
	int count = 0;
	expect_err(read_everything(shelf, &count), ERR_FATAL, "STORE_CORRUPT", "--state.dir");
	store_close(&store);
	struct store_opened opened;
	expect_ok(store_open(path, &plenty, &opened, &store));
	assert_true(opened.damaged);
	store_close(&store);
}

/* Whatever stood there is put aside, and the store is empty. */
static void expect_replaced(const char *path)
{
	struct store *store;
	struct shelf *shelf;
	struct shelf_position position;
	struct store_opened opened;
	char aside[300], file[512];
	int count = -1;
	expect_ok(store_open(path, &plenty, &opened, &store));
	assert_true(opened.damaged);
	assert_true(strlen(opened.reason) > 5);
	expect_ok(store_shelf(store, "account", "log", 3, &shelf));
	expect_ok(shelf_position(shelf, &position));
	assert_true(!position.present && position.version == 0);
	expect_ok(read_everything(shelf, &count));
	assert_int_equal(count, 0);
	load(store, shelf, 10, 1);
	store_close(&store);
	snprintf(aside, sizeof aside, "%s.damaged", path);
	assert_true(find_file(aside, "", file));
	expect_ok(store_open(path, &plenty, &opened, &store));
	assert_false(opened.damaged);
	store_close(&store);
}

static void truncated_manifest_is_replaced(void **state)
{
	(void)state;
	char path[256], file[512];
	make_store(path);
	assert_true(find_file(path, "MANIFEST", file));
	assert_int_equal(truncate(file, 20), 0);
	expect_replaced(path);
	assert_true(find_file(path, "MANIFEST", file)); /* and a second time: one copy is kept */
	flip_bytes(file, 0.0, 1.0);
	expect_replaced(path);
}

static void missing_files_are_noticed(void **state)
{
	(void)state;
	static const char *const parts[] = { ".sst", "MANIFEST" };
	for (size_t i = 0; i < 2; i++) {
		char path[256], file[512];
		make_store(path);
		assert_true(find_file(path, parts[i], file));
		assert_int_equal(unlink(file), 0);
		expect_replaced(path);
	}
}

static void truncated_file_is_noticed(void **state)
{
	(void)state;
	char path[256], file[512];
	make_store(path);
	assert_true(find_file(path, ".sst", file));
	assert_int_equal(truncate(file, 1000), 0);
	expect_replaced(path);
}

/* A manifest that ends between two of its records can't be told from a crash: what it names is an
 * older whole checkpoint, or nothing. */
static void shortened_manifest_serves_nothing_wrong(void **state)
{
	(void)state;
	char path[256], file[512];
	struct stat info;
	make_store(path);
	assert_true(find_file(path, "MANIFEST", file));
	assert_int_equal(stat(file, &info), 0);
	for (off_t size = info.st_size - 1; size > 0; size -= 7) {
		struct store *store;
		struct shelf *shelf;
		struct shelf_position position;
		int count = 0;
		make_store(path);
		assert_true(find_file(path, "MANIFEST", file));
		assert_int_equal(truncate(file, size), 0);
		open_shelf(path, &store, &shelf);
		expect_ok(shelf_position(shelf, &position));
		expect_ok(read_everything(shelf, &count));
		assert_int_equal(count, position.present ? MANY : 0);
		store_close(&store);
		if (size > 100)
			size -= 40;
	}
}

static void missing_list_of_files_means_empty(void **state)
{
	(void)state;
	char path[256], file[512];
	struct store *store;
	struct shelf *shelf;
	int count = -1;
	make_store(path);
	assert_true(find_file(path, "CURRENT", file));
	assert_int_equal(unlink(file), 0);
	open_shelf(path, &store, &shelf);
	expect_ok(read_everything(shelf, &count));
	assert_int_equal(count, 0);
	store_close(&store);
}

/* ---- a full disk ---------------------------------------------------------------------------- */

static void full_disk_refuses_and_keeps_the_batch(void **state)
{
	(void)state;
	const struct store_options crowded = { .memory_bytes = STORE_BYTES,
					       .room_bytes = UINT64_MAX };
	char path[256];
	struct store *store;
	struct shelf *shelf;
	struct shelf_position position;
	make_store(path);
	expect_ok(store_open(path, &crowded, NULL, &store));
	expect_ok(store_shelf(store, "account", "log", 3, &shelf)); /* it is there already */
	struct store_batch *batch = store_batch_new();
	put(batch, shelf, "new", 7, TIME_NONE, 30, "state");
	expect_err(store_batch_write(store, batch), ERR_RETRY, "STORE_FULL", path);
	assert_true(store_batch_bytes(batch) > 0);
	expect_err(shelf_wipe(shelf), ERR_RETRY, "STORE_FULL", "nothing is lost");
	expect_err(store_shelf(store, "account", "log", 8, &shelf), ERR_RETRY, "STORE_FULL", path);
	store_close(&store);
	open_shelf(path, &store, &shelf);
	expect_ok(shelf_position(shelf, &position));
	assert_true(position.present && position.x == 10);
	store_batch_free(&batch);
	store_close(&store);
}

/* While it catches up with its writes, RocksDB refuses to flush by hand: no reason to end. */
static void a_flush_that_comes_at_a_bad_time_is_no_error(void **state)
{
	(void)state;
	struct store store = { .path = NULL };
	char *stopped = strdup("Operation failed. Try again.: Writes have been stopped, thus "
			       "unable to perform manual flush");
	expect_ok(store_flush_error(&store, stopped));
	struct err *err = store_flush_error(&store, strdup("IO error: something else"));
	assert_non_null(err);
	assert_string_equal(err_code(err), "STORE_WRITE");
	err_free(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(store_keeps_what_was_written),
		cmocka_unit_test(batches_are_written_aside),
		cmocka_unit_test(what_is_forgotten_writes_no_more),
		cmocka_unit_test(second_process_is_refused),
		cmocka_unit_test(many_are_what_each_is),
		cmocka_unit_test(last_version_of_a_loaded_key_counts),
		cmocka_unit_test(much_is_loaded_in_runs),
		cmocka_unit_test(usable_shelf_is_a_prefix_of_what_was_committed),
		cmocka_unit_test(shelf_of_something_else_is_not_used),
		cmocka_unit_test(position_of_another_version_counts_as_absent),
		cmocka_unit_test(flipped_bytes_are_never_served),
		cmocka_unit_test(damage_is_seen_by_all_that_read),
		cmocka_unit_test(truncated_manifest_is_replaced),
		cmocka_unit_test(missing_files_are_noticed),
		cmocka_unit_test(truncated_file_is_noticed),
		cmocka_unit_test(shortened_manifest_serves_nothing_wrong),
		cmocka_unit_test(missing_list_of_files_means_empty),
		cmocka_unit_test(full_disk_refuses_and_keeps_the_batch),
		cmocka_unit_test(a_flush_that_comes_at_a_bad_time_is_no_error),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
