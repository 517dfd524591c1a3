#include "kafka/admin.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "kafka/rd.h"

struct admin {
	struct rd_client client;
	rd_kafka_t *handle;
};

enum { TOPICS_CREATED_MAX = 256 }; /* in one request */

struct err *admin_open(const struct client_options *options, struct admin **admin)
{
	struct admin *made = check_calloc(1, sizeof *made);
	rd_kafka_conf_t *conf = NULL;
	struct err *err = rd_conf_new(options, NULL, 0, &made->client, &conf);
	if (err == NULL)
		err = rd_handle_new(RD_KAFKA_PRODUCER, conf, &made->handle);
	if (err != NULL)
		free(made);
	else
		*admin = made;
	return err;
}

void admin_close(struct admin **admin)
{
	if (*admin == NULL)
		return;
	rd_kafka_destroy((*admin)->handle);
	free(*admin);
	*admin = NULL;
}

/* ---- creating ------------------------------------------------------------------------------- */

static struct err *new_topic(const struct topic_spec *spec, rd_kafka_NewTopic_t **topic)
{
	char text[256];
	*topic = rd_kafka_NewTopic_new(spec->name, spec->partition_count, spec->replication_factor,
				       text, sizeof text);
	if (*topic == NULL)
		return err_new(ERR_FATAL, "TOPIC_SPEC", "topic %s: %s", spec->name, text);
	for (size_t i = 0; i < TOPIC_CONFIG_MAX && spec->configs[i].name != NULL; i++)
		CHECK(rd_kafka_NewTopic_set_config(*topic, spec->configs[i].name,
						   spec->configs[i].value) == 0);
	return NULL;
}

/* The brokers' answer about each topic. */
static struct err *create_results(struct admin *admin, rd_kafka_event_t *event,
				  const struct topic_spec *specs, size_t count, bool *created)
{
	size_t result_count = 0;
	const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
	if (rd_kafka_event_error(event) != 0)
		return rd_err_code(rd_kafka_event_error(event), &admin->client, "create topics");
	CHECK(result != NULL);
	const rd_kafka_topic_result_t **results =
		rd_kafka_CreateTopics_result_topics(result, &result_count);
	for (size_t i = 0; i < result_count; i++) {
		const char *name = rd_kafka_topic_result_name(results[i]);
		rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
		const char *text = rd_kafka_topic_result_error_string(results[i]);
		for (size_t j = 0; j < count && created != NULL; j++)
			if (strcmp(specs[j].name, name) == 0)
				created[j] = code == 0;
		if (code == 0 || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			continue;
		struct err *err = rd_err_code(code, &admin->client, "create topic %s: %s", name,
					      text == NULL ? "" : text);
		/* Refused for what was asked: asking again changes nothing. */
		if (err_verdict(err) == ERR_RETRY && strcmp(err_code(err), "BUS_BROKER") == 0) {
			struct err *refused =
				err_new(ERR_FATAL, "TOPIC_REFUSED", "%s", err_text(err));
			err_free(&err);
			return refused;
		}
		return err;
	}
	return NULL;
}

/* Waits until every topic is known with its leaders: creation returns before. */
static struct err *topics_await(struct admin *admin, const struct topic_spec *specs, size_t count)
{
	int64_t deadline = time_monotonic_ms() + RD_INIT_MS;
	for (size_t i = 0; i < count;) {
		int32_t partition_count = -1;
		struct err *err = admin_partition_count(admin, specs[i].name, &partition_count);
		int64_t low, high;
		if (err == NULL && partition_count > 0)
			err = rd_watermarks(admin->handle, &admin->client, specs[i].name,
					    partition_count - 1, &low, &high);
		if (err == NULL && partition_count > 0) {
			i++;
			continue;
		}
		if (time_monotonic_ms() >= deadline)
			return err != NULL ? err
					   : err_new(ERR_RETRY, "BUS_BROKER",
						     "topic %s isn't known %d s after its creation",
						     specs[i].name, RD_INIT_MS / 1000);
		err_free(&err);
		rd_pause(20);
	}
	return NULL;
}

struct err *admin_create(struct admin *admin, const struct topic_spec *specs, size_t count,
			 bool *created)
{
	rd_kafka_NewTopic_t *topics[TOPICS_CREATED_MAX] = { NULL };
	struct err *err = NULL;
	CHECK(count <= TOPICS_CREATED_MAX);
	if (count == 0)
		return NULL;
	for (size_t i = 0; i < count && created != NULL; i++)
		created[i] = false;
	for (size_t i = 0; i < count && err == NULL; i++)
		err = new_topic(&specs[i], &topics[i]);
	if (err == NULL) {
		rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->handle);
		rd_kafka_CreateTopics(admin->handle, topics, count, NULL, queue);
		rd_kafka_event_t *event = rd_kafka_queue_poll(queue, RD_TXN_MS + RD_CALL_MS);
		rd_kafka_poll(admin->handle, 0); /* fetches the reason of a failure */
		err = event == NULL ? rd_err_unreachable(&admin->client, "create topics")
				    : create_results(admin, event, specs, count, created);
		if (event != NULL)
			rd_kafka_event_destroy(event);
		rd_kafka_queue_destroy(queue);
	}
	rd_kafka_NewTopic_destroy_array(topics, count);
	return err != NULL ? err : topics_await(admin, specs, count);
}

/* ---- asking --------------------------------------------------------------------------------- */

struct err *admin_partition_count(struct admin *admin, const char *topic, int32_t *count)
{
	*count = -1;
	struct err *err = rd_partition_count(admin->handle, &admin->client, topic, count);
	if (err != NULL && strcmp(err_code(err), "BUS_TOPIC_MISSING") == 0)
		err_free(&err);
	return err;
}

struct err *admin_topic_config(struct admin *admin, const char *topic, const char *name,
			       char *value, size_t value_max)
{
	return rd_topic_config(admin->handle, &admin->client, topic, name, value, value_max);
}

static struct err *offsets_find(struct admin *admin, rd_kafka_event_t *event, const char *group,
				const char *topic, bool *has)
{
	if (rd_kafka_event_error(event) != 0)
		return rd_err_code(rd_kafka_event_error(event), &admin->client,
				   "committed offsets of group %s", group);
	const rd_kafka_ListConsumerGroupOffsets_result_t *result =
		rd_kafka_event_ListConsumerGroupOffsets_result(event);
	size_t count = 0;
	CHECK(result != NULL);
	const rd_kafka_group_result_t **groups =
		rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count);
	if (count != 1)
		return NULL;
	const rd_kafka_error_t *error = rd_kafka_group_result_error(groups[0]);
	if (error != NULL && rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
		return NULL;
	if (error != NULL)
		return rd_err_code(rd_kafka_error_code(error), &admin->client,
				   "committed offsets of group %s", group);
	const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(groups[0]);
	for (int i = 0; list != NULL && i < list->cnt; i++) {
		if (strcmp(list->elems[i].topic, topic) != 0)
			continue;
		if (list->elems[i].err != 0)
			return rd_err_code(list->elems[i].err, &admin->client,
					   "committed offset of group %s on %s [%d]", group, topic,
					   (int)list->elems[i].partition);
		*has = *has || list->elems[i].offset >= 0;
	}
	return NULL;
}

static struct err *offsets_ask(struct admin *admin, const char *group, const char *topic,
			       int32_t partition_count, bool *has)
{
	*has = false;
	/* By name: a request for everything leaves out what a transaction still holds. */
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partition_count);
	for (int32_t i = 0; i < partition_count; i++)
		rd_kafka_topic_partition_list_add(list, topic, i);
	rd_kafka_ListConsumerGroupOffsets_t *asked =
		rd_kafka_ListConsumerGroupOffsets_new(group, list);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(
		admin->handle, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
	/* A transaction that has just been committed counts. */
	rd_kafka_error_destroy(rd_kafka_AdminOptions_set_require_stable_offsets(options, 1));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->handle);
	rd_kafka_ListConsumerGroupOffsets(admin->handle, &asked, 1, options, queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, RD_TXN_MS + RD_CALL_MS);
	rd_kafka_poll(admin->handle, 0);
	struct err *err = event == NULL ? rd_err_unreachable(&admin->client, "committed offsets")
					: offsets_find(admin, event, group, topic, has);
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_ListConsumerGroupOffsets_destroy(asked);
	return err;
}

struct err *admin_group_has_offsets(struct admin *admin, const char *group, const char *topic,
				    bool *has)
{
	int64_t deadline = time_monotonic_ms() + RD_CALL_MS;
	int32_t partition_count = -1;
	*has = false;
	struct err *missing = admin_partition_count(admin, topic, &partition_count);
	if (missing != NULL || partition_count <= 0)
		return missing;
	for (;;) {
		struct err *err = offsets_ask(admin, group, topic, partition_count, has);
		/* Unlike the consumer, librdkafka's admin call doesn't wait for a transaction that
		 * holds an offset: its markers may still be on their way. */
		if (err == NULL || err_verdict(err) != ERR_RETRY || time_monotonic_ms() >= deadline)
			return err;
		err_free(&err);
		rd_pause(20);
	}
}
