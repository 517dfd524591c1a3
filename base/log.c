#include "base/log.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/timestamp.h"

static const char *const level_names[] = { "debug", "info", "warn", "error", "off" };

static atomic_int level_min = LOG_INFO;

void log_set_level(enum log_level level)
{
	atomic_store(&level_min, (int)level);
}

bool log_level_parse(const char *text, enum log_level *level)
{
	for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* A new JSON string of `text`, cut, and with '?' for what is not ASCII where it is not UTF-8. */
static json_t *text_json(const char *text)
{
	size_t len = bytes_cut(bytes_str(text), LOG_TEXT_MAX).len;
	json_t *string = json_stringn(text, len);
	if (string != NULL)
		return string;
	char safe[LOG_TEXT_MAX];
	for (size_t i = 0; i < len; i++)
		safe[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
	return json_stringn(safe, len);
}

/* Adds the packed fields to `line`, their long texts cut. Steals `fields`. */
static void fields_add(json_t *line, json_t *fields)
{
	const char *name;
	json_t *value;
	json_object_foreach(fields, name, value) {
		size_t len = json_is_string(value) ? json_string_length(value) : 0;
		if (len <= LOG_TEXT_MAX)
			continue;
		const struct bytes text = bytes_of(json_string_value(value), len);
		const struct bytes cut = bytes_cut(text, LOG_TEXT_MAX);
		json_object_set_new(fields, name, json_stringn((const char *)cut.data, cut.len));
	}
	json_object_update_missing(line, fields);
	json_decref(fields);
}

/* Writes `line` and its end in one write; a short or failed write is given up, see log.h. */
static void line_write(json_t *line)
{
	char text[LOG_LINE_MAX];
	size_t len = json_dumpb(line, text, sizeof text - 1, JSON_COMPACT);
	if (len == 0 || len > sizeof text - 1)
		return;
	text[len++] = '\n';
	ssize_t written = write(STDERR_FILENO, text, len);
	(void)written;
}

void log_emit(enum log_level level, const char *stage, const char *message, const char *format, ...)
{
	if (level >= LOG_OFF || (int)level < atomic_load(&level_min))
		return;
	char ts[TIME_TEXT_LEN + 1];
	time_format(time_wall_ms(), ts);
	json_t *head = json_pack("{s:s, s:s, s:o, s:o}", "ts", ts, "level", level_names[level],
				 "stage", text_json(stage), "msg", text_json(message));
	CHECK(head != NULL);
	json_t *line = json_copy(head);
	CHECK(line != NULL);
	if (format != NULL) {
		json_error_t error;
		va_list args;
		va_start(args, format);
		json_t *fields = json_vpack_ex(&error, 0, format, args);
		va_end(args);
		if (fields != NULL && json_is_object(fields)) {
			fields_add(line, fields);
		} else {
			json_decref(fields);
			json_object_set_new(line, "log_error", text_json(error.text));
		}
	}
	if (json_dumpb(line, NULL, 0, JSON_COMPACT) >= LOG_LINE_MAX) {
		json_object_set_new(head, "log_error", json_string("the fields were too long"));
		line_write(head);
	} else {
		line_write(line);
	}
	json_decref(line);
	json_decref(head);
}
