#include "kafka/writer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/timestamp.h"
#include "kafka/group.h"
#include "kafka/rd.h"

enum {
	WRITER_TOPICS_MAX = 64,
	WRITER_POLL_PERIOD = 256, /* records between two looks at the delivery reports */
	WRITER_ABORT_MS = 5000,	  /* what closing waits for brokers that may be away */
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
	char *name;   /* its transactional id; NULL: it writes without transactions */
	bool is_open; /* a transaction */
};

/* name NULL: without transactions */
static struct err *open_named(const struct client_options *options, const char *name,
			      struct writer **writer)
{
	char message_bytes_max[32], txn_ms[32];
	snprintf(message_bytes_max, sizeof message_bytes_max, "%d", RD_MESSAGE_BYTES_MAX);
	snprintf(txn_ms, sizeof txn_ms, "%d", RD_TXN_MS);
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
		{ "transaction.timeout.ms", txn_ms }, /* the last two: of transactions */
		{ "transactional.id", name },
	};
	const size_t count = sizeof settings / sizeof settings[0] - (name == NULL ? 2 : 0);
	struct writer *made = check_calloc(1, sizeof *made);
	rd_kafka_conf_t *conf = NULL;
	struct err *err = rd_conf_new(options, settings, count, &made->client, &conf);
	if (err == NULL)
		err = rd_handle_new(RD_KAFKA_PRODUCER, conf, &made->handle);
	if (err != NULL) {
		free(made);
		return err;
	}
	made->name = name == NULL ? NULL : check_strdup(name);
	*writer = made;
	return NULL;
}

struct err *writer_open(const struct client_options *options, struct writer **writer)
{
	return open_named(options, NULL, writer);
}

/* What is left open holds up every reader of committed records until the brokers give it up, a
 * minute later; so the brokers are told, if they are there. */
static void give_up(struct writer *writer)
{
	if (!writer->is_open)
		return;
	rd_kafka_error_t *error = rd_kafka_abort_transaction(writer->handle, WRITER_ABORT_MS);
	if (error != NULL)
		rd_kafka_error_destroy(error);
}

void writer_close(struct writer **writer)
{
	struct writer *closed = *writer;
	if (closed == NULL)
		return;
	give_up(closed);
	for (size_t i = 0; i < closed->topic_count; i++)
		rd_kafka_topic_destroy(closed->topics[i].handle);
	rd_kafka_purge(closed->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_destroy(closed->handle);
	free(closed->name);
	free(closed);
	*writer = NULL;
}

/* ---- transactions --------------------------------------------------------------------------- */

/* Calls again while the brokers are busy with something else or away. */
static struct err *patiently(struct writer *writer, struct err *(*call)(struct writer *, void *),
			     void *context, int patience_ms)
{
	int64_t deadline = time_monotonic_ms() + patience_ms;
	struct err *err = call(writer, context);
	while (err != NULL && err_verdict(err) == ERR_RETRY && time_monotonic_ms() < deadline) {
		err_free(&err);
		rd_kafka_poll(writer->handle, RD_BACKOFF_MS);
		err = call(writer, context);
	}
	if (err == NULL || err_verdict(err) != ERR_RETRY)
		return err;
	err_free(&err);
	return rd_err_unreachable(&writer->client, "what a transaction needs");
}

static struct err *call_init(struct writer *writer, void *context)
{
	(void)context;
	return rd_err_txn(rd_kafka_init_transactions(writer->handle, RD_CALL_MS),
			  "init_transactions");
}

static struct err *call_offsets(struct writer *writer, void *context)
{
	const struct position *position = context;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *entry =
		rd_kafka_topic_partition_list_add(list, position->topic, position->partition);
	entry->offset = position->offset;
	entry->metadata = check_strdup(position->metadata); /* freed with the list */
	entry->metadata_size = strlen(position->metadata);
	/* nobody is a member of this group: its name alone is what the brokers look at */
	rd_kafka_consumer_group_metadata_t *group =
		rd_kafka_consumer_group_metadata_new(writer->name);
	struct err *err = rd_err_txn(
		rd_kafka_send_offsets_to_transaction(writer->handle, list, group, RD_CALL_MS),
		"send_offsets");
	rd_kafka_consumer_group_metadata_destroy(group);
	rd_kafka_topic_partition_list_destroy(list);
	return err;
}

static struct err *call_commit(struct writer *writer, void *context)
{
	(void)context;
	return rd_err_txn(rd_kafka_commit_transaction(writer->handle, RD_TXN_MS), "commit");
}

struct err *writer_open_transactional(const struct client_options *options, const char *name,
				      const char *topic, struct position *position,
				      struct writer **writer)
{
	struct err *err = open_named(options, name, writer);
	if (err != NULL)
		return err;
	err = patiently(*writer, call_init, NULL, RD_CALL_MS);
	if (err == NULL)
		err = group_position(options, name, topic, 0, position);
	if (err != NULL)
		writer_close(writer);
	return err;
}

static struct err *transaction_begin(struct writer *writer)
{
	if (writer->name == NULL || writer->is_open)
		return NULL;
	struct err *err = rd_err_txn(rd_kafka_begin_transaction(writer->handle), "begin");
	writer->is_open = err == NULL;
	return err;
}

struct err *writer_commit(struct writer *writer, const struct position *position)
{
	struct position copy = *position;
	CHECK(writer->name != NULL && position->offset >= 0);
	struct err *err = transaction_begin(writer);
	if (err == NULL)
		err = patiently(writer, call_offsets, &copy, RD_TXN_MS);
	if (err == NULL)
		err = patiently(writer, call_commit, NULL, RD_TXN_MS);
	writer->is_open = writer->is_open && err != NULL;
	return err;
}

static struct err *call_abort(struct writer *writer, void *context)
{
	(void)context;
	return rd_err_txn(rd_kafka_abort_transaction(writer->handle, RD_TXN_MS), "abort");
}

/* The coordinator lets nothing into the next transaction before the last one's marks are written;
 * so one that begins with a position and is given up waits for just that. */
struct err *writer_settle(struct writer *writer, const struct position *position)
{
	struct position copy = *position;
	CHECK(writer->name != NULL && !writer->is_open);
	struct err *err = transaction_begin(writer);
	if (err == NULL)
		err = patiently(writer, call_offsets, &copy, RD_TXN_MS);
	struct err *abort_err = patiently(writer, call_abort, NULL, RD_TXN_MS);
	writer->is_open = false;
	if (err == NULL)
		return abort_err;
	err_free(&abort_err);
	return err;
}

/* ---- sending -------------------------------------------------------------------------------- */

/* The first failed delivery, or a producer that can't go on, as an error. */
static struct err *delivery_err(struct writer *writer)
{
	rd_kafka_resp_err_t code = writer->client.delivery_error;
	if (code != 0)
		return err_new(ERR_FATAL, "WRITER_DELIVERY",
			       "a record for topic %s wasn't taken: %s (%s)",
			       writer->client.delivery_topic, rd_kafka_err2str(code),
			       rd_kafka_err2name(code));
	return rd_err_fatal(writer->handle, "WRITER_DELIVERY");
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
	if (err == NULL)
		err = transaction_begin(writer);
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
