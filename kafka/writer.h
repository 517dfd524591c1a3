/* A producer outside any group of the line: for ingest and the simulation. Every failed delivery is
 * reported; nothing is dropped silently.
 *
 * Two ways to write. Plain: idempotent, each record on its own. In transactions: what is sent
 * between two writer_commit is there as a whole or not at all, together with a position, which
 * Kafka keeps for the writer's name. A writer of the same name that is opened later settles what
 * its predecessor left open, fences it, and learns the position: so records are written once each,
 * whatever died in between. Threads: one. */
#ifndef KAFKA_WRITER_H
#define KAFKA_WRITER_H

#include "kafka/bus.h"
#include "kafka/client.h"

struct writer;

ERR_MUST_USE struct err *writer_open(const struct client_options *options, struct writer **writer);

/* A writer in transactions. `name` is its transactional id and the group under which its position
 * is kept, on partition 0 of `topic`. *position is the committed one; offset -1 where there is none
 * (Kafka forgets it offsets.retention.minutes after the last commit, 7 days by default). Errors: as
 * writer_open and group_position; FATAL BUS_AUTHORIZATION, BUS_UNSUPPORTED. */
ERR_MUST_USE struct err *writer_open_transactional(const struct client_options *options,
						   const char *name, const char *topic,
						   struct position *position,
						   struct writer **writer);

/* Ends the transaction with *position (of the topic given at the opening; copied). Errors: RETRY,
 * ABORT: whether it took effect only a new writer can tell; close this one. */
ERR_MUST_USE struct err *writer_commit(struct writer *writer, const struct position *position);

/* Waits until the last commit is visible: brokers answer a commit before they have marked its
 * records as committed, and until then whoever reads sees an end before them. Errors: as
 * writer_commit, but the commit has taken effect. */
ERR_MUST_USE struct err *writer_settle(struct writer *writer, const struct position *position);

/* Copies and queues, waiting while the bounded queue is full; begins a transaction where none is
 * open. Errors: FATAL WRITER_DELIVERY where an earlier record failed for good; POISON BUS_TOO_LARGE
 * for this record; RETRY BUS_UNREACHABLE where the queue stayed full; ABORT as writer_commit. */
ERR_MUST_USE struct err *writer_send(struct writer *writer, const struct outgoing *out);

/* Waits until everything sent is acknowledged by the brokers, at most timeout_ms. Errors: RETRY
 * (time is over), FATAL WRITER_DELIVERY. */
ERR_MUST_USE struct err *writer_flush(struct writer *writer, int timeout_ms);

ERR_MUST_USE struct err *writer_partition_count(struct writer *writer, const char *topic,
						int32_t *count);

/* Flush or commit first: what waits to be sent is dropped, and an open transaction aborted, so that
 * it holds up no reader; brokers that are away are not waited for longer than some seconds. */
void writer_close(struct writer **writer);

#endif
