/* Any request to the HTTP door: headers, a body of JSON, every mode; and foreign JSON by a mapping.
 *
 * The first byte chooses the mode. In binary mode lines "name: value" stand before an empty line.
 *
 * Held: either every event reaches the sink, whole and within its bounds and encodable, or there
 * are faults with a status; never both. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "producers/cloud_event.h"
#include "producers/mapping_row.h"

enum { OUT_MAX = 1024 * 1024, LEN_MAX = 64 * 1024, MODES = 6 };

static const char mapping_text[] =
	"{\"topic\":\"erp.events\",\"schema\":\"erp_event\",\"source\":\"s\","
	"\"id\":{\"column\":\"/m/id\"},\"type\":{\"column\":\"kind\",\"rules\":[{\"equals\":\"r\","
	"\"type\":\"erp.return\",\"return\":true}],\"otherwise\":\"erp.order\"},"
	"\"subject\":{\"column\":\"/who/0\",\"prefix\":\"p\",\"scheme\":\"erp.customer\"},"
	"\"time\":{\"column\":\"at\",\"format\":\"iso8601\"},"
	"\"amount\":{\"column\":\"paid\",\"currency\":\"EUR\",\"optional\":true},"
	"\"identifiers\":{\"mail\":\"email\",\"/a~1b\":\"domain\"},\"attributes\":{\"x\":\"y\"},"
	"\"payload\":{\"order\":{\"order_id\":\"no\",\"line_count\":\"n\","
	"\"list_minor\":{\"column\":\"list\",\"scale\":2},"
	"\"requested_ms\":{\"column\":\"on\",\"format\":\"%Y-%m-%d\"}},"
	"\"returned\":{\"return_id\":\"no\"}}}";

struct seen {
	size_t count;
	uint8_t *out;
};

static struct err *take(void *context, const struct event_source *source,
			const struct source_event *event)
{
	struct seen *seen = context;
	size_t len = 0;
	CHECK(event->event_id.len > 0 && event->event_id.len <= EVENT_ID_MAX);
	CHECK(event->subject.len > 0 && event->subject.len <= KEY_LEN_MAX);
	CHECK(event->event_ms >= EVENT_MS_MIN && event->event_ms <= EVENT_MS_MAX);
	CHECK(event->attr_count <= ATTR_COUNT_MAX && event->has_received);
	CHECK(event->identifier_count <= IDENTIFIER_COUNT_MAX);
	struct err *err = record_encode(source->schema, event, seen->out, OUT_MAX, &len);
	CHECK(err == NULL || err_verdict(err) == ERR_POISON);
	seen->count++;
	return err;
}

/* "name: value" lines into headers, up to an empty line; returns what they take. */
static size_t take_headers(char *text, struct cloud_header *headers, size_t *count)
{
	char *at = text;
	while (*at != '\0' && *at != '\n' && *count < CLOUD_HEADERS_MAX) {
		char *end = at + strcspn(at, "\n"), *colon = at + strcspn(at, ":\n");
		char *next = *end == '\0' ? end : end + 1;
		*end = '\0';
		if (strncmp(at, "ce-", 3) == 0 && colon < end) {
			*colon = '\0';
			headers[(*count)++] =
				(struct cloud_header){ at, colon + 1 + strspn(colon + 1, " ") };
		}
		at = next;
	}
	return (size_t)(at - text) + (*at == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const types[MODES] = { "application/cloudevents+json; charset=utf-8",
						  "application/cloudevents-batch+json",
						  "application/json",
						  "application/json",
						  "application/json",
						  "text/plain" };
	struct cloud_header headers[CLOUD_HEADERS_MAX];
	struct cloud_faults faults;
	struct mapping *mapping = NULL;
	if (len == 0 || len > LEN_MAX)
		return 0;
	int mode = data[0] % MODES;
	char *text = check_calloc(len, 1); /* a terminator after data[1..] */
	memcpy(text, data + 1, len - 1);
	struct seen seen = { 0, check_malloc(OUT_MAX) };
	struct arena *arena = arena_new(CLOUD_ARENA_LEN);
	struct cloud_request request = { .content_type = types[mode],
					 .headers = headers,
					 .webhook_id = data[0] & 0x80 ? "w" : NULL,
					 .now_ms = 1717149600000,
					 .event_max = 100 };
	size_t used = mode == 2 ? take_headers(text, headers, &request.header_count) : 0;
	used = used < len - 1 ? used : len - 1;
	request.body = bytes_of(text + used, len - 1 - used);
	if (mode == 3)
		request.source = &event_sources[data[0] / MODES % EVENT_SOURCE_COUNT];
	if (mode == 4) {
		CHECK(mapping_parse("fuzz.json", bytes_str(mapping_text), &mapping) == NULL);
		CHECK(mapping_bind_json(mapping) == NULL);
		request.mapping = mapping;
	}
	const struct cloud_sink sink = { take, &seen };
	struct err *err = cloud_events_read(&request, arena, &sink, &faults);
	CHECK(faults.count == 0 || (faults.status >= 400 && faults.status < 500));
	CHECK(err != NULL || faults.count > 0 || seen.count > 0 || request.body.len > 0);
	err_free(&err);
	mapping_free(&mapping);
	arena_free(&arena);
	free(seen.out);
	free(text);
	return 0;
}
