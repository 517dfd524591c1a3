#include "state/store.h"

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/timestamp.h"

enum {
	PREFIX_POSITION = 0,
	PREFIX_STATE = 1,
	PREFIX_DUE = 2,
	VALUE_HEAD_LEN = 1 + 8 + 8,
	POSITION_HEAD_LEN = 1 + 8 + 8 + 4 + 4,
	DUE_HEAD_LEN = 1 + 8 + 1,
	STORE_KEY_MAX = DUE_HEAD_LEN + KEY_LEN_MAX,
	SHELF_NAME_MAX = 64 + TOPIC_NAME_MAX + 16,
	SHELVES_MAX = 4 * TASKS_MAX,
};

struct shelf {
	struct store *store;
	rocksdb_column_family_handle_t *handle;
	char name[SHELF_NAME_MAX];
	rocksdb_pinnableslice_t *pinned; /* what the last get lent out */
	char *position;			 /* likewise, the last position */
};

struct store {
	rocksdb_t *db;
	rocksdb_options_t *options;
	rocksdb_block_based_table_options_t *table_options;
	rocksdb_cache_t *block_cache;
	rocksdb_writeoptions_t *write_options;
	rocksdb_readoptions_t *read_options;
	rocksdb_column_family_handle_t *default_family;
	pthread_mutex_t lock; /* of the list below: workers open shelves side by side */
	struct shelf **shelves;
	size_t shelf_count;
};

struct store_batch {
	rocksdb_writebatch_t *batch;
};

static const uint8_t position_key[] = { PREFIX_POSITION, 'p', 'o', 's', 'i', 't', 'i', 'o', 'n' };

static uint8_t *put_le(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*at++ = (uint8_t)(value >> (8 * i));
	return at;
}

static uint64_t get_le(const uint8_t *at, size_t len)
{
	uint64_t value = 0;
	for (size_t i = 0; i < len; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static size_t state_key(uint8_t out[STORE_KEY_MAX], uint8_t kind, struct bytes key)
{
	CHECK(key.len > 0 && key.len <= KEY_LEN_MAX);
	out[0] = PREFIX_STATE;
	out[1] = kind;
	memcpy(out + 2, key.data, key.len);
	return 2 + key.len;
}

/* Big-endian with the sign bit flipped, so that byte order is time order. */
static void due_prefix(uint8_t out[1 + 8], int64_t due_ms)
{
	uint64_t sortable = (uint64_t)due_ms ^ UINT64_C(1) << 63;
	out[0] = PREFIX_DUE;
	for (size_t i = 0; i < 8; i++)
		out[1 + i] = (uint8_t)(sortable >> (56 - 8 * i));
}

static size_t due_key(uint8_t out[STORE_KEY_MAX], int64_t due_ms, uint8_t kind, struct bytes key)
{
	due_prefix(out, due_ms);
	out[9] = kind;
	memcpy(out + DUE_HEAD_LEN, key.data, key.len);
	return DUE_HEAD_LEN + key.len;
}

/* RocksDB's message (taken over) as an error. */
static struct err *store_error(const char *code, const char *doing, char *message)
{
	struct err *err = err_new(ERR_FATAL, code, "%s: %s", doing, message);
	rocksdb_free(message);
	return err;
}

static void make_options(struct store *store, size_t memory_bytes)
{
	store->options = rocksdb_options_create();
	rocksdb_options_set_create_if_missing(store->options, 1);
	rocksdb_options_set_create_missing_column_families(store->options, 1);
	rocksdb_options_set_db_write_buffer_size(store->options, memory_bytes / 2);
	rocksdb_options_set_write_buffer_size(store->options, 32 * 1024 * 1024);
	/* many small column families: a full-sized first block for each would be wasted */
	rocksdb_options_set_arena_block_size(store->options, 256 * 1024);
	rocksdb_options_set_compression(store->options, rocksdb_lz4_compression);
	rocksdb_options_set_max_background_jobs(store->options, 2);
	rocksdb_options_set_max_open_files(store->options, 512);
	rocksdb_options_set_keep_log_file_num(store->options, 4);
	store->table_options = rocksdb_block_based_options_create();
	store->block_cache = rocksdb_cache_create_lru(memory_bytes / 2);
	rocksdb_block_based_options_set_block_cache(store->table_options, store->block_cache);
	rocksdb_block_based_options_set_filter_policy(store->table_options,
						      rocksdb_filterpolicy_create_bloom_full(10));
	rocksdb_options_set_block_based_table_factory(store->options, store->table_options);
	store->write_options = rocksdb_writeoptions_create();
	rocksdb_writeoptions_disable_WAL(store->write_options, 1);
	store->read_options = rocksdb_readoptions_create();
}

static struct shelf *add_shelf(struct store *store, const char *name,
			       rocksdb_column_family_handle_t *handle)
{
	CHECK(store->shelf_count < SHELVES_MAX);
	struct shelf *shelf = check_calloc(1, sizeof *shelf);
	shelf->store = store;
	shelf->handle = handle;
	snprintf(shelf->name, sizeof shelf->name, "%s", name);
	store->shelves[store->shelf_count++] = shelf;
	return shelf;
}

/* Opens the database with the column families that it has. */
static struct err *open_families(struct store *store, const char *path)
{
	size_t count = 0;
	char *message = NULL;
	char **names = rocksdb_list_column_families(store->options, path, &count, &message);
	if (message != NULL) { /* no database yet */
		rocksdb_free(message);
		message = NULL;
		count = 0;
	}
	size_t open_count = count ? count : 1;
	const char **open_names = check_calloc(open_count, sizeof *open_names);
	const rocksdb_options_t **options = check_calloc(open_count, sizeof *options);
	rocksdb_column_family_handle_t **handles = check_calloc(open_count, sizeof *handles);
	open_names[0] = "default";
	for (size_t i = 0; i < open_count; i++) {
		options[i] = store->options;
		if (count)
			open_names[i] = names[i];
	}
	store->db = rocksdb_open_column_families(store->options, path, (int)open_count, open_names,
						 options, handles, &message);
	for (size_t i = 0; message == NULL && i < open_count; i++) {
		if (strcmp(open_names[i], "default") == 0)
			store->default_family = handles[i];
		else
			add_shelf(store, open_names[i], handles[i]);
	}
	if (names != NULL)
		rocksdb_list_column_families_destroy(names, count);
	free(open_names);
	free(options);
	free(handles);
	if (message == NULL)
		return NULL;
	return err_wrap(
		store_error("STORE_OPEN", path, message),
		"the state folder can't be opened (is another foretell using it? a folder that "
		"is damaged may be deleted: it is rebuilt from Kafka)");
}

struct err *store_open(const char *path, size_t memory_bytes, struct store **out)
{
	struct store *store = check_calloc(1, sizeof *store);
	pthread_mutex_init(&store->lock, NULL);
	store->shelves = check_calloc(SHELVES_MAX, sizeof(struct shelf *));
	make_options(store, memory_bytes);
	struct err *err = open_families(store, path);
	if (err != NULL)
		store_close(&store);
	*out = store;
	return err;
}

static struct err *flush(struct shelf *shelf, bool wait)
{
	rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
	rocksdb_flushoptions_set_wait(options, wait);
	char *message = NULL;
	rocksdb_flush_cf(shelf->store->db, options, shelf->handle, &message);
	rocksdb_flushoptions_destroy(options);
	return message == NULL ? NULL : store_error("STORE_WRITE", "flushing the state", message);
}

struct err *shelf_flush(struct shelf *shelf)
{
	return flush(shelf, false);
}

static void release_loan(struct shelf *shelf)
{
	if (shelf->pinned != NULL)
		rocksdb_pinnableslice_destroy(shelf->pinned);
	shelf->pinned = NULL;
}

void store_close(struct store **out)
{
	struct store *store = *out;
	if (store == NULL)
		return;
	for (size_t i = 0; i < store->shelf_count; i++) {
		struct err *err = flush(store->shelves[i], true);
		err_free(&err); /* what is not flushed is replayed */
		release_loan(store->shelves[i]);
		free(store->shelves[i]->position);
		rocksdb_column_family_handle_destroy(store->shelves[i]->handle);
		free(store->shelves[i]);
	}
	if (store->default_family != NULL)
		rocksdb_column_family_handle_destroy(store->default_family);
	if (store->db != NULL)
		rocksdb_close(store->db);
	rocksdb_options_destroy(store->options);
	rocksdb_block_based_options_destroy(store->table_options);
	rocksdb_cache_destroy(store->block_cache);
	rocksdb_writeoptions_destroy(store->write_options);
	rocksdb_readoptions_destroy(store->read_options);
	pthread_mutex_destroy(&store->lock);
	free(store->shelves);
	free(store);
	*out = NULL;
}

static struct err *find_or_make_shelf(struct store *store, const char *stage, const char *topic,
				      int32_t partition, struct shelf **shelf)
{
	char name[SHELF_NAME_MAX];
	snprintf(name, sizeof name, "%s/%s/%d", stage, topic, partition);
	for (size_t i = 0; i < store->shelf_count; i++) {
		if (strcmp(store->shelves[i]->name, name) == 0) {
			*shelf = store->shelves[i];
			return NULL;
		}
	}
	char *message = NULL;
	rocksdb_column_family_handle_t *handle =
		rocksdb_create_column_family(store->db, store->options, name, &message);
	if (message != NULL)
		return store_error("STORE_WRITE", name, message);
	*shelf = add_shelf(store, name, handle);
	return NULL;
}

struct err *store_shelf(struct store *store, const char *stage, const char *topic,
			int32_t partition, struct shelf **shelf)
{
	pthread_mutex_lock(&store->lock);
	struct err *err = find_or_make_shelf(store, stage, topic, partition, shelf);
	pthread_mutex_unlock(&store->lock);
	return err;
}

struct err *shelf_wipe(struct shelf *shelf)
{
	char *message = NULL;
	release_loan(shelf);
	rocksdb_drop_column_family(shelf->store->db, shelf->handle, &message);
	if (message != NULL)
		return store_error("STORE_WRITE", shelf->name, message);
	rocksdb_column_family_handle_destroy(shelf->handle);
	shelf->handle = rocksdb_create_column_family(shelf->store->db, shelf->store->options,
						     shelf->name, &message);
	return message == NULL ? NULL : store_error("STORE_WRITE", shelf->name, message);
}

static struct err *corrupt(const struct shelf *shelf, const char *what)
{
	return err_new(ERR_FATAL, "STORE_CORRUPT",
		       "%s: %s: delete the state folder; it is rebuilt from Kafka", shelf->name,
		       what);
}

struct err *shelf_position(struct shelf *shelf, struct shelf_position *position)
{
	*position = (struct shelf_position){ .present = false };
	char *message = NULL;
	size_t len = 0;
	char *value =
		rocksdb_get_cf(shelf->store->db, shelf->store->read_options, shelf->handle,
			       (const char *)position_key, sizeof position_key, &len, &message);
	if (message != NULL)
		return store_error("STORE_READ", shelf->name, message);
	free(shelf->position);
	shelf->position = value;
	if (value == NULL)
		return NULL;
	const uint8_t *at = (const uint8_t *)value;
	if (len < POSITION_HEAD_LEN || at[0] != STORE_VERSION ||
	    get_le(at + 21, 4) != len - POSITION_HEAD_LEN)
		return corrupt(shelf, "its position can't be read");
	position->present = true;
	position->x = (int64_t)get_le(at + 1, 8);
	position->y = (int64_t)get_le(at + 9, 8);
	position->logic_version = (uint32_t)get_le(at + 17, 4);
	position->clock = bytes_of(at + POSITION_HEAD_LEN, len - POSITION_HEAD_LEN);
	return NULL;
}

struct err *shelf_get(struct shelf *shelf, uint8_t kind, struct bytes key,
		      struct shelf_value *value)
{
	uint8_t raw[STORE_KEY_MAX];
	size_t raw_len = state_key(raw, kind, key);
	char *message = NULL;
	*value = (struct shelf_value){ .present = false };
	release_loan(shelf);
	shelf->pinned = rocksdb_get_pinned_cf(shelf->store->db, shelf->store->read_options,
					      shelf->handle, (const char *)raw, raw_len, &message);
	if (message != NULL)
		return store_error("STORE_READ", shelf->name, message);
	if (shelf->pinned == NULL)
		return NULL;
	size_t len = 0;
	const char *data = rocksdb_pinnableslice_value(shelf->pinned, &len);
	const uint8_t *at = (const uint8_t *)data;
	if (at == NULL || len < VALUE_HEAD_LEN || at[0] != STORE_VERSION)
		return corrupt(shelf, "a state can't be read");
	value->present = true;
	value->lsn = (int64_t)get_le(at + 1, 8);
	value->due_ms = (int64_t)get_le(at + 9, 8);
	value->state = bytes_of(at + VALUE_HEAD_LEN, len - VALUE_HEAD_LEN);
	return NULL;
}

struct store_batch *store_batch_new(void)
{
	struct store_batch *batch = check_malloc(sizeof *batch);
	batch->batch = rocksdb_writebatch_create();
	return batch;
}

void store_batch_free(struct store_batch **batch)
{
	if (*batch == NULL)
		return;
	rocksdb_writebatch_destroy((*batch)->batch);
	free(*batch);
	*batch = NULL;
}

void store_batch_clear(struct store_batch *batch)
{
	rocksdb_writebatch_clear(batch->batch);
}

void store_batch_put(struct store_batch *batch, struct shelf *shelf, uint8_t kind, struct bytes key,
		     int64_t lsn, int64_t old_due_ms, int64_t due_ms, struct bytes state)
{
	uint8_t raw[STORE_KEY_MAX], head[VALUE_HEAD_LEN];
	size_t raw_len = state_key(raw, kind, key);
	head[0] = STORE_VERSION;
	put_le(put_le(head + 1, (uint64_t)lsn, 8), (uint64_t)due_ms, 8);
	const char *keys[] = { (const char *)raw };
	const size_t key_lens[] = { raw_len };
	const char *values[] = { (const char *)head, (const char *)state.data };
	const size_t value_lens[] = { sizeof head, state.len };
	rocksdb_writebatch_putv_cf(batch->batch, shelf->handle, 1, keys, key_lens, 2, values,
				   value_lens);
	if (old_due_ms == due_ms)
		return;
	if (old_due_ms != TIME_NONE) {
		raw_len = due_key(raw, old_due_ms, kind, key);
		rocksdb_writebatch_delete_cf(batch->batch, shelf->handle, (const char *)raw,
					     raw_len);
	}
	if (due_ms != TIME_NONE) {
		raw_len = due_key(raw, due_ms, kind, key);
		rocksdb_writebatch_put_cf(batch->batch, shelf->handle, (const char *)raw, raw_len,
					  "", 0);
	}
}

void store_batch_position(struct store_batch *batch, struct shelf *shelf, int64_t x, int64_t y,
			  uint32_t logic_version, struct bytes clock)
{
	uint8_t head[POSITION_HEAD_LEN];
	head[0] = STORE_VERSION;
	uint8_t *at = put_le(head + 1, (uint64_t)x, 8);
	at = put_le(at, (uint64_t)y, 8);
	at = put_le(at, logic_version, 4);
	put_le(at, clock.len, 4);
	const char *keys[] = { (const char *)position_key };
	const size_t key_lens[] = { sizeof position_key };
	const char *values[] = { (const char *)head, (const char *)clock.data };
	const size_t value_lens[] = { sizeof head, clock.len };
	rocksdb_writebatch_putv_cf(batch->batch, shelf->handle, 1, keys, key_lens,
				   clock.len ? 2 : 1, values, value_lens);
}

struct err *store_batch_write(struct store *store, struct store_batch *batch)
{
	char *message = NULL;
	rocksdb_write(store->db, store->write_options, batch->batch, &message);
	return message == NULL ? NULL
			       : store_error("STORE_WRITE", "writing the checkpoint", message);
}

struct due_cursor {
	rocksdb_iterator_t *iterator;
};

struct due_cursor *due_cursor_new(struct shelf *shelf, int64_t from_ms)
{
	struct due_cursor *cursor = check_malloc(sizeof *cursor);
	cursor->iterator = rocksdb_create_iterator_cf(shelf->store->db, shelf->store->read_options,
						      shelf->handle);
	uint8_t start[1 + 8];
	due_prefix(start, from_ms);
	rocksdb_iter_seek(cursor->iterator, (const char *)start, sizeof start);
	return cursor;
}

void due_cursor_free(struct due_cursor **cursor)
{
	if (*cursor == NULL)
		return;
	rocksdb_iter_destroy((*cursor)->iterator);
	free(*cursor);
	*cursor = NULL;
}

bool due_cursor_item(struct due_cursor *cursor, int64_t until_ms, struct due_item *item)
{
	if (!rocksdb_iter_valid(cursor->iterator))
		return false;
	size_t len = 0;
	const uint8_t *raw = (const uint8_t *)rocksdb_iter_key(cursor->iterator, &len);
	CHECK(len > DUE_HEAD_LEN && raw[0] == PREFIX_DUE);
	uint64_t sortable = 0;
	for (size_t i = 0; i < 8; i++)
		sortable = sortable << 8 | raw[1 + i];
	item->due_ms = (int64_t)(sortable ^ UINT64_C(1) << 63);
	item->kind = raw[9];
	item->key = bytes_of(raw + DUE_HEAD_LEN, len - DUE_HEAD_LEN);
	return item->due_ms <= until_ms;
}

void due_cursor_next(struct due_cursor *cursor)
{
	rocksdb_iter_next(cursor->iterator);
}
