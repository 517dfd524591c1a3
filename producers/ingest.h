/* Ingest: the rows of a file become source events on an input topic.
 *
 * Every data row is counted in exactly one of: an event sent, a row sent to the dead letters, a row
 * outside [from, until). So rows = events + dlq_rows + outside_rows, always.
 *
 * The same file gives the same records again: an event's id is the first 16 hex digits of the
 * file's SHA-256, "-", and the row's number (data rows count from 1; the header line is none).
 * An event's key is its subject, its partition the murmur2 of that.
 *
 * A dead letter is the row's own bytes without its line end, keyed by the id its event would have
 * had, with the headers error, reason, topic, partition ("-1"), offset (the row's number), stage
 * ("ingest") and file (the SHA-256). Where the original doesn't fit (a line over CSV_ROW_LEN_MAX,
 * or a broker that refuses it) the value is null and the headers length and sha256 stand for it.
 *
 * At the end a CONTROL_END goes to every partition of the topic: this input tells all up to end_ms.
 * None is sent where the run was stopped, or where neither an event nor `until` gives a time.
 *
 * No printing, no clock. Threads: one. */
#ifndef PRODUCERS_INGEST_H
#define PRODUCERS_INGEST_H

#include "kafka/bus.h"
#include "producers/mapping.h"
#include "schemas/registry.h"

enum {
	INGEST_EVENT_LEN_MAX = 32 * 1024,   /* an encoded event, bytes */
	INGEST_PROGRESS_ROWS = 1000,	    /* between two calls of progress */
	INGEST_ARENA_LEN = 2 * 1024 * 1024, /* a header's names, or one event's texts */
};

_Static_assert((int)INGEST_EVENT_LEN_MAX >
		       3 * KEY_LEN_MAX + ATTR_COUNT_MAX * (ATTR_LEN_MAX + MAPPING_TEXT_MAX + 8) +
			       4096,
	       "every event that a mapping can make");
_Static_assert((int)INGEST_ARENA_LEN > 2 * CSV_ROW_LEN_MAX + 32 * CSV_FIELD_COUNT_MAX &&
		       (int)INGEST_ARENA_LEN > (int)MAPPING_ARENA_LEN,
	       "a header's names in UTF-8, or an event");

/* Where records go: a writer on a real Kafka, or a test's memory. */
struct ingest_sink {
	struct err *(*send)(void *context, const struct outgoing *out);
	void *context;
	int32_t partition_count; /* of the target topic */
	int32_t dlq_partition_count;
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
	const char *path;	 /* the file */
	struct mapping *mapping; /* is bound to the file */
	struct registry *registry;
	struct ingest_sink sink;
	const char *topic;	   /* NULL: the mapping's */
	const char *dlq_topic;	   /* its full name */
	int64_t from_ms, until_ms; /* events in [from, until); TIME_NONE: no bound */
	int64_t limit;		   /* data rows to read, in the file's order; 0: all */
	size_t sort_bytes_max;	   /* 0: EVENT_SORT_BYTES_MAX */
	void (*progress)(void *context, const struct ingest_progress *progress); /* may be NULL */
	void *progress_context;
	const volatile int *stop; /* non-zero: end early, without CONTROL_END; may be NULL */
};

struct ingest_result {
	int64_t rows, events, dlq_rows, outside_rows;
	int64_t first_ms, last_ms; /* earliest and latest event time sent; TIME_NONE: no event */
	int64_t end_ms;		   /* of CONTROL_END; TIME_NONE: none was sent */
	bool stopped;
	char digest[HASH_SHA256_HEX_LEN + 1];
};

/* Reads the file, binds the mapping to it and sends everything; *result tells, after an error too,
 * how far it came. The sink is not flushed. A row whose time can't be read belongs to the part of
 * the history that has no `from`, so that a history played in two parts sends it to dlq once.
 * Errors: FATAL SOURCE_FILE_* and MAPPING_COLUMNS (before anything is sent), SORT_SIZE,
 * INGEST_REFUSED (the topic takes no event of this size); the registry's and the sink's own. */
ERR_MUST_USE struct err *ingest_run(const struct ingest_options *options,
				    struct ingest_result *result);

#endif
