#include "kafka/memory_kafka.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* ---- its life and its topics ---------------------------------------------------------------- */

struct memory_kafka *memory_kafka_new(void)
{
	struct memory_kafka *kafka = check_calloc(1, sizeof *kafka);
	model_log_init(&kafka->log, &kafka->clock);
	model_txns_init(&kafka->txns, &kafka->log, &kafka->clock);
	model_groups_init(&kafka->groups, &kafka->log, &kafka->clock);
	kafka->poll_max = POLL_RECORDS_MAX;
	return kafka;
}

void memory_kafka_free(struct memory_kafka **out)
{
	struct memory_kafka *kafka = *out;
	if (kafka == NULL)
		return;
	for (size_t i = 0; i < kafka->orphan_count; i++) {
		memory_job_clear(kafka->orphans[i]);
		free(kafka->orphans[i]);
	}
	free(kafka->orphans);
	free(kafka->buses);
	model_txns_fini(&kafka->txns);
	model_groups_fini(&kafka->groups);
	model_log_fini(&kafka->log);
	free(kafka);
	*out = NULL;
}

void memory_kafka_topic(struct memory_kafka *kafka, const char *topic, int32_t partition_count)
{
	if (model_log_topic(&kafka->log, topic) == NULL)
		model_log_add(&kafka->log, topic, partition_count);
}

void memory_kafka_recreate(struct memory_kafka *kafka, const char *topic)
{
	struct model_topic *found = model_log_topic(&kafka->log, topic);
	CHECK(found != NULL);
	model_groups_forget(&kafka->groups, found);
	model_log_recreate(&kafka->log, found);
}

void memory_kafka_set_time(struct memory_kafka *kafka, int64_t now_ms)
{
	if (now_ms > kafka->clock.now_ms)
		kafka->clock.now_ms = now_ms;
	memory_kafka_run(kafka);
}

void memory_kafka_set_poll_max(struct memory_kafka *kafka, size_t count)
{
	CHECK(count > 0 && count <= POLL_RECORDS_MAX);
	kafka->poll_max = count;
}

void memory_kafka_set_timeouts(struct memory_kafka *kafka, const struct memory_timeouts *timeouts)
{
	kafka->groups.session_ms = timeouts->session_ms;
	kafka->groups.rebalance_ms = timeouts->rebalance_ms;
	kafka->txns.timeout_ms = timeouts->transaction_ms;
}

void memory_kafka_set_chaos(struct memory_kafka *kafka, const struct memory_chaos *chaos)
{
	kafka->chaos = chaos;
	kafka->clock.below = chaos == NULL ? NULL : chaos->below;
	kafka->clock.context = chaos == NULL ? NULL : chaos->context;
	kafka->clock.delay_ms_max = chaos == NULL ? 0 : chaos->delay_ms_max;
}

void memory_kafka_fault(struct memory_kafka *kafka, enum memory_fault fault)
{
	kafka->fault = fault;
}

bool memory_kafka_fault_take(struct memory_kafka *kafka, enum memory_fault fault)
{
	if (kafka->fault != fault)
		return false;
	kafka->fault = MEMORY_FAULT_NONE;
	return true;
}

/* ---- what lies in the topics ---------------------------------------------------------------- */

static struct model_partition *partition_get(const struct memory_kafka *kafka, const char *topic,
					     int32_t index)
{
	struct model_partition *partition = model_log_partition(&kafka->log, topic, index);
	CHECK(partition != NULL);
	return partition;
}

static struct model_partition *partition_for(const struct memory_kafka *kafka,
					     const struct outgoing *out)
{
	struct model_topic *topic = model_log_topic(&kafka->log, out->topic);
	CHECK(topic != NULL);
	struct model_partition *partition = model_log_choose(topic, out);
	CHECK(partition != NULL);
	return partition;
}

void memory_kafka_append(struct memory_kafka *kafka, const struct outgoing *out)
{
	model_log_append(&kafka->log, partition_for(kafka, out), out, 0);
}

void memory_kafka_append_txn(struct memory_kafka *kafka, const struct outgoing *outs, size_t count,
			     bool commit)
{
	size_t txn = model_log_begin(&kafka->log);
	for (size_t i = 0; i < count; i++)
		model_log_append(&kafka->log, partition_for(kafka, &outs[i]), &outs[i], txn);
	model_log_decide(&kafka->log, txn, commit);
	for (size_t i = 0; i < count; i++) {
		struct model_partition *partition = partition_for(kafka, &outs[i]);
		bool marked = false;
		for (size_t j = 0; j < i; j++)
			marked = marked || partition_for(kafka, &outs[j]) == partition;
		if (!marked)
			model_log_mark(&kafka->log, partition, txn);
	}
}

void memory_kafka_trim(struct memory_kafka *kafka, const char *topic, int32_t partition,
		       int64_t low)
{
	model_log_trim(partition_get(kafka, topic, partition), (size_t)low);
}

void memory_kafka_compact(struct memory_kafka *kafka, const char *topic, int32_t partition,
			  int64_t until, bool tombstones)
{
	model_log_compact(&kafka->log, partition_get(kafka, topic, partition), (size_t)until,
			  tombstones);
}

size_t memory_kafka_read(struct memory_kafka *kafka, const char *topic, int32_t partition,
			 size_t index_from, struct record *records, size_t records_max)
{
	const struct model_partition *read = partition_get(kafka, topic, partition);
	size_t stable = model_log_stable(read), seen = 0, count = 0;
	for (size_t i = read->low; i < stable && count < records_max; i++)
		if (model_log_show(&kafka->log, read, i, &records[count]) && seen++ >= index_from)
			count++;
	return count;
}

int64_t memory_kafka_last(struct memory_kafka *kafka, const char *topic, int32_t partition)
{
	const struct model_partition *read = partition_get(kafka, topic, partition);
	struct record record;
	size_t i = model_log_stable(read);
	while (i > read->low && !model_log_show(&kafka->log, read, i - 1, &record))
		i--;
	return i > read->low ? (int64_t)i - 1 : -1;
}

int64_t memory_kafka_end(struct memory_kafka *kafka, const char *topic, int32_t partition)
{
	return (int64_t)partition_get(kafka, topic, partition)->slot_count;
}

void memory_kafka_committed(struct memory_kafka *kafka, const char *group,
			    struct position *position)
{
	const struct model_position *found =
		model_group_committed(model_group_get(&kafka->groups, group),
				      partition_get(kafka, position->topic, position->partition));
	position->offset = found == NULL ? -1 : found->offset;
	memcpy(position->metadata, found == NULL ? "" : found->metadata,
	       found == NULL ? 1 : sizeof position->metadata);
}

size_t memory_kafka_txn(const struct memory_kafka *kafka, const struct record *record)
{
	return model_log_txn(partition_get(kafka, record->topic, record->partition),
			     (size_t)record->offset);
}

bool memory_kafka_txn_wrote(const struct memory_kafka *kafka, size_t txn,
			    const struct outgoing *like,
			    bool (*holds)(const void *context, struct bytes value),
			    const void *context)
{
	const struct model_partition *partition =
		partition_get(kafka, like->topic, like->partition);
	for (size_t i = 0; i < partition->slot_count; i++) {
		struct bytes key, value;
		if (model_log_txn(partition, i) != txn)
			continue;
		model_log_written(partition, i, &key, &value);
		if (bytes_equal(key, like->key) && holds(context, value))
			return true;
	}
	return false;
}

/* ---- commits on their way ------------------------------------------------------------------- */

static struct bytes bytes_copy(struct bytes source)
{
	if (source.data == NULL)
		return source;
	uint8_t *copy = check_malloc(source.len + 1);
	memcpy(copy, source.data, source.len);
	return bytes_of(copy, source.len);
}

void memory_job_hold(struct memory_job *job, struct model_partition *partition,
		     const struct outgoing *out)
{
	size_t room = job->held_room;
	job->held = model_grow(job->held, job->held_count, &room, sizeof *job->held);
	job->held_to = model_grow(job->held_to, job->held_count, &job->held_room,
				  sizeof(struct model_partition *));
	struct header *headers = check_calloc(out->header_count + 1, sizeof *headers);
	for (size_t i = 0; i < out->header_count; i++)
		headers[i] = (struct header){ check_strdup(out->headers[i].name),
					      bytes_copy(out->headers[i].value) };
	job->held_to[job->held_count] = partition;
	job->held[job->held_count++] = (struct outgoing){
		.topic = partition->topic->name,
		.partition = partition->index,
		.key = bytes_copy(out->key),
		.value = bytes_copy(out->value),
		.headers = headers,
		.header_count = out->header_count,
	};
}

static void drop_held(struct memory_job *job, size_t from)
{
	for (size_t i = from; i < job->held_count; i++) {
		struct outgoing *out = &job->held[i];
		free((void *)out->key.data);
		free((void *)out->value.data);
		for (size_t j = 0; j < out->header_count; j++) {
			free((void *)out->headers[j].name);
			free((void *)out->headers[j].value.data);
		}
		free((void *)out->headers);
	}
	job->held_count = from;
}

enum model_answer memory_job_send(struct memory_kafka *kafka, struct memory_job *job)
{
	for (size_t i = 0; i < job->held_count; i++) {
		enum model_answer answer = model_txn_write(&kafka->txns, job->producer, job->epoch,
							   job->held_to[i], &job->held[i]);
		if (answer == MODEL_OK)
			continue;
		CHECK(i == 0); /* what refuses one refuses all */
		return answer;
	}
	drop_held(job, 0);
	return MODEL_OK;
}

void memory_job_clear(struct memory_job *job)
{
	drop_held(job, 0);
	free(job->held);
	free(job->held_to);
	free(job->instance);
	model_positions_fini(&job->positions);
	err_free(&job->outcome);
	*job = (struct memory_job){ .step = JOB_NONE };
}

static void job_ends(struct memory_kafka *kafka, struct memory_job *job, struct err *outcome)
{
	job->step = JOB_DONE;
	job->outcome = outcome;
	job->due_ms = model_later(&kafka->clock);
}

static struct err *fenced(const char *what)
{
	return err_new(ERR_ABORT, "BUS_FENCED", "%s: another producer has taken over", what);
}

/* Positions first, as librdkafka does: a member that is none any more has sent no record in vain.
 */
static enum model_answer send_positions(struct memory_kafka *kafka, struct memory_job *job)
{
	if (!job->has_positions)
		return MODEL_OK;
	return model_txn_offsets(&kafka->txns, job->producer, job->epoch, job->member.group,
				 &job->positions);
}

static bool is_refused(struct memory_job *job)
{
	job->member.instance = job->instance;
	return job->has_positions && model_group_admits(&job->member) != NEWS_NONE;
}

/* Positions and records arrive. */
static void job_arrives(struct memory_kafka *kafka, struct memory_job *job)
{
	enum model_answer answer = model_txn_ask(job->producer, job->epoch);
	if (answer == MODEL_OK && is_refused(job)) {
		job_ends(kafka, job,
			 err_new(ERR_ABORT, "BUS_MEMBER_LOST",
				 "the group has gone on without this member"));
		return;
	}
	if (answer == MODEL_OK)
		answer = send_positions(kafka, job);
	if (answer == MODEL_OK)
		answer = memory_job_send(kafka, job);
	if (answer == MODEL_FENCED) {
		job_ends(kafka, job, fenced("commit"));
	} else if (answer == MODEL_BUSY) {
		job->due_ms = kafka->clock.now_ms + 1;
	} else {
		job->step = JOB_SENT;
		job->due_ms = model_later(&kafka->clock);
	}
}

static void job_commits(struct memory_kafka *kafka, struct memory_job *job)
{
	bool aborts = memory_kafka_fault_take(kafka, MEMORY_FAULT_COMMIT_ABORTS);
	enum model_answer answer = model_txn_end(&kafka->txns, job->producer, job->epoch, !aborts);
	struct err *outcome = NULL;
	if (answer == MODEL_FENCED)
		outcome = fenced("commit");
	else if (aborts)
		outcome = err_new(ERR_ABORT, "BUS_COMMIT", "fault: the commit failed");
	else if (job->fails_after || memory_kafka_fault_take(kafka, MEMORY_FAULT_COMMIT_AMBIGUOUS))
		outcome = err_new(ERR_ABORT, "BUS_COMMIT", "fault: the commit's answer was lost");
	job_ends(kafka, job, outcome);
}

void memory_job_run(struct memory_kafka *kafka, struct memory_job *job)
{
	if (job->step == JOB_WAITS && job->due_ms <= kafka->clock.now_ms)
		job_arrives(kafka, job);
	if (job->step == JOB_SENT && job->due_ms <= kafka->clock.now_ms)
		job_commits(kafka, job);
}

void memory_kafka_run(struct memory_kafka *kafka)
{
	for (size_t i = 0; i < kafka->orphan_count; i++)
		memory_job_run(kafka, kafka->orphans[i]);
	for (size_t i = 0; i < kafka->bus_count; i++)
		bus_memory_beat(kafka->buses[i]);
	model_groups_run(&kafka->groups);
	model_txns_run(&kafka->txns);
}
