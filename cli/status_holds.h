/* Open transactions on the application's topics, its inputs among them, that hold their readers
 * back: which, since when, and what ends them.
 *
 * Ownership: names are the struct's own; don't copy it. */
#ifndef CLI_STATUS_HOLDS_H
#define CLI_STATUS_HOLDS_H

#include <jansson.h>

#include "cli/topic_setup.h"
#include "kafka/hold.h"

struct status_holds {
	const char *brokers; /* of the configuration */
	int64_t now_ms;	     /* wall */
	struct topic_list topics;
	struct holds holds;
};

/* Errors: as holds_read. */
ERR_MUST_USE struct err *status_holds_read(struct status_holds *holds, const struct conf *conf,
					   const struct client_options *client);

/* Nothing where nothing is held back. */
void status_holds_print(const struct status_holds *holds, FILE *out);

/* A new array. */
json_t *status_holds_json(const struct status_holds *holds);

#endif
