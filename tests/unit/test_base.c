/* base/: times, hashes, errors, the arena. Oracles: Python's datetime, Kafka's own partitioner
 * tests (org.apache.kafka.common.utils.UtilsTest), FIPS 180-2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/little.h"
#include "base/outage.h"
#include "base/phrase.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "base/words.h"

static void times_are_read_strictly(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "1997-09-30", 875577600000 },
		{ "2024-02-29T23:59:59.999Z", 1709251199999 },
		{ "2024-02-29 23:59", 1709251140000 },
		{ "2024-03-01T01:30:00+01:30", 1709251200000 },
		{ "1969-12-31T23:59:59-00:30", 1799000 },
		{ "0001-01-01", -62135596800000 },
		{ "9999-12-31T23:59:59.9999999Z", 253402300799999 },
	};
	static const char *const bad[] = { "",
					   "1997",
					   "1997-13-01",
					   "1997-02-29",
					   "1900-02-29",
					   "1997-09-31",
					   "1997-09-30T",
					   "1997-09-30T24:00",
					   "1997-09-30T12:60",
					   "1997-09-30T12:00:00.",
					   "97-09-30",
					   "1997-09-30T12:00X",
					   "1997-09-30T12:00+1",
					   "0000-01-01",
					   "1997-09-30 12:00 ",
					   "-1997-09-30" };
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		int64_t ms = 0;
		assert_true(time_parse(good[i].text, &ms));
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int64_t ms = 42;
		assert_false(time_parse(bad[i], &ms));
		assert_int_equal(ms, 42);
	}
}

static void times_are_written_as_they_are_read(void **state)
{
	(void)state;
	char text[TIME_TEXT_LEN + 1];
	time_format(875577600123, text);
	assert_string_equal(text, "1997-09-30T00:00:00.123Z");
	for (int64_t ms = EVENT_MS_MIN; ms < EVENT_MS_MAX; ms += 86399999 * INT64_C(37)) {
		int64_t back = 0;
		time_format(ms, text);
		assert_true(time_parse(text, &back));
		assert_int_equal(back, ms);
	}
}

static void periods_begin_where_they_should(void **state)
{
	(void)state;
	/* 1998-07-01 was a Wednesday; its week began on Monday 1998-06-29 */
	assert_int_equal(time_floor(899251200000, MS_PER_WEEK, WEEK_ORIGIN_MS), 899078400000);
	assert_int_equal(time_floor(-1, MS_PER_DAY, 0), -MS_PER_DAY);
	assert_int_equal(time_floor(0, MS_PER_DAY, 0), 0);
}

static void partitions_are_kafkas(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int32_t hash;
	} cases[] = { { "21", -973932308 },
		      { "foobar", -790332482 },
		      { "a-little-bit-long-string", -985981536 },
		      { "a-little-bit-longer-string", -1486304829 },
		      { "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971 },
		      { "abc", 479470107 } };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal((int32_t)hash_murmur2(bytes_str(cases[i].text)), cases[i].hash);
	assert_int_equal(hash_partition(bytes_str("21"), 16), (-973932308 & 0x7fffffff) % 16);
}

/* Every byte and the length count, wherever they stand, and numbered keys fill a table evenly. */
static void a_key_counts_with_each_byte(void **state)
{
	(void)state;
	enum { SLOTS = 1024, KEYS = 100 * SLOTS };
	uint8_t key[KEY_LEN_MAX] = { 0 };
	int filled[SLOTS] = { 0 };
	for (size_t len = 1; len <= sizeof key; len++) {
		uint64_t plain = hash_key64(bytes_of(key, len), 1);
		assert_true(plain != hash_key64(bytes_of(key, len), 2));
		assert_true(plain != hash_key64(bytes_of(key, len - 1), 1));
		for (size_t i = 0; i < len; i++) {
			key[i] = 1;
			assert_true(plain != hash_key64(bytes_of(key, len), 1));
			key[i] = 0;
		}
	}
	for (int i = 0; i < KEYS; i++) {
		snprintf((char *)key, sizeof key, "A%07d", i);
		filled[hash_key64(bytes_of(key, 8), 0) % SLOTS]++;
	}
	for (size_t i = 0; i < SLOTS; i++)
		assert_in_range(filled[i], 50, 150);
}

static void digests_are_sha256(void **state)
{
	(void)state;
	char hex[HASH_SHA256_HEX_LEN + 1];
	hash_sha256_hex(bytes_str("abc"), hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void errors_are_wrapped_and_cut(void **state)
{
	(void)state;
	struct err *err = err_new(ERR_POISON, "CODE", "inner %d", 7);
	err = err_wrap(err, "outer");
	assert_string_equal(err_text(err), "outer: inner 7");
	assert_int_equal(err_verdict(err), ERR_POISON);
	assert_string_equal(err_code(err), "CODE");
	char longer[2 * ERR_TEXT_MAX];
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	err = err_wrap(err, "%.1020s", longer);
	assert_int_equal(strlen(err_text(err)), ERR_TEXT_MAX - 1);
	err = err_wrap(err, "%s", longer);
	assert_int_equal(strlen(err_text(err)), ERR_TEXT_MAX - 1);
	err_free(&err);
	assert_null(err);
}

static void what_others_wrote_steers_no_terminal(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "", "" },
		{ "Müller & Söhne", "Müller & Söhne" },
		{ "a\033[2Jb\r\n\x7f", "a?[2Jb???" },
		{ "\xc2\x9b"
		  "31m \xc2\xa0",
		  "??31m \xc2\xa0" },
		{ "cut \xc3", "cut ?" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[32];
		snprintf(text, sizeof text, "%s", cases[i][0]);
		utf8_plain(text);
		assert_string_equal(text, cases[i][1]);
	}
}

/* Logs, headers and answers are JSON or UTF-8: a text that is not would be lost there as a whole.
 */
static void errors_are_utf8_whatever_they_quote(void **state)
{
	(void)state;
	char longer[ERR_TEXT_MAX + 1];
	struct err *err =
		err_new(ERR_RETRY, "CODE", "%.*s and caf\xe9, \xe2\x82\xac", 3, "a\xc3\xa4\xc3");
	assert_string_equal(err_text(err), "a\xc3\xa4 and caf?, \xe2\x82\xac");
	err_free(&err);
	err = err_new(ERR_RETRY, "CODE", "%.*s", 4, "a\xc3\xa4\xc3\xa4");
	assert_string_equal(err_text(err), "a\xc3\xa4?");
	err_free(&err);
	for (size_t i = 0; i < sizeof longer - 1; i += 2)
		memcpy(longer + i, "\xc3\xa4", 2);
	longer[sizeof longer - 1] = '\0';
	err = err_new(ERR_RETRY, "CODE", "%s", longer);
	assert_int_equal(strlen(err_text(err)), ERR_TEXT_MAX - 1);
	assert_true(utf8_check((const uint8_t *)err_text(err), ERR_TEXT_MAX - 1));
	err = err_wrap(err, "b\xff%s", "c");
	assert_memory_equal(err_text(err), "b?c: \xc3\xa4", 7);
	assert_true(utf8_check((const uint8_t *)err_text(err), strlen(err_text(err))));
	err_free(&err);
}

static void arena_keeps_what_it_gave(void **state)
{
	(void)state;
	struct arena *arena = arena_new(8 << 20);
	for (int round = 0; round < 3; round++) {
		uint8_t *kept[100];
		for (int i = 0; i < 100; i++) {
			size_t len = (size_t)(i % 7 == 0 ? 50000 : i + 1);
			kept[i] = arena_alloc(arena, len);
			assert_int_equal((uintptr_t)kept[i] % 16, 0);
			memset(kept[i], i, len);
		}
		for (int i = 0; i < 100; i++)
			assert_int_equal(kept[i][0], i);
		assert_true(arena_used(arena) > 15 * 50000);
		arena_reset(arena);
		assert_int_equal(arena_used(arena), 0);
	}
	arena_free(&arena);
}

static void phrases_are_put_together_and_cut(void **state)
{
	(void)state;
	char text[64];
	struct phrase phrase = phrase_in(text, sizeof text);
	phrase_text(&phrase, "from ");
	phrase_int(&phrase, INT64_MIN, 1);
	phrase_bytes(&phrase, bytes_of(", to", 2));
	phrase_int(&phrase, 7, 3);
	phrase_text(&phrase, "/");
	phrase_int(&phrase, 0, 1);
	assert_int_equal(phrase_end(&phrase), 32);
	assert_string_equal(text, "from -9223372036854775808, 007/0");
	phrase = phrase_in(text, 4);
	phrase_int(&phrase, 123456, 1);
	assert_int_equal(phrase_end(&phrase), 3);
	assert_string_equal(text, "123");
	/* a character that doesn't fit is left out, and so is all that follows */
	phrase = phrase_in(text, 6);
	phrase_text(&phrase, "1 天天");
	phrase_text(&phrase, ".");
	assert_int_equal(phrase_end(&phrase), 5);
	assert_string_equal(text, "1 天");
	phrase = phrase_in(text, 8);
	phrase_text(&phrase, "1 天天");
	phrase_text(&phrase, ".");
	assert_int_equal(phrase_end(&phrase), 5);
	assert_string_equal(text, "1 天");
}

static void numbers_are_told_rounded_and_end_somewhere(void **state)
{
	(void)state;
	static const struct {
		double number;
		const char *whole, *tenths;
	} told[] = {
		{ 0.26, "0", "0.3" },
		{ -2.5, "-3", "-2.5" },
		{ 41, "41", "41.0" },
		{ 1e300, "1000000000000000", "100000000000000.0" },
		{ -1e300, "-1000000000000000", "-100000000000000.0" },
	};
	for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
		struct reason_texts texts;
		struct words words = words_in(&texts, 0), tenths = words_in(&texts, 1);
		words_number(&words, told[i].number);
		words_tenths(&tenths, told[i].number);
		phrase_end(&words.en);
		phrase_end(&tenths.zh);
		assert_string_equal(texts.en[0], told[i].whole);
		assert_string_equal(texts.zh[1], told[i].tenths);
	}
}

static void an_outage_is_told_once_and_so_is_its_end(void **state)
{
	(void)state;
	struct outage outage = { 0 };
	int64_t s = 1000;
	assert_int_equal(outage_look(&outage, true, 5 * s), OUTAGE_NO_NEWS);
	assert_int_equal(outage_look(&outage, false, 6 * s), OUTAGE_NO_NEWS);
	assert_int_equal(outage_look(&outage, true, 40 * s), OUTAGE_NO_NEWS);
	assert_int_equal(outage_look(&outage, true, 65 * s), OUTAGE_LASTS);
	assert_int_equal(outage_look(&outage, true, 66 * s), OUTAGE_NO_NEWS);
	assert_int_equal(outage_look(&outage, false, 126 * s), OUTAGE_NO_NEWS);
	assert_int_equal(outage_look(&outage, false, 127 * s), OUTAGE_IS_OVER);
	assert_int_equal(outage_look(&outage, false, 128 * s), OUTAGE_NO_NEWS);
	/* a short one is never told, nor its end */
	assert_int_equal(outage_look(&outage, true, 130 * s), OUTAGE_NO_NEWS);
	assert_int_equal(outage_look(&outage, false, 200 * s), OUTAGE_NO_NEWS);
	assert_int_equal(outage_look(&outage, true, 201 * s), OUTAGE_NO_NEWS);
}

static void little_endian_is_little_endian(void **state)
{
	(void)state;
	uint8_t bytes[8];
	little_store64(bytes, UINT64_C(0x0102030405060708));
	assert_int_equal(bytes[0], 8);
	assert_int_equal(bytes[7], 1);
	assert_true(little_load64(bytes) == UINT64_C(0x0102030405060708));
	assert_true(little_load32(bytes) == UINT32_C(0x05060708));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_strictly),
		cmocka_unit_test(times_are_written_as_they_are_read),
		cmocka_unit_test(periods_begin_where_they_should),
		cmocka_unit_test(partitions_are_kafkas),
		cmocka_unit_test(a_key_counts_with_each_byte),
		cmocka_unit_test(digests_are_sha256),
		cmocka_unit_test(errors_are_wrapped_and_cut),
		cmocka_unit_test(errors_are_utf8_whatever_they_quote),
		cmocka_unit_test(what_others_wrote_steers_no_terminal),
		cmocka_unit_test(arena_keeps_what_it_gave),
		cmocka_unit_test(phrases_are_put_together_and_cut),
		cmocka_unit_test(numbers_are_told_rounded_and_end_somewhere),
		cmocka_unit_test(little_endian_is_little_endian),
		cmocka_unit_test(an_outage_is_told_once_and_so_is_its_end),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
