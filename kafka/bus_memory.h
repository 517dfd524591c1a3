/* A model of Kafka in memory, for tests without a broker: a bus by librdkafka's and bus_kafka's
 * habits, on the model's logs (kafka/model_log.h), transactions (model_txn.h) and groups
 * (model_group.h). No kinder than the real one where it models a thing: tests/e2e/bus_contract.c
 * runs the same list of behaviours on both. docs/HACKING.md says what it doesn't model.
 *
 * A `struct memory_kafka` outlives its buses. By itself it delays nothing, lets nothing fail, and
 * answers RETRY at once where the real one would wait for somebody else. With a `struct
 * memory_chaos` calls take virtual time, in which others run, and fail.
 *
 * Threads: everything on one thread (or on fibers of one). Time: virtual, set by the test. */
#ifndef KAFKA_BUS_MEMORY_H
#define KAFKA_BUS_MEMORY_H

#include "kafka/bus.h"

struct memory_kafka;

struct memory_kafka *memory_kafka_new(void);
void memory_kafka_free(struct memory_kafka **kafka);

/* Makes a topic where there is none of that name. */
void memory_kafka_topic(struct memory_kafka *kafka, const char *topic, int32_t partition_count);

/* Broker timestamps, time-outs, sessions. Time doesn't go back: an earlier one is ignored. */
void memory_kafka_set_time(struct memory_kafka *kafka, int64_t now_ms);

/* How many records a poll hands out at most: 1 .. POLL_RECORDS_MAX (at first). */
void memory_kafka_set_poll_max(struct memory_kafka *kafka, size_t count);

struct memory_timeouts {
	int64_t session_ms, rebalance_ms, transaction_ms;
};
void memory_kafka_set_timeouts(struct memory_kafka *kafka, const struct memory_timeouts *timeouts);

/* Appends outside any transaction, as an ordinary producer does. */
void memory_kafka_append(struct memory_kafka *kafka, const struct outgoing *out);

/* Appends records (of any topics) and the markers of their transaction behind them. */
void memory_kafka_append_txn(struct memory_kafka *kafka, const struct outgoing *outs, size_t count,
			     bool commit);

/* What retention or a deletion of records does: everything below `low` is gone. */
void memory_kafka_trim(struct memory_kafka *kafka, const char *topic, int32_t partition,
		       int64_t low);

/* What the cleaner does with the offsets below `until`: see model_log_compact. */
void memory_kafka_compact(struct memory_kafka *kafka, const char *topic, int32_t partition,
			  int64_t until, bool tombstones);

/* Deletes a topic and makes it again; its groups' positions on it go, too. */
void memory_kafka_recreate(struct memory_kafka *kafka, const char *topic);

/* The committed records of one partition in order, from the `index_from`th on (0: the first
 * retained) into records[records_max]. Returns how many. What they point to is borrowed until
 * memory_kafka_free. */
size_t memory_kafka_read(struct memory_kafka *kafka, const char *topic, int32_t partition,
			 size_t index_from, struct record *records, size_t records_max);

/* The offset of the last committed record of a partition; -1: it has none. */
int64_t memory_kafka_last(struct memory_kafka *kafka, const char *topic, int32_t partition);

/* The end of a partition, and what a group has committed on it (position->topic, ->partition are
 * given; as bus_committed, but asks nobody's leave). */
int64_t memory_kafka_end(struct memory_kafka *kafka, const char *topic, int32_t partition);
void memory_kafka_committed(struct memory_kafka *kafka, const char *group,
			    struct position *position);

/* What only a model can tell: the transaction that a record belongs to (0: none), and whether a
 * transaction wrote a key to a partition, with a value of which `holds` says yes. Compaction and
 * retention hide nothing from it. */
size_t memory_kafka_txn(const struct memory_kafka *kafka, const struct record *record);
bool memory_kafka_txn_wrote(const struct memory_kafka *kafka, size_t txn,
			    const struct outgoing *like,
			    bool (*holds)(const void *context, struct bytes value),
			    const void *context);

enum memory_fault {
	MEMORY_FAULT_NONE,
	MEMORY_FAULT_COMMIT_ABORTS,    /* the next commit fails, its transaction is aborted */
	MEMORY_FAULT_COMMIT_AMBIGUOUS, /* the next commit succeeds but reports ABORT */
	MEMORY_FAULT_OFFSETS_TIMEOUT,  /* the next send_offsets fails with ABORT */
};

void memory_kafka_fault(struct memory_kafka *kafka, enum memory_fault fault);

/* Where a call may take its time or fail. */
enum memory_call {
	MEMORY_OPEN,
	MEMORY_POLL,
	MEMORY_BEGIN,
	MEMORY_PRODUCE,
	MEMORY_COMMIT, /* of whatever is asked on the way: positions, records, the end */
	MEMORY_ABORT,
	MEMORY_COMMITTED,
	MEMORY_SEEK,
	MEMORY_WATERMARKS,
	MEMORY_READ_ALL,
	MEMORY_TAIL,
	MEMORY_CALL_COUNT,
};

struct memory_chaos {
	void *context;
	uint32_t (*below)(void *context, uint32_t bound); /* a random number */
	/* Lets others run; returns when it likes, not before until_ms unless the bus is killed. */
	void (*pause)(void *context, int64_t until_ms);
	/* Whether the call that begins now fails. */
	bool (*strikes)(void *context, enum memory_call call);
	uint32_t delay_ms_max; /* of answers and markers */
	int64_t wait_ms_max;   /* for others, before a call gives up */
};

/* chaos (borrowed) from now on; NULL: none. */
void memory_kafka_set_chaos(struct memory_kafka *kafka, const struct memory_chaos *chaos);

struct bus_memory_options {
	const char *group;
	const char *instance; /* NULL: dynamic membership */
	const char *transactional_id;
};

/* A new bus, its old transaction settled: a later bus with the same transactional_id fences this
 * one and aborts what it left open. Errors: with chaos, RETRY. */
ERR_MUST_USE struct err *bus_memory_open_with(struct memory_kafka *kafka,
					      const struct bus_memory_options *options,
					      struct bus **bus);

/* The same, a static member whose instance is the transactional_id, on a Kafka without chaos. */
struct bus *bus_memory_open(struct memory_kafka *kafka, const char *group,
			    const char *transactional_id);

/* SIGSTOP and SIGCONT: a stopped member sends no heartbeats, and learns nothing. */
void bus_memory_stop(struct bus *bus, bool stopped);

/* kill -9, while the process may be in a call: that call and all later ones return FATAL
 * BUS_KILLED and have no effect; what had been sent may still arrive. */
void bus_memory_strike_dead(struct bus *bus);

/* Ends the bus as kill -9 does: no callback, the open transaction stays open until a bus with the
 * same transactional_id opens. *bus becomes NULL. */
void bus_memory_kill(struct bus **bus);

#endif
