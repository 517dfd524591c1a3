#include "kafka/model_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

enum outcome {
	OUTCOME_OPEN,
	OUTCOME_COMMITTED,
	OUTCOME_ABORTED,
};

enum slot_kind {
	SLOT_RECORD,
	SLOT_MARKER, /* of a commit or an abort: takes an offset, is never handed out */
	SLOT_GONE,   /* compaction took it */
};

/* What stands at one offset. */
struct model_slot {
	enum slot_kind kind;
	size_t txn; /* 0: no transaction */
	int64_t timestamp_ms;
	struct bytes key, value; /* owned */
	size_t header_count;
	struct header *headers; /* owned, with names and values */
};

struct model_open {
	size_t txn, first; /* where it begins in this partition */
};

void *model_grow(void *array, size_t count, size_t *room, size_t item_size)
{
	if (count < *room)
		return array;
	*room = *room == 0 ? 16 : *room * 2;
	return check_realloc(array, *room * item_size);
}

/* ---- topics --------------------------------------------------------------------------------- */

void model_log_init(struct model_log *log, struct model_clock *clock)
{
	*log = (struct model_log){ .clock = clock, .outcome_count = 1, .outcome_room = 16 };
	log->outcomes = check_calloc(log->outcome_room, sizeof *log->outcomes);
}

static void slots_free(struct model_slot *slots, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free((void *)slots[i].key.data);
		free((void *)slots[i].value.data);
		for (size_t j = 0; j < slots[i].header_count; j++) {
			free((void *)slots[i].headers[j].name);
			free((void *)slots[i].headers[j].value.data);
		}
		free(slots[i].headers);
	}
	free(slots);
}

void model_log_fini(struct model_log *log)
{
	for (size_t i = 0; i < log->topic_count; i++) {
		struct model_topic *topic = log->topics[i];
		for (int32_t p = 0; p < topic->partition_count; p++) {
			slots_free(topic->partitions[p].slots, topic->partitions[p].slot_count);
			free(topic->partitions[p].opens);
		}
		free(topic->partitions);
		free(topic);
	}
	for (size_t i = 0; i < log->grave_count; i++)
		slots_free(log->graves[i].slots, log->graves[i].count);
	free(log->graves);
	free(log->outcomes);
}

struct model_topic *model_log_topic(const struct model_log *log, const char *name)
{
	for (size_t i = 0; i < log->topic_count; i++)
		if (strcmp(log->topics[i]->name, name) == 0)
			return log->topics[i];
	return NULL;
}

struct model_partition *model_log_partition(const struct model_log *log, const char *name,
					    int32_t index)
{
	struct model_topic *topic = model_log_topic(log, name);
	if (topic == NULL || index < 0 || index >= topic->partition_count)
		return NULL;
	return &topic->partitions[index];
}

void model_log_add(struct model_log *log, const char *name, int32_t partition_count)
{
	CHECK(log->topic_count < MODEL_TOPICS_MAX);
	CHECK(model_log_topic(log, name) == NULL);
	CHECK(strlen(name) <= TOPIC_NAME_MAX);
	CHECK(partition_count > 0 && partition_count <= PARTITIONS_MAX);
	struct model_topic *topic = check_calloc(1, sizeof *topic);
	snprintf(topic->name, sizeof topic->name, "%s", name);
	topic->id = ++log->last_id;
	topic->partition_count = partition_count;
	topic->partitions = check_calloc((size_t)partition_count, sizeof *topic->partitions);
	for (int32_t i = 0; i < partition_count; i++) {
		topic->partitions[i].topic = topic;
		topic->partitions[i].index = i;
	}
	log->topics[log->topic_count++] = topic;
}

void model_log_recreate(struct model_log *log, struct model_topic *topic)
{
	topic->id = ++log->last_id;
	for (int32_t i = 0; i < topic->partition_count; i++) {
		struct model_partition *partition = &topic->partitions[i];
		log->graves =
			check_realloc(log->graves, (log->grave_count + 1) * sizeof *log->graves);
		log->graves[log->grave_count++] =
			(struct model_grave){ partition->slots, partition->slot_count };
		partition->slots = NULL;
		partition->slot_count = partition->slot_room = partition->low = 0;
		partition->open_count = 0;
	}
}

struct model_partition *model_log_choose(struct model_topic *topic, const struct outgoing *out)
{
	int32_t index = out->partition;
	if (index < 0)
		index = out->key.data == NULL ? 0
					      : hash_partition(out->key, topic->partition_count);
	return index < topic->partition_count ? &topic->partitions[index] : NULL;
}

/* ---- writing -------------------------------------------------------------------------------- */

size_t model_log_begin(struct model_log *log)
{
	log->outcomes = model_grow(log->outcomes, log->outcome_count, &log->outcome_room,
				   sizeof *log->outcomes);
	log->outcomes[log->outcome_count] = OUTCOME_OPEN;
	return log->outcome_count++;
}

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

static struct model_slot *slot_append(struct model_log *log, struct model_partition *partition,
				      enum slot_kind kind, size_t txn)
{
	partition->slots = model_grow(partition->slots, partition->slot_count,
				      &partition->slot_room, sizeof *partition->slots);
	struct model_slot *slot = &partition->slots[partition->slot_count++];
	*slot = (struct model_slot){ .kind = kind, .txn = txn, .timestamp_ms = log->clock->now_ms };
	return slot;
}

/* Notes that a transaction has begun here, once. */
static void open_here(struct model_partition *partition, size_t txn)
{
	for (size_t i = 0; i < partition->open_count; i++)
		if (partition->opens[i].txn == txn)
			return;
	partition->opens = model_grow(partition->opens, partition->open_count,
				      &partition->open_room, sizeof *partition->opens);
	partition->opens[partition->open_count++] =
		(struct model_open){ txn, partition->slot_count };
}

void model_log_append(struct model_log *log, struct model_partition *partition,
		      const struct outgoing *out, size_t txn)
{
	if (txn != 0)
		open_here(partition, txn);
	struct model_slot *slot = slot_append(log, partition, SLOT_RECORD, txn);
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

void model_log_decide(struct model_log *log, size_t txn, bool committed)
{
	CHECK(log->outcomes[txn] == OUTCOME_OPEN);
	log->outcomes[txn] = committed ? OUTCOME_COMMITTED : OUTCOME_ABORTED;
}

void model_log_mark(struct model_log *log, struct model_partition *partition, size_t txn)
{
	CHECK(log->outcomes[txn] != OUTCOME_OPEN);
	slot_append(log, partition, SLOT_MARKER, txn);
	size_t kept = 0;
	for (size_t i = 0; i < partition->open_count; i++)
		if (partition->opens[i].txn != txn)
			partition->opens[kept++] = partition->opens[i];
	partition->open_count = kept;
}

/* ---- reading -------------------------------------------------------------------------------- */

size_t model_log_stable(const struct model_partition *partition)
{
	size_t stable = partition->slot_count;
	for (size_t i = 0; i < partition->open_count; i++)
		if (partition->opens[i].first < stable)
			stable = partition->opens[i].first;
	return stable;
}

static bool is_committed(const struct model_log *log, const struct model_slot *slot)
{
	return slot->kind == SLOT_RECORD &&
	       (slot->txn == 0 || log->outcomes[slot->txn] == OUTCOME_COMMITTED);
}

bool model_log_show(const struct model_log *log, const struct model_partition *partition,
		    size_t offset, struct record *record)
{
	const struct model_slot *slot = &partition->slots[offset];
	if (!is_committed(log, slot))
		return false;
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
	return true;
}

size_t model_log_txn(const struct model_partition *partition, size_t offset)
{
	return partition->slots[offset].txn;
}

void model_log_written(const struct model_partition *partition, size_t offset, struct bytes *key,
		       struct bytes *value)
{
	*key = partition->slots[offset].key;
	*value = partition->slots[offset].value;
}

/* ---- what the brokers do by themselves ------------------------------------------------------ */

void model_log_trim(struct model_partition *partition, size_t low)
{
	CHECK(low >= partition->low && low <= partition->slot_count);
	partition->low = low;
}

static bool has_later(const struct model_log *log, const struct model_partition *partition,
		      size_t offset, size_t until)
{
	for (size_t i = offset + 1; i < until; i++)
		if (is_committed(log, &partition->slots[i]) &&
		    bytes_equal(partition->slots[i].key, partition->slots[offset].key))
			return true;
	return false;
}

void model_log_compact(struct model_log *log, struct model_partition *partition, size_t until,
		       bool tombstones)
{
	size_t stable = model_log_stable(partition);
	until = until < stable ? until : stable;
	for (size_t i = partition->low; i < until; i++) {
		struct model_slot *slot = &partition->slots[i];
		if (slot->kind != SLOT_RECORD)
			continue;
		if (!is_committed(log, slot) || has_later(log, partition, i, until) ||
		    (tombstones && slot->value.data == NULL))
			slot->kind = SLOT_GONE;
	}
}
