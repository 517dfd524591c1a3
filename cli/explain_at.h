/* `foretell explain ACCOUNT --at TIME`: the account as it was then, by replaying its partition of
 * account.events. */
#ifndef CLI_EXPLAIN_AT_H
#define CLI_EXPLAIN_AT_H

#include "base/conf.h"
#include "consumers/account_replay.h"
#include "kafka/client.h"

/* A new replay of the account up to at_ms, ended; what it borrows of the registry lives with it.
 * Free with explain_at_free. Errors: as reader_run; FATAL TOPIC_MISSING. */
struct explain_at {
	struct registry *registry;
	struct account_replay *replay;
};

ERR_MUST_USE struct err *explain_at_read(struct explain_at *at, const struct conf *conf,
					 const struct client_options *client, struct bytes account,
					 int64_t at_ms);
void explain_at_free(struct explain_at *at);

/* Prints how far back the log goes, where that is not to its first record, and for an account of
 * which more than orders is known its score then, with each group's contribution. */
void explain_at_print(const struct explain_at *at);

/* How accounts bought by what had been learnt then; borrowed. */
const struct bgnbd *explain_at_buys(const struct explain_at *at);

#endif
