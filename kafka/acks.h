/* An idempotent producer that tells of each record whether the brokers have taken it: for doors,
 * which answer their senders by it.
 *
 * Never waits: a full queue is an error, and the caller bounds what it has under way.
 * Threads: acks_send from one thread, acks_poll from another; `told` runs inside acks_poll. */
#ifndef KAFKA_ACKS_H
#define KAFKA_ACKS_H

#include "kafka/bus.h"
#include "kafka/client.h"

struct acks;

struct acks_listener {
	/* A record's end: taken by all in-sync replicas, or given up. */
	void (*told)(void *context, void *ticket, bool taken);
	void *context;
};

/* A new producer for topics[count], which must exist. timeout_ms: how long a record may take.
 * queue_max: records under way. Errors: FATAL BUS_OPTION, BUS_TOPIC_MISSING; RETRY
 * BUS_UNREACHABLE. */
ERR_MUST_USE struct err *acks_open(const struct client_options *options, const char *const *topics,
				   size_t count, int timeout_ms, int queue_max,
				   const struct acks_listener *listener, struct acks **acks);

/* Whether topics[topic], as it was when acks were opened, takes a record of that size at all; from
 * any thread. Errors: POISON BUS_TOO_LARGE. */
ERR_MUST_USE struct err *acks_fits(const struct acks *acks, size_t topic, struct bytes key,
				   struct bytes value);

/* Copies and queues for topics[topic]; partition by murmur2 of the key. `ticket` comes back with
 * `told`, exactly once where there is no error. Errors: those of acks_fits; RETRY BUS_QUEUE_FULL;
 * ABORT BUS_PRODUCE (the producer can't go on). */
ERR_MUST_USE struct err *acks_send(struct acks *acks, size_t topic, struct bytes key,
				   struct bytes value, void *ticket);

/* What has ended the producer for good, as a new error; NULL: nothing. A new one is needed then. */
struct err *acks_fatal(const struct acks *acks);

/* Tells what there is to tell, waiting at most timeout_ms for the first. */
void acks_poll(struct acks *acks, int timeout_ms);

/* Without waiting: whatever is under way is never told of. */
void acks_close(struct acks **acks);

#endif
