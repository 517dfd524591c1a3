/* Reading on in many partitions outside any group (read_committed), each from an offset of its own
 * and for as long as it is wanted.
 *
 * Ownership: what log_tail_poll hands out is borrowed until the next call. Threads: one at a
 * time. */
#ifndef KAFKA_LOG_TAIL_H
#define KAFKA_LOG_TAIL_H

#include "kafka/bus.h"
#include "kafka/client.h"

enum { LOG_TAIL_BEGIN = -2 }; /* for an offset: the first record that is there */

struct log_tail_ops;
struct log_tail {
	const struct log_tail_ops *ops; /* first member of every implementation */
};

struct log_tail_ops {
	struct err *(*add)(struct log_tail *, const char *topic, int32_t partition, int64_t offset);
	void (*drop)(struct log_tail *, const char *topic, int32_t partition);
	struct err *(*poll)(struct log_tail *, size_t count_max, struct bus_batch *);
	void (*close)(struct log_tail *);
};

/* A new one on Kafka (kafka/memory_tail.h has the model's); `bytes`: about what may wait in it.
 * Errors: FATAL BUS_OPTION. */
ERR_MUST_USE struct err *log_tail_open(const struct client_options *options, size_t bytes,
				       struct log_tail **tail);

/* NULL-safe; *tail becomes NULL. */
static inline void log_tail_close(struct log_tail **tail)
{
	if (*tail != NULL)
		(*tail)->ops->close(*tail);
	*tail = NULL;
}

/* Begins with the record at `offset`, or goes there where the partition is followed already.
 * Errors: as rd_err_code of kafka/rd.h. */
ERR_MUST_USE static inline struct err *log_tail_add(struct log_tail *tail, const char *topic,
						    int32_t partition, int64_t offset)
{
	return tail->ops->add(tail, topic, partition, offset);
}

static inline void log_tail_drop(struct log_tail *tail, const char *topic, int32_t partition)
{
	tail->ops->drop(tail, topic, partition);
}

/* At most count_max (<= POLL_RECORDS_MAX) records, or none, without waiting. With an error there
 * may be records, too. Errors: FATAL BUS_OFFSET_GONE, BUS_TOPIC_MISSING; RETRY. */
ERR_MUST_USE static inline struct err *log_tail_poll(struct log_tail *tail, size_t count_max,
						     struct bus_batch *batch)
{
	return tail->ops->poll(tail, count_max, batch);
}

#endif
