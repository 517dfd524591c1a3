/* The client: one member of a group and one transactional producer.
 *
 *   the producer:
 *
 *     NONE --init--> IDLE --begin--> OPEN --commit--> IDLE
 *                      ^              | \--fault, fenced--> BROKEN --abort--> IDLE, NONE
 *                      +----abort-----+
 *
 *   the member: NONE --subscribe--> JOINING --assigned--> JOINED --rebalance, lost--> JOINING
 *                                     ^ next poll            | the listener gives up
 *                                     +-------- LEFT <-------+
 *
 * A fenced producer comes back only as a member of the group, as bus_kafka's does: a zombie would
 * fence its successor. Harsher than the real one on purpose: a poll that joins hands out nothing,
 * and the end of a partition is reported by a poll after the one with its last record. */
#include "kafka/bus_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "kafka/memory_kafka.h"

enum {
	/* The broker's default max.message.bytes less the overhead of a batch of one record. */
	RECORD_BYTES_MAX = 1048588 - 61 - 32,
	BEATS_A_SESSION = 10,
	HELD_CHANCE = 8, /* chaos: one in so many records sends what the client holds */
};

enum txn_state {
	TXN_NONE, /* no producer */
	TXN_IDLE,
	TXN_OPEN,
	TXN_BROKEN,
};

enum member_state {
	MEMBER_NONE,
	MEMBER_JOINING,
	MEMBER_JOINED,
	MEMBER_LEFT, /* given up; the next poll joins anew */
};

struct assigned {
	struct model_partition *partition;
	int64_t offset; /* next to be read */
	int64_t end;	/* reached, or -1 */
	bool is_paused;
};

struct bus_memory {
	struct bus bus;
	struct memory_kafka *kafka;
	bool dead, stopped;
	char *instance; /* NULL: dynamic */
	char *transactional_id;

	struct model_producer *producer;
	unsigned epoch;
	enum txn_state txn_state;
	struct memory_job *job; /* of the open transaction, owned */

	enum member_state member_state;
	struct model_membership member;
	enum model_news news;
	int64_t beat_ms; /* of the next heartbeat */
	struct bus_listener listener;
	char *topics[TOPICS_PER_STAGE_MAX];
	size_t topic_count;
	struct assigned assigned[TASKS_MAX];
	size_t assigned_count;
	size_t turn; /* the partition that the next poll starts with */
	struct record *records;
};

static struct bus_memory *memory_of(struct bus *bus)
{
	return (struct bus_memory *)bus;
}

/* ---- calls that take their time ------------------------------------------------------------- */

static struct err *killed(void)
{
	return err_new(ERR_FATAL, "BUS_KILLED", "the process is dead");
}

static struct err *unreachable(const char *what)
{
	return err_new(ERR_RETRY, "BUS_UNREACHABLE", "fault: %s found no broker", what);
}

static struct err *enter(struct bus_memory *memory, enum memory_call call, const char *what)
{
	struct memory_kafka *kafka = memory->kafka;
	const struct memory_chaos *chaos = kafka->chaos;
	if (memory->dead)
		return killed();
	if (chaos != NULL)
		chaos->pause(chaos->context, model_later(&kafka->clock));
	memory_kafka_run(kafka);
	if (memory->dead)
		return killed();
	return chaos != NULL && chaos->strikes(chaos->context, call) ? unreachable(what) : NULL;
}

/* Lets virtual time go on by a little. False where nobody else could change anything, or the wait
 * since `began_ms` was long enough. */
static bool wait_on(struct bus_memory *memory, int64_t began_ms)
{
	struct memory_kafka *kafka = memory->kafka;
	const struct memory_chaos *chaos = kafka->chaos;
	if (chaos == NULL || memory->dead || kafka->clock.now_ms - began_ms > chaos->wait_ms_max)
		return false;
	chaos->pause(chaos->context, kafka->clock.now_ms + 1);
	memory_kafka_run(kafka);
	return !memory->dead;
}

/* ---- the producer --------------------------------------------------------------------------- */

static struct err *no_transaction(void)
{
	return err_new(ERR_ABORT, "BUS_STATE", "no transaction is open that could go on");
}

static struct err *topic_missing(const char *topic)
{
	return err_new(ERR_FATAL, "BUS_TOPIC_MISSING",
		       "topic %s doesn't exist; create it: foretell topics create", topic);
}

/* Makes the producer ready where there is none: init_transactions. */
static struct err *producer_ensure(struct bus_memory *memory)
{
	struct memory_kafka *kafka = memory->kafka;
	if (memory->txn_state != TXN_NONE)
		return NULL;
	int64_t began_ms = kafka->clock.now_ms;
	while (model_txn_init(&kafka->txns, memory->producer, &memory->epoch) != MODEL_OK)
		if (!wait_on(memory, began_ms))
			return memory->dead ? killed() : unreachable("init_transactions");
	memory->txn_state = TXN_IDLE;
	return NULL;
}

static bool is_committing(const struct bus_memory *memory)
{
	return memory->job->step != JOB_NONE;
}

static struct err *memory_begin(struct bus *bus)
{
	struct bus_memory *memory = memory_of(bus);
	if (memory->dead)
		return killed();
	if (memory->txn_state == TXN_OPEN || memory->txn_state == TXN_BROKEN)
		return no_transaction();
	if (memory->txn_state == TXN_NONE && memory->news == NEWS_LOST)
		return err_new(ERR_ABORT, "BUS_MEMBER_LOST", "the assignment is lost");
	struct err *err = producer_ensure(memory);
	if (err != NULL)
		return err;
	memory_job_clear(memory->job);
	memory->job->producer = memory->producer;
	memory->job->epoch = memory->epoch;
	memory->txn_state = TXN_OPEN;
	return NULL;
}

static size_t outgoing_size(const struct outgoing *out)
{
	size_t size = out->key.len + out->value.len;
	for (size_t i = 0; i < out->header_count; i++)
		size += strlen(out->headers[i].name) + out->headers[i].value.len + 10;
	return size;
}

static struct err *memory_produce(struct bus *bus, const struct outgoing *out)
{
	struct bus_memory *memory = memory_of(bus);
	struct memory_kafka *kafka = memory->kafka;
	if (memory->dead)
		return killed();
	if (memory->txn_state != TXN_OPEN || is_committing(memory))
		return no_transaction();
	struct model_topic *topic = model_log_topic(&kafka->log, out->topic);
	if (topic == NULL)
		return topic_missing(out->topic);
	struct model_partition *partition = model_log_choose(topic, out);
	if (partition == NULL)
		return err_new(ERR_FATAL, "BUS_TOPIC_MISSING", "topic %s has no partition %d",
			       out->topic, (int)out->partition);
	if (outgoing_size(out) > RECORD_BYTES_MAX)
		return err_new(ERR_POISON, "BUS_TOO_LARGE", "a record of %zu bytes for topic %s",
			       outgoing_size(out), out->topic);
	if (kafka->chaos != NULL && kafka->chaos->strikes(kafka->chaos->context, MEMORY_PRODUCE))
		return err_new(ERR_ABORT, "BUS_PRODUCE", "fault: the queue is full");
	memory_job_hold(memory->job, partition, out);
	if (model_below(&kafka->clock, HELD_CHANCE) == 0)
		(void)memory_job_send(kafka, memory->job); /* a refusal comes with the commit */
	return NULL;
}

static struct err *memory_send_offsets(struct bus *bus, const struct position *positions,
				       size_t count)
{
	struct bus_memory *memory = memory_of(bus);
	struct memory_job *job = memory->job;
	if (memory->dead)
		return killed();
	if (memory->txn_state != TXN_OPEN || is_committing(memory))
		return no_transaction();
	if (memory_kafka_fault_take(memory->kafka, MEMORY_FAULT_OFFSETS_TIMEOUT)) {
		memory->txn_state = TXN_BROKEN;
		return err_new(ERR_ABORT, "BUS_TIMED_OUT", "fault: send_offsets timed out");
	}
	job->member = memory->member;
	free(job->instance);
	job->instance = memory->instance == NULL ? NULL : check_strdup(memory->instance);
	job->has_positions = true;
	for (size_t i = 0; i < count; i++) {
		struct model_position position = { .offset = positions[i].offset };
		position.partition = model_log_partition(&memory->kafka->log, positions[i].topic,
							 positions[i].partition);
		if (position.partition == NULL)
			return topic_missing(positions[i].topic);
		CHECK(positions[i].offset >= 0);
		memcpy(position.metadata, positions[i].metadata, sizeof position.metadata);
		model_positions_put(&job->positions, &position);
	}
	return NULL;
}

/* A commit that is struck fails before anything is sent, on the way, or after all is done. */
static void strike_commit(struct bus_memory *memory)
{
	struct memory_kafka *kafka = memory->kafka;
	struct memory_job *job = memory->job;
	switch (model_below(&kafka->clock, 3)) {
	case 0: break;
	case 1: (void)memory_job_send(kafka, job); break;
	default: job->fails_after = true; return;
	}
	job->step = JOB_DONE;
	job->outcome = err_new(ERR_ABORT, "BUS_TIMED_OUT", "fault: the commit timed out");
}

static struct err *memory_commit_start(struct bus *bus)
{
	struct bus_memory *memory = memory_of(bus);
	struct memory_kafka *kafka = memory->kafka;
	if (memory->dead)
		return killed();
	if (memory->txn_state != TXN_OPEN || is_committing(memory))
		return no_transaction();
	memory->job->step = JOB_WAITS;
	memory->job->due_ms = model_later(&kafka->clock);
	if (kafka->chaos != NULL && kafka->chaos->strikes(kafka->chaos->context, MEMORY_COMMIT))
		strike_commit(memory);
	return NULL;
}

static bool job_is_done(const struct bus_memory *memory)
{
	const struct memory_job *job = memory->job;
	return job->step == JOB_DONE && job->due_ms <= memory->kafka->clock.now_ms;
}

static struct err *memory_commit_end(struct bus *bus, bool wait, bool *done)
{
	struct bus_memory *memory = memory_of(bus);
	*done = true;
	if (memory->dead)
		return killed();
	if (!is_committing(memory))
		return NULL;
	memory_kafka_run(memory->kafka);
	while (wait && !job_is_done(memory)) {
		CHECK(memory->kafka->chaos != NULL);
		(void)wait_on(memory, memory->kafka->clock.now_ms);
		if (memory->dead)
			return killed();
	}
	*done = job_is_done(memory);
	if (!*done)
		return NULL;
	struct err *err = memory->job->outcome;
	memory->job->outcome = NULL;
	memory_job_clear(memory->job);
	memory->txn_state = err == NULL ? TXN_IDLE : TXN_BROKEN;
	return err;
}

static struct err *member_fenced(void)
{
	return err_new(ERR_FATAL, "BUS_MEMBER_FENCED",
		       "another instance has taken over this member of the group");
}

/* What a member of the group may do about its fenced producer. */
static struct err *replace_producer(struct bus_memory *memory)
{
	if (memory->member_state == MEMBER_JOINED && memory->news == NEWS_NONE)
		memory->news = model_group_heartbeat(&memory->kafka->groups, &memory->member);
	if (memory->news == NEWS_FENCED)
		return member_fenced();
	memory->txn_state = TXN_NONE;
	return memory->news == NEWS_LOST ? NULL : producer_ensure(memory);
}

static struct err *memory_abort(struct bus *bus)
{
	struct bus_memory *memory = memory_of(bus);
	bool done;
	struct err *err = memory_commit_end(bus, true, &done);
	err_free(&err); /* the positions will tell */
	err = enter(memory, MEMORY_ABORT, "abort");
	if (err != NULL)
		return err;
	memory_job_clear(memory->job);
	if (memory->txn_state == TXN_NONE)
		return memory->news == NEWS_LOST ? NULL : producer_ensure(memory);
	if (memory->txn_state == TXN_IDLE)
		return NULL;
	enum model_answer answer =
		model_txn_end(&memory->kafka->txns, memory->producer, memory->epoch, false);
	if (answer == MODEL_FENCED)
		return replace_producer(memory);
	memory->txn_state = TXN_IDLE;
	return NULL;
}

/* ---- the member ----------------------------------------------------------------------------- */

void bus_memory_beat(struct bus_memory *memory)
{
	struct memory_kafka *kafka = memory->kafka;
	if (memory->dead)
		return;
	memory_job_run(kafka, memory->job); /* requests that were sent arrive */
	if (memory->stopped || memory->member.id == 0)
		return;
	if (memory->member_state == MEMBER_JOINING) {
		(void)model_group_heartbeat(&kafka->groups, &memory->member);
		return;
	}
	if (memory->member_state != MEMBER_JOINED || kafka->clock.now_ms < memory->beat_ms)
		return;
	if (kafka->chaos != NULL)
		memory->beat_ms = kafka->clock.now_ms + kafka->groups.session_ms / BEATS_A_SESSION;
	enum model_news news = model_group_heartbeat(&kafka->groups, &memory->member);
	if (news > memory->news)
		memory->news = news;
}

static struct err *memory_subscribe(struct bus *bus, const char *const *topics, size_t count,
				    const struct bus_listener *listener)
{
	struct bus_memory *memory = memory_of(bus);
	if (memory->dead)
		return killed();
	CHECK(memory->member_state == MEMBER_NONE);
	CHECK(count > 0 && count <= TOPICS_PER_STAGE_MAX);
	CHECK(listener->assigned != NULL && listener->revoked != NULL);
	memory->member_state = MEMBER_JOINING;
	memory->listener = *listener;
	for (size_t i = 0; i < count; i++)
		memory->topics[memory->topic_count++] = check_strdup(topics[i]);
	memory->member.topics = (const char *const *)memory->topics;
	memory->member.topic_count = count;
	return NULL;
}

/* New positions of all that is assigned; free() them. */
static struct position *positions_new(const struct bus_memory *memory)
{
	struct position *positions = check_calloc(memory->assigned_count + 1, sizeof *positions);
	for (size_t i = 0; i < memory->assigned_count; i++) {
		positions[i].topic = memory->assigned[i].partition->topic->name;
		positions[i].partition = memory->assigned[i].partition->index;
		positions[i].offset = memory->assigned[i].offset;
	}
	return positions;
}

/* A static member doesn't leave: it may come back to its place within its session. */
static void leave(struct bus_memory *memory)
{
	if (memory->instance == NULL && memory->member.id != 0)
		model_group_leave(&memory->kafka->groups, &memory->member);
	memory->member.id = 0;
}

/* Ends the membership after a listener's error, which it returns; the next poll joins again. Until
 * then the group knows nothing of it: the real client leaves only while it is polled. */
static struct err *give_up(struct bus_memory *memory, struct err *err)
{
	if (memory->dead)
		return err;
	memory->assigned_count = 0;
	memory->member_state = MEMBER_LEFT;
	memory->news = NEWS_NONE;
	if (memory->instance != NULL)
		memory->member.id = 0;
	return err;
}

static struct err *take_assignment(struct bus_memory *memory,
				   struct model_partition *const *partitions, size_t count)
{
	struct err *err = producer_ensure(memory);
	if (err != NULL)
		return err;
	memory->assigned_count = count;
	for (size_t i = 0; i < count; i++)
		memory->assigned[i] = (struct assigned){ partitions[i], -1, -1, false };
	struct position *positions = positions_new(memory);
	err = memory->listener.assigned(memory->listener.context, positions, count);
	for (size_t i = 0; err == NULL && i < count; i++) {
		memory->assigned[i].offset = positions[i].offset;
		if (positions[i].offset < 0)
			err = err_new(ERR_FATAL, "BUS_OFFSET_GONE",
				      "%s [%d]: no offset was given to start from",
				      positions[i].topic, (int)positions[i].partition);
	}
	free(positions);
	return err;
}

static struct err *topics_exist(const struct bus_memory *memory)
{
	for (size_t i = 0; i < memory->topic_count; i++)
		if (model_log_topic(&memory->kafka->log, memory->topics[i]) == NULL)
			return topic_missing(memory->topics[i]);
	return NULL;
}

/* Joins, as far as it goes without the others. */
static struct err *join(struct bus_memory *memory)
{
	struct model_groups *groups = &memory->kafka->groups;
	struct model_partition **partitions = NULL;
	size_t count = 0;
	struct err *err = topics_exist(memory);
	if (err != NULL)
		return err;
	partitions = check_calloc(TASKS_MAX, sizeof(struct model_partition *));
	if (memory->member.id == 0)
		model_group_join(groups, &memory->member);
	bool joined = model_group_joined(groups, &memory->member, partitions, &count);
	if (!joined) /* of no effect where it has joined and waits for others */
		model_group_join(groups, &memory->member);
	if (!joined)
		joined = model_group_joined(groups, &memory->member, partitions, &count);
	if (joined) {
		memory->member_state = MEMBER_JOINED;
		memory->news = NEWS_NONE;
		err = take_assignment(memory, partitions, count);
	}
	free(partitions);
	return err == NULL ? NULL : give_up(memory, err);
}

/* Hands back what was assigned, because the group wants to, or has done, without it. */
static struct err *revoke(struct bus_memory *memory, bool lost)
{
	struct err *err = NULL;
	if (memory->assigned_count > 0) {
		struct position *positions = positions_new(memory);
		err = memory->listener.revoked(memory->listener.context, positions,
					       memory->assigned_count, lost);
		free(positions);
	}
	memory->assigned_count = 0;
	return err;
}

/* What the group has said since the last poll. */
static struct err *heed(struct bus_memory *memory)
{
	enum model_news news = memory->news;
	if (memory->member_state != MEMBER_JOINED || news == NEWS_NONE)
		return NULL;
	struct err *err = revoke(memory, news == NEWS_LOST);
	if (err != NULL)
		return give_up(memory, err);
	if (memory->dead)
		return killed();
	if (memory->news == NEWS_FENCED)
		return member_fenced();
	if (memory->news == NEWS_LOST)
		memory->member.id = 0;
	else
		model_group_join(&memory->kafka->groups, &memory->member);
	memory->member_state = MEMBER_JOINING;
	memory->news = NEWS_NONE;
	return NULL;
}

static struct err *offset_gone(const struct assigned *assigned)
{
	const struct model_partition *partition = assigned->partition;
	return err_new(ERR_FATAL, "BUS_OFFSET_GONE",
		       "%s [%d] has no offset %lld: it holds %zu to %zu", partition->topic->name,
		       (int)partition->index, (long long)assigned->offset, partition->low,
		       partition->slot_count);
}

/* Takes what one partition has into records[max]; sets its end where there is nothing left. */
static size_t assigned_take(struct bus_memory *memory, struct assigned *assigned,
			    struct record *records, size_t max)
{
	const struct model_partition *partition = assigned->partition;
	size_t stable = model_log_stable(partition), count = 0;
	if (assigned->is_paused)
		return 0;
	size_t offset = (size_t)assigned->offset;
	if (offset >= stable) {
		assigned->end = assigned->offset;
		return 0;
	}
	assigned->end = -1;
	for (; offset < stable && count < max; offset++) {
		if (!model_log_show(&memory->kafka->log, partition, offset, &records[count]))
			continue;
		if (memory->listener.no_headers)
			records[count].header_count = 0;
		count++;
	}
	assigned->offset = (int64_t)offset;
	return count;
}

static struct err *fetch(struct bus_memory *memory, struct bus_batch *batch)
{
	for (size_t i = 0; i < memory->assigned_count; i++) {
		const struct assigned *assigned = &memory->assigned[i];
		if (assigned->offset < (int64_t)assigned->partition->low ||
		    assigned->offset > (int64_t)assigned->partition->slot_count)
			return offset_gone(assigned);
	}
	size_t poll_max = memory->kafka->poll_max;
	if (memory->kafka->chaos != NULL)
		poll_max = 1 + model_below(&memory->kafka->clock, (uint32_t)poll_max);
	for (size_t i = 0; i < memory->assigned_count && batch->count < poll_max; i++) {
		size_t turn = (memory->turn + i) % memory->assigned_count;
		batch->count +=
			assigned_take(memory, &memory->assigned[turn],
				      &memory->records[batch->count], poll_max - batch->count);
	}
	memory->turn =
		memory->assigned_count == 0 ? 0 : (memory->turn + 1) % memory->assigned_count;
	return NULL;
}

static struct err *memory_poll(struct bus *bus, int timeout_ms, struct bus_batch *batch)
{
	struct bus_memory *memory = memory_of(bus);
	(void)timeout_ms; /* what isn't there now comes with a later poll */
	*batch = (struct bus_batch){ .records = memory->records };
	CHECK(memory->member_state != MEMBER_NONE);
	struct err *err = enter(memory, MEMORY_POLL, "poll");
	if (err != NULL)
		return err;
	if (memory->news == NEWS_FENCED)
		return member_fenced();
	if (memory->member_state == MEMBER_LEFT)
		memory->member_state = MEMBER_JOINING;
	err = heed(memory);
	if (err != NULL)
		return err;
	if (memory->member_state == MEMBER_JOINING)
		return join(memory);
	return fetch(memory, batch);
}

static struct assigned *assigned_find(struct bus_memory *memory, const char *topic,
				      int32_t partition)
{
	for (size_t i = 0; i < memory->assigned_count; i++)
		if (memory->assigned[i].partition->index == partition &&
		    strcmp(memory->assigned[i].partition->topic->name, topic) == 0)
			return &memory->assigned[i];
	return NULL;
}

static struct err *memory_seek(struct bus *bus, const struct position *positions, size_t count)
{
	struct bus_memory *memory = memory_of(bus);
	struct err *err = enter(memory, MEMORY_SEEK, "seek");
	if (err != NULL)
		return err;
	for (size_t i = 0; i < count; i++)
		if (memory->news == NEWS_LOST ||
		    assigned_find(memory, positions[i].topic, positions[i].partition) == NULL)
			return err_new(ERR_ABORT, "BUS_NOT_ASSIGNED", "%s [%d] isn't assigned",
				       positions[i].topic, (int)positions[i].partition);
	for (size_t i = 0; i < count; i++) {
		struct assigned *assigned =
			assigned_find(memory, positions[i].topic, positions[i].partition);
		assigned->offset = positions[i].offset;
		assigned->end = -1;
	}
	return NULL;
}

static struct err *memory_pause(struct bus *bus, const char *topic, int32_t partition, bool pause)
{
	struct assigned *assigned = assigned_find(memory_of(bus), topic, partition);
	if (assigned != NULL)
		assigned->is_paused = pause;
	return NULL;
}

static int64_t memory_end_reached(struct bus *bus, const char *topic, int32_t partition)
{
	const struct assigned *assigned = assigned_find(memory_of(bus), topic, partition);
	return assigned == NULL ? -1 : assigned->end;
}

static int64_t memory_known_end(struct bus *bus, const char *topic, int32_t partition)
{
	struct bus_memory *memory = memory_of(bus);
	const struct model_partition *found =
		model_log_partition(&memory->kafka->log, topic, partition);
	return assigned_find(memory, topic, partition) == NULL || found == NULL
		       ? -1
		       : (int64_t)found->slot_count;
}

/* ---- what is asked of the brokers ----------------------------------------------------------- */

/* Waits while a transaction holds the position. */
static struct err *await_stable(struct bus_memory *memory, const struct model_partition *partition)
{
	int64_t began_ms = memory->kafka->clock.now_ms;
	while (model_txn_holds(&memory->kafka->txns, memory->member.group, partition))
		if (!wait_on(memory, began_ms))
			return memory->dead
				       ? killed()
				       : err_new(ERR_RETRY, "BUS_UNSTABLE",
						 "an open transaction holds the position of "
						 "%s [%d]",
						 partition->topic->name, (int)partition->index);
	return NULL;
}

static struct err *memory_committed(struct bus *bus, struct position *positions, size_t count)
{
	struct bus_memory *memory = memory_of(bus);
	struct err *err = enter(memory, MEMORY_COMMITTED, "committed offsets");
	for (size_t i = 0; err == NULL && i < count; i++) {
		struct model_partition *partition = model_log_partition(
			&memory->kafka->log, positions[i].topic, positions[i].partition);
		if (partition == NULL)
			return topic_missing(positions[i].topic);
		err = await_stable(memory, partition);
	}
	for (size_t i = 0; err == NULL && i < count; i++) {
		const struct model_position *found = model_group_committed(
			memory->member.group,
			model_log_partition(&memory->kafka->log, positions[i].topic,
					    positions[i].partition));
		positions[i].offset = found == NULL ? -1 : found->offset;
		snprintf(positions[i].metadata, sizeof positions[i].metadata, "%s",
			 found == NULL ? "" : found->metadata);
	}
	return err;
}

static struct err *memory_watermarks(struct bus *bus, const char *topic, int32_t partition,
				     int64_t *low, int64_t *high)
{
	struct bus_memory *memory = memory_of(bus);
	struct err *err = enter(memory, MEMORY_WATERMARKS, "watermarks");
	if (err != NULL)
		return err;
	const struct model_partition *found =
		model_log_partition(&memory->kafka->log, topic, partition);
	if (found == NULL)
		return topic_missing(topic);
	*low = (int64_t)found->low;
	*high = (int64_t)found->slot_count;
	return NULL;
}

static struct err *memory_ends(struct bus *bus, struct position *positions, size_t count)
{
	struct err *err = NULL;
	int64_t low;
	for (size_t i = 0; err == NULL && i < count; i++)
		err = memory_watermarks(bus, positions[i].topic, positions[i].partition, &low,
					&positions[i].offset);
	return err;
}

static struct err *memory_stable_ends(struct bus *bus, struct position *positions, size_t count)
{
	struct bus_memory *memory = memory_of(bus);
	struct err *err = enter(memory, MEMORY_WATERMARKS, "stable ends");
	for (size_t i = 0; err == NULL && i < count; i++) {
		const struct model_partition *found = model_log_partition(
			&memory->kafka->log, positions[i].topic, positions[i].partition);
		if (found == NULL)
			return topic_missing(positions[i].topic);
		positions[i].offset = (int64_t)model_log_stable(found);
	}
	return err;
}

static struct err *memory_partition_count(struct bus *bus, const char *topic, int32_t *count)
{
	const struct model_topic *found = model_log_topic(&memory_of(bus)->kafka->log, topic);
	if (found == NULL)
		return topic_missing(topic);
	*count = found->partition_count;
	return NULL;
}

static struct err *memory_read_from(struct bus *bus, const struct position *start,
				    struct err *(*each)(void *, const struct record *),
				    void *context)
{
	struct bus_memory *memory = memory_of(bus);
	struct memory_kafka *kafka = memory->kafka;
	struct err *err = enter(memory, MEMORY_READ_ALL, "reading a topic");
	if (err != NULL)
		return err;
	const struct model_partition *found =
		model_log_partition(&kafka->log, start->topic, start->partition);
	if (found == NULL)
		return topic_missing(start->topic);
	size_t high = found->slot_count;
	int64_t began_ms = kafka->clock.now_ms;
	while (model_log_stable(found) < high)
		if (!wait_on(memory, began_ms))
			return memory->dead ? killed()
					    : err_new(ERR_RETRY, "BUS_UNSTABLE",
						      "an open transaction holds %s [%d] back",
						      start->topic, (int)start->partition);
	size_t i = (size_t)start->offset > found->low ? (size_t)start->offset : found->low;
	for (; err == NULL && i < high; i++) {
		struct record record;
		if (!model_log_show(&kafka->log, found, i, &record))
			continue;
		err = each(context, &record);
		if (err == NULL && kafka->chaos != NULL &&
		    kafka->chaos->strikes(kafka->chaos->context, MEMORY_READ_ALL))
			err = unreachable("reading a topic");
	}
	return err;
}

static struct err *memory_read_all(struct bus *bus, const char *topic, int32_t partition,
				   struct err *(*each)(void *, const struct record *),
				   void *context)
{
	const struct position start = { .topic = topic, .partition = partition };
	return memory_read_from(bus, &start, each, context);
}

static struct err *memory_ids(struct bus *bus, const char *const *topics, size_t count,
			      uint64_t *ids, char cluster[CLUSTER_ID_MAX + 1], int timeout_ms)
{
	struct bus_memory *memory = memory_of(bus);
	(void)timeout_ms;
	struct err *err = enter(memory, MEMORY_WATERMARKS, "the topics' ids");
	for (size_t i = 0; err == NULL && i < count; i++) {
		const struct model_topic *topic = model_log_topic(&memory->kafka->log, topics[i]);
		ids[i] = topic == NULL ? 0 : topic->id;
	}
	snprintf(cluster, CLUSTER_ID_MAX + 1, "model");
	return err;
}

/* ---- its life ------------------------------------------------------------------------------- */

static void forget_bus(struct bus_memory *memory)
{
	struct memory_kafka *kafka = memory->kafka;
	size_t kept = 0;
	for (size_t i = 0; i < kafka->bus_count; i++)
		if (kafka->buses[i] != memory)
			kafka->buses[kept++] = kafka->buses[i];
	kafka->bus_count = kept;
}

static void memory_destroy(struct bus_memory *memory)
{
	forget_bus(memory);
	if (memory->job != NULL)
		memory_job_clear(memory->job);
	free(memory->job);
	for (size_t i = 0; i < memory->topic_count; i++)
		free(memory->topics[i]);
	free(memory->instance);
	free(memory->transactional_id);
	free(memory->records);
	free(memory);
}

static void memory_close(struct bus *bus)
{
	struct bus_memory *memory = memory_of(bus);
	if (!memory->dead && memory->member_state == MEMBER_JOINED && memory->news != NEWS_FENCED) {
		struct err *err = revoke(memory, memory->news == NEWS_LOST);
		err_free(&err); /* the bus goes either way */
	}
	bool done;
	struct err *err = memory_commit_end(bus, true, &done);
	err_free(&err);
	if (!memory->dead)
		leave(memory);
	if (!memory->dead && memory->txn_state != TXN_NONE)
		(void)model_txn_end(&memory->kafka->txns, memory->producer, memory->epoch, false);
	memory_destroy(memory);
}

void bus_memory_stop(struct bus *bus, bool stopped)
{
	memory_of(bus)->stopped = stopped;
}

/* What was sent is on its way, or it isn't: nobody knows. */
void bus_memory_strike_dead(struct bus *bus)
{
	struct bus_memory *memory = memory_of(bus);
	struct memory_kafka *kafka = memory->kafka;
	memory->dead = true;
	if (!is_committing(memory) || model_below(&kafka->clock, 2) == 0)
		return;
	memory->job->member.topics = NULL; /* the client's own, and not needed any more */
	memory->job->member.topic_count = 0;
	kafka->orphans = model_grow(kafka->orphans, kafka->orphan_count, &kafka->orphan_room,
				    sizeof(struct memory_job *));
	kafka->orphans[kafka->orphan_count++] = memory->job;
	memory->job = NULL;
}

void bus_memory_kill(struct bus **bus)
{
	if (*bus != NULL)
		memory_destroy(memory_of(*bus));
	*bus = NULL;
}

static const struct bus_ops memory_ops = {
	.subscribe = memory_subscribe,
	.poll = memory_poll,
	.begin = memory_begin,
	.produce = memory_produce,
	.send_offsets = memory_send_offsets,
	.commit_start = memory_commit_start,
	.commit_end = memory_commit_end,
	.abort = memory_abort,
	.committed = memory_committed,
	.seek = memory_seek,
	.pause = memory_pause,
	.watermarks = memory_watermarks,
	.ends = memory_ends,
	.stable_ends = memory_stable_ends,
	.partition_count = memory_partition_count,
	.read_all = memory_read_all,
	.read_from = memory_read_from,
	.end_reached = memory_end_reached,
	.known_end = memory_known_end,
	.ids = memory_ids,
	.close = memory_close,
};

struct err *bus_memory_open_with(struct memory_kafka *kafka,
				 const struct bus_memory_options *options, struct bus **bus)
{
	struct bus_memory *memory = check_calloc(1, sizeof *memory);
	memory->bus.ops = &memory_ops;
	memory->kafka = kafka;
	memory->instance = options->instance == NULL ? NULL : check_strdup(options->instance);
	memory->transactional_id = check_strdup(options->transactional_id);
	memory->member.group = model_group_get(&kafka->groups, options->group);
	memory->member.instance = memory->instance;
	memory->producer = model_txn_producer(&kafka->txns, options->transactional_id);
	memory->records = check_calloc(POLL_RECORDS_MAX, sizeof *memory->records);
	memory->job = check_calloc(1, sizeof *memory->job);
	kafka->buses = model_grow(kafka->buses, kafka->bus_count, &kafka->bus_room,
				  sizeof(struct bus_memory *));
	kafka->buses[kafka->bus_count++] = memory;
	*bus = &memory->bus;
	struct err *err = enter(memory, MEMORY_OPEN, "init_transactions");
	if (err == NULL)
		err = producer_ensure(memory);
	if (err != NULL)
		bus_memory_kill(bus);
	return err;
}

struct bus *bus_memory_open(struct memory_kafka *kafka, const char *group,
			    const char *transactional_id)
{
	const struct bus_memory_options options = { group, transactional_id, transactional_id };
	struct bus *bus = NULL;
	struct err *err = bus_memory_open_with(kafka, &options, &bus);
	CHECK(err == NULL);
	return bus;
}
