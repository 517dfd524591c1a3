/* A bus that hands records out in the order of their own times, across partitions.
 *
 * A history is loaded as fast as its topics can be read, and a short topic ends long before a long
 * one: what a CRM told in two years would come before the first week of orders. So records are kept
 * back until every partition has shown what it has next, and the earliest goes first (a merge of
 * queues; within a partition the order stays). A partition that runs ahead is paused: what is kept
 * stays within bytes_max and what one poll brings. Records of the present pass at once, while
 * nothing of the past waits, and wait for a gate that holds the past for ORDERED_GATED_MS at most.
 * Which is which tells the broker's time: with `message.timestamp.type=CreateTime` all may look
 * present.
 *
 *     poll ─► a queue for each partition ─► the earliest, while none that may have more is empty
 *
 * A partition that shows nothing for ORDERED_WAIT_MS though it has not ended is waited for no
 * longer: order is worth a moment, not a stop.
 *
 * What is handed out is borrowed until the next poll, as of any bus. Times are the records' own,
 * UTC ms. Threads, errors: the inner bus's. */
#ifndef KAFKA_BUS_ORDERED_H
#define KAFKA_BUS_ORDERED_H

#include "base/timestamp.h"
#include "kafka/bus.h"

struct bus_ordered_options {
	/* The time that a record tells; TIME_NONE: none, it goes with the one before it. */
	int64_t (*time_of)(struct bytes value);
	/* Whether what lies behind `time_ms` may be handed out now; NULL: always. Asked of records
	 * of the past alone. */
	bool (*may_pass)(void *context, int64_t time_ms);
	void *context;
	size_t bytes_max;		/* of what waits, with what keeping it takes; 0: 32 MiB */
	const struct time_source *time; /* borrowed */
};

/* A new bus in front of `inner`, which it owns. Its listener must ask for no headers. */
struct bus *bus_ordered_new(const struct bus_ordered_options *options, struct bus *inner);

/* How many records wait to be handed out. */
size_t bus_ordered_waiting(const struct bus *bus);

/* Bytes of what waits, and of what the last poll handed out. */
size_t bus_ordered_bytes(const struct bus *bus);

/* Frees the bus but not the inner one, which is returned. */
struct bus *bus_ordered_unwrap(struct bus **bus);

#endif
