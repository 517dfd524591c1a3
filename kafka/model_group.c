#include "kafka/model_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum {
	GROUPS_MAX = 256,
	MEMBERS_MAX = 64,
	POSITIONS_MAX = TASKS_MAX * 4,
	SESSION_MS = 45000,
	REBALANCE_MS = 600000,
};

struct model_member {
	uint64_t id;
	char *instance; /* NULL: dynamic */
	char *topics[TOPICS_PER_STAGE_MAX];
	size_t topic_count;
	bool joined; /* since the group began to join */
	int64_t seen_ms;
	struct model_partition *assigned[TASKS_MAX];
	size_t assigned_count;
};

struct model_group {
	char *name;
	bool joining;
	int64_t join_until_ms;
	int64_t generation;
	uint64_t last_id;
	struct model_member *members[MEMBERS_MAX];
	size_t member_count;
	struct model_positions committed;
};

/* ---- positions ------------------------------------------------------------------------------ */

struct model_position *model_positions_find(const struct model_positions *set,
					    const struct model_partition *partition)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].partition == partition)
			return &set->items[i];
	return NULL;
}

void model_positions_put(struct model_positions *set, const struct model_position *position)
{
	struct model_position *found = model_positions_find(set, position->partition);
	if (found == NULL) {
		CHECK(set->count < POSITIONS_MAX);
		set->items = model_grow(set->items, set->count, &set->room, sizeof *set->items);
		found = &set->items[set->count++];
	}
	*found = *position;
}

void model_positions_fini(struct model_positions *set)
{
	free(set->items);
	*set = (struct model_positions){ .count = 0 };
}

void model_group_commit(struct model_group *group, const struct model_positions *positions)
{
	for (size_t i = 0; i < positions->count; i++)
		model_positions_put(&group->committed, &positions->items[i]);
}

const struct model_position *model_group_committed(const struct model_group *group,
						   const struct model_partition *partition)
{
	return model_positions_find(&group->committed, partition);
}

void model_groups_forget(struct model_groups *groups, const struct model_topic *topic)
{
	for (size_t i = 0; i < groups->count; i++) {
		struct model_positions *set = &groups->groups[i]->committed;
		size_t kept = 0;
		for (size_t j = 0; j < set->count; j++)
			if (set->items[j].partition->topic != topic)
				set->items[kept++] = set->items[j];
		set->count = kept;
	}
}

/* ---- groups and members --------------------------------------------------------------------- */

void model_groups_init(struct model_groups *groups, struct model_log *log,
		       struct model_clock *clock)
{
	*groups = (struct model_groups){
		.log = log, .clock = clock, .session_ms = SESSION_MS, .rebalance_ms = REBALANCE_MS
	};
}

static void member_free(struct model_member *member)
{
	for (size_t i = 0; i < member->topic_count; i++)
		free(member->topics[i]);
	free(member->instance);
	free(member);
}

void model_groups_fini(struct model_groups *groups)
{
	for (size_t i = 0; i < groups->count; i++) {
		struct model_group *group = groups->groups[i];
		for (size_t j = 0; j < group->member_count; j++)
			member_free(group->members[j]);
		model_positions_fini(&group->committed);
		free(group->name);
		free(group);
	}
	free(groups->groups);
}

struct model_group *model_group_get(struct model_groups *groups, const char *name)
{
	for (size_t i = 0; i < groups->count; i++)
		if (strcmp(groups->groups[i]->name, name) == 0)
			return groups->groups[i];
	CHECK(groups->count < GROUPS_MAX);
	groups->groups = model_grow(groups->groups, groups->count, &groups->room,
				    sizeof(struct model_group *));
	struct model_group *group = check_calloc(1, sizeof *group);
	group->name = check_strdup(name);
	groups->groups[groups->count++] = group;
	return group;
}

static struct model_member *member_by_id(const struct model_group *group, uint64_t id)
{
	for (size_t i = 0; i < group->member_count; i++)
		if (group->members[i]->id == id)
			return group->members[i];
	return NULL;
}

static struct model_member *member_by_instance(const struct model_group *group,
					       const char *instance)
{
	for (size_t i = 0; instance != NULL && i < group->member_count; i++)
		if (group->members[i]->instance != NULL &&
		    strcmp(group->members[i]->instance, instance) == 0)
			return group->members[i];
	return NULL;
}

static struct model_member *member_add(struct model_group *group,
				       const struct model_membership *membership)
{
	CHECK(group->member_count < MEMBERS_MAX);
	struct model_member *member = check_calloc(1, sizeof *member);
	member->instance = membership->instance == NULL ? NULL : check_strdup(membership->instance);
	for (size_t i = 0; i < membership->topic_count; i++)
		member->topics[member->topic_count++] = check_strdup(membership->topics[i]);
	group->members[group->member_count++] = member;
	return member;
}

static bool same_topics(const struct model_member *member,
			const struct model_membership *membership)
{
	if (member->topic_count != membership->topic_count)
		return false;
	for (size_t i = 0; i < member->topic_count; i++)
		if (strcmp(member->topics[i], membership->topics[i]) != 0)
			return false;
	return true;
}

static void member_subscribe(struct model_member *member, const struct model_membership *membership)
{
	if (same_topics(member, membership))
		return;
	for (size_t i = 0; i < member->topic_count; i++)
		free(member->topics[i]);
	member->topic_count = 0;
	for (size_t i = 0; i < membership->topic_count; i++)
		member->topics[member->topic_count++] = check_strdup(membership->topics[i]);
}

/* ---- rebalances ----------------------------------------------------------------------------- */

static void begin_joining(struct model_groups *groups, struct model_group *group)
{
	if (group->joining)
		return;
	group->joining = true;
	group->join_until_ms = groups->clock->now_ms + groups->rebalance_ms;
	for (size_t i = 0; i < group->member_count; i++)
		group->members[i]->joined = false;
}

static void member_remove(struct model_group *group, size_t index)
{
	member_free(group->members[index]);
	group->member_count--;
	memmove(&group->members[index], &group->members[index + 1],
		(group->member_count - index) * sizeof(struct model_member *));
}

static bool member_reads(const struct model_member *member, const struct model_topic *topic)
{
	for (size_t i = 0; i < member->topic_count; i++)
		if (strcmp(member->topics[i], topic->name) == 0)
			return true;
	return false;
}

/* Members are in the order of their names, dynamic ones in that of their ids, after them. */
static int compare_members(const void *a, const void *b)
{
	const struct model_member *x = *(struct model_member *const *)a;
	const struct model_member *y = *(struct model_member *const *)b;
	if (x->instance != NULL && y->instance != NULL)
		return strcmp(x->instance, y->instance);
	if ((x->instance == NULL) != (y->instance == NULL))
		return x->instance == NULL ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

/* Range: each topic's partitions in runs, the first members one more where they don't divide. */
static void assign_topic(struct model_group *group, struct model_topic *topic)
{
	size_t readers = 0, reader = 0;
	for (size_t i = 0; i < group->member_count; i++)
		readers += member_reads(group->members[i], topic);
	int32_t next = 0;
	for (size_t i = 0; i < group->member_count; i++) {
		struct model_member *member = group->members[i];
		if (!member_reads(member, topic))
			continue;
		int32_t share = topic->partition_count / (int32_t)readers;
		share += reader < (size_t)topic->partition_count % readers;
		reader++;
		for (int32_t p = 0; p < share; p++) {
			CHECK(member->assigned_count < TASKS_MAX);
			member->assigned[member->assigned_count++] = &topic->partitions[next++];
		}
	}
}

static void finish_joining(struct model_groups *groups, struct model_group *group)
{
	for (size_t i = group->member_count; i-- > 0;)
		if (!group->members[i]->joined)
			member_remove(group, i);
	group->joining = false;
	group->generation++;
	if (group->member_count > 1)
		qsort(group->members, group->member_count, sizeof(struct model_member *),
		      compare_members);
	for (size_t i = 0; i < group->member_count; i++)
		group->members[i]->assigned_count = 0;
	for (size_t i = 0; i < groups->log->topic_count; i++)
		assign_topic(group, groups->log->topics[i]);
}

static void settle(struct model_groups *groups, struct model_group *group)
{
	bool all = true;
	for (size_t i = 0; i < group->member_count; i++)
		all = all && group->members[i]->joined;
	if (group->joining && (all || groups->clock->now_ms >= group->join_until_ms))
		finish_joining(groups, group);
}

void model_groups_run(struct model_groups *groups)
{
	int64_t now_ms = groups->clock->now_ms;
	for (size_t g = 0; g < groups->count; g++) {
		struct model_group *group = groups->groups[g];
		for (size_t i = group->member_count; i-- > 0;) {
			if (now_ms - group->members[i]->seen_ms <= groups->session_ms)
				continue;
			member_remove(group, i);
			begin_joining(groups, group);
		}
		settle(groups, group);
	}
}

/* ---- what members ask ----------------------------------------------------------------------- */

void model_group_join(struct model_groups *groups, struct model_membership *membership)
{
	struct model_group *group = membership->group;
	struct model_member *member = member_by_id(group, membership->id);
	struct model_member *place = member_by_instance(group, membership->instance);
	if (member == NULL && place != NULL) { /* takes the place over */
		place->id = membership->id = ++group->last_id;
		place->seen_ms = groups->clock->now_ms;
		bool settled = !group->joining && same_topics(place, membership);
		member_subscribe(place, membership);
		if (settled)
			return; /* the same assignment, the same generation */
		member = place;
	}
	if (member == NULL) {
		member = member_add(group, membership);
		member->id = membership->id = ++group->last_id;
	}
	begin_joining(groups, group);
	member->joined = true;
	member->seen_ms = groups->clock->now_ms;
	settle(groups, group);
}

bool model_group_joined(struct model_groups *groups, struct model_membership *membership,
			struct model_partition **assigned, size_t *count)
{
	struct model_group *group = membership->group;
	const struct model_member *member = member_by_id(group, membership->id);
	settle(groups, group);
	if (member == NULL)
		membership->id = 0;
	if (member == NULL || group->joining)
		return false;
	membership->generation = group->generation;
	*count = member->assigned_count;
	memcpy(assigned, member->assigned, *count * sizeof(struct model_partition *));
	return true;
}

enum model_news model_group_admits(const struct model_membership *membership)
{
	const struct model_group *group = membership->group;
	const struct model_member *member = member_by_id(group, membership->id);
	/* outside the group's management: as long as nobody is in it */
	if (membership->id == 0 && group->member_count == 0)
		return NEWS_NONE;
	if (member == NULL)
		return member_by_instance(group, membership->instance) != NULL ? NEWS_FENCED
									       : NEWS_LOST;
	return membership->generation == group->generation ? NEWS_NONE : NEWS_LOST;
}

enum model_news model_group_heartbeat(struct model_groups *groups,
				      const struct model_membership *membership)
{
	enum model_news news = model_group_admits(membership);
	struct model_member *member = member_by_id(membership->group, membership->id);
	if (member != NULL)
		member->seen_ms = groups->clock->now_ms;
	if (news != NEWS_NONE)
		return news;
	return membership->group->joining ? NEWS_REBALANCE : NEWS_NONE;
}

void model_group_leave(struct model_groups *groups, struct model_membership *membership)
{
	struct model_group *group = membership->group;
	for (size_t i = group->member_count; i-- > 0;) {
		if (group->members[i]->id != membership->id)
			continue;
		member_remove(group, i);
		begin_joining(groups, group);
	}
	membership->id = 0;
	settle(groups, group);
}
