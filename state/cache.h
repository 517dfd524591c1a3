/* A bounded set of entries in memory, over the store: lookup by (task, kind, key), a dirty queue
 * per task in order of first_dirty, and eviction of clean entries by a clock hand (second chance;
 * Corbató, "A Paging Experiment with the Multics System", 1968).
 *
 *   clean --dirty--> dirty --publish--> in flight --land--> clean
 *                      ^                   | dirty
 *                      +-------------------+   (dirty and in flight at once)
 *
 * Invariants: an entry that is dirty or in flight is never evicted; a task's queue is ordered by
 * first_dirty, so its head gives Y at no cost. Memory is taken once, but for kinds that are kept
 * apart. Threads: one. Entries are
 * borrowed from the cache; a pointer holds until the next cache_insert, and may be asked with
 * entry_is_of later whether it is still that key's. */
#ifndef STATE_CACHE_H
#define STATE_CACHE_H

#include "state/entry.h"

struct cache;

/* A new cache of `slot_count` entries with room for `state_size` bytes of state each, serving tasks
 * 0 .. task_max - 1. */
struct cache *cache_new(uint32_t slot_count, size_t state_size, uint32_t task_max);

/* States of this kind take more than a slot has: each is kept in memory of its own, so that a few
 * large ones don't make every slot large. Before the first entry. */
void cache_keep_apart(struct cache *cache, uint8_t kind, size_t state_size);

size_t cache_slot_bytes(size_t state_size); /* what a slot takes, tables included */
void cache_free(struct cache **cache);

/* NULL where the key isn't in memory. */
struct entry *cache_find(struct cache *cache, uint32_t task, uint8_t kind, struct bytes key);

/* Two steps of a hint that a key will be looked up soon, some records apart: the first brings the
 * table's line into the processor's cache, the second the entry's. */
uint64_t cache_hint(const struct cache *cache, uint32_t task, uint8_t kind, struct bytes key);
void cache_hint_entry(const struct cache *cache, uint64_t hint);

/* As cache_find, with what cache_hint said of that key. */
struct entry *cache_find_hinted(struct cache *cache, uint32_t task, uint8_t kind, struct bytes key,
				uint64_t hint);

/* A zeroed, clean entry for a key that is not in memory. NULL where every slot is dirty or in
 * flight: the caller must publish first (cache_unstored_count tells in time). key.len is 1 ..
 * KEY_LEN_MAX. */
struct entry *cache_insert(struct cache *cache, uint32_t task, uint8_t kind, struct bytes key);

/* Marks an entry as changed by the record at `offset` (not below any earlier one of this task). */
void cache_dirty(struct cache *cache, struct entry *entry, int64_t offset);

/* Marks it as published: it leaves the dirty queue and is in flight. */
void cache_publish(struct cache *cache, struct entry *entry);

/* What was in flight is committed and in the store (or its tasks are dropped). */
void cache_land(struct cache *cache);

/* The head of a task's dirty queue, and what follows an entry in it; NULL at the end. */
struct entry *cache_dirty_first(struct cache *cache, uint32_t task);
struct entry *cache_dirty_next(struct cache *cache, const struct entry *entry);

uint32_t cache_dirty_count(const struct cache *cache);	  /* of all tasks */
uint32_t cache_unstored_count(const struct cache *cache); /* dirty, in flight; both count twice */
uint32_t cache_task_dirty_count(const struct cache *cache, uint32_t task);
uint32_t cache_slot_count(const struct cache *cache);
uint32_t cache_entry_count(const struct cache *cache); /* in memory, clean and dirty */

/* A slot's number, and the entry in it if it still is the one of that generation, else NULL. */
uint32_t cache_slot(const struct cache *cache, const struct entry *entry);
struct entry *cache_at(struct cache *cache, uint32_t slot, uint32_t generation);

/* Forgets everything of one task, dirty or not. */
void cache_drop_task(struct cache *cache, uint32_t task);

#endif
