#include "kafka/hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "kafka/rd.h"

/* What is looked at: every partition of the topics. */
struct look {
	struct rd_client client;
	rd_kafka_t *handle;
	struct position *stable, *ends; /* how far readers may go, and all of it */
	size_t count;
};

void hold_remedy(const char *brokers, const char *topic, int32_t partition, int64_t offset,
		 char command[HOLD_REMEDY_MAX])
{
	/* one broker is enough to begin with, and a long list would be cut */
	snprintf(command, HOLD_REMEDY_MAX,
		 "kafka-transactions.sh --bootstrap-server %.*s abort --topic %s --partition %d "
		 "--start-offset %lld",
		 (int)strcspn(brokers, ","), brokers, topic, (int)partition, (long long)offset);
}

static struct err *open_look(struct look *look, const struct client_options *options)
{
	static const struct rd_setting settings[] = {
		{ "enable.auto.commit", "false" },
		/* what holds others back is to be read */
		{ "isolation.level", "read_uncommitted" },
	};
	rd_kafka_conf_t *conf = NULL;
	struct err *err = rd_conf_new(options, settings, sizeof settings / sizeof settings[0],
				      &look->client, &conf);
	return err != NULL ? err : rd_handle_new(RD_KAFKA_CONSUMER, conf, &look->handle);
}

static void close_look(struct look *look)
{
	free(look->stable);
	free(look->ends);
	if (look->handle != NULL)
		rd_kafka_destroy(look->handle);
}

/* How many partitions a topic has; 0 where there is none. */
static struct err *count_partitions(struct look *look, const char *topic, int32_t *count)
{
	*count = 0;
	struct err *err = rd_partition_count(look->handle, &look->client, topic, count);
	if (err != NULL && strcmp(err_code(err), "BUS_TOPIC_MISSING") == 0)
		err_free(&err);
	return err;
}

static void add_partition(struct look *look, const char *topic, int32_t partition)
{
	size_t size = (look->count + 1) * sizeof *look->ends;
	look->stable = check_realloc(look->stable, size);
	look->ends = check_realloc(look->ends, size);
	look->stable[look->count] = look->ends[look->count] =
		(struct position){ .topic = topic, .partition = partition };
	look->count++;
}

static struct err *add_topic(struct look *look, const char *topic)
{
	int32_t count;
	struct err *err = count_partitions(look, topic, &count);
	for (int32_t i = 0; err == NULL && i < count; i++)
		add_partition(look, topic, i);
	return err;
}

/* As the brokers place a group: by the hash that Java gives a text. */
int32_t hold_group_partition(const char *group, int32_t partition_count)
{
	uint32_t hash = 0;
	for (const char *c = group; *c != '\0'; c++)
		hash = 31 * hash + (uint8_t)*c;
	return (int32_t)(hash & INT32_MAX) % partition_count;
}

static struct err *add_groups(struct look *look, const struct hold_scope *scope)
{
	int32_t count;
	struct err *err = count_partitions(look, OFFSETS_TOPIC, &count);
	if (err != NULL && strcmp(err_code(err), "BUS_AUTHORIZATION") == 0)
		err_free(&err); /* it is the brokers' own: few are let at it */
	if (err != NULL || count == 0)
		return err;
	size_t first = look->count;
	for (size_t i = 0; i < scope->group_count; i++) {
		int32_t partition = hold_group_partition(scope->groups[i], count);
		bool there = false;
		for (size_t k = first; k < look->count; k++)
			there = there || look->stable[k].partition == partition;
		if (!there)
			add_partition(look, OFFSETS_TOPIC, partition);
	}
	return NULL;
}

/* When the brokers took the record at hold->offset; -1 where that can't be told. */
static int64_t taken_ms(struct look *look, const struct hold *hold)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(look->handle, hold->topic, NULL);
	int64_t found_ms = -1;
	if (topic == NULL)
		return found_ms;
	if (rd_kafka_consume_start(topic, hold->partition, hold->offset) == 0) {
		rd_kafka_message_t *message = rd_kafka_consume(topic, hold->partition, RD_CALL_MS);
		rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
		if (message != NULL && message->err == 0 && message->offset == hold->offset)
			found_ms = rd_kafka_message_timestamp(message, &type);
		/* in their own topic the brokers are who writes */
		if (type != RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME &&
		    strcmp(hold->topic, OFFSETS_TOPIC) != 0)
			found_ms = -1;
		if (message != NULL)
			rd_kafka_message_destroy(message);
		rd_kafka_consume_stop(topic, hold->partition);
	}
	rd_kafka_topic_destroy(topic);
	return found_ms;
}

static void take_holds(struct look *look, int64_t now_ms, struct holds *holds)
{
	for (size_t i = 0; i < look->count && holds->count < HOLDS_MAX; i++) {
		struct hold hold = {
			.topic = look->stable[i].topic,
			.partition = look->stable[i].partition,
			.offset = look->stable[i].offset,
			.end = look->ends[i].offset,
		};
		if (hold.offset >= hold.end)
			continue;
		hold.since_ms = taken_ms(look, &hold);
		if (hold.since_ms >= 0 && now_ms - hold.since_ms >= HOLD_MS_MIN)
			holds->list[holds->count++] = hold;
	}
}

struct err *holds_read(const struct client_options *client, const struct hold_scope *scope,
		       int64_t now_ms, struct holds *holds)
{
	struct look look = { .handle = NULL };
	holds->count = 0;
	struct err *err = open_look(&look, client);
	for (size_t i = 0; err == NULL && i < scope->topic_count; i++)
		err = add_topic(&look, scope->topics[i]);
	if (err == NULL)
		err = add_groups(&look, scope);
	/* the ends come last: what is below them and not stable was written by somebody */
	if (err == NULL)
		err = rd_stable_ends(look.handle, &look.client, look.stable, look.count);
	if (err == NULL)
		err = rd_ends(look.handle, &look.client, look.ends, look.count);
	if (err == NULL)
		take_holds(&look, now_ms, holds);
	close_look(&look);
	return err;
}
