#include "kafka/group.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "kafka/rd.h"

/* A member's consumer that never subscribes. */
struct group_reader {
	struct rd_client client;
	rd_kafka_t *handle;
	rd_kafka_topic_partition_list_t *committed;
};

static struct err *open_reader(struct group_reader *reader, const struct client_options *options,
			       const char *group, const char *isolation)
{
	const struct rd_setting settings[] = {
		{ "group.id", group },
		{ "enable.auto.commit", "false" },
		/* read_committed waits for what an open transaction holds */
		{ "isolation.level", isolation },
	};
	rd_kafka_conf_t *conf = NULL;
	struct err *err = rd_conf_new(options, settings, sizeof settings / sizeof settings[0],
				      &reader->client, &conf);
	return err != NULL ? err : rd_handle_new(RD_KAFKA_CONSUMER, conf, &reader->handle);
}

static struct err *ask_committed(struct group_reader *reader, const char *topic)
{
	rd_kafka_resp_err_t code =
		rd_kafka_committed(reader->handle, reader->committed, RD_CALL_MS);
	for (int i = 0; code == 0 && i < reader->committed->cnt; i++)
		code = reader->committed->elems[i].err;
	return code == 0 ? NULL
			 : rd_err_code(code, &reader->client, "committed offsets on %s", topic);
}

/* A broker that has just come up is not yet sure which groups it coordinates. */
static struct err *ask_committed_patiently(struct group_reader *reader, const char *topic)
{
	int64_t deadline = time_monotonic_ms() + RD_CALL_MS;
	struct err *err = ask_committed(reader, topic);
	while (err != NULL && err_verdict(err) == ERR_RETRY && time_monotonic_ms() < deadline) {
		err_free(&err);
		rd_pause(20);
		err = ask_committed(reader, topic);
	}
	return err;
}

static struct err *read_committed(struct group_reader *reader, const char *topic)
{
	int32_t count = 0;
	struct err *err = rd_partition_count(reader->handle, &reader->client, topic, &count);
	if (err != NULL)
		return err;
	reader->committed = rd_kafka_topic_partition_list_new(count);
	for (int32_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(reader->committed, topic, i);
	return ask_committed_patiently(reader, topic);
}

static void close_reader(struct group_reader *reader)
{
	if (reader->committed != NULL)
		rd_kafka_topic_partition_list_destroy(reader->committed);
	if (reader->handle != NULL)
		rd_kafka_destroy(reader->handle);
}

struct err *group_lag(const struct client_options *client, const char *group, const char *topic,
		      int64_t *offsets)
{
	struct group_reader reader = { .handle = NULL };
	*offsets = 0;
	struct err *err = open_reader(&reader, client, group, "read_uncommitted");
	if (err == NULL)
		err = read_committed(&reader, topic);
	for (int i = 0; err == NULL && i < reader.committed->cnt; i++) {
		int64_t low = 0, high = 0, next = reader.committed->elems[i].offset;
		err = rd_watermarks(reader.handle, &reader.client, topic, i, &low, &high);
		next = next < low ? low : next;
		if (err == NULL && next < high)
			*offsets += high - next;
	}
	close_reader(&reader);
	return err;
}

struct err *group_has_offsets(const struct client_options *client, const char *group,
			      const char *topic, bool *has)
{
	struct group_reader reader = { .handle = NULL };
	*has = false;
	struct err *err = open_reader(&reader, client, group, "read_committed");
	if (err == NULL)
		err = read_committed(&reader, topic);
	for (int i = 0; err == NULL && i < reader.committed->cnt; i++)
		*has = *has || reader.committed->elems[i].offset >= 0;
	close_reader(&reader);
	return err;
}

static void take_metadata(const rd_kafka_topic_partition_t *from, char to[POSITION_TEXT_MAX])
{
	snprintf(to, POSITION_TEXT_MAX, "%.*s",
		 from->metadata == NULL ? 0 : (int)from->metadata_size,
		 from->metadata == NULL ? "" : (const char *)from->metadata);
}

struct err *group_position(const struct client_options *client, const char *group,
			   const char *topic, int32_t partition, struct position *position)
{
	struct group_reader reader = { .handle = NULL };
	*position = (struct position){ .topic = topic, .partition = partition, .offset = -1 };
	struct err *err = open_reader(&reader, client, group, "read_committed");
	if (err == NULL) {
		reader.committed = rd_kafka_topic_partition_list_new(1);
		rd_kafka_topic_partition_list_add(reader.committed, topic, partition);
		err = ask_committed_patiently(&reader, topic);
	}
	if (err == NULL && reader.committed->elems[0].offset >= 0) {
		position->offset = reader.committed->elems[0].offset;
		take_metadata(&reader.committed->elems[0], position->metadata);
	}
	close_reader(&reader);
	return err;
}

/* ---- all of a group ------------------------------------------------------------------------- */

static struct err *add_topic(struct group_reader *reader, struct group_view *view,
			     const char *topic)
{
	int32_t count = 0;
	struct err *err = rd_partition_count(reader->handle, &reader->client, topic, &count);
	if (err != NULL)
		return err;
	size_t total = view->position_count + (size_t)count;
	view->positions = check_realloc(view->positions, (total + 1) * sizeof *view->positions);
	for (int32_t i = 0; i < count; i++) {
		view->positions[view->position_count++] =
			(struct group_position){ .topic = topic, .partition = i, .offset = -1 };
		rd_kafka_topic_partition_list_add(reader->committed, topic, i);
	}
	return NULL;
}

static void take_committed(const struct group_reader *reader, struct group_view *view)
{
	for (size_t i = 0; i < view->position_count; i++) {
		const rd_kafka_topic_partition_t *from = &reader->committed->elems[i];
		struct group_position *to = &view->positions[i];
		to->offset = from->offset < 0 ? -1 : from->offset;
		take_metadata(from, to->metadata);
	}
}

static struct err *read_ends(struct group_reader *reader, struct group_view *view)
{
	struct position *positions =
		check_calloc(view->position_count + 1, sizeof(struct position));
	for (size_t i = 0; i < view->position_count; i++)
		positions[i] = (struct position){ .topic = view->positions[i].topic,
						  .partition = view->positions[i].partition };
	struct err *err =
		rd_begins(reader->handle, &reader->client, positions, view->position_count);
	for (size_t i = 0; i < view->position_count; i++)
		view->positions[i].low = positions[i].offset;
	if (err == NULL)
		err = rd_ends(reader->handle, &reader->client, positions, view->position_count);
	for (size_t i = 0; i < view->position_count; i++)
		view->positions[i].end = positions[i].offset;
	free(positions);
	return err;
}

/* Notes one member as the owner of what it was given. */
static void take_member(struct group_view *view, const rd_kafka_MemberDescription_t *member)
{
	const char *owner = rd_kafka_MemberDescription_group_instance_id(member);
	if (owner == NULL || *owner == '\0')
		owner = rd_kafka_MemberDescription_consumer_id(member);
	const rd_kafka_MemberAssignment_t *assignment =
		rd_kafka_MemberDescription_assignment(member);
	const rd_kafka_topic_partition_list_t *given =
		assignment == NULL ? NULL : rd_kafka_MemberAssignment_partitions(assignment);
	for (int i = 0; given != NULL && i < given->cnt; i++)
		for (size_t k = 0; k < view->position_count; k++)
			if (view->positions[k].partition == given->elems[i].partition &&
			    strcmp(view->positions[k].topic, given->elems[i].topic) == 0)
				snprintf(view->positions[k].owner, GROUP_OWNER_MAX, "%s", owner);
}

static void take_description(struct group_view *view, rd_kafka_event_t *event)
{
	size_t count = 0;
	const rd_kafka_ConsumerGroupDescription_t **groups =
		rd_kafka_DescribeConsumerGroups_result_groups(
			rd_kafka_event_DescribeConsumerGroups_result(event), &count);
	if (count != 1 || rd_kafka_ConsumerGroupDescription_error(groups[0]) != NULL)
		return;
	snprintf(view->state, sizeof view->state, "%s",
		 rd_kafka_consumer_group_state_name(
			 rd_kafka_ConsumerGroupDescription_state(groups[0])));
	view->member_count = rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
	for (size_t i = 0; i < view->member_count; i++)
		take_member(view, rd_kafka_ConsumerGroupDescription_member(groups[0], i));
}

/* The brokers' answer; NULL where none came. */
static rd_kafka_event_t *ask_description(struct group_reader *reader, const char *group,
					 int timeout_ms)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(reader->handle);
	rd_kafka_DescribeConsumerGroups(reader->handle, &group, 1, NULL, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
	rd_kafka_queue_destroy(queue);
	return event;
}

static void describe(struct group_reader *reader, const char *group, struct group_view *view)
{
	rd_kafka_event_t *event = ask_description(reader, group, RD_CALL_MS);
	snprintf(view->state, sizeof view->state, "unknown");
	if (event != NULL && rd_kafka_event_error(event) == 0)
		take_description(view, event);
	if (event != NULL)
		rd_kafka_event_destroy(event);
}

struct err *group_view_read(const struct client_options *client, const char *group,
			    const char *const *topics, size_t count, struct group_view *view)
{
	struct group_reader reader = { .handle = NULL };
	*view = (struct group_view){ .position_count = 0 };
	struct err *err = open_reader(&reader, client, group, "read_uncommitted");
	if (err == NULL)
		reader.committed = rd_kafka_topic_partition_list_new(16);
	for (size_t i = 0; err == NULL && i < count; i++)
		err = add_topic(&reader, view, topics[i]);
	if (err == NULL)
		err = ask_committed_patiently(&reader, count > 0 ? topics[0] : group);
	if (err == NULL) {
		take_committed(&reader, view);
		err = read_ends(&reader, view);
	}
	if (err == NULL)
		describe(&reader, group, view);
	close_reader(&reader);
	if (err != NULL)
		group_view_fini(view);
	return err;
}

void group_view_fini(struct group_view *view)
{
	free(view->positions);
	*view = (struct group_view){ .position_count = 0 };
}

static rd_kafka_resp_err_t find_place(rd_kafka_event_t *event, const char *instance,
				      char id[GROUP_MEMBER_MAX])
{
	size_t count = 0;
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);
	if (code != 0)
		return code;
	const rd_kafka_ConsumerGroupDescription_t **groups =
		rd_kafka_DescribeConsumerGroups_result_groups(
			rd_kafka_event_DescribeConsumerGroups_result(event), &count);
	if (count != 1)
		return RD_KAFKA_RESP_ERR__BAD_MSG;
	code = rd_kafka_error_code(rd_kafka_ConsumerGroupDescription_error(groups[0]));
	if (code != 0)
		return code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND ? 0 : code;
	size_t member_count = rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
	for (size_t i = 0; i < member_count; i++) {
		const rd_kafka_MemberDescription_t *member =
			rd_kafka_ConsumerGroupDescription_member(groups[0], i);
		const char *name = rd_kafka_MemberDescription_group_instance_id(member);
		if (name != NULL && strcmp(name, instance) == 0)
			snprintf(id, GROUP_MEMBER_MAX, "%s",
				 rd_kafka_MemberDescription_consumer_id(member));
	}
	return 0;
}

struct err *group_place(const struct client_options *client, const char *group,
			const char *instance, int timeout_ms, char id[GROUP_MEMBER_MAX])
{
	struct group_reader reader = { .handle = NULL };
	id[0] = '\0';
	struct err *err = open_reader(&reader, client, group, "read_uncommitted");
	if (err != NULL)
		return err;
	rd_kafka_event_t *event = ask_description(&reader, group, timeout_ms);
	rd_kafka_resp_err_t code =
		event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : find_place(event, instance, id);
	if (event != NULL)
		rd_kafka_event_destroy(event);
	if (code != 0)
		err = rd_err_code(code, &reader.client, "who is in group %s", group);
	close_reader(&reader);
	return err;
}
