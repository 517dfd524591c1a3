/* What is to be written into a store, in one piece: puts and deletions of any of its shelves.
 *
 * Ownership: what is handed over is copied. Threads: one at a time. */
#ifndef STATE_STORE_BATCH_H
#define STATE_STORE_BATCH_H

#include "state/store.h"

struct store_batch;

struct store_batch *store_batch_new(void);
void store_batch_free(struct store_batch **batch);
void store_batch_clear(struct store_batch *batch);
size_t store_batch_bytes(const struct store_batch *batch);

/* One put, its value in parts, or one deletion. Of several of one key the last one counts. */
void store_batch_add(struct store_batch *batch, const struct shelf *shelf, struct bytes key,
		     const struct bytes *parts, size_t part_count);
void store_batch_delete(struct store_batch *batch, const struct shelf *shelf, struct bytes key);

/* Applied whole or not at all. Errors: RETRY STORE_FULL: no room on the disk; the batch is kept,
 * and the same call works once there is room. FATAL STORE_CORRUPT, STORE_WRITE. */
ERR_MUST_USE struct err *store_batch_write(struct store *store, struct store_batch *batch);

#endif
