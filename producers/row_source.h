/* The rows of a file, whatever its format, as source events.
 *
 *   ROWS_CSV    delimited text, by a mapping
 *   ROWS_JSONL  a JSON object a line, by a mapping; or events as their schema has them
 *   ROWS_AVRO   an Avro object container, by a mapping over its records as JSON
 *               (schemas/value_json.h); or foretell's own events, by their writer's schema
 *
 * The same bytes give the same rows and events. Ownership: the source owns its buffers; a row and
 * its event are borrowed until the next row. Threads: one. */
#ifndef PRODUCERS_ROW_SOURCE_H
#define PRODUCERS_ROW_SOURCE_H

#include "producers/mapping.h"
#include "producers/source_file.h"

enum row_format { ROWS_CSV, ROWS_JSONL, ROWS_AVRO };

struct row_source;

struct row_source_options {
	enum row_format format;
	const char *path;		/* for messages */
	struct mapping *mapping;	/* bound by row_source_open; NULL: the events themselves */
	const struct record_type *type; /* of events themselves in ROWS_JSONL; else ignored */
	struct source_file *file;	/* at its beginning */
};

/* A new source (everything borrowed). Close with row_source_close. Errors: FATAL MAPPING_COLUMNS
 * (a header that can't be read or doesn't fit, a mapping for another format), MAPPING_NEEDED (a
 * container of something else than events), CONTAINER_*; the file's. */
ERR_MUST_USE struct err *row_source_open(const struct row_source_options *options,
					 struct row_source **source);
void row_source_close(struct row_source **source); /* NULL-safe */

/* The schema of its events. */
const struct record_type *row_source_type(const struct row_source *source);

/* What row->line counts: "line" or "block". */
const char *row_source_unit(const struct row_source *source);

/* The next row; *more false at the end. Errors: POISON CSV_*, JSON_*, CONTAINER_VALUE, and for
 * events themselves AVRO_*, EVENT_*, TIME_ABSURD, ...: a bad row, whose raw bytes are set; FATAL as
 * at the opening. */
ERR_MUST_USE struct err *row_source_next(struct row_source *source, struct row *row, bool *more);

/* The event time of the row at hand, and its event: event_id is absent where the file has none.
 * Errors: POISON, as mapping_read_time and mapping_apply. */
ERR_MUST_USE struct err *row_source_time(const struct row_source *source, const struct row *row,
					 int64_t *event_ms);
ERR_MUST_USE struct err *row_source_event(struct row_source *source, const struct row *row,
					  struct source_event *event);

#endif
