/* Published states on local disk, in RocksDB: one database per process, one column family ("shelf")
 * per task, so that a task's states, due index and positions form one consistent prefix of what was
 * committed, and leave together.
 *
 * RocksDB's own write-ahead log is off: the input log is the redo log. After a crash a shelf is an
 * older, but whole, checkpoint; its positions say which.
 *
 * Layout of a shelf (version STORE_VERSION):
 *   key 0x00 "position"                       {u8 version, i64 x, i64 y, u32 logic_version,
 *                                              u32 clock_len, clock bytes}
 *   key 0x01 kind key                         {u8 version, i64 lsn, i64 due_ms, state bytes}
 *   key 0x02 due_ms (big-endian, sign flipped) kind key   {}
 * Integers are little-endian unless said.
 *
 * Ownership: shelves belong to the store. Threads: a store may be shared; a shelf, its batches and
 * iterators belong to the worker that owns the task. */
#ifndef STATE_STORE_H
#define STATE_STORE_H

#include "base/bytes.h"
#include "base/err.h"

enum { STORE_VERSION = 1 };

struct store;
struct shelf;
struct store_batch;

/* Opens or creates the database under `path`. Errors: FATAL STORE_OPEN (locked by another process,
 * corrupt, no permission, disk full: the text says which and what to do). */
ERR_MUST_USE struct err *store_open(const char *path, size_t memory_bytes, struct store **store);
void store_close(struct store **store); /* flushes first */

/* The shelf of one task, created empty where it is missing. */
ERR_MUST_USE struct err *store_shelf(struct store *store, const char *stage, const char *topic,
				     int32_t partition, struct shelf **shelf);

/* Empties a shelf. */
ERR_MUST_USE struct err *shelf_wipe(struct shelf *shelf);

struct shelf_position {
	bool present; /* false: an empty shelf */
	int64_t x, y; /* every published state below y is in; x was the next input offset */
	uint32_t logic_version;
	struct bytes clock; /* the log's clock as of y; borrowed until the next call */
};

ERR_MUST_USE struct err *shelf_position(struct shelf *shelf, struct shelf_position *position);

struct shelf_value {
	bool present;
	int64_t lsn, due_ms;
	struct bytes state; /* borrowed until the next shelf_get of this shelf */
};

ERR_MUST_USE struct err *shelf_get(struct shelf *shelf, uint8_t kind, struct bytes key,
				   struct shelf_value *value);

/* A batch is applied whole or not at all. */
struct store_batch *store_batch_new(void);
void store_batch_free(struct store_batch **batch);
void store_batch_clear(struct store_batch *batch);

/* old_due_ms: the due time that the store holds for this key (TIME_NONE: none). */
void store_batch_put(struct store_batch *batch, struct shelf *shelf, uint8_t kind, struct bytes key,
		     int64_t lsn, int64_t old_due_ms, int64_t due_ms, struct bytes state);
void store_batch_position(struct store_batch *batch, struct shelf *shelf, int64_t x, int64_t y,
			  uint32_t logic_version, struct bytes clock);
ERR_MUST_USE struct err *store_batch_write(struct store *store, struct store_batch *batch);

/* Begins to make what was written to a shelf durable, without waiting for it. */
ERR_MUST_USE struct err *shelf_flush(struct shelf *shelf);

/* The due index from from_ms on, in (due, kind, key) order. A cursor sees the shelf as it was when
 * it was made. */
struct due_cursor;

struct due_cursor *due_cursor_new(struct shelf *shelf, int64_t from_ms);
void due_cursor_free(struct due_cursor **cursor);

struct due_item {
	int64_t due_ms;
	uint8_t kind;
	struct bytes key; /* borrowed until due_cursor_next */
};

/* The item under the cursor; false at the end or beyond until_ms. */
bool due_cursor_item(struct due_cursor *cursor, int64_t until_ms, struct due_item *item);
void due_cursor_next(struct due_cursor *cursor);

#endif
