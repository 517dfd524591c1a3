/* The model's group coordinator, the classic protocol with eager rebalances and range assignment.
 *
 *   EMPTY --join--> JOINING --all have joined, or the time is over--> STABLE
 *                      ^------- join, leave, session over ------------'
 *
 * A member is known by an id that it gets when it joins, and its place by an instance name where it
 * has one (static membership): who joins a stable group with a name that is there takes over the
 * place, assignment and generation, and the id before is fenced.
 *
 * Positions that come with a transaction are checked by member and generation alone: like the real
 * one, the group never asks who owns a partition. Threads: one. */
#ifndef KAFKA_MODEL_GROUP_H
#define KAFKA_MODEL_GROUP_H

#include "kafka/model_log.h"

/* One committed position. */
struct model_position {
	struct model_partition *partition;
	int64_t offset;
	char metadata[POSITION_TEXT_MAX];
};

struct model_positions {
	struct model_position *items;
	size_t count, room;
};

/* Replaces what is there for the partition. */
void model_positions_put(struct model_positions *set, const struct model_position *position);
struct model_position *model_positions_find(const struct model_positions *set,
					    const struct model_partition *partition);
void model_positions_fini(struct model_positions *set);

struct model_group;

struct model_groups {
	struct model_log *log;	   /* borrowed */
	struct model_clock *clock; /* borrowed */
	struct model_group **groups;
	size_t count, room;
	int64_t session_ms;   /* session.timeout.ms */
	int64_t rebalance_ms; /* max.poll.interval.ms: a joining group waits so long */
};

void model_groups_init(struct model_groups *groups, struct model_log *log,
		       struct model_clock *clock);
void model_groups_fini(struct model_groups *groups);

struct model_group *model_group_get(struct model_groups *groups, const char *name);

/* What a member's client knows of its membership. */
struct model_membership {
	struct model_group *group;
	const char *instance; /* borrowed; NULL: dynamic */
	const char *const *topics;
	size_t topic_count;
	uint64_t id; /* 0: none yet */
	int64_t generation;
};

enum model_news {
	NEWS_NONE,
	NEWS_REBALANCE, /* REBALANCE_IN_PROGRESS: give back what you have, and join */
	NEWS_LOST,	/* UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION */
	NEWS_FENCED,	/* FENCED_INSTANCE_ID */
};

/* Joins, or joins again; the assignment is there when model_group_joined says so. */
void model_group_join(struct model_groups *groups, struct model_membership *membership);

/* Whether the join is over: sets the generation, and `assigned` (room for TASKS_MAX) and *count to
 * what the member got. False while others are waited for, and where the member was lost: then
 * membership->id is 0. */
bool model_group_joined(struct model_groups *groups, struct model_membership *membership,
			struct model_partition **assigned, size_t *count);

enum model_news model_group_heartbeat(struct model_groups *groups,
				      const struct model_membership *membership);
void model_group_leave(struct model_groups *groups, struct model_membership *membership);

/* Whether a transaction of this member may carry positions. */
enum model_news model_group_admits(const struct model_membership *membership);
void model_group_commit(struct model_group *group, const struct model_positions *positions);
const struct model_position *model_group_committed(const struct model_group *group,
						   const struct model_partition *partition);

/* Sessions that are over, joins that wait no longer. */
void model_groups_run(struct model_groups *groups);

/* A topic is deleted: so are the positions on it. */
void model_groups_forget(struct model_groups *groups, const struct model_topic *topic);

#endif
