/* A few records from a command, acknowledged before it returns: opens a writer, sends, waits,
 * closes. Errors: as writer_open, writer_partition_count, writer_send and writer_flush. Threads:
 * any. */
#ifndef KAFKA_PUBLISH_H
#define KAFKA_PUBLISH_H

#include "kafka/writer.h"

/* One record, into its key's partition. */
ERR_MUST_USE struct err *publish_one(const struct client_options *client, const char *topic,
				     struct bytes key, struct bytes value);

/* The same record into every partition of `topic`. */
ERR_MUST_USE struct err *publish_to_all(const struct client_options *client, const char *topic,
					struct bytes key, struct bytes value);

#endif
