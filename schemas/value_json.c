#include "schemas/value_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* What is left to read of one value. */
struct cursor {
	const uint8_t *at, *end;
	size_t items_left; /* see VALUE_ITEMS_MAX: items may take no bytes at all */
};

/* ---- Avro's binary forms -------------------------------------------------------------------- */

static struct err *truncated_new(const char *what)
{
	return err_new(ERR_POISON, "AVRO_TRUNCATED", "the value ends within a %s", what);
}

/* A zigzag varint of at most ten bytes. */
static struct err *long_read(struct cursor *cursor, int64_t *number)
{
	uint64_t bits = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		if (cursor->at == cursor->end)
			return truncated_new("number");
		uint8_t byte = *cursor->at++;
		if (shift == 63 && byte > 1)
			break;
		bits |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*number = (int64_t)(bits >> 1 ^ (0 - (bits & 1)));
			return NULL;
		}
	}
	return err_new(ERR_POISON, "AVRO_INVALID", "a number is longer than 64 bits");
}

static struct err *raw_read(struct cursor *cursor, size_t len, const char *what,
			    struct bytes *bytes)
{
	if (len > (size_t)(cursor->end - cursor->at))
		return truncated_new(what);
	*bytes = bytes_of(cursor->at, len);
	cursor->at += len;
	return NULL;
}

/* A length, and that many bytes. */
static struct err *bytes_read(struct cursor *cursor, const char *what, struct bytes *bytes)
{
	int64_t len;
	struct err *err = long_read(cursor, &len);
	if (err != NULL)
		return err;
	if (len < 0)
		return err_new(ERR_POISON, "AVRO_INVALID", "a %s of negative length", what);
	return raw_read(cursor, (size_t)len, what, bytes);
}

/* Little-endian IEEE 754 of `size` bytes. */
static struct err *real_read(struct cursor *cursor, size_t size, double *real)
{
	struct bytes raw = { 0 };
	struct err *err = raw_read(cursor, size, "floating-point number", &raw);
	if (err != NULL)
		return err;
	uint64_t bits = 0;
	for (size_t i = size; i-- > 0;)
		bits = bits << 8 | raw.data[i];
	if (size == sizeof(double)) {
		memcpy(real, &bits, sizeof *real);
	} else {
		uint32_t bits32 = (uint32_t)bits;
		float single;
		memcpy(&single, &bits32, sizeof single);
		*real = (double)single;
	}
	return NULL;
}

static json_t *real_json(double real)
{
	if (isnan(real))
		return json_string("NaN");
	if (isinf(real))
		return json_string(real > 0 ? "Infinity" : "-Infinity");
	return json_real(real);
}

/* ---- walking a schema ----------------------------------------------------------------------- */

static struct err *node_read(const struct schema_node *node, unsigned depth, struct cursor *cursor,
			     json_t **json);

/* An index into a node's children: an enum's symbol, a union's branch. */
static struct err *child_read(const struct schema_node *node, struct cursor *cursor,
			      const struct schema_child **child)
{
	int64_t index;
	struct err *err = long_read(cursor, &index);
	if (err != NULL)
		return err;
	if (index < 0 || (uint64_t)index >= node->child_count)
		return err_new(ERR_POISON, "AVRO_INVALID", "%s has no choice %lld",
			       schema_kind_name(node->kind), (long long)index);
	*child = &node->children[index];
	return NULL;
}

static struct err *scalar_read(const struct schema_node *node, struct cursor *cursor, json_t **json)
{
	struct err *err = NULL;
	struct bytes bytes = { 0 };
	int64_t whole = 0;
	double real = 0;
	const struct schema_child *child = NULL;
	switch (node->kind) {
	case SCHEMA_NULL: *json = json_null(); break;
	case SCHEMA_BOOLEAN:
		err = raw_read(cursor, 1, "boolean", &bytes);
		if (err == NULL && bytes.data[0] > 1)
			err = err_new(ERR_POISON, "AVRO_INVALID", "a boolean is 0 or 1");
		*json = err == NULL ? json_boolean(bytes.data[0]) : NULL;
		break;
	case SCHEMA_INT:
	case SCHEMA_LONG:
		err = long_read(cursor, &whole);
		*json = err == NULL ? json_integer(whole) : NULL;
		break;
	case SCHEMA_FLOAT:
	case SCHEMA_DOUBLE:
		err = real_read(cursor, node->kind == SCHEMA_FLOAT ? 4 : 8, &real);
		*json = err == NULL ? real_json(real) : NULL;
		break;
	case SCHEMA_STRING:
		err = bytes_read(cursor, "string", &bytes);
		*json = err == NULL ? value_text(bytes) : NULL;
		break;
	case SCHEMA_BYTES:
		err = bytes_read(cursor, "bytes", &bytes);
		*json = err == NULL ? value_base64(bytes) : NULL;
		break;
	case SCHEMA_FIXED:
		err = raw_read(cursor, node->fixed_size, "fixed", &bytes);
		*json = err == NULL ? value_base64(bytes) : NULL;
		break;
	case SCHEMA_ENUM:
		err = child_read(node, cursor, &child);
		*json = err == NULL ? json_string(child->name) : NULL;
		break;
	default: CHECK(false && "not a scalar");
	}
	return err;
}

static struct err *record_read(const struct schema_node *node, unsigned depth,
			       struct cursor *cursor, json_t **json)
{
	json_t *object = json_object();
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < node->child_count; i++) {
		const struct schema_child *field = &node->children[i];
		json_t *value = NULL;
		err = node_read(field->node, depth, cursor, &value);
		if (err != NULL)
			err = err_wrap(err, "field %s", field->name);
		else
			json_object_set_new(object, field->name, value);
	}
	if (err != NULL)
		json_decref(object);
	else
		*json = object;
	return err;
}

/* One item of an array, or one entry of a map, added to `container`. */
static struct err *item_read(const struct schema_node *node, unsigned depth, struct cursor *cursor,
			     json_t *container)
{
	struct bytes key = { 0 };
	json_t *value = NULL;
	struct err *err = NULL;
	if (node->kind == SCHEMA_MAP)
		err = bytes_read(cursor, "key", &key);
	if (err == NULL)
		err = node_read(node->children[0].node, depth, cursor, &value);
	if (err != NULL)
		return err;
	if (node->kind == SCHEMA_ARRAY) {
		json_array_append_new(container, value);
		return NULL;
	}
	char *name = check_calloc(key.len + 1, 1);
	memcpy(name, key.data, key.len);
	if (strlen(name) != key.len || json_object_set(container, name, value) != 0)
		err = err_new(ERR_POISON, "AVRO_UTF8", "a key of a map is not UTF-8");
	free(name);
	json_decref(value);
	return err;
}

/* Blocks of items until an empty one; a negative count is followed by the block's size. */
static struct err *items_read(const struct schema_node *node, unsigned depth, struct cursor *cursor,
			      json_t **json)
{
	json_t *container = node->kind == SCHEMA_MAP ? json_object() : json_array();
	struct err *err = NULL;
	for (int64_t count = 1; err == NULL && count != 0;) {
		int64_t size;
		err = long_read(cursor, &count);
		if (err == NULL && count < 0) {
			err = long_read(cursor, &size);
			count = count == INT64_MIN ? INT64_MAX : -count;
		}
		for (int64_t i = 0; err == NULL && i < count; i++)
			err = item_read(node, depth, cursor, container);
	}
	if (err != NULL)
		json_decref(container);
	else
		*json = container;
	return err;
}

static struct err *node_read(const struct schema_node *node, unsigned depth, struct cursor *cursor,
			     json_t **json)
{
	const struct schema_child *branch;
	struct err *err;
	if (depth > SCHEMA_DEPTH_MAX)
		return err_new(ERR_POISON, "AVRO_INVALID", "types within types beyond %d",
			       SCHEMA_DEPTH_MAX);
	if (cursor->items_left-- == 0)
		return err_new(ERR_POISON, "AVRO_TOO_MANY", "more than %d items", VALUE_ITEMS_MAX);
	switch (node->kind) {
	case SCHEMA_RECORD: return record_read(node, depth + 1, cursor, json);
	case SCHEMA_ARRAY:
	case SCHEMA_MAP: return items_read(node, depth + 1, cursor, json);
	case SCHEMA_UNION:
		err = child_read(node, cursor, &branch);
		return err != NULL ? err : node_read(branch->node, depth + 1, cursor, json);
	default: return scalar_read(node, cursor, json);
	}
}

/* ---- public --------------------------------------------------------------------------------- */

struct err *value_to_json(const struct schema_node *root, struct bytes avro, size_t *used,
			  json_t **json)
{
	struct cursor cursor = { .at = avro.data,
				 .end = avro.data + avro.len,
				 .items_left = VALUE_ITEMS_MAX };
	struct err *err = node_read(root, 0, &cursor, json);
	*used = err == NULL ? (size_t)(cursor.at - avro.data) : 0;
	return err;
}

json_t *value_text(struct bytes text)
{
	if (text.data == NULL)
		return json_null();
	json_t *string = json_stringn((const char *)text.data, text.len);
	return string != NULL ? string : value_base64(text);
}

json_t *value_base64(struct bytes data)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = (data.len + 2) / 3 * 4;
	char *text = check_malloc(len + 1);
	size_t out = 0;
	for (size_t i = 0; i < data.len; i += 3) {
		size_t left = data.len - i;
		uint32_t bits = (uint32_t)data.data[i] << 16;
		bits |= left > 1 ? (uint32_t)data.data[i + 1] << 8 : 0;
		bits |= left > 2 ? data.data[i + 2] : 0u;
		text[out++] = digits[bits >> 18];
		text[out++] = digits[bits >> 12 & 63];
		text[out++] = '=';
		text[out++] = '=';
		if (left > 1)
			text[out - 2] = digits[bits >> 6 & 63];
		if (left > 2)
			text[out - 1] = digits[bits & 63];
	}
	CHECK(out == len);
	json_t *object = json_pack("{s:s%}", "base64", text, len);
	CHECK(object != NULL);
	free(text);
	return object;
}
