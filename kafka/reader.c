#include "kafka/reader.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "kafka/rd.h"

enum {
	READER_BATCH_MAX = 1000,
	READER_WAIT_MS = 100, /* between two looks at *stop */
};

struct reader_partition {
	int64_t end;	/* that stood when the reading began */
	int64_t stable; /* where an open transaction stops it; -1: nowhere */
	bool started, done;
};

struct reader {
	const struct reader_options *options;
	struct rd_client client;
	rd_kafka_t *handle;
	rd_kafka_topic_t *topic;
	rd_kafka_queue_t *queue;
	int32_t first, last;		     /* the partitions read: first <= i < last */
	struct reader_partition *partitions; /* by partition */
	int32_t open_count;		     /* started and not done */
	rd_kafka_message_t **messages;
	bool moved;	     /* by the last messages */
	struct err *failure; /* since it moved; librdkafka goes on by itself */
};

static struct err *partition_start(struct reader *reader, int32_t index)
{
	struct reader_partition *partition = &reader->partitions[index];
	int64_t low, high;
	struct err *err = rd_watermarks(reader->handle, &reader->client, reader->options->topic,
					index, &low, &high);
	if (err != NULL)
		return err;
	int64_t start = reader->options->from_end ? high : low;
	partition->end = high;
	partition->stable = -1;
	if (!reader->options->follow && start >= high)
		return NULL;
	if (rd_kafka_consume_start_queue(reader->topic, index, start, reader->queue) != 0)
		return rd_err_code(rd_kafka_last_error(), &reader->client, "reading %s [%d]",
				   reader->options->topic, (int)index);
	partition->started = true;
	reader->open_count++;
	return NULL;
}

static struct err *reader_start(struct reader *reader)
{
	int32_t count = 0;
	struct err *err =
		rd_partition_count(reader->handle, &reader->client, reader->options->topic, &count);
	if (err != NULL)
		return err;
	if (reader->options->partition >= count)
		return err_new(ERR_FATAL, "BUS_TOPIC_MISSING", "topic %s has no partition %d",
			       reader->options->topic, (int)reader->options->partition);
	bool all = reader->options->partition < 0;
	reader->first = all ? 0 : reader->options->partition;
	reader->last = all ? count : reader->first + 1;
	reader->partitions = check_calloc((size_t)count, sizeof *reader->partitions);
	reader->topic = rd_kafka_topic_new(reader->handle, reader->options->topic, NULL);
	CHECK(reader->topic != NULL);
	reader->queue = rd_kafka_queue_new(reader->handle);
	reader->messages = check_calloc(READER_BATCH_MAX, sizeof *reader->messages);
	for (int32_t i = reader->first; i < reader->last && err == NULL; i++)
		err = partition_start(reader, i);
	return err;
}

static void partition_done(struct reader *reader, int32_t index)
{
	struct reader_partition *partition = &reader->partitions[index];
	if (partition->done || reader->options->follow)
		return;
	partition->done = true;
	reader->open_count--;
}

static struct err *message_take(struct reader *reader, const rd_kafka_message_t *message,
				struct err *(*each)(void *, const struct record *), void *context)
{
	struct record record;
	bool known = message->rkt != NULL && message->partition >= reader->first &&
		     message->partition < reader->last;
	if (message->err != 0 && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		struct err *err = rd_err_code(message->err, &reader->client, "reading %s [%d]",
					      reader->options->topic, (int)message->partition);
		if (err_verdict(err) != ERR_RETRY)
			return err;
		err_free(&reader->failure);
		reader->failure = err;
		return NULL;
	}
	reader->moved = true;
	err_free(&reader->failure);
	CHECK(known);
	struct reader_partition *partition = &reader->partitions[message->partition];
	struct err *err = NULL;
	partition->stable = message->err != 0 ? message->offset : -1;
	bool at_end = message->offset >= partition->end;
	if (message->err == 0 && !partition->done && (reader->options->follow || !at_end)) {
		rd_record_of(message, reader->options->topic, &record);
		err = each(context, &record);
	}
	if (at_end || (message->err == 0 && message->offset + 1 >= partition->end))
		partition_done(reader, message->partition);
	return err;
}

/* Nothing comes any more, and not all ends are reached. */
static struct err *reader_stuck(struct reader *reader)
{
	int32_t index = reader->first;
	int64_t stable = -1;
	struct err *failure = reader->failure;
	reader->failure = NULL;
	if (failure != NULL)
		return failure;
	for (int32_t i = reader->first; i < reader->last; i++) {
		const struct reader_partition *partition = &reader->partitions[i];
		if (!partition->started || partition->done || stable >= 0)
			continue;
		index = i;
		stable = partition->stable;
	}
	return rd_err_stuck(&reader->client, reader->options->topic, index, stable);
}

static struct err *reader_loop(struct reader *reader,
			       struct err *(*each)(void *, const struct record *), void *context,
			       const volatile int *stop)
{
	struct err *err = NULL;
	int64_t moved_ms = time_monotonic_ms();
	while (err == NULL && reader->open_count > 0 && (stop == NULL || *stop == 0)) {
		ssize_t got = rd_kafka_consume_batch_queue(reader->queue, 0, reader->messages,
							   READER_BATCH_MAX);
		if (got <= 0)
			got = rd_kafka_consume_batch_queue(reader->queue, READER_WAIT_MS,
							   reader->messages, 1);
		reader->moved = false;
		for (ssize_t i = 0; i < got; i++) {
			if (err == NULL)
				err = message_take(reader, reader->messages[i], each, context);
			rd_kafka_message_destroy(reader->messages[i]);
		}
		rd_kafka_poll(reader->handle, 0);
		int64_t now_ms = time_monotonic_ms();
		moved_ms = reader->moved ? now_ms : moved_ms;
		if (err == NULL && !reader->options->follow && now_ms - moved_ms > RD_STABLE_MS)
			err = reader_stuck(reader);
	}
	return err;
}

static void reader_stop(struct reader *reader)
{
	for (int32_t i = reader->first; i < reader->last && reader->partitions != NULL; i++)
		if (reader->partitions[i].started)
			rd_kafka_consume_stop(reader->topic, i);
	if (reader->queue != NULL)
		rd_kafka_queue_destroy(reader->queue);
	if (reader->topic != NULL)
		rd_kafka_topic_destroy(reader->topic);
	if (reader->handle != NULL)
		rd_kafka_destroy(reader->handle);
	err_free(&reader->failure);
	free(reader->partitions);
	free(reader->messages);
}

struct err *reader_run(const struct reader_options *options,
		       struct err *(*each)(void *context, const struct record *record),
		       void *context, const volatile int *stop)
{
	struct reader reader = { .options = options };
	struct err *err = rd_reader_new(options->client, 0, &reader.client, &reader.handle);
	if (err == NULL)
		err = reader_start(&reader);
	if (err == NULL)
		err = reader_loop(&reader, each, context, stop);
	reader_stop(&reader);
	return err;
}
