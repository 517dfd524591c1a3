#include "state/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "state/shelf_load.h"
#include "state/store_folder.h"
#include "state/store_rocks.h"

enum {
	SHELVES_MAX = 4 * TASKS_MAX,
	WRITE_BUFFER_MAX = 32 * 1024 * 1024, /* of one shelf */
	LOAD_BYTES_MAX = 32 * 1024 * 1024,
	WAL_BYTES_MAX = 32 * 1024 * 1024, /* is read within a quarter of a second */
	CACHE_SHARD_BITS = 2,
	INDEX_RESTARTS = 16, /* keys of an index that begin alike are kept once */
	ARENA_BLOCK_BYTES = 128 * 1024,
	YOUNG_FILES = 8, /* of a shelf, until they are merged: 4 would write a fourth more */
	BLOCK_BYTES = 4096,
	SCAN_AHEAD_BYTES = 1024 * 1024,
	FILTER_BITS = 10,
	DAMAGE_MAX = 3, /* of one shelf: more, and it is the disk */
};

#define MEMTABLE_FILTER_RATIO 0.01 /* some 40 bits a state */

/* ---- what RocksDB says ---------------------------------------------------------------------- */

static bool is_full(const char *message)
{
	/* EFBIG: a limit on the size of files stands for a full disk just as a quota does */
	static const int numbers[] = { ENOSPC, EDQUOT, EFBIG };
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (strstr(message, strerror(numbers[i])) != NULL)
			return true;
	return false;
}

static bool is_corruption(const char *message)
{
	return strncmp(message, "Corruption", strlen("Corruption")) == 0;
}

/* A file that is gone, or a disk that can't read it. */
static bool is_unreadable(const char *message)
{
	return strstr(message, strerror(ENOENT)) != NULL || strstr(message, strerror(EIO)) != NULL;
}

static struct err *full(enum err_verdict verdict, const char *path, const char *message)
{
	return err_new(verdict, "STORE_FULL",
		       "no room on the disk of the state folder %s (%s): make room, or move the "
		       "folder (--state.dir); nothing is lost, what it lacks comes from Kafka",
		       path, message);
}

struct err *store_room(const struct store *store)
{
	struct statvfs disk;
	char text[64];
	if (statvfs(store->path, &disk) != 0)
		return NULL; /* RocksDB will say what is wrong */
	uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (left >= store->room_bytes)
		return NULL;
	snprintf(text, sizeof text, "%" PRIu64 " MiB are left", left >> 20);
	return full(ERR_RETRY, store->path, text);
}

struct err *store_write_error(struct store *store, const char *doing, char *message)
{
	struct err *err = NULL;
	if (is_full(message)) {
		err = full(ERR_RETRY, store->path, message);
	} else if (is_corruption(message)) {
		store_folder_mark(store->path, message);
		err = err_new(ERR_FATAL, "STORE_CORRUPT",
			      "%s: the state folder %s is damaged (%s): start again, it is then "
			      "rebuilt from Kafka",
			      doing, store->path, message);
	} else {
		err = err_new(ERR_FATAL, "STORE_WRITE", "%s: %s", doing, message);
	}
	rocksdb_free(message);
	return err;
}

struct err *store_flush_error(struct store *store, char *message)
{
	static const char later[] = "Operation failed. Try again.";
	if (strncmp(message, later, strlen(later)) != 0)
		return store_write_error(store, "flushing the state", message);
	rocksdb_free(message);
	return NULL;
}

struct err *store_unreadable(struct shelf *shelf, const char *what)
{
	shelf->damaged = true;
	if (++shelf->damage_count <= DAMAGE_MAX)
		return err_new(ERR_ABORT, "STORE_CORRUPT",
			       "the local state %s is damaged (%s): it is rebuilt from Kafka",
			       shelf->name, what);
	store_folder_mark(shelf->store->path, what);
	return err_new(ERR_FATAL, "STORE_CORRUPT",
		       "the local state %s is damaged again and again (%s): is the disk of %s at "
		       "fault? Take another (--state.dir); the state is rebuilt from Kafka",
		       shelf->name, what, shelf->store->path);
}

struct err *store_read_error(struct shelf *shelf, char *message)
{
	struct err *err =
		is_corruption(message) || is_unreadable(message)
			? store_unreadable(shelf, message)
			: err_new(ERR_FATAL, "STORE_READ", "%s: %s", shelf->name, message);
	rocksdb_free(message);
	return err;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Tuned for single states of some hundred bytes out of many millions: what is active is in the
 * workers' caches, so a block that is read here is seldom read again: the block cache is for
 * indexes and filters. */
static void make_table_options(struct store *store, size_t cache_bytes)
{
	rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
	store->table_options = table;
	/* few shards: in many small ones a table's index doesn't fit */
	store->cache_bytes = cache_bytes;
	rocksdb_lru_cache_options_t *cache = rocksdb_lru_cache_options_create();
	rocksdb_lru_cache_options_set_capacity(cache, cache_bytes);
	rocksdb_lru_cache_options_set_num_shard_bits(cache, CACHE_SHARD_BITS);
	store->block_cache = rocksdb_cache_create_lru_opts(cache);
	rocksdb_lru_cache_options_destroy(cache);
	rocksdb_block_based_options_set_block_cache(table, store->block_cache);
	rocksdb_block_based_options_set_index_block_restart_interval(table, INDEX_RESTARTS);
	rocksdb_block_based_options_set_block_size(table, BLOCK_BYTES);
	rocksdb_block_based_options_set_format_version(table, 5);
	rocksdb_block_based_options_set_data_block_index_type(
		table, rocksdb_block_based_table_data_block_index_type_binary_search_and_hash);
	rocksdb_block_based_options_set_data_block_hash_ratio(table, 0.75);
	rocksdb_block_based_options_set_filter_policy(
		table, rocksdb_filterpolicy_create_bloom_full(FILTER_BITS));
	/* or they would stand beside the cache, out of any budget */
	rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
	rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
	rocksdb_options_set_block_based_table_factory(store->options, table);
}

/* Options (stolen) with which opening leaves what it finds in the log in memory: writing that out
 * would take longer than reading it. The C interface has no function for it. */
static rocksdb_options_t *keep_when_opened(rocksdb_options_t *options)
{
	char *message = NULL;
	rocksdb_options_t *more = rocksdb_options_create();
	rocksdb_get_options_from_string(options, "avoid_flush_during_recovery=true", more,
					&message);
	CHECK(message == NULL);
	rocksdb_options_destroy(options);
	return more;
}

static void make_options(struct store *store, size_t memory_bytes)
{
	size_t buffers = memory_bytes / 3;
	store->load_bytes = buffers < LOAD_BYTES_MAX ? buffers : LOAD_BYTES_MAX;
	store->options = rocksdb_options_create();
	rocksdb_options_set_create_if_missing(store->options, 1);
	rocksdb_options_set_create_missing_column_families(store->options, 1);
	rocksdb_options_set_db_write_buffer_size(store->options, buffers);
	rocksdb_options_set_write_buffer_size(
		store->options, buffers / 2 < WRITE_BUFFER_MAX ? buffers / 2 : WRITE_BUFFER_MAX);
	/* many small column families: a full-sized first block for each would be wasted */
	rocksdb_options_set_arena_block_size(store->options, ARENA_BLOCK_BYTES);
	rocksdb_options_set_level_compaction_dynamic_level_bytes(store->options, 1);
	rocksdb_options_set_level0_file_num_compaction_trigger(store->options, YOUNG_FILES);
	/* what is young is soon written again: only where it stays is it worth compressing */
	rocksdb_options_set_compression(store->options, rocksdb_no_compression);
	rocksdb_options_set_bottommost_compression(store->options, rocksdb_lz4_compression);
	rocksdb_options_set_memtable_prefix_bloom_size_ratio(store->options, MEMTABLE_FILTER_RATIO);
	rocksdb_options_set_memtable_whole_key_filtering(store->options, 1);
	rocksdb_options_set_max_total_wal_size(store->options,
					       buffers < WAL_BYTES_MAX ? buffers : WAL_BYTES_MAX);
	rocksdb_options_set_max_background_jobs(store->options, 2);
	rocksdb_options_set_max_open_files(store->options, 512);
	rocksdb_options_set_keep_log_file_num(store->options, 4);
	make_table_options(store, memory_bytes / 3);
	store->options = keep_when_opened(store->options);
	store->write_options = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_memtable_insert_hint_per_batch(store->write_options, 1);
	store->read_options = rocksdb_readoptions_create();
	rocksdb_readoptions_set_fill_cache(store->read_options, 0);
	store->fill_options = rocksdb_readoptions_create();
	store->scan_options = rocksdb_readoptions_create();
	rocksdb_readoptions_set_fill_cache(store->scan_options, 0);
	rocksdb_readoptions_set_readahead_size(store->scan_options, SCAN_AHEAD_BYTES);
}

const rocksdb_readoptions_t *store_read_options(const struct store *store)
{
	bool full = rocksdb_cache_get_usage(store->block_cache) > store->cache_bytes / 16 * 15;
	return full ? store->fill_options : store->read_options;
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

/* Opens the database with `count` column families by name; RocksDB's message where it can't. */
static char *open_database(struct store *store, const char *const *names, size_t count)
{
	char *message = NULL;
	const rocksdb_options_t **options = check_calloc(count, sizeof *options);
	rocksdb_column_family_handle_t **handles = check_calloc(count, sizeof *handles);
	for (size_t i = 0; i < count; i++)
		options[i] = store->options;
	store->db = rocksdb_open_column_families(store->options, store->path, (int)count, names,
						 options, handles, &message);
	for (size_t i = 0; message == NULL && i < count; i++) {
		if (strcmp(names[i], "default") == 0)
			store->default_family = handles[i];
		else
			add_shelf(store, names[i], handles[i]);
	}
	free(options);
	free(handles);
	return message;
}

/* Opens the database with the column families that it has. Sets *damaged where it is beyond use. */
static struct err *open_families(struct store *store, bool *damaged)
{
	static const char *const fresh[] = { "default" };
	size_t count = 0;
	char *ignored = NULL; /* no database yet, or opening it says the same */
	char **names = rocksdb_list_column_families(store->options, store->path, &count, &ignored);
	bool exists = store_folder_has(store->path, "CURRENT");
	char *message = ignored != NULL ? open_database(store, fresh, 1)
					: open_database(store, (const char *const *)names, count);
	if (names != NULL)
		rocksdb_list_column_families_destroy(names, count);
	rocksdb_free(ignored);
	if (message == NULL)
		return NULL;
	*damaged = is_corruption(message) || (exists && is_unreadable(message));
	struct err *err = is_full(message) ? full(ERR_FATAL, store->path, message)
					   : err_new(ERR_FATAL, "STORE_OPEN",
						     "the state folder %s can't be opened: %s",
						     store->path, message);
	rocksdb_free(message);
	return err;
}

static struct err *move_aside(struct store *store, struct store_opened *opened, const char *reason)
{
	opened->damaged = true;
	snprintf(opened->reason, sizeof opened->reason, "%s", reason);
	return store_folder_move_aside(store->path);
}

static struct err *open_or_replace(struct store *store, struct store_opened *opened)
{
	char reason[sizeof opened->reason];
	struct err *err = NULL;
	if (store_folder_marked(store->path, reason, sizeof reason))
		err = move_aside(store, opened, reason);
	bool damaged = false;
	store_folder_sweep(store->path, SHELF_LOAD_SUFFIX);
	if (err == NULL)
		err = open_families(store, &damaged);
	if (!damaged)
		return err;
	struct err *cause = err;
	err = move_aside(store, opened, err_text(cause));
	err_free(&cause);
	return err != NULL ? err : open_families(store, &damaged);
}

/* Two processes that found the same damage must not put each other's new folder aside. */
static struct err *take_lock(struct store *store)
{
	char path[STORE_PATH_MAX + 8];
	snprintf(path, sizeof path, "%s.lock", store->path);
	store->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (store->lock_file >= 0 && flock(store->lock_file, LOCK_EX | LOCK_NB) == 0)
		return NULL;
	if (errno == ENOSPC || errno == EDQUOT)
		return full(ERR_FATAL, store->path, strerror(errno));
	return err_new(ERR_FATAL, "STORE_OPEN", "the state folder %s can't be taken: %s",
		       store->path,
		       errno == EWOULDBLOCK
			       ? "another foretell is using it; a second process beside it needs "
				 "a --state.dir of its own"
			       : strerror(errno));
}

struct err *store_open(const char *path, const struct store_options *options,
		       struct store_opened *opened, struct store **out)
{
	struct store_opened unread;
	struct store *store = check_calloc(1, sizeof *store);
	CHECK(strlen(path) < STORE_PATH_MAX);
	store->path = check_strdup(path);
	store->lock_file = -1;
	pthread_mutex_init(&store->lock, NULL);
	store->shelves = check_calloc(SHELVES_MAX, sizeof(struct shelf *));
	store->room_bytes = options->room_bytes;
	make_options(store, options->memory_bytes);
	opened = opened != NULL ? opened : &unread;
	*opened = (struct store_opened){ .damaged = false };
	struct err *err = take_lock(store);
	if (err == NULL)
		err = open_or_replace(store, opened);
	if (err != NULL)
		store_close(&store);
	*out = store;
	return err;
}

/* ---- closing -------------------------------------------------------------------------------- */

struct err *store_flush(struct shelf *shelf, bool wait)
{
	rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
	rocksdb_flushoptions_set_wait(options, wait);
	char *message = NULL;
	rocksdb_flush_cf(shelf->store->db, options, shelf->handle, &message);
	rocksdb_flushoptions_destroy(options);
	return message == NULL ? NULL : store_flush_error(shelf->store, message);
}

static void close_database(struct store *store)
{
	for (size_t i = 0; i < store->shelf_count; i++) {
		struct err *err = store_flush(store->shelves[i], true);
		err_free(&err); /* what is not flushed is replayed */
		shelf_release(store->shelves[i]);
		rocksdb_column_family_handle_destroy(store->shelves[i]->handle);
		free(store->shelves[i]);
	}
	if (store->default_family != NULL)
		rocksdb_column_family_handle_destroy(store->default_family);
	if (store->db != NULL)
		rocksdb_close(store->db);
}

void store_close(struct store **out)
{
	struct store *store = *out;
	if (store == NULL)
		return;
	close_database(store);
	rocksdb_options_destroy(store->options);
	rocksdb_block_based_options_destroy(store->table_options);
	rocksdb_cache_destroy(store->block_cache);
	rocksdb_writeoptions_destroy(store->write_options);
	rocksdb_readoptions_destroy(store->read_options);
	rocksdb_readoptions_destroy(store->fill_options);
	rocksdb_readoptions_destroy(store->scan_options);
	pthread_mutex_destroy(&store->lock);
	if (store->lock_file >= 0)
		close(store->lock_file);
	free(store->shelves);
	free(store->path);
	free(store);
	*out = NULL;
}

void store_compact(struct store *store)
{
	enum { FORCE = 2 }; /* the lowest level, too: BottommostLevelCompaction::kForce */
	rocksdb_compactoptions_t *options = rocksdb_compactoptions_create();
	rocksdb_compactoptions_set_bottommost_level_compaction(options, FORCE);
	for (size_t i = 0; i < store->shelf_count; i++)
		rocksdb_compact_range_cf_opt(store->db, store->shelves[i]->handle, options, NULL, 0,
					     NULL, 0);
	rocksdb_compactoptions_destroy(options);
}

void store_memory(struct store *store, struct store_memory *memory)
{
	char *message = NULL;
	uint64_t errors = 0;
	*memory = (struct store_memory){ .write_buffers = 0 };
	rocksdb_memory_consumers_t *consumers = rocksdb_memory_consumers_create();
	rocksdb_memory_consumers_add_db(consumers, store->db);
	rocksdb_memory_consumers_add_cache(consumers, store->block_cache);
	rocksdb_memory_usage_t *usage =
		rocksdb_approximate_memory_usage_create(consumers, &message);
	if (message == NULL) {
		memory->write_buffers =
			(int64_t)rocksdb_approximate_memory_usage_get_mem_table_total(usage);
		memory->table_readers =
			(int64_t)rocksdb_approximate_memory_usage_get_mem_table_readers_total(
				usage);
		memory->block_cache =
			(int64_t)rocksdb_approximate_memory_usage_get_cache_total(usage);
		rocksdb_approximate_memory_usage_destroy(usage);
	}
	rocksdb_free(message);
	rocksdb_memory_consumers_destroy(consumers);
	if (rocksdb_property_int(store->db, "rocksdb.background-errors", &errors) == 0)
		memory->background_errors = (int64_t)errors;
}

/* ---- shelves -------------------------------------------------------------------------------- */

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
	if (store->shelf_count == SHELVES_MAX)
		return err_new(
			ERR_FATAL, "STORE_SHELVES",
			"the state folder %s holds %d partitions of stages and takes no more: "
			"run some of the stages in another process, with a --state.dir of "
			"its own",
			store->path, SHELVES_MAX);
	struct err *err = store_room(store);
	if (err != NULL)
		return err;
	char *message = NULL;
	rocksdb_column_family_handle_t *handle =
		rocksdb_create_column_family(store->db, store->options, name, &message);
	if (message != NULL)
		return store_write_error(store, name, message);
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

struct err *store_write(struct store *store, rocksdb_writebatch_t *batch)
{
	char *message = NULL;
	struct err *err = store_room(store);
	if (err != NULL)
		return err;
	rocksdb_write(store->db, store->write_options, batch, &message);
	return message == NULL ? NULL : store_write_error(store, "writing the checkpoint", message);
}
