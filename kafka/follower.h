/* A member of a group that hands the committed records of one topic to a sink, and remembers how
 * far the sink has come: at least once. A sink is what takes records out of Kafka (a webhook, a
 * database); what it has done with a record is known to it alone, so positions are committed only
 * as it tells.
 *
 *   follower_step* -> take (keeps a copy) ... done by and by -> follower_done -> committed
 *
 * A sink that can't take more of a partition has it paused; the others go on.
 *
 * Ownership: a record handed out is borrowed for the call. Threads: one calls; the sink's functions
 * run inside follower_step and follower_close, on that thread. */
#ifndef KAFKA_FOLLOWER_H
#define KAFKA_FOLLOWER_H

#include "kafka/bus.h"
#include "kafka/client.h"

struct follower_sink {
	void *context;
	/* Takes a record. False: no more of this partition until follower_resume. */
	bool (*take)(void *context, const struct record *record);
	/* The partition is another member's: what is under way of it is to be forgotten. */
	void (*forget)(void *context, int32_t partition);
};

struct follower_options {
	const struct client_options *client;
	const char *topic, *group;
	const char *instance; /* a stable name of this member; NULL: none */
	bool from_end;	      /* where the group has no position: the end, else the first record */
	bool until_end;	      /* hand out nothing that came after the start */
};

struct follower;

/* Joins the group. Errors: FATAL BUS_OPTION, BUS_TOPIC_MISSING; RETRY BUS_UNREACHABLE. */
ERR_MUST_USE struct err *follower_open(const struct follower_options *options,
				       const struct follower_sink *sink,
				       struct follower **follower);

/* Hands out at most POLL_RECORDS_MAX records, waits at most timeout_ms for the first, serves
 * rebalances, and commits now and then. That brokers are away is no error: it goes on when they are
 * back. Errors: FATAL BUS_OFFSET_GONE (retention removed what was not done yet),
 * BUS_AUTHORIZATION, BUS_TOPIC_MISSING, BUS_MEMBER_FENCED. */
ERR_MUST_USE struct err *follower_step(struct follower *follower, int timeout_ms);

/* Every record of the partition below `offset` is done. Ignored where the partition is gone. */
void follower_done(struct follower *follower, int32_t partition, int64_t offset);

/* The sink can take more of the partition again. */
void follower_resume(struct follower *follower, int32_t partition);

/* until_end: every partition owned has been handed out to the end that stood at the start. */
bool follower_at_end(const struct follower *follower);

/* Commits what is done, leaves the group, frees. NULL-safe. */
void follower_close(struct follower **follower);

#endif
