/* What a consumer group has committed on a topic, asked without joining it.
 *
 * By a consumer's own request: librdkafka 2.15.1's admin request for it dereferences NULL where the
 * coordinator has moved. */
#ifndef KAFKA_GROUP_H
#define KAFKA_GROUP_H

#include "kafka/client.h"

/* The offsets of `topic` from where the group's next member would read (what it committed, else the
 * first retained) to the end, added up over the partitions, into *offsets. An upper bound of the
 * records: transaction markers and what compaction removed have offsets, too. Waits for no
 * transaction, so that a dead member's, which only its successor can settle, holds up nobody.
 * Errors: FATAL BUS_TOPIC_MISSING; as bus_committed and bus_watermarks. */
ERR_MUST_USE struct err *group_lag(const struct client_options *client, const char *group,
				   const char *topic, int64_t *offsets);

/* Whether the group has committed an offset anywhere on `topic`. Errors: as group_lag. */
ERR_MUST_USE struct err *group_has_offsets(const struct client_options *client, const char *group,
					   const char *topic, bool *has);

#endif
