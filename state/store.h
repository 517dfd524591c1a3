/* Published states on local disk, in RocksDB: one database per process, one column family ("shelf",
 * state/shelf.h) per task, so that a task's states, due index and position form one consistent
 * prefix of what was committed, and leave together.
 *
 * The input log is the redo log, so nothing here waits for the disk: RocksDB's own log is written,
 * but not synchronized, and what a process had written outlives its death. After the machine's a
 * shelf is an older, but whole, checkpoint; its position says which. Nothing here is the only copy:
 * whatever is damaged is thrown away and read again from Kafka.
 *
 *   damage found            what happens
 *   opening the database    its folder becomes PATH.damaged, a new one is opened
 *   reading a shelf         ABORT STORE_CORRUPT; the shelf counts as absent until it is wiped
 *   writing or flushing     FATAL STORE_CORRUPT; a mark in the folder, so that the next opening
 *                           starts anew
 *
 * Ownership: shelves belong to the store. Threads: a store may be shared; a shelf, its batches,
 * loans and cursors belong to the worker that owns the task. */
#ifndef STATE_STORE_H
#define STATE_STORE_H

#include "base/bytes.h"
#include "base/err.h"

struct store;
struct shelf;

/* What opening found. */
struct store_opened {
	bool damaged; /* what was there is in PATH.damaged (one is kept), the store is empty */
	char reason[256];
};

struct store_options {
	size_t memory_bytes; /* that RocksDB may hold: a third of it the block cache, a third write
			      * buffers, a third what those overshoot by while they are flushed */
	uint64_t room_bytes; /* on the disk that must stay free: below it nothing is written, so
			      * that RocksDB doesn't meet the end of the disk within a file */
};

/* Opens or creates the database under `path`; PATH.lock keeps others out. opened may be NULL.
 * Errors: FATAL STORE_OPEN (in use by another process, no permission: the text says which),
 * STORE_FULL (no room on the disk). */
ERR_MUST_USE struct err *store_open(const char *path, const struct store_options *options,
				    struct store_opened *opened, struct store **store);
void store_close(struct store **store); /* flushes first */

/* Rewrites every file, so that no byte of what was deleted or replaced is left in them. Takes as
 * long as writing the whole store. */
void store_compact(struct store *store);

/* What the store holds in memory, bytes, and how often its background work has failed. For figures;
 * any thread. */
struct store_memory {
	int64_t write_buffers, block_cache, table_readers;
	int64_t background_errors;
};

void store_memory(struct store *store, struct store_memory *memory);

/* The shelf of one task, created empty where it is missing. Errors: RETRY STORE_FULL: no room
 * on the disk; FATAL STORE_CORRUPT, STORE_WRITE. */
ERR_MUST_USE struct err *store_shelf(struct store *store, const char *stage, const char *topic,
				     int32_t partition, struct shelf **shelf);

#endif
