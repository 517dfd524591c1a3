/* The declarative mapping: which columns of a file make which fields of a source event.
 *
 * A column is one of a delimited text, found by its header, or a value in a JSON object: a key, or,
 * where the name begins with "/", a JSON Pointer (RFC 6901). The rest is the same for both.
 *
 * A mapping is a JSON file (docs/ingest.md is its reference). Loading checks all of it: an unknown
 * key, a wrong type, or a field that the chosen schema lacks is an error that names the file, the
 * JSON path and what was expected. Binding finds its columns in the file's header. Applying is
 * pure: the same row gives the same event.
 *
 * Ownership: a mapping owns its texts; events borrow from the row, the mapping and the arena.
 * Threads: loading sets TZ for a moment (producers/time_zone.h), so it belongs before the first
 * thread is started; afterwards a bound mapping is read-only. */
#ifndef PRODUCERS_MAPPING_H
#define PRODUCERS_MAPPING_H

#include "base/arena.h"
#include "producers/csv.h"
#include "schemas/types.h"

enum {
	MAPPING_LEN_MAX = 64 * 1024,	/* of the JSON file, bytes */
	MAPPING_TEXT_MAX = 128,		/* of a name, prefix or constant in it, bytes */
	MAPPING_COLUMNS_MAX = 64,	/* distinct columns that it uses */
	MAPPING_RULES_MAX = 32,		/* of the type */
	MAPPING_FIELDS_MAX = 48,	/* of payloads */
	MAPPING_ARENA_LEN = 128 * 1024, /* what applying may take of an arena, bytes */
};

_Static_assert((int)MAPPING_ARENA_LEN >
		       2 * (ATTR_COUNT_MAX + MAPPING_FIELDS_MAX + 2) * (ATTR_LEN_MAX + 16) +
			       4 * (IDENTIFIER_COUNT_MAX + 2) * KEY_LEN_MAX,
	       "every text of an event, latin-1 turned into UTF-8");

struct mapping;

/* What a driver needs to know besides the fields. All borrowed from the mapping. */
struct mapping_info {
	const char *name; /* its file's name, for messages */
	const char *topic, *source;
	const struct record_type *type; /* the schema of its events */
	struct csv_options csv;
	bool has_header;
	bool is_csv;	      /* it has csv settings of its own */
	bool order_by_time;   /* sort the file's events by time before sending */
	const char *digest;   /* SHA-256 of its text, hex */
	bool end_at_next_day; /* the end of the input is the end of its last UTC day */
};

/* A new mapping from the file at `path`. Free with mapping_free.
 * Errors: FATAL MAPPING_FILE (unreadable, too long, not JSON: line and column), MAPPING_INVALID. */
ERR_MUST_USE struct err *mapping_load(const char *path, struct mapping **mapping);

/* The same from JSON text in memory; `name` stands for the file in messages. */
ERR_MUST_USE struct err *mapping_parse(const char *name, struct bytes json,
				       struct mapping **mapping);
void mapping_free(struct mapping **mapping); /* NULL-safe */

struct mapping_info mapping_info(const struct mapping *mapping);

/* Finds the mapping's columns in `header`: the file's first row, or NULL where the mapping itself
 * gives the names. *field_count becomes what every row must have. Names that are not ASCII take up
 * to 2 * header->raw_len bytes of the arena, and 16 each. `file` is for the message.
 * Errors: FATAL MAPPING_COLUMNS naming file, column, the JSON path that needs it, and what the
 * header has. */
ERR_MUST_USE struct err *mapping_bind(struct mapping *mapping, const char *file,
				      const struct row *header, struct arena *arena,
				      size_t *field_count);

/* Only the event time of a row of a bound mapping, UTC ms. Errors: POISON EVENT_TIME. */
ERR_MUST_USE struct err *mapping_read_time(const struct mapping *mapping, const struct row *row,
					   int64_t *event_ms);

/* The whole event; event_id is absent where the mapping has no `id`. Uses at most MAPPING_ARENA_LEN
 * of the arena. Errors: POISON EVENT_TIME, EVENT_TYPE, EVENT_REJECTED (a rule of the mapping),
 * EVENT_SUBJECT, EVENT_QUANTITY, EVENT_AMOUNT, EVENT_CURRENCY, EVENT_VALUE, EVENT_ATTRIBUTE,
 * EVENT_ID, EVENT_IDENTIFIER, EVENT_PAYLOAD, EVENT_ENCODING; the text names the column, its content
 * and what was expected. */
ERR_MUST_USE struct err *mapping_apply(const struct mapping *mapping, const struct row *row,
				       struct arena *arena, struct source_event *event);

#endif
