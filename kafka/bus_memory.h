/* A model of Kafka in memory, for tests without a broker: topics with partitions, transactions
 * whose markers take offsets, read_committed, groups with committed offsets and metadata, fencing
 * by epoch. No kinder than the real one where it models a thing; what it doesn't model is listed in
 * bus_memory.c.
 *
 * A `struct memory_kafka` outlives its buses; a "crash" is closing a bus with
 * bus_memory_kill. Threads: everything on one thread. Time: virtual, set by the test. */
#ifndef KAFKA_BUS_MEMORY_H
#define KAFKA_BUS_MEMORY_H

#include "kafka/bus.h"

struct memory_kafka;

struct memory_kafka *memory_kafka_new(void);
void memory_kafka_free(struct memory_kafka **kafka);

void memory_kafka_topic(struct memory_kafka *kafka, const char *topic, int32_t partition_count);
void memory_kafka_set_time(struct memory_kafka *kafka, int64_t now_ms); /* broker timestamps */

/* How many records a poll hands out at most: 1 .. POLL_RECORDS_MAX (at first). */
void memory_kafka_set_poll_max(struct memory_kafka *kafka, size_t count);

/* Appends outside any transaction, as an ordinary producer does. */
void memory_kafka_append(struct memory_kafka *kafka, const struct outgoing *out);

/* What retention or a deletion of records does: everything below `low` is gone. */
void memory_kafka_trim(struct memory_kafka *kafka, const char *topic, int32_t partition,
		       int64_t low);

/* The committed records of one partition in order, from the `index_from`th on (0: the first
 * retained) into records[records_max]. Returns how many. What they point to is borrowed until
 * memory_kafka_free. */
size_t memory_kafka_read(struct memory_kafka *kafka, const char *topic, int32_t partition,
			 size_t index_from, struct record *records, size_t records_max);

enum memory_fault {
	MEMORY_FAULT_NONE,
	MEMORY_FAULT_COMMIT_ABORTS,    /* the next commit fails, its transaction is aborted */
	MEMORY_FAULT_COMMIT_AMBIGUOUS, /* the next commit succeeds but reports ABORT */
	MEMORY_FAULT_OFFSETS_TIMEOUT,  /* the next send_offsets fails with ABORT */
};

void memory_kafka_fault(struct memory_kafka *kafka, enum memory_fault fault);

/* A new bus. A later bus with the same transactional_id fences this one and aborts what it left
 * open. */
struct bus *bus_memory_open(struct memory_kafka *kafka, const char *group,
			    const char *transactional_id);

/* Ends the bus as kill -9 does: no callback, the open transaction stays open until a bus with the
 * same transactional_id opens. *bus becomes NULL. */
void bus_memory_kill(struct bus **bus);

#endif
