/* Sealing: what was processed since the last time becomes one transaction of effects, states and
 * positions; when it is committed, and only then, the local store follows. */
#ifndef RUNTIME_SEAL_H
#define RUNTIME_SEAL_H

#include "runtime/engine.h"

/* Whether there is anything that a seal would commit. */
bool seal_pending(const struct engine *engine);

/* One transaction: all effects, and of the changed states those that must go now, plus the share
 * that publishes each once per checkpoint interval. Errors: ABORT, RETRY: recover; FATAL. */
ERR_MUST_USE struct err *seal_commit(struct engine *engine);

/* Transactions until no state is unpublished: Y = X for every task. */
ERR_MUST_USE struct err *seal_drain(struct engine *engine);

/* Sees to it that the next record finds room in the cache. */
ERR_MUST_USE struct err *seal_make_room(struct engine *engine);

/* The key of a state in the meta topic: "<input topic>/<kind>/<key>". */
struct bytes seal_meta_key(const char *topic, const char *kind, struct bytes key,
			   uint8_t out[TOPIC_NAME_MAX + 32 + KEY_LEN_MAX]);

#endif
