/* Ingest: the rows of a file (producers/row_source.h) become source events on an input topic.
 *
 * Every data row is counted in exactly one of: an event sent, a row sent to the dead letters, a row
 * outside [from, until). So rows = events + dlq_rows + outside_rows, always.
 *
 * The same file gives the same records again: an event's id is the one it has in the file, else the
 * first 16 hex digits of the file's SHA-256, "-", and the row's number (data rows count from 1; the
 * header line is none).
 * An event's key is its subject, its partition the murmur2 of that.
 *
 * A dead letter is the row's own bytes without its line end, keyed by the id its event would have
 * had, with the headers error, reason, topic, partition ("-1"), offset (the row's number), stage
 * ("ingest") and file (the SHA-256). Where the original doesn't fit (a line over CSV_ROW_LEN_MAX,
 * or a broker that refuses it) the value is null and the headers length and sha256 stand for it.
 *
 * Where the first INGEST_REFUSED_FIRST rows, or all of fewer, make no event, the mapping is taken
 * for a wrong one: it ends, before anything is committed, unless accept_refused is set.
 *
 * At the end a CONTROL_END goes to every partition of the topic: this input tells all up to end_ms.
 * None is sent where the run was stopped, or where neither an event nor `until` gives a time.
 *
 * No printing, no clock. Threads: one. */
#ifndef PRODUCERS_INGEST_H
#define PRODUCERS_INGEST_H

#include "base/limits.h"
#include "kafka/bus.h"
#include "producers/row_source.h"
#include "schemas/registry.h"

enum {
	INGEST_PROGRESS_ROWS = 1000,   /* between two calls of progress */
	INGEST_REFUSED_FIRST = 100,    /* rows without one event: the mapping is another file's */
	INGEST_COMMIT_RECORDS = 10000, /* between two commits, at most */
	INGEST_COMMIT_BYTES = 8 * 1024 * 1024,
};

_Static_assert((int)EVENT_LEN_MAX > (3 + 2 * IDENTIFIER_COUNT_MAX) * KEY_LEN_MAX +
					    (ATTR_COUNT_MAX + MAPPING_FIELDS_MAX) *
						    (ATTR_LEN_MAX + MAPPING_TEXT_MAX + 8) +
					    4096,
	       "every event that a mapping can make");
/* What is there before a run sends anything. */
struct ingest_start {
	int32_t partition_count; /* of the target topic */
	int32_t dlq_partition_count;
	int64_t done;  /* records of the sequence that an earlier run has sent */
	bool complete; /* that was all of them */
};

/* Where records go: a writer on a real Kafka, or a test's memory.
 *
 * With `begin` and `commit` (both or neither) the file is written once, whatever dies meanwhile:
 * the same file, mapping and bounds make the same sequence of records, so how many of them are
 * there says where to go on. */
struct ingest_sink {
	struct err *(*send)(void *context, const struct outgoing *out);
	/* Before anything is sent to `topic`. `identity`: 64 hex digits of what decides the
	 * sequence. Fills *start. */
	struct err *(*begin)(void *context, const char *topic, const char *identity,
			     struct ingest_start *start);
	/* Makes everything sent so far, `done` records with those of earlier runs, lasting. */
	struct err *(*commit)(void *context, int64_t done, bool complete);
	void *context;
	struct ingest_start start; /* where `begin` is NULL */
};

enum ingest_phase {
	INGEST_READING, /* done and total in bytes of the file as it lies on the disk */
	INGEST_SENDING, /* what had to be sorted first; done and total in events */
};

struct ingest_progress {
	enum ingest_phase phase;
	int64_t done, total;
	int64_t rows, events, dlq_rows;
	int64_t event_ms; /* of the latest event sent; TIME_NONE before the first */
};

struct ingest_options {
	const char *path; /* the file */
	enum row_format format;
	struct mapping *mapping;	/* is bound to the file; NULL: it holds events */
	const struct record_type *type; /* of the events in a ROWS_JSONL without a mapping */
	struct registry *registry;
	struct ingest_sink sink;
	const char *topic;	   /* NULL: the mapping's, or the events' own */
	const char *dlq_topic;	   /* its full name */
	int64_t from_ms, until_ms; /* events in [from, until); TIME_NONE: no bound */
	int64_t now_ms; /* what is dated later moves no end: the stages refuse it; 0: no bound */
	int64_t limit;	/* data rows to read, in the file's order; 0: all */
	bool accept_refused;	/* dead letters may be all that comes of the file */
	int64_t commit_records; /* 0: INGEST_COMMIT_RECORDS */
	size_t sort_bytes_max;	/* 0: EVENT_SORT_BYTES_MAX */
	void (*progress)(void *context, const struct ingest_progress *progress); /* may be NULL */
	void *progress_context;
	const volatile int *stop; /* non-zero: end early, without CONTROL_END; may be NULL */
};

struct ingest_result {
	int64_t rows, events, dlq_rows, outside_rows;
	int64_t disordered; /* events dated a day or more before one that came earlier */
	int64_t first_ms, last_ms; /* earliest and latest event time sent, without the future;
				    * TIME_NONE: no event */
	int64_t end_ms;		   /* of CONTROL_END; TIME_NONE: none was sent */
	int64_t resumed; /* records that an earlier run had sent; counted above like the others */
	bool complete;	 /* an earlier run had sent everything: nothing was read */
	bool stopped;
	const char *topic; /* where the events went; borrowed from the options or for ever */
	char digest[HASH_SHA256_HEX_LEN + 1];
};

/* Reads the file, binds the mapping to it and sends everything; *result tells, after an error too,
 * how far it came. The sink is not flushed. A row whose time can't be read belongs to the part of
 * the history that has no `from`, so that a history played in two parts sends it to dlq once.
 * Errors: FATAL SOURCE_FILE_* and MAPPING_COLUMNS (before anything is sent), INGEST_NO_EVENT (the
 * first rows make none; before anything is committed), SORT_SIZE,
 * INGEST_REFUSED (the topic takes no event of this size); the registry's and the sink's own. */
ERR_MUST_USE struct err *ingest_run(const struct ingest_options *options,
				    struct ingest_result *result);

#endif
