/* Fetches the states of records that are about to be applied: what is in memory into the
 * processor's cache, what isn't from the store, all at once. A hint only: what it leaves out, or
 * what has left memory again, is fetched one by one. */
#ifndef RUNTIME_READ_AHEAD_H
#define RUNTIME_READ_AHEAD_H

#include "runtime/engine.h"

/* entries[count]: the states of `count` records of one task, at most READ_AHEAD_MAX; NULL where
 * unknown. Borrowed from the cache, to be asked with entry_is_of before use.
 * Errors: as shelf_get_many; FATAL STATE_UNREADABLE. */
ERR_MUST_USE struct err *read_ahead(struct engine *engine, struct task *task,
				    const struct record *records, size_t count,
				    struct entry **entries);

#endif
