/* Writes batches into the store aside from the worker, one at a time: large ones on a thread of its
 * own, so that processing goes on meanwhile; small ones at once, which takes less than handing them
 * over.
 *
 * Threads: the functions below are called by one thread, the owner's. */
#ifndef STATE_STORE_WRITER_H
#define STATE_STORE_WRITER_H

#include "state/store_batch.h"

struct store_writer;

enum store_writer_mode {
	STORE_WRITER_LATER, /* no thread: a call of store_writer_end after the first writes */
	STORE_WRITER_ASIDE,
};

struct store_writer *store_writer_new(struct store *store, enum store_writer_mode mode);
void store_writer_free(struct store_writer **writer); /* waits for what a thread writes */

/* `batch` (borrowed) stays untouched until the outcome is told. */
void store_writer_start(struct store_writer *writer, struct store_batch *batch);

/* The outcome of what was started, once it is there (or waited for). Errors: as
 * store_batch_write; with one, *done is set, too. */
ERR_MUST_USE struct err *store_writer_end(struct store_writer *writer, bool wait, bool *done);

/* What was started is written or not, as it happens; its outcome is nobody's concern any more. */
void store_writer_forget(struct store_writer *writer);

#endif
