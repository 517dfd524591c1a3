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

struct err *admin_reach(struct admin *admin, int wait_ms)
{
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(admin->handle, 0, NULL, &metadata, wait_ms);
	if (metadata != NULL)
		rd_kafka_metadata_destroy(metadata);
	rd_kafka_poll(admin->handle, 0); /* fetches the reason of a failure */
	return code == 0 ? NULL : rd_err_code(code, &admin->client, "asking for the brokers");
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

/* ---- layout and settings -------------------------------------------------------------------- */

static void take_partition(struct topic_layout *layout,
			   const rd_kafka_metadata_partition_t *partition)
{
	if (layout->replicas_min < 0 || partition->replica_cnt < layout->replicas_min)
		layout->replicas_min = partition->replica_cnt;
	if (layout->in_sync_min < 0 || partition->isr_cnt < layout->in_sync_min)
		layout->in_sync_min = partition->isr_cnt;
	layout->leaderless_count += partition->leader < 0;
}

struct err *admin_topic_layout(struct admin *admin, const char *topic, struct topic_layout *layout)
{
	*layout = (struct topic_layout){
		.partition_count = -1, .replicas_min = -1, .in_sync_min = -1, .broker_id = -1
	};
	struct err *err = admin_partition_count(admin, topic, &layout->partition_count);
	if (err != NULL)
		return err;
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_topic_t *asked = rd_kafka_topic_new(admin->handle, topic, NULL);
	CHECK(asked != NULL);
	rd_kafka_resp_err_t code =
		rd_kafka_metadata(admin->handle, 0, asked, &metadata, RD_CALL_MS);
	rd_kafka_topic_destroy(asked);
	if (code != 0)
		return rd_err_code(code, &admin->client, "layout of topic %s", topic);
	layout->broker_count = metadata->broker_cnt;
	if (metadata->broker_cnt > 0)
		layout->broker_id = metadata->brokers[0].id;
	for (int i = 0; metadata->topic_cnt == 1 && i < metadata->topics[0].partition_cnt; i++)
		take_partition(layout, &metadata->topics[0].partitions[i]);
	rd_kafka_metadata_destroy(metadata);
	return NULL;
}

struct admin_configs {
	rd_kafka_event_t *event; /* holds the entries */
	const rd_kafka_ConfigEntry_t **entries;
	size_t count;
};

static rd_kafka_resp_err_t take_entries(struct admin_configs *configs)
{
	size_t count = 0;
	rd_kafka_resp_err_t code = rd_kafka_event_error(configs->event);
	if (code != 0)
		return code;
	const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
		rd_kafka_event_DescribeConfigs_result(configs->event), &count);
	if (count != 1)
		return RD_KAFKA_RESP_ERR__FAIL;
	configs->entries = rd_kafka_ConfigResource_configs(resources[0], &configs->count);
	return rd_kafka_ConfigResource_error(resources[0]);
}

struct err *admin_configs_read(struct admin *admin, enum admin_resource kind, const char *name,
			       struct admin_configs **out)
{
	struct admin_configs *configs = check_calloc(1, sizeof *configs);
	rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(
		kind == ADMIN_TOPIC ? RD_KAFKA_RESOURCE_TOPIC : RD_KAFKA_RESOURCE_BROKER, name);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->handle);
	rd_kafka_DescribeConfigs(admin->handle, &resource, 1, NULL, queue);
	configs->event = rd_kafka_queue_poll(queue, RD_CALL_MS);
	rd_kafka_resp_err_t code =
		configs->event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : take_entries(configs);
	rd_kafka_queue_destroy(queue);
	rd_kafka_ConfigResource_destroy(resource);
	if (code != 0)
		admin_configs_free(&configs);
	*out = configs;
	return code == 0 ? NULL
			 : rd_err_code(code, &admin->client, "configuration of %s %s",
				       kind == ADMIN_TOPIC ? "topic" : "broker", name);
}

void admin_configs_free(struct admin_configs **configs)
{
	if (*configs == NULL)
		return;
	if ((*configs)->event != NULL)
		rd_kafka_event_destroy((*configs)->event);
	free(*configs);
	*configs = NULL;
}

const char *admin_config(const struct admin_configs *configs, const char *name)
{
	for (size_t i = 0; i < configs->count; i++)
		if (strcmp(rd_kafka_ConfigEntry_name(configs->entries[i]), name) == 0)
			return rd_kafka_ConfigEntry_value(configs->entries[i]);
	return NULL;
}
