/* A worker: one thread that runs one processor on one bus, exactly once.
 *
 *   poll -> apply to the states in memory -> seal: one transaction with the effects, some states
 * and the positions -> only then the local store
 *
 * The input log is the redo log: states are published evenly over the checkpoint interval instead
 * of with every commit, and recovery replays from Y (the oldest unpublished change) to X (the
 * committed position) with effects suppressed. docs/ARCHITECTURE.md tells the whole protocol.
 *
 * Threads: a worker belongs to one thread; worker_stats may be read by any. */
#ifndef RUNTIME_WORKER_H
#define RUNTIME_WORKER_H

#include "kafka/bus.h"
#include "runtime/processor.h"
#include "runtime/standby.h"
#include "runtime/stats.h"
#include "state/store.h"

struct worker_options {
	const char *app_id;
	const char *const *inputs; /* full topic names; borrowed for the worker's life */
	size_t input_count;
	int32_t partition_count; /* of every topic; 0: any */
	int64_t commit_interval_ms;
	int64_t checkpoint_interval_ms; /* 0: every changed state goes with its commit */
	int64_t idle_ms;		/* 0: the wall clock never carries an input on */
	uint32_t cache_entries;
	/* of one transaction: outputs, and states in its batch; 0: as limits.h has it */
	size_t output_bytes, publish_bytes;
	bool accept_logic_change;
	bool write_aside; /* large batches go to the store on a thread of their own */
	const struct time_source *time; /* borrowed */
	struct standby *standby;	/* borrowed; NULL: partitions of others are not followed */
};

struct worker;

/* A new worker on `bus` (stolen), with shelves in `store` (borrowed), subscribed to its inputs.
 * Errors: as bus_subscribe. */
ERR_MUST_USE struct err *worker_open(const struct worker_options *options,
				     const struct processor *processor, struct bus *bus,
				     struct store *store, struct registry *registry,
				     struct worker_stats *stats, struct worker **worker);

/* One turn: polls for at most timeout_ms, processes, seals when it is time. Recovers from ABORT by
 * itself. Errors: FATAL. */
ERR_MUST_USE struct err *worker_step(struct worker *worker, int timeout_ms);

/* Whether everything up to the ends of the inputs, as they stand at this call, is processed and
 * committed. Asks the broker: for ends of runs, not for the loop. */
ERR_MUST_USE struct err *worker_at_end(struct worker *worker, bool *at_end);

/* Whether all that was read so far is processed and committed. */
bool worker_is_settled(const struct worker *worker);

/* As worker_at_end, of the partitions that are this worker's: how many they are, or -1 while one of
 * them is not at its end. */
ERR_MUST_USE struct err *worker_share_at_end(struct worker *worker, int64_t *partitions);

/* Processes what is pending, publishes every changed state (Y = X) and commits. */
ERR_MUST_USE struct err *worker_drain(struct worker *worker);

/* Leaves the group and frees everything; drains first unless that fails. */
void worker_close(struct worker **worker);

/* Ends it as a crash does, on the simulated bus: no drain, no callback. */
void worker_kill(struct worker **worker, void (*bus_kill)(struct bus **bus));

#endif
