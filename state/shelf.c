#include "state/shelf.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "state/shelf_layout.h"
#include "state/store_rocks.h"

void shelf_release(struct shelf *shelf)
{
	if (shelf->pinned != NULL)
		rocksdb_pinnableslice_destroy(shelf->pinned);
	shelf->pinned = NULL;
	rocksdb_free(shelf->position);
	shelf->position = NULL;
}

static bool is_empty(struct shelf *shelf)
{
	rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(
		shelf->store->db, shelf->store->scan_options, shelf->handle);
	char *message = NULL;
	rocksdb_iter_seek_to_first(iterator);
	bool empty = !rocksdb_iter_valid(iterator);
	rocksdb_iter_get_error(iterator, &message);
	rocksdb_iter_destroy(iterator);
	empty = empty && message == NULL;
	rocksdb_free(message);
	return empty;
}

struct err *shelf_wipe(struct shelf *shelf)
{
	struct store *store = shelf->store;
	char *message = NULL;
	/* making a shelf anew waits for the disk several times */
	if (!shelf->damaged && !shelf->dropped && is_empty(shelf))
		return NULL;
	struct err *err = store_room(store);
	if (err != NULL)
		return err;
	shelf_release(shelf);
	if (!shelf->dropped)
		rocksdb_drop_column_family(store->db, shelf->handle, &message);
	if (message != NULL)
		return store_write_error(store, shelf->name, message);
	shelf->dropped = true; /* were the disk full now, the next try would only create */
	rocksdb_column_family_handle_t *handle =
		rocksdb_create_column_family(store->db, store->options, shelf->name, &message);
	if (message != NULL)
		return store_write_error(store, shelf->name, message);
	rocksdb_column_family_handle_destroy(shelf->handle);
	shelf->handle = handle;
	shelf->damaged = shelf->dropped = false;
	return NULL;
}

struct err *shelf_flush(struct shelf *shelf)
{
	return store_flush(shelf, false);
}

/* ---- position ------------------------------------------------------------------------------- */

struct err *shelf_position(struct shelf *shelf, struct shelf_position *position)
{
	*position = (struct shelf_position){ .damaged = shelf->damaged };
	if (shelf->damaged)
		return NULL;
	char *message = NULL;
	size_t len = 0;
	struct bytes key = layout_position_key();
	rocksdb_free(shelf->position);
	shelf->position =
		rocksdb_get_cf(shelf->store->db, store_read_options(shelf->store), shelf->handle,
			       (const char *)key.data, key.len, &len, &message);
	struct err *err = NULL;
	if (message != NULL)
		err = store_read_error(shelf, message);
	else if (shelf->position != NULL &&
		 !layout_read_position(bytes_of(shelf->position, len), position))
		err = store_unreadable(shelf, "its position");
	if (err == NULL || err_verdict(err) != ERR_ABORT)
		return err;
	err_free(&err); /* the caller rebuilds it anyway */
	*position = (struct shelf_position){ .damaged = true };
	return NULL;
}

void store_batch_position(struct store_batch *batch, struct shelf *shelf,
			  const struct shelf_position *position)
{
	uint8_t head[POSITION_HEAD_LEN];
	layout_position_head(head, position);
	const struct bytes parts[] = { bytes_of(head, sizeof head), position->cluster,
				       position->clock };
	store_batch_add(batch, shelf, layout_position_key(), parts, 3);
}

void store_batch_no_position(struct store_batch *batch, struct shelf *shelf)
{
	store_batch_delete(batch, shelf, layout_position_key());
}

/* ---- states --------------------------------------------------------------------------------- */

static struct err *read_value(struct shelf *shelf, const rocksdb_pinnableslice_t *slice,
			      struct shelf_value *value)
{
	size_t len = 0;
	const char *data = rocksdb_pinnableslice_value(slice, &len);
	if (layout_read_value(bytes_of(data, len), value))
		return NULL;
	return store_unreadable(shelf, "a state");
}

struct err *shelf_get(struct shelf *shelf, uint8_t kind, struct bytes key,
		      struct shelf_value *value)
{
	uint8_t raw[SHELF_KEY_MAX];
	size_t raw_len = layout_state_key(raw, kind, key);
	char *message = NULL;
	*value = (struct shelf_value){ .present = false };
	if (shelf->pinned != NULL)
		rocksdb_pinnableslice_destroy(shelf->pinned);
	shelf->pinned = rocksdb_get_pinned_cf(shelf->store->db, store_read_options(shelf->store),
					      shelf->handle, (const char *)raw, raw_len, &message);
	if (message != NULL)
		return store_read_error(shelf, message);
	return shelf->pinned == NULL ? NULL : read_value(shelf, shelf->pinned, value);
}

struct shelf_loan {
	uint8_t keys[SHELF_MANY_MAX][SHELF_KEY_MAX];
	const char *key_starts[SHELF_MANY_MAX];
	size_t key_lens[SHELF_MANY_MAX];
	rocksdb_pinnableslice_t *slices[SHELF_MANY_MAX];
	char *messages[SHELF_MANY_MAX];
	size_t count; /* slices lent out */
};

struct shelf_loan *shelf_loan_new(void)
{
	struct shelf_loan *loan = check_calloc(1, sizeof *loan);
	for (size_t i = 0; i < SHELF_MANY_MAX; i++)
		loan->key_starts[i] = (const char *)loan->keys[i];
	return loan;
}

void shelf_loan_return(struct shelf_loan *loan)
{
	for (size_t i = 0; i < loan->count; i++)
		if (loan->slices[i] != NULL)
			rocksdb_pinnableslice_destroy(loan->slices[i]);
	loan->count = 0;
}

void shelf_loan_free(struct shelf_loan **loan)
{
	if (*loan == NULL)
		return;
	shelf_loan_return(*loan);
	free(*loan);
	*loan = NULL;
}

/* The first error counts; the others' messages are freed. */
static struct err *first_error(struct shelf *shelf, char **messages, size_t count)
{
	struct err *err = NULL;
	for (size_t i = 0; i < count; i++) {
		if (messages[i] == NULL)
			continue;
		if (err == NULL)
			err = store_read_error(shelf, messages[i]);
		else
			rocksdb_free(messages[i]);
	}
	return err;
}

struct err *shelf_get_many(struct shelf *shelf, struct shelf_loan *loan, uint8_t kind,
			   const struct bytes *keys, size_t count, struct shelf_value *values)
{
	CHECK(count <= SHELF_MANY_MAX);
	shelf_loan_return(loan);
	if (count == 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		loan->key_lens[i] = layout_state_key(loan->keys[i], kind, keys[i]);
		values[i] = (struct shelf_value){ .present = false };
	}
	rocksdb_batched_multi_get_cf(shelf->store->db, store_read_options(shelf->store),
				     shelf->handle, count, loan->key_starts, loan->key_lens,
				     loan->slices, loan->messages, false);
	loan->count = count;
	struct err *err = first_error(shelf, loan->messages, count);
	for (size_t i = 0; err == NULL && i < count; i++)
		if (loan->slices[i] != NULL)
			err = read_value(shelf, loan->slices[i], &values[i]);
	return err;
}

void store_batch_put(struct store_batch *batch, struct shelf *shelf, uint8_t kind, struct bytes key,
		     int64_t lsn, int64_t old_due_ms, int64_t due_ms, struct bytes state)
{
	uint8_t raw[SHELF_KEY_MAX], head[VALUE_HEAD_LEN];
	size_t len = layout_state_key(raw, kind, key);
	layout_value_head(head, lsn, due_ms);
	const struct bytes parts[] = { bytes_of(head, sizeof head), state };
	store_batch_add(batch, shelf, bytes_of(raw, len), parts, 2);
	if (old_due_ms == due_ms)
		return;
	if (old_due_ms != TIME_NONE) {
		len = layout_due_key(raw, old_due_ms, kind, key);
		store_batch_delete(batch, shelf, bytes_of(raw, len));
	}
	if (due_ms != TIME_NONE) {
		len = layout_due_key(raw, due_ms, kind, key);
		store_batch_add(batch, shelf, bytes_of(raw, len), NULL, 0);
	}
}

void store_batch_remove(struct store_batch *batch, struct shelf *shelf, uint8_t kind,
			struct bytes key, int64_t old_due_ms)
{
	uint8_t raw[SHELF_KEY_MAX];
	size_t len = layout_state_key(raw, kind, key);
	store_batch_delete(batch, shelf, bytes_of(raw, len));
	if (old_due_ms == TIME_NONE)
		return;
	len = layout_due_key(raw, old_due_ms, kind, key);
	store_batch_delete(batch, shelf, bytes_of(raw, len));
}

/* ---- due index ------------------------------------------------------------------------------ */

struct err *store_iterator_error(struct shelf *shelf, const rocksdb_iterator_t *iterator)
{
	char *message = NULL;
	rocksdb_iter_get_error(iterator, &message);
	return message == NULL ? NULL : store_read_error(shelf, message);
}

struct due_cursor {
	struct shelf *shelf;
	rocksdb_iterator_t *iterator;
};

struct due_cursor *due_cursor_new(struct shelf *shelf, int64_t from_ms)
{
	struct due_cursor *cursor = check_malloc(sizeof *cursor);
	cursor->shelf = shelf;
	cursor->iterator = rocksdb_create_iterator_cf(
		shelf->store->db, store_read_options(shelf->store), shelf->handle);
	uint8_t start[DUE_PREFIX_LEN];
	layout_due_prefix(start, from_ms);
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

/* An iterator that meets damage looks as if it were at the end: timers would be missed silently. */
struct err *due_cursor_item(struct due_cursor *cursor, int64_t until_ms, struct due_item *item,
			    bool *found)
{
	*found = false;
	if (!rocksdb_iter_valid(cursor->iterator))
		return store_iterator_error(cursor->shelf, cursor->iterator);
	size_t len = 0;
	const char *raw = rocksdb_iter_key(cursor->iterator, &len);
	if (!layout_read_due(bytes_of(raw, len), item))
		return store_unreadable(cursor->shelf, "its due index");
	*found = item->due_ms <= until_ms;
	return NULL;
}

void due_cursor_next(struct due_cursor *cursor)
{
	rocksdb_iter_next(cursor->iterator);
}
