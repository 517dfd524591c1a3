#include "state/cache.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/hash.h"

#define NIL UINT32_MAX

enum { LINE_BYTES = 64, HINT_BYTES_MAX = 1024, HUGE_PAGE_BYTES = 2 * 1024 * 1024 };

struct dirty_queue {
	uint32_t head, tail, count;
};

struct cache {
	uint8_t *slots;
	size_t stride, slots_size;
	size_t apart[UINT8_MAX + 1]; /* by kind: the size of a state that no slot holds, or 0 */
	uint32_t slot_count, used_count, hand;
	uint32_t *table; /* slot + 1; 0 is empty; linear probing */
	uint32_t table_mask;
	uint32_t *spare; /* slots given back by cache_drop_task */
	uint32_t spare_count;
	bool *live; /* by slot */
	struct dirty_queue *queues;
	uint32_t task_max, dirty_count;
	uint32_t *flying; /* slots in flight */
	uint32_t flying_count;
};

static struct entry *slot_entry(const struct cache *cache, uint32_t slot)
{
	return (struct entry *)(void *)(cache->slots + (size_t)slot * cache->stride);
}

static size_t stride_of(size_t state_size)
{
	return (sizeof(struct entry) + state_size + LINE_BYTES - 1) & ~(size_t)(LINE_BYTES - 1);
}

size_t cache_slot_bytes(size_t state_size)
{
	/* the table has two to four places for each slot */
	return stride_of(state_size) + 4 * sizeof(uint32_t) + 2 * sizeof(uint32_t) + sizeof(bool);
}

/* Zero pages, which become memory as slots come into use. Large ones where the system has them:
 * keys are scattered, so with small ones nearly each look-up would walk the page tables, too. */
static uint8_t *map_slots(size_t size)
{
	void *slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(slots != MAP_FAILED);
	(void)madvise(slots, size, MADV_HUGEPAGE);
	return slots;
}

struct cache *cache_new(uint32_t slot_count, size_t state_size, uint32_t task_max)
{
	CHECK(slot_count > 0 && slot_count < NIL / 4);
	struct cache *cache = check_calloc(1, sizeof *cache);
	cache->slot_count = slot_count;
	cache->stride = stride_of(state_size);
	cache->slots_size = (slot_count * cache->stride + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES *
			    HUGE_PAGE_BYTES;
	cache->slots = map_slots(cache->slots_size);
	uint32_t table_size = 16;
	while (table_size < slot_count * 2)
		table_size *= 2;
	cache->table = check_calloc(table_size, sizeof *cache->table);
	cache->table_mask = table_size - 1;
	cache->spare = check_calloc(slot_count, sizeof *cache->spare);
	cache->live = check_calloc(slot_count, sizeof *cache->live);
	cache->flying = check_calloc(slot_count, sizeof *cache->flying);
	cache->task_max = task_max;
	cache->queues = check_calloc(task_max, sizeof *cache->queues);
	for (uint32_t i = 0; i < task_max; i++)
		cache->queues[i] = (struct dirty_queue){ NIL, NIL, 0 };
	return cache;
}

void cache_keep_apart(struct cache *cache, uint8_t kind, size_t state_size)
{
	CHECK(cache->used_count == 0);
	cache->apart[kind] = state_size;
}

static void free_apart(struct entry *entry)
{
	if (entry->state != entry->room)
		free(entry->state);
	entry->state = NULL;
}

void cache_free(struct cache **cache)
{
	if (*cache == NULL)
		return;
	for (uint32_t slot = 0; slot < (*cache)->used_count; slot++)
		free_apart(slot_entry(*cache, slot));
	munmap((*cache)->slots, (*cache)->slots_size);
	free((*cache)->table);
	free((*cache)->spare);
	free((*cache)->live);
	free((*cache)->queues);
	free((*cache)->flying);
	free(*cache);
	*cache = NULL;
}

static uint64_t key_hash(uint32_t task, uint8_t kind, struct bytes key)
{
	return hash_key64(key, (uint64_t)task << 8 | kind);
}

struct entry *cache_find(struct cache *cache, uint32_t task, uint8_t kind, struct bytes key)
{
	return cache_find_hinted(cache, task, kind, key, key_hash(task, kind, key));
}

struct entry *cache_find_hinted(struct cache *cache, uint32_t task, uint8_t kind, struct bytes key,
				uint64_t hint)
{
	for (uint32_t i = (uint32_t)hint & cache->table_mask; cache->table[i] != 0;
	     i = (i + 1) & cache->table_mask) {
		struct entry *entry = slot_entry(cache, cache->table[i] - 1);
		if (entry->hash == hint && entry_is_of(entry, task, kind, key)) {
			entry->referenced = true;
			return entry;
		}
	}
	return NULL;
}

uint64_t cache_hint(const struct cache *cache, uint32_t task, uint8_t kind, struct bytes key)
{
	uint64_t hash = key_hash(task, kind, key);
	__builtin_prefetch(&cache->table[(uint32_t)hash & cache->table_mask]);
	return hash;
}

void cache_hint_entry(const struct cache *cache, uint64_t hint)
{
	uint32_t slot = cache->table[(uint32_t)hint & cache->table_mask];
	if (slot == 0)
		return;
	const uint8_t *entry = cache->slots + (size_t)(slot - 1) * cache->stride;
	size_t len = cache->stride < HINT_BYTES_MAX ? cache->stride : HINT_BYTES_MAX;
	for (size_t i = 0; i < len; i += LINE_BYTES)
		__builtin_prefetch(entry + i, 1);
}

static void table_put(struct cache *cache, uint64_t hash, uint32_t slot)
{
	uint32_t i = (uint32_t)hash & cache->table_mask;
	while (cache->table[i] != 0)
		i = (i + 1) & cache->table_mask;
	cache->table[i] = slot + 1;
}

/* Linear probing without tombstones: what follows the hole moves back where it may (Knuth, TAOCP
 * vol. 3, 6.4, algorithm R). */
static void table_remove(struct cache *cache, uint64_t hash, uint32_t slot)
{
	uint32_t mask = cache->table_mask, hole = (uint32_t)hash & mask;
	while (cache->table[hole] != slot + 1)
		hole = (hole + 1) & mask;
	for (uint32_t i = (hole + 1) & mask; cache->table[i] != 0; i = (i + 1) & mask) {
		uint32_t home = (uint32_t)slot_entry(cache, cache->table[i] - 1)->hash & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			cache->table[hole] = cache->table[i];
			hole = i;
		}
	}
	cache->table[hole] = 0;
}

static void release_slot(struct cache *cache, uint32_t slot)
{
	struct entry *entry = slot_entry(cache, slot);
	table_remove(cache, entry->hash, slot);
	free_apart(entry);
	entry->generation++;
	entry->key_len = 0; /* no key is as short: who remembers the entry sees that it is gone */
	cache->live[slot] = false;
}

/* A slot that may be used, NIL where all are dirty. */
static uint32_t take_slot(struct cache *cache)
{
	if (cache->spare_count > 0)
		return cache->spare[--cache->spare_count];
	if (cache->used_count < cache->slot_count)
		return cache->used_count++;
	for (uint64_t steps = 0; steps < 2 * (uint64_t)cache->slot_count; steps++) {
		uint32_t slot = cache->hand;
		cache->hand = (cache->hand + 1) % cache->slot_count;
		struct entry *entry = slot_entry(cache, slot);
		if (entry_is_unstored(entry))
			continue;
		if (entry->referenced) {
			entry->referenced = false;
			continue;
		}
		release_slot(cache, slot);
		return slot;
	}
	return NIL;
}

struct entry *cache_insert(struct cache *cache, uint32_t task, uint8_t kind, struct bytes key)
{
	CHECK(key.len > 0 && key.len <= KEY_LEN_MAX && task < cache->task_max);
	uint32_t slot = take_slot(cache);
	if (slot == NIL)
		return NULL;
	struct entry *entry = slot_entry(cache, slot);
	uint32_t generation = entry->generation;
	memset(entry, 0, cache->stride);
	entry->lsn = LSN_NONE;
	entry->first_dirty = ENTRY_CLEAN;
	entry->due_ms = entry->stored_due_ms = entry->queued_due_ms = TIME_NONE;
	entry->hash = key_hash(task, kind, key);
	entry->task = task;
	entry->generation = generation;
	entry->dirty_prev = entry->dirty_next = NIL;
	entry->kind = kind;
	entry->referenced = true;
	entry->state = cache->apart[kind] == 0 ? entry->room
					       : check_calloc(1, cache->apart[kind]);
	entry->key_len = (uint8_t)key.len;
	memcpy(entry->key, key.data, key.len);
	cache->live[slot] = true;
	table_put(cache, entry->hash, slot);
	return entry;
}

void cache_dirty(struct cache *cache, struct entry *entry, int64_t offset)
{
	if (entry_is_dirty(entry))
		return;
	struct dirty_queue *queue = &cache->queues[entry->task];
	uint32_t slot = cache_slot(cache, entry);
	if (queue->tail != NIL) {
		struct entry *tail = slot_entry(cache, queue->tail);
		CHECK(tail->first_dirty <= offset);
		tail->dirty_next = slot;
	} else {
		queue->head = slot;
	}
	entry->dirty_prev = queue->tail;
	entry->dirty_next = NIL;
	queue->tail = slot;
	queue->count++;
	cache->dirty_count++;
	entry->first_dirty = offset;
}

void cache_publish(struct cache *cache, struct entry *entry)
{
	CHECK(!entry->in_flight && cache->flying_count < cache->slot_count);
	entry->in_flight = true;
	cache->flying[cache->flying_count++] = cache_slot(cache, entry);
	CHECK(entry_is_dirty(entry));
	struct dirty_queue *queue = &cache->queues[entry->task];
	if (entry->dirty_prev != NIL)
		slot_entry(cache, entry->dirty_prev)->dirty_next = entry->dirty_next;
	else
		queue->head = entry->dirty_next;
	if (entry->dirty_next != NIL)
		slot_entry(cache, entry->dirty_next)->dirty_prev = entry->dirty_prev;
	else
		queue->tail = entry->dirty_prev;
	entry->dirty_prev = entry->dirty_next = NIL;
	queue->count--;
	cache->dirty_count--;
	entry->first_dirty = ENTRY_CLEAN;
	entry->must_publish = false;
}

void cache_land(struct cache *cache)
{
	for (uint32_t i = 0; i < cache->flying_count; i++)
		slot_entry(cache, cache->flying[i])->in_flight = false;
	cache->flying_count = 0;
}

struct entry *cache_dirty_first(struct cache *cache, uint32_t task)
{
	uint32_t head = cache->queues[task].head;
	return head == NIL ? NULL : slot_entry(cache, head);
}

struct entry *cache_dirty_next(struct cache *cache, const struct entry *entry)
{
	return entry->dirty_next == NIL ? NULL : slot_entry(cache, entry->dirty_next);
}

uint32_t cache_dirty_count(const struct cache *cache)
{
	return cache->dirty_count;
}

uint32_t cache_unstored_count(const struct cache *cache)
{
	return cache->dirty_count + cache->flying_count;
}

uint32_t cache_task_dirty_count(const struct cache *cache, uint32_t task)
{
	return cache->queues[task].count;
}

uint32_t cache_entry_count(const struct cache *cache)
{
	return cache->used_count - cache->spare_count;
}

uint32_t cache_slot_count(const struct cache *cache)
{
	return cache->slot_count;
}

uint32_t cache_slot(const struct cache *cache, const struct entry *entry)
{
	size_t distance = (size_t)((const uint8_t *)entry - cache->slots);
	return (uint32_t)(distance / cache->stride);
}

struct entry *cache_at(struct cache *cache, uint32_t slot, uint32_t generation)
{
	struct entry *entry = slot_entry(cache, slot);
	return cache->live[slot] && entry->generation == generation ? entry : NULL;
}

void cache_drop_task(struct cache *cache, uint32_t task)
{
	cache->dirty_count -= cache->queues[task].count;
	cache->queues[task] = (struct dirty_queue){ NIL, NIL, 0 };
	for (uint32_t slot = 0; slot < cache->used_count; slot++) {
		if (!cache->live[slot] || slot_entry(cache, slot)->task != task)
			continue;
		release_slot(cache, slot);
		cache->spare[cache->spare_count++] = slot;
	}
}
