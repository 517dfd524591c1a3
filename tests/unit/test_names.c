/* Names of customers in normal form, their order, companies' names, and the merge of two accounts.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timestamp.h"
#include "consumers/account_merge.h"
#include "consumers/company.h"
#include "consumers/decisions.h"
#include "consumers/identity_state.h"
#include "consumers/names.h"

/* An event that names a name's scheme and value leads to it again. */
static void leads_to_itself(const struct name_key *key)
{
	struct name_key again;
	struct bytes scheme, value;
	name_key_split(name_bytes(key), &scheme, &value);
	assert_null(name_key_make(scheme, value, &again));
	assert_true(bytes_equal(name_bytes(&again), name_bytes(key)));
}

static void names_have_one_form(void **state)
{
	(void)state;
	static const struct {
		const char *scheme, *value, *key; /* NULL: no name */
	} rows[] = {
		{ "", "C-17", "C-17" },
		{ "crm.account", "  C-17\n", "C-17" },
		{ "", "C:17", "C:17" },
		{ "", "site:Bergen", NULL },
		{ "crm.account", " region:NO", NULL },
		{ "", "email:anna@gtx.example", NULL },
		{ "site", "site:Bergen", "site:site:Bergen" },
		{ "erp.customer", "0070 001", "erp.customer:0070 001" },
		{ "loyalty", "A:1", "~loyalty:A:1" },
		{ "email", "Anna.Berg@GTX.Example", "email:anna.berg@gtx.example" },
		{ "email", " mailto:anna@gtx.example ", "email:anna@gtx.example" },
		{ "email", "anna+news@gtx.example", "email:anna+news@gtx.example" },
		{ "email", "anna@gmail.com", "email:anna@gmail.com" },
		{ "email", "anna", NULL },
		{ "email", "@gtx.example", NULL },
		{ "email", "anna@", NULL },
		{ "email", "anna@berg@gtx.example", NULL },
		{ "email", "anna berg@gtx.example", NULL },
		{ "email", "anna@localhost", NULL },
		{ "domain", "GTX.example", "domain:gtx.example" },
		{ "domain", "https://www.gtx.example:443/about?x=1", "domain:gtx.example" },
		{ "domain", "gtx.example.", "domain:gtx.example" },
		{ "domain",
		  "b\xc3\xbc"
		  "cher.example",
		  "domain:b\xc3\xbc"
		  "cher.example" },
		{ "domain", "gmail.com", NULL },
		{ "domain", "-gtx.example", NULL },
		{ "domain", "gtx..example", NULL },
		{ "domain", "gtx", NULL },
		{ "phone", "+49 (0)89 / 123-456", "phone:+4989123456" },
		{ "phone", "0049 89 123456", "phone:+4989123456" },
		{ "phone", "+49.89.123456", "phone:+4989123456" },
		{ "phone", "089 123456", NULL },
		{ "phone", "+49 89", NULL },
		{ "phone", "+49 89 1234567890123", NULL },
		{ "phone", "n/a", NULL },
		{ "tax_id", "de 123.456.789", "tax_id:DE123456789" },
		{ "tax_id", "GR-123456789", "tax_id:EL123456789" },
		{ "tax_id", "123456789", NULL },
		{ "tax_id", "DE", NULL },
		{ "cookie", "a\tb", NULL },
		{ "cookie", "", NULL },
		{ "region", "DE-BY", "region:DE-BY" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct name_key key;
		struct err *err =
			name_key_make(bytes_str(rows[i].scheme), bytes_str(rows[i].value), &key);
		if (rows[i].key == NULL && err == NULL)
			fail_msg("%s is a %s", rows[i].value, rows[i].scheme);
		if (rows[i].key == NULL) {
			assert_string_equal(err_code(err), "NAME_UNUSABLE");
			err_free(&err);
			continue;
		}
		if (err != NULL)
			fail_msg("%s: %s", rows[i].value, err_text(err));
		if (!bytes_equal(name_bytes(&key), bytes_str(rows[i].key)))
			fail_msg("%s: %.*s, expected %s", rows[i].value, (int)key.len,
				 (const char *)key.text, rows[i].key);
		leads_to_itself(&key);
	}
}

static void long_names_are_refused(void **state)
{
	(void)state;
	char text[KEY_LEN_MAX + 2];
	struct name_key key;
	memset(text, 'k', sizeof text);
	text[KEY_LEN_MAX] = '\0';
	assert_null(name_key_make(bytes_str(""), bytes_str(text), &key));
	assert_int_equal(key.len, KEY_LEN_MAX);
	struct err *err = name_key_make(bytes_str("cookie"), bytes_str(text), &key);
	assert_non_null(err);
	err_free(&err);
	text[NAME_KEY_MAX - strlen("cookie:")] = '\0';
	assert_null(name_key_make(bytes_str("cookie"), bytes_str(text), &key));
	assert_int_equal(key.len, NAME_KEY_MAX);
}

static void names_have_an_order(void **state)
{
	(void)state;
	static const char *const ordered[] = {
		"C-1",	       "C-1D",		 "C-2",		 "acme:17",
		"tax_id:DE1",  "erp.customer:1", "domain:a.b",	 "email:a@b.c",
		"phone:+4989", "crm.contact:1",	 "iot.device:1", "cookie:1",
		"region:DE",   "~loyalty:1",
	};
	size_t count = sizeof ordered / sizeof ordered[0];
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++) {
			int order = name_compare(bytes_str(ordered[i]), bytes_str(ordered[k]));
			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
	assert_true(name_joins(bytes_str("C-1")));
	assert_true(name_joins(bytes_str("tax_id:DE1")));
	assert_false(name_joins(bytes_str("email:a@b.c")));
	assert_false(name_joins(bytes_str("erp.customer:1")));
	assert_false(name_joins(bytes_str("~loyalty:1")));
	assert_true(name_is_place(bytes_str("site:DEMUC")));
	assert_false(name_is_place(bytes_str("C-1")));
}

static void companies_are_squeezed(void **state)
{
	(void)state;
	static const struct {
		const char *name, *expected;
	} rows[] = {
		{ "GTX Pro", "gtxpro" },
		{ "GTXPro", "gtxpro" },
		{ "gtx-pro GmbH & Co. KG", "gtxpro" },
		{ "GTX Pro S.A.", "gtxpro" },
		{ "GTX Pro Sp. z o.o.", "gtxpro" },
		{ "M\xc3\xbcller & S\xc3\xb6hne AG", "mullersohne" },
		{ "Stra\xc3\x9f"
		  "enbau",
		  "strassenbau" },
		{ "\xc5\x81\xc3\xb3"
		  "d\xc5\xba",
		  "lodz" },
		{ "KG", "kg" },
		{ "Acme\xc2\xae\xc2\xa0GmbH", "acme" },
		{ "\xe5\xae\xa2\xe6\x88\xb7 Ltd.", "\xe5\xae\xa2\xe6\x88\xb7" },
		{ "\xe5\xae\xa2\xe3\x80\x80\xe6\x88\xb7", "\xe5\xae\xa2\xe6\x88\xb7" },
		{ "Acme\xe2\x80\x93GmbH", "acme" },
		{ "Acme\xe2\x80\x99s", "acmes" },
		{ "Acme\xc2", "acme" }, /* no UTF-8: nothing is read behind the end */
		{ "Acme\xe2\x80", "acme\xe2\x80" },
		{ "", "" },
		{ "...", "" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t text[COMPANY_TEXT_MAX];
		size_t len = company_squeeze(bytes_str(rows[i].name), text);
		if (!bytes_equal(bytes_of(text, len), bytes_str(rows[i].expected)))
			fail_msg("%s: %.*s, expected %s", rows[i].name, (int)len,
				 (const char *)text, rows[i].expected);
	}
}

/* The examples of Winkler's paper, to three digits. */
static void likeness_is_jaro_winkler(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		double expected;
	} rows[] = {
		{ "martha", "marhta", 0.961 },
		{ "dwayne", "duane", 0.840 },
		{ "dixon", "dicksonx", 0.813 },
		{ "gtxpro", "gtxpro", 1 },
		{ "veltano", "corvina", 0.357 },
		{ "abc", "xyz", 0 },
		{ "", "abc", 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		double is = company_likeness(bytes_str(rows[i].a), bytes_str(rows[i].b));
		if (is < rows[i].expected - 0.001 || is > rows[i].expected + 0.001)
			fail_msg("%s and %s: %f", rows[i].a, rows[i].b, is);
	}
}

static void a_name_comes_back_from_its_record(void **state)
{
	(void)state;
	static struct name_state name, back;
	struct print_bytes bytes;
	struct identity_name_record record;
	memset(&name, 0, sizeof name);
	name_text_set(&name.account, bytes_str("C-17"));
	name_text_set(&name.parent, bytes_str("erp.customer:7"));
	name.first_seq = 3;
	name.next_seq = 17;
	name.queued_count = 40;
	name.tail_room = WAITING_PART_MAX - 1;
	name.has_deadline = name.releasing = true;
	name.deadline_ms = 99;
	name.recent = (struct recent_prints){ .count = 2,
					      .hours = { 7, 65535 },
					      .prints = { 1, UINT64_MAX },
					      .bucket_count = SEEN_BUCKETS_MAX,
					      .seen_ms = 5,
					      .outrun_count = 6,
					      .filter_ms = 4,
					      .filter = { { 1, 0 }, { UINT64_MAX, 0 } } };
	assert_true(name_hold(&name, bytes_str("first")));
	assert_true(name_hold(&name, bytes_str("")));
	assert_int_equal(name_waits(&name), 42);
	name_to_record(&name, &bytes, &record);
	assert_null(name_from_record(&record, &back));
	assert_memory_equal(&name, &back, sizeof name);
	name.recent.filter[REPEAT_FILTER_WORDS - 1].before = 7;
	name_to_record(&name, &bytes, &record);
	assert_null(name_from_record(&record, &back));
	assert_memory_equal(&name, &back, sizeof name);
	record.seen_filter.len--;
	struct err *err = name_from_record(&record, &back);
	assert_string_equal(err_code(err), "STATE_INVALID");
	err_free(&err);
	record.seen_filter.len++;
	record.tail_room = WAITING_PART_MAX;
	err = name_from_record(&record, &back);
	assert_string_equal(err_code(err), "STATE_INVALID");
	err_free(&err);
	record.tail_room = 0;
	record.next_seq = 2;
	err = name_from_record(&record, &back);
	assert_string_equal(err_code(err), "STATE_INVALID");
	err_free(&err);
}

/* What was written before there was a filter is looked for in its bucket. */
static void a_name_without_a_filter_looks_everywhere(void **state)
{
	(void)state;
	static struct recent_prints recent, back;
	struct print_bytes bytes;
	struct identity_name_record record = { 0 };
	struct repeats_look looks[LOOKS_MAX];
	recent = (struct recent_prints){ .bucket_count = 5, .seen_ms = MS_PER_DAY };
	recent_to_record(&recent, &bytes, &record);
	assert_null(recent_from_record(&record, &back));
	for (uint64_t print = 1; print < 100; print++)
		assert_int_equal(repeats_looks(&back, print << 40, MS_PER_DAY, looks), 0);
	record.seen_filter = bytes_of(NULL, 0);
	assert_null(recent_from_record(&record, &back));
	for (uint64_t print = 1; print < 100; print++) {
		assert_int_equal(repeats_looks(&back, print << 40, MS_PER_DAY, looks), 1);
		assert_int_equal(looks[0].bucket, repeats_bucket(print << 40, 5));
	}
}

static void what_waits_in_a_name_has_its_bound(void **state)
{
	(void)state;
	static const uint8_t zeros[HELD_BYTES_MAX];
	static struct name_state name;
	memset(&name, 0, sizeof name);
	for (int i = 0; i < HELD_RECORDS_MAX; i++)
		assert_true(name_hold(&name, bytes_of(zeros, 1)));
	assert_false(name_hold(&name, bytes_of(zeros, 1)));
	memset(&name, 0, sizeof name);
	assert_false(name_hold(&name, bytes_of(zeros, HELD_BYTES_MAX + 1)));
	assert_true(name_hold(&name, bytes_of(zeros, HELD_BYTES_MAX - 1)));
	assert_false(name_hold(&name, bytes_of(zeros, 2)));
	assert_true(name_hold(&name, bytes_of(zeros, 1)));
}

/* An entry takes records until one finds no room; what is larger lies in several of one block. */
static void entries_of_a_queue_are_filled(void **state)
{
	(void)state;
	static const struct {
		size_t len;
		int64_t seq;
		size_t parts;
	} rows[] = {
		{ 400, 0, 1 },	{ 500, 0, 1 }, /* 60 are left */
		{ 61, 1, 1 },	{ WAITING_PART_MAX, 2, 1 },
		{ 1, 3, 1 },	{ WAITING_PART_MAX + 1, 4, 2 }, /* no whole record goes to parts */
		{ 1, 6, 1 },	{ 7 * WAITING_PART_MAX, 7, 7 },
		{ 100, 14, 1 }, { 14 * WAITING_PART_MAX, 28, 14 },
		{ 100, 42, 1 },
	};
	static struct name_state name;
	size_t parts;
	memset(&name, 0, sizeof name);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(name_queue(&name, rows[i].len, &parts), rows[i].seq);
		assert_int_equal(parts, rows[i].parts);
	}
	assert_int_equal(name_waits(&name), 43); /* parts and gaps are more than records are */
	memset(&name, 0, sizeof name);
	for (int64_t i = 0; i < 3 * WAITING_RECORDS_MAX; i++) {
		assert_int_equal(name_queue(&name, 1, &parts), i / WAITING_RECORDS_MAX);
		assert_int_equal(name_waits(&name), i + 1);
	}
	/* all of it was handed on, but for what is behind */
	name_queue(&name, 1, &parts);
	name.first_seq = name.next_seq;
	assert_int_equal(name_queue(&name, 1, &parts), name.first_seq);
	assert_int_equal(name_waits(&name), 1);
}

static void expect_back(const struct waiting_state *waiting)
{
	static struct waiting_state back;
	struct identity_waiting_record record;
	waiting_to_record(waiting, &record);
	assert_null(waiting_from_record(&record, &back));
	assert_memory_equal(waiting, &back, sizeof back);
}

static void an_entry_comes_back_from_its_record(void **state)
{
	(void)state;
	static struct waiting_state waiting, back;
	struct identity_waiting_record record;
	for (int i = 0; i < WAITING_RECORDS_MAX; i++) {
		waiting_add(&waiting, bytes_str(i % 2 ? "a record" : "another"));
		expect_back(&waiting);
	}
	waiting_to_record(&waiting, &record);
	record.records[0].bytes = bytes_of(waiting.bytes, WAITING_PART_MAX);
	struct err *err = waiting_from_record(&record, &back);
	assert_string_equal(err_code(err), "STATE_INVALID");
	err_free(&err);
	/* a part of a large one */
	memset(&waiting, 0, sizeof waiting);
	waiting.parts = WAITING_PARTS_MAX;
	waiting.part = 3;
	waiting.len = WAITING_PART_MAX;
	expect_back(&waiting);
	/* as it was written before entries held several: one record */
	record = (struct identity_waiting_record){ .parts = 1, .bytes = bytes_str("one") };
	assert_null(waiting_from_record(&record, &back));
	assert_true(back.record_count == 0 && back.parts == 1 && back.len == 3);
	record.part = 1;
	err = waiting_from_record(&record, &back);
	assert_string_equal(err_code(err), "STATE_INVALID");
	err_free(&err);
}

/* ---- repeats -------------------------------------------------------------------------------- */

/* A name with its buckets, as the stage keeps them. */
struct seen_world {
	struct recent_prints recent;
	struct seen_state buckets[SEEN_BUCKETS_MAX];
	int64_t written, looked; /* at buckets */
};

static uint64_t print_at(int64_t i)
{
	return ((uint64_t)i + 1) * UINT64_C(0xbf58476d1ce4e5b9);
}

static bool saw(struct seen_world *world, uint64_t print, int64_t ms, enum repeats_room room)
{
	struct recent_prints *recent = &world->recent;
	struct repeats_look looks[LOOKS_MAX];
	struct spill spill;
	int32_t buckets[SPILL_BUCKETS_MAX];
	size_t look_count = repeats_looks(recent, print, ms, looks);
	for (size_t i = 0; i < look_count; i++)
		looks[i].seen = &world->buckets[looks[i].bucket];
	world->looked += (int64_t)look_count;
	bool repeat = repeats_saw(recent, looks, look_count, print, ms, room, &spill);
	size_t count = repeats_targets(&spill, buckets);
	for (size_t i = 0; i < count; i++)
		repeats_put(&spill, buckets[i], &world->buckets[buckets[i]]);
	world->written += (int64_t)count;
	return repeat;
}

/* Of `count` new events, one each step_ms, each of the last window's: how many are not known. */
static int64_t unknown_of(struct seen_world *world, int64_t count, int64_t step_ms)
{
	const int64_t begin_ms = INT64_C(1700000000000);
	int64_t unknown = 0;
	memset(world, 0, sizeof *world);
	for (int64_t i = 0; i < count; i++) {
		int64_t ms = begin_ms + i * step_ms, back = 1 + i * 7919 % (i + 1);
		assert_false(saw(world, print_at(i), ms, REPEATS_ANY));
		if (back <= i && back * step_ms < REPEAT_WINDOW_MS)
			unknown += !saw(world, print_at(i - back), ms, REPEATS_ANY);
	}
	return unknown;
}

static void repeats_are_known_for_seven_days(void **state)
{
	(void)state;
	static struct seen_world world;
	static const struct {
		int64_t count, step_ms;
	} rows[] = { { 2000, MS_PER_DAY },  { 3000, 4 * MS_PER_HOUR }, { 3000, MS_PER_HOUR },
		     { 12000, 10 * 60000 }, { 25000, 60000 },	       { 12000, 0 } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(unknown_of(&world, rows[i].count, rows[i].step_ms), 0);
		assert_int_equal(world.recent.outrun_count, 0);
	}
	/* one an hour: in 168 hours three times what the state holds, so few buckets are written */
	unknown_of(&world, 3000, MS_PER_HOUR);
	assert_true(world.recent.bucket_count > 1 && world.recent.bucket_count <= 8);
	assert_true(world.written < 6000 / 8);
	/* one each five hours: the state holds a week of them */
	unknown_of(&world, 3000, 5 * MS_PER_HOUR);
	assert_int_equal(world.recent.bucket_count, 0);
}

/* Of a few hundred new events few are looked for, and buckets are written for many at a time. */
static void most_new_events_need_no_bucket(void **state)
{
	(void)state;
	static struct seen_world world;
	static const struct {
		int64_t count, looked_max, written_max;
	} rows[] = { { 100, 4, 2 }, { 300, 40, 14 }, { 1000, 600, 120 } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		memset(&world, 0, sizeof world);
		for (int64_t k = 0; k < rows[i].count; k++)
			assert_false(saw(&world, print_at(k), 0, REPEATS_ANY));
		if (world.looked > rows[i].looked_max || world.written > rows[i].written_max)
			fail_msg("%lld events: %lld looks, %lld written", (long long)rows[i].count,
				 (long long)world.looked, (long long)world.written);
	}
}

/* Inputs are not read in the order in which their events came. */
static void an_event_that_came_later_is_known_as_long(void **state)
{
	(void)state;
	static struct seen_world world;
	const int64_t later_ms = 12 * MS_PER_DAY;
	memset(&world, 0, sizeof world);
	for (int64_t i = 0; i < 40; i++)
		assert_false(saw(&world, print_at(i), later_ms, REPEATS_ANY));
	for (int64_t i = 40; i < 400; i++)
		assert_false(saw(&world, print_at(i), MS_PER_DAY, REPEATS_ANY));
	/* the filter's generation changes twice */
	for (int64_t i = 400; i < 800; i++)
		assert_false(saw(&world, print_at(i), 9 * MS_PER_DAY, REPEATS_ANY));
	for (int64_t i = 800; i < 1200; i++)
		assert_false(saw(&world, print_at(i), 18 * MS_PER_DAY, REPEATS_ANY));
	for (int64_t i = 0; i < 40; i++)
		assert_true(saw(&world, print_at(i), 18 * MS_PER_DAY, REPEATS_ANY));
}

/* Hours are kept modulo 65536. */
static void after_years_of_silence_all_is_stale(void **state)
{
	(void)state;
	static struct seen_world world;
	for (int64_t years = 1; years <= 6; years++) {
		memset(&world, 0, sizeof world);
		for (int64_t i = 0; i < 10; i++)
			assert_false(saw(&world, print_at(i), 0, REPEATS_ANY));
		for (int64_t i = 10; i < 10 + RECENT_EVENTS_MAX; i++)
			assert_false(
				saw(&world, print_at(i), years * 365 * MS_PER_DAY, REPEATS_ANY));
		assert_int_equal(world.recent.bucket_count, 0);
		assert_int_equal(world.recent.seen_ms, 0);
		assert_int_equal(world.recent.outrun_count, 0);
	}
}

static void what_gives_way_too_early_is_counted(void **state)
{
	(void)state;
	enum { EVENTS = 40000 };
	static struct seen_world world;
	int64_t again = 0;
	memset(&world, 0, sizeof world);
	for (int64_t i = 0; i < EVENTS; i++)
		assert_false(saw(&world, print_at(i), i, REPEATS_ANY));
	assert_int_equal(world.recent.bucket_count, SEEN_BUCKETS_MAX);
	assert_true(world.recent.outrun_count > EVENTS / 4);
	const struct recent_prints kept = world.recent;
	/* every event is known or counted; those of half a window ago are all known */
	for (int64_t i = 0; i < EVENTS; i++) {
		uint64_t print = print_at(i);
		bool known = false;
		for (size_t k = 0; k < kept.count; k++)
			known |= kept.prints[k] == print;
		const struct seen_state *bucket =
			&world.buckets[repeats_bucket(print, kept.bucket_count)];
		for (size_t k = 0; k < bucket->count; k++)
			known |= bucket->prints[k] == print;
		again += !known;
		assert_true(known || i < EVENTS / 2 + EVENTS / 4);
	}
	assert_int_equal(again, kept.outrun_count);
	/* without buckets the state's own are all there is */
	memset(&world, 0, sizeof world);
	for (int64_t i = 0; i < RECENT_EVENTS_MAX + 5; i++)
		assert_false(saw(&world, print_at(i), i * MS_PER_HOUR, REPEATS_NO_BUCKET));
	assert_int_equal(world.recent.outrun_count, 5);
	assert_true(saw(&world, print_at(5), MS_PER_DAY, REPEATS_NO_BUCKET));
	assert_false(saw(&world, print_at(4), MS_PER_DAY, REPEATS_NO_BUCKET));
	/* a bucket that may not be split gives way, too */
	memset(&world, 0, sizeof world);
	for (int64_t i = 0; i < SEEN_EVENTS_MAX + 2 * RECENT_EVENTS_MAX; i++)
		assert_false(saw(&world, print_at(i), 0, REPEATS_NO_SPLIT));
	assert_int_equal(world.recent.bucket_count, 1);
	assert_int_equal(world.recent.outrun_count, (SEEN_EVENTS_MAX + 2 * RECENT_EVENTS_MAX - 1) /
								    RECENT_EVENTS_MAX *
								    RECENT_EVENTS_MAX -
							    SEEN_EVENTS_MAX);
}

static void a_bucket_comes_back_from_its_record(void **state)
{
	(void)state;
	static struct seen_state seen, back;
	struct print_bytes bytes;
	struct identity_seen_record record;
	for (seen.count = 0; seen.count < SEEN_EVENTS_MAX; seen.count++) {
		seen.prints[seen.count] = print_at(seen.count);
		seen.hours[seen.count] = (uint16_t)(seen.count * 600);
	}
	seen_to_record(&seen, &bytes, &record);
	assert_null(seen_from_record(&record, &back));
	assert_memory_equal(&seen, &back, sizeof seen);
	record.hours.len--;
	struct err *err = seen_from_record(&record, &back);
	assert_string_equal(err_code(err), "STATE_INVALID");
	err_free(&err);
}

/* ---- decisions ------------------------------------------------------------------------------ */

static void decide(struct decisions *decisions, const char *hash, bool is_there)
{
	assert_null(decisions_take(decisions, bytes_str(hash), is_there));
}

static void decisions_are_told_apart_and_taken_back(void **state)
{
	(void)state;
	char name[HASH_SHA256_HEX_LEN + 1], link[HASH_SHA256_HEX_LEN + 1];
	struct decisions *decisions = decisions_new();
	assert_false(decisions_any(NULL) || decisions_erased(NULL, bytes_str("C-1")));
	for (int i = 0; i < 1000; i++) { /* the table grows */
		char text[16];
		snprintf(text, sizeof text, "C-%d", i);
		decisions_name_key(bytes_str(text), name);
		decide(decisions, name, true);
	}
	decisions_link_key(bytes_str("erp.customer:7"), bytes_str("C-2000"), link);
	decide(decisions, link, true);
	assert_true(decisions_erased(decisions, bytes_str("C-0")));
	assert_true(decisions_erased(decisions, bytes_str("C-999")));
	assert_false(decisions_erased(decisions, bytes_str("C-1000")));
	assert_false(decisions_erased(decisions, bytes_str("C-2000")));
	assert_true(decisions_cut(decisions, bytes_str("erp.customer:7"), bytes_str("C-2000")));
	assert_false(decisions_cut(decisions, bytes_str("erp.customer:"), bytes_str("7C-2000")));
	decisions_name_key(bytes_str("C-7"), name);
	decide(decisions, name, false);
	assert_false(decisions_erased(decisions, bytes_str("C-7")));
	decide(decisions, name, true);
	assert_true(decisions_erased(decisions, bytes_str("C-7")));
	struct err *err = decisions_take(decisions, bytes_str("C-7"), true);
	assert_string_equal(err_code(err), "DECISION_UNREADABLE");
	assert_int_equal(err_verdict(err), ERR_POISON); /* it must not end the line */
	err_free(&err);
	decisions_free(&decisions);
}

enum { TAKEN = 20000, ASKERS = 2, STRIDE = 97 };

/* One that asks: what was found once stays. */
struct asker {
	struct decisions *decisions;
	_Atomic bool *over;
	size_t seen;
};

static void *ask(void *argument)
{
	struct asker *asker = argument;
	bool over = false;
	while (!over) {
		over = atomic_load(asker->over);
		for (size_t i = 0, next; i < TAKEN; i = next) {
			next = i + (i < asker->seen ? STRIDE : 1);
			if (i < asker->seen && next > asker->seen)
				next = asker->seen;
			char text[32];
			snprintf(text, sizeof text, "C-%zu", i);
			bool erased = decisions_erased(asker->decisions, bytes_str(text));
			if (!erased && i < asker->seen) {
				asker->seen = SIZE_MAX;
				return NULL;
			}
			if (!erased)
				break;
			if (i >= asker->seen)
				asker->seen = i + 1;
		}
	}
	return NULL;
}

static void decisions_are_asked_for_while_they_are_taken(void **state)
{
	(void)state;
	struct decisions *decisions = decisions_new();
	_Atomic bool over = false;
	struct asker askers[ASKERS] = { { decisions, &over, 0 }, { decisions, &over, 0 } };
	pthread_t threads[ASKERS];
	for (int i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
	for (int i = 0; i < TAKEN; i++) {
		char text[16], key[HASH_SHA256_HEX_LEN + 1];
		snprintf(text, sizeof text, "C-%d", i);
		decisions_name_key(bytes_str(text), key);
		decide(decisions, key, true);
	}
	atomic_store(&over, true);
	for (int i = 0; i < ASKERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(askers[i].seen, TAKEN);
	}
	decisions_free(&decisions);
}

/* ---- merging -------------------------------------------------------------------------------- */

static void count(struct account_state *state, const char *type, int64_t at_ms, int64_t amount,
		  const char *currency)
{
	const struct account_event event = {
		.account = bytes_str("A"),
		.event = { .type = bytes_str(type),
			   .event_ms = at_ms,
			   .has_amount = amount != 0,
			   .amount_minor = amount,
			   .currency = bytes_str(amount != 0 ? currency : NULL) },
		.effective_ms = at_ms,
	};
	account_state_count(state, &event);
}

static void expect_near(double a, double b)
{
	assert_true(a > b - 1e-9 && a < b + 1e-9);
}

/* Two halves, merged, are what one account with all events would be. */
static void merged_halves_are_the_whole(void **state)
{
	(void)state;
	static struct account_state whole, a, b;
	memset(&whole, 0, sizeof whole);
	memset(&a, 0, sizeof a);
	memset(&b, 0, sizeof b);
	for (int64_t i = 0; i < 60; i++) {
		const char *type = i % 3 == 0 ? "erp.order" : i % 3 == 1 ? "iot.reading" : "visit";
		int64_t at_ms = (1000 + i * 3) * MS_PER_DAY, amount = i % 3 == 0 ? 100 + i : 0;
		count(&whole, type, at_ms, amount, "EUR");
		count(i % 7 < 3 ? &a : &b, type, at_ms, amount, "EUR");
	}
	account_state_merge(&a, &b);
	assert_int_equal(a.event_count, whole.event_count);
	assert_int_equal(a.first_ms, whole.first_ms);
	assert_int_equal(a.last_ms, whole.last_ms);
	assert_int_equal(a.buyer.order_count, whole.buyer.order_count);
	assert_int_equal(a.buyer.sum_minor, whole.buyer.sum_minor);
	assert_int_equal(a.buyer.first_ms, whole.buyer.first_ms);
	assert_int_equal(a.buyer.last_ms, whole.buyer.last_ms);
	for (int i = 0; i < BUYER_DECAY_COUNT; i++)
		expect_near(a.buyer.decayed[i], whole.buyer.decayed[i]);
	assert_true(buyer_is_valid(&a.buyer));
	for (size_t i = 0; i < whole.type_count; i++) {
		const struct type_statistics *row = &whole.types[i];
		const struct type_statistics *merged =
			account_state_type(&a, bytes_of(row->type, row->type_len));
		assert_int_equal(merged->count, row->count);
		assert_int_equal(merged->sum_minor, row->sum_minor);
		assert_int_equal(merged->first_ms, row->first_ms);
		assert_int_equal(merged->last_ms, row->last_ms);
		expect_near(merged->decayed_30, row->decayed_30);
		expect_near(merged->decayed_90, row->decayed_90);
	}
}

static void other_currencies_are_counted_not_added(void **state)
{
	(void)state;
	static struct account_state a, b;
	memset(&a, 0, sizeof a);
	memset(&b, 0, sizeof b);
	count(&a, "erp.order", 1000 * MS_PER_DAY, 500, "EUR");
	count(&b, "erp.order", 1001 * MS_PER_DAY, 900, "PLN");
	account_state_merge(&a, &b);
	assert_int_equal(a.event_count, 2);
	assert_int_equal(a.buyer.order_count, 2);
	assert_int_equal(a.buyer.sum_minor, 500);
	assert_int_equal(a.types[0].sum_minor, 500);
	assert_string_equal(a.currency, "EUR");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_one_form),
		cmocka_unit_test(long_names_are_refused),
		cmocka_unit_test(names_have_an_order),
		cmocka_unit_test(companies_are_squeezed),
		cmocka_unit_test(likeness_is_jaro_winkler),
		cmocka_unit_test(a_name_comes_back_from_its_record),
		cmocka_unit_test(what_waits_in_a_name_has_its_bound),
		cmocka_unit_test(entries_of_a_queue_are_filled),
		cmocka_unit_test(an_entry_comes_back_from_its_record),
		cmocka_unit_test(a_name_without_a_filter_looks_everywhere),
		cmocka_unit_test(repeats_are_known_for_seven_days),
		cmocka_unit_test(most_new_events_need_no_bucket),
		cmocka_unit_test(an_event_that_came_later_is_known_as_long),
		cmocka_unit_test(after_years_of_silence_all_is_stale),
		cmocka_unit_test(what_gives_way_too_early_is_counted),
		cmocka_unit_test(a_bucket_comes_back_from_its_record),
		cmocka_unit_test(decisions_are_told_apart_and_taken_back),
		cmocka_unit_test(decisions_are_asked_for_while_they_are_taken),
		cmocka_unit_test(merged_halves_are_the_whole),
		cmocka_unit_test(other_currencies_are_counted_not_added),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
