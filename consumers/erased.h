/* What is left of an erased name, or account, in a stage's state: that it was erased, under the
 * hash of its name. Whoever comes upon a key without a state looks here first.
 *
 * The mark goes with the transaction that removes the state, so where there is a mark, the state is
 * gone for good: a replay that begins before the erasure drops what it reads for that key, too.
 *
 * Plain data, zeroed when new. Threads: pure. */
#ifndef CONSUMERS_ERASED_H
#define CONSUMERS_ERASED_H

#include "base/hash.h"
#include "schemas/identity.h"
#include "schemas/registry.h"

struct erased_state {
	bool is_there;
	int64_t at_ms;
	int64_t dropped_count; /* events, since and then */
};

struct erased_key {
	char hex[HASH_SHA256_HEX_LEN + 1];
};

/* The key of a name; borrowed from *key. */
struct bytes erased_key_make(struct bytes name, struct erased_key *key);

/* The erasure itself; a second one changes nothing. */
void erased_set(struct erased_state *state, int64_t at_ms);

/* As encode and decode of a state_kind, for a stage's own. */
ERR_MUST_USE struct err *erased_encode(struct registry *registry, const char *topic,
				       const struct erased_state *state, uint8_t *out, size_t *len);
ERR_MUST_USE struct err *erased_decode(struct registry *registry, struct bytes value,
				       struct erased_state *state);

#endif
