/* Ingest from a file on the disk to the records that leave it, with a sink in memory and the
 * project's own schemas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <lzma.h>
#include <zlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "producers/event_sort.h"
#include "producers/ingest.h"
#include "producers/source_file.h"

enum { RECORDS_MAX = 128, TEXT_MAX = 4096, PARTITIONS = 3, DLQ_PARTITIONS = 2 };

/* A record as it left, and what the tests look at. */
struct sent {
	char topic[32], key[96], reason[256];
	char headers[512]; /* name=value;... but for the reason */
	int32_t partition;
	uint8_t value[1024];
	size_t value_len;
	bool value_null;
};

struct memory {
	struct sent records[RECORDS_MAX];
	size_t count;
	const char *refuse_topic; /* POISON for values on it, as often as refuse_count says */
	int refuse_count;
	bool fail; /* FATAL for everything */
};

struct fixture {
	char path[512];
	struct registry *registry;
	struct mapping *mapping;
	struct memory *memory;
	struct ingest_options options;
	struct ingest_result result;
};

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static void expect_err(struct err *err, enum err_verdict verdict, const char *code,
		       const char *part)
{
	assert_non_null(err);
	assert_string_equal(err_code(err), code);
	assert_int_equal(err_verdict(err), verdict);
	if (strstr(err_text(err), part) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", err_text(err), part);
	err_free(&err);
}

static void copy_text(char *out, size_t out_max, struct bytes text)
{
	assert_true(text.len < out_max);
	if (text.len > 0)
		memcpy(out, text.data, text.len);
	out[text.len] = '\0';
}

static struct err *remember(void *context, const struct outgoing *out)
{
	struct memory *memory = context;
	if (memory->fail)
		return err_new(ERR_FATAL, "WRITER_DELIVERY", "the brokers are gone");
	if (memory->refuse_topic != NULL && strcmp(memory->refuse_topic, out->topic) == 0 &&
	    memory->refuse_count-- > 0)
		return err_new(ERR_POISON, "BUS_TOO_LARGE", "too large");
	assert_true(memory->count < RECORDS_MAX);
	struct sent *sent = &memory->records[memory->count++];
	*sent = (struct sent){ .partition = out->partition, .value_len = out->value.len };
	copy_text(sent->topic, sizeof sent->topic, bytes_str(out->topic));
	copy_text(sent->key, sizeof sent->key, out->key);
	sent->value_null = out->value.data == NULL;
	assert_true(out->value.len <= sizeof sent->value);
	if (out->value.len > 0)
		memcpy(sent->value, out->value.data, out->value.len);
	size_t used = 0;
	for (size_t i = 0; i < out->header_count; i++) {
		const struct header *header = &out->headers[i];
		if (strcmp(header->name, "reason") == 0) {
			copy_text(sent->reason, sizeof sent->reason, header->value);
			continue;
		}
		used += (size_t)snprintf(sent->headers + used, sizeof sent->headers - used,
					 "%s=%.*s;", header->name, (int)header->value.len,
					 (const char *)header->value.data);
		assert_true(used < sizeof sent->headers);
	}
	return NULL;
}

static int setup(void **state)
{
	struct fixture *fixture = check_calloc(1, sizeof *fixture);
	const char *folder = getenv("TMPDIR");
	snprintf(fixture->path, sizeof fixture->path, "%s/ingest-XXXXXX",
		 folder == NULL ? "/tmp" : folder);
	int fd = mkstemp(fixture->path);
	assert_true(fd >= 0);
	close(fd);
	expect_ok(registry_open(NULL, &fixture->registry));
	fixture->memory = check_calloc(1, sizeof *fixture->memory);
	fixture->options = (struct ingest_options){
		.path = fixture->path,
		.registry = fixture->registry,
		.sink = { .send = remember,
			  .context = fixture->memory,
			  .start = { PARTITIONS, DLQ_PARTITIONS, 0, false } },
		.dlq_topic = "app.dlq",
		.from_ms = TIME_NONE,
		.until_ms = TIME_NONE,
	};
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	unlink(fixture->path);
	mapping_free(&fixture->mapping);
	registry_close(&fixture->registry);
	free(fixture->memory);
	free(fixture);
	return 0;
}

static void write_file(struct fixture *fixture, const void *data, size_t len)
{
	FILE *file = fopen(fixture->path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void use_mapping(struct fixture *fixture, const char *extra)
{
	char json[1024];
	snprintf(json, sizeof json,
		 "{\"topic\":\"erp.events\",\"schema\":\"erp_event\",\"source\":\"shop\","
		 "\"type\":\"erp.order\",\"subject\":{\"column\":\"who\"},"
		 "\"time\":{\"column\":\"when\",\"format\":\"%%Y%%m%%d\"},"
		 "\"amount\":{\"column\":\"paid\",\"currency\":\"USD\"}%s}",
		 extra);
	mapping_free(&fixture->mapping);
	expect_ok(mapping_parse("map.json", bytes_str(json), &fixture->mapping));
	fixture->options.mapping = fixture->mapping;
}

static struct err *run(struct fixture *fixture)
{
	memset(fixture->memory->records, 0, sizeof fixture->memory->records);
	fixture->memory->count = 0;
	struct err *err = ingest_run(&fixture->options, &fixture->result);
	assert_int_equal(fixture->result.rows, fixture->result.events + fixture->result.dlq_rows +
						       fixture->result.outside_rows);
	return err;
}

static void run_text(struct fixture *fixture, const char *text)
{
	write_file(fixture, text, strlen(text));
	expect_ok(run(fixture));
}

/* "key@date=amount" of each event in the order sent, then "end@date" of each CONTROL_END. */
static const char *show(struct fixture *fixture, char out[TEXT_MAX])
{
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < fixture->memory->count; i++) {
		const struct sent *sent = &fixture->memory->records[i];
		struct bytes value = bytes_of(sent->value, sent->value_len);
		char when[TIME_TEXT_LEN + 1];
		const char *name = "";
		if (strcmp(sent->topic, "app.dlq") == 0) {
			used += (size_t)snprintf(out + used, TEXT_MAX - used, "dlq{%.*s} ",
						 (int)sent->value_len, (const char *)sent->value);
			continue;
		}
		assert_string_equal(sent->topic, "erp.events");
		expect_ok(registry_record_name(fixture->registry, value, &name));
		if (strcmp(name, "foretell.Control") == 0) {
			struct control end;
			expect_ok(registry_decode(fixture->registry, &control_type, value, &end));
			assert_int_equal(end.kind, CONTROL_END);
			assert_true(bytes_equal(end.writer, bytes_str(sent->key)));
			time_format(end.at_ms, when);
			used += (size_t)snprintf(out + used, TEXT_MAX - used, "end%d@%s ",
						 sent->partition, when);
			continue;
		}
		struct source_event event;
		expect_ok(registry_decode(fixture->registry, &erp_event_type, value, &event));
		assert_true(bytes_equal(event.subject, bytes_str(sent->key)));
		assert_int_equal(sent->partition, -1);
		time_format(event.event_ms, when);
		used += (size_t)snprintf(out + used, TEXT_MAX - used, "%s@%.10s=%lld ", sent->key,
					 when, (long long)event.amount_minor);
	}
	assert_true(used < TEXT_MAX);
	return out;
}

#define ENDS(time) "end0@" time " end1@" time " end2@" time " "

static const char three[] = "who,when,paid\na,19970103,1.00\nb,19970101,2.50\na,19970103,1.00\n";

static void test_events_in_file_order(void **state)
{
	struct fixture *fixture = *state;
	char shown[TEXT_MAX];
	use_mapping(fixture, "");
	run_text(fixture, three);
	assert_string_equal(show(fixture, shown),
			    "a@1997-01-03=100 b@1997-01-01=250 a@1997-01-03=100 " ENDS(
				    "1997-01-03T00:00:00.001Z"));
	assert_int_equal(fixture->result.rows, 3);
	assert_int_equal(fixture->result.events, 3);
	assert_int_equal(fixture->result.first_ms, 9862 * MS_PER_DAY);
	assert_int_equal(fixture->result.last_ms, 9864 * MS_PER_DAY);
	assert_int_equal(fixture->result.end_ms, 9864 * MS_PER_DAY + 1);
}

/* Two identical rows are two events, and the same file gives the same ids again. */
static void test_event_ids(void **state)
{
	struct fixture *fixture = *state;
	char digest[HASH_SHA256_HEX_LEN + 1], id[64];
	use_mapping(fixture, "");
	hash_sha256_hex(bytes_str(three), digest);
	for (int repeat = 0; repeat < 2; repeat++) {
		run_text(fixture, three);
		assert_string_equal(fixture->result.digest, digest);
		for (size_t i = 0; i < 3; i++) {
			const struct sent *sent = &fixture->memory->records[i];
			struct source_event event;
			expect_ok(registry_decode(fixture->registry, &erp_event_type,
						  bytes_of(sent->value, sent->value_len), &event));
			snprintf(id, sizeof id, "%.16s-%zu", digest, i + 1);
			assert_true(bytes_equal(event.event_id, bytes_str(id)));
			assert_true(bytes_equal(event.source, bytes_str("shop")));
			assert_true(bytes_equal(event.currency, bytes_str("USD")));
		}
		snprintf(id, sizeof id, "file:%.40s", digest);
		assert_memory_equal(fixture->memory->records[3].key, id, strlen(id));
	}
}

static void test_order_by_time(void **state)
{
	struct fixture *fixture = *state;
	char shown[TEXT_MAX];
	use_mapping(fixture, ",\"order_by\":\"time\",\"end\":\"next_day\"");
	run_text(fixture, "who,when,paid\na,19970103,1\nb,19970101,2\nc,19970103,3\nd,x,4\n"
			  "e,19970102,5\na,19970101,6\n");
	assert_string_equal(show(fixture, shown),
			    "dlq{d,x,4} b@1997-01-01=200 a@1997-01-01=600 e@1997-01-02=500 "
			    "a@1997-01-03=100 c@1997-01-03=300 " ENDS("1997-01-04T00:00:00.000Z"));
	assert_int_equal(fixture->result.disordered, 0);
	use_mapping(fixture, "");
	run_text(fixture, "who,when,paid\na,19970103,1\nb,19970101,2\nc,19970103,3\nd,x,4\n"
			  "e,19970102,5\na,19970101,6\n");
	assert_int_equal(fixture->result.disordered, 3);
}

static void test_sort_bound(void **state)
{
	struct fixture *fixture = *state;
	use_mapping(fixture, ",\"order_by\":\"time\"");
	fixture->options.sort_bytes_max = 1024;
	write_file(fixture, three, strlen(three));
	struct err *err = ingest_run(&fixture->options, &fixture->result);
	expect_err(err, ERR_FATAL, "SORT_SIZE", "sort the file by time first");
	assert_int_equal(fixture->memory->count, 0);
}

static void test_from_until_limit(void **state)
{
	static const struct {
		int64_t from_day, until_day, limit;
		const char *records;
		int64_t outside;
	} parts[] = {
		/* the row without a time goes with the part that has no beginning */
		{ 0, 9863, 0, "b@1997-01-01=200 dlq{d,x,4} " ENDS("1997-01-02T00:00:00.000Z"), 2 },
		{ 9863, 0, 0, "a@1997-01-03=100 c@1997-01-02=300 " ENDS("1997-01-03T00:00:00.001Z"),
		  2 },
		{ 9863, 9864, 0, "c@1997-01-02=300 " ENDS("1997-01-03T00:00:00.000Z"), 3 },
		{ 9900, 0, 0, "", 4 },
		{ 0, 0, 2, "a@1997-01-03=100 b@1997-01-01=200 " ENDS("1997-01-03T00:00:00.001Z"),
		  0 },
	};
	struct fixture *fixture = *state;
	char shown[TEXT_MAX];
	use_mapping(fixture, "");
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		fixture->options.from_ms =
			parts[i].from_day == 0 ? TIME_NONE : parts[i].from_day * MS_PER_DAY;
		fixture->options.until_ms =
			parts[i].until_day == 0 ? TIME_NONE : parts[i].until_day * MS_PER_DAY;
		fixture->options.limit = parts[i].limit;
		run_text(fixture,
			 "who,when,paid\na,19970103,1\nb,19970101,2\nd,x,4\nc,19970102,3\n");
		assert_string_equal(show(fixture, shown), parts[i].records);
		assert_int_equal(fixture->result.outside_rows, parts[i].outside);
	}
}

static void test_dead_letters(void **state)
{
	struct fixture *fixture = *state;
	char shown[TEXT_MAX], expected[512];
	use_mapping(fixture, "");
	run_text(fixture, "who,when,paid\r\n\"a\"\"b\",19970101,1\r\n\"c\",19970101,x\r\n"
			  "d,\"1997\n0101,1\r\ne\xff,19970101,1\r\n,19970101,1\r\nf,19970101,2");
	assert_string_equal(show(fixture, shown),
			    "a\"b@1997-01-01=100 dlq{\"c\",19970101,x} dlq{d,\"1997} "
			    "dlq{0101,1} dlq{e\xff,19970101,1} dlq{,19970101,1} "
			    "f@1997-01-01=200 " ENDS("1997-01-01T00:00:00.001Z"));
	assert_int_equal(fixture->result.rows, 7);
	assert_int_equal(fixture->result.dlq_rows, 5);

	const struct sent *sent = &fixture->memory->records[1];
	const char *file = strrchr(fixture->path, '/') + 1;
	snprintf(expected, sizeof expected,
		 "%s: row 2 (line 3): column \"paid\": \"x\": expected a "
		 "decimal number",
		 file);
	assert_string_equal(sent->reason, expected);
	snprintf(expected, sizeof expected,
		 "error=EVENT_AMOUNT;topic=erp.events;partition=-1;offset=2;stage=ingest;file=%s;",
		 fixture->result.digest);
	assert_string_equal(sent->headers, expected);
	snprintf(expected, sizeof expected, "%.16s-2", fixture->result.digest);
	assert_string_equal(sent->key, expected);
	assert_int_equal(sent->partition, 2 % DLQ_PARTITIONS);
	assert_int_equal(fixture->memory->records[2].partition, 3 % DLQ_PARTITIONS);
}

/* Where the original can't be had, its length and digest stand for it. */
static void test_dead_letters_too_large(void **state)
{
	struct fixture *fixture = *state;
	char digest[HASH_SHA256_HEX_LEN + 1], part[128];
	const size_t len = CSV_ROW_LEN_MAX + 1;
	char *text = check_malloc(len + 64);
	use_mapping(fixture, "");
	memcpy(text, "who,when,paid\n", 14);
	memset(text + 14, 'x', len);
	memcpy(text + 14 + len, "\nf,19970101,2", 14);
	run_text(fixture, text);
	assert_int_equal(fixture->result.rows, 2);
	assert_int_equal(fixture->result.dlq_rows, 1);
	hash_sha256_hex(bytes_of(text + 14, len), digest);
	snprintf(part, sizeof part, ";length=%zu;sha256=%s;", len, digest);
	assert_true(fixture->memory->records[0].value_null);
	assert_non_null(strstr(fixture->memory->records[0].headers, part));
	free(text);

	fixture->memory->refuse_topic = "app.dlq";
	fixture->memory->refuse_count = 1;
	fixture->options.accept_refused = true;
	run_text(fixture, "who,when,paid\nc,19970101,x\n");
	hash_sha256_hex(bytes_str("c,19970101,x"), digest);
	snprintf(part, sizeof part, ";length=12;sha256=%s;", digest);
	assert_int_equal(fixture->result.dlq_rows, 1);
	assert_true(fixture->memory->records[0].value_null);
	assert_non_null(strstr(fixture->memory->records[0].headers, part));
}

static void test_mapping_errors_send_nothing(void **state)
{
	static const struct {
		const char *text, *part;
	} files[] = {
		{ "", "line 1: the file is empty; expected a header line" },
		{ "who;when;paid\na;19970101;1\n", "line 1: expected one column \"who\"" },
		{ "who,when\na,19970101\n", "needs at $.amount.column; there are 0" },
		{ "who,when,\"paid\na,19970101,1\n",
		  "line 1: the header line can't be read: column 3" },
	};
	struct fixture *fixture = *state;
	use_mapping(fixture, "");
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		write_file(fixture, files[i].text, strlen(files[i].text));
		expect_err(run(fixture), ERR_FATAL, "MAPPING_COLUMNS", files[i].part);
		assert_int_equal(fixture->memory->count, 0);
	}
	unlink(fixture->path);
	expect_err(run(fixture), ERR_FATAL, "SOURCE_FILE_OPEN", fixture->path);
	fixture->options.path = "/dev/null";
	expect_err(run(fixture), ERR_FATAL, "SOURCE_FILE_OPEN", "expected a regular file");
	fixture->options.path = fixture->path;
}

static void test_header_alone_ends_nothing(void **state)
{
	struct fixture *fixture = *state;
	use_mapping(fixture, "");
	run_text(fixture, "who,when,paid\n");
	assert_int_equal(fixture->memory->count, 0);
	assert_int_equal(fixture->result.end_ms, TIME_NONE);
}

/* What is wrong with all rows is wrong with the mapping. */
static void test_a_mapping_of_another_file(void **state)
{
	struct fixture *fixture = *state;
	char text[TEXT_MAX];
	for (int good = 0; good <= 1;
	     good++) { /* the last of those that are looked at is an event */
		size_t used = (size_t)snprintf(text, sizeof text, "who,when,paid\n");
		for (int i = 1; i <= INGEST_REFUSED_FIRST + 1; i++)
			used += (size_t)snprintf(
				text + used, sizeof text - used, "a,%s,1\n",
				good == 1 && i == INGEST_REFUSED_FIRST ? "19970101" : "01.02.97");
		assert_true(used < sizeof text);
		use_mapping(fixture, good == 0 ? ",\"order_by\":\"time\"" : "");
		write_file(fixture, text, used);
		if (good == 1) {
			expect_ok(run(fixture));
			assert_int_equal(fixture->result.dlq_rows, INGEST_REFUSED_FIRST);
			continue;
		}
		expect_err(run(fixture), ERR_FATAL, "INGEST_NO_EVENT",
			   "none of the first 100 rows is an event, so nothing was sent. The "
			   "first reason: row 1 (line 2): column \"when\"");
		fixture->options.accept_refused = true;
		expect_ok(run(fixture));
		assert_int_equal(fixture->result.dlq_rows, INGEST_REFUSED_FIRST + 1);
		fixture->options.accept_refused = false;
	}
	/* fewer rows than that, and none of the time that is asked for */
	use_mapping(fixture, "");
	fixture->options.from_ms = 10000 * MS_PER_DAY;
	write_file(fixture, "who,when,paid\na,x,1\n", 20);
	expect_err(run(fixture), ERR_FATAL, "INGEST_NO_EVENT", "none of the first 1 rows");
	run_text(fixture, "who,when,paid\na,x,1\na,19970101,1\n");
	assert_int_equal(fixture->result.outside_rows, 2);
	run_text(fixture, "who,when,paid\n");
	assert_int_equal(fixture->result.rows, 0);
}

/* A place that dies: what was sent since the last commit is lost, as in a transaction. */
struct mortal {
	struct memory *memory;
	size_t committed;
	int64_t done;
	bool complete;
	int sends_left; /* then it dies */
};

static struct err *mortal_send(void *context, const struct outgoing *out)
{
	struct mortal *mortal = context;
	if (mortal->sends_left-- == 0)
		return err_new(ERR_FATAL, "KILLED", "dead");
	return remember(mortal->memory, out);
}

static struct err *mortal_begin(void *context, const char *topic, const char *identity,
				struct ingest_start *start)
{
	struct mortal *mortal = context;
	assert_string_equal(topic, "erp.events");
	assert_int_equal(strlen(identity), HASH_SHA256_HEX_LEN);
	mortal->memory->count = mortal->committed;
	*start =
		(struct ingest_start){ PARTITIONS, DLQ_PARTITIONS, mortal->done, mortal->complete };
	return NULL;
}

static struct err *mortal_commit(void *context, int64_t done, bool complete)
{
	struct mortal *mortal = context;
	assert_true(done >= mortal->done);
	mortal->committed = mortal->memory->count;
	mortal->done = done;
	mortal->complete = complete;
	return NULL;
}

/* Killed after each number of records, by each distance of commits, in the file's order and
 * sorted: what lasts is what one run in one go gives. */
static void test_killed_and_started_again(void **state)
{
	static const char text[] =
		"who,when,paid\na,19970103,1\nb,19970101,2\nc,19970103,3\nd,x,4\n"
		"e,19970102,5\na,19970101,6\nf,19970101,x\n";
	struct fixture *fixture = *state;
	char whole[TEXT_MAX], shown[TEXT_MAX];
	for (int variant = 0; variant < 2; variant++) {
		mapping_free(&fixture->mapping);
		use_mapping(fixture, variant == 0 ? "" : ",\"order_by\":\"time\"");
		run_text(fixture, text);
		show(fixture, whole);
		for (int distance = 1; distance < 12; distance++) {
			struct mortal mortal = { .memory = fixture->memory };
			const struct ingest_sink before = fixture->options.sink;
			fixture->options.sink = (struct ingest_sink){
				mortal_send, mortal_begin, mortal_commit, &mortal, { 0 }
			};
			fixture->options.commit_records = distance;
			for (int lives = 1; !mortal.complete; lives++) {
				mortal.sends_left = distance + lives % 3;
				struct err *err = ingest_run(&fixture->options, &fixture->result);
				assert_true(err == NULL || strcmp(err_code(err), "KILLED") == 0);
				err_free(&err);
				assert_in_range(lives, 1, 100);
			}
			assert_string_equal(show(fixture, shown), whole);
			expect_ok(ingest_run(&fixture->options, &fixture->result));
			assert_true(fixture->result.complete);
			assert_string_equal(show(fixture, shown), whole);
			fixture->options.sink = before;
		}
	}
}

static void test_sink_errors(void **state)
{
	struct fixture *fixture = *state;
	use_mapping(fixture, "");
	write_file(fixture, three, strlen(three));
	fixture->memory->refuse_topic = "erp.events";
	fixture->memory->refuse_count = 1;
	fixture->memory->count = 0;
	struct err *err = ingest_run(&fixture->options, &fixture->result);
	expect_err(err, ERR_FATAL, "INGEST_REFUSED", "raise its max.message.bytes");
	fixture->memory->fail = true;
	err = ingest_run(&fixture->options, &fixture->result);
	expect_err(err, ERR_FATAL, "WRITER_DELIVERY", "");
	assert_int_equal(fixture->result.end_ms, TIME_NONE);
}

static void test_stop(void **state)
{
	struct fixture *fixture = *state;
	const volatile int stop = 1;
	use_mapping(fixture, "");
	fixture->options.stop = &stop;
	run_text(fixture, three);
	assert_true(fixture->result.stopped);
	assert_int_equal(fixture->memory->count, 0);
}

static void count_progress(void *context, const struct ingest_progress *progress)
{
	int64_t *calls = context;
	++*calls;
	assert_true(progress->done <= progress->total);
}

static void test_progress(void **state)
{
	struct fixture *fixture = *state;
	int64_t calls = 0;
	use_mapping(fixture, ",\"order_by\":\"time\"");
	fixture->options.progress = count_progress;
	fixture->options.progress_context = &calls;
	run_text(fixture, three);
	assert_int_equal(calls, 2); /* the end of reading and the end of sending */
}

/* ---- packed files ---- */

static size_t pack_gzip(const char *text, uint8_t *out, size_t out_max)
{
	z_stream stream = { 0 };
	assert_int_equal(
		deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = (z_const Bytef *)text;
	stream.avail_in = (uInt)strlen(text);
	stream.next_out = out;
	stream.avail_out = (uInt)out_max;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	return out_max - stream.avail_out;
}

static size_t pack_xz(const char *text, uint8_t *out, size_t out_max)
{
	size_t len = 0;
	assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, (const uint8_t *)text,
						 strlen(text), out, &len, out_max),
			 LZMA_OK);
	return len;
}

static void test_packed_files(void **state)
{
	struct fixture *fixture = *state;
	char shown[TEXT_MAX], plain[TEXT_MAX];
	use_mapping(fixture, "");
	run_text(fixture, three);
	show(fixture, plain);
	size_t (*const pack[])(const char *, uint8_t *, size_t) = { pack_gzip, pack_xz };
	for (size_t i = 0; i < 2; i++) {
		uint8_t packed[2048];
		size_t half = strlen("who,when,paid\na,19970103,1.00\n"), len;
		char first[64];
		len = pack[i](three, packed, sizeof packed);
		write_file(fixture, packed, len);
		expect_ok(run(fixture));
		assert_string_equal(show(fixture, shown), plain);

		/* each cut is an error, never a shorter file */
		for (size_t cut = 8; cut < len; cut++) {
			write_file(fixture, packed, cut);
			struct err *err = ingest_run(&fixture->options, &fixture->result);
			expect_err(err, ERR_FATAL, "SOURCE_FILE_DAMAGED", "expected a whole");
			fixture->memory->count = 0;
		}
		packed[len / 2] ^= 0x40;
		write_file(fixture, packed, len);
		struct err *err = ingest_run(&fixture->options, &fixture->result);
		expect_err(err, ERR_FATAL, "SOURCE_FILE_DAMAGED", fixture->path);

		/* two archives in one file are one text */
		memcpy(first, three, half);
		first[half] = '\0';
		len = pack[i](first, packed, sizeof packed);
		len += pack[i](three + half, packed + len, sizeof packed - len);
		write_file(fixture, packed, len);
		expect_ok(run(fixture));
		assert_string_equal(show(fixture, shown), plain);
	}
}

/* What was hashed first and what is read later must be the same bytes. */
static void test_file_that_grows_while_it_is_read(void **state)
{
	struct fixture *fixture = *state;
	struct source_file *source;
	uint8_t out[64];
	size_t len = 1;
	struct err *err = NULL;
	write_file(fixture, three, strlen(three));
	expect_ok(source_file_open(fixture->path, &source));
	FILE *file = fopen(fixture->path, "ab");
	assert_non_null(file);
	assert_int_equal(fputs("c,19970104,1\n", file) < 0, 0);
	assert_int_equal(fclose(file), 0);
	while (err == NULL && len > 0)
		err = source_file_read(source, out, sizeof out, &len);
	expect_err(err, ERR_FATAL, "SOURCE_FILE_CHANGED", "changed while it was read");
	source_file_close(&source);
}

/* ---- the sorter alone ---- */

static void test_sorter_is_stable_over_many_blocks(void **state)
{
	(void)state;
	enum { EVENTS = 60000 };
	struct event_sort *sort = event_sort_new(EVENT_SORT_BYTES_MAX);
	uint8_t value[100] = { 0 };
	for (int64_t row = 1; row <= EVENTS; row++) {
		memcpy(value, &row, sizeof row);
		expect_ok(event_sort_add(sort, row * 7919 % 100, row, bytes_str("key"),
					 bytes_of(value, sizeof value)));
	}
	const struct sorted_event *events;
	size_t count;
	event_sort_finish(sort, &events, &count);
	assert_int_equal(count, EVENTS);
	for (size_t i = 0; i < count; i++) {
		int64_t row;
		assert_int_equal(events[i].key_len, 3);
		assert_int_equal(events[i].value_len, sizeof value);
		memcpy(&row, events[i].data + 3, sizeof row);
		assert_int_equal(row, events[i].row);
		assert_int_equal(events[i].event_ms, row * 7919 % 100);
		if (i == 0)
			continue;
		assert_true(
			events[i - 1].event_ms < events[i].event_ms ||
			(events[i - 1].event_ms == events[i].event_ms && events[i - 1].row < row));
	}
	event_sort_free(&sort);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_events_in_file_order),
		TEST(test_event_ids),
		TEST(test_order_by_time),
		TEST(test_sort_bound),
		TEST(test_from_until_limit),
		TEST(test_dead_letters),
		TEST(test_dead_letters_too_large),
		TEST(test_a_mapping_of_another_file),
		TEST(test_mapping_errors_send_nothing),
		TEST(test_header_alone_ends_nothing),
		TEST(test_killed_and_started_again),
		TEST(test_sink_errors),
		TEST(test_stop),
		TEST(test_progress),
		TEST(test_packed_files),
		TEST(test_file_that_grows_while_it_is_read),
		TEST(test_sorter_is_stable_over_many_blocks),
#undef TEST
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ingest", tests, NULL, NULL);
}
