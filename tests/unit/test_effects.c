/* What a stage wants to say: kept once, bounded, and in the shape in which it can be produced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/hash.h"
#include "runtime/effects.h"

enum { PARTITIONS = 1024, PRODUCED_MAX = PARTITIONS, TEXT_MAX = 128, HUGE_LEN = 70 << 20 };

/* A bus that takes what fits, and remembers it. */
struct narrow {
	struct bus bus;
	size_t len_max; /* of a key and its value */
	size_t count;
	int32_t partitions[PRODUCED_MAX];
	char key[TEXT_MAX], value[TEXT_MAX]; /* of the last one, as far as there is room */
};

static void note(char out[TEXT_MAX], struct bytes text)
{
	snprintf(out, TEXT_MAX, "%.*s", (int)text.len, (const char *)text.data);
}

static struct err *produce(struct bus *bus, const struct outgoing *item)
{
	struct narrow *narrow = (struct narrow *)bus;
	if (item->key.len + item->value.len > narrow->len_max)
		return err_new(ERR_POISON, "BUS_TOO_LARGE", "too large");
	CHECK(narrow->count < PRODUCED_MAX);
	narrow->partitions[narrow->count++] = item->partition;
	note(narrow->key, item->key);
	note(narrow->value, item->value);
	return NULL;
}

static struct err *partition_count(struct bus *bus, const char *topic, int32_t *count)
{
	(void)bus;
	(void)topic;
	*count = PARTITIONS;
	return NULL;
}

static const struct bus_ops narrow_ops = { .produce = produce, .partition_count = partition_count };

struct fixture {
	struct narrow narrow;
	struct effects *effects;
	uint8_t *data;
};

static int set_up(void **state)
{
	struct fixture *fixture = check_calloc(1, sizeof *fixture);
	fixture->narrow = (struct narrow){ .bus.ops = &narrow_ops, .len_max = 1000 };
	fixture->effects = effects_new("app", NULL);
	fixture->data = check_calloc(1, HUGE_LEN);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	effects_free(&fixture->effects);
	free(fixture->data);
	free(fixture);
	return 0;
}

static void pass(struct fixture *fixture, int32_t partition, size_t key_len, size_t value_len)
{
	effects_pass(fixture->effects, "t", partition, bytes_of(fixture->data, key_len),
		     bytes_of(fixture->data, value_len), NULL, 0);
	struct err *err = effects_produce(fixture->effects, &fixture->narrow.bus);
	if (err != NULL)
		fail_msg("%s", err_text(err));
	effects_clear(fixture->effects);
}

static void expect_digest(const struct fixture *fixture, const char *text, size_t len)
{
	char digest[TEXT_MAX] = "sha256:";
	hash_sha256_hex(bytes_of(fixture->data, len), digest + strlen(digest));
	assert_string_equal(text, digest);
}

static void what_goes_to_all_partitions_is_kept_once(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < PARTITIONS; i++)
		effects_pass(fixture->effects, "t", EFFECTS_ALL, bytes_str("k"),
			     bytes_of(fixture->data, 60000), NULL, 0);
	assert_in_range(effects_bytes(fixture->effects), 60000L * PARTITIONS, 61000L * PARTITIONS);
	assert_int_equal(effects_to_all_count(fixture->effects), PARTITIONS);
	effects_clear(fixture->effects);
	assert_int_equal(effects_to_all_count(fixture->effects), 0);
	pass(fixture, EFFECTS_ALL, 1, 100);
	assert_int_equal(fixture->narrow.count, PARTITIONS);
	for (int32_t i = 0; i < PARTITIONS; i++)
		assert_int_equal(fixture->narrow.partitions[i], i);
}

static void what_does_not_fit_is_stood_for_by_its_digest(void **state)
{
	struct fixture *fixture = *state;
	pass(fixture, 3, 0, 1001);
	expect_digest(fixture, fixture->narrow.value, 1001);
	assert_int_equal(fixture->narrow.partitions[0], 3);
	pass(fixture, 3, 2000, 50);
	expect_digest(fixture, fixture->narrow.key, 2000);
	expect_digest(fixture, fixture->narrow.value, 50);
	assert_int_equal(fixture->narrow.count, 2);
}

/* More than the arena has room for: the client takes up to 100 MB where a topic allows it. */
static void what_no_topic_takes_is_not_copied(void **state)
{
	struct fixture *fixture = *state;
	pass(fixture, 0, 3 << 20, HUGE_LEN);
	expect_digest(fixture, fixture->narrow.key, 3 << 20);
	expect_digest(fixture, fixture->narrow.value, HUGE_LEN);
}

static void an_error_ends_with_what_it_belongs_to(void **state)
{
	struct fixture *fixture = *state;
	effects_fail(fixture->effects, err_new(ERR_RETRY, "SOME", "of what is dropped"));
	effects_clear(fixture->effects);
	assert_null(effects_error(fixture->effects));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_goes_to_all_partitions_is_kept_once),
		TEST(what_does_not_fit_is_stood_for_by_its_digest),
		TEST(what_no_topic_takes_is_not_copied),
		TEST(an_error_ends_with_what_it_belongs_to),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
