/* How far a consumer group is behind on a topic. */
#ifndef KAFKA_LAG_H
#define KAFKA_LAG_H

#include "kafka/client.h"

/* The offsets of `topic` from where the group's next member would read (what it committed, else the
 * first retained) to the end, added up over the partitions, into *offsets. An upper bound of the
 * records: transaction markers and what compaction removed have offsets, too. Does not join the
 * group. Errors: FATAL BUS_TOPIC_MISSING; as bus_committed and bus_watermarks. */
ERR_MUST_USE struct err *lag_read(const struct client_options *client, const char *group,
				  const char *topic, int64_t *offsets);

#endif
