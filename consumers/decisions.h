/* What people decided about names (identity.decisions): which were erased, and which links are cut.
 * It is read before resolve begins, so that a replay passes over both from its first record on, and
 * followed while it runs; the stages that keep states have marks of their own (consumers/erased.h).
 *
 * Only hashes are kept. Threads: one fills it while any number ask. */
#ifndef CONSUMERS_DECISIONS_H
#define CONSUMERS_DECISIONS_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"

struct decisions;

struct decisions *decisions_new(void);
void decisions_free(struct decisions **decisions);

/* The keys of decisions: of an erased name, and of a link from a later to an earlier name. */
void decisions_name_key(struct bytes name, char key[HASH_SHA256_HEX_LEN + 1]);
void decisions_link_key(struct bytes later, struct bytes earlier,
			char key[HASH_SHA256_HEX_LEN + 1]);

/* A record of the topic, in its order; is_there is false for a null value. Errors: FATAL
 * DECISIONS_TOO_MANY; POISON DECISION_UNREADABLE (the key is no hash, so nobody decided it). */
ERR_MUST_USE struct err *decisions_take(struct decisions *decisions, struct bytes key,
					bool is_there);

bool decisions_any(const struct decisions *decisions);

/* Whether that name is erased, or the link between two names is cut. NULL: nothing is. */
bool decisions_erased(struct decisions *decisions, struct bytes name);
bool decisions_cut(struct decisions *decisions, struct bytes later, struct bytes earlier);

#endif
