#include "state/shelf_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "state/shelf_layout.h"
#include "state/store_folder.h"
#include "state/store_rocks.h"

enum {
	RECORD_HEAD_LEN = 1 + 4, /* of a key's and a value's length */
	RECORD_MAX = RECORD_HEAD_LEN + SHELF_KEY_MAX + VALUE_HEAD_LEN + OUTPUT_LEN_MAX,
	ITEM_BYTES = 32,	      /* of a run, at least, to each of its items */
	FILE_BYTES_MIN = 1024 * 1024, /* less isn't worth a file, which waits for the disk */
};

#define VALUE_DELETED UINT32_MAX

/* One key of a run. Most comparisons end at the prefix, in one cache line. */
struct item {
	uint64_t prefix;       /* bytes 2 .. 9 of the key, as a big-endian number */
	const uint8_t *record; /* {u8 key_len, u32 value_len, key, value} in native order */
};

struct shelf_load {
	struct shelf *shelf;
	uint8_t *run;
	size_t run_len, run_size;
	struct item *items;
	size_t item_count, item_max;
	rocksdb_iterator_t *iterator; /* over the states, while they are indexed */
};

struct shelf_load *shelf_load_new(struct shelf *shelf)
{
	struct shelf_load *load = check_calloc(1, sizeof *load);
	load->shelf = shelf;
	load->run_size = shelf->store->load_bytes;
	if (load->run_size < 2 * RECORD_MAX)
		load->run_size = 2 * RECORD_MAX;
	load->item_max = load->run_size / ITEM_BYTES;
	load->run = check_malloc(load->run_size);
	load->items = check_malloc(load->item_max * sizeof *load->items);
	return load;
}

void shelf_load_free(struct shelf_load **out)
{
	struct shelf_load *load = *out;
	if (load == NULL)
		return;
	if (load->iterator != NULL)
		rocksdb_iter_destroy(load->iterator);
	free(load->run);
	free(load->items);
	free(load);
	*out = NULL;
}

/* ---- a run ---------------------------------------------------------------------------------- */

static bool has_room(const struct shelf_load *load, size_t len)
{
	return load->item_count < load->item_max && load->run_len + len <= load->run_size;
}

bool shelf_load_has_room(const struct shelf_load *load, struct bytes key, struct bytes state)
{
	return has_room(load, RECORD_HEAD_LEN + SHELF_KEY_MAX - KEY_LEN_MAX + key.len +
				      VALUE_HEAD_LEN + state.len);
}

static uint64_t prefix_of(const uint8_t *key, size_t len)
{
	uint64_t prefix = 0;
	for (size_t i = STATE_KEY_HEAD_LEN; i < STATE_KEY_HEAD_LEN + 8; i++)
		prefix = prefix << 8 | (i < len ? key[i] : 0);
	return prefix;
}

static void append(struct shelf_load *load, const uint8_t *key, size_t key_len, uint32_t value_len)
{
	uint8_t *at = load->run + load->run_len;
	load->items[load->item_count++] = (struct item){ prefix_of(key, key_len), at };
	*at++ = (uint8_t)key_len;
	memcpy(at, &value_len, sizeof value_len);
	memcpy(at + sizeof value_len, key, key_len);
	load->run_len += RECORD_HEAD_LEN + key_len;
}

void shelf_load_put(struct shelf_load *load, uint8_t kind, struct bytes key, int64_t lsn,
		    int64_t due_ms, struct bytes state)
{
	CHECK(shelf_load_has_room(load, key, state));
	uint8_t raw[SHELF_KEY_MAX];
	append(load, raw, layout_state_key(raw, kind, key), (uint32_t)(VALUE_HEAD_LEN + state.len));
	uint8_t *at = load->run + load->run_len;
	layout_value_head(at, lsn, due_ms);
	if (state.len > 0)
		memcpy(at + VALUE_HEAD_LEN, state.data, state.len);
	load->run_len += VALUE_HEAD_LEN + state.len;
}

void shelf_load_delete(struct shelf_load *load, uint8_t kind, struct bytes key)
{
	CHECK(shelf_load_has_room(load, key, bytes_of(NULL, 0)));
	uint8_t raw[SHELF_KEY_MAX];
	append(load, raw, layout_state_key(raw, kind, key), VALUE_DELETED);
}

struct pair {
	struct bytes key, value; /* value absent: deleted */
};

static struct pair pair_of(const struct item *item)
{
	uint32_t value_len = 0;
	size_t key_len = item->record[0];
	memcpy(&value_len, item->record + 1, sizeof value_len);
	struct pair pair = { .key = bytes_of(item->record + RECORD_HEAD_LEN, key_len) };
	if (value_len != VALUE_DELETED)
		pair.value = bytes_of(pair.key.data + key_len, value_len);
	return pair;
}

static struct bytes key_of(const struct item *item)
{
	return bytes_of(item->record + RECORD_HEAD_LEN, item->record[0]);
}

/* By key, and of the same key the latest first. The prefix leaves out two bytes, which are the same
 * for most: so it decides only where they are. */
static int compare(const void *a, const void *b)
{
	const struct item *one = a, *two = b;
	const uint8_t *x = one->record + RECORD_HEAD_LEN, *y = two->record + RECORD_HEAD_LEN;
	if (one->prefix != two->prefix && x[0] == y[0] && x[1] == y[1])
		return one->prefix < two->prefix ? -1 : 1;
	int order = bytes_compare(key_of(one), key_of(two));
	if (order != 0)
		return order;
	return one->record > two->record ? -1 : 1;
}

static bool same_key(const struct item *a, const struct item *b)
{
	return a->prefix == b->prefix && bytes_equal(key_of(a), key_of(b));
}

/* In order of keys, each once. */
static void sort_run(struct shelf_load *load)
{
	size_t kept = 0;
	qsort(load->items, load->item_count, sizeof *load->items, compare);
	for (size_t i = 0; i < load->item_count; i++)
		if (i == 0 || !same_key(&load->items[kept - 1], &load->items[i]))
			load->items[kept++] = load->items[i];
	load->item_count = kept;
}

/* ---- into the shelf ------------------------------------------------------------------------- */

static struct err *write_batch(struct shelf_load *load)
{
	rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
	for (size_t i = 0; i < load->item_count; i++) {
		struct pair pair = pair_of(&load->items[i]);
		const char *key = (const char *)pair.key.data;
		if (pair.value.data == NULL)
			rocksdb_writebatch_delete_cf(batch, load->shelf->handle, key, pair.key.len);
		else
			rocksdb_writebatch_put_cf(batch, load->shelf->handle, key, pair.key.len,
						  (const char *)pair.value.data, pair.value.len);
	}
	struct err *err = store_write(load->shelf->store, batch);
	rocksdb_writebatch_destroy(batch);
	return err;
}

/* RocksDB's message where the file could not be written. */
static char *write_file(struct shelf_load *load, const char *path)
{
	char *message = NULL;
	rocksdb_envoptions_t *env = rocksdb_envoptions_create();
	rocksdb_sstfilewriter_t *writer =
		rocksdb_sstfilewriter_create(env, load->shelf->store->options);
	rocksdb_sstfilewriter_open(writer, path, &message);
	for (size_t i = 0; message == NULL && i < load->item_count; i++) {
		struct pair pair = pair_of(&load->items[i]);
		const char *key = (const char *)pair.key.data;
		if (pair.value.data == NULL)
			rocksdb_sstfilewriter_delete(writer, key, pair.key.len, &message);
		else
			rocksdb_sstfilewriter_put(writer, key, pair.key.len,
						  (const char *)pair.value.data, pair.value.len,
						  &message);
	}
	if (message == NULL)
		rocksdb_sstfilewriter_finish(writer, &message);
	rocksdb_sstfilewriter_destroy(writer);
	rocksdb_envoptions_destroy(env);
	return message;
}

static char *take_file(struct shelf_load *load, const char *path)
{
	char *message = NULL;
	const char *paths[] = { path };
	rocksdb_ingestexternalfileoptions_t *options = rocksdb_ingestexternalfileoptions_create();
	rocksdb_ingestexternalfileoptions_set_move_files(options, 1);
	rocksdb_ingestexternalfileoptions_set_snapshot_consistency(options, 0);
	rocksdb_ingest_external_file_cf(load->shelf->store->db, load->shelf->handle, paths, 1,
					options, &message);
	rocksdb_ingestexternalfileoptions_destroy(options);
	return message;
}

static struct err *write_run_as_file(struct shelf_load *load)
{
	struct store *store = load->shelf->store;
	char path[STORE_PATH_MAX + 64];
	struct err *err = store_room(store);
	if (err != NULL)
		return err;
	/* the load's address tells it from those of other workers */
	snprintf(path, sizeof path, "%s/%p" SHELF_LOAD_SUFFIX, store->path, (void *)load);
	char *message = write_file(load, path);
	if (message == NULL)
		message = take_file(load, path);
	unlink(path); /* moved away, or of no use */
	return message == NULL ? NULL : store_write_error(store, load->shelf->name, message);
}

struct err *shelf_load_write(struct shelf_load *load)
{
	sort_run(load);
	struct err *err =
		load->run_len < FILE_BYTES_MIN ? write_batch(load) : write_run_as_file(load);
	if (err != NULL)
		return err;
	load->run_len = load->item_count = 0;
	return NULL;
}

/* ---- the due index -------------------------------------------------------------------------- */

static void begin_index(struct shelf_load *load)
{
	static const uint8_t first[] = { PREFIX_STATE };
	load->iterator = rocksdb_create_iterator_cf(
		load->shelf->store->db, load->shelf->store->scan_options, load->shelf->handle);
	rocksdb_iter_seek(load->iterator, (const char *)first, sizeof first);
}

/* The state under the iterator. */
static struct err *index_one(struct shelf_load *load, const uint8_t *key, size_t key_len)
{
	uint8_t raw[SHELF_KEY_MAX];
	size_t len = 0;
	struct shelf_value value;
	const char *data = rocksdb_iter_value(load->iterator, &len);
	if (key_len <= STATE_KEY_HEAD_LEN || key_len > STATE_KEY_HEAD_LEN + KEY_LEN_MAX ||
	    !layout_read_value(bytes_of(data, len), &value))
		return store_unreadable(load->shelf, "a state");
	if (value.due_ms == TIME_NONE)
		return NULL;
	struct bytes plain = bytes_of(key + STATE_KEY_HEAD_LEN, key_len - STATE_KEY_HEAD_LEN);
	append(load, raw, layout_due_key(raw, value.due_ms, key[1], plain), 0);
	return NULL;
}

struct err *shelf_load_index(struct shelf_load *load, bool *done)
{
	struct err *err = NULL;
	if (load->iterator == NULL)
		begin_index(load);
	*done = false;
	while (err == NULL && has_room(load, RECORD_HEAD_LEN + SHELF_KEY_MAX)) {
		size_t key_len = 0;
		if (!rocksdb_iter_valid(load->iterator)) {
			err = store_iterator_error(load->shelf, load->iterator);
			*done = err == NULL;
			return err;
		}
		const uint8_t *key = (const uint8_t *)rocksdb_iter_key(load->iterator, &key_len);
		*done = key[0] != PREFIX_STATE;
		if (*done)
			return NULL;
		err = index_one(load, key, key_len);
		rocksdb_iter_next(load->iterator);
	}
	return err;
}
