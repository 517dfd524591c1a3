#include "runtime/seal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/phrase.h"
#include "runtime/keep.h"
#include "runtime/observe.h"
#include "runtime/task.h"

enum { SHARES = 6 };

struct bytes seal_meta_key(const char *topic, const char *kind, struct bytes key,
			   uint8_t out[TOPIC_NAME_MAX + 32 + KEY_LEN_MAX])
{
	int used = snprintf((char *)out, TOPIC_NAME_MAX + 32, "%s/%s/", topic, kind);
	if (key.len > 0)
		memcpy(out + used, key.data, key.len);
	return bytes_of(out, (size_t)used + key.len);
}

static struct err *publish_value(struct engine *engine, const struct task *task,
				 const char *logical_topic, struct bytes key, int64_t lsn,
				 struct bytes value)
{
	char text[24];
	struct phrase digits = phrase_in(text, sizeof text);
	phrase_int(&digits, lsn, 1);
	const struct header header = { "lsn", bytes_of(text, phrase_end(&digits)) };
	const struct outgoing out = {
		.topic = effects_topic(engine->effects, logical_topic),
		.partition = task->partition,
		.key = key,
		.value = value,
		.headers = &header,
		.header_count = 1,
	};
	return bus_produce(engine->bus, &out);
}

static struct err *publish_entry(struct engine *engine, struct task *task, struct entry *entry)
{
	const struct processor *processor = engine->processor;
	const struct state_kind *kind = &processor->kinds[entry->kind];
	uint8_t composed[TOPIC_NAME_MAX + 32 + KEY_LEN_MAX];
	struct bytes key = entry_key(entry);
	size_t len = 0;
	struct err *err =
		kind->encode(processor->context, effects_topic(engine->effects, kind->state_topic),
			     key, entry->state, engine->scratch, &len);
	if (err != NULL)
		return err;
	struct bytes value = bytes_of(len > 0 ? engine->scratch : NULL, len);
	struct bytes topic_key =
		kind->published ? key : seal_meta_key(task->own_topic, kind->name, key, composed);
	/* what last changed below the committed Y is in the topic, as it is or later: a store that
	 * catches up must not put an older state over it. Interval 0 never catches up, and its
	 * states may change without a record */
	if (engine->options.checkpoint_interval_ms == 0 || entry->lsn >= task->published_y)
		err = publish_value(engine, task, kind->state_topic, topic_key, entry->lsn, value);
	if (err != NULL)
		return err;
	if (len == 0)
		store_batch_remove(engine->flight->batch, task->shelf, entry->kind, key,
				   entry->stored_due_ms);
	else
		store_batch_put(engine->flight->batch, task->shelf, entry->kind, key, entry->lsn,
				entry->stored_due_ms, entry->due_ms, value);
	entry->stored_due_ms = entry->due_ms;
	if (entry->due_ms < task->due_floor_ms)
		task->due_floor_ms = entry->due_ms;
	cache_publish(engine->cache, entry);
	return NULL;
}

static bool is_crowded(const struct engine *engine)
{
	return cache_dirty_count(engine->cache) > cache_slot_count(engine->cache) / 2;
}

/* States go in SHARES portions a checkpoint interval: a transaction that only brings out quickly
 * what was said stays small, and RocksDB finds the places of many keys faster together. */
static bool share_is_due(const struct engine *engine)
{
	const struct worker_options *options = &engine->options;
	int64_t elapsed = engine_now_ms(engine) - engine->last_share_ms;
	return options->checkpoint_interval_ms == 0 || is_crowded(engine) ||
	       (elapsed >= options->commit_interval_ms &&
		elapsed * SHARES >= options->checkpoint_interval_ms);
}

/* How many of a task's dirty states have to be published now, from the oldest: each once a
 * checkpoint interval, and half of what stands in the way of new ones. */
static int64_t publish_share(const struct engine *engine, const struct task *task)
{
	int64_t dirty = cache_task_dirty_count(engine->cache, task->index);
	int64_t interval = engine->options.checkpoint_interval_ms;
	int64_t elapsed = engine_now_ms(engine) - engine->last_share_ms;
	if (interval == 0 || elapsed >= interval || log_clock_wants_drain(task->clock))
		return dirty;
	int64_t share = (dirty * elapsed + interval - 1) / interval;
	return is_crowded(engine) && share < dirty / 2 ? dirty / 2 : share;
}

/* What something was said about goes with what was said. */
static struct err *publish_urgent(struct engine *engine)
{
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < engine->urgent_count; i++) {
		struct entry *entry = cache_at(engine->cache, engine->urgent[i].slot,
					       engine->urgent[i].generation);
		if (entry == NULL || !entry->must_publish)
			continue;
		err = publish_entry(engine, engine->tasks[entry->task], entry);
		engine->flight->published++;
	}
	engine->urgent_count = 0;
	return err;
}

/* A transaction stays within bounds; what is left goes with the next one, unless no replay could
 * bring it back (interval 0): there the worker seals before it becomes too much. */
static bool may_publish(const struct engine *engine)
{
	const struct flight *flight = engine->flight;
	if (engine->options.checkpoint_interval_ms == 0)
		return true;
	return flight->published < PUBLISH_MAX &&
	       store_batch_bytes(flight->batch) < engine->options.publish_bytes;
}

/* The oldest changes of a task. */
static struct err *publish_share_of(struct engine *engine, struct task *task, int64_t share)
{
	struct err *err = NULL;
	for (int64_t i = 0; err == NULL && i < share && may_publish(engine); i++) {
		struct entry *entry = cache_dirty_first(engine->cache, task->index);
		if (entry == NULL)
			break;
		err = publish_entry(engine, task, entry);
		engine->flight->published++;
	}
	return err;
}

/* The clock as of y, published where it is another than last time. Of a y that is below the
 * committed one it is for the store alone. */
static struct err *publish_clock(struct engine *engine, struct task *task, int64_t y)
{
	size_t len = log_clock_encode(task->clock, y, engine->clock_scratch);
	if (task->clock_published && len == task->clock_len &&
	    memcmp(task->clock_bytes, engine->clock_scratch, len) == 0)
		return NULL;
	memcpy(task->clock_bytes, engine->clock_scratch, len);
	task->clock_len = len;
	if (y < task->published_y)
		return NULL;
	task->clock_published = true;
	uint8_t composed[TOPIC_NAME_MAX + 32 + KEY_LEN_MAX];
	struct bytes key = seal_meta_key(task->own_topic, "clock", bytes_of(NULL, 0), composed);
	return publish_value(engine, task, engine->processor->meta_topic, key, y,
			     bytes_of(task->clock_bytes, len));
}

/* What is committed for a task: after its states were published. */
static struct err *add_position(struct engine *engine, struct task *task)
{
	struct flight *flight = engine->flight;
	struct checkpoint *checkpoint = &flight->checkpoints[flight->count];
	int64_t own_y = task_y(engine, task); /* of the store, which may have to catch up */
	*checkpoint = (struct checkpoint){ .x = task_x(task),
					   .logic_version = engine->processor->logic_version,
					   .input_id = task->input_id,
					   .states_id = engine->states_id };
	/* still replaying: X must not fall, or what was committed would be said again */
	if (checkpoint->x < task->live_from) {
		checkpoint->x = task->live_from;
		checkpoint->cursor = task->live_cursor;
	} else if (task->tick.present) {
		checkpoint->cursor = task->tick.cursor;
	} else if (checkpoint->x == task->live_from) {
		checkpoint->cursor = task->live_cursor;
	}
	struct err *err = NULL;
	if (engine->processor->clocked) {
		if (log_clock_wants_drain(task->clock) && own_y != task_x(task))
			own_y = task->sealed_y; /* held until the drain is complete */
		else
			err = publish_clock(engine, task, own_y);
	}
	if (err != NULL)
		return err;
	/* Y doesn't fall: the input below it may be gone by now */
	checkpoint->y = own_y > task->published_y ? own_y : task->published_y;
	struct position *position = &flight->positions[flight->count];
	position->topic = task->own_topic;
	position->partition = task->partition;
	position->offset = checkpoint->x;
	checkpoint_format(checkpoint, position->metadata);
	const struct shelf_position shelf = {
		.x = checkpoint->x,
		.y = own_y,
		.logic_version = checkpoint->logic_version,
		.fingerprint = task_fingerprint(engine, task),
		.cluster = bytes_str(engine->cluster),
		.clock = bytes_of(task->clock_bytes, task->clock_len),
	};
	store_batch_position(flight->batch, task->shelf, &shelf);
	task->sealed_y = own_y;
	task->touched = false;
	flight->tasks[flight->count++] = task;
	return NULL;
}

static bool task_pending(const struct engine *engine, const struct task *task)
{
	return task->touched || cache_task_dirty_count(engine->cache, task->index) > 0;
}

bool seal_pending(const struct engine *engine)
{
	if (effects_count(engine->effects) > 0)
		return true;
	for (size_t i = 0; i < engine->task_count; i++)
		if (engine->tasks[i] != NULL && task_pending(engine, engine->tasks[i]))
			return true;
	return false;
}

static struct err *fill(struct engine *engine, bool drain)
{
	bool due = drain || share_is_due(engine);
	struct err *err = effects_produce(engine->effects, engine->bus);
	if (err == NULL)
		err = publish_urgent(engine);
	for (size_t i = 0; err == NULL && i < engine->task_count; i++) {
		struct task *task = engine->tasks[i];
		if (task == NULL || !task_pending(engine, task))
			continue;
		int64_t share = 0;
		if (drain)
			share = PUBLISH_MAX;
		else if (due || log_clock_wants_drain(task->clock))
			share = publish_share(engine, task);
		err = publish_share_of(engine, task, share);
		if (err == NULL)
			err = add_position(engine, task);
	}
	if (due)
		engine->last_share_ms = engine_now_ms(engine);
	return err;
}

static void note_commit(struct engine *engine)
{
	const struct flight *flight = engine->flight;
	struct worker_stats *stats = engine->stats;
	for (size_t i = 0; i < flight->count; i++)
		flight->tasks[i]->committed = flight->checkpoints[i];
	engine->failures = 0;
	engine->last_commit_ms = engine_now_ms(engine);
	atomic_fetch_add_explicit(&stats->effects, flight->effect_count, memory_order_relaxed);
	atomic_fetch_add_explicit(&stats->published, flight->published, memory_order_relaxed);
	atomic_fetch_add_explicit(&stats->commits, 1, memory_order_relaxed);
	observe_commit(engine, flight->oldest_ns);
	if (flight->oldest_ns == 0)
		return;
	int64_t age_us = (engine_now_ns(engine) - flight->oldest_ns) / 1000;
	atomic_fetch_add_explicit(&stats->commit_age_us_sum, age_us, memory_order_relaxed);
	if (age_us > atomic_load_explicit(&stats->commit_age_us_max, memory_order_relaxed))
		atomic_store_explicit(&stats->commit_age_us_max, age_us, memory_order_relaxed);
}

/* What the store has not flushed is replayed after the death of the machine: flushing now
 * and then bounds that. */
static struct err *flush_shelves(struct engine *engine)
{
	int64_t now_ms = engine_now_ms(engine);
	if (now_ms - engine->last_flush_ms < STORE_FLUSH_MS)
		return NULL;
	engine->last_flush_ms = now_ms;
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < engine->task_count; i++)
		if (engine->tasks[i] != NULL)
			err = shelf_flush(engine->tasks[i]->shelf);
	return err;
}

/* From here on the next transaction collects. */
static void note_sealed(struct engine *engine)
{
	engine->flight->effect_count = (int64_t)effects_count(engine->effects);
	engine->flight->oldest_ns = engine->oldest_unsealed_ns;
	effects_clear(engine->effects);
	engine->oldest_unsealed_ns = 0;
	engine->records_since_seal = 0;
	engine->last_seal_ms = engine_now_ms(engine);
}

static struct err *start(struct engine *engine, bool drain)
{
	struct flight *flight = engine->flight;
	CHECK(!flight->present);
	flight->count = 0;
	flight->published = 0;
	store_batch_clear(flight->batch);
	struct err *err = bus_begin(engine->bus);
	if (err == NULL)
		err = fill(engine, drain);
	if (err == NULL && flight->count > 0)
		err = bus_send_offsets(engine->bus, flight->positions, flight->count);
	if (err == NULL)
		err = bus_commit_start(engine->bus);
	if (err != NULL)
		return err;
	flight->present = true;
	note_sealed(engine);
	return NULL;
}

/* What is committed and in the store may leave the memory. */
static struct err *land(struct engine *engine, bool wait)
{
	struct flight *flight = engine->flight;
	bool done = false;
	struct err *err = keep_aside_end(engine, flight->batch, wait, &done);
	if (err == NULL && !done)
		return NULL;
	flight->present = flight->committed = false;
	if (err != NULL)
		return err;
	cache_land(engine->cache);
	return flush_shelves(engine);
}

struct err *seal_settle(struct engine *engine, bool wait)
{
	struct flight *flight = engine->flight;
	bool done = flight->committed;
	if (!flight->present)
		return NULL;
	struct err *err = done ? NULL : bus_commit_end(engine->bus, wait, &done);
	if (err != NULL || !done)
		return err;
	if (!flight->committed) {
		flight->committed = true;
		note_commit(engine); /* certain: nothing of it may be said again */
		store_writer_start(engine->writer, flight->batch);
	}
	return land(engine, wait);
}

bool seal_in_flight(const struct engine *engine)
{
	return engine->flight->present;
}

struct err *seal_commit(struct engine *engine)
{
	struct err *err = seal_settle(engine, true);
	return err == NULL && seal_pending(engine) ? start(engine, false) : err;
}

struct err *seal_drain(struct engine *engine)
{
	struct err *err = seal_settle(engine, true);
	while (err == NULL && seal_pending(engine)) {
		err = start(engine, true);
		if (err == NULL)
			err = seal_settle(engine, true);
	}
	return err;
}

void seal_forget(struct engine *engine)
{
	engine->flight->present = engine->flight->committed = false;
	store_writer_forget(engine->writer);
	cache_land(engine->cache);
	effects_clear(engine->effects);
	engine->urgent_count = 0;
	engine->oldest_unsealed_ns = 0;
	engine->records_since_seal = 0;
}

struct err *seal_make_room(struct engine *engine, uint32_t count)
{
	const struct cache *cache = engine->cache;
	uint32_t limit = cache_slot_count(cache) / 4 * 3;
	if (cache_unstored_count(cache) == 0 || cache_unstored_count(cache) + count < limit)
		return NULL;
	struct err *err = seal_settle(engine, true);
	while (err == NULL && cache_unstored_count(cache) > 0 &&
	       cache_unstored_count(cache) + count >= limit) {
		err = start(engine, true);
		if (err == NULL)
			err = seal_settle(engine, true);
	}
	return err;
}
