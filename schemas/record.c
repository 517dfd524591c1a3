#include "schemas/record.h"

#include "base/check.h"
#include "base/little.h"
#include "base/utf8.h"
#include "schemas/record_plan.h"
#include "schemas/texts.h"

/* ---- the table against the project's own schema ---- */

const char *record_own_text(const char *name)
{
	for (size_t i = 0; i < schema_text_count; i++)
		if (strcmp(schema_texts[i].name, name) == 0)
			return schema_texts[i].text;
	return NULL;
}

struct err *record_own_parse(const struct record_type *type, const char *text,
			     struct schema **schema, const struct schema_node **root)
{
	*schema = NULL;
	if (text == NULL)
		return err_new(ERR_FATAL, "SCHEMA_TABLE", "no schema %s.avsc was built in",
			       type->name);
	struct err *err = schema_parse(text, schema, root);
	if (err) {
		struct err *table = err_new(ERR_FATAL, "SCHEMA_TABLE", "%s.avsc: %s", type->name,
					    err_text(err));
		err_free(&err);
		return table;
	}
	if ((*root)->kind == SCHEMA_RECORD)
		return NULL;
	schema_free(schema);
	return err_new(ERR_FATAL, "SCHEMA_TABLE", "%s.avsc is not a record", type->name);
}

static struct err *table_differs(const struct record_type *type, const char *field,
				 const char *what)
{
	return err_new(ERR_FATAL, "SCHEMA_TABLE", "%s.%s: the table and the schema differ in %s",
		       type->name, field, what);
}

static const enum schema_kind kind_of_field[] = {
	[FIELD_STRING] = SCHEMA_STRING, [FIELD_BYTES] = SCHEMA_BYTES,
	[FIELD_LONG] = SCHEMA_LONG,	[FIELD_INT] = SCHEMA_INT,
	[FIELD_DOUBLE] = SCHEMA_DOUBLE, [FIELD_BOOL] = SCHEMA_BOOLEAN,
	[FIELD_ENUM] = SCHEMA_ENUM,	[FIELD_MAP] = SCHEMA_MAP,
	[FIELD_RECORD] = SCHEMA_RECORD, [FIELD_ARRAY] = SCHEMA_ARRAY,
};

static bool symbols_agree(const struct field *field, const struct schema_node *node)
{
	for (size_t i = 0; i < node->child_count; i++)
		if (!field->symbols[i] || strcmp(field->symbols[i], node->children[i].name) != 0)
			return false;
	return field->symbols[node->child_count] == NULL;
}

static struct err *fields_check(const struct record_type *type, const struct schema_node *node);

static struct err *field_check(const struct record_type *type, const struct field *field,
			       const struct schema_child *child)
{
	if (strcmp(child->name, field->name) != 0)
		return table_differs(type, field->name, "name or order");
	const struct schema_node *node = child->node;
	if (field->optional) {
		bool pair = node->kind == SCHEMA_UNION && node->child_count == 2 &&
			    node->children[0].node->kind == SCHEMA_NULL;
		if (!pair || !json_is_null(child->value_default))
			return table_differs(type, field->name, "being optional");
		node = node->children[1].node;
	}
	if (node->kind != kind_of_field[field->kind])
		return table_differs(type, field->name, "type");
	if (field->offset >= type->size)
		return table_differs(type, field->name, "the struct that they are for");
	if (field->kind == FIELD_ENUM && !symbols_agree(field, node))
		return table_differs(type, field->name, "symbols");
	if (field->kind == FIELD_MAP && node->children[0].node->kind != SCHEMA_STRING)
		return table_differs(type, field->name, "the map's values");
	if (field->kind == FIELD_RECORD)
		return fields_check(field->type, node);
	if (field->kind != FIELD_ARRAY)
		return NULL;
	if (node->children[0].node->kind != SCHEMA_RECORD)
		return table_differs(type, field->name, "the array's items");
	return fields_check(field->type, node->children[0].node);
}

static struct err *fields_check(const struct record_type *type, const struct schema_node *node)
{
	if (node->child_count != type->field_count)
		return table_differs(type, "*", "number of fields");
	for (size_t i = 0; i < type->field_count; i++) {
		struct err *err = field_check(type, &type->fields[i], &node->children[i]);
		if (err)
			return err;
	}
	return NULL;
}

struct err *record_type_check(const struct record_type *type)
{
	struct schema *schema;
	const struct schema_node *root;
	struct err *err = record_own_parse(type, record_own_text(type->name), &schema, &root);
	if (err)
		return err;
	err = fields_check(type, root);
	schema_free(&schema);
	return err;
}

/* ---- encoding ---- */

/* Writers take the position and return the one after what they wrote, or NULL after they have said
 * why in `code`: so the position stays in a register. */
struct output {
	uint8_t *end;
	const char *code;	   /* why it failed, or NULL */
	const struct field *field; /* the innermost that failed */
};

__attribute__((cold, noinline)) static uint8_t *fail(struct output *out, const char *code)
{
	out->code = code;
	return NULL;
}

static inline size_t room(const struct output *out, const uint8_t *at)
{
	return (size_t)(out->end - at);
}

__attribute__((noinline)) static uint8_t *put_varint(struct output *out, uint8_t *at, uint64_t rest)
{
	unsigned more = (63u - (unsigned)__builtin_clzll(rest | 1)) / 7; /* bytes but the last */
	if (room(out, at) <= more)
		return fail(out, "RECORD_TOO_LARGE");
	for (; rest > 0x7f; rest >>= 7)
		*at++ = (uint8_t)(rest | 0x80);
	*at++ = (uint8_t)rest;
	return at;
}

/* Zigzag varint; source: Avro specification, "Binary encoding". Most are one byte. */
static inline uint8_t *put_long(struct output *out, uint8_t *at, int64_t value)
{
	uint64_t rest = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
	if (rest > 0x7f || at == out->end)
		return put_varint(out, at, rest);
	*at = (uint8_t)rest;
	return at + 1;
}

static inline uint8_t *put_bytes(struct output *out, uint8_t *at, struct bytes value)
{
	if (value.len > room(out, at))
		return fail(out, "RECORD_TOO_LARGE");
	at = put_long(out, at, (int64_t)value.len);
	if (at == NULL || value.len > room(out, at))
		return fail(out, "RECORD_TOO_LARGE");
	if (value.len)
		memcpy(at, value.data, value.len);
	return at + value.len;
}

static inline uint8_t *put_string(struct output *out, uint8_t *at, struct bytes value)
{
	if (!utf8_check(value.data, value.len))
		return fail(out, "AVRO_UTF8");
	return put_bytes(out, at, value);
}

static inline uint8_t *put_double(struct output *out, uint8_t *at, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	if (room(out, at) < sizeof bits)
		return fail(out, "RECORD_TOO_LARGE");
	little_store64(at, bits);
	return at + sizeof bits;
}

static inline uint8_t *put_byte(struct output *out, uint8_t *at, uint8_t value)
{
	if (at == out->end)
		return fail(out, "RECORD_TOO_LARGE");
	*at = value;
	return at + 1;
}

static uint8_t *put_map(struct output *out, uint8_t *at, const struct field *field,
			const uint8_t *base)
{
	size_t count = *(const size_t *)(const void *)(base + field->count_offset);
	const struct attr *attrs = (const void *)(base + field->offset);
	CHECK(count <= field->element_max);
	if (count == 0)
		return put_byte(out, at, 0);
	at = put_long(out, at, (int64_t)count);
	for (size_t i = 0; i < 2 * count && at != NULL; i++)
		at = put_string(out, at, i % 2 == 0 ? attrs[i / 2].key : attrs[i / 2].value);
	return at == NULL ? NULL : put_byte(out, at, 0);
}

static uint8_t *put_record(struct output *out, uint8_t *at, const struct record_type *type,
			   const uint8_t *base);

static uint8_t *put_array(struct output *out, uint8_t *at, const struct field *field,
			  const uint8_t *base)
{
	size_t count = *(const size_t *)(const void *)(base + field->count_offset);
	CHECK(count <= field->element_max);
	if (count == 0)
		return put_byte(out, at, 0);
	at = put_long(out, at, (int64_t)count);
	const uint8_t *element = base + field->offset;
	for (size_t i = 0; i < count && at != NULL; i++, element += field->type->size)
		at = put_record(out, at, field->type, element);
	return at == NULL ? NULL : put_byte(out, at, 0);
}

static uint8_t *put_enum(struct output *out, uint8_t *at, const struct field *field, int32_t value)
{
	CHECK(value >= 0);
	for (int32_t i = 0; i <= value; i++)
		CHECK(field->symbols[i] != NULL);
	return put_long(out, at, value);
}

static inline uint8_t *put_value(struct output *out, uint8_t *at, const struct field *field,
				 const uint8_t *base)
{
	const void *member = base + field->offset;
	switch (field->kind) {
	case FIELD_STRING: return put_string(out, at, *(const struct bytes *)member);
	case FIELD_BYTES: return put_bytes(out, at, *(const struct bytes *)member);
	case FIELD_LONG: return put_long(out, at, *(const int64_t *)member);
	case FIELD_INT: return put_long(out, at, *(const int32_t *)member);
	case FIELD_DOUBLE: return put_double(out, at, *(const double *)member);
	case FIELD_BOOL: return put_byte(out, at, *(const bool *)member);
	case FIELD_ENUM: return put_enum(out, at, field, *(const int32_t *)member);
	case FIELD_MAP: return put_map(out, at, field, base);
	case FIELD_RECORD: return put_record(out, at, field->type, member);
	case FIELD_ARRAY: return put_array(out, at, field, base);
	}
	check_failed("a kind of field", __FILE__, __LINE__);
}

static inline bool is_present(const struct field *field, const uint8_t *base)
{
	if (field_absent_by_pointer(field))
		return ((const struct bytes *)(const void *)(base + field->offset))->data != NULL;
	return *(const bool *)(base + field->has_offset);
}

static uint8_t *put_record(struct output *out, uint8_t *at, const struct record_type *type,
			   const uint8_t *base)
{
	const struct field *end = type->fields + type->field_count;
	for (const struct field *field = type->fields; field < end; field++) {
		bool present = !field->optional || is_present(field, base);
		if (field->optional)
			at = put_byte(out, at, present ? 2 : 0);
		if (at != NULL && present)
			at = put_value(out, at, field, base);
		if (at == NULL) {
			if (out->field == NULL)
				out->field = field;
			return NULL;
		}
	}
	return at;
}

struct err *record_encode(const struct record_type *type, const void *record, uint8_t *out,
			  size_t out_max, size_t *len)
{
	struct output output = { .end = out + out_max };
	const uint8_t *end = put_record(&output, out, type, record);
	*len = end != NULL ? (size_t)(end - out) : 0;
	if (end != NULL)
		return NULL;
	if (strcmp(output.code, "AVRO_UTF8") == 0)
		return err_new(ERR_POISON, "AVRO_UTF8", "%s.%s is not UTF-8", type->name,
			       output.field->name);
	return err_new(ERR_POISON, "RECORD_TOO_LARGE", "%s.%s: the record is longer than %zu bytes",
		       type->name, output.field->name, out_max);
}
