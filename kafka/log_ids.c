#include "kafka/log_ids.h"

#include <stdio.h>

#include "base/check.h"

/* Ids are random, so half of their bits tell them apart as well. */
static uint64_t fold(const rd_kafka_Uuid_t *id)
{
	if (id == NULL)
		return 0;
	return (uint64_t)rd_kafka_Uuid_most_significant_bits(id) ^
	       (uint64_t)rd_kafka_Uuid_least_significant_bits(id);
}

static struct err *take_one(const rd_kafka_TopicDescription_t *topic,
			    const struct rd_client *client, const struct log_ids_request *request,
			    uint64_t *ids)
{
	const char *name = rd_kafka_TopicDescription_name(topic);
	const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(topic);
	if (error != NULL && rd_kafka_error_code(error) != 0)
		return rd_err_code(rd_kafka_error_code(error), client, "topic %s", name);
	for (size_t i = 0; i < request->count; i++)
		if (strcmp(request->topics[i], name) == 0)
			ids[i] = fold(rd_kafka_TopicDescription_topic_id(topic));
	return NULL;
}

static struct err *take_all(rd_kafka_event_t *event, const struct rd_client *client,
			    const struct log_ids_request *request, uint64_t *ids)
{
	if (event == NULL)
		return rd_err_unreachable(client, "ids of topics");
	if (rd_kafka_event_error(event) != 0)
		return rd_err_code(rd_kafka_event_error(event), client, "ids of topics: %s",
				   rd_kafka_event_error_string(event));
	size_t described = 0;
	const rd_kafka_TopicDescription_t **list = rd_kafka_DescribeTopics_result_topics(
		rd_kafka_event_DescribeTopics_result(event), &described);
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < described; i++)
		err = take_one(list[i], client, request, ids);
	return err;
}

static struct err *ask_topics(rd_kafka_t *handle, const struct rd_client *client,
			      const struct log_ids_request *request, uint64_t *ids)
{
	char text[256];
	const char *names[BUS_IDS_MAX];
	for (size_t i = 0; i < request->count; i++)
		names[i] = request->topics[i];
	rd_kafka_TopicCollection_t *asked =
		rd_kafka_TopicCollection_of_topic_names(names, request->count);
	rd_kafka_AdminOptions_t *options =
		rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
	CHECK(rd_kafka_AdminOptions_set_request_timeout(options, request->timeout_ms, text,
						    sizeof text) == 0);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
	rd_kafka_DescribeTopics(handle, asked, options, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, request->timeout_ms + 1000);
	struct err *err = take_all(event, client, request, ids);
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_TopicCollection_destroy(asked);
	return err;
}

struct err *log_ids_ask(rd_kafka_t *handle, const struct rd_client *client,
			const struct log_ids_request *request, uint64_t *ids,
			char cluster[CLUSTER_ID_MAX + 1])
{
	CHECK(request->count <= BUS_IDS_MAX);
	memset(ids, 0, request->count * sizeof *ids);
	struct err *err = ask_topics(handle, client, request, ids);
	char *id = err == NULL ? rd_kafka_clusterid(handle, request->timeout_ms) : NULL;
	snprintf(cluster, CLUSTER_ID_MAX + 1, "%s", id == NULL ? "" : id);
	if (id != NULL)
		rd_kafka_mem_free(handle, id);
	return err;
}
