/* state/: the cache and its dirty queue, the due queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "state/due_queue.h"

enum { SLOTS = 64 };

static struct bytes key_of(int i, char text[16])
{
	snprintf(text, 16, "k%05d", i);
	return bytes_str(text);
}

static void dirty_entries_stay_and_clean_ones_leave(void **state)
{
	(void)state;
	struct cache *cache = cache_new(SLOTS, 8, 2);
	char text[16];
	for (int i = 0; i < SLOTS; i++) {
		struct entry *entry = cache_insert(cache, 0, 0, key_of(i, text));
		assert_non_null(entry);
		if (i % 2 == 0)
			cache_dirty(cache, entry, i);
	}
	for (int i = SLOTS; i < SLOTS + SLOTS / 2; i++) {
		struct entry *entry = cache_insert(cache, 1, 0, key_of(i, text));
		assert_non_null(entry);
		cache_dirty(cache, entry, i);
	}
	assert_null(cache_insert(cache, 0, 0, bytes_str("one more"))); /* all are dirty */
	assert_int_equal(cache_dirty_count(cache), SLOTS);
	for (int i = 0; i < SLOTS; i++)
		assert_int_equal(cache_find(cache, 0, 0, key_of(i, text)) != NULL, i % 2 == 0);
	cache_free(&cache);
}

static void large_kinds_lie_apart(void **state)
{
	(void)state;
	enum { LARGE = 1, LARGE_SIZE = 100000 };
	struct cache *cache = cache_new(SLOTS, 8, 1);
	cache_keep_apart(cache, LARGE, LARGE_SIZE);
	char text[16];
	for (int i = 0; i < 3 * SLOTS; i++) { /* twice round: slots are used again */
		uint8_t kind = i % 2 == 1 ? LARGE : 0;
		struct entry *entry = cache_insert(cache, 0, kind, key_of(i, text));
		assert_non_null(entry);
		size_t size = kind == LARGE ? LARGE_SIZE : 8;
		for (size_t at = 0; at < size; at += size - 1)
			assert_int_equal(entry->state[at], 0);
		memset(entry->state, 0xff, size);
	}
	cache_free(&cache);
}

static void dirty_queue_is_in_order_of_first_change(void **state)
{
	(void)state;
	struct cache *cache = cache_new(SLOTS, 8, 1);
	char text[16];
	for (int i = 0; i < 10; i++)
		cache_dirty(cache, cache_insert(cache, 0, 0, key_of(i, text)), 100 + i);
	cache_dirty(cache, cache_find(cache, 0, 0, key_of(0, text)), 500); /* keeps its place */
	cache_publish(cache, cache_find(cache, 0, 0, key_of(4, text)));
	cache_land(cache);
	int64_t expected = 100;
	for (struct entry *entry = cache_dirty_first(cache, 0); entry != NULL;
	     entry = cache_dirty_next(cache, entry), expected++) {
		expected += expected == 104;
		assert_int_equal(entry->first_dirty, expected);
	}
	assert_int_equal(expected, 110);
	cache_drop_task(cache, 0);
	assert_int_equal(cache_dirty_count(cache), 0);
	assert_null(cache_find(cache, 0, 0, key_of(1, text)));
	cache_free(&cache);
}

/* Against a plain array, through many inserts and evictions: the table never loses a key. */
static void table_survives_churn(void **state)
{
	(void)state;
	struct cache *cache = cache_new(SLOTS, 8, 1);
	char text[16];
	uint32_t random = 1;
	for (int i = 0; i < 20000; i++) {
		random = random * 1664525 + 1013904223;
		struct bytes key = key_of((int)(random >> 16) % 200, text);
		struct entry *entry = cache_find(cache, 0, 0, key);
		if (entry == NULL)
			entry = cache_insert(cache, 0, 0, key);
		assert_non_null(entry);
		assert_true(bytes_equal(entry_key(entry), key));
		assert_ptr_equal(cache_find(cache, 0, 0, key), entry);
	}
	cache_free(&cache);
}

static void due_queue_gives_the_lowest_first(void **state)
{
	(void)state;
	struct cache *cache = cache_new(SLOTS, 8, 1);
	struct due_queue *queue = due_queue_new(cache);
	static const int64_t dues[] = { 50, 20, 20, 90, 10 };
	char text[16];
	for (int i = 0; i < 5; i++) {
		struct entry *entry = cache_insert(cache, 0, 0, key_of(i, text));
		entry->due_ms = dues[i];
		cache_dirty(cache, entry, i);
		due_queue_add(queue, entry);
	}
	/* an event moves the lowest on; nobody tells the queue */
	cache_find(cache, 0, 0, key_of(4, text))->due_ms = 60;
	static const char *const order[] = { "k00001", "k00002", "k00000", "k00004" };
	for (int i = 0; i < 4; i++) {
		struct entry *entry = due_queue_first(queue, 80);
		assert_non_null(entry);
		assert_memory_equal(entry->key, order[i], 6);
		entry->due_ms = TIME_NONE;
	}
	assert_null(due_queue_first(queue, 80));
	assert_non_null(due_queue_first(queue, 90));
	due_queue_free(&queue);
	cache_free(&cache);
}

/* The lowest (due, kind, key) by looking at every entry. */
static struct entry *lowest_of(struct cache *cache, int64_t until_ms)
{
	struct entry *lowest = NULL;
	for (struct entry *entry = cache_dirty_first(cache, 0); entry != NULL;
	     entry = cache_dirty_next(cache, entry)) {
		if (entry->due_ms > until_ms)
			continue;
		int order = lowest == NULL ? -1
			    : entry->due_ms != lowest->due_ms
				    ? (entry->due_ms < lowest->due_ms ? -1 : 1)
			    : entry->kind != lowest->kind
				    ? entry->kind - lowest->kind
				    : bytes_compare(entry_key(entry), entry_key(lowest));
		lowest = order < 0 ? entry : lowest;
	}
	return lowest;
}

/* Due times that coincide, move both ways, and are set while others fire. */
static void due_queue_agrees_with_a_search(void **state)
{
	(void)state;
	enum { KEYS = 60, ROUNDS = 400, STEP = 100 };
	uint32_t seed = 7;
	struct cache *cache = cache_new(2 * KEYS, 8, 1);
	struct due_queue *queue = due_queue_new(cache);
	for (int round = 0; round < ROUNDS; round++) {
		char text[32];
		for (int i = 0; i < 10; i++) {
			seed = seed * 1664525 + 1013904223;
			int len = snprintf(text, sizeof text, "account/%s%u",
					   seed >> 30 ? "0000000" : "", (seed >> 10) % KEYS);
			struct bytes key = bytes_of(text, (size_t)len);
			uint8_t kind = (seed >> 20) % 2;
			struct entry *entry = cache_find(cache, 0, kind, key);
			if (entry == NULL)
				entry = cache_insert(cache, 0, kind, key);
			if (entry == NULL)
				break;
			entry->due_ms = (round + 1 + (int)(seed >> 24) % 8) * STEP;
			cache_dirty(cache, entry, round);
			due_queue_add(queue, entry);
		}
		int64_t until_ms = round * STEP;
		for (struct entry *entry; (entry = due_queue_first(queue, until_ms)) != NULL;) {
			assert_ptr_equal(entry, lowest_of(cache, until_ms));
			seed = seed * 1664525 + 1013904223;
			entry->due_ms += (int)(1 + (seed >> 24) % 3) * (STEP / 2);
			due_queue_add(queue, entry);
		}
		assert_null(lowest_of(cache, until_ms));
	}
	due_queue_clear(queue);
	assert_null(due_queue_first(queue, INT64_MAX));
	due_queue_free(&queue);
	cache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dirty_entries_stay_and_clean_ones_leave),
		cmocka_unit_test(large_kinds_lie_apart),
		cmocka_unit_test(dirty_queue_is_in_order_of_first_change),
		cmocka_unit_test(table_survives_churn),
		cmocka_unit_test(due_queue_gives_the_lowest_first),
		cmocka_unit_test(due_queue_agrees_with_a_search),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
