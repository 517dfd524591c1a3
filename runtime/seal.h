/* Sealing: what was processed since the last time becomes one transaction of effects, states and
 * positions. It is committed while processing goes on; when it is, and only then, the local store
 * follows. One transaction is on its way at a time.
 *
 *   seal_start --> in flight --> seal_settle: committed, in the store, its entries evictable
 *                                     \--> lost: seal_forget, recover */
#ifndef RUNTIME_SEAL_H
#define RUNTIME_SEAL_H

#include "runtime/engine.h"

/* Whether there is anything that a seal would commit. */
bool seal_pending(const struct engine *engine);

/* The outcome of the transaction in flight, if it is there (or waited for): its states go to the
 * store. Nothing in flight is no error. Errors: ABORT: recover; FATAL. */
ERR_MUST_USE struct err *seal_settle(struct engine *engine, bool wait);

bool seal_in_flight(const struct engine *engine);

/* Settles what is in flight, waiting for it, and starts the next transaction: all effects, and of
 * the changed states those that must go now, plus the share that publishes each once per checkpoint
 * interval. Errors: ABORT, RETRY: recover; FATAL. */
ERR_MUST_USE struct err *seal_commit(struct engine *engine);

/* Transactions until no state is unpublished, all settled: Y = X for every task. */
ERR_MUST_USE struct err *seal_drain(struct engine *engine);

/* Forgets everything that isn't committed: effects, what is in flight. The caller aborts the bus's
 * transaction and drops the tasks' memory. */
void seal_forget(struct engine *engine);

/* Sees to it that `count` more entries find room in the cache. */
ERR_MUST_USE struct err *seal_make_room(struct engine *engine, uint32_t count);

/* The key of a state in the meta topic: "<input topic>/<kind>/<key>". */
struct bytes seal_meta_key(const char *topic, const char *kind, struct bytes key,
			   uint8_t out[TOPIC_NAME_MAX + 32 + KEY_LEN_MAX]);

#endif
