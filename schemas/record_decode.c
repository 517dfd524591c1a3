#include "schemas/record_decode.h"

#include "base/check.h"
#include "base/little.h"
#include "base/utf8.h"

enum {
	/* Passing over a value visits at most this many types, so that values without bytes
	 * (arrays of null, empty records) can't keep a worker busy: per byte, and in all. */
	SKIP_WORK_PER_BYTE = 64,
	SKIP_WORK_MIN = 4096,
};

/* For what is short where it matters and would be called for each field. */
#define ALWAYS_INLINE __attribute__((always_inline)) static inline

/* A message being read. Readers take the position and return the one after what they read, or NULL
 * after they have said why in `code` and `what`: so the position stays in a register. */
struct cursor {
	const uint8_t *end, *failed_at;
	uint64_t skip_work;
	const char *code, *what, *name;
};

__attribute__((cold, noinline)) static const uint8_t *fail(struct cursor *cursor, const uint8_t *at,
							   const char *code, const char *what)
{
	cursor->failed_at = at;
	cursor->code = code;
	cursor->what = what;
	return NULL;
}

static const uint8_t *truncated(struct cursor *cursor, const uint8_t *at)
{
	return fail(cursor, at, "AVRO_TRUNCATED", "the value ends within it");
}

static inline size_t left(const struct cursor *cursor, const uint8_t *at)
{
	return (size_t)(cursor->end - at);
}

static int64_t unzigzag(uint64_t bits)
{
	return (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
}

static const uint8_t *take_long_slow(struct cursor *cursor, const uint8_t *at, int64_t *value)
{
	uint64_t bits = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (at == cursor->end)
			return truncated(cursor, at);
		uint8_t byte = *at++;
		if (shift == 63 && byte > 1)
			break;
		bits |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = unzigzag(bits);
			return at;
		}
	}
	return fail(cursor, at, "AVRO_INVALID", "a number of more than 64 bits");
}

/* The 7-bit groups of up to 8 bytes side by side: pairs, then pairs of pairs, then the halves. */
static uint64_t join_groups(uint64_t word)
{
	word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x7f007f007f007f00)) >> 1;
	word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x3fff00003fff0000)) >> 2;
	return (word & UINT64_C(0x0fffffff)) | (word & UINT64_C(0x0fffffff00000000)) >> 4;
}

/* Zigzag varint; source: Avro specification, "Binary encoding". Up to eight bytes are read at once
 * where as many are left. */
static inline const uint8_t *take_long(struct cursor *cursor, const uint8_t *at, int64_t *value)
{
	if (left(cursor, at) < sizeof(uint64_t))
		return take_long_slow(cursor, at, value);
	uint64_t word = little_load64(at);
	uint64_t ends = ~word & UINT64_C(0x8080808080808080);
	if (ends == 0)
		return take_long_slow(cursor, at, value);
	*value = unzigzag(join_groups(word & (ends ^ (ends - 1))));
	return at + (__builtin_ctzll(ends) / 8 + 1);
}

/* The same for what is nearly always one byte: lengths, counts and indexes. */
ALWAYS_INLINE const uint8_t *take_small(struct cursor *cursor, const uint8_t *at, int64_t *value)
{
	if (at == cursor->end || *at > 0x7f)
		return take_long_slow(cursor, at, value);
	*value = unzigzag(*at);
	return at + 1;
}

static const uint8_t *take_int(struct cursor *cursor, const uint8_t *at, int64_t *value)
{
	at = take_long(cursor, at, value);
	if (at != NULL && (*value < INT32_MIN || *value > INT32_MAX))
		return fail(cursor, at, "AVRO_INVALID", "an int of more than 32 bits");
	return at;
}

ALWAYS_INLINE const uint8_t *take_bytes(struct cursor *cursor, const uint8_t *at,
					struct bytes *value)
{
	int64_t len;
	at = take_small(cursor, at, &len);
	if (at == NULL)
		return NULL;
	if ((uint64_t)len > left(cursor, at))
		return len < 0 ? fail(cursor, at, "AVRO_INVALID", "a negative length")
			       : truncated(cursor, at);
	*value = bytes_of(at, (size_t)len);
	return at + len;
}

ALWAYS_INLINE const uint8_t *take_string(struct cursor *cursor, const uint8_t *at,
					 struct bytes *value)
{
	at = take_bytes(cursor, at, value);
	if (at != NULL && !utf8_check(value->data, value->len))
		return fail(cursor, at, "AVRO_UTF8", "not UTF-8");
	return at;
}

static inline const uint8_t *take_double(struct cursor *cursor, const uint8_t *at, double *value)
{
	if (left(cursor, at) < sizeof *value)
		return truncated(cursor, at);
	uint64_t bits = little_load64(at);
	memcpy(value, &bits, sizeof *value);
	return at + sizeof *value;
}

static const uint8_t *take_float(struct cursor *cursor, const uint8_t *at, double *value)
{
	float single;
	if (left(cursor, at) < sizeof single)
		return truncated(cursor, at);
	uint32_t bits = little_load32(at);
	memcpy(&single, &bits, sizeof single);
	*value = (double)single;
	return at + sizeof single;
}

static inline const uint8_t *take_bool(struct cursor *cursor, const uint8_t *at, bool *value)
{
	if (at == cursor->end)
		return truncated(cursor, at);
	if (*at > 1)
		return fail(cursor, at, "AVRO_INVALID", "a boolean that is neither 0 nor 1");
	*value = *at == 1;
	return at + 1;
}

/* An index of a union's branch or an enum's symbol. */
ALWAYS_INLINE const uint8_t *take_index(struct cursor *cursor, const uint8_t *at, size_t count,
					size_t *index)
{
	int64_t value;
	at = take_small(cursor, at, &value);
	if (at == NULL)
		return NULL;
	if ((uint64_t)value >= count)
		return fail(cursor, at, "AVRO_INVALID", "an index that the schema does not have");
	*index = (size_t)value;
	return at;
}

/* The head of a block of an array or a map: its count of items, 0 at the end. *size is the block's
 * length in bytes where the writer gives it (by a negative count), else -1. */
static const uint8_t *take_block(struct cursor *cursor, const uint8_t *at, uint64_t *count,
				 int64_t *size)
{
	int64_t head;
	*size = -1;
	at = take_small(cursor, at, &head);
	if (at == NULL)
		return NULL;
	*count = head < 0 ? -(uint64_t)head : (uint64_t)head;
	if (head >= 0)
		return at;
	at = take_long(cursor, at, size);
	if (at == NULL)
		return NULL;
	if (*size < 0)
		return fail(cursor, at, "AVRO_INVALID", "a block of negative size");
	return (uint64_t)*size > left(cursor, at) ? truncated(cursor, at) : at;
}

/* ---- passing over what the table lacks ---- */

static const uint8_t *skip_len(struct cursor *cursor, const uint8_t *at, size_t len)
{
	return len > left(cursor, at) ? truncated(cursor, at) : at + len;
}

static const uint8_t *skip(struct cursor *cursor, const uint8_t *at, const struct schema_node *node,
			   unsigned depth);

static const uint8_t *skip_blocks(struct cursor *cursor, const uint8_t *at,
				  const struct schema_node *node, unsigned depth)
{
	for (;;) {
		uint64_t count;
		int64_t size;
		at = take_block(cursor, at, &count, &size);
		if (at != NULL && size >= 0) {
			at += size;
			continue;
		}
		if (at == NULL || count == 0)
			return at;
		struct bytes key;
		for (uint64_t i = 0; i < count && at != NULL; i++) {
			if (node->kind == SCHEMA_MAP)
				at = take_bytes(cursor, at, &key);
			if (at != NULL)
				at = skip(cursor, at, node->children[0].node, depth + 1);
		}
		if (at == NULL)
			return NULL;
	}
}

static const uint8_t *skip_record(struct cursor *cursor, const uint8_t *at,
				  const struct schema_node *node, unsigned depth)
{
	for (size_t i = 0; at != NULL && i < node->child_count; i++)
		at = skip(cursor, at, node->children[i].node, depth + 1);
	return at;
}

static const uint8_t *skip_union(struct cursor *cursor, const uint8_t *at,
				 const struct schema_node *node, unsigned depth)
{
	size_t branch = 0;
	at = take_index(cursor, at, node->child_count, &branch);
	return at == NULL ? NULL : skip(cursor, at, node->children[branch].node, depth + 1);
}

static const uint8_t *skip(struct cursor *cursor, const uint8_t *at, const struct schema_node *node,
			   unsigned depth)
{
	int64_t integer;
	bool boolean;
	size_t index = 0;
	struct bytes bytes;
	if (depth > 2 * SCHEMA_DEPTH_MAX)
		return fail(cursor, at, "AVRO_INVALID", "values nested too deep");
	if (cursor->skip_work-- == 0)
		return fail(cursor, at, "AVRO_TOO_MANY", "more items than are allowed");
	switch (node->kind) {
	case SCHEMA_NULL: return at;
	case SCHEMA_BOOLEAN: return take_bool(cursor, at, &boolean);
	case SCHEMA_INT: return take_int(cursor, at, &integer);
	case SCHEMA_LONG: return take_long(cursor, at, &integer);
	case SCHEMA_FLOAT: return skip_len(cursor, at, sizeof(float));
	case SCHEMA_DOUBLE: return skip_len(cursor, at, sizeof(double));
	case SCHEMA_BYTES:
	case SCHEMA_STRING: return take_bytes(cursor, at, &bytes);
	case SCHEMA_RECORD: return skip_record(cursor, at, node, depth);
	case SCHEMA_ENUM: return take_index(cursor, at, node->child_count, &index);
	case SCHEMA_ARRAY:
	case SCHEMA_MAP: return skip_blocks(cursor, at, node, depth);
	case SCHEMA_UNION: return skip_union(cursor, at, node, depth);
	case SCHEMA_FIXED: return skip_len(cursor, at, node->fixed_size);
	}
	check_failed("a kind of type", __FILE__, __LINE__);
}

/* As skip, for a field: most are texts and numbers, which are passed over here. */
static inline const uint8_t *skip_field(struct cursor *cursor, const uint8_t *at,
					const struct schema_node *node)
{
	struct bytes text;
	int64_t integer;
	switch (node->kind) {
	case SCHEMA_STRING: return take_bytes(cursor, at, &text);
	case SCHEMA_LONG: return take_long(cursor, at, &integer);
	default: return skip(cursor, at, node, 0);
	}
}

/* ---- filling the struct ---- */

static const uint8_t *run_steps(struct cursor *cursor, const uint8_t *at, const struct steps *steps,
				uint8_t *base);
static const uint8_t *run_list(struct cursor *cursor, const uint8_t *at, const struct step *steps,
			       size_t count, uint8_t *base);

static const uint8_t *run_step(struct cursor *cursor, const uint8_t *at, const struct step *step,
			       uint8_t *base)
{
	return run_list(cursor, at, step, 1, base);
}

static const uint8_t *run_item(struct cursor *cursor, const uint8_t *at, const struct step *step,
			       uint8_t *base, size_t index)
{
	const struct field *field = step->field;
	if (step->op == STEP_ARRAY)
		return run_step(cursor, at, &step->branches[0],
				base + field->offset + index * field->type->size);
	struct attr *attr = (struct attr *)(void *)(base + field->offset) + index;
	at = take_string(cursor, at, &attr->key);
	return at == NULL ? NULL : run_step(cursor, at, &step->branches[0], (uint8_t *)attr);
}

static const uint8_t *run_blocks(struct cursor *cursor, const uint8_t *at, const struct step *step,
				 uint8_t *base)
{
	size_t filled = 0;
	for (;;) {
		uint64_t count;
		int64_t size;
		at = take_block(cursor, at, &count, &size);
		if (at == NULL)
			return NULL;
		if (count == 0)
			break;
		if (count > step->field->element_max - filled)
			return fail(cursor, at, "AVRO_TOO_MANY", "more items than are allowed");
		const uint8_t *start = at;
		for (uint64_t i = 0; i < count && at != NULL; i++)
			at = run_item(cursor, at, step, base, filled++);
		if (at == NULL)
			return NULL;
		if (size >= 0 && at - start != size)
			return fail(cursor, at, "AVRO_INVALID", "a block whose size is wrong");
	}
	*(size_t *)(void *)(base + step->field->count_offset) = filled;
	return at;
}

static const uint8_t *run_enum(struct cursor *cursor, const uint8_t *at, const struct step *step,
			       int32_t *value)
{
	size_t index = 0;
	at = take_index(cursor, at, step->count, &index);
	if (at == NULL)
		return NULL;
	*value = step->symbols[index];
	return *value >= 0 ? at
			   : fail(cursor, at, "AVRO_INVALID",
				  "a symbol that this version does not know");
}

static const uint8_t *run_union(struct cursor *cursor, const uint8_t *at, const struct step *step,
				uint8_t *base)
{
	size_t branch = 0;
	at = take_index(cursor, at, step->count, &branch);
	return at == NULL ? NULL : run_step(cursor, at, &step->branches[branch], base);
}

static const uint8_t *run_int(struct cursor *cursor, const uint8_t *at, int32_t *value)
{
	int64_t integer = 0;
	at = take_int(cursor, at, &integer);
	*value = (int32_t)integer;
	return at;
}

static const uint8_t *run_long_as_double(struct cursor *cursor, const uint8_t *at, double *value)
{
	int64_t integer = 0;
	at = take_long(cursor, at, &integer);
	*value = (double)integer;
	return at;
}

static inline const uint8_t *run_op(struct cursor *cursor, const uint8_t *at,
				    const struct step *step, uint8_t *base)
{
	void *member = base + step->offset;
	switch (step->op) {
	case STEP_SKIP: return skip_field(cursor, at, step->writer);
	case STEP_NULL: return at;
	case STEP_REFUSED: return fail(cursor, at, "AVRO_INVALID", "of a type that it can't hold");
	case STEP_UNION: return run_union(cursor, at, step, base);
	case STEP_STRING: return take_string(cursor, at, member);
	case STEP_BYTES: return take_bytes(cursor, at, member);
	case STEP_LONG: return take_long(cursor, at, member);
	case STEP_INT_AS_LONG: return take_int(cursor, at, member);
	case STEP_INT: return run_int(cursor, at, member);
	case STEP_LONG_AS_DOUBLE: return run_long_as_double(cursor, at, member);
	case STEP_FLOAT_AS_DOUBLE: return take_float(cursor, at, member);
	case STEP_DOUBLE: return take_double(cursor, at, member);
	case STEP_BOOL: return take_bool(cursor, at, member);
	case STEP_ENUM: return run_enum(cursor, at, step, member);
	case STEP_MAP:
	case STEP_ARRAY: return run_blocks(cursor, at, step, base);
	case STEP_RECORD: return run_steps(cursor, at, step->nested, member);
	}
	check_failed("an op", __FILE__, __LINE__);
}

static inline const uint8_t *run_present(struct cursor *cursor, const uint8_t *at,
					 const struct step *step, uint8_t *base)
{
	at = run_op(cursor, at, step, base);
	if (step->has_offset != STEP_NO_HAS && step->op != STEP_UNION)
		*(bool *)(base + step->has_offset) = true;
	return at;
}

/* The one place where steps are run, so that all of it is inlined here. Optional fields are most of
 * a record: their union is decided without another round. */
static const uint8_t *run_list(struct cursor *cursor, const uint8_t *at, const struct step *steps,
			       size_t count, uint8_t *base)
{
	for (const struct step *step = steps; step < steps + count; step++) {
		size_t branch = STEP_NO_NULL;
		if (step->null_branch != STEP_NO_NULL)
			at = take_index(cursor, at, 2, &branch);
		if (at != NULL && (branch == STEP_NO_NULL || branch != step->null_branch))
			at = run_present(cursor, at, step, base);
		if (at == NULL) {
			if (cursor->name == NULL)
				cursor->name = step->name;
			return NULL;
		}
	}
	return at;
}

static const uint8_t *run_steps(struct cursor *cursor, const uint8_t *at, const struct steps *steps,
				uint8_t *base)
{
	for (size_t i = 0; i < steps->part_count; i++) {
		const struct image_part *part = &steps->parts[i];
		memcpy(base + part->offset, steps->image + part->offset, part->len);
	}
	return run_list(cursor, at, steps->list, steps->count, base);
}

struct err *steps_decode(const struct steps *steps, struct bytes avro, void *record)
{
	static const uint8_t nothing[1];
	const uint8_t *data = avro.data ? avro.data : nothing;
	struct cursor cursor = { .end = data + avro.len,
				 .skip_work =
					 SKIP_WORK_MIN + SKIP_WORK_PER_BYTE * (uint64_t)avro.len };
	const char *type = steps->type->name;
	const uint8_t *at = run_steps(&cursor, data, steps, record);
	if (at == NULL)
		return err_new(ERR_POISON, cursor.code, "%s.%s at byte %zu of %zu: %s", type,
			       cursor.name, (size_t)(cursor.failed_at - data), avro.len,
			       cursor.what);
	if (at != cursor.end && !steps->type->head_only)
		return err_new(ERR_POISON, "AVRO_TRAILING", "%s: %zu bytes are left over after it",
			       type, left(&cursor, at));
	return NULL;
}

struct err *record_skip(const struct schema_node *node, struct bytes avro, size_t *used)
{
	static const uint8_t nothing[1];
	const uint8_t *data = avro.data ? avro.data : nothing;
	struct cursor cursor = { .end = data + avro.len,
				 .skip_work =
					 SKIP_WORK_MIN + SKIP_WORK_PER_BYTE * (uint64_t)avro.len };
	const uint8_t *at = skip(&cursor, data, node, 0);
	if (at == NULL)
		return err_new(ERR_POISON, cursor.code, "byte %zu of %zu: %s",
			       (size_t)(cursor.failed_at - data), avro.len, cursor.what);
	*used = (size_t)(at - data);
	return NULL;
}
