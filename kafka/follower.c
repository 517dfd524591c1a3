#include "kafka/follower.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "kafka/rd.h"

enum { COMMIT_EVERY_MS = 250 };

struct followed {
	bool owned, paused, ended;
	int64_t end;	   /* until_end: handed out below it only */
	int64_t done;	   /* every record below it is done; -1: nothing yet */
	int64_t committed; /* -1: nothing yet */
};

struct follower {
	struct rd_client client;
	rd_kafka_t *handle;
	struct follower_sink sink;
	char *topic; /* owned; the pointer that records show */
	bool from_end, until_end, assigned;
	int32_t partition_count;
	struct followed *partitions; /* by partition */
	int64_t commit_due_ms;
	struct err *rebalance; /* what a callback inside the current poll met */
};

static struct followed *followed_find(struct follower *follower, int32_t partition)
{
	bool known = partition >= 0 && partition < follower->partition_count;
	return known && follower->partitions[partition].owned ? &follower->partitions[partition]
							      : NULL;
}

/* ---- positions ------------------------------------------------------------------------------ */

/* A commit that fails is made up for by the next one; until then records may come again. The last
 * one of a membership (`wait`) says everything once more, as earlier ones may have failed. */
static void commit(struct follower *follower, bool wait)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(follower->partition_count);
	for (int32_t i = 0; i < follower->partition_count; i++) {
		struct followed *followed = &follower->partitions[i];
		if (!followed->owned || followed->done < 0 ||
		    (followed->done <= followed->committed && !wait))
			continue;
		rd_kafka_topic_partition_list_add(list, follower->topic, i)->offset =
			followed->done;
		followed->committed = followed->done;
	}
	rd_kafka_resp_err_t code = 0;
	if (list->cnt > 0)
		code = rd_kafka_commit(follower->handle, list, wait ? 0 : 1);
	if (code != 0)
		log_emit(LOG_WARN, "follower", "positions were not kept; records may come again",
			 "{s:s,s:s}", "topic", follower->topic, "error", rd_kafka_err2name(code));
	rd_kafka_topic_partition_list_destroy(list);
	follower->commit_due_ms = time_monotonic_ms() + COMMIT_EVERY_MS;
}

/* Where each partition begins: its committed position, else one of the log's ends. */
static struct err *positions_find(struct follower *follower, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t code = rd_kafka_committed(follower->handle, list, RD_CALL_MS);
	if (code != 0)
		return rd_err_code(code, &follower->client, "positions on %s", follower->topic);
	for (int i = 0; i < list->cnt; i++) {
		rd_kafka_topic_partition_t *place = &list->elems[i];
		if (place->err != 0) /* or it would count as never read */
			return rd_err_code(place->err, &follower->client, "position on %s [%d]",
					   follower->topic, (int)place->partition);
		if (place->partition >= follower->partition_count)
			return err_new(
				ERR_FATAL, "PARTITIONS_DIFFER",
				"%s has more partitions than when this process started; start "
				"it again",
				follower->topic);
		struct followed *followed = &follower->partitions[place->partition];
		int64_t low = 0, high = 0;
		struct err *err = rd_watermarks(follower->handle, &follower->client,
						follower->topic, place->partition, &low, &high);
		if (err != NULL)
			return err;
		bool first = place->offset < 0;
		if (first)
			place->offset = follower->from_end ? high : low;
		if (!first && place->offset < low)
			return err_new(ERR_FATAL, "BUS_OFFSET_GONE",
				       "%s [%d]: records from offset %" PRId64 " on were removed "
				       "before they were taken; the first one left is %" PRId64
				       ". To go on there, reset the group's offsets with Kafka's "
				       "kafka-consumer-groups --to-earliest",
				       follower->topic, (int)place->partition, place->offset, low);
		*followed = (struct followed){ .owned = true,
					       .end = high,
					       .ended = place->offset >= high,
					       .done = place->offset,
					       .committed = first ? -1 : place->offset };
	}
	return NULL;
}

static void partitions_forget(struct follower *follower,
			      const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++) {
		int32_t partition = list->elems[i].partition;
		if (followed_find(follower, partition) == NULL)
			continue;
		follower->sink.forget(follower->sink.context, partition);
		follower->partitions[partition].owned = false;
	}
}

static void rebalance_cb(rd_kafka_t *handle, rd_kafka_resp_err_t code,
			 rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct follower *follower =
		(struct follower *)((char *)opaque - offsetof(struct follower, client));
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		struct err *err = positions_find(follower, list);
		rd_kafka_assign(handle, err == NULL ? list : NULL);
		follower->assigned = err == NULL;
		if (err != NULL && follower->rebalance == NULL)
			follower->rebalance = err;
		else
			err_free(&err);
		return;
	}
	if (!rd_kafka_assignment_lost(handle))
		commit(follower, true);
	partitions_forget(follower, list);
	follower->assigned = false;
	rd_kafka_assign(handle, NULL);
}

/* ---- opening and closing -------------------------------------------------------------------- */

static struct err *handle_open(struct follower *follower, const struct follower_options *options)
{
	const struct rd_setting settings[] = {
		{ "group.id", options->group },
		{ "enable.auto.commit", "false" },
		{ "enable.auto.offset.store", "false" },
		{ "auto.offset.reset", "error" },
		{ "isolation.level", "read_committed" },
		{ "enable.partition.eof", "true" },
		{ "partition.assignment.strategy", "range" },
		{ "fetch.wait.max.ms", "100" },
		{ "queued.max.messages.kbytes", "4096" },
		{ "group.instance.id", options->instance },
	};
	size_t count = sizeof settings / sizeof settings[0] - (options->instance == NULL);
	rd_kafka_conf_t *conf = NULL;
	struct err *err = rd_conf_new(options->client, settings, count, &follower->client, &conf);
	if (err != NULL)
		return err;
	rd_kafka_conf_set_rebalance_cb(conf, rebalance_cb);
	err = rd_handle_new(RD_KAFKA_CONSUMER, conf, &follower->handle);
	if (err == NULL)
		rd_forward(follower->handle, &follower->client);
	return err;
}

static struct err *subscribe(struct follower *follower)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, follower->topic, RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t code = rd_kafka_subscribe(follower->handle, list);
	rd_kafka_topic_partition_list_destroy(list);
	return code == 0
		       ? NULL
		       : rd_err_code(code, &follower->client, "subscribing to %s", follower->topic);
}

struct err *follower_open(const struct follower_options *options, const struct follower_sink *sink,
			  struct follower **follower)
{
	struct follower *made = check_calloc(1, sizeof *made);
	made->sink = *sink;
	made->topic = check_strdup(options->topic);
	made->from_end = options->from_end;
	made->until_end = options->until_end;
	struct err *err = handle_open(made, options);
	if (err == NULL)
		err = rd_partition_count(made->handle, &made->client, made->topic,
					 &made->partition_count);
	if (err == NULL) {
		made->partitions =
			check_calloc((size_t)made->partition_count, sizeof *made->partitions);
		err = subscribe(made);
	}
	if (err != NULL)
		follower_close(&made);
	*follower = made;
	return err;
}

void follower_close(struct follower **follower)
{
	struct follower *closed = *follower;
	if (closed == NULL)
		return;
	if (closed->handle != NULL) {
		rd_kafka_consumer_close(closed->handle);
		rd_kafka_destroy(closed->handle);
	}
	err_free(&closed->rebalance);
	free(closed->partitions);
	free(closed->topic);
	free(closed);
	*follower = NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

static void flow_set(struct follower *follower, int32_t partition, bool paused)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, follower->topic, partition);
	(void)(paused ? rd_kafka_pause_partitions(follower->handle, list)
		      : rd_kafka_resume_partitions(follower->handle, list));
	rd_kafka_topic_partition_list_destroy(list);
	follower->partitions[partition].paused = paused;
}

static struct err *fatal_error(struct follower *follower)
{
	char text[512];
	rd_kafka_resp_err_t code = rd_kafka_fatal_error(follower->handle, text, sizeof text);
	return err_new(ERR_FATAL, "BUS_MEMBER_FENCED",
		       "the group's member can't go on: %s (%s); does another process run under "
		       "the same name?",
		       text, rd_kafka_err2name(code));
}

static struct err *message_take(struct follower *follower, const rd_kafka_message_t *message)
{
	if (message->err == RD_KAFKA_RESP_ERR__FATAL)
		return fatal_error(follower);
	struct followed *followed =
		message->rkt == NULL ? NULL : followed_find(follower, message->partition);
	if (message->err != 0 && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		struct err *err =
			rd_err_code(message->err, &follower->client, "reading %s", follower->topic);
		/* librdkafka goes on by itself, or by a new membership. */
		if (err_verdict(err) != ERR_FATAL)
			err_free(&err);
		return err;
	}
	if (followed == NULL)
		return NULL;
	if (message->offset >= followed->end)
		followed->ended = true;
	if (message->err != 0 || (follower->until_end && followed->ended))
		return NULL;
	struct record record;
	rd_record_of(message, follower->topic, &record);
	if (!follower->sink.take(follower->sink.context, &record))
		flow_set(follower, message->partition, true);
	return NULL;
}

struct err *follower_step(struct follower *follower, int timeout_ms)
{
	struct err *err = NULL;
	for (int i = 0; i < POLL_RECORDS_MAX && err == NULL; i++) {
		rd_kafka_message_t *message =
			rd_kafka_consumer_poll(follower->handle, i == 0 ? timeout_ms : 0);
		err = follower->rebalance;
		follower->rebalance = NULL;
		if (message == NULL)
			break;
		if (err == NULL)
			err = message_take(follower, message);
		rd_kafka_message_destroy(message);
	}
	if (err != NULL && err_verdict(err) == ERR_RETRY) {
		log_emit(LOG_WARN, "follower", "positions can't be had; trying again", "{s:s}",
			 "error", err_text(err));
		err_free(&err);
		/* Joining anew asks for them again. */
		rd_kafka_unsubscribe(follower->handle);
		err = subscribe(follower);
	}
	if (time_monotonic_ms() >= follower->commit_due_ms)
		commit(follower, false);
	return err;
}

void follower_done(struct follower *follower, int32_t partition, int64_t offset)
{
	struct followed *followed = followed_find(follower, partition);
	if (followed != NULL && offset > followed->done)
		followed->done = offset;
}

void follower_resume(struct follower *follower, int32_t partition)
{
	struct followed *followed = followed_find(follower, partition);
	if (followed != NULL && followed->paused)
		flow_set(follower, partition, false);
}

bool follower_at_end(const struct follower *follower)
{
	for (int32_t i = 0; i < follower->partition_count; i++)
		if (follower->partitions[i].owned && !follower->partitions[i].ended)
			return false;
	return follower->assigned;
}
