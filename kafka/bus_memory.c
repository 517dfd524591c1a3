/* The model keeps, per partition, the log as Kafka does: records and transaction markers each take
 * an offset, and a reader stops at the last stable offset (LSO), the first offset of a transaction
 * still open. Whether a record counts is looked up by its transaction's outcome.
 *
 *   transaction of one transactional id:
 *
 *     IDLE --begin--> OPEN --commit--> IDLE          outcome COMMITTED, markers, offsets applied
 *                      |  \--abort---> IDLE          outcome ABORTED, markers
 *                      |--fault, fenced--> BROKEN --abort--> IDLE (a new epoch where fenced)
 *
 * Harsher than the real one on purpose: a poll that joins hands out nothing, and the end of a
 * partition is reported by a poll after the one that handed out its last record.
 *
 * Not modelled: groups of more than one member (a second one with another transactional id is
 * refused; with the same id it takes the membership over, as a static instance does); waiting of
 * any kind (where the real one waits and then gives up, the model answers RETRY at once); markers
 * that trail the commit's answer; time-outs of transactions and sessions; compaction; records that
 * the client still holds back when a transaction is aborted (the model appends at once). */
#include "kafka/bus_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

enum {
	MEMORY_TOPICS_MAX = 256,
	MEMORY_GROUPS_MAX = 256,
	MEMORY_PRODUCERS_MAX = 256,
	MEMORY_TOUCHED_MAX = TASKS_MAX * 4,
	MEMORY_POSITIONS_MAX = TASKS_MAX * 4,
	/* The broker's default max.message.bytes less the overhead of a batch of one record. */
	MEMORY_RECORD_BYTES_MAX = 1048588 - 61 - 32,
};

enum outcome {
	OUTCOME_OPEN,
	OUTCOME_COMMITTED,
	OUTCOME_ABORTED,
};

enum slot_kind {
	SLOT_RECORD,
	SLOT_MARKER, /* of a commit or an abort: takes an offset, is never handed out */
};

/* What stands at one offset. */
struct slot {
	enum slot_kind kind;
	size_t txn; /* index of its outcome; 0: no transaction */
	int64_t timestamp_ms;
	struct bytes key, value; /* owned */
	size_t header_count;
	struct header *headers; /* owned, with names and values */
};

struct memory_partition {
	struct memory_topic *topic;
	int32_t index;
	struct slot *slots; /* slots[i] stands at offset i */
	size_t slot_count, slot_room;
	size_t low; /* first retained offset */
};

struct memory_topic {
	char name[TOPIC_NAME_MAX + 1];
	int32_t partition_count;
	struct memory_partition *partitions;
};

/* One of a group's committed positions. */
struct memory_position {
	struct memory_partition *partition;
	int64_t offset;
	char metadata[POSITION_TEXT_MAX];
};

struct position_set {
	struct memory_position *items;
	size_t count, room;
};

struct bus_memory;

struct memory_group {
	char *name;
	struct position_set committed;
	struct bus_memory *member; /* NULL: none joined */
};

/* A partition that a transaction has written to. */
struct touched {
	struct memory_partition *partition;
	size_t offset; /* where the transaction begins in it */
};

/* What the brokers know of one transactional id. */
struct memory_producer {
	char *transactional_id;
	unsigned epoch;
	size_t txn; /* 0: none open */
	struct touched *touched;
	size_t touched_count, touched_room;
	struct memory_group *group; /* of the pending positions */
	struct position_set pending;
};

struct memory_kafka {
	struct memory_topic *topics[MEMORY_TOPICS_MAX];
	size_t topic_count;
	struct memory_group *groups[MEMORY_GROUPS_MAX];
	size_t group_count;
	struct memory_producer *producers[MEMORY_PRODUCERS_MAX];
	size_t producer_count;
	uint8_t *outcomes; /* of transaction i; 0 is never used */
	size_t outcome_count, outcome_room;
	int64_t now_ms;
	enum memory_fault fault;
	size_t poll_max; /* records of one poll */
};

enum txn_state {
	TXN_IDLE,
	TXN_OPEN,
	TXN_BROKEN,
};

enum member_state {
	MEMBER_NONE,	/* not subscribed */
	MEMBER_JOINING, /* the next poll assigns */
	MEMBER_JOINED,
	MEMBER_FENCED, /* another instance has taken over */
};

struct assigned {
	struct memory_partition *partition;
	int64_t offset; /* next to be read */
	int64_t end;	/* reached, or -1 */
};

struct bus_memory {
	struct bus bus;
	struct memory_kafka *kafka;
	struct memory_group *group;
	struct memory_producer *producer;
	unsigned epoch;
	enum txn_state txn_state;
	bool committing;
	enum member_state member_state;
	struct bus_listener listener;
	char *topics[TOPICS_PER_STAGE_MAX];
	size_t topic_count;
	struct assigned *assigned;
	size_t assigned_count;
	size_t turn; /* the partition that the next poll starts with */
	struct record *records;
};

/* `array` (of `count` used items) with room for one more. */
static void *array_grow(void *array, size_t count, size_t *room, size_t item_size)
{
	if (count < *room)
		return array;
	*room = *room == 0 ? 16 : *room * 2;
	return check_realloc(array, *room * item_size);
}

/* ---- the cluster ---------------------------------------------------------------------------- */

struct memory_kafka *memory_kafka_new(void)
{
	struct memory_kafka *kafka = check_calloc(1, sizeof *kafka);
	kafka->outcome_count = 1;
	kafka->poll_max = POLL_RECORDS_MAX;
	kafka->outcome_room = 16;
	kafka->outcomes = check_calloc(kafka->outcome_room, sizeof *kafka->outcomes);
	return kafka;
}

static void slot_fini(struct slot *slot)
{
	free((void *)slot->key.data);
	free((void *)slot->value.data);
	for (size_t i = 0; i < slot->header_count; i++) {
		free((void *)slot->headers[i].name);
		free((void *)slot->headers[i].value.data);
	}
	free(slot->headers);
}

static void topic_free(struct memory_topic *topic)
{
	for (int32_t i = 0; i < topic->partition_count; i++) {
		for (size_t j = 0; j < topic->partitions[i].slot_count; j++)
			slot_fini(&topic->partitions[i].slots[j]);
		free(topic->partitions[i].slots);
	}
	free(topic->partitions);
	free(topic);
}

void memory_kafka_free(struct memory_kafka **kafka)
{
	struct memory_kafka *k = *kafka;
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->topic_count; i++)
		topic_free(k->topics[i]);
	for (size_t i = 0; i < k->group_count; i++) {
		free(k->groups[i]->name);
		free(k->groups[i]->committed.items);
		free(k->groups[i]);
	}
	for (size_t i = 0; i < k->producer_count; i++) {
		free(k->producers[i]->transactional_id);
		free(k->producers[i]->touched);
		free(k->producers[i]->pending.items);
		free(k->producers[i]);
	}
	free(k->outcomes);
	free(k);
	*kafka = NULL;
}

static struct memory_topic *topic_find(const struct memory_kafka *kafka, const char *name)
{
	for (size_t i = 0; i < kafka->topic_count; i++)
		if (strcmp(kafka->topics[i]->name, name) == 0)
			return kafka->topics[i];
	return NULL;
}

static struct memory_partition *partition_find(const struct memory_kafka *kafka, const char *name,
					       int32_t index)
{
	struct memory_topic *topic = topic_find(kafka, name);
	if (topic == NULL || index < 0 || index >= topic->partition_count)
		return NULL;
	return &topic->partitions[index];
}

void memory_kafka_topic(struct memory_kafka *kafka, const char *name, int32_t partition_count)
{
	CHECK(kafka->topic_count < MEMORY_TOPICS_MAX);
	CHECK(topic_find(kafka, name) == NULL);
	CHECK(strlen(name) <= TOPIC_NAME_MAX);
	CHECK(partition_count > 0 && partition_count <= PARTITIONS_MAX);
	struct memory_topic *topic = check_calloc(1, sizeof *topic);
	snprintf(topic->name, sizeof topic->name, "%s", name);
	topic->partition_count = partition_count;
	topic->partitions = check_calloc((size_t)partition_count, sizeof *topic->partitions);
	for (int32_t i = 0; i < partition_count; i++) {
		topic->partitions[i].topic = topic;
		topic->partitions[i].index = i;
	}
	kafka->topics[kafka->topic_count++] = topic;
}

void memory_kafka_set_time(struct memory_kafka *kafka, int64_t now_ms)
{
	kafka->now_ms = now_ms;
}

void memory_kafka_set_poll_max(struct memory_kafka *kafka, size_t count)
{
	CHECK(count > 0 && count <= POLL_RECORDS_MAX);
	kafka->poll_max = count;
}

void memory_kafka_fault(struct memory_kafka *kafka, enum memory_fault fault)
{
	kafka->fault = fault;
}

/* Whether `fault` was asked for; it strikes once. */
static bool fault_take(struct memory_kafka *kafka, enum memory_fault fault)
{
	if (kafka->fault != fault)
		return false;
	kafka->fault = MEMORY_FAULT_NONE;
	return true;
}

/* ---- the log -------------------------------------------------------------------------------- */

/* A new copy; absent stays absent, and empty stays apart from it. */
static struct bytes bytes_copy(struct bytes source)
{
	if (source.data == NULL)
		return source;
	uint8_t *copy = check_malloc(source.len + 1);
	memcpy(copy, source.data, source.len);
	copy[source.len] = 0;
	return bytes_of(copy, source.len);
}

static struct slot *slot_append(struct memory_kafka *kafka, struct memory_partition *partition,
				enum slot_kind kind, size_t txn)
{
	partition->slots = array_grow(partition->slots, partition->slot_count,
				      &partition->slot_room, sizeof *partition->slots);
	struct slot *slot = &partition->slots[partition->slot_count++];
	*slot = (struct slot){ .kind = kind, .txn = txn, .timestamp_ms = kafka->now_ms };
	return slot;
}

static void record_append(struct memory_kafka *kafka, struct memory_partition *partition,
			  const struct outgoing *out, size_t txn)
{
	struct slot *slot = slot_append(kafka, partition, SLOT_RECORD, txn);
	slot->key = bytes_copy(out->key);
	slot->value = bytes_copy(out->value);
	slot->header_count = out->header_count;
	if (out->header_count == 0)
		return;
	slot->headers = check_calloc(out->header_count, sizeof *slot->headers);
	for (size_t i = 0; i < out->header_count; i++) {
		slot->headers[i].name = check_strdup(out->headers[i].name);
		slot->headers[i].value = bytes_copy(out->headers[i].value);
	}
}

/* The partition of `topic` that a record goes to; NULL where it doesn't exist. A record without a
 * key goes to the first one: Kafka would choose any, and the model must not be random. */
static struct memory_partition *partition_choose(struct memory_topic *topic,
						 const struct outgoing *out)
{
	int32_t index = out->partition;
	if (index < 0)
		index = out->key.data == NULL ? 0
					      : hash_partition(out->key, topic->partition_count);
	return index < topic->partition_count ? &topic->partitions[index] : NULL;
}

void memory_kafka_append(struct memory_kafka *kafka, const struct outgoing *out)
{
	struct memory_topic *topic = topic_find(kafka, out->topic);
	CHECK(topic != NULL);
	struct memory_partition *partition = partition_choose(topic, out);
	CHECK(partition != NULL);
	record_append(kafka, partition, out, 0);
}

void memory_kafka_trim(struct memory_kafka *kafka, const char *topic, int32_t partition,
		       int64_t low)
{
	struct memory_partition *trimmed = partition_find(kafka, topic, partition);
	CHECK(trimmed != NULL);
	CHECK(low >= (int64_t)trimmed->low && low <= (int64_t)trimmed->slot_count);
	trimmed->low = (size_t)low;
}

static bool slot_visible(const struct memory_kafka *kafka, const struct slot *slot)
{
	return slot->kind == SLOT_RECORD &&
	       (slot->txn == 0 || kafka->outcomes[slot->txn] == OUTCOME_COMMITTED);
}

/* The last stable offset: where the first open transaction of this partition begins. */
static size_t partition_lso(const struct memory_kafka *kafka,
			    const struct memory_partition *partition)
{
	size_t lso = partition->slot_count;
	for (size_t i = 0; i < kafka->producer_count; i++) {
		const struct memory_producer *producer = kafka->producers[i];
		for (size_t j = 0; j < producer->touched_count; j++)
			if (producer->touched[j].partition == partition &&
			    producer->touched[j].offset < lso)
				lso = producer->touched[j].offset;
	}
	return lso;
}

static void record_show(const struct memory_partition *partition, size_t offset,
			struct record *record)
{
	const struct slot *slot = &partition->slots[offset];
	*record = (struct record){
		.topic = partition->topic->name,
		.partition = partition->index,
		.offset = (int64_t)offset,
		.timestamp_ms = slot->timestamp_ms,
		.key = slot->key,
		.value = slot->value,
	};
	for (size_t i = 0; i < slot->header_count && i < HEADER_COUNT_MAX; i++)
		record->headers[record->header_count++] = slot->headers[i];
}

size_t memory_kafka_read(struct memory_kafka *kafka, const char *topic, int32_t partition,
			 size_t index_from, struct record *records, size_t records_max)
{
	const struct memory_partition *read = partition_find(kafka, topic, partition);
	CHECK(read != NULL);
	size_t lso = partition_lso(kafka, read), seen = 0, count = 0;
	for (size_t i = read->low; i < lso && count < records_max; i++) {
		if (!slot_visible(kafka, &read->slots[i]))
			continue;
		if (seen++ >= index_from)
			record_show(read, i, &records[count++]);
	}
	return count;
}

/* ---- positions and transactions ------------------------------------------------------------- */

static struct memory_position *position_find(const struct position_set *set,
					     const struct memory_partition *partition)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].partition == partition)
			return &set->items[i];
	return NULL;
}

static void position_put(struct position_set *set, struct memory_partition *partition,
			 int64_t offset, const char *metadata)
{
	struct memory_position *position = position_find(set, partition);
	if (position == NULL) {
		CHECK(set->count < MEMORY_POSITIONS_MAX);
		set->items = array_grow(set->items, set->count, &set->room, sizeof *set->items);
		position = &set->items[set->count++];
		position->partition = partition;
	}
	position->offset = offset;
	snprintf(position->metadata, sizeof position->metadata, "%s", metadata);
}

static size_t txn_new(struct memory_kafka *kafka)
{
	kafka->outcomes = array_grow(kafka->outcomes, kafka->outcome_count, &kafka->outcome_room,
				     sizeof *kafka->outcomes);
	kafka->outcomes[kafka->outcome_count] = OUTCOME_OPEN;
	return kafka->outcome_count++;
}

static void txn_touch(struct memory_producer *producer, struct memory_partition *partition)
{
	for (size_t i = 0; i < producer->touched_count; i++)
		if (producer->touched[i].partition == partition)
			return;
	CHECK(producer->touched_count < MEMORY_TOUCHED_MAX);
	producer->touched = array_grow(producer->touched, producer->touched_count,
				       &producer->touched_room, sizeof *producer->touched);
	producer->touched[producer->touched_count++] = (struct touched){
		.partition = partition,
		.offset = partition->slot_count,
	};
}

/* Ends the open transaction: a marker in each partition touched, the positions applied or dropped.
 * The group's own partition (__consumer_offsets) isn't kept as a log. */
static void txn_end(struct memory_kafka *kafka, struct memory_producer *producer,
		    enum outcome outcome)
{
	if (producer->txn == 0)
		return;
	kafka->outcomes[producer->txn] = (uint8_t)outcome;
	for (size_t i = 0; i < producer->touched_count; i++)
		slot_append(kafka, producer->touched[i].partition, SLOT_MARKER, producer->txn);
	for (size_t i = 0; i < producer->pending.count && outcome == OUTCOME_COMMITTED; i++) {
		const struct memory_position *position = &producer->pending.items[i];
		position_put(&producer->group->committed, position->partition, position->offset,
			     position->metadata);
	}
	producer->touched_count = 0;
	producer->pending.count = 0;
	producer->txn = 0;
}

/* Whether an open transaction holds a position of `group` for this partition. */
static bool position_pending(const struct memory_kafka *kafka, const struct memory_group *group,
			     const struct memory_partition *partition)
{
	for (size_t i = 0; i < kafka->producer_count; i++)
		if (kafka->producers[i]->group == group &&
		    position_find(&kafka->producers[i]->pending, partition) != NULL)
			return true;
	return false;
}

/* ---- a bus: the producer -------------------------------------------------------------------- */

static struct bus_memory *memory_of(struct bus *bus)
{
	return (struct bus_memory *)bus;
}

static bool producer_fenced(const struct bus_memory *memory)
{
	return memory->epoch != memory->producer->epoch;
}

/* What a call inside a transaction answers when there is none, or none that can go on. */
static struct err *txn_error(struct bus_memory *memory)
{
	if (producer_fenced(memory)) {
		memory->txn_state = TXN_BROKEN;
		return err_new(ERR_ABORT, "BUS_FENCED",
			       "another producer with the transactional id %s has taken over",
			       memory->producer->transactional_id);
	}
	return err_new(ERR_ABORT, "BUS_STATE", "no transaction is open that could go on");
}

static struct err *topic_missing(const char *topic)
{
	return err_new(ERR_FATAL, "BUS_TOPIC_MISSING",
		       "topic %s doesn't exist; create it: foretell topics create", topic);
}

static struct err *memory_begin(struct bus *bus)
{
	struct bus_memory *memory = memory_of(bus);
	/* A fenced producer learns of it from the first answer of a broker, not from begin. */
	if (memory->txn_state != TXN_IDLE)
		return txn_error(memory);
	if (!producer_fenced(memory))
		memory->producer->txn = txn_new(memory->kafka);
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
	if (memory->txn_state != TXN_OPEN || memory->committing)
		return txn_error(memory);
	struct memory_topic *topic = topic_find(memory->kafka, out->topic);
	if (topic == NULL)
		return topic_missing(out->topic);
	struct memory_partition *partition = partition_choose(topic, out);
	if (partition == NULL)
		return err_new(ERR_FATAL, "BUS_TOPIC_MISSING", "topic %s has no partition %d",
			       out->topic, (int)out->partition);
	if (outgoing_size(out) > MEMORY_RECORD_BYTES_MAX)
		return err_new(ERR_POISON, "BUS_TOO_LARGE", "a record of %zu bytes for topic %s",
			       outgoing_size(out), out->topic);
	if (producer_fenced(memory))
		return NULL; /* queued, and refused by the broker later */
	txn_touch(memory->producer, partition);
	record_append(memory->kafka, partition, out, memory->producer->txn);
	return NULL;
}

static struct err *memory_send_offsets(struct bus *bus, const struct position *positions,
				       size_t count)
{
	struct bus_memory *memory = memory_of(bus);
	if (memory->txn_state != TXN_OPEN || producer_fenced(memory))
		return txn_error(memory);
	if (memory->member_state == MEMBER_FENCED) {
		memory->txn_state = TXN_BROKEN;
		return err_new(ERR_ABORT, "BUS_MEMBER_FENCED",
			       "another instance has taken over this member of the group");
	}
	if (fault_take(memory->kafka, MEMORY_FAULT_OFFSETS_TIMEOUT)) {
		memory->txn_state = TXN_BROKEN;
		return err_new(ERR_ABORT, "BUS_TIMED_OUT", "fault: send_offsets timed out");
	}
	memory->producer->group = memory->group;
	for (size_t i = 0; i < count; i++) {
		struct memory_partition *partition =
			partition_find(memory->kafka, positions[i].topic, positions[i].partition);
		if (partition == NULL)
			return topic_missing(positions[i].topic);
		CHECK(positions[i].offset >= 0);
		position_put(&memory->producer->pending, partition, positions[i].offset,
			     positions[i].metadata);
	}
	return NULL;
}

static struct err *memory_commit_start(struct bus *bus)
{
	struct bus_memory *memory = memory_of(bus);
	if (memory->txn_state != TXN_OPEN || memory->committing)
		return txn_error(memory);
	memory->committing = true;
	return NULL;
}

static struct err *memory_commit_end(struct bus *bus, bool wait, bool *done)
{
	struct bus_memory *memory = memory_of(bus);
	(void)wait;
	*done = true;
	if (!memory->committing)
		return NULL;
	memory->committing = false;
	if (memory->txn_state != TXN_OPEN || producer_fenced(memory))
		return txn_error(memory);
	if (fault_take(memory->kafka, MEMORY_FAULT_COMMIT_ABORTS)) {
		txn_end(memory->kafka, memory->producer, OUTCOME_ABORTED);
		memory->txn_state = TXN_BROKEN;
		return err_new(ERR_ABORT, "BUS_COMMIT", "fault: the commit failed");
	}
	txn_end(memory->kafka, memory->producer, OUTCOME_COMMITTED);
	if (fault_take(memory->kafka, MEMORY_FAULT_COMMIT_AMBIGUOUS)) {
		memory->txn_state = TXN_BROKEN;
		return err_new(ERR_ABORT, "BUS_COMMIT", "fault: the commit's answer was lost");
	}
	memory->txn_state = TXN_IDLE;
	return NULL;
}

/* What init_transactions does: aborts what is open under this id and fences everyone else. */
static void producer_init(struct bus_memory *memory)
{
	txn_end(memory->kafka, memory->producer, OUTCOME_ABORTED);
	memory->epoch = ++memory->producer->epoch;
	memory->txn_state = TXN_IDLE;
}

static struct err *memory_abort(struct bus *bus)
{
	struct bus_memory *memory = memory_of(bus);
	bool done;
	struct err *err = memory_commit_end(bus, true, &done);
	err_free(&err); /* the positions will tell */
	if (producer_fenced(memory)) {
		/* Only a member of the group may come back: a zombie would fence its successor. */
		if (memory->member_state == MEMBER_FENCED)
			return err_new(ERR_FATAL, "BUS_MEMBER_FENCED",
				       "another instance has taken over this member of the group");
		producer_init(memory);
		return NULL;
	}
	txn_end(memory->kafka, memory->producer, OUTCOME_ABORTED);
	memory->txn_state = TXN_IDLE;
	return NULL;
}

/* ---- a bus: the consumer -------------------------------------------------------------------- */

static struct err *memory_subscribe(struct bus *bus, const char *const *topics, size_t count,
				    const struct bus_listener *listener)
{
	struct bus_memory *memory = memory_of(bus), *other = memory->group->member;
	CHECK(memory->member_state == MEMBER_NONE);
	CHECK(count > 0 && count <= TOPICS_PER_STAGE_MAX);
	CHECK(listener->assigned != NULL && listener->revoked != NULL);
	if (other != NULL && other->producer != memory->producer)
		return err_new(ERR_FATAL, "BUS_MODEL", "the model's groups have one member");
	if (other != NULL) {
		other->member_state = MEMBER_FENCED;
		other->assigned_count = 0;
	}
	memory->group->member = memory;
	memory->member_state = MEMBER_JOINING;
	memory->listener = *listener;
	for (size_t i = 0; i < count; i++)
		memory->topics[memory->topic_count++] = check_strdup(topics[i]);
	return NULL;
}

/* Lists every partition of the subscribed topics as assigned, nothing to be read of them yet. */
static struct err *assignment_make(struct bus_memory *memory)
{
	size_t count = 0;
	for (size_t i = 0; i < memory->topic_count; i++) {
		struct memory_topic *topic = topic_find(memory->kafka, memory->topics[i]);
		if (topic == NULL)
			return topic_missing(memory->topics[i]);
		count += (size_t)topic->partition_count;
	}
	CHECK(count <= TASKS_MAX);
	memory->assigned = check_realloc(memory->assigned, count * sizeof *memory->assigned);
	memory->assigned_count = 0;
	for (size_t i = 0; i < memory->topic_count; i++) {
		struct memory_topic *topic = topic_find(memory->kafka, memory->topics[i]);
		for (int32_t j = 0; j < topic->partition_count; j++)
			memory->assigned[memory->assigned_count++] = (struct assigned){
				.partition = &topic->partitions[j],
				.offset = -1,
				.end = -1,
			};
	}
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

static struct err *memory_join(struct bus_memory *memory)
{
	struct err *err = assignment_make(memory);
	if (err != NULL)
		return err;
	struct position *positions = positions_new(memory);
	err = memory->listener.assigned(memory->listener.context, positions,
					memory->assigned_count);
	/* A listener that gives up leaves the group; the next poll joins again. */
	if (err != NULL)
		memory->assigned_count = 0;
	else
		memory->member_state = MEMBER_JOINED;
	for (size_t i = 0; i < memory->assigned_count; i++)
		memory->assigned[i].offset = positions[i].offset;
	free(positions);
	return err;
}

static struct err *offset_gone(const struct assigned *assigned)
{
	const struct memory_partition *partition = assigned->partition;
	return err_new(ERR_FATAL, "BUS_OFFSET_GONE",
		       "%s [%d] has no offset %lld: it holds %zu to %zu", partition->topic->name,
		       (int)partition->index, (long long)assigned->offset, partition->low,
		       partition->slot_count);
}

/* Takes what one partition has into records[max]; sets its end where there is nothing left. */
static size_t assigned_take(struct bus_memory *memory, struct assigned *assigned,
			    struct record *records, size_t max)
{
	const struct memory_partition *partition = assigned->partition;
	size_t lso = partition_lso(memory->kafka, partition), count = 0;
	size_t offset = (size_t)assigned->offset;
	if (offset >= lso) {
		assigned->end = assigned->offset;
		return 0;
	}
	assigned->end = -1;
	for (; offset < lso && count < max; offset++)
		if (slot_visible(memory->kafka, &partition->slots[offset]))
			record_show(partition, offset, &records[count++]);
	assigned->offset = (int64_t)offset;
	return count;
}

static struct err *memory_poll(struct bus *bus, int timeout_ms, struct bus_batch *batch)
{
	struct bus_memory *memory = memory_of(bus);
	(void)timeout_ms; /* time stands still in here: what isn't there now won't come */
	*batch = (struct bus_batch){ .records = memory->records };
	if (memory->member_state == MEMBER_FENCED)
		return err_new(ERR_FATAL, "BUS_MEMBER_FENCED",
			       "another instance has taken over this member of the group");
	CHECK(memory->member_state != MEMBER_NONE);
	if (memory->member_state == MEMBER_JOINING)
		return memory_join(memory);
	for (size_t i = 0; i < memory->assigned_count; i++) {
		const struct assigned *assigned = &memory->assigned[i];
		if (assigned->offset < (int64_t)assigned->partition->low ||
		    assigned->offset > (int64_t)assigned->partition->slot_count)
			return offset_gone(assigned);
	}
	size_t poll_max = memory->kafka->poll_max;
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

static struct err *memory_committed(struct bus *bus, struct position *positions, size_t count)
{
	struct bus_memory *memory = memory_of(bus);
	for (size_t i = 0; i < count; i++) {
		struct memory_partition *partition =
			partition_find(memory->kafka, positions[i].topic, positions[i].partition);
		if (partition == NULL)
			return topic_missing(positions[i].topic);
		if (position_pending(memory->kafka, memory->group, partition))
			return err_new(ERR_RETRY, "BUS_UNSTABLE",
				       "an open transaction holds the position of %s [%d]",
				       positions[i].topic, (int)positions[i].partition);
		const struct memory_position *found =
			position_find(&memory->group->committed, partition);
		positions[i].offset = found == NULL ? -1 : found->offset;
		snprintf(positions[i].metadata, sizeof positions[i].metadata, "%s",
			 found == NULL ? "" : found->metadata);
	}
	return NULL;
}

static struct assigned *assigned_find(const struct bus_memory *memory, const char *topic,
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
	for (size_t i = 0; i < count; i++) {
		struct assigned *assigned =
			assigned_find(memory, positions[i].topic, positions[i].partition);
		if (assigned == NULL)
			return err_new(ERR_ABORT, "BUS_NOT_ASSIGNED", "%s [%d] isn't assigned",
				       positions[i].topic, (int)positions[i].partition);
		assigned->offset = positions[i].offset;
		assigned->end = -1;
	}
	return NULL;
}

static int64_t memory_end_reached(struct bus *bus, const char *topic, int32_t partition)
{
	const struct assigned *assigned = assigned_find(memory_of(bus), topic, partition);
	return assigned == NULL ? -1 : assigned->end;
}

/* ---- a bus: outside the group --------------------------------------------------------------- */

static struct err *memory_watermarks(struct bus *bus, const char *topic, int32_t partition,
				     int64_t *low, int64_t *high)
{
	const struct memory_partition *found =
		partition_find(memory_of(bus)->kafka, topic, partition);
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

static struct err *memory_partition_count(struct bus *bus, const char *topic, int32_t *count)
{
	const struct memory_topic *found = topic_find(memory_of(bus)->kafka, topic);
	if (found == NULL)
		return topic_missing(topic);
	*count = found->partition_count;
	return NULL;
}

static struct err *memory_read_all(struct bus *bus, const char *topic, int32_t partition,
				   struct err *(*each)(void *, const struct record *),
				   void *context)
{
	struct memory_kafka *kafka = memory_of(bus)->kafka;
	const struct memory_partition *found = partition_find(kafka, topic, partition);
	if (found == NULL)
		return topic_missing(topic);
	size_t high = found->slot_count;
	if (partition_lso(kafka, found) < high)
		return err_new(ERR_RETRY, "BUS_UNSTABLE", "an open transaction holds %s [%d] back",
			       topic, (int)partition);
	for (size_t i = found->low; i < high; i++) {
		if (!slot_visible(kafka, &found->slots[i]))
			continue;
		struct record record;
		record_show(found, i, &record);
		struct err *err = each(context, &record);
		if (err != NULL)
			return err;
	}
	return NULL;
}

/* ---- a bus: its life ------------------------------------------------------------------------ */

static void memory_destroy(struct bus_memory *memory)
{
	if (memory->group->member == memory)
		memory->group->member = NULL;
	for (size_t i = 0; i < memory->topic_count; i++)
		free(memory->topics[i]);
	free(memory->assigned);
	free(memory->records);
	free(memory);
}

static void memory_close(struct bus *bus)
{
	struct bus_memory *memory = memory_of(bus);
	if (memory->member_state == MEMBER_JOINED) {
		struct position *positions = positions_new(memory);
		struct err *err = memory->listener.revoked(memory->listener.context, positions,
							   memory->assigned_count, false);
		err_free(&err); /* the bus goes either way */
		free(positions);
	}
	if (!producer_fenced(memory))
		txn_end(memory->kafka, memory->producer, OUTCOME_ABORTED);
	memory_destroy(memory);
}

void bus_memory_kill(struct bus **bus)
{
	if (*bus != NULL)
		memory_destroy(memory_of(*bus));
	*bus = NULL;
}

static struct memory_group *group_get(struct memory_kafka *kafka, const char *name)
{
	for (size_t i = 0; i < kafka->group_count; i++)
		if (strcmp(kafka->groups[i]->name, name) == 0)
			return kafka->groups[i];
	CHECK(kafka->group_count < MEMORY_GROUPS_MAX);
	struct memory_group *group = check_calloc(1, sizeof *group);
	group->name = check_strdup(name);
	kafka->groups[kafka->group_count++] = group;
	return group;
}

static struct memory_producer *producer_get(struct memory_kafka *kafka, const char *id)
{
	for (size_t i = 0; i < kafka->producer_count; i++)
		if (strcmp(kafka->producers[i]->transactional_id, id) == 0)
			return kafka->producers[i];
	CHECK(kafka->producer_count < MEMORY_PRODUCERS_MAX);
	struct memory_producer *producer = check_calloc(1, sizeof *producer);
	producer->transactional_id = check_strdup(id);
	kafka->producers[kafka->producer_count++] = producer;
	return producer;
}

struct bus *bus_memory_open(struct memory_kafka *kafka, const char *group,
			    const char *transactional_id)
{
	static const struct bus_ops ops = {
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
		.watermarks = memory_watermarks,
		.ends = memory_ends,
		.partition_count = memory_partition_count,
		.read_all = memory_read_all,
		.end_reached = memory_end_reached,
		.close = memory_close,
	};
	struct bus_memory *memory = check_calloc(1, sizeof *memory);
	memory->bus.ops = &ops;
	memory->kafka = kafka;
	memory->group = group_get(kafka, group);
	memory->producer = producer_get(kafka, transactional_id);
	memory->records = check_calloc(POLL_RECORDS_MAX, sizeof *memory->records);
	producer_init(memory);
	return &memory->bus;
}
