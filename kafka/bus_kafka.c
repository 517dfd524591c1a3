/* One consumer and one transactional producer on librdkafka, and a second consumer outside the
 * group for read_all, opened when first needed.
 *
 *   the producer:
 *
 *     NONE --init_transactions--> READY --begin--> OPEN --commit--> READY
 *      ^                                            | --abort----> READY
 *      +---- destroyed where abort can't mend it ---+
 *
 * A fenced producer is replaced only by a member of the group: a zombie that initialised first
 * would fence its successor. So bus_abort waits for a heartbeat's answer before it does; where the
 * membership is lost, the new producer waits for the next assignment.
 *
 * Rebalances are eager (range): an assignment follows a revocation of everything, and everything
 * that was fetched before it is dropped. */
#include "kafka/bus_kafka.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "kafka/committer.h"
#include "kafka/fence.h"
#include "kafka/group.h"
#include "kafka/log_ids.h"
#include "kafka/rd.h"

enum {
	BUS_TOPICS_MAX = 64, /* that one bus reads or writes */
	HEARTBEAT_MARGIN_MS = 500,
	PLACE_MS = 2000, /* for the answer to who has this member's place */
	PLACE_PAUSE_MS = 250,
	POLL_SLICE_MS = 20,
	PRODUCE_POLL_PERIOD = 256, /* records between two looks at the delivery reports */
	NOT_OWNED = -1,
};

_Static_assert((PRODUCE_POLL_PERIOD & (PRODUCE_POLL_PERIOD - 1)) == 0, "a mask");

/* A topic that this bus has met. Its name is the pointer that records show. */
struct bus_topic {
	char name[TOPIC_NAME_MAX + 1];
	int32_t partition_count;  /* 0: not asked yet */
	size_t record_bytes_max;  /* 0: not asked yet */
	rd_kafka_topic_t *handle; /* of the producer in use; NULL: none yet */
	int32_t *owned;		  /* index into owned by partition, or NOT_OWNED */
};

struct owned {
	struct bus_topic *topic;
	int32_t partition;
	int64_t next; /* offset before which everything has been handed out */
	int64_t end;  /* reached, or -1 */
};

enum producer_state {
	PRODUCER_NONE,
	PRODUCER_READY,
	PRODUCER_OPEN,
};

enum member_state {
	MEMBER_NONE,
	MEMBER_JOINED, /* or joining: librdkafka is at work */
	MEMBER_LEFT,   /* given up; the next poll subscribes again */
	MEMBER_OUSTED, /* by a rival: says nothing to the group any more */
};

struct bus_kafka {
	struct bus bus;
	struct client_options options;			      /* owned */
	char *group, *instance, *transactional_id;	      /* owned; instance may be NULL */
	struct client_stats *consumer_stats, *producer_stats; /* borrowed, may be NULL */
	size_t fetch_bytes, producer_bytes;		      /* 0: the defaults */
	int heartbeat_ms, session_ms;

	struct rd_client consumer_client, producer_client, reader_client;
	rd_kafka_t *consumer, *producer, *reader;
	rd_kafka_queue_t *queue; /* of the consumer */
	enum producer_state producer_state;
	enum member_state member_state;
	struct bus_listener listener;
	rd_kafka_topic_partition_list_t *subscription;

	struct bus_topic *topics[BUS_TOPICS_MAX];
	size_t topic_count;
	struct owned owned[TASKS_MAX];
	size_t owned_count;

	rd_kafka_message_t *messages[POLL_RECORDS_MAX]; /* behind the records handed out */
	size_t message_count;
	struct record records[POLL_RECORDS_MAX];
	struct err *pending;   /* for the next poll: this one has records to hand out */
	struct err *rebalance; /* what a callback inside the current poll answered */
	bool rebalanced_in_poll, assigned_in_poll;
	bool subscription_known; /* to the group, as it is now */
	bool rejoin;		 /* the poll leaves, and the next one joins anew */
	bool closing;
	bool paused_some; /* of what is assigned */
	/* The id that partitions were assigned to. While they are owned librdkafka joins under no
	 * other, also where it has lost the session and forgotten this one. */
	char member[GROUP_MEMBER_MAX];
	int64_t fenced_ms; /* since when its place is known to be lost; 0: it isn't */
	unsigned produced_count;
	struct committer *committer;
	struct committer_job job; /* of the open transaction: its positions */
};

static struct bus_kafka *kafka_of(struct bus *bus)
{
	return (struct bus_kafka *)bus;
}

/* ---- topics --------------------------------------------------------------------------------- */

static struct bus_topic *topic_get(struct bus_kafka *kafka, const char *name)
{
	for (size_t i = 0; i < kafka->topic_count; i++)
		if (strcmp(kafka->topics[i]->name, name) == 0)
			return kafka->topics[i];
	CHECK(kafka->topic_count < BUS_TOPICS_MAX);
	CHECK(strlen(name) <= TOPIC_NAME_MAX);
	struct bus_topic *topic = check_calloc(1, sizeof *topic);
	snprintf(topic->name, sizeof topic->name, "%s", name);
	topic->owned = check_malloc(PARTITIONS_MAX * sizeof *topic->owned);
	for (size_t i = 0; i < PARTITIONS_MAX; i++)
		topic->owned[i] = NOT_OWNED;
	kafka->topics[kafka->topic_count++] = topic;
	return topic;
}

static struct owned *owned_find(struct bus_kafka *kafka, const char *topic, int32_t partition)
{
	if (partition < 0 || partition >= PARTITIONS_MAX)
		return NULL;
	int32_t index = topic_get(kafka, topic)->owned[partition];
	return index == NOT_OWNED ? NULL : &kafka->owned[index];
}

static void owned_clear(struct bus_kafka *kafka)
{
	for (size_t i = 0; i < kafka->owned_count; i++)
		kafka->owned[i].topic->owned[kafka->owned[i].partition] = NOT_OWNED;
	kafka->owned_count = 0;
}

static struct err *kafka_partition_count(struct bus *bus, const char *name, int32_t *count)
{
	struct bus_kafka *kafka = kafka_of(bus);
	struct bus_topic *topic = topic_get(kafka, name);
	if (topic->partition_count == 0) {
		struct err *err = rd_partition_count(kafka->consumer, &kafka->consumer_client, name,
						     &topic->partition_count);
		if (err != NULL)
			return err;
	}
	*count = topic->partition_count;
	return NULL;
}

static size_t topic_bytes_max(struct bus_kafka *kafka, struct bus_topic *topic)
{
	if (topic->record_bytes_max == 0)
		topic->record_bytes_max =
			rd_topic_bytes_max(kafka->consumer, &kafka->consumer_client, topic->name);
	return topic->record_bytes_max;
}

/* ---- the producer --------------------------------------------------------------------------- */

static void producer_drop(struct bus_kafka *kafka)
{
	for (size_t i = 0; i < kafka->topic_count; i++) {
		if (kafka->topics[i]->handle != NULL)
			rd_kafka_topic_destroy(kafka->topics[i]->handle);
		kafka->topics[i]->handle = NULL;
	}
	if (kafka->producer != NULL)
		rd_kafka_destroy(kafka->producer);
	kafka->producer = NULL;
	kafka->producer_state = PRODUCER_NONE;
}

/* Reports cost nothing where nobody reads them. */
static const char *stats_interval(const struct client_stats *stats)
{
	return stats != NULL ? CLIENT_STATS_INTERVAL_TEXT : "0";
}

/* A transaction's outputs twice over, or what the budget has; a full queue is waited for. */
static size_t producer_kbytes(size_t bytes)
{
	size_t most = 2 * (size_t)TXN_OUTPUT_BYTES_MAX, least = 2 * (size_t)RD_MESSAGE_BYTES_MAX;
	if (bytes == 0 || bytes > most)
		return most / 1024;
	return (bytes < least ? least : bytes) / 1024;
}

static struct err *producer_new(struct bus_kafka *kafka)
{
	char message_bytes_max[32], txn_ms[32], queue_kbytes[32];
	snprintf(message_bytes_max, sizeof message_bytes_max, "%d", RD_MESSAGE_BYTES_MAX);
	snprintf(txn_ms, sizeof txn_ms, "%d", RD_TXN_MS);
	snprintf(queue_kbytes, sizeof queue_kbytes, "%zu", producer_kbytes(kafka->producer_bytes));
	const struct rd_setting settings[] = {
		{ "transactional.id", kafka->transactional_id },
		{ "enable.idempotence", "true" },
		{ "acks", "all" },
		{ "transaction.timeout.ms", txn_ms },
		{ "message.max.bytes", message_bytes_max },
		/* A transaction's records, twice over. */
		{ "queue.buffering.max.messages", "200000" },
		{ "queue.buffering.max.kbytes", queue_kbytes },
		{ "batch.num.messages", "10000" },
		{ "retry.backoff.ms", "5" },
		{ "statistics.interval.ms", stats_interval(kafka->producer_stats) },
		/* Not delivery.report.only.error: without reports a flush wakes up in steps of
		 * 10 ms only, and each commit waits for one. */
	};
	_Static_assert(TXN_RECORDS_MAX * 2 <= 200000, "queue.buffering.max.messages");
	rd_kafka_conf_t *conf = NULL;
	struct err *err =
		rd_conf_new(&kafka->options, settings, sizeof settings / sizeof settings[0],
			    &kafka->producer_client, &conf);
	kafka->producer_client.stats = kafka->producer_stats;
	return err != NULL ? err : rd_handle_new(RD_KAFKA_PRODUCER, conf, &kafka->producer);
}

/* Makes the producer ready where there is none: a new one, and what the id left open settled. */
static struct err *producer_ensure(struct bus_kafka *kafka)
{
	if (kafka->producer_state != PRODUCER_NONE)
		return NULL;
	struct err *err = kafka->producer == NULL ? producer_new(kafka) : NULL;
	int64_t deadline = time_monotonic_ms() + RD_INIT_MS;
	while (err == NULL) {
		int64_t left = deadline - time_monotonic_ms();
		err = rd_err_txn(
			rd_kafka_init_transactions(kafka->producer, left > 0 ? (int)left : 0),
			"init_transactions");
		if (err == NULL) {
			kafka->producer_state = PRODUCER_READY;
			return NULL;
		}
		rd_kafka_poll(kafka->producer, RD_BACKOFF_MS); /* fetches the reason */
		if (err_verdict(err) != ERR_RETRY)
			break;
		if (time_monotonic_ms() < deadline) {
			err_free(&err);
			continue;
		}
		err_free(&err);
		return rd_err_unreachable(&kafka->producer_client, "init_transactions");
	}
	producer_drop(kafka);
	return err;
}

/* The state in which a transaction's call can't work, as an error. */
static struct err *producer_state_err(void)
{
	return err_new(ERR_ABORT, "BUS_STATE", "no transaction is open that could go on");
}

static struct err *kafka_begin(struct bus *bus)
{
	struct bus_kafka *kafka = kafka_of(bus);
	if (kafka->producer_state == PRODUCER_OPEN)
		return producer_state_err();
	committer_job_fini(&kafka->job);
	/* Without the membership a new producer might fence the partitions' new owner. */
	if (kafka->producer_state == PRODUCER_NONE && rd_kafka_assignment_lost(kafka->consumer))
		return err_new(ERR_ABORT, "BUS_MEMBER_LOST", "the assignment is lost");
	struct err *err = producer_ensure(kafka);
	if (err != NULL)
		return err;
	kafka->producer_client.delivery_error = RD_KAFKA_RESP_ERR_NO_ERROR;
	err = rd_err_txn(rd_kafka_begin_transaction(kafka->producer), "begin");
	kafka->producer_state = PRODUCER_OPEN; /* after an error too: only abort leads on */
	return err;
}

static struct err *kafka_produce(struct bus *bus, const struct outgoing *out)
{
	struct bus_kafka *kafka = kafka_of(bus);
	if (kafka->producer_state != PRODUCER_OPEN || committer_busy(kafka->committer))
		return producer_state_err();
	struct bus_topic *topic = topic_get(kafka, out->topic);
	int32_t count;
	struct err *err = kafka_partition_count(bus, out->topic, &count);
	if (err != NULL)
		return err;
	size_t size = rd_outgoing_size(out);
	if (size > RD_BYTES_UNASKED && size > topic_bytes_max(kafka, topic))
		return rd_err_too_large(out->topic, size, topic->record_bytes_max);
	int32_t partition = out->partition;
	if (partition < 0)
		partition = out->key.data == NULL ? 0 : hash_partition(out->key, count);
	if (partition >= count)
		return err_new(ERR_FATAL, "BUS_TOPIC_MISSING", "topic %s has no partition %d",
			       out->topic, (int)partition);
	if (topic->handle == NULL)
		topic->handle = rd_kafka_topic_new(kafka->producer, topic->name, NULL);
	CHECK(topic->handle != NULL);
	rd_kafka_resp_err_t code = rd_produce(kafka->producer, topic->handle, out, partition);
	if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
		return rd_err_too_large(out->topic, size, RD_MESSAGE_BYTES_MAX);
	if (code != 0)
		return err_new(ERR_ABORT, "BUS_PRODUCE", "producing to %s: %s (%s)", out->topic,
			       rd_kafka_err2str(code), rd_kafka_err2name(code));
	if ((++kafka->produced_count & (PRODUCE_POLL_PERIOD - 1)) == 0)
		rd_kafka_poll(kafka->producer, 0);
	return NULL;
}

static rd_kafka_topic_partition_list_t *list_new(const struct position *positions, size_t count,
						 bool with_metadata)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++) {
		rd_kafka_topic_partition_t *entry = rd_kafka_topic_partition_list_add(
			list, positions[i].topic, positions[i].partition);
		entry->offset = positions[i].offset;
		if (!with_metadata)
			continue;
		entry->metadata = check_strdup(positions[i].metadata); /* freed with the list */
		entry->metadata_size = strlen(positions[i].metadata);
	}
	return list;
}

static struct err *kafka_send_offsets(struct bus *bus, const struct position *positions,
				      size_t count)
{
	struct bus_kafka *kafka = kafka_of(bus);
	if (kafka->producer_state != PRODUCER_OPEN || committer_busy(kafka->committer))
		return producer_state_err();
	for (size_t i = 0; i < count; i++)
		CHECK(positions[i].offset >= 0); /* negative ones mean something to librdkafka */
	committer_job_fini(&kafka->job);
	kafka->job.positions = list_new(positions, count, true);
	kafka->job.member = rd_kafka_consumer_group_metadata(kafka->consumer);
	return NULL;
}

static struct err *kafka_commit_start(struct bus *bus)
{
	struct bus_kafka *kafka = kafka_of(bus);
	if (kafka->producer_state != PRODUCER_OPEN || committer_busy(kafka->committer))
		return producer_state_err();
	kafka->job.producer = kafka->producer;
	kafka->job.client = &kafka->producer_client;
	committer_start(kafka->committer, &kafka->job);
	kafka->job = (struct committer_job){ .producer = NULL };
	return NULL;
}

static struct err *kafka_commit_end(struct bus *bus, bool wait, bool *done)
{
	struct bus_kafka *kafka = kafka_of(bus);
	*done = true;
	if (!committer_busy(kafka->committer))
		return NULL;
	struct err *err = committer_end(kafka->committer, wait, done);
	if (*done && err == NULL)
		kafka->producer_state = PRODUCER_READY;
	return err;
}

/* ---- who has its place ---------------------------------------------------------------------- */

static bool consumer_fenced(const struct bus_kafka *kafka)
{
	return rd_kafka_fatal_error(kafka->consumer, NULL, 0) ==
	       RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

/* What ends the consumer for good, other than that its place was taken. */
static struct err *consumer_fatal(const struct bus_kafka *kafka)
{
	char text[512];
	rd_kafka_resp_err_t code = rd_kafka_fatal_error(kafka->consumer, text, sizeof text);
	if (code == 0 || code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
		return NULL;
	return err_new(ERR_FATAL, "BUS_CONSUMER", "the consumer in group %s can't go on: %s (%s)",
		       kafka->group, text, rd_kafka_err2name(code));
}

static struct err *rival_err(const struct bus_kafka *kafka)
{
	return err_new(ERR_FATAL, "BUS_MEMBER_FENCED",
		       "another process has taken the place of %s in group %s: one of the two is "
		       "too many, or they need names of their own (instance, state.dir)",
		       kafka->instance, kafka->group);
}

static void note_member(struct bus_kafka *kafka)
{
	char *id = rd_kafka_memberid(kafka->consumer);
	snprintf(kafka->member, sizeof kafka->member, "%s", id == NULL ? "" : id);
	if (id != NULL)
		rd_kafka_mem_free(kafka->consumer, id);
}

/* Whose the place of a fenced consumer is. FENCE_WAIT while the brokers don't tell. */
static enum fence_verdict fenced_look(struct bus_kafka *kafka)
{
	char holder[GROUP_MEMBER_MAX];
	struct err *err =
		group_place(&kafka->options, kafka->group, kafka->instance, PLACE_MS, holder);
	if (err != NULL) {
		err_free(&err);
		return FENCE_WAIT;
	}
	int64_t now_ms = time_monotonic_ms();
	if (kafka->fenced_ms == 0)
		kafka->fenced_ms = now_ms;
	if (kafka->owned_count == 0)
		note_member(kafka);
	const struct fence_view view = { kafka->member, holder, now_ms - kafka->fenced_ms,
					 kafka->session_ms };
	return fence_judge(&view);
}

/* Whether a rival has come while the session was lost. Joining anew would take its place in turn;
 * where the brokers don't tell, it does. */
static bool place_taken(struct bus_kafka *kafka)
{
	char holder[GROUP_MEMBER_MAX];
	if (kafka->instance == NULL || kafka->member[0] == '\0')
		return false;
	struct err *err =
		group_place(&kafka->options, kafka->group, kafka->instance, PLACE_MS, holder);
	bool taken = err == NULL && holder[0] != '\0' && strcmp(holder, kafka->member) != 0;
	err_free(&err);
	return taken;
}

/* ---- the end of a transaction that failed ---------------------------------------------------- */

/* Waits until the group has had the time to say that this consumer is no member any more. Sets
 * *lost where it has; FATAL where it can't come back. */
static struct err *membership_await(struct bus_kafka *kafka, bool *lost)
{
	*lost = false;
	if (kafka->member_state != MEMBER_JOINED || kafka->owned_count == 0)
		return NULL;
	int64_t deadline = time_monotonic_ms() + kafka->heartbeat_ms + HEARTBEAT_MARGIN_MS;
	for (;;) {
		struct err *err = consumer_fatal(kafka);
		if (err != NULL)
			return err;
		bool fenced = consumer_fenced(kafka);
		if (fenced && fenced_look(kafka) == FENCE_RIVAL)
			return rival_err(kafka);
		*lost = fenced || rd_kafka_assignment_lost(kafka->consumer) != 0;
		if (*lost || time_monotonic_ms() >= deadline)
			return NULL;
		rd_kafka_poll(kafka->producer, 50);
	}
}

/* Aborts what the producer has open, as long as it can. */
static struct err *producer_abort(struct bus_kafka *kafka)
{
	int64_t deadline = time_monotonic_ms() + RD_INIT_MS;
	for (;;) {
		struct err *err = rd_err_txn(
			rd_kafka_abort_transaction(kafka->producer, RD_INIT_MS), "abort");
		if (err == NULL || err_verdict(err) != ERR_RETRY || time_monotonic_ms() >= deadline)
			return err;
		err_free(&err);
		rd_kafka_poll(kafka->producer, RD_BACKOFF_MS);
	}
}

static struct err *kafka_abort(struct bus *bus)
{
	struct bus_kafka *kafka = kafka_of(bus);
	bool done;
	struct err *outcome = kafka_commit_end(bus, true, &done);
	err_free(&outcome); /* the committed positions tell it too */
	committer_job_fini(&kafka->job);
	if (kafka->producer_state == PRODUCER_READY)
		return NULL;
	/* A new one would fence whoever has the place now. */
	if (kafka->producer_state == PRODUCER_NONE && kafka->owned_count > 0 &&
	    (consumer_fenced(kafka) || rd_kafka_assignment_lost(kafka->consumer)))
		return NULL; /* the next assignment makes one */
	if (kafka->producer_state == PRODUCER_OPEN) {
		struct err *err = producer_abort(kafka);
		if (err == NULL) {
			kafka->producer_state = PRODUCER_READY;
			return NULL;
		}
		log_emit(LOG_WARN, "kafka", "the producer is replaced", "{s:s, s:s}",
			 "transactional_id", kafka->transactional_id, "why", err_text(err));
		bool lost = false;
		struct err *fatal =
			err_verdict(err) == ERR_FATAL ? err : membership_await(kafka, &lost);
		if (fatal != err)
			err_free(&err);
		if (fatal != NULL)
			return fatal;
		producer_drop(kafka);
		if (lost) /* the next assignment makes a new one */
			return NULL;
	}
	return producer_ensure(kafka);
}

/* ---- rebalances ----------------------------------------------------------------------------- */

static struct position *positions_of(struct bus_kafka *kafka,
				     const rd_kafka_topic_partition_list_t *list)
{
	struct position *positions = check_calloc((size_t)list->cnt + 1, sizeof *positions);
	for (int i = 0; i < list->cnt; i++) {
		positions[i].topic = topic_get(kafka, list->elems[i].topic)->name;
		positions[i].partition = list->elems[i].partition;
		positions[i].offset = -1;
	}
	return positions;
}

static struct err *owned_set(struct bus_kafka *kafka, const struct position *positions,
			     size_t count)
{
	owned_clear(kafka);
	for (size_t i = 0; i < count; i++) {
		/* -1 would mean "the end" to librdkafka. */
		if (positions[i].offset < 0)
			return err_new(ERR_FATAL, "BUS_OFFSET_GONE",
				       "%s [%d]: no offset was given to start from",
				       positions[i].topic, (int)positions[i].partition);
		struct bus_topic *topic = topic_get(kafka, positions[i].topic);
		topic->owned[positions[i].partition] = (int32_t)i;
		kafka->owned[kafka->owned_count++] = (struct owned){
			.topic = topic,
			.partition = positions[i].partition,
			.next = positions[i].offset,
			.end = -1,
		};
	}
	return NULL;
}

static struct err *owned_limits(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].partition >= PARTITIONS_MAX)
			return err_new(ERR_FATAL, "BUS_LIMIT",
				       "topic %s has more than %d partitions", list->elems[i].topic,
				       PARTITIONS_MAX);
	if (list->cnt > TASKS_MAX)
		return err_new(ERR_FATAL, "BUS_LIMIT", "%d partitions for one worker, at most %d",
			       list->cnt, TASKS_MAX);
	return NULL;
}

static bool list_has_topic(const rd_kafka_topic_partition_list_t *list, const char *topic)
{
	for (int i = 0; i < list->cnt; i++)
		if (strcmp(list->elems[i].topic, topic) == 0)
			return true;
	return false;
}

static bool topics_differ(const rd_kafka_topic_partition_list_t *a,
			  const rd_kafka_topic_partition_list_t *b)
{
	for (int i = 0; i < a->cnt; i++)
		if (!list_has_topic(b, a->elems[i].topic))
			return true;
	return false;
}

/* A static member that comes back within its session gets its old assignment, whatever it
 * subscribes to now. So where the first assignment isn't of the topics that were asked for, the
 * member leaves and joins anew; once, because a group with more members than partitions looks the
 * same. */
static bool assignment_is_stale(struct bus_kafka *kafka,
				const rd_kafka_topic_partition_list_t *list)
{
	if (kafka->subscription_known || kafka->instance == NULL)
		return false;
	kafka->subscription_known = true;
	return topics_differ(list, kafka->subscription) || topics_differ(kafka->subscription, list);
}

static struct err *rebalance_assign(struct bus_kafka *kafka,
				    const rd_kafka_topic_partition_list_t *list)
{
	note_member(kafka);
	struct err *err = owned_limits(list);
	if (err == NULL && assignment_is_stale(kafka, list)) {
		kafka->rejoin = true;
		rd_kafka_topic_partition_list_t *nothing = rd_kafka_topic_partition_list_new(0);
		rd_kafka_assign(kafka->consumer, nothing);
		rd_kafka_topic_partition_list_destroy(nothing);
		return NULL;
	}
	if (err == NULL)
		err = producer_ensure(kafka);
	if (err != NULL)
		return err;
	size_t count = (size_t)list->cnt;
	struct position *positions = positions_of(kafka, list);
	err = kafka->listener.assigned(kafka->listener.context, positions, count);
	if (err == NULL)
		err = owned_set(kafka, positions, count);
	if (err == NULL) {
		rd_kafka_topic_partition_list_t *start = list_new(positions, count, false);
		rd_kafka_resp_err_t code = rd_kafka_assign(kafka->consumer, start);
		if (code == 0 && kafka->paused_some) /* else a pause outlives the assignment */
			code = rd_kafka_resume_partitions(kafka->consumer, start);
		kafka->paused_some = false;
		rd_kafka_topic_partition_list_destroy(start);
		if (code != 0)
			err = rd_err_code(code, &kafka->consumer_client, "assign");
	}
	kafka->assigned_in_poll = true;
	free(positions);
	return err;
}

/* A session that ran out is told at once, and before librdkafka joins anew. */
static struct err *rebalance_revoke(struct bus_kafka *kafka,
				    const rd_kafka_topic_partition_list_t *list)
{
	struct err *err = NULL;
	bool lost = rd_kafka_assignment_lost(kafka->consumer) != 0;
	if (lost && !kafka->closing && !consumer_fenced(kafka) && place_taken(kafka)) {
		kafka->member_state = MEMBER_OUSTED;
		return rival_err(kafka);
	}
	/* Nothing owned: the listener gave the membership up itself. */
	if (kafka->owned_count > 0) {
		struct position *positions = positions_of(kafka, list);
		for (int i = 0; i < list->cnt; i++) {
			const struct owned *owned =
				owned_find(kafka, positions[i].topic, positions[i].partition);
			positions[i].offset = owned == NULL ? -1 : owned->next;
		}
		err = kafka->listener.revoked(kafka->listener.context, positions, (size_t)list->cnt,
					      lost);
		free(positions);
	}
	owned_clear(kafka);
	rd_kafka_assign(kafka->consumer, NULL);
	return err;
}

static void rebalance_cb(rd_kafka_t *consumer, rd_kafka_resp_err_t code,
			 rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct rd_client *client = opaque;
	struct bus_kafka *kafka =
		(struct bus_kafka *)((char *)client - offsetof(struct bus_kafka, consumer_client));
	struct err *err;
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
		err = rebalance_assign(kafka, list);
	else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
		err = rebalance_revoke(kafka, list);
	else
		err = rd_err_code(code, client, "rebalance");
	kafka->rebalanced_in_poll = true;
	if (err == NULL)
		return;
	owned_clear(kafka);
	/* An empty assignment answers librdkafka's question; none at all leaves it waiting: one
	 * that was ousted mustn't join. */
	rd_kafka_topic_partition_list_t *nothing = rd_kafka_topic_partition_list_new(0);
	if (kafka->member_state != MEMBER_OUSTED)
		rd_kafka_assign(consumer,
				code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? nothing : NULL);
	rd_kafka_topic_partition_list_destroy(nothing);
	if (kafka->rebalance == NULL)
		kafka->rebalance = err;
	else
		err_free(&err);
}

/* ---- the consumer --------------------------------------------------------------------------- */

static int conf_ms(const rd_kafka_conf_t *conf, const char *name)
{
	char text[32];
	size_t size = sizeof text;
	CHECK(rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK);
	return (int)strtol(text, NULL, 10);
}

/* Without a word to the group. */
static void consumer_drop(struct bus_kafka *kafka)
{
	if (kafka->queue != NULL)
		rd_kafka_queue_destroy(kafka->queue);
	if (kafka->consumer != NULL)
		rd_kafka_destroy_flags(kafka->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	kafka->queue = NULL;
	kafka->consumer = NULL;
}

static struct err *consumer_new(struct bus_kafka *kafka)
{
	struct rd_fetch_limits limits;
	rd_fetch_limits_set(kafka->fetch_bytes, &limits);
	const struct rd_setting settings[] = {
		{ "group.id", kafka->group },
		{ "queued.max.messages.kbytes", limits.queued_kbytes },
		{ "queued.min.messages", limits.queued_messages },
		{ "fetch.max.bytes", limits.fetch_bytes },
		{ "max.partition.fetch.bytes", limits.partition_bytes },
		{ "enable.auto.commit", "false" },
		{ "enable.auto.offset.store", "false" },
		{ "auto.offset.reset", "error" },
		{ "isolation.level", "read_committed" },
		{ "enable.partition.eof", "true" },
		{ "group.protocol", "classic" },
		{ "partition.assignment.strategy", "range" },
		{ "session.timeout.ms", "45000" },
		/* An assignment may have to restore much state before the next poll. */
		{ "max.poll.interval.ms", "600000" },
		{ "fetch.queue.backoff.ms", "10" },
		/* other questions to the broker queue behind a fetch that waits */
		{ "fetch.wait.max.ms", "100" },
		{ "retry.backoff.ms", "5" },
		{ "statistics.interval.ms", stats_interval(kafka->consumer_stats) },
	};
	rd_kafka_conf_t *conf = NULL;
	struct err *err =
		rd_conf_new(&kafka->options, settings, sizeof settings / sizeof settings[0],
			    &kafka->consumer_client, &conf);
	kafka->consumer_client.stats = kafka->consumer_stats;
	if (err != NULL)
		return err;
	char text[256];
	if (kafka->instance != NULL)
		CHECK(rd_kafka_conf_set(conf, "group.instance.id", kafka->instance, text,
					sizeof text) == RD_KAFKA_CONF_OK);
	kafka->heartbeat_ms = conf_ms(conf, "heartbeat.interval.ms");
	kafka->session_ms = conf_ms(conf, "session.timeout.ms");
	rd_kafka_conf_set_rebalance_cb(conf, rebalance_cb);
	err = rd_handle_new(RD_KAFKA_CONSUMER, conf, &kafka->consumer);
	if (err != NULL)
		return err;
	rd_forward(kafka->consumer, &kafka->consumer_client);
	kafka->queue = rd_kafka_queue_get_consumer(kafka->consumer);
	return NULL;
}

static struct err *consumer_join(struct bus_kafka *kafka)
{
	rd_kafka_resp_err_t code = rd_kafka_subscribe(kafka->consumer, kafka->subscription);
	if (code != 0)
		return rd_err_code(code, &kafka->consumer_client, "subscribe");
	kafka->member_state = MEMBER_JOINED;
	return NULL;
}

static struct err *kafka_subscribe(struct bus *bus, const char *const *topics, size_t count,
				   const struct bus_listener *listener)
{
	struct bus_kafka *kafka = kafka_of(bus);
	CHECK(kafka->member_state == MEMBER_NONE);
	CHECK(count > 0 && count <= TOPICS_PER_STAGE_MAX);
	CHECK(listener->assigned != NULL && listener->revoked != NULL);
	kafka->listener = *listener;
	kafka->subscription = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(kafka->subscription, topics[i],
						  RD_KAFKA_PARTITION_UA);
	return consumer_join(kafka);
}

static void batch_drop(struct bus_kafka *kafka)
{
	for (size_t i = 0; i < kafka->message_count; i++)
		rd_kafka_message_destroy(kafka->messages[i]);
	kafka->message_count = 0;
}

/* Fills messages; callbacks run in here. A batch waits its whole time-out unless it fills, so what
 * is there is taken first, and then one is waited for. The wait is cut into slices to return after
 * a rebalance: rd_kafka_queue_yield would do that too, but what is left of it ends the consumer's
 * close before its time, after which its destruction waits for ever. */
static void batch_fetch(struct bus_kafka *kafka, int timeout_ms)
{
	ssize_t got =
		rd_kafka_consume_batch_queue(kafka->queue, 0, kafka->messages, POLL_RECORDS_MAX);
	int left = timeout_ms;
	while (got == 0 && left > 0 && !kafka->rebalanced_in_poll) {
		int slice = left < POLL_SLICE_MS ? left : POLL_SLICE_MS;
		left -= slice;
		got = rd_kafka_consume_batch_queue(kafka->queue, slice, kafka->messages, 1);
		if (got != 1)
			continue;
		ssize_t more = rd_kafka_consume_batch_queue(kafka->queue, 0, kafka->messages + 1,
							    POLL_RECORDS_MAX - 1);
		got += more > 0 ? more : 0;
	}
	kafka->message_count = got > 0 ? (size_t)got : 0;
}

static struct err *message_err(const struct bus_kafka *kafka, const rd_kafka_message_t *message)
{
	struct err *err = consumer_fatal(kafka);
	if (err != NULL)
		return err;
	const char *text = rd_kafka_message_errstr(message);
	if (message->rkt == NULL)
		return rd_err_code(message->err, &kafka->consumer_client, "%s",
				   text == NULL ? "consumer" : text);
	return rd_err_code(message->err, &kafka->consumer_client, "%s [%d] at offset %lld: %s",
			   rd_kafka_topic_name(message->rkt), (int)message->partition,
			   (long long)message->offset, text == NULL ? "" : text);
}

/* What happens to a partition that was taken away is its next owner's affair: whoever wakes up
 * behind retention, for one, has only to join again. */
static bool concerns(struct bus_kafka *kafka, const rd_kafka_message_t *message)
{
	return message->rkt == NULL || message->partition < 0 ||
	       owned_find(kafka, rd_kafka_topic_name(message->rkt), message->partition) != NULL;
}

/* Turns the fetched messages into records of partitions that are owned. */
static size_t batch_records(struct bus_kafka *kafka)
{
	const rd_kafka_topic_t *topic = NULL;
	int32_t partition = -1;
	struct owned *owned = NULL;
	size_t count = 0;
	for (size_t i = 0; i < kafka->message_count; i++) {
		const rd_kafka_message_t *message = kafka->messages[i];
		if (message->err != 0 && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
			if (kafka->pending == NULL && !consumer_fenced(kafka) &&
			    concerns(kafka, message))
				kafka->pending = message_err(kafka, message);
			continue;
		}
		/* Records come in runs of one partition. */
		if (message->rkt != topic || message->partition != partition) {
			topic = message->rkt;
			partition = message->partition;
			owned = owned_find(kafka, rd_kafka_topic_name(topic), partition);
		}
		if (owned == NULL || message->offset < owned->next)
			continue; /* fetched before a revocation or a seek */
		if (message->err != 0) {
			owned->next = owned->end = message->offset;
			continue;
		}
		struct record *record = &kafka->records[count++];
		if (kafka->listener.no_headers)
			rd_record_bare(message, owned->topic->name, record);
		else
			rd_record_of(message, owned->topic->name, record);
		owned->next = message->offset + 1;
		owned->end = -1;
	}
	return count;
}

/* A revocation and an assignment came while messages were being collected: those of before must go,
 * and it can't be told which they are. So all go, and reading starts again where it was to. */
static struct err *batch_restart(struct bus_kafka *kafka)
{
	bool fetched = kafka->message_count > 0;
	batch_drop(kafka);
	if (!fetched)
		return NULL;
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)kafka->owned_count);
	for (size_t i = 0; i < kafka->owned_count; i++)
		rd_kafka_topic_partition_list_add(list, kafka->owned[i].topic->name,
						  kafka->owned[i].partition)
			->offset = kafka->owned[i].next;
	rd_kafka_resp_err_t code = rd_kafka_assign(kafka->consumer, list);
	rd_kafka_topic_partition_list_destroy(list);
	return code == 0 ? NULL : rd_err_code(code, &kafka->consumer_client, "assign");
}

/* Leaves the group, after a callback's error which it returns; the next poll joins again. */
static struct err *membership_give_up(struct bus_kafka *kafka)
{
	struct err *err = kafka->rebalance;
	kafka->rebalance = NULL;
	kafka->rejoin = false;
	batch_drop(kafka);
	rd_kafka_unsubscribe(kafka->consumer);
	kafka->member_state = MEMBER_LEFT;
	return err;
}

/* The partitions are somebody else's: the listener is told, librdkafka isn't. */
static struct err *owned_lose(struct bus_kafka *kafka)
{
	size_t count = kafka->owned_count;
	if (count == 0)
		return NULL;
	struct position *positions = check_calloc(count, sizeof *positions);
	for (size_t i = 0; i < count; i++)
		positions[i] = (struct position){ .topic = kafka->owned[i].topic->name,
						  .partition = kafka->owned[i].partition,
						  .offset = kafka->owned[i].next };
	struct err *err = kafka->listener.revoked(kafka->listener.context, positions, count, true);
	free(positions);
	owned_clear(kafka);
	return err;
}

/* A consumer that was ended comes back as a new one. It says nothing to the group when it goes. */
static struct err *consumer_renew(struct bus_kafka *kafka)
{
	log_emit(LOG_WARN, "kafka", "fenced, but nobody else has its place: joining anew",
		 "{s:s,s:s}", "group", kafka->group, "instance", kafka->instance);
	kafka->member_state = MEMBER_NONE;
	kafka->fenced_ms = 0;
	consumer_drop(kafka);
	struct err *err = consumer_new(kafka);
	return err != NULL ? err : consumer_join(kafka);
}

/* A turn of a member whose place was taken, by whomever. */
static struct err *fenced_turn(struct bus_kafka *kafka)
{
	enum fence_verdict verdict = fenced_look(kafka);
	if (verdict == FENCE_RIVAL) {
		kafka->member_state = MEMBER_OUSTED;
		return rival_err(kafka);
	}
	struct err *err = owned_lose(kafka);
	if (err != NULL)
		return err;
	if (verdict == FENCE_OWN)
		return consumer_renew(kafka);
	rd_pause(PLACE_PAUSE_MS);
	return NULL;
}

static struct err *kafka_poll(struct bus *bus, int timeout_ms, struct bus_batch *batch)
{
	struct bus_kafka *kafka = kafka_of(bus);
	CHECK(kafka->member_state != MEMBER_NONE);
	*batch = (struct bus_batch){ .records = kafka->records };
	batch_drop(kafka);
	if (kafka->member_state == MEMBER_OUSTED)
		return rival_err(kafka);
	if (consumer_fenced(kafka))
		return fenced_turn(kafka);
	if (kafka->producer != NULL && !committer_busy(kafka->committer))
		rd_kafka_poll(kafka->producer, 0); /* delivery reports */
	struct err *err = kafka->pending;
	kafka->pending = NULL;
	if (err != NULL)
		return err;
	if (kafka->member_state == MEMBER_LEFT && (err = consumer_join(kafka)) != NULL)
		return err;
	kafka->rebalanced_in_poll = kafka->assigned_in_poll = false;
	bool owned_before = kafka->owned_count > 0;
	batch_fetch(kafka, timeout_ms);
	if (kafka->member_state == MEMBER_OUSTED) {
		batch_drop(kafka);
		return rival_err(kafka);
	}
	if (kafka->rebalance != NULL || kafka->rejoin)
		return membership_give_up(kafka);
	/* What comes with a first assignment came after it. */
	if (owned_before && kafka->assigned_in_poll && (err = batch_restart(kafka)) != NULL)
		return err;
	batch->count = batch_records(kafka);
	if (batch->count > 0)
		return NULL;
	err = kafka->pending;
	kafka->pending = NULL;
	return err != NULL ? err : consumer_fatal(kafka);
}

static struct err *kafka_committed(struct bus *bus, struct position *positions, size_t count)
{
	struct bus_kafka *kafka = kafka_of(bus);
	rd_kafka_topic_partition_list_t *list = list_new(positions, count, false);
	/* With isolation.level=read_committed librdkafka asks for stable offsets, and goes on
	 * asking while a transaction holds them. */
	rd_kafka_resp_err_t code = rd_kafka_committed(kafka->consumer, list, RD_INIT_MS);
	struct err *err = NULL;
	if (code != 0)
		err = rd_err_code(code, &kafka->consumer_client,
				  "committed offsets of group %s (a transaction may hold them: "
				  "`foretell status` says which)",
				  kafka->group);
	for (size_t i = 0; i < count && err == NULL; i++) {
		const rd_kafka_topic_partition_t *entry = &list->elems[i];
		if (entry->err != 0) {
			err = rd_err_code(entry->err, &kafka->consumer_client,
					  "committed offset of %s [%d]", entry->topic,
					  (int)entry->partition);
			break;
		}
		positions[i].offset = entry->offset < 0 ? -1 : entry->offset;
		snprintf(positions[i].metadata, sizeof positions[i].metadata, "%.*s",
			 entry->metadata == NULL ? 0 : (int)entry->metadata_size,
			 entry->metadata == NULL ? "" : (const char *)entry->metadata);
	}
	rd_kafka_topic_partition_list_destroy(list);
	return err;
}

/* Whether one entry refused the seek because its fetching hasn't begun yet. */
static rd_kafka_resp_err_t seek_result(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].err != 0)
			return list->elems[i].err;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static struct err *seek_try(struct bus_kafka *kafka, rd_kafka_topic_partition_list_t *list)
{
	int64_t deadline = time_monotonic_ms() + RD_CALL_MS;
	for (;;) {
		rd_kafka_error_t *error =
			rd_kafka_seek_partitions(kafka->consumer, list, RD_CALL_MS);
		rd_kafka_resp_err_t code =
			error == NULL ? seek_result(list) : rd_kafka_error_code(error);
		rd_kafka_error_destroy(error);
		if (code == 0)
			return NULL;
		/* Right after an assignment the partition isn't being fetched yet; a consumer that
		 * was fenced meanwhile won't fetch it any more. */
		if (code != RD_KAFKA_RESP_ERR__STATE || consumer_fenced(kafka) ||
		    time_monotonic_ms() >= deadline)
			return rd_err_code(code, &kafka->consumer_client, "seek");
		rd_pause(RD_BACKOFF_MS);
	}
}

static struct err *kafka_seek(struct bus *bus, const struct position *positions, size_t count)
{
	struct bus_kafka *kafka = kafka_of(bus);
	for (size_t i = 0; i < count; i++) {
		if (owned_find(kafka, positions[i].topic, positions[i].partition) == NULL ||
		    rd_kafka_assignment_lost(kafka->consumer) || consumer_fenced(kafka))
			return err_new(ERR_ABORT, "BUS_NOT_ASSIGNED", "%s [%d] isn't assigned",
				       positions[i].topic, (int)positions[i].partition);
		CHECK(positions[i].offset >= 0);
	}
	if (count == 0) /* librdkafka has no word for it */
		return NULL;
	rd_kafka_topic_partition_list_t *list = list_new(positions, count, false);
	struct err *err = seek_try(kafka, list);
	rd_kafka_topic_partition_list_destroy(list);
	for (size_t i = 0; i < count && err == NULL; i++) {
		struct owned *owned = owned_find(kafka, positions[i].topic, positions[i].partition);
		owned->next = positions[i].offset;
		owned->end = -1;
	}
	return err;
}

static struct err *kafka_pause(struct bus *bus, const char *topic, int32_t partition, bool pause)
{
	struct bus_kafka *kafka = kafka_of(bus);
	if (owned_find(kafka, topic, partition) == NULL)
		return NULL; /* it was taken away meanwhile */
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, partition);
	kafka->paused_some |= pause;
	rd_kafka_resp_err_t code = pause ? rd_kafka_pause_partitions(kafka->consumer, list)
					 : rd_kafka_resume_partitions(kafka->consumer, list);
	if (code == 0)
		code = list->elems[0].err;
	rd_kafka_topic_partition_list_destroy(list);
	return code == 0 ? NULL
			 : rd_err_code(code, &kafka->consumer_client, "%s [%d] %s", topic,
				       (int)partition, pause ? "pausing" : "resuming");
}

static int64_t kafka_end_reached(struct bus *bus, const char *topic, int32_t partition)
{
	const struct owned *owned = owned_find(kafka_of(bus), topic, partition);
	return owned == NULL ? -1 : owned->end;
}

static int64_t kafka_known_end(struct bus *bus, const char *topic, int32_t partition)
{
	int64_t low = -1, high = -1;
	if (rd_kafka_get_watermark_offsets(kafka_of(bus)->consumer, topic, partition, &low,
					   &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return -1;
	return high < 0 ? -1 : high;
}

/* ---- outside the group ---------------------------------------------------------------------- */

static struct err *kafka_watermarks(struct bus *bus, const char *topic, int32_t partition,
				    int64_t *low, int64_t *high)
{
	struct bus_kafka *kafka = kafka_of(bus);
	return rd_watermarks(kafka->consumer, &kafka->consumer_client, topic, partition, low, high);
}

static struct err *kafka_ids(struct bus *bus, const char *const *topics, size_t count,
			     uint64_t *ids, char cluster[CLUSTER_ID_MAX + 1], int timeout_ms)
{
	struct bus_kafka *kafka = kafka_of(bus);
	const struct log_ids_request request = { topics, count, timeout_ms };
	return log_ids_ask(kafka->consumer, &kafka->consumer_client, &request, ids, cluster);
}

static struct err *kafka_ends(struct bus *bus, struct position *positions, size_t count)
{
	struct bus_kafka *kafka = kafka_of(bus);
	return rd_ends(kafka->consumer, &kafka->consumer_client, positions, count);
}

static struct err *kafka_stable_ends(struct bus *bus, struct position *positions, size_t count)
{
	struct bus_kafka *kafka = kafka_of(bus);
	return rd_stable_ends(kafka->consumer, &kafka->consumer_client, positions, count);
}

static struct err *read_range(struct bus_kafka *kafka, struct rd_range *range, bool from_begin,
			      struct err *(*each)(void *, const struct record *), void *context)
{
	int64_t low;
	struct err *err = NULL;
	if (kafka->reader == NULL)
		err = rd_reader_new(&kafka->options, kafka->fetch_bytes, &kafka->reader_client,
				    &kafka->reader);
	if (err == NULL)
		err = rd_watermarks(kafka->reader, &kafka->reader_client, range->topic,
				    range->partition, &low, &range->end);
	if (err != NULL)
		return err;
	if (from_begin)
		range->start = low;
	return rd_range_read(kafka->reader, &kafka->reader_client, range, each, context);
}

static struct err *kafka_read_all(struct bus *bus, const char *topic, int32_t partition,
				  struct err *(*each)(void *, const struct record *), void *context)
{
	struct bus_kafka *kafka = kafka_of(bus);
	struct rd_range range = { .topic = topic_get(kafka, topic)->name, .partition = partition };
	return read_range(kafka, &range, true, each, context);
}

static struct err *kafka_read_from(struct bus *bus, const struct position *start,
				   struct err *(*each)(void *, const struct record *),
				   void *context)
{
	struct bus_kafka *kafka = kafka_of(bus);
	struct rd_range range = { .topic = topic_get(kafka, start->topic)->name,
				  .partition = start->partition,
				  .start = start->offset };
	return read_range(kafka, &range, false, each, context);
}

/* ---- its life ------------------------------------------------------------------------------- */

static void kafka_destroy(struct bus_kafka *kafka)
{
	committer_free(&kafka->committer);
	committer_job_fini(&kafka->job);
	batch_drop(kafka);
	producer_drop(kafka);
	consumer_drop(kafka);
	if (kafka->reader != NULL)
		rd_kafka_destroy(kafka->reader);
	if (kafka->subscription != NULL)
		rd_kafka_topic_partition_list_destroy(kafka->subscription);
	for (size_t i = 0; i < kafka->topic_count; i++) {
		free(kafka->topics[i]->owned);
		free(kafka->topics[i]);
	}
	err_free(&kafka->pending);
	err_free(&kafka->rebalance);
	rd_options_free(&kafka->options);
	free(kafka->group);
	free(kafka->instance);
	free(kafka->transactional_id);
	free(kafka);
}

static void kafka_close(struct bus *bus)
{
	struct bus_kafka *kafka = kafka_of(bus);
	batch_drop(kafka);
	kafka->closing = true;
	if (kafka->member_state != MEMBER_NONE && kafka->member_state != MEMBER_OUSTED)
		rd_kafka_consumer_close(kafka->consumer); /* revoked is called in here */
	committer_free(&kafka->committer);
	if (kafka->producer_state == PRODUCER_OPEN) {
		struct err *err = producer_abort(kafka);
		err_free(&err); /* the brokers abort it by themselves after its time-out */
	}
	kafka_destroy(kafka);
}

struct err *bus_kafka_open(const struct bus_kafka_options *options, struct bus **bus)
{
	static const struct bus_ops ops = {
		.subscribe = kafka_subscribe,
		.poll = kafka_poll,
		.begin = kafka_begin,
		.produce = kafka_produce,
		.send_offsets = kafka_send_offsets,
		.commit_start = kafka_commit_start,
		.commit_end = kafka_commit_end,
		.abort = kafka_abort,
		.committed = kafka_committed,
		.seek = kafka_seek,
		.pause = kafka_pause,
		.watermarks = kafka_watermarks,
		.ends = kafka_ends,
		.stable_ends = kafka_stable_ends,
		.partition_count = kafka_partition_count,
		.read_all = kafka_read_all,
		.read_from = kafka_read_from,
		.end_reached = kafka_end_reached,
		.known_end = kafka_known_end,
		.ids = kafka_ids,
		.close = kafka_close,
	};
	struct bus_kafka *kafka = check_calloc(1, sizeof *kafka);
	kafka->bus.ops = &ops;
	kafka->options = rd_options_copy(options->client);
	kafka->group = check_strdup(options->group);
	kafka->instance = options->instance == NULL ? NULL : check_strdup(options->instance);
	kafka->transactional_id = check_strdup(options->transactional_id);
	kafka->fetch_bytes = options->fetch_bytes;
	kafka->producer_bytes = options->producer_bytes;
	kafka->consumer_stats = options->consumer_stats;
	kafka->producer_stats = options->producer_stats;
	kafka->committer = committer_new();
	struct err *err = consumer_new(kafka);
	if (err == NULL)
		err = producer_ensure(kafka);
	if (err != NULL) {
		kafka_destroy(kafka);
		return err;
	}
	*bus = &kafka->bus;
	return NULL;
}
