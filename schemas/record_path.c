#include "schemas/record_path.h"

#include <stdio.h>

#include "base/check.h"

static const struct field *field_find(const struct record_type *type, struct bytes name)
{
	for (size_t i = 0; i < type->field_count; i++)
		if (bytes_equal(bytes_str(type->fields[i].name), name))
			return &type->fields[i];
	return NULL;
}

static struct err *unknown(const struct record_type *type, const char *text)
{
	char names[512];
	size_t used = 0;
	names[0] = '\0';
	for (size_t i = 0; type != NULL && i < type->field_count; i++) {
		int more = snprintf(names + used, sizeof names - used, "%s%s",
				    used == 0 ? "" : ", ", type->fields[i].name);
		if (more < 0 || (size_t)more >= sizeof names - used)
			break;
		used += (size_t)more;
	}
	return err_new(ERR_FATAL, "PATH_UNKNOWN", "there is no field %.80s; %s%s", text,
		       used > 0 ? "there are " : "nothing lies below a text or a number", names);
}

/* One step down: adds the field's gate and offset to the path. */
static void step(struct record_path *path, const struct field *field, size_t base)
{
	bool gated = field->optional && field->kind != FIELD_STRING && field->kind != FIELD_BYTES;
	if (gated) {
		CHECK(path->gate_count < RECORD_PATH_DEPTH_MAX);
		path->gates[path->gate_count++] = base + field->has_offset;
	}
	path->kind = field->kind;
	path->offset = base + field->offset;
	path->count_offset = base + field->count_offset;
}

struct err *record_path_find(const struct record_type *type, const char *text,
			     struct record_path *path)
{
	*path = (struct record_path){ .kind = FIELD_RECORD };
	if (strlen(text) > RECORD_PATH_LEN_MAX)
		return err_new(ERR_FATAL, "PATH_UNKNOWN", "a field's name has at most %d bytes",
			       RECORD_PATH_LEN_MAX);
	const char *at = text;
	for (int depth = 0; depth < RECORD_PATH_DEPTH_MAX; depth++) {
		size_t len = strcspn(at, ".");
		const struct field *field =
			type == NULL ? NULL : field_find(type, bytes_of(at, len));
		if (field == NULL)
			return unknown(type, text);
		step(path, field, path->offset);
		type = field->kind == FIELD_RECORD ? field->type : NULL;
		at += len;
		if (*at == '\0')
			break;
		at++;
		if (field->kind == FIELD_MAP) {
			snprintf(path->map_key, sizeof path->map_key, "%s", at);
			path->kind = FIELD_STRING;
			break;
		}
	}
	if (path->kind == FIELD_STRING || record_path_is_number(path))
		return NULL;
	return err_new(ERR_FATAL, "PATH_UNKNOWN", "%s is neither a text nor a number", text);
}

static bool is_there(const struct record_path *path, const void *record)
{
	for (size_t i = 0; i < path->gate_count; i++)
		if (!*(const bool *)((const char *)record + path->gates[i]))
			return false;
	return true;
}

struct bytes record_path_text(const struct record_path *path, const void *record)
{
	const void *at = (const char *)record + path->offset;
	if (path->kind != FIELD_STRING || !is_there(path, record))
		return bytes_of(NULL, 0);
	if (path->map_key[0] == '\0')
		return *(const struct bytes *)at;
	const struct attr *attrs = at;
	size_t count = *(const size_t *)(const void *)((const char *)record + path->count_offset);
	for (size_t i = 0; i < count; i++)
		if (bytes_equal(attrs[i].key, bytes_str(path->map_key)))
			return attrs[i].value;
	return bytes_of(NULL, 0);
}

bool record_path_is_number(const struct record_path *path)
{
	return path->kind == FIELD_LONG || path->kind == FIELD_INT || path->kind == FIELD_DOUBLE;
}

bool record_path_number(const struct record_path *path, const void *record, double *number)
{
	const void *at = (const char *)record + path->offset;
	if (!record_path_is_number(path) || !is_there(path, record))
		return false;
	if (path->kind == FIELD_LONG)
		*number = (double)*(const int64_t *)at;
	else if (path->kind == FIELD_INT)
		*number = *(const int32_t *)at;
	else
		*number = *(const double *)at;
	return true;
}

bool record_path_long(const struct record_path *path, const void *record, int64_t *number)
{
	if (path->kind != FIELD_LONG || !is_there(path, record))
		return false;
	*number = *(const int64_t *)(const void *)((const char *)record + path->offset);
	return true;
}
