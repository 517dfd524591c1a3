/* What a cluster of the model is made of. Only bus_memory.c, memory_kafka.c and
 * memory_tail.c include this. */
#ifndef KAFKA_MEMORY_KAFKA_H
#define KAFKA_MEMORY_KAFKA_H

#include "kafka/bus_memory.h"
#include "kafka/model_txn.h"

struct bus_memory;

/* A commit on its way: it arrives whether the one who sent it lives or not.
 *
 *   WAITS --offsets and records arrive--> SENT --the end arrives--> DONE --the answer--> taken */
enum job_step {
	JOB_NONE,
	JOB_WAITS,
	JOB_SENT,
	JOB_DONE,
};

struct memory_job {
	enum job_step step;
	int64_t due_ms; /* of the next step */
	struct model_producer *producer;
	unsigned epoch;
	struct model_membership member; /* as of send_offsets */
	char *instance;			/* owned */
	bool has_positions;
	struct model_positions positions;
	struct outgoing *held; /* records that the client hasn't sent yet; owned copies */
	struct model_partition **held_to;
	size_t held_count, held_room;
	struct err *outcome; /* DONE */
	bool fails_after;    /* chaos: what arrives is done, but its answer is lost */
};

struct memory_kafka {
	struct model_clock clock;
	struct model_log log;
	struct model_txns txns;
	struct model_groups groups;
	struct bus_memory **buses; /* that live */
	size_t bus_count, bus_room;
	struct memory_job **orphans; /* of the dead, owned */
	size_t orphan_count, orphan_room;
	enum memory_fault fault;
	size_t poll_max; /* records of one poll */
	const struct memory_chaos *chaos;
};

/* Everything that is due by now happens. */
void memory_kafka_run(struct memory_kafka *kafka);

/* Whether `fault` was asked for; it strikes once. */
bool memory_kafka_fault_take(struct memory_kafka *kafka, enum memory_fault fault);

/* A job's next steps, as far as they are due. */
void memory_job_run(struct memory_kafka *kafka, struct memory_job *job);

/* Keeps a copy of a record until the job's first step, or sends what is kept. The answer of the
 * first write that failed. */
void memory_job_hold(struct memory_job *job, struct model_partition *partition,
		     const struct outgoing *out);
enum model_answer memory_job_send(struct memory_kafka *kafka, struct memory_job *job);
void memory_job_clear(struct memory_job *job);

/* A heartbeat of a client that isn't stopped. Defined by bus_memory.c. */
void bus_memory_beat(struct bus_memory *memory);

#endif
