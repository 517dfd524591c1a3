#include "schemas/record_decode.h"

#include "base/check.h"
#include "schemas/utf8.h"

enum {
	/* Passing over a value visits at most this many types, so that values without bytes
	 * (arrays of null, empty records) can't keep a worker busy: per byte, and in all. */
	SKIP_WORK_PER_BYTE = 64,
	SKIP_WORK_MIN = 4096,
};

/* A message being read. Readers return false after they have said why in `code` and `what`. */
struct cursor {
	const uint8_t *at, *end;
	uint64_t skip_work;
	const char *code, *what, *name;
};

static bool fail(struct cursor *cursor, const char *code, const char *what)
{
	cursor->code = code;
	cursor->what = what;
	return false;
}

static bool truncated(struct cursor *cursor)
{
	return fail(cursor, "AVRO_TRUNCATED", "the value ends within it");
}

static inline size_t left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

static bool take_long_slow(struct cursor *cursor, int64_t *value)
{
	uint64_t bits = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (cursor->at == cursor->end)
			return truncated(cursor);
		uint8_t byte = *cursor->at++;
		if (shift == 63 && byte > 1)
			break;
		bits |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
			return true;
		}
	}
	return fail(cursor, "AVRO_INVALID", "a number of more than 64 bits");
}

/* Zigzag varint; source: Avro specification, "Binary encoding". Most are one byte. */
static inline bool take_long(struct cursor *cursor, int64_t *value)
{
	if (cursor->at == cursor->end || *cursor->at > 0x7f)
		return take_long_slow(cursor, value);
	uint8_t byte = *cursor->at++;
	*value = (byte >> 1) ^ -(byte & 1);
	return true;
}

static bool take_int(struct cursor *cursor, int64_t *value)
{
	if (!take_long(cursor, value))
		return false;
	if (*value < INT32_MIN || *value > INT32_MAX)
		return fail(cursor, "AVRO_INVALID", "an int of more than 32 bits");
	return true;
}

static inline bool take_bytes(struct cursor *cursor, struct bytes *value)
{
	int64_t len;
	if (!take_long(cursor, &len))
		return false;
	if (len < 0)
		return fail(cursor, "AVRO_INVALID", "a negative length");
	if ((uint64_t)len > left(cursor))
		return truncated(cursor);
	*value = bytes_of(cursor->at, (size_t)len);
	cursor->at += len;
	return true;
}

static inline bool take_string(struct cursor *cursor, struct bytes *value)
{
	if (!take_bytes(cursor, value))
		return false;
	if (!utf8_check(value->data, value->len))
		return fail(cursor, "AVRO_UTF8", "not UTF-8");
	return true;
}

/* Little-endian bits of a float (4 bytes) or a double (8). */
static inline bool take_bits(struct cursor *cursor, unsigned len, uint64_t *bits)
{
	if (left(cursor) < len)
		return truncated(cursor);
	*bits = 0;
	for (unsigned i = 0; i < len; i++)
		*bits |= (uint64_t)cursor->at[i] << 8 * i;
	cursor->at += len;
	return true;
}

static bool take_double(struct cursor *cursor, double *value)
{
	uint64_t bits;
	if (!take_bits(cursor, sizeof bits, &bits))
		return false;
	memcpy(value, &bits, sizeof *value);
	return true;
}

static bool take_float(struct cursor *cursor, double *value)
{
	uint64_t bits;
	if (!take_bits(cursor, sizeof(float), &bits))
		return false;
	uint32_t low = (uint32_t)bits;
	float single;
	memcpy(&single, &low, sizeof single);
	*value = (double)single;
	return true;
}

static bool take_bool(struct cursor *cursor, bool *value)
{
	if (cursor->at == cursor->end)
		return truncated(cursor);
	if (*cursor->at > 1)
		return fail(cursor, "AVRO_INVALID", "a boolean that is neither 0 nor 1");
	*value = *cursor->at++ == 1;
	return true;
}

/* An index of a union's branch or an enum's symbol. */
static inline bool take_index(struct cursor *cursor, size_t count, size_t *index)
{
	int64_t value;
	if (!take_long(cursor, &value))
		return false;
	if (value < 0 || (uint64_t)value >= count)
		return fail(cursor, "AVRO_INVALID", "an index that the schema does not have");
	*index = (size_t)value;
	return true;
}

/* The head of a block of an array or a map: its count of items, 0 at the end. *size is the block's
 * length in bytes where the writer gives it (by a negative count), else -1. */
static bool take_block(struct cursor *cursor, uint64_t *count, int64_t *size)
{
	int64_t head;
	*size = -1;
	if (!take_long(cursor, &head))
		return false;
	*count = head < 0 ? -(uint64_t)head : (uint64_t)head;
	if (head >= 0)
		return true;
	if (!take_long(cursor, size))
		return false;
	if (*size < 0)
		return fail(cursor, "AVRO_INVALID", "a block of negative size");
	if ((uint64_t)*size > left(cursor))
		return truncated(cursor);
	return true;
}

/* ---- passing over what the table lacks ---- */

static bool skip_len(struct cursor *cursor, size_t len)
{
	if (len > left(cursor))
		return truncated(cursor);
	cursor->at += len;
	return true;
}

static bool skip(struct cursor *cursor, const struct schema_node *node, unsigned depth);

static bool skip_blocks(struct cursor *cursor, const struct schema_node *node, unsigned depth)
{
	for (;;) {
		uint64_t count;
		int64_t size;
		if (!take_block(cursor, &count, &size))
			return false;
		if (size >= 0) {
			cursor->at += size;
			continue;
		}
		if (count == 0)
			return true;
		struct bytes key;
		for (uint64_t i = 0; i < count; i++) {
			if (node->kind == SCHEMA_MAP && !take_bytes(cursor, &key))
				return false;
			if (!skip(cursor, node->children[0].node, depth + 1))
				return false;
		}
	}
}

static bool skip_record(struct cursor *cursor, const struct schema_node *node, unsigned depth)
{
	for (size_t i = 0; i < node->child_count; i++)
		if (!skip(cursor, node->children[i].node, depth + 1))
			return false;
	return true;
}

static bool skip_union(struct cursor *cursor, const struct schema_node *node, unsigned depth)
{
	size_t branch;
	if (!take_index(cursor, node->child_count, &branch))
		return false;
	return skip(cursor, node->children[branch].node, depth + 1);
}

static bool skip(struct cursor *cursor, const struct schema_node *node, unsigned depth)
{
	int64_t integer;
	bool boolean;
	size_t index;
	struct bytes bytes;
	if (depth > 2 * SCHEMA_DEPTH_MAX)
		return fail(cursor, "AVRO_INVALID", "values nested too deep");
	if (cursor->skip_work-- == 0)
		return fail(cursor, "AVRO_TOO_MANY", "more items than are allowed");
	switch (node->kind) {
	case SCHEMA_NULL: return true;
	case SCHEMA_BOOLEAN: return take_bool(cursor, &boolean);
	case SCHEMA_INT: return take_int(cursor, &integer);
	case SCHEMA_LONG: return take_long(cursor, &integer);
	case SCHEMA_FLOAT: return skip_len(cursor, sizeof(float));
	case SCHEMA_DOUBLE: return skip_len(cursor, sizeof(double));
	case SCHEMA_BYTES:
	case SCHEMA_STRING: return take_bytes(cursor, &bytes);
	case SCHEMA_RECORD: return skip_record(cursor, node, depth);
	case SCHEMA_ENUM: return take_index(cursor, node->child_count, &index);
	case SCHEMA_ARRAY:
	case SCHEMA_MAP: return skip_blocks(cursor, node, depth);
	case SCHEMA_UNION: return skip_union(cursor, node, depth);
	case SCHEMA_FIXED: return skip_len(cursor, node->fixed_size);
	}
	check_failed("a kind of type", __FILE__, __LINE__);
}

/* ---- filling the struct ---- */

static bool run_steps(struct cursor *cursor, const struct steps *steps, uint8_t *base);
static bool run_step(struct cursor *cursor, const struct step *step, uint8_t *base);

static bool run_item(struct cursor *cursor, const struct step *step, uint8_t *base, size_t index)
{
	const struct field *field = step->field;
	if (step->op == STEP_ARRAY)
		return run_step(cursor, &step->branches[0],
				base + field->offset + index * field->type->size);
	struct attr *attr = (struct attr *)(void *)(base + field->offset) + index;
	return take_string(cursor, &attr->key) &&
	       run_step(cursor, &step->branches[0], (uint8_t *)attr);
}

static bool run_blocks(struct cursor *cursor, const struct step *step, uint8_t *base)
{
	size_t filled = 0;
	for (;;) {
		uint64_t count;
		int64_t size;
		if (!take_block(cursor, &count, &size))
			return false;
		if (count == 0)
			break;
		if (count > step->field->element_max - filled)
			return fail(cursor, "AVRO_TOO_MANY", "more items than are allowed");
		const uint8_t *start = cursor->at;
		for (uint64_t i = 0; i < count; i++)
			if (!run_item(cursor, step, base, filled++))
				return false;
		if (size >= 0 && cursor->at - start != size)
			return fail(cursor, "AVRO_INVALID", "a block whose size is wrong");
	}
	*(size_t *)(void *)(base + step->field->count_offset) = filled;
	return true;
}

static bool run_enum(struct cursor *cursor, const struct step *step, int32_t *value)
{
	size_t index;
	if (!take_index(cursor, step->count, &index))
		return false;
	*value = step->symbols[index];
	if (*value < 0)
		return fail(cursor, "AVRO_INVALID", "a symbol that this version does not know");
	return true;
}

static bool run_union(struct cursor *cursor, const struct step *step, uint8_t *base)
{
	size_t branch;
	return take_index(cursor, step->count, &branch) &&
	       run_step(cursor, &step->branches[branch], base);
}

static inline bool run_op(struct cursor *cursor, const struct step *step, uint8_t *base)
{
	void *member = base + step->offset;
	int64_t integer;
	switch (step->op) {
	case STEP_SKIP: return skip(cursor, step->writer, 0);
	case STEP_NULL: return true;
	case STEP_REFUSED: return fail(cursor, "AVRO_INVALID", "of a type that it can't hold");
	case STEP_UNION: return run_union(cursor, step, base);
	case STEP_STRING: return take_string(cursor, member);
	case STEP_BYTES: return take_bytes(cursor, member);
	case STEP_LONG: return take_long(cursor, member);
	case STEP_INT_AS_LONG: return take_int(cursor, member);
	case STEP_INT:
		if (!take_int(cursor, &integer))
			return false;
		*(int32_t *)member = (int32_t)integer;
		return true;
	case STEP_LONG_AS_DOUBLE:
		if (!take_long(cursor, &integer))
			return false;
		*(double *)member = (double)integer;
		return true;
	case STEP_FLOAT_AS_DOUBLE: return take_float(cursor, member);
	case STEP_DOUBLE: return take_double(cursor, member);
	case STEP_BOOL: return take_bool(cursor, member);
	case STEP_ENUM: return run_enum(cursor, step, member);
	case STEP_MAP:
	case STEP_ARRAY: return run_blocks(cursor, step, base);
	case STEP_RECORD: return run_steps(cursor, step->nested, member);
	}
	check_failed("an op", __FILE__, __LINE__);
}

static bool run_step(struct cursor *cursor, const struct step *step, uint8_t *base)
{
	if (!run_op(cursor, step, base)) {
		if (cursor->name == NULL)
			cursor->name = step->name;
		return false;
	}
	if (step->op != STEP_UNION && step->has_offset != STEP_NO_HAS)
		*(bool *)(base + step->has_offset) = true;
	return true;
}

static bool run_steps(struct cursor *cursor, const struct steps *steps, uint8_t *base)
{
	memcpy(base, steps->image, steps->type->size);
	for (size_t i = 0; i < steps->count; i++)
		if (!run_step(cursor, &steps->list[i], base))
			return false;
	return true;
}

struct err *steps_decode(const struct steps *steps, struct bytes avro, void *record)
{
	static const uint8_t nothing[1];
	const uint8_t *data = avro.data ? avro.data : nothing;
	struct cursor cursor = { .at = data,
				 .end = data + avro.len,
				 .skip_work =
					 SKIP_WORK_MIN + SKIP_WORK_PER_BYTE * (uint64_t)avro.len };
	const char *type = steps->type->name;
	if (!run_steps(&cursor, steps, record))
		return err_new(ERR_POISON, cursor.code, "%s.%s at byte %zu of %zu: %s", type,
			       cursor.name, (size_t)(cursor.at - data), avro.len, cursor.what);
	if (cursor.at != cursor.end)
		return err_new(ERR_POISON, "AVRO_TRAILING", "%s: %zu bytes are left over after it",
			       type, left(&cursor));
	return NULL;
}
