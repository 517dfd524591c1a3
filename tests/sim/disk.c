#include "tests/sim/disk.h"

#include <errno.h>
#include <rocksdb/c.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { DISKS_MAX = 256, SELF_FLUSH_CHANCE = 12 };

/* A key and its value, immutable; shared by a family, its image on the disk, and iterators. */
struct pair {
	unsigned users;
	size_t key_len, value_len;
	char *value; /* behind the key */
	char key[];
};

/* Pairs in the order of keys. */
struct table {
	struct pair **pairs;
	size_t count, room;
};

struct family {
	char *name;
	struct table now, flushed;

	bool dropped;
};

/* What those who have a database open see of it. One process at a time, if they keep to the store's
 * lock; if they don't, each sees at once what the other writes. */
struct opened {
	struct family **families;
	size_t count, users;
};

struct disk {
	char *path;
	bool full;
	struct family **families; /* as they were flushed */
	size_t count;
	struct opened *opened; /* NULL: nobody has it open */
};

struct rocksdb_t {
	struct disk *disk; /* NULL: its process is dead */
	struct opened *opened;
	const void *user;
	struct rocksdb_t *next; /* of all that are open */
};

struct rocksdb_column_family_handle_t {
	struct family *family;
};

struct op {
	struct family *family;
	struct pair *pair;
	bool deletes;
};

struct rocksdb_writebatch_t {
	struct op *ops;
	size_t count, room;
};

struct rocksdb_iterator_t {
	struct table table;
	size_t at;
};

struct rocksdb_pinnableslice_t {
	struct pair *pair;
};

static struct disk *disks[DISKS_MAX];
static size_t disk_count;
static struct rocksdb_t *databases;
static const void *user;
static bool is_shared;
static uint32_t (*chance_below)(void *context, uint32_t bound);
static void *chance_context;

/* ---- tables --------------------------------------------------------------------------------- */

static struct pair *pair_new(const char *key, size_t key_len, const char *value, size_t value_len)
{
	struct pair *pair = check_malloc(sizeof *pair + key_len + value_len);
	*pair = (struct pair){ .users = 1, .key_len = key_len, .value_len = value_len };
	memcpy(pair->key, key, key_len);
	pair->value = pair->key + key_len;
	if (value_len > 0)
		memcpy(pair->value, value, value_len);
	return pair;
}

static struct pair *pair_share(struct pair *pair)
{
	pair->users++;
	return pair;
}

static void pair_drop(struct pair *pair)
{
	if (--pair->users == 0)
		free(pair);
}

static int compare(const struct pair *pair, const char *key, size_t key_len)
{
	size_t len = pair->key_len < key_len ? pair->key_len : key_len;
	int order = memcmp(pair->key, key, len);
	if (order != 0)
		return order;
	return (pair->key_len > key_len) - (pair->key_len < key_len);
}

/* The first place whose key isn't below `key`. */
static size_t table_seek(const struct table *table, const char *key, size_t key_len)
{
	size_t low = 0, high = table->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare(table->pairs[middle], key, key_len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct pair *table_find(const struct table *table, const char *key, size_t key_len)
{
	size_t at = table_seek(table, key, key_len);
	if (at == table->count || compare(table->pairs[at], key, key_len) != 0)
		return NULL;
	return table->pairs[at];
}

static void table_delete(struct table *table, const struct pair *like)
{
	size_t at = table_seek(table, like->key, like->key_len);
	if (at == table->count || compare(table->pairs[at], like->key, like->key_len) != 0)
		return;
	pair_drop(table->pairs[at]);
	table->count--;
	memmove(&table->pairs[at], &table->pairs[at + 1],
		(table->count - at) * sizeof(struct pair *));
}

static void table_put(struct table *table, struct pair *pair)
{
	table_delete(table, pair);
	if (table->count == table->room) {
		table->room = table->room == 0 ? 32 : 2 * table->room;
		table->pairs = check_realloc(table->pairs, table->room * sizeof(struct pair *));
	}
	size_t at = table_seek(table, pair->key, pair->key_len);
	memmove(&table->pairs[at + 1], &table->pairs[at],
		(table->count - at) * sizeof(struct pair *));
	table->pairs[at] = pair_share(pair);
	table->count++;
}

static void table_clear(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		pair_drop(table->pairs[i]);
	free(table->pairs);
	*table = (struct table){ .count = 0 };
}

static void table_copy(struct table *to, const struct table *from)
{
	table_clear(to);
	to->pairs = check_calloc(from->count + 1, sizeof(struct pair *));
	to->count = to->room = from->count;
	for (size_t i = 0; i < from->count; i++)
		to->pairs[i] = pair_share(from->pairs[i]);
}

/* ---- disks ---------------------------------------------------------------------------------- */

void disk_set_chance(uint32_t (*below)(void *context, uint32_t bound), void *context)
{
	chance_below = below;
	chance_context = context;
}

static struct disk *disk_get(const char *path)
{
	for (size_t i = 0; i < disk_count; i++)
		if (strcmp(disks[i]->path, path) == 0)
			return disks[i];
	CHECK(disk_count < DISKS_MAX);
	struct disk *disk = check_calloc(1, sizeof *disk);
	disk->path = check_strdup(path);
	disks[disk_count++] = disk;
	return disk;
}

static void family_free(struct family *family)
{
	table_clear(&family->now);
	table_clear(&family->flushed);
	free(family->name);
	free(family);
}

static struct family *family_new(const char *name)
{
	struct family *family = check_calloc(1, sizeof *family);
	family->name = check_strdup(name);
	return family;
}

static struct family **families_add(struct family **families, size_t count, struct family *added)
{
	families = check_realloc(families, (count + 1) * sizeof(struct family *));
	families[count] = added;
	return families;
}

void disk_set_user(const void *process)
{
	user = process;
}

bool disk_is_shared(void)
{
	return is_shared;
}

void disk_set_full(const char *path, bool full)
{
	disk_get(path)->full = full;
}

void disk_crash(const void *process)
{
	for (struct rocksdb_t *db = databases; db != NULL; db = db->next) {
		if (db->user != process || db->disk == NULL)
			continue;
		if (db->opened->users == 1)
			db->disk->opened = NULL;
		db->disk = NULL;
	}
}

void disk_lose_all(void)
{
	for (size_t i = 0; i < disk_count; i++) {
		CHECK(disks[i]->opened == NULL);
		for (size_t j = 0; j < disks[i]->count; j++)
			family_free(disks[i]->families[j]);
		free(disks[i]->families);
		free(disks[i]->path);
		free(disks[i]);
	}
	disk_count = 0;
	is_shared = false;
}

static struct family *family_on_disk(struct disk *disk, const char *name)
{
	for (size_t i = 0; i < disk->count; i++)
		if (strcmp(disk->families[i]->name, name) == 0)
			return disk->families[i];
	return NULL;
}

/* What the family is now is what the next process finds. */
static void flush(struct rocksdb_t *db, struct family *family)
{
	if (db->disk == NULL || family->dropped)
		return;
	struct family *image = family_on_disk(db->disk, family->name);
	CHECK(image != NULL);
	table_copy(&image->flushed, &family->now);
}

/* ---- a database ----------------------------------------------------------------------------- */

char **rocksdb_list_column_families(const rocksdb_options_t *options, const char *name,
				    size_t *count, char **error)
{
	(void)options;
	struct disk *disk = disk_get(name);
	*count = 0;
	if (disk->count == 0) {
		*error = check_strdup("IO error: No such file or directory");
		return NULL;
	}
	char **names = check_calloc(disk->count, sizeof(char *));
	for (size_t i = 0; i < disk->count; i++)
		names[(*count)++] = check_strdup(disk->families[i]->name);
	return names;
}

void rocksdb_list_column_families_destroy(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static rocksdb_column_family_handle_t *handle_new(struct family *family)
{
	rocksdb_column_family_handle_t *handle = check_malloc(sizeof *handle);
	handle->family = family;
	return handle;
}

static struct family *db_add(struct rocksdb_t *db, const char *name)
{
	struct family *family = family_new(name);
	db->opened->families = families_add(db->opened->families, db->opened->count++, family);
	if (db->disk == NULL)
		return family;
	struct family *image = family_on_disk(db->disk, name);
	if (image == NULL) {
		image = family_new(name);
		db->disk->families = families_add(db->disk->families, db->disk->count++, image);
	}
	table_copy(&family->now, &image->flushed);
	return family;
}

/* The family by that name that another user has, or one from the disk. */
static struct family *db_open(struct rocksdb_t *db, const char *name)
{
	for (size_t i = 0; i < db->opened->count; i++)
		if (!db->opened->families[i]->dropped &&
		    strcmp(db->opened->families[i]->name, name) == 0)
			return db->opened->families[i];
	return db_add(db, name);
}

rocksdb_t *rocksdb_open_column_families(const rocksdb_options_t *options, const char *name,
					int count, const char *const *names,
					const rocksdb_options_t *const *family_options,
					rocksdb_column_family_handle_t **handles, char **error)
{
	(void)options;
	(void)family_options;
	(void)error;
	struct rocksdb_t *db = check_calloc(1, sizeof *db);
	db->disk = disk_get(name);
	db->user = user;
	db->next = databases;
	databases = db;
	if (db->disk->opened == NULL)
		db->disk->opened = check_calloc(1, sizeof *db->disk->opened);
	db->opened = db->disk->opened;
	db->opened->users++;
	for (int i = 0; i < count; i++)
		handles[i] = handle_new(db_open(db, names[i]));
	return db;
}

void rocksdb_close(rocksdb_t *db)
{
	struct rocksdb_t **at = &databases;
	while (*at != db)
		at = &(*at)->next;
	*at = db->next;
	if (--db->opened->users == 0) {
		if (db->disk != NULL)
			db->disk->opened = NULL;
		for (size_t i = 0; i < db->opened->count; i++)
			family_free(db->opened->families[i]);
		free(db->opened->families);
		free(db->opened);
	}
	free(db);
}

rocksdb_column_family_handle_t *rocksdb_create_column_family(rocksdb_t *db,
							     const rocksdb_options_t *options,
							     const char *name, char **error)
{
	(void)options;
	(void)error;
	return handle_new(db_add(db, name));
}

void rocksdb_drop_column_family(rocksdb_t *db, rocksdb_column_family_handle_t *handle, char **error)
{
	(void)error;
	handle->family->dropped = true;
	if (db->disk != NULL)
		table_clear(&family_on_disk(db->disk, handle->family->name)->flushed);
}

void rocksdb_column_family_handle_destroy(rocksdb_column_family_handle_t *handle)
{
	free(handle);
}

void rocksdb_flush_cf(rocksdb_t *db, const rocksdb_flushoptions_t *options,
		      rocksdb_column_family_handle_t *handle, char **error)
{
	(void)error;
	/* begun without waiting, a flush may be over now or with the next one */
	if (rocksdb_flushoptions_get_wait((rocksdb_flushoptions_t *)options) != 0 ||
	    chance_below == NULL || chance_below(chance_context, 2) == 0)
		flush(db, handle->family);
}

/* ---- writing -------------------------------------------------------------------------------- */

rocksdb_writebatch_t *rocksdb_writebatch_create(void)
{
	return check_calloc(1, sizeof(rocksdb_writebatch_t));
}

void rocksdb_writebatch_clear(rocksdb_writebatch_t *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		pair_drop(batch->ops[i].pair);
	batch->count = 0;
}

void rocksdb_writebatch_destroy(rocksdb_writebatch_t *batch)
{
	rocksdb_writebatch_clear(batch);
	free(batch->ops);
	free(batch);
}

static void batch_add(rocksdb_writebatch_t *batch, rocksdb_column_family_handle_t *handle,
		      struct pair *pair, bool deletes)
{
	if (batch->count == batch->room) {
		batch->room = batch->room == 0 ? 32 : 2 * batch->room;
		batch->ops = check_realloc(batch->ops, batch->room * sizeof *batch->ops);
	}
	batch->ops[batch->count++] = (struct op){ handle->family, pair, deletes };
}

void rocksdb_writebatch_put_cf(rocksdb_writebatch_t *batch, rocksdb_column_family_handle_t *handle,
			       const char *key, size_t key_len, const char *value, size_t value_len)
{
	batch_add(batch, handle, pair_new(key, key_len, value, value_len), false);
}

void rocksdb_writebatch_delete_cf(rocksdb_writebatch_t *batch,
				  rocksdb_column_family_handle_t *handle, const char *key,
				  size_t key_len)
{
	batch_add(batch, handle, pair_new(key, key_len, NULL, 0), true);
}

void rocksdb_write(rocksdb_t *db, const rocksdb_writeoptions_t *options,
		   rocksdb_writebatch_t *batch, char **error)
{
	(void)options;
	if (db->disk == NULL && db->opened->users > 1)
		return; /* of a dead process, and others see it */
	is_shared = is_shared || (batch->count > 0 && db->opened->users > 1);
	if (db->disk != NULL && db->disk->full) {
		*error = check_strdup(strerror(ENOSPC));
		return;
	}
	for (size_t i = 0; i < batch->count; i++) {
		const struct op *op = &batch->ops[i];
		if (op->deletes)
			table_delete(&op->family->now, op->pair);
		else
			table_put(&op->family->now, op->pair);
	}
	/* a full buffer is flushed by itself, each family for itself */
	for (size_t i = 0; chance_below != NULL && i < db->opened->count; i++)
		if (chance_below(chance_context, SELF_FLUSH_CHANCE) == 0)
			flush(db, db->opened->families[i]);
}

/* ---- reading -------------------------------------------------------------------------------- */

char *rocksdb_get_cf(rocksdb_t *db, const rocksdb_readoptions_t *options,
		     rocksdb_column_family_handle_t *handle, const char *key, size_t key_len,
		     size_t *value_len, char **error)
{
	(void)db;
	(void)options;
	(void)error;
	const struct pair *pair = table_find(&handle->family->now, key, key_len);
	*value_len = 0;
	if (pair == NULL)
		return NULL;
	char *value = check_malloc(pair->value_len + 1);
	memcpy(value, pair->value, pair->value_len);
	*value_len = pair->value_len;
	return value;
}

static rocksdb_pinnableslice_t *pin(const struct table *table, const char *key, size_t key_len)
{
	struct pair *pair = table_find(table, key, key_len);
	if (pair == NULL)
		return NULL;
	rocksdb_pinnableslice_t *slice = check_malloc(sizeof *slice);
	slice->pair = pair_share(pair);
	return slice;
}

rocksdb_pinnableslice_t *rocksdb_get_pinned_cf(rocksdb_t *db, const rocksdb_readoptions_t *options,
					       rocksdb_column_family_handle_t *handle,
					       const char *key, size_t key_len, char **error)
{
	(void)db;
	(void)options;
	(void)error;
	return pin(&handle->family->now, key, key_len);
}

void rocksdb_batched_multi_get_cf(rocksdb_t *db, const rocksdb_readoptions_t *options,
				  rocksdb_column_family_handle_t *handle, size_t count,
				  const char *const *keys, const size_t *key_lens,
				  rocksdb_pinnableslice_t **values, char **errors,
				  const bool sorted_input)
{
	(void)db;
	(void)options;
	(void)sorted_input;
	for (size_t i = 0; i < count; i++) {
		values[i] = pin(&handle->family->now, keys[i], key_lens[i]);
		errors[i] = NULL;
	}
}

const char *rocksdb_pinnableslice_value(const rocksdb_pinnableslice_t *slice, size_t *len)
{
	*len = slice->pair->value_len;
	return slice->pair->value;
}

void rocksdb_pinnableslice_destroy(rocksdb_pinnableslice_t *slice)
{
	pair_drop(slice->pair);
	free(slice);
}

rocksdb_iterator_t *rocksdb_create_iterator_cf(rocksdb_t *db, const rocksdb_readoptions_t *options,
					       rocksdb_column_family_handle_t *handle)
{
	(void)db;
	(void)options;
	rocksdb_iterator_t *iterator = check_calloc(1, sizeof *iterator);
	table_copy(&iterator->table, &handle->family->now);
	return iterator;
}

void rocksdb_iter_destroy(rocksdb_iterator_t *iterator)
{
	table_clear(&iterator->table);
	free(iterator);
}

void rocksdb_iter_seek_to_first(rocksdb_iterator_t *iterator)
{
	iterator->at = 0;
}

void rocksdb_iter_seek(rocksdb_iterator_t *iterator, const char *key, size_t key_len)
{
	iterator->at = table_seek(&iterator->table, key, key_len);
}

unsigned char rocksdb_iter_valid(const rocksdb_iterator_t *iterator)
{
	return iterator->at < iterator->table.count;
}

void rocksdb_iter_next(rocksdb_iterator_t *iterator)
{
	iterator->at++;
}

const char *rocksdb_iter_key(const rocksdb_iterator_t *iterator, size_t *len)
{
	const struct pair *pair = iterator->table.pairs[iterator->at];
	*len = pair->key_len;
	return pair->key;
}

const char *rocksdb_iter_value(const rocksdb_iterator_t *iterator, size_t *len)
{
	const struct pair *pair = iterator->table.pairs[iterator->at];
	*len = pair->value_len;
	return pair->value;
}

void rocksdb_iter_get_error(const rocksdb_iterator_t *iterator, char **error)
{
	(void)iterator;
	(void)error;
}

void rocksdb_ingest_external_file_cf(rocksdb_t *db, rocksdb_column_family_handle_t *handle,
				     const char *const *files, size_t count,
				     const rocksdb_ingestexternalfileoptions_t *options,
				     char **error)
{
	(void)db;
	(void)handle;
	(void)files;
	(void)count;
	(void)options;
	(void)error;
	CHECK(false); /* only large shelves are loaded by files */
}
