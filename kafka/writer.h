/* An idempotent producer outside any group or transaction: for ingest. Every failed delivery is
 * reported; nothing is dropped silently. */
#ifndef KAFKA_WRITER_H
#define KAFKA_WRITER_H

#include "kafka/bus.h"
#include "kafka/client.h"

struct writer;

ERR_MUST_USE struct err *writer_open(const struct client_options *options, struct writer **writer);

/* Copies and queues, waiting while the bounded queue is full. Errors: FATAL WRITER_DELIVERY where
 * an earlier record failed for good; POISON BUS_TOO_LARGE for this record; RETRY BUS_UNREACHABLE
 * where the queue stayed full. */
ERR_MUST_USE struct err *writer_send(struct writer *writer, const struct outgoing *out);

/* Waits until everything sent is acknowledged by the brokers, at most timeout_ms. Errors: RETRY
 * (time is over), FATAL WRITER_DELIVERY. */
ERR_MUST_USE struct err *writer_flush(struct writer *writer, int timeout_ms);

ERR_MUST_USE struct err *writer_partition_count(struct writer *writer, const char *topic,
						int32_t *count);

void writer_close(struct writer **writer); /* without waiting: flush first */

#endif
