/* What was decided about names, read from its topic to its end. */
#ifndef CLI_DECISIONS_READ_H
#define CLI_DECISIONS_READ_H

#include "consumers/decisions.h"
#include "kafka/client.h"

/* *out is new. Errors: as reader_run and decisions_take. */
ERR_MUST_USE struct err *decisions_read(const struct client_options *client,
					struct decisions **out);

#endif
