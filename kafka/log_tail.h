/* Reading on in many partitions outside any group (read_committed), each from an offset of its own
 * and for as long as it is wanted.
 *
 * Ownership: what log_tail_poll hands out is borrowed until the next call. Threads: one at a
 * time. */
#ifndef KAFKA_LOG_TAIL_H
#define KAFKA_LOG_TAIL_H

#include "kafka/bus.h"
#include "kafka/client.h"

struct log_tail;

enum { LOG_TAIL_BEGIN = -2 }; /* for an offset: the first record that is there */

/* A new one; `bytes`: about what may wait in it. Errors: FATAL BUS_OPTION. */
ERR_MUST_USE struct err *log_tail_open(const struct client_options *options, size_t bytes,
				       struct log_tail **tail);
void log_tail_close(struct log_tail **tail);

/* Begins with the record at `offset`, or goes there where the partition is followed already.
 * Errors: as rd_err_code of kafka/rd.h. */
ERR_MUST_USE struct err *log_tail_add(struct log_tail *tail, const char *topic,
				      int32_t partition, int64_t offset);
void log_tail_drop(struct log_tail *tail, const char *topic, int32_t partition);

/* At most count_max (<= POLL_RECORDS_MAX) records, or none, without waiting. Errors: FATAL
 * BUS_OFFSET_GONE, BUS_TOPIC_MISSING; RETRY. */
ERR_MUST_USE struct err *log_tail_poll(struct log_tail *tail, size_t count_max,
				       struct bus_batch *batch);

#endif
