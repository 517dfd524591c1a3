/* One account's life again, up to a moment, from the records of its partition of account.events:
 * the account stage itself applies them, to a state that nobody else sees, and nothing is said. So
 * what comes out is what the stage knew and would have said then, as far back as the log is kept.
 *
 * The moment is over where the log's clock or the account's own records pass it: an event that was
 * delivered later is not in it, as it was not known. Where nothing at all was known by then, what
 * took effect up to the moment counts, for then its names had waited for their account.
 *
 *   struct account_replay *replay = account_replay_new(&options, account, until_ms, registry);
 *   for each record of the partition, in order:
 *           err = account_replay_take(replay, record);
 *   account_replay_end(replay);        // then its state, and what it is judged with
 *   account_replay_free(&replay);
 *
 * Threads: one. */
#ifndef CONSUMERS_ACCOUNT_REPLAY_H
#define CONSUMERS_ACCOUNT_REPLAY_H

#include "consumers/account.h"

struct account_replay;

/* A new replay; registry is borrowed, account is copied. */
struct account_replay *account_replay_new(const struct account_options *options,
					  struct bytes account, int64_t until_ms,
					  struct registry *registry);
void account_replay_free(struct account_replay **replay); /* NULL-safe */

/* Records after the moment change nothing. Poison is passed over, as the stage does. Errors: FATAL,
 * RETRY (a registry that can't be asked). */
ERR_MUST_USE struct err *account_replay_take(struct account_replay *replay,
					     const struct record *record);

/* All records were taken: what is due up to the moment happens. */
void account_replay_end(struct account_replay *replay);

/* How it stands then. event_count 0: nothing of it is in the log up to then. Borrowed. */
const struct account_state *account_replay_state(const struct account_replay *replay);

/* What it is judged with then; `around` is the caller's. */
struct risk_occasion account_replay_occasion(const struct account_replay *replay,
					     struct surroundings *around);

/* The offset of the first record that was taken; -1: there was none. Above 0 the log has lost what
 * was before. */
int64_t account_replay_first_offset(const struct account_replay *replay);

#endif
