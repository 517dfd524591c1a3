#include "kafka/log_tail.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "kafka/rd.h"

struct followed {
	rd_kafka_topic_t *topic; /* a reference of its own */
	int32_t partition;
};

struct kafka_tail {
	struct log_tail tail;
	struct rd_client client;
	rd_kafka_t *handle;
	rd_kafka_queue_t *queue;
	struct followed *followed;
	size_t count, capacity;
	rd_kafka_message_t *messages[POLL_RECORDS_MAX];
	size_t message_count;
	struct record records[POLL_RECORDS_MAX];
};

static struct kafka_tail *tail_of(struct log_tail *tail)
{
	return (struct kafka_tail *)tail;
}

static void drop_messages(struct kafka_tail *tail)
{
	for (size_t i = 0; i < tail->message_count; i++)
		rd_kafka_message_destroy(tail->messages[i]);
	tail->message_count = 0;
}

static void end(struct kafka_tail *tail, size_t i)
{
	rd_kafka_consume_stop(tail->followed[i].topic, tail->followed[i].partition);
	rd_kafka_topic_destroy(tail->followed[i].topic);
	tail->followed[i] = tail->followed[--tail->count];
}

static void tail_close(struct log_tail *base)
{
	struct kafka_tail *tail = tail_of(base);
	drop_messages(tail);
	while (tail->count > 0)
		end(tail, tail->count - 1);
	rd_kafka_queue_destroy(tail->queue);
	rd_kafka_destroy(tail->handle);
	free(tail->followed);
	free(tail);
}

static void tail_drop(struct log_tail *base, const char *topic, int32_t partition)
{
	struct kafka_tail *tail = tail_of(base);
	for (size_t i = 0; i < tail->count; i++) {
		const struct followed *one = &tail->followed[i];
		if (one->partition == partition &&
		    strcmp(rd_kafka_topic_name(one->topic), topic) == 0) {
			drop_messages(tail);
			end(tail, i);
			return;
		}
	}
}

static struct err *tail_add(struct log_tail *base, const char *topic, int32_t partition,
			    int64_t offset)
{
	struct kafka_tail *tail = tail_of(base);
	tail_drop(base, topic, partition);
	rd_kafka_topic_t *handle = rd_kafka_topic_new(tail->handle, topic, NULL);
	if (handle == NULL)
		return rd_err_code(rd_kafka_last_error(), &tail->client, "topic %s", topic);
	int64_t start = offset == LOG_TAIL_BEGIN ? RD_KAFKA_OFFSET_BEGINNING : offset;
	if (rd_kafka_consume_start_queue(handle, partition, start, tail->queue) != 0) {
		struct err *err = rd_err_code(rd_kafka_last_error(), &tail->client,
					      "following %s [%d]", topic, (int)partition);
		rd_kafka_topic_destroy(handle);
		return err;
	}
	if (tail->count == tail->capacity) {
		tail->capacity = tail->capacity > 0 ? 2 * tail->capacity : 64;
		tail->followed =
			check_realloc(tail->followed, tail->capacity * sizeof *tail->followed);
	}
	tail->followed[tail->count++] = (struct followed){ handle, partition };
	return NULL;
}

static struct err *tail_poll(struct log_tail *base, size_t count_max, struct bus_batch *batch)
{
	struct kafka_tail *tail = tail_of(base);
	struct err *err = NULL;
	CHECK(count_max <= POLL_RECORDS_MAX);
	drop_messages(tail);
	*batch = (struct bus_batch){ .records = tail->records };
	rd_kafka_poll(tail->handle, 0);
	ssize_t got = rd_kafka_consume_batch_queue(tail->queue, 0, tail->messages, count_max);
	tail->message_count = got > 0 ? (size_t)got : 0;
	for (size_t i = 0; i < tail->message_count; i++) {
		const rd_kafka_message_t *message = tail->messages[i];
		if (message->err == 0)
			rd_record_of(message, rd_kafka_topic_name(message->rkt),
				     &tail->records[batch->count++]);
		else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF && err == NULL)
			err = rd_err_code(message->err, &tail->client, "following %s [%d]",
					  message->rkt != NULL ? rd_kafka_topic_name(message->rkt)
							       : "",
					  (int)message->partition);
	}
	return err;
}

static const struct log_tail_ops tail_ops = { tail_add, tail_drop, tail_poll, tail_close };

struct err *log_tail_open(const struct client_options *options, size_t bytes, struct log_tail **out)
{
	struct kafka_tail *tail = check_calloc(1, sizeof *tail);
	tail->tail.ops = &tail_ops;
	struct err *err = rd_reader_new(options, bytes, &tail->client, &tail->handle);
	if (err != NULL) {
		free(tail);
		return err;
	}
	tail->queue = rd_kafka_queue_new(tail->handle);
	*out = &tail->tail;
	return NULL;
}
