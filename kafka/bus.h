/* The bus: what a worker needs of Kafka, and nothing else. Two implementations: bus_kafka (the
 * only librdkafka code besides kafka/admin and kafka/reader) and bus_memory (a model of Kafka with
 * faults, for tests).
 *
 * One bus = one consumer in a group plus one transactional producer. Reads are read_committed;
 * auto-commit does not exist; auto.offset.reset is "error".
 *
 * A worker's cycle:   poll* ... begin, produce*, send_offsets, commit_start, poll* ... commit_end
 *                     (or abort, then recover)
 *
 * Between commit_start and the commit_end that tells the outcome, no transaction can be begun, but
 * polling goes on: that is how a worker processes while it commits.
 *
 * Ownership: a polled batch and its records are borrowed until the next bus_poll or bus_close. What
 * bus_produce is given is copied before it returns.
 * Threads: one thread calls a bus (what commits in the background is the bus's own affair).
 * Rebalance callbacks run inside bus_poll, on the caller's thread.
 * Errors everywhere: RETRY call again; ABORT the transaction (or the group membership) is lost:
 * bus_abort, drop memory, recover; FATAL stop. */
#ifndef KAFKA_BUS_H
#define KAFKA_BUS_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

struct header {
	const char *name;   /* borrowed */
	struct bytes value; /* borrowed */
};

/* A record as it is read. */
struct record {
	const char *topic; /* borrowed, one pointer per topic: equal pointers are equal topics */
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms;	 /* the broker's */
	struct bytes key, value; /* absent (data NULL) where null */
	size_t header_count;
	struct header headers[HEADER_COUNT_MAX]; /* more than these are not shown */
};

/* A record as it is written. */
struct outgoing {
	const char *topic;
	int32_t partition;	 /* -1: murmur2 of the key */
	struct bytes key, value; /* a null value (data NULL) deletes the key of a compacted topic */
	const struct header *headers;
	size_t header_count;
};

/* A position of one input partition. */
struct position {
	const char *topic;
	int32_t partition;
	int64_t offset;			  /* next to be read; -1: none committed */
	char metadata[POSITION_TEXT_MAX]; /* terminated; "" where none */
};

/* End of a partition was reached: every record below `offset` has been handed out. */
struct bus_batch {
	const struct record *records;
	size_t count;
};

struct bus;

/* The runtime's answers to a rebalance. `positions` come with topic and partition set. Each returns
 * an error to give up the whole membership. */
struct bus_listener {
	void *context;
	/* Sets positions[i].offset: where reading starts. count may be 0: nothing is left. */
	struct err *(*assigned)(void *context, struct position *positions, size_t count);
	/* Nothing of these partitions may be left in memory afterwards. lost: another member may
	 * own them already, so nothing may be committed. */
	struct err *(*revoked)(void *context, const struct position *positions, size_t count,
			       bool lost);
	/* bus_poll shows no headers. Having librdkafka look whether a record has any costs an
	 * allocation each, and a tenth of what reading it costs. */
	bool no_headers;
};

enum { BUS_IDS_MAX = 32 }; /* topics whose ids are asked for at once */

struct bus_ops;
struct bus {
	const struct bus_ops *ops; /* first member of every implementation */
};

struct bus_ops {
	struct err *(*subscribe)(struct bus *, const char *const *topics, size_t count,
				 const struct bus_listener *);
	struct err *(*poll)(struct bus *, int timeout_ms, struct bus_batch *);
	struct err *(*begin)(struct bus *);
	struct err *(*produce)(struct bus *, const struct outgoing *);
	struct err *(*send_offsets)(struct bus *, const struct position *, size_t count);
	struct err *(*commit_start)(struct bus *);
	struct err *(*commit_end)(struct bus *, bool wait, bool *done);
	struct err *(*abort)(struct bus *);
	struct err *(*committed)(struct bus *, struct position *, size_t count);
	struct err *(*seek)(struct bus *, const struct position *, size_t count);
	struct err *(*pause)(struct bus *, const char *topic, int32_t partition, bool pause);
	struct err *(*watermarks)(struct bus *, const char *topic, int32_t partition, int64_t *low,
				  int64_t *high);
	struct err *(*ends)(struct bus *, struct position *, size_t count);
	struct err *(*stable_ends)(struct bus *, struct position *, size_t count);
	struct err *(*partition_count)(struct bus *, const char *topic, int32_t *count);
	struct err *(*read_all)(struct bus *, const char *topic, int32_t partition,
				struct err *(*each)(void *, const struct record *), void *context);
	struct err *(*read_from)(struct bus *, const struct position *start,
				 struct err *(*each)(void *, const struct record *), void *context);
	int64_t (*end_reached)(struct bus *, const char *topic, int32_t partition);
	int64_t (*known_end)(struct bus *, const char *topic, int32_t partition); /* may be NULL */
	struct err *(*ids)(struct bus *, const char *const *topics, size_t count, uint64_t *ids,
			   char cluster[CLUSTER_ID_MAX + 1], int timeout_ms); /* may be NULL */
	void (*close)(struct bus *);
};

/* Joins the group. Called once, before the first poll. */
ERR_MUST_USE static inline struct err *bus_subscribe(struct bus *bus, const char *const *topics,
						     size_t count,
						     const struct bus_listener *listener)
{
	return bus->ops->subscribe(bus, topics, count, listener);
}

/* Up to POLL_RECORDS_MAX records, waiting at most timeout_ms for the first; an empty batch is no
 * error. Serves rebalances. Records of partitions no longer owned are never handed out.
 * Errors: RETRY (broker away), ABORT (membership lost), FATAL (offset out of range:
 * BUS_OFFSET_GONE; topic gone; authorisation; BUS_MEMBER_FENCED: another process has taken this
 * member's place). */
ERR_MUST_USE static inline struct err *bus_poll(struct bus *bus, int timeout_ms,
						struct bus_batch *batch)
{
	return bus->ops->poll(bus, timeout_ms, batch);
}

ERR_MUST_USE static inline struct err *bus_begin(struct bus *bus)
{
	return bus->ops->begin(bus);
}

/* Copies and queues; delivery failures surface at bus_commit as ABORT. A record too large for the
 * topic: POISON BUS_TOO_LARGE at once (client's bound) where it can be known. */
ERR_MUST_USE static inline struct err *bus_produce(struct bus *bus, const struct outgoing *out)
{
	return bus->ops->produce(bus, out);
}

/* Adds positions (copied) to the transaction, with the group's generation as of this call: after a
 * rebalance they are refused. They may travel with the commit, whose error then is theirs too. */
ERR_MUST_USE static inline struct err *bus_send_offsets(struct bus *bus,
							const struct position *positions,
							size_t count)
{
	return bus->ops->send_offsets(bus, positions, count);
}

/* Begins to flush and commit. Errors: ABORT BUS_STATE. */
ERR_MUST_USE static inline struct err *bus_commit_start(struct bus *bus)
{
	return bus->ops->commit_start(bus);
}

/* The outcome of the commit that was started: *done false while it is under way (never with
 * `wait`); *done and NULL only where the commit is certain. An ambiguous outcome is ABORT, and the
 * recovery finds out from the committed positions. Nothing started: *done and NULL. */
ERR_MUST_USE static inline struct err *bus_commit_end(struct bus *bus, bool wait, bool *done)
{
	return bus->ops->commit_end(bus, wait, done);
}

/* Starts a commit and waits for its outcome. */
ERR_MUST_USE static inline struct err *bus_commit(struct bus *bus)
{
	bool done;
	struct err *err = bus_commit_start(bus);
	return err != NULL ? err : bus_commit_end(bus, true, &done);
}

/* Ends the commit under way, whatever its outcome, then aborts the open transaction or settles a
 * broken one (where needed by a new producer and init_transactions). Nothing to abort is no error.
 */
ERR_MUST_USE static inline struct err *bus_abort(struct bus *bus)
{
	return bus->ops->abort(bus);
}

/* Fills offset and metadata of each position from the group's committed offsets, waiting for
 * pending transactions on them (require_stable). -1 and "" where nothing is committed. */
ERR_MUST_USE static inline struct err *bus_committed(struct bus *bus, struct position *positions,
						     size_t count)
{
	return bus->ops->committed(bus, positions, count);
}

/* Reading goes on from these offsets; what had been fetched of them is dropped. */
ERR_MUST_USE static inline struct err *bus_seek(struct bus *bus, const struct position *positions,
						size_t count)
{
	return bus->ops->seek(bus, positions, count);
}

/* An assigned partition is read no further (what had been fetched of it is dropped), or goes on
 * behind what was handed out. A new assignment is never paused. */
ERR_MUST_USE static inline struct err *bus_pause(struct bus *bus, const char *topic,
						 int32_t partition, bool pause)
{
	return bus->ops->pause(bus, topic, partition, pause);
}

/* The first retained offset and the one after the last (high watermark). */
ERR_MUST_USE static inline struct err *bus_watermarks(struct bus *bus, const char *topic,
						      int32_t partition, int64_t *low,
						      int64_t *high)
{
	return bus->ops->watermarks(bus, topic, partition, low, high);
}

/* Sets each position's offset to its partition's high watermark, in one request. */
ERR_MUST_USE static inline struct err *bus_ends(struct bus *bus, struct position *positions,
						size_t count)
{
	return bus->ops->ends(bus, positions, count);
}

/* The same of the last stable offset: of every transaction that wrote below it the outcome is
 * known, and bus_committed that is called afterwards tells its positions. */
ERR_MUST_USE static inline struct err *bus_stable_ends(struct bus *bus, struct position *positions,
						       size_t count)
{
	return bus->ops->stable_ends(bus, positions, count);
}

/* Errors: FATAL BUS_TOPIC_MISSING, with the command that creates it. */
ERR_MUST_USE static inline struct err *bus_partition_count(struct bus *bus, const char *topic,
							   int32_t *count)
{
	return bus->ops->partition_count(bus, topic, count);
}

/* Hands every committed record of one partition, from the first retained to the high watermark
 * sampled at the call, to `each` (in order; an error of it ends the reading and is returned). Waits
 * until the last stable offset has passed that watermark. Not part of the group. */
ERR_MUST_USE static inline struct err *bus_read_all(
	struct bus *bus, const char *topic, int32_t partition,
	struct err *(*each)(void *context, const struct record *record), void *context)
{
	return bus->ops->read_all(bus, topic, partition, each, context);
}

/* As bus_read_all, from start->offset on. */
ERR_MUST_USE static inline struct err *bus_read_from(
	struct bus *bus, const struct position *start,
	struct err *(*each)(void *context, const struct record *record), void *context)
{
	return bus->ops->read_from(bus, start, each, context);
}

/* The end offset up to which everything of this assigned partition has been handed out (control
 * records of transactions included), or -1 while there is more to read. */
static inline int64_t bus_end_reached(struct bus *bus, const char *topic, int32_t partition)
{
	return bus->ops->end_reached(bus, topic, partition);
}

/* The end of this assigned partition (its high watermark) as the last fetch told, or -1 while none
 * has. Asks nobody: for figures, not for decisions. */
static inline int64_t bus_known_end(struct bus *bus, const char *topic, int32_t partition)
{
	return bus->ops->known_end != NULL ? bus->ops->known_end(bus, topic, partition) : -1;
}

/* What tells each of topics[count] (at most BUS_IDS_MAX) from an earlier or later one of its name,
 * and the cluster from another, as of this call. 0 and "": not known. */
ERR_MUST_USE static inline struct err *bus_ids(struct bus *bus, const char *const *topics,
					       size_t count, uint64_t *ids,
					       char cluster[CLUSTER_ID_MAX + 1], int timeout_ms)
{
	if (bus->ops->ids != NULL)
		return bus->ops->ids(bus, topics, count, ids, cluster, timeout_ms);
	for (size_t i = 0; i < count; i++)
		ids[i] = 0;
	cluster[0] = 0;
	return NULL;
}

/* Leaves the group (revoked is called) and frees everything. NULL-safe; *bus becomes NULL. */
static inline void bus_close(struct bus **bus)
{
	if (*bus != NULL)
		(*bus)->ops->close(*bus);
	*bus = NULL;
}

#endif
