/* What accounts are judged with as of now: the regions and the active model, from the account
 * stage's own topic of states. Threads: one. */
#ifndef CLI_JUDGED_WITH_H
#define CLI_JUDGED_WITH_H

#include "base/conf.h"
#include "consumers/model_shelf.h"
#include "consumers/region.h"
#include "consumers/risk.h"
#include "kafka/client.h"

enum { JUDGED_REGIONS_MAX = 256 };

struct judged_region {
	uint8_t key_len;
	uint8_t key[KEY_LEN_MAX];
	struct region_state state;
};

struct judged_with {
	struct hazard_model model; /* the prior where none is active */
	size_t region_count;
	struct judged_region *regions;
};

/* Reads into *with. Errors: as reader_run. Free with judged_with_fini. */
ERR_MUST_USE struct err *judged_with_read(struct judged_with *with, const struct conf *conf,
					  const struct client_options *client);
void judged_with_fini(struct judged_with *with);

/* The occasion of an account's judgement at a moment; `around` is the caller's. */
struct risk_occasion judged_with_occasion(const struct judged_with *with,
					  const struct account_state *state, int64_t at_ms,
					  struct surroundings *around);

#endif
