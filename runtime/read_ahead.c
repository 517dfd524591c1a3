#include "runtime/read_ahead.h"

#include "runtime/task.h"

/* Records whose states are not in memory. */
struct missing {
	struct bytes keys[READ_AHEAD_MAX];
	size_t at[READ_AHEAD_MAX]; /* of the record */
	size_t count;
};

static bool usable(struct bytes key)
{
	return key.len > 0 && key.len <= KEY_LEN_MAX;
}

/* How many may come into memory without pushing each other out again. */
static size_t room_for(const struct cache *cache)
{
	uint32_t slots = cache_slot_count(cache), unstored = cache_unstored_count(cache);
	return unstored < slots ? (slots - unstored) / 2 : 0;
}

/* Each pass brings nearer what the next one needs, while the processor goes on. */
static void look_up(struct cache *cache, uint32_t task, const struct record *records, size_t count,
		    struct entry **entries, struct missing *missing)
{
	uint64_t hints[READ_AHEAD_MAX];
	for (size_t i = 0; i < count; i++)
		if (usable(records[i].key))
			hints[i] = cache_hint(cache, task, 0, records[i].key);
	for (size_t i = 0; i < count; i++)
		if (usable(records[i].key))
			cache_hint_entry(cache, hints[i]);
	missing->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct bytes key = records[i].key;
		entries[i] = NULL;
		if (!usable(key))
			continue;
		entries[i] = cache_find_hinted(cache, task, 0, key, hints[i]);
		if (entries[i] != NULL)
			continue;
		missing->keys[missing->count] = key;
		missing->at[missing->count++] = i;
	}
}

static struct err *fetch(struct engine *engine, struct task *task, const struct missing *missing,
			 struct entry **entries)
{
	struct shelf_value values[READ_AHEAD_MAX];
	struct cache *cache = engine->cache;
	struct err *err = shelf_get_many(task->shelf, engine->loan, 0, missing->keys,
					 missing->count, values);
	for (size_t i = 0; err == NULL && i < missing->count; i++) {
		struct bytes key = missing->keys[i];
		struct entry *entry = cache_find(cache, task->index, 0, key);
		if (entry == NULL) { /* else it was asked for twice */
			entry = cache_insert(cache, task->index, 0, key);
			if (entry == NULL)
				break;
			err = task_entry_fill(engine, task, entry, &values[i]);
		}
		entries[missing->at[i]] = entry;
	}
	shelf_loan_return(engine->loan);
	return err;
}

struct err *read_ahead(struct engine *engine, struct task *task, const struct record *records,
		       size_t count, struct entry **entries)
{
	struct missing missing;
	if (!engine->processor->keyed) {
		memset(entries, 0, count * sizeof(struct entry *));
		return NULL;
	}
	look_up(engine->cache, task->index, records, count, entries, &missing);
	size_t room = room_for(engine->cache);
	if (missing.count > room)
		missing.count = room;
	return missing.count > 0 ? fetch(engine, task, &missing, entries) : NULL;
}
