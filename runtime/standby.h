/* A warm standby: a thread that follows the state topics of all partitions that its worker does not
 * own, into the shelves where the worker would keep them. When the worker is given such a
 * partition, only the rest of its topics is still to be read.
 *
 *   followed ──take──► the worker's ──give (drained)──► followed, from where it was given
 *       ▲                  │
 *       └──wiped, anew─────┴── not given, and not among what was taken next
 *
 * A shelf belongs either to the worker or to the standby, never to both; take and give hand it
 * over.
 * What a transaction wrote is put into a shelf record by record, so from the first one on a
 * followed shelf has no position: it is taken warm, or rebuilt.
 *
 * Threads: its own, and the worker's, which calls these functions. Where nobody starts its thread
 * (in the simulator, which has one), its turns are called for. */
#ifndef RUNTIME_STANDBY_H
#define RUNTIME_STANDBY_H

#include "base/timestamp.h"
#include "kafka/log_tail.h"
#include "runtime/state_log.h"

struct standby;

struct standby_options {
	const char *app_id;
	const struct processor *processor; /* for the standby alone; borrowed for its life */
	const char *const *inputs;	   /* full topic names; borrowed for its life */
	size_t input_count;
	int32_t partition_count;
	struct store *store;		/* borrowed for its life */
	struct log_tail *tail;		/* stolen */
	const struct time_source *time; /* borrowed for its life */
};

/* How far a shelf has been followed. */
struct standby_mark {
	bool warm;			 /* false: not at all; the rest isn't set */
	int64_t offsets[STATE_LOGS_MAX]; /* next to be read, in the order of state_logs */
	uint8_t *clock;			 /* owned; the log's clock, NULL: none */
	size_t clock_len;
};

void standby_mark_fini(struct standby_mark *mark);

/* A new standby; it follows nothing before the first standby_own. After some seconds it begins with
 * the shelves that have no position. */
struct standby *standby_new(const struct standby_options *options);
void standby_close(struct standby **standby); /* NULL-safe */

/* Starts its thread, once. */
void standby_start(struct standby *standby);

/* What the thread does again and again: some records of what is followed, without waiting for any.
 * Returns how many there were. */
size_t standby_turn(struct standby *standby);

/* The worker owns exactly these partitions now; marks[count] are filled, for it to keep. All others
 * are followed. */
void standby_own(struct standby *standby, const struct position *positions, size_t count,
		 struct standby_mark *marks);

/* The worker gives a partition back of which its shelf has everything up to the mark (stolen). */
void standby_give(struct standby *standby, const char *topic, int32_t partition,
		  struct standby_mark *mark);

/* Partitions that are followed, and records that were read for them; any thread. */
struct standby_figures {
	int64_t partitions, records;
};

void standby_look(struct standby *standby, struct standby_figures *figures);

#endif
