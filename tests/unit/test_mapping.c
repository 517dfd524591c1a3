/* The mapping and the parsers under it, as data: mapping files that are refused and why; texts and
 * the numbers and times that they mean; rows and the events that they become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/timestamp.h"
#include "producers/decimal.h"
#include "producers/mapping.h"
#include "producers/mapping_row.h"
#include "producers/text.h"
#include "producers/time_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

/* ---- decimals ---- */

static void test_decimal(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		char point, thousands;
		int64_t factor;
		int scale;
		bool valid;
		int64_t units;
	} examples[] = {
		{ "11.77", '.', 0, 1, 2, true, 1177 },
		{ "-11.77", '.', 0, 1, 2, true, -1177 },
		{ "+0.05", '.', 0, 1, 2, true, 5 },
		{ "12", '.', 0, 1, 2, true, 1200 },
		{ "0", '.', 0, 1, 0, true, 0 },
		{ "-0.00", '.', 0, 1, 2, true, 0 },
		{ "2.5500000000000000000", '.', 0, 1, 2, true, 255 },
		{ "999999999999999999.000", '.', 0, 1, 0, true, 999999999999999999 },
		{ "0.001", '.', 0, 1, 2, false, 0 },
		{ "0.001", '.', 0, 20, 2, true, 2 },
		{ "0.005", '.', 0, 3, 2, false, 0 },
		{ "1.005", '.', 0, 1, 3, true, 1005 },
		{ "2.55", '.', 0, -12, 2, true, -3060 },
		{ "12.5", '.', 0, 1, 0, false, 0 },
		{ "000000000000000000000001", '.', 0, 1, 0, true, 1 },
		{ "9223372036854775807", '.', 0, 1, 0, false, 0 }, /* 19 digits */
		{ "999999999999999999", '.', 0, 1, 2, false, 0 },
		{ "999999999999999999", '.', 0, 10, 0, false, 0 },
		{ "1,234,567.89", '.', ',', 1, 2, true, 123456789 },
		{ "1234567.89", '.', ',', 1, 2, true, 123456789 },
		{ "1.234,5", ',', '.', 1, 2, true, 123450 },
		{ "1,23,456", '.', ',', 1, 2, false, 0 },
		{ "1234,567", '.', ',', 1, 2, false, 0 },
		{ "1,2345", '.', ',', 1, 2, false, 0 },
		{ "1,234", '.', 0, 1, 2, false, 0 },
		{ "", '.', 0, 1, 2, false, 0 },
		{ "-", '.', 0, 1, 2, false, 0 },
		{ "1.", '.', 0, 1, 2, false, 0 },
		{ ".5", '.', 0, 1, 2, false, 0 },
		{ "1e3", '.', 0, 1, 2, false, 0 },
		{ "0x10", '.', 0, 1, 2, false, 0 },
		{ " 1", '.', 0, 1, 2, false, 0 },
		{ "1 ", '.', 0, 1, 2, false, 0 },
		{ "$1", '.', 0, 1, 2, false, 0 },
		{ "--1", '.', 0, 1, 2, false, 0 },
		{ "nan", '.', 0, 1, 2, false, 0 },
	};
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct decimal_syntax syntax = { examples[i].point, examples[i].thousands };
		struct decimal decimal;
		int64_t units = 0;
		bool valid =
			decimal_parse(bytes_str(examples[i].text), &syntax, &decimal) &&
			decimal_to_units(&decimal, examples[i].factor, examples[i].scale, &units);
		if (valid != examples[i].valid || units != examples[i].units)
			fail_msg("\"%s\": %d, %lld", examples[i].text, valid, (long long)units);
	}
}

/* ---- times ---- */

struct time_example {
	const char *format, *zone, *text;
	enum time_text_result result;
	const char *utc;
};

/* UTC values by Python's zoneinfo */
static const struct time_example times[] = {
	{ "%Y%m%d", "UTC", "19970930", TIME_TEXT_OK, "1997-09-30T00:00:00.000Z" },
	{ "%Y%m%d", "UTC", "19970931", TIME_TEXT_MISMATCH, NULL },
	{ "%Y%m%d", "UTC", "1997930", TIME_TEXT_MISMATCH, NULL },
	{ "%Y%m%d", "UTC", "199709300", TIME_TEXT_MISMATCH, NULL },
	{ "%Y%m%d", "UTC", "19000229", TIME_TEXT_MISMATCH, NULL },
	{ "%Y%m%d", "UTC", "20000229", TIME_TEXT_OK, "2000-02-29T00:00:00.000Z" },
	{ "%Y-%m-%d %H:%M", "UTC", "2010-12-01 08:26", TIME_TEXT_OK, "2010-12-01T08:26:00.000Z" },
	{ "%Y-%m-%d %H:%M", "UTC", "2010-12-01 24:00", TIME_TEXT_MISMATCH, NULL },
	{ "%Y-%m-%d %H:%M", "UTC", "2010-12-01 08:60", TIME_TEXT_MISMATCH, NULL },
	{ "%Y-%m-%d %H:%M", "UTC", "2010-12-01 08:26 ", TIME_TEXT_MISMATCH, NULL },
	{ "%m/%d/%Y %H:%M", "UTC", "12/1/2010 8:26", TIME_TEXT_OK, "2010-12-01T08:26:00.000Z" },
	{ "%d.%b.%Y", "UTC", "1.mAr.2011", TIME_TEXT_OK, "2011-03-01T00:00:00.000Z" },
	{ "%d %b %Y", "UTC", "1 foo 2011", TIME_TEXT_MISMATCH, NULL },
	{ "%Y-%m-%dT%H:%M:%S.%f%z", "Europe/London", "2011-07-01T12:00:00.1239+02:00", TIME_TEXT_OK,
	  "2011-07-01T10:00:00.123Z" },
	{ "%Y-%m-%d%z", "UTC", "2011-07-01+0530", TIME_TEXT_OK, "2011-06-30T18:30:00.000Z" },
	{ "%Y%%%m%%%d", "UTC", "2011%07%01", TIME_TEXT_OK, "2011-07-01T00:00:00.000Z" },
	{ "iso8601", "UTC", "2011-07-01T12:00:00Z", TIME_TEXT_OK, "2011-07-01T12:00:00.000Z" },
	{ "iso8601", "Europe/London", "2011-07-01T12:00", TIME_TEXT_OK,
	  "2011-07-01T11:00:00.000Z" },
	{ "iso8601", "Europe/London", "2011-07-01T12:00Z", TIME_TEXT_OK,
	  "2011-07-01T12:00:00.000Z" },
	{ "iso8601", "Europe/London", "2011-07-01", TIME_TEXT_OK, "2011-06-30T23:00:00.000Z" },
	{ "iso8601", "UTC", "yesterday", TIME_TEXT_MISMATCH, NULL },
	{ "unix_s", "Europe/London", "1000000000", TIME_TEXT_OK, "2001-09-09T01:46:40.000Z" },
	{ "unix_s", "UTC", "-1", TIME_TEXT_OK, "1969-12-31T23:59:59.000Z" },
	{ "unix_ms", "UTC", "1000000000123", TIME_TEXT_OK, "2001-09-09T01:46:40.123Z" },
	{ "unix_s", "UTC", "1e9", TIME_TEXT_MISMATCH, NULL },
	{ "unix_s", "UTC", "", TIME_TEXT_MISMATCH, NULL },
	{ "unix_s", "UTC", "999999999999999", TIME_TEXT_RANGE, NULL },
	{ "%Y%m%d", "UTC", "18991231", TIME_TEXT_RANGE, NULL },
	{ "%Y%m%d", "UTC", "22000101", TIME_TEXT_RANGE, NULL },
	/* zones */
	{ "%Y-%m-%d %H:%M", "+05:30", "2011-07-01 05:30", TIME_TEXT_OK,
	  "2011-07-01T00:00:00.000Z" },
	{ "%Y-%m-%d %H:%M", "-03:00", "2011-07-01 21:00", TIME_TEXT_OK,
	  "2011-07-02T00:00:00.000Z" },
	{ "%Y-%m-%d %H:%M", "Europe/London", "2010-12-01 08:26", TIME_TEXT_OK,
	  "2010-12-01T08:26:00.000Z" },
	{ "%Y-%m-%d %H:%M", "Europe/London", "2011-03-27 00:59", TIME_TEXT_OK,
	  "2011-03-27T00:59:00.000Z" },
	{ "%Y-%m-%d %H:%M", "Europe/London", "2011-03-27 01:00", TIME_TEXT_GAP, NULL },
	{ "%Y-%m-%d %H:%M", "Europe/London", "2011-03-27 01:59", TIME_TEXT_GAP, NULL },
	{ "%Y-%m-%d %H:%M", "Europe/London", "2011-03-27 02:00", TIME_TEXT_OK,
	  "2011-03-27T01:00:00.000Z" },
	{ "%Y-%m-%d %H:%M", "Europe/London", "2011-10-30 01:00", TIME_TEXT_OK, /* the first */
	  "2011-10-30T00:00:00.000Z" },
	{ "%Y-%m-%d %H:%M", "Europe/London", "2011-10-30 01:59", TIME_TEXT_OK,
	  "2011-10-30T00:59:00.000Z" },
	{ "%Y-%m-%d %H:%M", "Europe/London", "2011-10-30 02:00", TIME_TEXT_OK,
	  "2011-10-30T02:00:00.000Z" },
	{ "%Y-%m-%d %H:%M", "Europe/London", "1970-06-01 12:00", TIME_TEXT_OK, /* all-year summer */
	  "1970-06-01T11:00:00.000Z" },
	{ "%Y-%m-%d %H:%M", "Europe/London", "2150-07-01 12:00", TIME_TEXT_OK,
	  "2150-07-01T11:00:00.000Z" },
	{ "%Y-%m-%d %H:%M", "America/New_York", "2011-11-06 01:30", TIME_TEXT_OK,
	  "2011-11-06T05:30:00.000Z" },
	{ "%Y-%m-%d %H:%M", "Asia/Kathmandu", "2011-01-01 00:00", TIME_TEXT_OK,
	  "2010-12-31T18:15:00.000Z" },
	{ "%Y-%m-%d %H:%M", "Pacific/Apia", "2011-12-30 12:00", TIME_TEXT_GAP,
	  NULL }, /* no such day */
	{ "%Y-%m-%d %H:%M", "Pacific/Apia", "2011-12-31 12:00", TIME_TEXT_OK,
	  "2011-12-30T22:00:00.000Z" },
};

static void check_time(const struct time_example *e)
{
	struct time_format format;
	struct time_zone *zone;
	int64_t utc_ms = 0;
	char text[TIME_TEXT_LEN + 1];
	expect_ok(time_format_init(e->format, &format));
	expect_ok(time_zone_open(e->zone, &zone));
	enum time_text_result result = time_text_parse(&format, zone, bytes_str(e->text), &utc_ms);
	if (result != e->result)
		fail_msg("%s %s \"%s\": result %d", e->format, e->zone, e->text, (int)result);
	if (result == TIME_TEXT_OK) {
		time_format(utc_ms, text);
		if (strcmp(text, e->utc) != 0)
			fail_msg("%s %s \"%s\": %s", e->format, e->zone, e->text, text);
	}
	time_zone_close(&zone);
}

static void test_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(times); i++)
		check_time(&times[i]);
}

static void test_zone_leaves_the_environment_alone(void **state)
{
	(void)state;
	struct time_zone *zone;
	assert_int_equal(setenv("TZ", "Asia/Tokyo", 1), 0);
	expect_ok(time_zone_open("Europe/London", &zone));
	assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	time_zone_close(&zone);
	assert_int_equal(unsetenv("TZ"), 0);
	expect_ok(time_zone_open("Europe/London", &zone));
	assert_null(getenv("TZ"));
	time_zone_close(&zone);
}

/* ---- text ---- */

static void test_text(void **state)
{
	(void)state;
	static const struct {
		enum text_encoding encoding;
		const char *text, *utf8; /* utf8 NULL: refused */
	} examples[] = {
		{ TEXT_UTF8, "plain", "plain" },
		{ TEXT_UTF8, "", "" },
		{ TEXT_UTF8, "caf\xc3\xa9", "caf\xc3\xa9" },
		{ TEXT_UTF8, "caf\xe9", NULL },
		{ TEXT_UTF8, "\xc0\x80", NULL },
		{ TEXT_UTF8, "\xed\xa0\x80", NULL },
		{ TEXT_LATIN1, "caf\xe9 \xa3", "caf\xc3\xa9 \xc2\xa3" },
		{ TEXT_LATIN1, "plain", "plain" },
	};
	struct arena *arena = arena_new(4096);
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct bytes utf8;
		bool valid = text_to_utf8(examples[i].encoding, bytes_str(examples[i].text), arena,
					  &utf8);
		assert_int_equal(valid, examples[i].utf8 != NULL);
		if (valid)
			assert_true(bytes_equal(utf8, bytes_str(examples[i].utf8)));
	}
	struct bytes utf8;
	assert_false(text_to_utf8(TEXT_UTF8, bytes_of("a\0b", 3), arena, &utf8));
	assert_false(text_to_utf8(TEXT_LATIN1, bytes_of("a\0b", 3), arena, &utf8));
	arena_free(&arena);
}

/* ---- mapping files that are refused ---- */

#define HEAD	"{\"topic\":\"erp.events\",\"schema\":\"erp_event\",\"source\":\"s\","
#define TYPE	"\"type\":\"erp.order\","
#define SUBJECT "\"subject\":{\"column\":\"who\"},"
#define WHEN	"\"time\":{\"column\":\"when\",\"format\":\"%Y%m%d\"}"
#define LONG65	"01234567890123456789012345678901234567890123456789012345678901234"

static const struct {
	const char *json, *error; /* what the text has to begin with, behind "map.json: " */
} refused[] = {
	{ "", "line 1, column 0: not JSON" },
	{ "{\n \"topic\" \"x\"}", "line 2, column 12: not JSON" },
	{ "{\"topic\":\"a\",\"topic\":\"b\"}", "line 1, column 20: not JSON: duplicate" },
	{ "[]", "$: expected an object, found a list" },
	{ HEAD TYPE SUBJECT WHEN ",\"speed\":1}", "$.speed: unknown key; expected one of: " },
	{ HEAD TYPE SUBJECT WHEN ",\"top\":1}", "$.top: unknown key" },
	{ HEAD TYPE SUBJECT WHEN ",\"\":1}", "$.: unknown key" },
	{ HEAD TYPE SUBJECT WHEN ",\"csv type\":1}", "$.csv type: unknown key" },
	{ "{\"schema\":\"erp_event\",\"source\":\"s\"," TYPE SUBJECT WHEN "}",
	  "$.topic: expected the name of the target topic, found nothing" },
	{ "{\"topic\":5,\"schema\":\"erp_event\",\"source\":\"s\"," TYPE SUBJECT WHEN "}",
	  "$.topic: expected the name of the target topic, found an integer" },
	{ "{\"topic\":\"a\",\"schema\":\"hr_event\",\"source\":\"s\"," TYPE SUBJECT WHEN "}",
	  "$.schema: expected \"erp_event\", \"crm_event\", \"iot_event\", \"marketing_event\", "
	  "\"support_event\", \"content_event\" or \"market_event\", "
	  "found \"hr_event\"" },
	{ "{\"topic\":\"a\",\"source\":\"s\"," TYPE SUBJECT WHEN "}", "$.schema: expected" },
	{ HEAD SUBJECT WHEN "}", "$.type: expected an object, found nothing" },
	{ HEAD "\"type\":{\"column\":\"t\",\"rules\":[]}," SUBJECT WHEN "}",
	  "$.type.rules: expected a list of 1 to 32 rules" },
	{ HEAD "\"type\":{\"column\":\"t\",\"rules\":[{\"begins_with\":\"C\"}]}," SUBJECT WHEN "}",
	  "$.type.rules[0]: expected either \"type\" or \"reject\"" },
	{ HEAD "\"type\":{\"column\":\"t\",\"rules\":[{\"equals\":\"C\",\"type\":\"x\"},"
	       "{\"type\":\"x\"}]}," SUBJECT WHEN "}",
	  "$.type.rules[1]: expected either \"begins_with\" or \"equals\"" },
	{ HEAD "\"type\":{\"column\":\"t\",\"rules\":[{\"equals\":\"C\",\"type\":\"x\","
	       "\"return\":\"yes\"}]}," SUBJECT WHEN "}",
	  "$.type.rules[0].return: expected true or false, found \"yes\"" },
	{ HEAD TYPE "\"subject\":\"who\"," WHEN "}",
	  "$.subject: expected an object, found \"who\"" },
	{ HEAD TYPE "\"subject\":{}," WHEN "}", "$.subject.column: expected the name of a column" },
	{ HEAD TYPE SUBJECT "\"time\":{\"column\":\"w\"}}",
	  "$.time.format: expected a time format, found nothing" },
	{ HEAD TYPE SUBJECT "\"time\":{\"column\":\"w\",\"format\":\"%Y-%q\"}}",
	  "$.time.format: \"%Y-%q\" is no time format" },
	{ HEAD TYPE SUBJECT "\"time\":{\"column\":\"w\",\"format\":\"%Y%m%d%\"}}",
	  "$.time.format: \"%Y%m%d%\" is no time format" },
	{ HEAD TYPE SUBJECT "\"time\":{\"column\":\"w\",\"format\":\"%H:%M\"}}",
	  "$.time.format: \"%H:%M\" is no time format: it needs a year" },
	{ HEAD TYPE SUBJECT "\"time\":{\"column\":\"w\",\"format\":\"%Y%m%d\",\"zone\":\"Mars\"}}",
	  "$.time.zone: \"Mars\" is not a known time zone" },
	{ HEAD TYPE SUBJECT "\"time\":{\"column\":\"w\",\"format\":\"%Y%m%d\","
			    "\"zone\":\"../../etc/passwd\"}}",
	  "$.time.zone: " },
	{ HEAD TYPE SUBJECT WHEN ",\"amount\":{\"column\":\"a\"}}",
	  "$.amount.currency: expected a currency" },
	{ HEAD TYPE SUBJECT WHEN ",\"amount\":{\"column\":\"a\",\"currency\":\"usd\"}}",
	  "$.amount.currency: expected a currency of three capitals" },
	{ HEAD TYPE SUBJECT WHEN
	  ",\"amount\":{\"column\":\"a\",\"currency\":\"USD\",\"scale\":10}}",
	  "$.amount.scale: expected the digits of the minor unit, 0 to 9" },
	{ HEAD TYPE SUBJECT WHEN
	  ",\"amount\":{\"column\":\"a\",\"currency\":\"USD\",\"scale\":2.5}}",
	  "$.amount.scale: " },
	{ HEAD TYPE SUBJECT WHEN ",\"amount\":{\"column\":\"a\",\"currency\":\"USD\","
				 "\"thousands\":\".\"}}",
	  "$.amount: expected \"point\" and \"thousands\" to differ" },
	{ HEAD TYPE SUBJECT WHEN ",\"quantity\":\"q\"}", "$.quantity: expected an object" },
	{ HEAD TYPE SUBJECT WHEN ",\"value\":{\"column\":\"v\"}}",
	  "$.value: the schema erp_event has no such field" },
	{ HEAD TYPE SUBJECT WHEN ",\"attributes\":{\"a\":\"x\",\"b\":\"x\"}}",
	  "$.attributes.b: the attribute \"x\" is given twice" },
	{ HEAD TYPE SUBJECT WHEN ",\"csv\":{\"delimiter\":\"ab\"}}",
	  "$.csv.delimiter: expected one character, or \"whitespace\", found \"ab\"" },
	{ HEAD TYPE SUBJECT WHEN ",\"csv\":{\"quote\":\",\"}}",
	  "$.csv.quote: expected another character than the delimiter" },
	{ HEAD TYPE SUBJECT WHEN ",\"csv\":{\"columns\":[]}}", "$.csv.columns: expected a list" },
	{ HEAD TYPE SUBJECT WHEN ",\"csv\":{\"columns\":[\"a\",7]}}",
	  "$.csv.columns[1]: expected the name of a column, found an integer" },
	{ HEAD TYPE SUBJECT WHEN ",\"csv\":{\"encoding\":\"cp1252\"}}",
	  "$.csv.encoding: expected \"utf-8\" or \"latin-1\", found \"cp1252\"" },
	{ HEAD TYPE SUBJECT WHEN ",\"order_by\":\"size\"}",
	  "$.order_by: expected \"file\" or \"time\", found \"size\"" },
	{ HEAD TYPE SUBJECT WHEN ",\"end\":true}", "$.end: expected" },
	{ "{\"topic\":\"a\",\"schema\":\"erp_event\",\"source\":\"" LONG65 "\"," TYPE SUBJECT WHEN
	  "}",
	  "$.source: expected a name of at most 64 bytes" },
	{ HEAD TYPE "\"subject\":{\"column\":\"who\",\"scheme\":\"" LONG65 "\"}," WHEN "}",
	  "$.subject: expected a scheme of at most 64 bytes" },
	{ HEAD TYPE SUBJECT WHEN ",\"attributes\":{\"a\":\"" LONG65 "\"}}",
	  "$.attributes.a: expected a name of at most 64 bytes" },
	{ HEAD TYPE SUBJECT WHEN ",\"identifiers\":{\"a\":\"" LONG65 "\"}}",
	  "$.identifiers.a: expected a name of at most 64 bytes" },
};

static void test_refused_mappings(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct mapping *mapping;
		char start[256];
		struct err *err = mapping_parse("map.json", bytes_str(refused[i].json), &mapping);
		if (err == NULL)
			fail_msg("taken: %s", refused[i].json);
		assert_null(mapping);
		assert_int_equal(err_verdict(err), ERR_FATAL);
		snprintf(start, sizeof start, "map.json: %s", refused[i].error);
		if (strncmp(err_text(err), start, strlen(start)) != 0)
			fail_msg("%s\n  gave \"%s\"", refused[i].json, err_text(err));
		err_free(&err);
	}
}

static void test_file_errors(void **state)
{
	(void)state;
	struct mapping *mapping;
	struct err *err = mapping_load("tests/unit/no-such-mapping.json", &mapping);
	assert_non_null(err);
	assert_string_equal(err_code(err), "MAPPING_FILE");
	err_free(&err);
	mapping_free(&mapping);
}

/* ---- columns ---- */

static void test_columns_missing_or_twice(void **state)
{
	(void)state;
	static const struct {
		const char *fields[3];
		size_t count;
		const char *part;
	} headers[] = {
		{ { "who", "date" },
		  2,
		  "expected one column \"when\", which map.json needs at "
		  "$.time.column; there are 0 of that name; the columns are: "
		  "who, date" },
		{ { "who", "when", "when" }, 3, "there are 2 of that name" },
		{ { "who", "when\xff" }, 2, "column 2: the name is not UTF-8" },
	};
	struct arena *arena = arena_new(65536);
	struct mapping *mapping;
	expect_ok(mapping_parse("map.json", bytes_str(HEAD TYPE SUBJECT WHEN "}"), &mapping));
	for (size_t i = 0; i < COUNT(headers); i++) {
		struct bytes fields[3];
		size_t field_count;
		for (size_t k = 0; k < headers[i].count; k++)
			fields[k] = bytes_str(headers[i].fields[k]);
		struct row row = { .line = 3, .fields = fields, .field_count = headers[i].count };
		struct err *err = mapping_bind(mapping, "data.csv", &row, arena, &field_count);
		assert_non_null(err);
		assert_string_equal(err_code(err), "MAPPING_COLUMNS");
		assert_memory_equal(err_text(err), "data.csv: line 3: ", 18);
		if (strstr(err_text(err), headers[i].part) == NULL)
			fail_msg("%s", err_text(err));
		err_free(&err);
	}
	mapping_free(&mapping);
	arena_free(&arena);
}

/* ---- rows ---- */

static const char order_mapping[] = HEAD
	"\"csv\":{\"encoding\":\"latin-1\",\"columns\":[\"no\",\"who\",\"when\",\"price\","
	"\"count\","
	"\"cur\",\"note\"]},"
	"\"type\":{\"column\":\"no\",\"rules\":[{\"begins_with\":\"C\",\"type\":\"erp.return\","
	"\"return\":true},{\"begins_with\":\"A\",\"reject\":\"no adjustment\"},"
	"{\"equals\":\"\",\"reject\":\"a number\"}],\"otherwise\":\"erp.order\"},"
	"\"subject\":{\"column\":\"who\",\"prefix\":\"c:\",\"strip_suffix\":\".0\","
	"\"otherwise\":\"guest\"}," WHEN ","
	"\"amount\":{\"column\":\"price\",\"times\":\"count\",\"thousands\":\",\","
	"\"currency\":{\"column\":\"cur\"}},"
	"\"quantity\":{\"column\":\"count\"},\"attributes\":{\"note\":\"remark\",\"no\":"
	"\"invoice\"}}";

static const struct {
	const char *fields[7];
	const char *event; /* or the error */
} rows[] = {
	{ { "1", "7.0", "20110102", "2.55", "6", "GBP", "" },
	  "erp.order c:7 2011-01-02 1530 GBP 6 invoice=1" },
	{ { "1", "70", "20110102", "1,000.5", "1", "GBP", "caf\xe9" },
	  "erp.order c:70 2011-01-02 100050 GBP 1 remark=caf\xc3\xa9 invoice=1" },
	{ { "1", "", "20110102", "0.0", "1", "GBP", "" },
	  "erp.order guest 2011-01-02 0 GBP 1 invoice=1" },
	{ { "1", ".0", "20110102", "0.001", "20", "GBP", "" },
	  "erp.order guest 2011-01-02 2 GBP 20 invoice=1" },
	{ { "C1", "7", "20110102", "2.55", "-2", "GBP", "" },
	  "erp.return c:7 2011-01-02 -510 GBP 2 invoice=C1" },
	{ { "C1", "7", "20110102", "2.55", "2", "GBP", "" },
	  "erp.return c:7 2011-01-02 -510 GBP 2 invoice=C1" },
	{ { "1", "7", "2011-01-02", "2.55", "2", "GBP", "" },
	  "EVENT_TIME column \"when\": \"2011-01-02\": expected a time as %Y%m%d" },
	{ { "A1", "7", "20110102", "-2.55", "2", "GBP", "" },
	  "EVENT_REJECTED column \"no\": \"A1\": expected no adjustment" },
	{ { "", "7", "20110102", "-2.55", "2", "GBP", "" },
	  "EVENT_REJECTED column \"no\": \"\": expected a number" },
	{ { "1", "7", "20110102", "2.55", "-2", "GBP", "" },
	  "EVENT_QUANTITY column \"count\": \"-2\": expected a number not below zero" },
	{ { "1", "7", "20110102", "2.55", "1.5", "GBP", "" },
	  "EVENT_QUANTITY column \"count\": \"1.5\": expected a whole number" },
	{ { "1", "7", "20110102", "-2.55", "1", "GBP", "" },
	  "EVENT_AMOUNT column \"price\": \"-2.55\": expected an amount not below zero" },
	{ { "1", "7", "20110102", "2.555", "1", "GBP", "" },
	  "EVENT_AMOUNT column \"price\": \"2.555\": expected an amount of at most 2 decimals" },
	{ { "1", "7", "20110102", "two\x01", "1", "GBP", "" },
	  "EVENT_AMOUNT column \"price\": \"two?\": expected a decimal number" },
	{ { "1", "7", "20110102", "2.55", "1", "gbp", "" },
	  "EVENT_CURRENCY column \"cur\": \"gbp\": expected a currency" },
};

static const char *show_event(const struct source_event *event, char out[512])
{
	char when[TIME_TEXT_LEN + 1];
	time_format(event->event_ms, when);
	int used = snprintf(out, 512, "%.*s %.*s %.10s %lld %.*s %lld", (int)event->type.len,
			    (const char *)event->type.data, (int)event->subject.len,
			    (const char *)event->subject.data, when, (long long)event->amount_minor,
			    (int)event->currency.len, (const char *)event->currency.data,
			    (long long)event->quantity);
	for (size_t i = 0; i < event->attr_count; i++)
		used += snprintf(
			out + used, 512 - (size_t)used, " %.*s=%.*s", (int)event->attrs[i].key.len,
			(const char *)event->attrs[i].key.data, (int)event->attrs[i].value.len,
			(const char *)event->attrs[i].value.data);
	return out;
}

static void test_rows(void **state)
{
	(void)state;
	struct arena *arena = arena_new(MAPPING_ARENA_LEN);
	struct mapping *mapping;
	size_t field_count;
	char shown[512];
	expect_ok(mapping_parse("map.json", bytes_str(order_mapping), &mapping));
	expect_ok(mapping_bind(mapping, "data.csv", NULL, arena, &field_count));
	assert_int_equal(field_count, 7);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bytes fields[7];
		struct source_event event;
		for (size_t k = 0; k < 7; k++)
			fields[k] = bytes_str(rows[i].fields[k]);
		struct row row = { .line = 1, .fields = fields, .field_count = 7 };
		arena_reset(arena);
		struct err *err = mapping_apply(mapping, &row, arena, &event);
		if (err != NULL) {
			assert_int_equal(err_verdict(err), ERR_POISON);
			snprintf(shown, sizeof shown, "%s %s", err_code(err), err_text(err));
			/* the table holds the beginning of longer texts */
			shown[strlen(rows[i].event) < 511 ? strlen(rows[i].event) : 511] = '\0';
			err_free(&err);
		} else {
			assert_true(bytes_equal(event.source, bytes_str("s")));
			show_event(&event, shown);
		}
		assert_string_equal(shown, rows[i].event);
	}
	mapping_free(&mapping);
	arena_free(&arena);
}

static void apply_one(const char *json, const char *const *texts, size_t count,
		      const char *expected_code, struct source_event *event)
{
	struct arena *arena = arena_new(MAPPING_ARENA_LEN);
	struct mapping *mapping;
	struct bytes fields[4];
	size_t field_count;
	assert_true(count <= COUNT(fields));
	expect_ok(mapping_parse("map.json", bytes_str(json), &mapping));
	expect_ok(mapping_bind(mapping, "data.csv", NULL, arena, &field_count));
	for (size_t i = 0; i < count; i++)
		fields[i] = bytes_str(texts[i]);
	struct row row = { .line = 1, .fields = fields, .field_count = count };
	struct err *err = mapping_apply(mapping, &row, arena, event);
	if (expected_code == NULL)
		expect_ok(err);
	else
		assert_string_equal(err_code(err), expected_code);
	if (err != NULL)
		err_free(&err);
	mapping_free(&mapping);
	arena_free(&arena);
}

static void test_measurements(void **state)
{
	(void)state;
	static const char json[] =
		"{\"topic\":\"iot.events\",\"schema\":\"iot_event\",\"source\":\"plant\","
		"\"type\":\"iot.reading\",\"csv\":{\"columns\":[\"who\",\"when\",\"v\"]}," SUBJECT
			WHEN
		",\"value\":{\"column\":\"v\"},\"name\":\"temperature\",\"unit\":\"CEL\"}";
	struct source_event event;
	apply_one(json, (const char *const[]){ "m1", "20140101", "-73.5e-1" }, 3, NULL, &event);
	assert_true(event.has_value && event.value == -7.35);
	assert_false(event.has_amount || event.has_quantity);
	static const char *const wrong[] = { "", "inf", "nan", "0x10", "1e999", "1,5", " 1" };
	for (size_t i = 0; i < COUNT(wrong); i++)
		apply_one(json, (const char *const[]){ "m1", "20140101", wrong[i] }, 3,
			  "EVENT_VALUE", &event);
}

static void test_bounds_of_texts(void **state)
{
	(void)state;
	static const char json[] =
		HEAD TYPE "\"csv\":{\"columns\":[\"who\",\"when\",\"note\"]}," SUBJECT WHEN
			  ",\"attributes\":{\"note\":\"note\"}}";
	static char subject[KEY_LEN_MAX + 2], note[ATTR_LEN_MAX + 2];
	struct source_event event;
	memset(subject, 's', sizeof subject - 1);
	memset(note, 'n', sizeof note - 1);
	const char *const long_subject[] = { subject, "20110101", "" };
	const char *const long_note[] = { "x", "20110101", note };
	const char *const no_subject[] = { "", "20110101", "" };
	const char *const bad_text[] = { "x", "20110101", "\xff" };
	apply_one(json, long_subject, 3, "EVENT_SUBJECT", &event);
	apply_one(json, long_note, 3, "EVENT_ATTRIBUTE", &event);
	apply_one(json, no_subject, 3, "EVENT_SUBJECT", &event);
	apply_one(json, bad_text, 3, "EVENT_ENCODING", &event);
	subject[KEY_LEN_MAX] = note[ATTR_LEN_MAX] = '\0';
	apply_one(json, long_subject, 3, NULL, &event);
	assert_int_equal(event.subject.len, KEY_LEN_MAX);
	apply_one(json, long_note, 3, NULL, &event);
	assert_int_equal(event.attr_count, 1);
}

static void test_shipped_mappings(void **state)
{
	(void)state;
	static const char *const paths[] = { "mappings/cdnow.json", "mappings/retail.json" };
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct mapping *mapping;
		expect_ok(mapping_load(paths[i], &mapping));
		assert_string_equal(mapping_info(mapping).topic, "erp.events");
		mapping_free(&mapping);
	}
}

/* ---- JSON ---- */

#define JSON_HEAD                                                                              \
	"{\"topic\":\"erp.events\",\"schema\":\"erp_event\",\"source\":\"shop\","              \
	"\"id\":{\"column\":\"/meta/id\"},\"trace_id\":{\"column\":\"trace\"},"                \
	"\"type\":{\"column\":\"kind\",\"rules\":[{\"equals\":\"back\",\"type\":"              \
	"\"erp.return\",\"return\":true}],\"otherwise\":\"erp.order\"},"                       \
	"\"subject\":{\"column\":\"/customer/no\",\"scheme\":\"erp.customer\"},"               \
	"\"time\":{\"column\":\"at\",\"format\":\"iso8601\"},"                                 \
	"\"amount\":{\"column\":\"total\",\"currency\":\"EUR\"},"                              \
	"\"identifiers\":{\"/customer/mails/0\":\"email\",\"/a~1b\":\"crm.account\"},"         \
	"\"payload\":{\"order\":{\"order_id\":\"number\",\"line_count\":\"lines\","            \
	"\"requested_ms\":{\"column\":\"wanted\",\"format\":\"%Y-%m-%d\"},"                    \
	"\"list_minor\":{\"column\":\"list\",\"scale\":2},\"site\":{\"constant\":\"DEHAM\"}}," \
	"\"returned\":{\"return_id\":\"number\",\"reason\":\"why\"}}}"

static struct err *apply_json(struct mapping *mapping, const char *text, struct arena *arena,
			      json_t **json, struct source_event *event)
{
	struct row row = { 0 };
	arena_reset(arena);
	*json = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(*json);
	struct err *err = mapping_row(mapping, *json, arena, &row);
	return err != NULL ? err : mapping_apply(mapping, &row, arena, event);
}

static void test_json_rows(void **state)
{
	(void)state;
	struct mapping *mapping;
	struct source_event event;
	json_t *json;
	struct arena *arena = arena_new(2 * MAPPING_ARENA_LEN);
	expect_ok(mapping_parse("m.json", bytes_str(JSON_HEAD), &mapping));
	expect_ok(mapping_bind_json(mapping));
	expect_ok(apply_json(
		mapping,
		"{\"meta\":{\"id\":\"e-1\"},\"kind\":\"sale\",\"customer\":{\"no\":4711,\"mails\":"
		"[\"a@b.de\"]},\"a/b\":\"C9\",\"at\":\"2024-05-31T12:00:00+02:00\",\"total\":19.99,"
		"\"number\":\"O-7\",\"lines\":3,\"wanted\":\"2024-06-02\",\"list\":\"21.5\"}",
		arena, &json, &event));
	assert_true(bytes_equal(event.event_id, bytes_str("e-1")));
	assert_true(bytes_equal(event.type, bytes_str("erp.order")));
	assert_true(bytes_equal(event.subject, bytes_str("4711")));
	assert_true(bytes_equal(event.subject_scheme, bytes_str("erp.customer")));
	assert_int_equal(event.event_ms, 1717149600000);
	assert_int_equal(event.amount_minor, 1999);
	assert_int_equal(event.identifier_count, 2);
	assert_true(bytes_equal(event.identifiers[0].scheme, bytes_str("email")));
	assert_true(bytes_equal(event.identifiers[0].value, bytes_str("a@b.de")));
	assert_true(bytes_equal(event.identifiers[1].value, bytes_str("C9")));
	assert_true(event.has_erp && event.erp.has_order && !event.erp.has_returned);
	assert_true(bytes_equal(event.erp.order.order_id, bytes_str("O-7")));
	assert_true(bytes_equal(event.erp.order.site, bytes_str("DEHAM")));
	assert_int_equal(event.erp.order.line_count, 3);
	assert_int_equal(event.erp.order.requested_ms, 1717286400000);
	assert_int_equal(event.erp.order.list_minor, 2150);
	assert_null(event.trace_id.data);
	json_decref(json);

	expect_ok(apply_json(mapping,
			     "{\"meta\":{\"id\":7},\"kind\":\"back\",\"customer\":{\"no\":\"x\"},"
			     "\"at\":\"2024-05-31\",\"total\":5,\"number\":\"R-1\",\"why\":null}",
			     arena, &json, &event));
	assert_true(event.erp.has_returned && !event.erp.has_order);
	assert_true(bytes_equal(event.erp.returned.return_id, bytes_str("R-1")));
	assert_null(event.erp.returned.reason.data);
	assert_int_equal(event.amount_minor, -500);
	assert_int_equal(event.identifier_count, 0);
	json_decref(json);
	mapping_free(&mapping);
	arena_free(&arena);
}

static void test_json_rows_refused(void **state)
{
#define WITH(fields) \
	"{\"meta\":{\"id\":\"e\"},\"customer\":{\"no\":\"c\"},\"at\":\"2024-05-31\"," fields "}"
	static const struct {
		const char *text, *code, *part;
	} bad_rows[] = {
		{ "[1]", "JSON_OBJECT", "a JSON object" },
		{ WITH("\"total\":1,\"number\":{}"), "JSON_COLUMN", "\"number\": expected a text" },
		{ WITH("\"total\":1"), "EVENT_PAYLOAD", "column \"number\"" },
		{ WITH("\"total\":1,\"number\":1,\"lines\":1.5"), "EVENT_PAYLOAD", "whole" },
		{ WITH("\"total\":1,\"number\":1,\"wanted\":\"soon\""), "EVENT_PAYLOAD",
		  "a time as" },
		{ WITH("\"total\":1,\"number\":1,\"list\":1.005"), "EVENT_PAYLOAD", "scale" },
		{ WITH("\"total\":true,\"number\":1"), "EVENT_AMOUNT", "true" },
		/* more digits than a double holds: what was written can't be known */
		{ WITH("\"total\":1234567890123456.78,\"number\":1"), "EVENT_AMOUNT", "decimal" },
		{ "{\"customer\":{\"no\":\"c\"},\"at\":\"2024-05-31\",\"total\":1,\"number\":1}",
		  "EVENT_ID", "/meta/id" },
	};
	(void)state;
	struct mapping *mapping;
	struct source_event event;
	json_t *json;
	struct arena *arena = arena_new(2 * MAPPING_ARENA_LEN);
	expect_ok(mapping_parse("m.json", bytes_str(JSON_HEAD), &mapping));
	expect_ok(mapping_bind_json(mapping));
	for (size_t i = 0; i < COUNT(bad_rows); i++) {
		struct err *err = apply_json(mapping, bad_rows[i].text, arena, &json, &event);
		if (err == NULL)
			fail_msg("%s: taken", bad_rows[i].text);
		assert_int_equal(err_verdict(err), ERR_POISON);
		assert_string_equal(err_code(err), bad_rows[i].code);
		if (strstr(err_text(err), bad_rows[i].part) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", err_text(err), bad_rows[i].part);
		err_free(&err);
		json_decref(json);
	}
	mapping_free(&mapping);
	arena_free(&arena);
}

static void test_payload_mappings_refused(void **state)
{
#define PAYLOAD_OF(text)                                                                     \
	"{\"topic\":\"t\",\"schema\":\"erp_event\",\"source\":\"s\",\"type\":\"erp.order\"," \
	"\"subject\":{\"column\":\"c\"},\"time\":{\"column\":\"t\",\"format\":\"unix_s\"},"  \
	"\"payload\":" text "}"
	static const struct {
		const char *text, *part;
	} files[] = {
		{ PAYLOAD_OF("{\"ordr\":{}}"),
		  "$.payload.ordr: the payload of the schema erp_event" },
		{ PAYLOAD_OF("{\"order\":{\"order_id\":\"a\",\"x\":\"b\"}}"),
		  "$.payload.order.x: the block order has no such field" },
		{ PAYLOAD_OF("{\"order\":{\"site\":\"a\"}}"), "\"order_id\", which the block" },
		{ PAYLOAD_OF("{\"order\":{\"order_id\":{\"column\":\"a\",\"scale\":2}}}"),
		  "$.payload.order.order_id.scale" },
		{ PAYLOAD_OF("[]"), "expected an object of blocks" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct mapping *mapping;
		struct err *err = mapping_parse("m.json", bytes_str(files[i].text), &mapping);
		if (err == NULL)
			fail_msg("%s: taken", files[i].text);
		if (strstr(err_text(err), files[i].part) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", err_text(err), files[i].part);
		err_free(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimal),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_zone_leaves_the_environment_alone),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_refused_mappings),
		cmocka_unit_test(test_file_errors),
		cmocka_unit_test(test_columns_missing_or_twice),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_measurements),
		cmocka_unit_test(test_bounds_of_texts),
		cmocka_unit_test(test_shipped_mappings),
		cmocka_unit_test(test_json_rows),
		cmocka_unit_test(test_json_rows_refused),
		cmocka_unit_test(test_payload_mappings_refused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mapping", tests, NULL, NULL);
}
