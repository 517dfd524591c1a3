/* Fetches the states of records that are about to be applied: what is in memory into the
 * processor's cache, what isn't from the store, all at once. A hint only: what it misses, or what
 * has left again, is fetched one by one. */
#ifndef RUNTIME_READ_AHEAD_H
#define RUNTIME_READ_AHEAD_H

#include "runtime/engine.h"

/* `count` records of one task, at most READ_AHEAD_MAX; the cache has room for as many entries.
 * Errors: FATAL (store). */
ERR_MUST_USE struct err *read_ahead(struct engine *engine, struct task *task,
				    const struct record *records, size_t count);

#endif
