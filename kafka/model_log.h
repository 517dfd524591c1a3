/* The model's logs: topics with partitions in which records and transaction markers each take an
 * offset; a reader of committed records stops at the last stable offset (LSO), where the first
 * transaction begins whose marker isn't written yet.
 *
 * Ownership: the log owns everything; what records point to lives until model_log_fini, through
 * retention, compaction and a topic's end, too. Threads: one. */
#ifndef KAFKA_MODEL_LOG_H
#define KAFKA_MODEL_LOG_H

#include "kafka/bus.h"
#include "kafka/model_clock.h"

enum { MODEL_TOPICS_MAX = 256 };

struct model_slot;
struct model_open;
struct model_topic;

struct model_partition {
	struct model_topic *topic;
	int32_t index;
	struct model_slot *slots; /* slots[i] stands at offset i */
	size_t slot_count, slot_room;
	size_t low;		  /* first retained offset */
	struct model_open *opens; /* transactions whose marker is missing here */
	size_t open_count, open_room;
};

struct model_topic {
	char name[TOPIC_NAME_MAX + 1];
	uint64_t id; /* another one when it is made again */
	int32_t partition_count;
	struct model_partition *partitions;
};

/* Slots of topics that are no more. */
struct model_grave {
	struct model_slot *slots;
	size_t count;
};

struct model_log {
	struct model_clock *clock; /* borrowed */
	struct model_topic *topics[MODEL_TOPICS_MAX];
	size_t topic_count;
	uint64_t last_id;
	uint8_t *outcomes; /* of transaction i; 0 is never used */
	size_t outcome_count, outcome_room;
	struct model_grave *graves;
	size_t grave_count;
};

/* `array` (of `count` used items) with room for one more. */
void *model_grow(void *array, size_t count, size_t *room, size_t item_size);

void model_log_init(struct model_log *log, struct model_clock *clock);
void model_log_fini(struct model_log *log);

void model_log_add(struct model_log *log, const char *topic, int32_t partition_count);

/* NULL where there is none. */
struct model_topic *model_log_topic(const struct model_log *log, const char *topic);
struct model_partition *model_log_partition(const struct model_log *log, const char *topic,
					    int32_t partition);

/* The partition that a record goes to; NULL where it doesn't exist. A record without a key goes to
 * the first one: Kafka would choose any, and the model must not be random. */
struct model_partition *model_log_choose(struct model_topic *topic, const struct outgoing *out);

/* A new transaction's number, undecided. */
size_t model_log_begin(struct model_log *log);

/* Copies a record to the end; txn 0: outside any transaction. */
void model_log_append(struct model_log *log, struct model_partition *partition,
		      const struct outgoing *out, size_t txn);

/* The outcome is certain from here on; readers see it when the partition's marker is written. */
void model_log_decide(struct model_log *log, size_t txn, bool committed);
void model_log_mark(struct model_log *log, struct model_partition *partition, size_t txn);

size_t model_log_stable(const struct model_partition *partition); /* the LSO */

/* Whether a committed record stands at `offset` (below the LSO); shows it. */
bool model_log_show(const struct model_log *log, const struct model_partition *partition,
		    size_t offset, struct record *record);

/* What was written at `offset`, by which transaction (0: none), whatever has become of it. */
size_t model_log_txn(const struct model_partition *partition, size_t offset);
void model_log_written(const struct model_partition *partition, size_t offset, struct bytes *key,
		       struct bytes *value);

/* Retention: everything below `low` is gone. */
void model_log_trim(struct model_partition *partition, size_t low);

/* Compaction of what lies below `until` and the LSO: of each key the last committed record stays;
 * aborted ones go. Tombstones go with `tombstones`: their time is over. Offsets stay. */
void model_log_compact(struct model_log *log, struct model_partition *partition, size_t until,
		       bool tombstones);

/* Deleted and made again, empty. */
void model_log_recreate(struct model_log *log, struct model_topic *topic);

#endif
