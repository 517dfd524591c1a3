/* Inside of the record module: the steps that decode a record, and running them.
 *
 * There is one step per field of the writer's schema, in the order of the wire, and an image: the
 * record as it is before any step has run (defaults filled in, optional fields absent). Decoding
 * copies the image, but for the items of maps and arrays and optional records, and runs the steps,
 * so it needs no second look for missing fields. It allocates nothing. Nothing outside of schemas/
 * includes this. Threads: steps are read-only once made. */
#ifndef SCHEMAS_RECORD_DECODE_H
#define SCHEMAS_RECORD_DECODE_H

#include "schemas/record.h"
#include "schemas/schema.h"

enum step_op {
	STEP_SKIP,    /* no field of the table; `writer` says what to pass over */
	STEP_NULL,    /* the absent branch of an optional field: the image has it so */
	STEP_REFUSED, /* a branch of the writer's union that the field can't hold */
	STEP_UNION,   /* a long, then branches[it] */
	STEP_STRING,
	STEP_BYTES,
	STEP_LONG,
	STEP_INT,
	STEP_INT_AS_LONG,
	STEP_LONG_AS_DOUBLE,
	STEP_FLOAT_AS_DOUBLE,
	STEP_DOUBLE,
	STEP_BOOL,
	STEP_ENUM,
	STEP_MAP,
	STEP_ARRAY,
	STEP_RECORD,
};

#define STEP_NO_HAS  SIZE_MAX
#define STEP_NO_NULL SIZE_MAX

struct steps;

struct step {
	enum step_op op;
	size_t offset;	   /* of the member in the struct that the step fills */
	size_t has_offset; /* bool to be set, or STEP_NO_HAS */
	/* Which of two branches is null, where a long comes first to say; or STEP_NO_NULL. */
	size_t null_branch;
	const char *name; /* field, for messages */
	const struct field *field;
	const struct schema_node *writer;
	size_t count;	       /* branches or symbols */
	struct step *branches; /* UNION: `count`; MAP, ARRAY: one, for the items */
	int32_t *symbols;      /* ENUM: the table's index for each of the writer's, -1 for none */
	struct steps *nested;  /* RECORD */
};

/* What of the image a record needs: all but the items of its maps and arrays and its optional
 * records. */
struct image_part {
	size_t offset, len;
};

struct steps {
	const struct record_type *type;
	size_t count;
	struct step *list;
	uint8_t *image; /* type->size bytes */
	size_t part_count;
	struct image_part *parts;
};

/* Decodes all of `avro` into *record. Errors: as record_decode. */
ERR_MUST_USE struct err *steps_decode(const struct steps *steps, struct bytes avro, void *record);

/* The length of the value of type `node` at the beginning of `avro` into *used. Errors: as
 * record_decode. */
ERR_MUST_USE struct err *record_skip(const struct schema_node *node, struct bytes avro,
				     size_t *used);

/* Whether absence of this kind of field is a NULL pointer in it, not a bool beside it. */
static inline bool field_absent_by_pointer(const struct field *field)
{
	return field->kind == FIELD_STRING || field->kind == FIELD_BYTES;
}

#endif
