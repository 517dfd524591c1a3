#include "schemas/record_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/conf.h"
#include "base/timestamp.h"
#include "schemas/record_decode.h"

enum { FIELDS_MAX = 64, SHOWN_MAX = 60 };

static const char *const no_preset[] = { NULL };

/* A path that grows and shrinks with the descent. */
struct walk {
	char *path; /* RECORD_JSON_PATH_MAX */
};

static size_t path_enter(struct walk *walk, const char *name)
{
	size_t len = strlen(walk->path);
	snprintf(walk->path + len, RECORD_JSON_PATH_MAX - len, "%s%.64s", len > 0 ? "." : "", name);
	return len;
}

static size_t path_enter_item(struct walk *walk, size_t index)
{
	size_t len = strlen(walk->path);
	snprintf(walk->path + len, RECORD_JSON_PATH_MAX - len, "[%zu]", index);
	return len;
}

static void path_leave(struct walk *walk, size_t len)
{
	walk->path[len] = '\0';
}

__attribute__((format(printf, 2, 3))) static struct err *bad(const struct walk *walk,
							     const char *format, ...)
{
	char text[ERR_TEXT_MAX / 2];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return err_new(ERR_POISON, "JSON_FIELD", "%s%s%s", walk->path,
		       *walk->path == '\0' ? "" : ": ", text);
}

static const char *kind_name(const json_t *json)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",
		[JSON_STRING] = "a string",  [JSON_INTEGER] = "an integer",
		[JSON_REAL] = "a fraction",  [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",	     [JSON_NULL] = "null",
	};
	return names[json_typeof(json)];
}

static struct err *bad_kind(const struct walk *walk, const json_t *json, const char *expected)
{
	if (json_is_string(json))
		return bad(walk, "expected %s, found \"%.*s\"", expected, SHOWN_MAX,
			   json_string_value(json));
	return bad(walk, "expected %s, found %s", expected, kind_name(json));
}

static struct err *take_long(struct walk *walk, const struct field *field, const json_t *json,
			     int64_t *value)
{
	size_t len = strlen(field->name);
	bool is_time = len > 3 && strcmp(field->name + len - 3, "_ms") == 0;
	if (json_is_integer(json)) {
		*value = json_integer_value(json);
		return NULL;
	}
	if (is_time && json_is_string(json) && time_parse(json_string_value(json), value))
		return NULL;
	return bad_kind(walk, json,
			is_time ? "a time: ms since 1970, or a text as 2024-05-31T12:00:00Z"
				: "an integer");
}

static struct err *take_enum(struct walk *walk, const struct field *field, const json_t *json,
			     int32_t *value)
{
	const char *text = json_string_value(json);
	for (int32_t i = 0; text != NULL && field->symbols[i] != NULL; i++) {
		*value = i;
		if (strcmp(field->symbols[i], text) == 0)
			return NULL;
	}
	return bad_kind(walk, json, "a symbol that the schema has");
}

static struct err *take_text(struct walk *walk, const json_t *json, struct bytes *value)
{
	if (!json_is_string(json))
		return bad_kind(walk, json, "a string");
	*value = bytes_of(json_string_value(json), json_string_length(json));
	return NULL;
}

static struct err *take_scalar(struct walk *walk, const struct field *field, const json_t *json,
			       uint8_t *at)
{
	int64_t integer = 0;
	struct err *err;
	switch (field->kind) {
	case FIELD_STRING:
	case FIELD_BYTES: return take_text(walk, json, (struct bytes *)(void *)at);
	case FIELD_LONG: return take_long(walk, field, json, (int64_t *)(void *)at);
	case FIELD_INT:
		err = take_long(walk, field, json, &integer);
		if (err == NULL && (integer < INT32_MIN || integer > INT32_MAX))
			err = bad(walk, "%" PRId64 " does not fit 32 bits", integer);
		*(int32_t *)(void *)at = (int32_t)integer;
		return err;
	case FIELD_DOUBLE:
		if (!json_is_number(json))
			return bad_kind(walk, json, "a number");
		*(double *)(void *)at = json_number_value(json);
		return NULL;
	case FIELD_BOOL:
		if (!json_is_boolean(json))
			return bad_kind(walk, json, "true or false");
		*(bool *)(void *)at = json_is_true(json);
		return NULL;
	case FIELD_ENUM: return take_enum(walk, field, json, (int32_t *)(void *)at);
	default: CHECK(false && "not a scalar"); return NULL;
	}
}

static struct err *take_object(struct walk *walk, const struct record_type *type,
			       const json_t *object, const char *const *preset, uint8_t *record);

static struct err *take_map(struct walk *walk, const struct field *field, const json_t *json,
			    uint8_t *record)
{
	struct attr *attrs = (struct attr *)(void *)(record + field->offset);
	size_t *count = (size_t *)(void *)(record + field->count_offset);
	const char *key;
	json_t *value;
	if (!json_is_object(json))
		return bad_kind(walk, json, "an object of texts");
	if (json_object_size(json) > field->element_max)
		return bad(walk, "%zu entries, at most %zu are accepted", json_object_size(json),
			   field->element_max);
	json_object_foreach((json_t *)json, key, value) {
		size_t len = path_enter(walk, key);
		attrs[*count].key = bytes_str(key);
		struct err *err = take_text(walk, value, &attrs[*count].value);
		if (err != NULL)
			return err;
		(*count)++;
		path_leave(walk, len);
	}
	return NULL;
}

static struct err *take_array(struct walk *walk, const struct field *field, const json_t *json,
			      uint8_t *record)
{
	size_t *count = (size_t *)(void *)(record + field->count_offset);
	if (!json_is_array(json))
		return bad_kind(walk, json, "a list");
	if (json_array_size(json) > field->element_max)
		return bad(walk, "%zu items, at most %zu are accepted", json_array_size(json),
			   field->element_max);
	for (*count = 0; *count < json_array_size(json); (*count)++) {
		size_t len = path_enter_item(walk, *count);
		struct err *err =
			take_object(walk, field->type, json_array_get(json, *count), no_preset,
				    record + field->offset + *count * field->type->size);
		if (err != NULL)
			return err;
		path_leave(walk, len);
	}
	return NULL;
}

static struct err *take_field(struct walk *walk, const struct field *field, const json_t *json,
			      uint8_t *record)
{
	switch (field->kind) {
	case FIELD_MAP: return take_map(walk, field, json, record);
	case FIELD_ARRAY: return take_array(walk, field, json, record);
	case FIELD_RECORD:
		memset(record + field->offset, 0, field->type->size);
		return take_object(walk, field->type, json, no_preset, record + field->offset);
	default: return take_scalar(walk, field, json, record + field->offset);
	}
}

/* What a field is where the JSON does not have it. Records are not cleared: nobody looks. */
static void set_absent(const struct field *field, uint8_t *record)
{
	if (field->kind == FIELD_MAP || field->kind == FIELD_ARRAY)
		*(size_t *)(void *)(record + field->count_offset) = 0;
	else if (field_absent_by_pointer(field))
		*(struct bytes *)(void *)(record + field->offset) = (struct bytes){ 0 };
	else if (field->optional)
		*(bool *)(void *)(record + field->has_offset) = false;
}

static bool is_in(const char *const *names, const char *name)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static struct err *refuse_unknown(struct walk *walk, const struct record_type *type,
				  const json_t *object, const char *const *preset)
{
	const char *names[FIELDS_MAX], *key;
	json_t *value;
	size_t count = 0;
	CHECK(type->field_count <= FIELDS_MAX);
	for (size_t i = 0; i < type->field_count; i++)
		if (!is_in(preset, type->fields[i].name))
			names[count++] = type->fields[i].name;
	json_object_foreach((json_t *)object, key, value) {
		bool known = false;
		for (size_t i = 0; i < count && !known; i++)
			known = strcmp(names[i], key) == 0;
		if (known)
			continue;
		const char *nearest = conf_nearest(key, names, count);
		path_enter(walk, key);
		return bad(walk, "%s%s%s%s%s",
			   is_in(preset, key) ? "is said elsewhere already"
					      : "there is no such field",
			   nearest ? "; did you mean \"" : "", nearest ? nearest : "",
			   nearest ? "\"?" : "", "");
	}
	return NULL;
}

static struct err *take_object(struct walk *walk, const struct record_type *type,
			       const json_t *object, const char *const *preset, uint8_t *record)
{
	if (!json_is_object(object))
		return bad_kind(walk, object, "an object");
	struct err *err = refuse_unknown(walk, type, object, preset);
	for (size_t i = 0; i < type->field_count && err == NULL; i++) {
		const struct field *field = &type->fields[i];
		const json_t *json = json_object_get(object, field->name);
		if (is_in(preset, field->name))
			continue;
		set_absent(field, record);
		bool may_lack =
			field->optional || field->kind == FIELD_MAP || field->kind == FIELD_ARRAY;
		if (may_lack && (json == NULL || json_is_null(json)))
			continue;
		size_t len = path_enter(walk, field->name);
		err = json == NULL ? bad(walk, "is missing")
				   : take_field(walk, field, json, record);
		if (err != NULL)
			return err;
		if (field->optional && !field_absent_by_pointer(field))
			*(bool *)(void *)(record + field->has_offset) = true;
		path_leave(walk, len);
	}
	return err;
}

struct err *record_from_json(const struct record_type *type, const json_t *object,
			     const char *const *preset, void *record, char *path)
{
	struct walk walk = { .path = path };
	path[0] = '\0';
	return take_object(&walk, type, object, preset == NULL ? no_preset : preset, record);
}
