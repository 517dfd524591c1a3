#include "kafka/writer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/timestamp.h"
#include "kafka/rd.h"

enum {
	WRITER_TOPICS_MAX = 64,
	WRITER_POLL_PERIOD = 256, /* records between two looks at the delivery reports */
};

struct writer_topic {
	char name[TOPIC_NAME_MAX + 1];
	rd_kafka_topic_t *handle;
	int32_t partition_count; /* 0: not asked yet */
	size_t record_bytes_max; /* 0: not asked yet */
};

struct writer {
	struct rd_client client;
	rd_kafka_t *handle;
	struct writer_topic topics[WRITER_TOPICS_MAX];
	size_t topic_count;
	int32_t turn; /* for records without a key */
	unsigned sent_count;
};

struct err *writer_open(const struct client_options *options, struct writer **writer)
{
	char message_bytes_max[32];
	snprintf(message_bytes_max, sizeof message_bytes_max, "%d", RD_MESSAGE_BYTES_MAX);
	const struct rd_setting settings[] = {
		{ "enable.idempotence", "true" },
		{ "acks", "all" },
		{ "message.max.bytes", message_bytes_max },
		{ "queue.buffering.max.messages", "100000" },
		{ "queue.buffering.max.kbytes", "65536" },
		{ "batch.num.messages", "10000" },
		{ "linger.ms", "5" },
		{ "retry.backoff.ms", "10" },
		{ "delivery.report.only.error", "true" },
	};
	struct writer *made = check_calloc(1, sizeof *made);
	rd_kafka_conf_t *conf = NULL;
	struct err *err = rd_conf_new(options, settings, sizeof settings / sizeof settings[0],
				      &made->client, &conf);
	if (err == NULL)
		err = rd_handle_new(RD_KAFKA_PRODUCER, conf, &made->handle);
	if (err != NULL)
		free(made);
	else
		*writer = made;
	return err;
}

void writer_close(struct writer **writer)
{
	struct writer *closed = *writer;
	if (closed == NULL)
		return;
	for (size_t i = 0; i < closed->topic_count; i++)
		rd_kafka_topic_destroy(closed->topics[i].handle);
	rd_kafka_purge(closed->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_destroy(closed->handle);
	free(closed);
	*writer = NULL;
}

/* The first failed delivery, or a producer that can't go on, as an error. */
static struct err *delivery_err(struct writer *writer)
{
	char text[512];
	rd_kafka_resp_err_t code = writer->client.delivery_error;
	if (code != 0)
		return err_new(ERR_FATAL, "WRITER_DELIVERY",
			       "a record for topic %s wasn't taken: %s (%s)",
			       writer->client.delivery_topic, rd_kafka_err2str(code),
			       rd_kafka_err2name(code));
	code = rd_kafka_fatal_error(writer->handle, text, sizeof text);
	if (code != 0)
		return err_new(ERR_FATAL, "WRITER_DELIVERY", "the producer can't go on: %s (%s)",
			       text, rd_kafka_err2name(code));
	return NULL;
}

static struct writer_topic *topic_get(struct writer *writer, const char *name)
{
	for (size_t i = 0; i < writer->topic_count; i++)
		if (strcmp(writer->topics[i].name, name) == 0)
			return &writer->topics[i];
	CHECK(writer->topic_count < WRITER_TOPICS_MAX);
	CHECK(strlen(name) <= TOPIC_NAME_MAX);
	struct writer_topic *topic = &writer->topics[writer->topic_count++];
	snprintf(topic->name, sizeof topic->name, "%s", name);
	topic->handle = rd_kafka_topic_new(writer->handle, name, NULL);
	CHECK(topic->handle != NULL);
	return topic;
}

struct err *writer_partition_count(struct writer *writer, const char *name, int32_t *count)
{
	struct writer_topic *topic = topic_get(writer, name);
	struct err *err = NULL;
	if (topic->partition_count == 0)
		err = rd_partition_count(writer->handle, &writer->client, name,
					 &topic->partition_count);
	*count = topic->partition_count;
	return err;
}

static size_t topic_bytes_max(struct writer *writer, struct writer_topic *topic)
{
	if (topic->record_bytes_max == 0)
		topic->record_bytes_max =
			rd_topic_bytes_max(writer->handle, &writer->client, topic->name);
	return topic->record_bytes_max;
}

struct err *writer_send(struct writer *writer, const struct outgoing *out)
{
	int32_t count = 0;
	struct err *err = delivery_err(writer);
	if (err == NULL)
		err = writer_partition_count(writer, out->topic, &count);
	if (err != NULL)
		return err;
	struct writer_topic *topic = topic_get(writer, out->topic);
	size_t size = rd_outgoing_size(out);
	if (size > RD_BYTES_UNASKED && size > topic_bytes_max(writer, topic))
		return rd_err_too_large(out->topic, size, topic->record_bytes_max);
	int32_t partition = out->partition;
	if (partition < 0 && out->key.data != NULL)
		partition = hash_partition(out->key, count);
	else if (partition < 0)
		partition = writer->turn = (writer->turn + 1) % count;
	if (partition >= count)
		return err_new(ERR_FATAL, "BUS_TOPIC_MISSING", "topic %s has no partition %d",
			       out->topic, (int)partition);
	rd_kafka_resp_err_t code = rd_produce(writer->handle, topic->handle, out, partition);
	if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
		return rd_err_too_large(out->topic, size, RD_MESSAGE_BYTES_MAX);
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return err_new(ERR_RETRY, "BUS_UNREACHABLE",
			       "the queue is full and nothing was taken for %d s%s%s",
			       RD_QUEUE_MS / 1000, *writer->client.error == 0 ? "" : ": ",
			       writer->client.error);
	if (code != 0)
		return err_new(ERR_FATAL, "WRITER_DELIVERY", "producing to %s: %s (%s)", out->topic,
			       rd_kafka_err2str(code), rd_kafka_err2name(code));
	if (++writer->sent_count % WRITER_POLL_PERIOD == 0)
		rd_kafka_poll(writer->handle, 0);
	return NULL;
}

struct err *writer_flush(struct writer *writer, int timeout_ms)
{
	rd_kafka_resp_err_t code = rd_kafka_flush(writer->handle, timeout_ms);
	rd_kafka_poll(writer->handle, 0);
	struct err *err = delivery_err(writer);
	if (err != NULL || code == 0)
		return err;
	return rd_err_code(code, &writer->client, "%d records aren't acknowledged after %d ms",
			   rd_kafka_outq_len(writer->handle), timeout_ms);
}
