/* Ends transactions on a thread of its own, so that a worker goes on processing meanwhile. Internal
 * to kafka/. While it is busy, the producer belongs to that thread.
 *
 * Threads: the functions below are called by one thread, the owner's. */
#ifndef KAFKA_COMMITTER_H
#define KAFKA_COMMITTER_H

#include "kafka/rd.h"

struct committer;

struct committer *committer_new(void);
void committer_free(struct committer **committer); /* waits for what is under way */

/* The end of one transaction: what is borrowed here stays untouched until the outcome is told. */
struct committer_job {
	rd_kafka_t *producer;			    /* borrowed */
	struct rd_client *client;		    /* of the producer; borrowed */
	rd_kafka_topic_partition_list_t *positions; /* stolen; NULL: none */
	rd_kafka_consumer_group_metadata_t
		*member; /* stolen; as of when the positions were given */
};

void committer_start(struct committer *committer, const struct committer_job *job);

bool committer_busy(const struct committer *committer); /* started, and not ended yet */

/* The outcome, as bus_commit_end tells it. */
ERR_MUST_USE struct err *committer_end(struct committer *committer, bool wait, bool *done);

void committer_job_fini(struct committer_job *job);

#endif
