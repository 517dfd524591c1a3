#include "producers/mapping_row.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "producers/mapping_read.h"

enum { NUMBER_TEXT_MAX = 32, INDEX_DIGITS_MAX = 6 };

struct err *mapping_bind_json(struct mapping *mapping)
{
	if (mapping->is_csv)
		return err_new(
			ERR_FATAL, "MAPPING_COLUMNS",
			"%s: $.csv: this mapping is for delimited text, not for JSON or Avro",
			mapping->name);
	for (size_t i = 0; i < mapping->column_count; i++)
		mapping->columns[i].field = i;
	return NULL;
}

/* Undoes ~1 and ~0; source: RFC 6901, section 4. */
static void unescape(const char *from, size_t len, mapping_text to)
{
	size_t used = 0;
	for (size_t i = 0; i < len; i++) {
		bool escaped =
			from[i] == '~' && i + 1 < len && (from[i + 1] == '0' || from[i + 1] == '1');
		to[used++] = (char)(escaped ? (from[i + 1] == '0' ? '~' : '/') : from[i]);
		i += escaped;
	}
	to[used] = '\0';
}

static const json_t *item_at(const json_t *array, const char *token)
{
	size_t len = strlen(token);
	if (len == 0 || len > INDEX_DIGITS_MAX || strspn(token, "0123456789") != len ||
	    (len > 1 && token[0] == '0'))
		return NULL;
	return json_array_get(array, strtoul(token, NULL, 10));
}

/* NULL where nothing is there. */
static const json_t *find(const json_t *json, const char *column)
{
	if (*column != '/')
		return json_object_get(json, column);
	while (json != NULL && *column == '/') {
		mapping_text token;
		size_t len = strcspn(++column, "/");
		unescape(column, len, token);
		json = json_is_array(json) ? item_at(json, token) : json_object_get(json, token);
		column += len;
	}
	return json;
}

/* The shortest text that is the same double again, if 15 digits are enough (every decimal of 15
 * digits is); else all its digits with an exponent. */
static struct bytes real_text(double real, struct arena *arena)
{
	char *text = arena_alloc(arena, NUMBER_TEXT_MAX);
	snprintf(text, NUMBER_TEXT_MAX, "%.15g", real);
	if (strtod(text, NULL) != real)
		snprintf(text, NUMBER_TEXT_MAX, "%.16e", real);
	return bytes_str(text);
}

static struct bytes integer_text(json_int_t integer, struct arena *arena)
{
	char *text = arena_alloc(arena, NUMBER_TEXT_MAX);
	snprintf(text, NUMBER_TEXT_MAX, "%" JSON_INTEGER_FORMAT, integer);
	return bytes_str(text);
}

static struct err *take_column(const struct mapping_column *column, const json_t *json,
			       struct arena *arena, struct bytes *text)
{
	*text = bytes_str("");
	switch (json == NULL ? JSON_NULL : json_typeof(json)) {
	case JSON_NULL: return NULL;
	case JSON_STRING:
		*text = bytes_of(json_string_value(json), json_string_length(json));
		return NULL;
	case JSON_INTEGER: *text = integer_text(json_integer_value(json), arena); return NULL;
	case JSON_REAL: *text = real_text(json_real_value(json), arena); return NULL;
	case JSON_TRUE: *text = bytes_str("true"); return NULL;
	case JSON_FALSE: *text = bytes_str("false"); return NULL;
	default: break;
	}
	return err_new(ERR_POISON, "JSON_COLUMN",
		       "column \"%s\": expected a text, a number, true or false, found %s",
		       column->name, json_is_array(json) ? "a list" : "an object");
}

struct err *mapping_row(const struct mapping *mapping, const json_t *object, struct arena *arena,
			struct row *row)
{
	struct bytes *fields = arena_alloc(arena, (mapping->column_count + 1) * sizeof *fields);
	if (!json_is_object(object))
		return err_new(ERR_POISON, "JSON_OBJECT", "expected a JSON object");
	for (size_t i = 0; i < mapping->column_count; i++) {
		const struct mapping_column *column = &mapping->columns[i];
		struct err *err =
			take_column(column, find(object, column->name), arena, &fields[i]);
		if (err != NULL)
			return err;
	}
	row->fields = fields;
	row->field_count = mapping->column_count;
	return NULL;
}
