#include "state/due_queue.h"

#include <stdlib.h>

#include "base/check.h"

#define NIL UINT32_MAX

enum { RECENT_COUNT = 256 };

struct item {
	uint32_t slot, generation;
	uint32_t next; /* of its bucket, or of the spare ones */
};

/* Items that are due at the same time. Two buckets may have the same. */
struct bucket {
	int64_t due_ms;
	uint32_t first; /* item */
	uint32_t next;	/* of the spare ones */
};

/* An item of the run. `order` tells most keys apart without a look at the entry. */
struct turn {
	uint64_t order;
	struct entry *entry;
	uint32_t slot, generation;
};

/*   buckets, a heap of them by due time ──(first bucket)──► run: sorted by (kind, key)
 *
 * Timers are set to full hours, so many are due at once: they are put in order when their time has
 * come, and an item costs the heap nothing. */
struct due_queue {
	struct cache *cache;
	struct item *items;
	uint32_t item_count, item_capacity, item_spare;
	struct bucket *buckets;
	uint32_t bucket_count, bucket_capacity, bucket_spare;
	uint32_t *heap; /* of buckets; room for all */
	size_t heap_count;
	uint32_t recent[RECENT_COUNT]; /* buckets by hash of the due time: a guess, checked */
	struct turn *run;	       /* run[run_at .. run_count), all due at run_ms */
	struct turn *merged;	       /* scratch of the sort, as large */
	size_t run_at, run_count, run_capacity;
	int64_t run_ms;
};

struct due_queue *due_queue_new(struct cache *cache)
{
	struct due_queue *queue = check_calloc(1, sizeof *queue);
	queue->cache = cache;
	due_queue_clear(queue);
	return queue;
}

void due_queue_free(struct due_queue **queue)
{
	if (*queue == NULL)
		return;
	free((*queue)->items);
	free((*queue)->buckets);
	free((*queue)->heap);
	free((*queue)->run);
	free((*queue)->merged);
	free(*queue);
	*queue = NULL;
}

void due_queue_clear(struct due_queue *queue)
{
	queue->item_count = queue->bucket_count = 0;
	queue->item_spare = queue->bucket_spare = NIL;
	queue->heap_count = queue->run_at = queue->run_count = 0;
	memset(queue->recent, 0xff, sizeof queue->recent);
}

/* ---- the heap of buckets ---- */

static int64_t due_at(const struct due_queue *queue, size_t i)
{
	return queue->buckets[queue->heap[i]].due_ms;
}

static void heap_push(struct due_queue *queue, uint32_t bucket)
{
	int64_t due_ms = queue->buckets[bucket].due_ms;
	size_t i = queue->heap_count++;
	for (; i > 0 && due_ms < due_at(queue, (i - 1) / 2); i = (i - 1) / 2)
		queue->heap[i] = queue->heap[(i - 1) / 2];
	queue->heap[i] = bucket;
}

static uint32_t heap_pop(struct due_queue *queue)
{
	uint32_t top = queue->heap[0], last = queue->heap[--queue->heap_count];
	int64_t due_ms = queue->buckets[last].due_ms;
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < queue->heap_count; i = child) {
		if (child + 1 < queue->heap_count)
			child += due_at(queue, child + 1) < due_at(queue, child);
		if (due_at(queue, child) >= due_ms)
			break;
		queue->heap[i] = queue->heap[child];
	}
	queue->heap[i] = last;
	return top;
}

/* ---- items ---- */

/* The entry that an item stands for; NULL where it no longer does. */
static struct entry *entry_of(const struct due_queue *queue, uint32_t slot, uint32_t generation,
			      int64_t due_ms)
{
	struct entry *entry = cache_at(queue->cache, slot, generation);
	return entry != NULL && entry->queued_due_ms == due_ms ? entry : NULL;
}

static void drop_item(struct due_queue *queue, uint32_t item)
{
	queue->items[item].next = queue->item_spare;
	queue->item_spare = item;
}

static void drop_bucket(struct due_queue *queue, uint32_t bucket)
{
	queue->buckets[bucket].due_ms = TIME_NONE; /* so that no guess finds it */
	queue->buckets[bucket].next = queue->bucket_spare;
	queue->bucket_spare = bucket;
}

/* Leaves out of a bucket what is not needed. */
static void thin(struct due_queue *queue, struct bucket *bucket)
{
	uint32_t *link = &bucket->first;
	while (*link != NIL) {
		uint32_t at = *link;
		struct item *item = &queue->items[at];
		struct entry *entry = entry_of(queue, item->slot, item->generation, bucket->due_ms);
		if (entry != NULL && entry_is_unstored(entry)) {
			link = &item->next;
			continue;
		}
		if (entry != NULL)
			entry->queued_due_ms = TIME_NONE;
		*link = item->next;
		drop_item(queue, at);
	}
}

/* Bounds the queue. Empty buckets go when their time comes: they are fewer than the items were. */
static void compact(struct due_queue *queue)
{
	for (size_t i = 0; i < queue->heap_count; i++)
		thin(queue, &queue->buckets[queue->heap[i]]);
}

static uint32_t new_item(struct due_queue *queue)
{
	if (queue->item_spare == NIL && queue->item_count == queue->item_capacity &&
	    queue->item_capacity >= 4 * cache_slot_count(queue->cache))
		compact(queue);
	if (queue->item_spare != NIL) {
		uint32_t item = queue->item_spare;
		queue->item_spare = queue->items[item].next;
		return item;
	}
	if (queue->item_count == queue->item_capacity) {
		queue->item_capacity = queue->item_capacity ? queue->item_capacity * 2 : 256;
		queue->items =
			check_realloc(queue->items, queue->item_capacity * sizeof *queue->items);
	}
	return queue->item_count++;
}

static uint32_t new_bucket(struct due_queue *queue)
{
	if (queue->bucket_spare != NIL) {
		uint32_t bucket = queue->bucket_spare;
		queue->bucket_spare = queue->buckets[bucket].next;
		return bucket;
	}
	if (queue->bucket_count == queue->bucket_capacity) {
		queue->bucket_capacity = queue->bucket_capacity ? queue->bucket_capacity * 2 : 64;
		size_t room = queue->bucket_capacity;
		queue->buckets = check_realloc(queue->buckets, room * sizeof *queue->buckets);
		queue->heap = check_realloc(queue->heap, room * sizeof *queue->heap);
	}
	return queue->bucket_count++;
}

static struct bucket *bucket_of(struct due_queue *queue, int64_t due_ms)
{
	uint64_t hash = (uint64_t)due_ms * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t *recent = &queue->recent[(hash >> 32) % RECENT_COUNT];
	if (*recent == NIL || queue->buckets[*recent].due_ms != due_ms) {
		*recent = new_bucket(queue);
		queue->buckets[*recent] = (struct bucket){ due_ms, NIL, NIL };
		heap_push(queue, *recent);
	}
	return &queue->buckets[*recent];
}

static void put(struct due_queue *queue, int64_t due_ms, uint32_t slot, uint32_t generation)
{
	uint32_t item = new_item(queue);
	struct bucket *bucket = bucket_of(queue, due_ms);
	queue->items[item] = (struct item){ slot, generation, bucket->first };
	bucket->first = item;
}

void due_queue_add(struct due_queue *queue, struct entry *entry)
{
	if (entry->due_ms == TIME_NONE || entry->due_ms >= entry->queued_due_ms)
		return;
	entry->queued_due_ms = entry->due_ms;
	put(queue, entry->due_ms, cache_slot(queue->cache, entry), entry->generation);
}

/* ---- the run ---- */

static void add_turn(struct due_queue *queue, const struct item *item)
{
	struct entry *entry = entry_of(queue, item->slot, item->generation, queue->run_ms);
	if (entry == NULL)
		return;
	if (queue->run_count == queue->run_capacity) {
		queue->run_capacity = queue->run_capacity ? queue->run_capacity * 2 : 256;
		size_t size = queue->run_capacity * sizeof *queue->run;
		queue->run = check_realloc(queue->run, size);
		queue->merged = check_realloc(queue->merged, size);
	}
	queue->run[queue->run_count++] =
		(struct turn){ .entry = entry, .slot = item->slot, .generation = item->generation };
}

/* Bytes that all keys of the run begin with. */
static size_t common_len(const struct due_queue *queue)
{
	struct bytes first = entry_key(queue->run[0].entry);
	size_t len = first.len;
	for (size_t i = 1; i < queue->run_count; i++) {
		struct bytes key = entry_key(queue->run[i].entry);
		len = key.len < len ? key.len : len;
		while (memcmp(key.data, first.data, len) != 0)
			len--;
	}
	return len;
}

/* The kind and seven bytes of the key, after those that all have in common. */
static uint64_t order_of(const struct entry *entry, size_t skip)
{
	uint64_t order = entry->kind;
	for (size_t i = skip; i < skip + 7; i++)
		order = order << 8 | (i < entry->key_len ? entry->key[i] : 0);
	return order;
}

static inline bool before(const struct turn *a, const struct turn *b)
{
	if (a->order != b->order)
		return a->order < b->order;
	return bytes_compare(entry_key(a->entry), entry_key(b->entry)) < 0;
}

static void merge(const struct turn *left, const struct turn *middle, const struct turn *end,
		  struct turn *out)
{
	const struct turn *right = middle;
	while (left < middle && right < end)
		*out++ = before(right, left) ? *right++ : *left++;
	while (left < middle)
		*out++ = *left++;
	while (right < end)
		*out++ = *right++;
}

/* Merge sort from the bottom up: without allocation, which the C library's qsort does not promise.
 */
static void sort_run(struct due_queue *queue)
{
	size_t count = queue->run_count;
	if (count < 2)
		return;
	size_t skip = common_len(queue);
	for (size_t i = 0; i < count; i++)
		queue->run[i].order = order_of(queue->run[i].entry, skip);
	for (size_t width = 1; width < count; width *= 2) {
		for (size_t i = 0; i < count; i += 2 * width) {
			size_t middle = i + width < count ? i + width : count;
			size_t end = middle + width < count ? middle + width : count;
			merge(queue->run + i, queue->run + middle, queue->run + end,
			      queue->merged + i);
		}
		struct turn *sorted = queue->merged;
		queue->merged = queue->run;
		queue->run = sorted;
	}
}

/* Puts what is left of the run back, and makes a run of all that is due first. */
static void take_run(struct due_queue *queue)
{
	for (; queue->run_at < queue->run_count; queue->run_at++) {
		const struct turn *turn = &queue->run[queue->run_at];
		put(queue, queue->run_ms, turn->slot, turn->generation);
	}
	queue->run_at = queue->run_count = 0;
	queue->run_ms = due_at(queue, 0);
	while (queue->heap_count > 0 && due_at(queue, 0) == queue->run_ms) {
		uint32_t bucket = heap_pop(queue);
		for (uint32_t i = queue->buckets[bucket].first, next; i != NIL; i = next) {
			next = queue->items[i].next;
			add_turn(queue, &queue->items[i]);
			drop_item(queue, i);
		}
		drop_bucket(queue, bucket);
	}
	sort_run(queue);
}

struct entry *due_queue_first(struct due_queue *queue, int64_t until_ms)
{
	for (;;) {
		bool running = queue->run_at < queue->run_count;
		if (queue->heap_count > 0 &&
		    due_at(queue, 0) <= (running ? queue->run_ms : until_ms)) {
			take_run(queue);
			continue;
		}
		if (!running || queue->run_ms > until_ms)
			return NULL;
		const struct turn *turn = &queue->run[queue->run_at];
		struct entry *entry = entry_of(queue, turn->slot, turn->generation, queue->run_ms);
		bool unstored = entry != NULL && entry_is_unstored(entry);
		if (unstored && entry->due_ms == queue->run_ms)
			return entry;
		queue->run_at++;
		if (entry != NULL)
			entry->queued_due_ms = TIME_NONE;
		if (unstored)
			due_queue_add(queue, entry);
	}
}
