#include "state/due_queue.h"

#include <stdlib.h>

#include "base/check.h"

struct item {
	int64_t due_ms;
	uint32_t slot, generation;
};

struct due_queue {
	struct cache *cache;
	struct item *items;
	size_t count, capacity;
};

struct due_queue *due_queue_new(struct cache *cache)
{
	struct due_queue *queue = check_calloc(1, sizeof *queue);
	queue->cache = cache;
	return queue;
}

void due_queue_free(struct due_queue **queue)
{
	if (*queue == NULL)
		return;
	free((*queue)->items);
	free(*queue);
	*queue = NULL;
}

void due_queue_clear(struct due_queue *queue)
{
	queue->count = 0;
}

/* Items of gone entries may stand in any order among equals: they are dropped at the top. */
static bool before(struct due_queue *queue, const struct item *a, const struct item *b)
{
	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms;
	const struct entry *left = cache_at(queue->cache, a->slot, a->generation);
	const struct entry *right = cache_at(queue->cache, b->slot, b->generation);
	if (left == NULL || right == NULL)
		return left == NULL && right != NULL;
	if (left->kind != right->kind)
		return left->kind < right->kind;
	return bytes_compare(entry_key(left), entry_key(right)) < 0;
}

static void swap(struct item *a, struct item *b)
{
	struct item kept = *a;
	*a = *b;
	*b = kept;
}

static void sift_down(struct due_queue *queue, size_t i)
{
	for (;;) {
		size_t least = i, left = 2 * i + 1, right = 2 * i + 2;
		if (left < queue->count && before(queue, &queue->items[left], &queue->items[least]))
			least = left;
		if (right < queue->count &&
		    before(queue, &queue->items[right], &queue->items[least]))
			least = right;
		if (least == i)
			return;
		swap(&queue->items[i], &queue->items[least]);
		i = least;
	}
}

static void pop(struct due_queue *queue)
{
	queue->items[0] = queue->items[--queue->count];
	sift_down(queue, 0);
}

/* Bounds the queue: what no longer stands for its entry is left out, and the heap is built anew. */
static void compact(struct due_queue *queue)
{
	size_t kept = 0;
	for (size_t i = 0; i < queue->count; i++) {
		struct item item = queue->items[i];
		struct entry *entry = cache_at(queue->cache, item.slot, item.generation);
		if (entry != NULL && entry_is_unstored(entry) &&
		    entry->queued_due_ms == item.due_ms)
			queue->items[kept++] = item;
		else if (entry != NULL && entry->queued_due_ms == item.due_ms)
			entry->queued_due_ms = TIME_NONE;
	}
	queue->count = kept;
	for (size_t i = kept / 2; i-- > 0;)
		sift_down(queue, i);
}

static void reserve(struct due_queue *queue)
{
	if (queue->count < queue->capacity)
		return;
	if (queue->capacity >= 4 * (size_t)cache_slot_count(queue->cache))
		compact(queue);
	if (queue->count < queue->capacity)
		return;
	queue->capacity = queue->capacity ? queue->capacity * 2 : 256;
	queue->items = check_realloc(queue->items, queue->capacity * sizeof *queue->items);
}

void due_queue_add(struct due_queue *queue, struct entry *entry)
{
	if (entry->due_ms == TIME_NONE || entry->due_ms >= entry->queued_due_ms)
		return;
	reserve(queue);
	size_t i = queue->count++;
	queue->items[i] =
		(struct item){ entry->due_ms, cache_slot(queue->cache, entry), entry->generation };
	entry->queued_due_ms = entry->due_ms;
	for (; i > 0 && before(queue, &queue->items[i], &queue->items[(i - 1) / 2]);
	     i = (i - 1) / 2)
		swap(&queue->items[i], &queue->items[(i - 1) / 2]);
}

struct entry *due_queue_first(struct due_queue *queue, int64_t until_ms)
{
	while (queue->count > 0 && queue->items[0].due_ms <= until_ms) {
		struct item item = queue->items[0];
		struct entry *entry = cache_at(queue->cache, item.slot, item.generation);
		if (entry != NULL && entry->queued_due_ms == item.due_ms) {
			if (entry_is_unstored(entry) && entry->due_ms == item.due_ms)
				return entry;
			entry->queued_due_ms = TIME_NONE;
			pop(queue);
			if (entry_is_unstored(entry))
				due_queue_add(queue, entry);
			continue;
		}
		pop(queue);
	}
	return NULL;
}
