/* Writing to the local store, patiently: where its disk is full, the worker waits for room.
 *
 * Meanwhile it neither polls nor commits, and its session goes on in the client's own threads. What
 * was committed is in Kafka, and the batch at hand is absolute, so nothing is lost either way. */
#ifndef RUNTIME_KEEP_H
#define RUNTIME_KEEP_H

#include "runtime/engine.h"
#include "state/shelf_load.h"

/* Errors: FATAL STORE_FULL: no room for STORE_FULL_WAIT_MS, so that another process may take over;
 * others as store_batch_write. */
ERR_MUST_USE struct err *keep_write(struct engine *engine, struct store_batch *batch);

/* The same of what engine->writer was given: its outcome, once it is there (or waited for). */
ERR_MUST_USE struct err *keep_aside_end(struct engine *engine, struct store_batch *batch, bool wait,
					bool *done);

ERR_MUST_USE struct err *keep_load(struct engine *engine, struct shelf_load *load);

#endif
