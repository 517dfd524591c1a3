/* Any bytes as a file of JSON lines, plain or packed (gzip, xz), as `foretell ingest` reads it. The
 * first byte chooses a mapping, or the schema of one of foretell's own events.
 *
 * Held: a row that is taken gives an event within its bounds, or POISON; rows lie within the file;
 * anything else is an error that says so. */
#define _GNU_SOURCE /* memfd_create */

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "producers/row_source.h"
#include "schemas/event_types.h"

enum { LEN_MAX = 64 * 1024, BY_SCHEMA = 0x80 };

static const char mapping_text[] =
	"{\"topic\":\"erp.events\",\"schema\":\"erp_event\",\"source\":\"s\","
	"\"id\":{\"column\":\"/m/id\"},\"type\":{\"column\":\"kind\",\"rules\":[{\"equals\":\"r\","
	"\"type\":\"erp.return\",\"return\":true}],\"otherwise\":\"erp.order\"},"
	"\"subject\":{\"column\":\"/who/0\",\"scheme\":\"erp.customer\"},"
	"\"time\":{\"column\":\"at\",\"format\":\"iso8601\"},"
	"\"amount\":{\"column\":\"paid\",\"currency\":\"EUR\",\"optional\":true},"
	"\"identifiers\":{\"mail\":\"email\"},\"attributes\":{\"x\":\"y\"},"
	"\"payload\":{\"order\":{\"order_id\":\"no\"}}}";

static void expect_bounds(const struct source_event *event)
{
	CHECK(event->subject.len > 0 && event->subject.len <= KEY_LEN_MAX);
	CHECK(event->event_ms >= EVENT_MS_MIN && event->event_ms <= EVENT_MS_MAX);
	CHECK(event->attr_count <= ATTR_COUNT_MAX);
	CHECK(event->identifier_count <= IDENTIFIER_COUNT_MAX);
}

static struct err *read_rows(struct row_source *source)
{
	for (bool more = true; more;) {
		struct row row;
		struct source_event event;
		struct err *err = row_source_next(source, &row, &more);
		if (err == NULL && more)
			err = row_source_event(source, &row, &event);
		if (err == NULL && more)
			expect_bounds(&event);
		if (err != NULL && err_verdict(err) != ERR_POISON)
			return err;
		err_free(&err);
	}
	return NULL;
}

static struct err *read_file(const char *path, struct mapping *mapping,
			     const struct record_type *type)
{
	struct row_source_options options = {
		.format = ROWS_JSONL, .path = "fuzz.jsonl", .mapping = mapping, .type = type
	};
	struct row_source *source = NULL;
	struct err *err = source_file_open(path, &options.file);
	if (err == NULL)
		err = row_source_open(&options, &source);
	if (err == NULL)
		err = read_rows(source);
	row_source_close(&source);
	source_file_close(&options.file);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char path[64];
	struct mapping *mapping = NULL;
	if (len == 0 || len > LEN_MAX)
		return 0;
	const struct record_type *type = event_sources[data[0] % EVENT_SOURCE_COUNT].schema;
	int file = memfd_create("fuzz", 0);
	CHECK(file >= 0 && write(file, data + 1, len - 1) == (ssize_t)(len - 1));
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	if ((data[0] & BY_SCHEMA) == 0)
		CHECK(mapping_parse("fuzz.json", bytes_str(mapping_text), &mapping) == NULL);
	struct err *err = read_file(path, mapping, mapping == NULL ? type : NULL);
	CHECK(err == NULL || err_verdict(err) == ERR_FATAL);
	err_free(&err);
	mapping_free(&mapping);
	close(file);
	return 0;
}
