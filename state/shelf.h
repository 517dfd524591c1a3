/* One task's part of the store: its states, their due index and its position.
 *
 * Errors of all that read: ABORT STORE_CORRUPT (see state/store.h), FATAL STORE_READ. Of all that
 * write: as store_batch_write. */
#ifndef STATE_SHELF_H
#define STATE_SHELF_H

#include "base/limits.h"
#include "state/store_batch.h"

/* Of every value and of the position; a shelf of another version counts as absent. */
enum { STORE_VERSION = 2 };

/* Empties a shelf; it is sound afterwards. */
ERR_MUST_USE struct err *shelf_wipe(struct shelf *shelf);

/* Begins to make what was written to a shelf durable, without waiting for it. */
ERR_MUST_USE struct err *shelf_flush(struct shelf *shelf);

/* ---- position ------------------------------------------------------------------------------- */

struct shelf_position {
	bool present;	 /* false: the rest isn't set, but for these two */
	bool damaged;	 /* a read has found damage since it was last wiped */
	uint8_t version; /* of the format; 0: an empty shelf */
	int64_t x, y;	 /* every published state below y is in; x was the next input offset */
	uint32_t logic_version;
	uint64_t fingerprint; /* the caller's, of whatever else must be the same */
	struct bytes cluster; /* id of the Kafka cluster, at most CLUSTER_ID_MAX; borrowed */
	struct bytes clock;   /* the log's clock as of y; borrowed until the next call */
};

/* Damage is not an error here: it is in the position. */
ERR_MUST_USE struct err *shelf_position(struct shelf *shelf, struct shelf_position *position);

/* Sets the shelf's position with the batch; present, damaged and version are ignored. */
void store_batch_position(struct store_batch *batch, struct shelf *shelf,
			  const struct shelf_position *position);

/* Takes the shelf's position away with the batch: it is of no use but to who knows what is in it.
 */
void store_batch_no_position(struct store_batch *batch, struct shelf *shelf);

/* ---- states --------------------------------------------------------------------------------- */

struct shelf_value {
	bool present;
	int64_t lsn, due_ms;
	struct bytes state; /* borrowed */
};

/* The state is borrowed until the next shelf_get of this shelf. */
ERR_MUST_USE struct err *shelf_get(struct shelf *shelf, uint8_t kind, struct bytes key,
				   struct shelf_value *value);

/* What one reader has borrowed by shelf_get_many: one per worker, for all its shelves. */
struct shelf_loan;

struct shelf_loan *shelf_loan_new(void);
void shelf_loan_return(struct shelf_loan *loan); /* frees what it holds, before its next use does */
void shelf_loan_free(struct shelf_loan **loan);

/* values[count] of keys[count], in any order, each at most SHELF_MANY_MAX; cheaper than as many
 * shelf_get. The states are borrowed until the loan's next use. */
ERR_MUST_USE struct err *shelf_get_many(struct shelf *shelf, struct shelf_loan *loan, uint8_t kind,
					const struct bytes *keys, size_t count,
					struct shelf_value *values);

/* old_due_ms: the due time that the store holds for this key (TIME_NONE: none). */
void store_batch_put(struct store_batch *batch, struct shelf *shelf, uint8_t kind, struct bytes key,
		     int64_t lsn, int64_t old_due_ms, int64_t due_ms, struct bytes state);

/* Nothing is left of this key. */
void store_batch_remove(struct store_batch *batch, struct shelf *shelf, uint8_t kind,
			struct bytes key, int64_t old_due_ms);

/* ---- due index ------------------------------------------------------------------------------ */

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

/* The item under the cursor; *found is false at the end or beyond until_ms. */
ERR_MUST_USE struct err *due_cursor_item(struct due_cursor *cursor, int64_t until_ms,
					 struct due_item *item, bool *found);
void due_cursor_next(struct due_cursor *cursor);

#endif
