/* What a consumer group has committed, and who is in it, asked without joining it.
 *
 * By a consumer's own request: librdkafka 2.15.1's admin request for committed offsets dereferences
 * NULL where the coordinator has moved. Nothing here waits for a transaction unless it says so, so
 * that a dead member's, which only its successor can settle, holds up nobody. */
#ifndef KAFKA_GROUP_H
#define KAFKA_GROUP_H

#include <stdbool.h>

#include "base/limits.h"
#include "kafka/bus.h"
#include "kafka/client.h"

/* The offsets of `topic` from where the group's next member would read (what it committed, else the
 * first retained) to the end, added up over the partitions, into *offsets. An upper bound of the
 * records: transaction markers and what compaction removed have offsets, too.
 * Errors: FATAL BUS_TOPIC_MISSING; as bus_committed and bus_watermarks. */
ERR_MUST_USE struct err *group_lag(const struct client_options *client, const char *group,
				   const char *topic, int64_t *offsets);

/* Whether the group has committed an offset anywhere on `topic`. Errors: as group_lag. */
ERR_MUST_USE struct err *group_has_offsets(const struct client_options *client, const char *group,
					   const char *topic, bool *has);

/* What the group has committed on one partition, into *position (its topic is borrowed); offset -1
 * where there is nothing. Waits for a transaction that is about to change it. Errors: as group_lag.
 */
ERR_MUST_USE struct err *group_position(const struct client_options *client, const char *group,
					const char *topic, int32_t partition,
					struct position *position);

enum { GROUP_OWNER_MAX = 160, GROUP_MEMBER_MAX = 256 };

/* One input partition of a group, as the brokers see it. */
struct group_position {
	const char *topic; /* as given to group_view_read */
	int32_t partition;
	int64_t offset;			  /* committed; -1: none */
	char metadata[POSITION_TEXT_MAX]; /* committed with it */
	int64_t low, end;		  /* first retained offset; the one after the last */
	char owner[GROUP_OWNER_MAX];	  /* the member's instance name, else its id; "": nobody */
};

struct group_view {
	char state[32]; /* "Stable", "Empty", ...; "unknown" where the brokers don't tell */
	size_t member_count;
	struct group_position *positions; /* topics in the order given, partitions ascending */
	size_t position_count;
};

/* Reads everything of a group on topics[count] (borrowed) into *view; free with group_view_fini.
 * Errors: as group_lag. That the group can't be described (rights) is none: see `state`. */
ERR_MUST_USE struct err *group_view_read(const struct client_options *client, const char *group,
					 const char *const *topics, size_t count,
					 struct group_view *view);
void group_view_fini(struct group_view *view);

/* The id of the member that has the place `instance` (a static member's name) in the group, into
 * id; "" where nobody has it. Waits timeout_ms at most.
 * Errors: RETRY BUS_UNREACHABLE, BUS_BROKER: the brokers don't tell. */
ERR_MUST_USE struct err *group_place(const struct client_options *client, const char *group,
				     const char *instance, int timeout_ms,
				     char id[GROUP_MEMBER_MAX]);

#endif
