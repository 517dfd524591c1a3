/* Fuzzes the CSV reader and the mapping. The first byte chooses what the rest is: a mapping file,
 * or rows for one of three mappings, arriving in pieces of some size.
 *
 * Held: no byte is lost (rows, good and bad, and the line ends between them make up the input); a
 * row that is taken has the fields that it must have; applying a mapping gives an event within its
 * bounds, or POISON. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "producers/mapping.h"

#define NAMES "\"columns\":[\"when\",\"who\",\"paid\",\"count\"]"
#define REST                                                                             \
	"\"topic\":\"erp.events\",\"schema\":\"erp_event\",\"source\":\"s\","            \
	"\"subject\":{\"column\":\"who\",\"prefix\":\"p-\",\"strip_suffix\":\".0\"},"    \
	"\"quantity\":{\"column\":\"count\"},"                                           \
	"\"type\":{\"column\":\"who\",\"rules\":[{\"begins_with\":\"C\",\"type\":\"r\"," \
	"\"return\":true},{\"equals\":\"A\",\"reject\":\"no\"}],\"otherwise\":\"o\"},"   \
	"\"attributes\":{\"who\":\"w\",\"paid\":\"p\"}"

static const char *const mappings[] = {
	"{" REST ",\"csv\":{" NAMES ",\"encoding\":\"latin-1\"},"
	"\"time\":{\"column\":\"when\",\"format\":\"iso8601\",\"zone\":\"+02:00\"},"
	"\"amount\":{\"column\":\"paid\",\"times\":\"count\",\"thousands\":\",\","
	"\"currency\":\"EUR\"}}",
	"{" REST ",\"csv\":{" NAMES ",\"delimiter\":\"whitespace\",\"quote\":\"\"},"
	"\"time\":{\"column\":\"when\",\"format\":\"%d.%b.%YT%H:%M:%S.%f%z\"},"
	"\"amount\":{\"column\":\"paid\",\"currency\":{\"column\":\"who\"}}}",
	"{" REST ",\"csv\":{" NAMES ",\"delimiter\":\";\",\"quote\":\"'\"},"
	"\"time\":{\"column\":\"when\",\"format\":\"unix_s\"},"
	"\"amount\":{\"column\":\"paid\",\"scale\":9,\"point\":\",\",\"currency\":\"JPY\","
	"\"sign\":\"as_given\"}}",
};

struct pieces {
	const uint8_t *data;
	size_t len, at, piece;
};

static struct err *read_piece(void *context, uint8_t *out, size_t out_max, size_t *len)
{
	struct pieces *pieces = context;
	size_t count = pieces->len - pieces->at;
	if (count > pieces->piece)
		count = pieces->piece;
	if (count > out_max)
		count = out_max;
	if (count > 0)
		memcpy(out, pieces->data + pieces->at, count);
	pieces->at += count;
	*len = count;
	return NULL;
}

static bool is_between_rows(uint8_t c)
{
	return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

/* Where `raw` lies at or behind `at` with nothing but line ends and blanks before it. */
static size_t find_row(const struct pieces *pieces, size_t at, struct bytes raw)
{
	while (at + raw.len > pieces->len || memcmp(pieces->data + at, raw.data, raw.len) != 0) {
		CHECK(at < pieces->len && is_between_rows(pieces->data[at]));
		at++;
	}
	return at;
}

static void apply(const struct mapping *mapping, const struct row *row, struct arena *arena)
{
	struct source_event event;
	arena_reset(arena);
	struct err *err = mapping_apply(mapping, row, arena, &event);
	if (err != NULL) {
		CHECK(err_verdict(err) == ERR_POISON);
		err_free(&err);
		return;
	}
	CHECK(event.subject.len > 0 && event.subject.len <= KEY_LEN_MAX);
	CHECK(event.event_ms >= EVENT_MS_MIN && event.event_ms < EVENT_MS_MAX);
	CHECK(event.quantity >= 0 && event.attr_count <= ATTR_COUNT_MAX);
}

static void fuzz_rows(struct mapping *mapping, struct pieces *pieces, struct arena *arena)
{
	struct csv_input input = { .read = read_piece, .context = pieces };
	struct mapping_info info = mapping_info(mapping);
	struct csv *csv = csv_open(&info.csv, &input);
	struct row row;
	size_t field_count = 0, at = 0;
	bool more = true;
	CHECK(mapping_bind(mapping, "fuzz.csv", NULL, arena, &field_count) == NULL);
	csv_expect(csv, field_count);
	if (pieces->len >= 3 && memcmp(pieces->data, "\xef\xbb\xbf", 3) == 0)
		at = 3;
	while (more) {
		struct err *err = csv_next(csv, &row, &more);
		CHECK(err == NULL || err_verdict(err) == ERR_POISON);
		if (!more)
			break;
		if (row.raw.data != NULL)
			at = find_row(pieces, at, row.raw);
		at += (size_t)row.raw_len;
		CHECK(at <= pieces->len);
		if (err == NULL) {
			CHECK(row.field_count == field_count);
			apply(mapping, &row, arena);
		}
		err_free(&err);
	}
	for (; at < pieces->len; at++)
		CHECK(is_between_rows(pieces->data[at]));
	csv_close(&csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct mapping *mapping = NULL;
	if (len == 0)
		return 0;
	size_t choice = data[0] % 4;
	if (choice == 3) {
		struct err *err = mapping_parse("fuzz.json", bytes_of(data + 1, len - 1), &mapping);
		CHECK((err == NULL) == (mapping != NULL));
		err_free(&err);
	} else {
		struct pieces pieces = { .data = data + 1,
					 .len = len - 1,
					 .piece = 1 + (size_t)(data[0] / 4) * 3 };
		struct arena *arena = arena_new(MAPPING_ARENA_LEN);
		CHECK(mapping_parse("fuzz.json", bytes_str(mappings[choice]), &mapping) == NULL);
		fuzz_rows(mapping, &pieces, arena);
		arena_free(&arena);
	}
	mapping_free(&mapping);
	return 0;
}
