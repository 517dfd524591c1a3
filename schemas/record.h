/* Field tables: one table per record type drives encoding, decoding and projection.
 *
 * A table maps the fields of a plain C struct to the fields of an Avro record by name. Encoding
 * writes the project's own schema (the order of the table is the order of the .avsc, asserted at
 * start-up by record_type_check). Decoding follows a plan: the writer's schema resolved once
 * against the table, by name, with defaults, so that any compatible writer can be read.
 *
 * Ownership: decoded strings are borrowed from the message. Threads: tables and plans are
 * read-only after they are made and may be shared. */
#ifndef SCHEMAS_RECORD_H
#define SCHEMAS_RECORD_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

enum field_kind {
	FIELD_STRING, /* struct bytes, checked to be UTF-8 */
	FIELD_BYTES,  /* struct bytes */
	FIELD_LONG,   /* int64_t */
	FIELD_INT,    /* int32_t */
	FIELD_DOUBLE, /* double */
	FIELD_BOOL,   /* bool */
	FIELD_ENUM,   /* int32_t, an index into `symbols`; an unknown symbol is POISON */
	FIELD_MAP,    /* struct attr[ATTR_COUNT_MAX] at offset, size_t at count_offset */
	FIELD_RECORD, /* a nested struct at offset, described by `type` */
	FIELD_ARRAY,  /* array of nested structs: `type`, `element_max`, size_t at count_offset */
};

/* An entry of a map<string>. */
struct attr {
	struct bytes key, value;
};

struct record_type;

struct field {
	const char *name;
	enum field_kind kind;
	bool optional; /* Avro union ["null", T], default null. Absent is data == NULL for
			* strings and bytes; other kinds have a bool at has_offset */
	size_t offset, has_offset, count_offset;
	size_t element_max;
	const char *const *symbols; /* NULL-terminated, FIELD_ENUM */
	const struct record_type *type;
};

struct record_type {
	const char *name; /* the .avsc file without its ending, e.g. "erp_event" */
	size_t size;	  /* sizeof the C struct */
	const struct field *fields;
	size_t field_count;
	/* Decoding leaves what lies from here on as it is, but for the fields that are there: room
	 * for the optional records of several types. 0: all is initialised. */
	size_t image_size;
	bool own_subject; /* shares its topics with other types: registered under its own name */
	bool head_only;	  /* read no further than its last field: what follows is not looked at */
};

/* Asserts that the table and the project's own schema text (schemas/texts.h) agree in names, order
 * and types. Errors: FATAL SCHEMA_TABLE naming the field. */
ERR_MUST_USE struct err *record_type_check(const struct record_type *type);

/* Encodes *record as Avro binary (no framing) into out[out_max]; *len is the length used. Map
 * entries are written in the order given; an absent string that is not optional is written empty.
 * Errors: POISON RECORD_TOO_LARGE, AVRO_UTF8 (a string that isn't). */
ERR_MUST_USE struct err *record_encode(const struct record_type *type, const void *record,
				       uint8_t *out, size_t out_max, size_t *len);

/* A writer's schema resolved against a table. */
struct record_plan;

/* A new plan. Fields that the table lacks are skipped, fields that the writer lacks take the
 * default of the project's own schema, int is promoted to long and long to double as Avro says.
 * Records match by name without namespace, fields by name or by an alias in the project's schema.
 * Errors: FATAL SCHEMA_INVALID (not an Avro schema), SCHEMA_MISMATCH (another record, or a field of
 * the table is neither written nor defaulted, or types do not match), naming the field. */
ERR_MUST_USE struct err *record_plan_new(const struct record_type *type, const char *writer_schema,
					 struct record_plan **plan);
void record_plan_free(struct record_plan **plan);

/* Decodes Avro binary into *record (type->size bytes, overwritten but for the items of maps and
 * arrays beyond their count and optional records that are absent; half filled after an error).
 * Strings are borrowed from `avro`, defaulted ones from the plan. Every length is checked. Errors:
 * POISON AVRO_TRUNCATED, AVRO_INVALID, AVRO_UTF8, AVRO_TRAILING (bytes left over), AVRO_TOO_MANY
 * (more map or array items than the table holds). The text names the field. */
ERR_MUST_USE struct err *record_decode(const struct record_plan *plan, struct bytes avro,
				       void *record);

#endif
