/* Where the workers of one number keep their states, and who they are to Kafka: a store, a name.
 * The first place of a process is STATE_DIR/APP, with its name in STATE_DIR/APP.instance (or the
 * configured one); that of worker N is STATE_DIR/APP.N, named after the first. Workers of one
 * process share nothing, so a partition moves between them as it does between processes.
 *
 * Threads: as the store. */
#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include "base/conf.h"
#include "state/store.h"

enum { PLACE_PATH_MAX = 4096, INSTANCE_LEN_MAX = 160 };

struct place {
	struct store *store;
	char path[PLACE_PATH_MAX]; /* of the store */
	char instance[INSTANCE_LEN_MAX + 1];
};

/* Opens the place of worker `number` (from 1), whose store may hold `bytes` in memory. Errors:
 * FATAL STATE_DIR, STORE_*, IDENTITY. */
ERR_MUST_USE struct err *place_open(const struct conf *conf, int number, size_t bytes,
				    struct place *place);
void place_close(struct place *place);

#endif
