#include "kafka/acks.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "kafka/rd.h"

enum { ACKS_TOPICS_MAX = 16 };

struct acks_topic {
	rd_kafka_topic_t *handle;
	int32_t partition_count;
	size_t record_bytes_max;
	const char *name;
};

struct acks {
	struct rd_client client; /* first: librdkafka's callbacks are handed it */
	rd_kafka_t *handle;
	struct acks_listener listener;
	struct acks_topic topics[ACKS_TOPICS_MAX];
	size_t topic_count;
};

static void delivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
	struct acks *acks = opaque;
	(void)handle;
	acks->listener.told(acks->listener.context, message->_private, message->err == 0);
}

static struct err *handle_open(struct acks *acks, const struct client_options *options,
			       int timeout_ms, int queue_max)
{
	char bytes_max[32], timeout[32], queue[32];
	snprintf(bytes_max, sizeof bytes_max, "%d", RD_MESSAGE_BYTES_MAX);
	snprintf(timeout, sizeof timeout, "%d", timeout_ms);
	snprintf(queue, sizeof queue, "%d", queue_max);
	const struct rd_setting settings[] = {
		{ "enable.idempotence", "true" },
		{ "acks", "all" },
		{ "message.max.bytes", bytes_max },
		{ "message.timeout.ms", timeout },
		{ "queue.buffering.max.messages", queue },
		{ "queue.buffering.max.kbytes", "262144" },
		{ "linger.ms", "2" },
		{ "retry.backoff.ms", "10" },
		{ "reconnect.backoff.max.ms", "1000" }, /* senders wait: look again soon */
		{ "socket.timeout.ms", timeout },
	};
	rd_kafka_conf_t *conf = NULL;
	struct err *err = rd_conf_new(options, settings, sizeof settings / sizeof settings[0],
				      &acks->client, &conf);
	if (err != NULL)
		return err;
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	return rd_handle_new(RD_KAFKA_PRODUCER, conf, &acks->handle);
}

static struct err *topic_open(struct acks *acks, const char *name)
{
	struct acks_topic *topic = &acks->topics[acks->topic_count];
	CHECK(acks->topic_count < ACKS_TOPICS_MAX);
	struct err *err =
		rd_partition_count(acks->handle, &acks->client, name, &topic->partition_count);
	if (err != NULL)
		return err;
	topic->name = name;
	topic->record_bytes_max = rd_topic_bytes_max(acks->handle, &acks->client, name);
	topic->handle = rd_kafka_topic_new(acks->handle, name, NULL);
	CHECK(topic->handle != NULL);
	acks->topic_count++;
	return NULL;
}

struct err *acks_open(const struct client_options *options, const char *const *topics, size_t count,
		      int timeout_ms, int queue_max, const struct acks_listener *listener,
		      struct acks **out)
{
	struct acks *acks = check_calloc(1, sizeof *acks);
	acks->listener = *listener;
	struct err *err = handle_open(acks, options, timeout_ms, queue_max);
	for (size_t i = 0; i < count && err == NULL; i++)
		err = topic_open(acks, topics[i]);
	if (err != NULL)
		acks_close(&acks);
	*out = acks;
	return err;
}

struct err *acks_fits(const struct acks *acks, size_t index, struct bytes key, struct bytes value)
{
	const struct acks_topic *topic = &acks->topics[index];
	const struct outgoing out = { .topic = topic->name, .key = key, .value = value };
	size_t size = rd_outgoing_size(&out);
	CHECK(index < acks->topic_count);
	return size > topic->record_bytes_max
		       ? rd_err_too_large(topic->name, size, topic->record_bytes_max)
		       : NULL;
}

struct err *acks_send(struct acks *acks, size_t index, struct bytes key, struct bytes value,
		      void *ticket)
{
	const struct acks_topic *topic = &acks->topics[index];
	struct err *err = acks_fits(acks, index, key, value);
	CHECK(key.data != NULL);
	if (err != NULL)
		return err;
	if (rd_kafka_produce(topic->handle, hash_partition(key, topic->partition_count),
			     RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)value.data, value.len,
			     key.data, key.len, ticket) == 0)
		return NULL;
	rd_kafka_resp_err_t code = rd_kafka_last_error();
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return err_new(ERR_RETRY, "BUS_QUEUE_FULL", "the producer's queue is full");
	return err_new(ERR_ABORT, "BUS_PRODUCE", "producing to %s: %s (%s)", topic->name,
		       rd_kafka_err2str(code), rd_kafka_err2name(code));
}

struct err *acks_fatal(const struct acks *acks)
{
	return rd_err_fatal(acks->handle, "BUS_PRODUCER");
}

void acks_poll(struct acks *acks, int timeout_ms)
{
	rd_kafka_poll(acks->handle, timeout_ms);
}

void acks_close(struct acks **out)
{
	struct acks *acks = *out;
	*out = NULL;
	if (acks == NULL)
		return;
	for (size_t i = 0; i < acks->topic_count; i++)
		rd_kafka_topic_destroy(acks->topics[i].handle);
	if (acks->handle != NULL)
		rd_kafka_destroy(acks->handle);
	free(acks);
}
