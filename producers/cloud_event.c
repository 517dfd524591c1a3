#include "producers/cloud_event.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "producers/mapping_row.h"
#include "schemas/event_check.h"
#include "schemas/record_json.h"

enum { BAD_REQUEST = 400, TOO_LARGE = 413, UNSUPPORTED = 415, UNPROCESSABLE = 422 };
enum { EVENT_ID_LEN = 64 + 24 };

/* Which attributes of CloudEvents there are, and what becomes of them. */
static const char *const cloud_preset[] = { "event_id",	    "source",	   "type",
					    "subject",	    "event_ms",	   "trace_id",
					    "data_version", "received_ms", NULL };
static const char *const plain_preset[] = { "received_ms", NULL };

struct reading {
	const struct cloud_request *request;
	struct arena *arena;
	const struct cloud_sink *sink;
	struct cloud_faults *faults;
	size_t index;
	struct source_event event;
	char generated_id[EVENT_ID_LEN + 1];
};

__attribute__((format(printf, 4, 5))) static void fault(struct reading *reading, unsigned status,
							const char *field, const char *format, ...)
{
	struct cloud_faults *faults = reading->faults;
	va_list args;
	if (faults->count == 0)
		faults->status = status;
	if (faults->count++ >= CLOUD_FAULTS_MAX)
		return;
	struct cloud_fault *one = &faults->list[faults->count - 1];
	one->index = reading->index;
	snprintf(one->field, sizeof one->field, "%s", field);
	va_start(args, format);
	vsnprintf(one->text, sizeof one->text, format, args);
	va_end(args);
	utf8_mend(one->field);
	utf8_mend(one->text);
}

/* `err` is stolen. Its text may begin with the field, which is said already. */
static void fault_err(struct reading *reading, const char *field, struct err *err)
{
	const char *text = err_text(err);
	size_t len = strlen(field);
	if (len > 0 && strncmp(text, field, len) == 0 && strncmp(text + len, ": ", 2) == 0)
		text += len + 2;
	fault(reading, UNPROCESSABLE, field, "%s", text);
	err_free(&err);
}

/* ---- attributes ----------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A header's value without its percent-encoding; source: HTTP protocol binding, section 3.1.3.2. */
static struct bytes header_text(struct reading *reading, const char *value)
{
	size_t len = strlen(value), used = 0;
	if (len > 4 * KEY_LEN_MAX)
		len = 4 * KEY_LEN_MAX; /* longer than any attribute may be: refused by its length */
	uint8_t *text = arena_alloc(reading->arena, len + 1);
	for (size_t i = 0; i < len; i++) {
		bool encoded = value[i] == '%' && i + 2 < len && hex_digit(value[i + 1]) >= 0 &&
			       hex_digit(value[i + 2]) >= 0;
		text[used++] =
			encoded ? (uint8_t)(hex_digit(value[i + 1]) * 16 + hex_digit(value[i + 2]))
				: (uint8_t)value[i];
		i += encoded ? 2 : 0;
	}
	return bytes_of(text, used);
}

/* An attribute of the event at hand, from the headers or the object; absent where it is not there.
 */
static struct bytes attribute(struct reading *reading, const json_t *object, const char *name)
{
	const struct cloud_request *request = reading->request;
	if (object != NULL) {
		const json_t *json = json_object_get(object, name);
		if (json == NULL || json_is_null(json))
			return (struct bytes){ 0 };
		if (json_is_string(json))
			return bytes_of(json_string_value(json), json_string_length(json));
		fault(reading, BAD_REQUEST, name, "expected a string");
		return (struct bytes){ 0 };
	}
	for (size_t i = 0; i < request->header_count; i++)
		if (strcmp(request->headers[i].name + 3, name) == 0)
			return header_text(reading, request->headers[i].value);
	return (struct bytes){ 0 };
}

static struct bytes required(struct reading *reading, const json_t *object, const char *name)
{
	struct bytes text = attribute(reading, object, name);
	if (text.len == 0)
		fault(reading, BAD_REQUEST, name, "is missing: a CloudEvent needs it");
	else if (!utf8_check(text.data, text.len) || memchr(text.data, 0, text.len) != NULL)
		fault(reading, BAD_REQUEST, name, "is not UTF-8");
	return text;
}

static void take_time(struct reading *reading, const json_t *object)
{
	struct bytes text = attribute(reading, object, "time");
	char copy[64];
	reading->event.event_ms = reading->request->now_ms;
	if (text.len == 0)
		return;
	snprintf(copy, sizeof copy, "%.*s", text.len < sizeof copy ? (int)text.len : 0,
		 (const char *)text.data);
	if (!time_parse(copy, &reading->event.event_ms))
		fault(reading, BAD_REQUEST, "time",
		      "expected a time as 2024-05-31T12:00:00Z (RFC 3339)");
}

/* "00-TRACE-SPAN-FLAGS" of W3C Trace Context; anything else as it stands. */
static struct bytes trace_of(struct bytes parent)
{
	if (parent.len == 55 && parent.data[2] == '-' && parent.data[35] == '-')
		return bytes_of(parent.data + 3, 32);
	return parent.len == 0 ? (struct bytes){ 0 } : parent;
}

static void take_attributes(struct reading *reading, const json_t *object)
{
	struct source_event *event = &reading->event;
	struct bytes version = required(reading, object, "specversion");
	if (version.len > 0 && !bytes_equal(version, bytes_str("1.0")))
		fault(reading, BAD_REQUEST, "specversion", "expected \"1.0\"");
	event->event_id = required(reading, object, "id");
	event->source = required(reading, object, "source");
	event->type = required(reading, object, "type");
	event->subject = required(reading, object, "subject");
	event->data_version = attribute(reading, object, "dataschema");
	event->trace_id = trace_of(attribute(reading, object, "traceparent"));
	if (event->data_version.len == 0)
		event->data_version = (struct bytes){ 0 };
	take_time(reading, object);
}

/* ---- one event ------------------------------------------------------------------------------ */

/* The source that the type, or the path asked for, tells. NULL where they don't fit. */
static const struct event_source *choose_source(struct reading *reading)
{
	const struct event_source *asked = reading->request->source;
	struct bytes name = reading->event.type;
	const struct event_type *type = event_type_find(name);
	if (type == NULL && asked == NULL) {
		const char *nearest = event_type_nearest(name);
		fault(reading, UNPROCESSABLE, "type",
		      "\"%.*s\" is no type of foretell's%s%s%s; a source's own words go to "
		      "/events/TOPIC, for instance /events/crm.events",
		      name.len < 64 ? (int)name.len : 64, (const char *)name.data,
		      nearest ? " (did you mean \"" : "", nearest ? nearest : "",
		      nearest ? "\"?)" : "");
		return NULL;
	}
	if (type != NULL && asked != NULL && asked->schema != type->schema) {
		fault(reading, UNPROCESSABLE, "type", "%s belongs to %s, not to %s", type->name,
		      event_source_of(type->schema)->topic, asked->topic);
		return NULL;
	}
	return asked != NULL ? asked : event_source_of(type->schema);
}

/* A block of the payload that belongs to another type would never be read. */
static void check_blocks(struct reading *reading, const struct event_source *source)
{
	const struct field *payload = event_payload_field(source->schema);
	const struct event_type *type = event_type_find(reading->event.type);
	const uint8_t *event = (const uint8_t *)&reading->event;
	if (type == NULL || !*(const bool *)(const void *)(event + payload->has_offset))
		return;
	for (size_t i = 0; i < payload->type->field_count; i++) {
		const struct field *block = &payload->type->fields[i];
		char field[80];
		bool is_there =
			*(const bool *)(const void *)(event + payload->offset + block->has_offset);
		snprintf(field, sizeof field, "payload.%s", block->name);
		if (is_there && (type->block == NULL || strcmp(type->block, block->name) != 0))
			fault(reading, UNPROCESSABLE, field, "%s has %s%s", type->name,
			      type->block == NULL ? "no payload" : "the block ",
			      type->block == NULL ? "" : type->block);
	}
}

/* What only the whole event shows; then it is handed on. */
static struct err *finish(struct reading *reading, const struct event_source *source)
{
	struct source_event *event = &reading->event;
	event->has_received = true;
	event->received_ms = reading->request->now_ms;
	struct err *err = event_check(event, EVENT_MS_MAX, 0);
	if (err != NULL)
		fault_err(reading, "", err);
	else
		check_blocks(reading, source);
	if (reading->faults->count > 0)
		return NULL;
	err = reading->sink->event(reading->sink->context, source, event);
	if (err == NULL || err_verdict(err) != ERR_POISON)
		return err;
	fault_err(reading, "", err);
	return NULL;
}

static void clear_event(struct reading *reading)
{
	memset(&reading->event, 0, offsetof(struct source_event, crm));
}

/* A CloudEvent: `object` NULL in binary mode. */
static struct err *take_cloud_event(struct reading *reading, const json_t *object,
				    const json_t *data)
{
	char path[RECORD_JSON_PATH_MAX];
	size_t before = reading->faults->count;
	clear_event(reading);
	take_attributes(reading, object);
	if (reading->faults->count > before)
		return NULL;
	const struct event_source *source = choose_source(reading);
	if (source == NULL)
		return NULL;
	json_t *nothing = json_object();
	struct err *err = record_from_json(source->schema,
					   data == NULL || json_is_null(data) ? nothing : data,
					   cloud_preset, &reading->event, path);
	if (err != NULL)
		fault_err(reading, path, err);
	err = reading->faults->count > before ? NULL : finish(reading, source);
	json_decref(nothing);
	return err;
}

static struct err *take_structured(struct reading *reading, const json_t *object)
{
	if (!json_is_object(object)) {
		fault(reading, BAD_REQUEST, "", "expected a CloudEvent, an object");
		return NULL;
	}
	struct bytes type = attribute(reading, object, "datacontenttype");
	if (type.len > 0 && !(type.len >= 16 && memcmp(type.data, "application/json", 16) == 0)) {
		fault(reading, UNSUPPORTED, "datacontenttype", "expected application/json");
		return NULL;
	}
	if (json_object_get(object, "data_base64") != NULL) {
		fault(reading, UNSUPPORTED, "data_base64", "expected JSON in \"data\"");
		return NULL;
	}
	return take_cloud_event(reading, object, json_object_get(object, "data"));
}

static struct err *take_plain(struct reading *reading, const json_t *object)
{
	const struct event_source *source = reading->request->source;
	const char *type = json_string_value(json_object_get(object, "type"));
	char path[RECORD_JSON_PATH_MAX];
	clear_event(reading);
	reading->event.type = bytes_str(type == NULL ? "" : type);
	if (source == NULL || event_type_find(reading->event.type) != NULL)
		source = choose_source(reading);
	if (source == NULL)
		return NULL;
	struct err *err =
		record_from_json(source->schema, object, plain_preset, &reading->event, path);
	if (err == NULL)
		return finish(reading, source);
	fault_err(reading, path, err);
	return NULL;
}

/* An id for an event that has none: by the webhook's own id, else by its content, so that the same
 * request again is the same event. */
static void make_id(struct reading *reading, const json_t *object)
{
	const char *id = reading->request->webhook_id;
	char digest[HASH_SHA256_HEX_LEN + 1];
	if (id != NULL && strlen(id) <= EVENT_ID_LEN - 24) {
		snprintf(reading->generated_id, sizeof reading->generated_id, "%s-%zu", id,
			 reading->index);
	} else {
		char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
		CHECK(text != NULL);
		hash_sha256_hex(bytes_str(text), digest);
		free(text);
		snprintf(reading->generated_id, sizeof reading->generated_id, "%.32s", digest);
	}
	reading->event.event_id = bytes_str(reading->generated_id);
}

static struct err *take_mapped(struct reading *reading, const json_t *object)
{
	struct row row = { 0 };
	struct mapping *mapping = reading->request->mapping;
	struct err *err = mapping_row(mapping, object, reading->arena, &row);
	if (err == NULL)
		err = mapping_apply(mapping, &row, reading->arena, &reading->event);
	if (err != NULL) {
		fault_err(reading, "", err);
		return NULL;
	}
	if (reading->event.event_id.data == NULL)
		make_id(reading, object);
	return finish(reading, event_source_of(mapping_info(mapping).type));
}

/* ---- the body ------------------------------------------------------------------------------- */

static struct err *take_list(struct reading *reading, const json_t *json,
			     struct err *(*take)(struct reading *, const json_t *))
{
	struct err *err = NULL;
	if (!json_is_array(json))
		return take(reading, json);
	if (json_array_size(json) > reading->request->event_max) {
		fault(reading, TOO_LARGE, "", "%zu events, at most %zu are accepted at a time",
		      json_array_size(json), reading->request->event_max);
		return NULL;
	}
	for (size_t i = 0; i < json_array_size(json) && err == NULL; i++) {
		reading->index = i;
		arena_reset(reading->arena);
		err = take(reading, json_array_get(json, i));
	}
	return err;
}

/* Whether the type before any parameter is `type`. */
static bool is_type(const char *content_type, const char *type)
{
	size_t len = strlen(type);
	return content_type != NULL && strncasecmp(content_type, type, len) == 0 &&
	       strchr("; \t", content_type[len]) != NULL;
}

static struct err *take_body(struct reading *reading, const json_t *json)
{
	const struct cloud_request *request = reading->request;
	const char *type = request->content_type;
	if (request->mapping != NULL)
		return take_list(reading, json, take_mapped);
	if (is_type(type, "application/cloudevents+json"))
		return take_structured(reading, json);
	if (is_type(type, "application/cloudevents-batch+json")) {
		if (json_is_array(json))
			return take_list(reading, json, take_structured);
		fault(reading, BAD_REQUEST, "", "expected a list of CloudEvents");
		return NULL;
	}
	if (request->header_count > 0)
		return take_cloud_event(reading, NULL, json);
	return take_list(reading, json, take_plain);
}

static bool is_readable(const struct cloud_request *request)
{
	const char *type = request->content_type;
	return is_type(type, "application/json") || is_type(type, "application/cloudevents+json") ||
	       is_type(type, "application/cloudevents-batch+json");
}

struct err *cloud_events_read(const struct cloud_request *request, struct arena *arena,
			      const struct cloud_sink *sink, struct cloud_faults *faults)
{
	struct reading *reading = check_malloc(sizeof *reading);
	json_error_t error;
	struct err *err = NULL;
	reading->request = request;
	reading->arena = arena;
	reading->sink = sink;
	reading->faults = faults;
	reading->index = 0;
	faults->count = 0;
	faults->status = 0;
	arena_reset(arena);
	/* binary mode without data has no body and no type */
	bool is_empty = request->body.len == 0 && request->header_count > 0;
	json_t *json = is_empty ? json_null()
				: json_loadb((const char *)request->body.data, request->body.len,
					     JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!is_empty && !is_readable(request))
		fault(reading, UNSUPPORTED, "content-type",
		      "expected application/json, application/cloudevents+json or "
		      "application/cloudevents-batch+json");
	else if (!is_empty && request->body.len == 0)
		fault(reading, BAD_REQUEST, "", "the request has no body");
	else if (json == NULL)
		fault(reading, BAD_REQUEST, "", "line %d, column %d: not JSON: %s", error.line,
		      error.column, error.text);
	else
		err = take_body(reading, json);
	json_decref(json);
	free(reading);
	return err;
}
