#include "runtime/apply.h"

#include <string.h>

#include "base/check.h"
#include "runtime/dead_letter.h"
#include "runtime/observe.h"
#include "runtime/task.h"

static const char control_name[] = "foretell.Control";

enum { READ_ATTEMPTS_MAX = 8 };

static void count(_Atomic int64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Whether what the record at `offset` says was committed before. A tick at live_from was partly
 * done: its timers look at the cursor. */
static bool was_said(const struct task *task, int64_t offset)
{
	return offset < task->live_from;
}

/* The states that an entry is judged with, into origin->reads. Bringing one into memory may drop
 * others from it, so all are looked for until they are there together; *entry may move. */
static struct err *read_others(struct engine *engine, struct task *task, const void *parsed,
			       struct entry **entry, struct origin *origin)
{
	const struct state_kind *kind = &engine->processor->kinds[(*entry)->kind];
	struct target reads[READS_MAX];
	uint8_t keys[READS_MAX + 1][KEY_LEN_MAX];
	struct entry *found[READS_MAX + 1];
	size_t read_count = kind->reads(engine->processor->context, (*entry)->state, parsed, reads);
	CHECK(read_count <= READS_MAX);
	if (read_count == 0)
		return NULL;
	struct target wanted[READS_MAX + 1];
	for (size_t i = 0; i <= read_count; i++) {
		wanted[i] = i < read_count
				    ? reads[i]
				    : (struct target){ (*entry)->kind, entry_key(*entry), 0 };
		memcpy(keys[i], wanted[i].key.data, wanted[i].key.len);
		wanted[i].key.data = keys[i];
	}
	bool together = false;
	for (int attempt = 0; !together && attempt < READ_ATTEMPTS_MAX; attempt++) {
		for (size_t i = 0; i <= read_count; i++) {
			struct err *err =
				task_entry(engine, task, wanted[i].kind, wanted[i].key, &found[i]);
			if (err != NULL)
				return err;
		}
		together = true;
		for (size_t i = 0; i <= read_count; i++)
			together &= found[i] == cache_find(engine->cache, task->index,
							   wanted[i].kind, wanted[i].key);
	}
	CHECK(together);
	*entry = found[read_count];
	for (size_t i = 0; i < read_count; i++)
		origin->reads[i] = found[i]->state;
	return NULL;
}

/* Fires the timer that an entry has due, on behalf of the record at `origin`. */
static struct err *fire(struct engine *engine, struct task *task, struct entry **entry,
			const struct origin *origin)
{
	const struct processor *processor = engine->processor;
	const struct state_kind *kind = &processor->kinds[(*entry)->kind];
	int64_t at_ms = (*entry)->due_ms;
	bool said = false;
	struct origin with;
	struct err *err = NULL;
	if (kind->reads != NULL) {
		with = *origin;
		err = read_others(engine, task, NULL, entry, &with);
	}
	if (err != NULL)
		return err;
	kind->fire(processor->context, kind->reads != NULL ? &with : origin, entry_key(*entry),
		   at_ms, (*entry)->state, engine->effects, &said);
	task_entry_changed(engine, task, *entry, origin->offset);
	task_entry_say(engine, *entry, said);
	CHECK((*entry)->due_ms > at_ms);
	count(&engine->stats->fired);
	return NULL;
}

static struct err *apply_to(struct engine *engine, struct task *task, const void *parsed,
			    const struct target *target, const struct origin *origin)
{
	struct entry *entry = NULL;
	struct err *err = task_entry(engine, task, target->kind, target->key, &entry);
	if (err != NULL || entry->lsn >= origin->offset)
		return err;
	while (err == NULL && entry->due_ms <= target->until_ms)
		err = fire(engine, task, &entry, origin);
	const struct state_kind *kind = &engine->processor->kinds[target->kind];
	bool said = false;
	struct origin with;
	if (err == NULL && kind->reads != NULL) {
		with = *origin;
		err = read_others(engine, task, parsed, &entry, &with);
	}
	if (err != NULL)
		return err;
	kind->apply(engine->processor->context, kind->reads != NULL ? &with : origin, parsed,
		    target->key, entry->state, engine->effects, &said);
	task_entry_changed(engine, task, entry, origin->offset);
	task_entry_say(engine, entry, said);
	return NULL;
}

static struct err *guide(struct engine *engine, struct task *task, int64_t offset)
{
	const struct processor *processor = engine->processor;
	struct entry *entry = NULL;
	if (processor->guided == NULL)
		return NULL;
	struct err *err =
		task_entry(engine, task, processor->guide.kind, processor->guide.key, &entry);
	if (err == NULL)
		processor->guided(processor->context, entry->state, offset);
	return err;
}

static struct err *apply_event(struct engine *engine, struct task *task,
			       const struct record *record, struct origin *origin)
{
	const struct processor *processor = engine->processor;
	const void *parsed = NULL;
	struct err *err = guide(engine, task, origin->offset);
	if (err == NULL)
		err = processor->parse(processor->context, record, origin, &parsed);
	if (err != NULL)
		return err;
	struct target targets[TARGETS_MAX];
	size_t target_count = processor->route(processor->context, parsed, targets);
	CHECK(target_count <= TARGETS_MAX);
	for (size_t i = 0; err == NULL && i < target_count; i++)
		err = apply_to(engine, task, parsed, &targets[i], origin);
	if (err != NULL || processor->follow == NULL)
		return err;
	target_count = processor->follow(processor->context, targets);
	CHECK(target_count <= TARGETS_MAX);
	for (size_t i = 0; err == NULL && i < target_count; i++)
		err = apply_to(engine, task, parsed, &targets[i], origin);
	return err;
}

static struct err *apply_control(struct engine *engine, struct task *task,
				 const struct record *record, struct origin *origin)
{
	struct control control;
	struct err *err = registry_decode(engine->registry, &control_type, record->value, &control);
	if (err != NULL)
		return err;
	bool moved = false;
	err = log_clock_apply(task->clock, origin->offset, &control, &moved);
	if (err != NULL)
		return err;
	const struct processor *processor = engine->processor;
	if (!moved)
		return NULL;
	if (control.kind == CONTROL_INPUTS) {
		if (processor->inputs_given != NULL)
			processor->inputs_given(processor->context, origin, engine->effects);
		return NULL;
	}
	origin->ingest_ms = control.ingest_ms;
	task->tick = (struct pending_tick){ .present = true,
					    .origin = *origin,
					    .clock_ms = log_clock_now(task->clock) };
	if (origin->offset == task->live_from)
		task->tick.cursor = task->live_cursor;
	return NULL;
}

static struct err *is_control(struct engine *engine, const struct record *record, bool *control)
{
	const char *name = NULL;
	*control = false;
	if (!engine->processor->clocked)
		return NULL;
	struct err *err = registry_record_name(engine->registry, record->value, &name);
	*control = err == NULL && strcmp(name, control_name) == 0;
	return err;
}

struct err *apply_record(struct engine *engine, struct task *task, const struct record *record,
			 bool *control)
{
	struct origin origin = { .topic = record->topic,
				 .partition = record->partition,
				 .offset = record->offset,
				 .ingest_ms = record->timestamp_ms };
	bool said = was_said(task, record->offset);
	*control = false;
	effects_suppress(engine->effects, said);
	struct err *err = NULL;
	if (record->value.len > RECORD_LEN_MAX)
		err = err_new(ERR_POISON, "RECORD_TOO_LARGE", "%zu bytes, at most %d are accepted",
			      record->value.len, RECORD_LEN_MAX);
	else
		err = is_control(engine, record, control);
	if (err == NULL)
		err = *control ? apply_control(engine, task, record, &origin)
			       : apply_event(engine, task, record, &origin);
	if (err != NULL && err_verdict(err) == ERR_POISON) {
		dead_letter_send(engine->effects, engine->processor->name, record, err);
		if (!said)
			observe_dead_letter(engine, task, record, err);
		err_free(&err);
	}
	if (err == NULL)
		err = effects_error(engine->effects);
	effects_suppress(engine->effects, false);
	if (err != NULL)
		return err;
	count(said ? &engine->stats->replayed : &engine->stats->records);
	*(said ? &task->counts.replayed : &task->counts.records) += 1;
	task->next = record->offset + 1;
	task->quiet_since_ms = 0;
	task->touched = true;
	return NULL;
}

/* The next entry of the shelf's due index that the tick has to fire, before `until_ms`. What memory
 * knows better stands in the due queue; what a later record has already changed (a replay) is
 * left alone, and `*skipped_ms` remembers that it is still in the index. */
static struct err *next_stored(struct engine *engine, struct task *task, struct due_cursor *cursor,
			       int64_t until_ms, int64_t *skipped_ms, struct due_item *item,
			       bool *found)
{
	for (;;) {
		struct err *err = due_cursor_item(cursor, until_ms, item, found);
		if (err != NULL || !*found)
			return err;
		*found = false;
		const struct entry *cached =
			cache_find(engine->cache, task->index, item->kind, item->key);
		int64_t lsn = LSN_NONE;
		bool stale = cached != NULL && entry_is_unstored(cached);
		if (cached != NULL) {
			lsn = cached->lsn;
		} else {
			struct shelf_value value;
			err = shelf_get(task->shelf, item->kind, item->key, &value);
			if (err != NULL)
				return err;
			lsn = value.lsn;
			stale = !value.present || value.due_ms != item->due_ms;
		}
		if (!stale && lsn <= task->tick.origin.offset) {
			*found = true;
			return NULL;
		}
		/* a stale item goes when its entry is published; only a later record's stays */
		if (!stale && item->due_ms < *skipped_ms)
			*skipped_ms = item->due_ms;
		due_cursor_next(cursor);
	}
}

static int compare_due(const struct entry *entry, const struct due_item *item)
{
	if (entry->due_ms != item->due_ms)
		return entry->due_ms < item->due_ms ? -1 : 1;
	if (entry->kind != item->kind)
		return entry->kind < item->kind ? -1 : 1;
	return bytes_compare(entry_key(entry), item->key);
}

/* The lowest (due, kind, key) of both sources; NULL where nothing is due any more. */
static struct err *next_due(struct engine *engine, struct task *task, struct due_cursor *cursor,
			    int64_t *skipped_ms, struct entry **out)
{
	int64_t clock_ms = task->tick.clock_ms;
	struct due_item item;
	bool found = false;
	struct err *err = next_stored(engine, task, cursor, clock_ms, skipped_ms, &item, &found);
	if (err != NULL)
		return err;
	*out = due_queue_first(task->due, clock_ms);
	if (!found || (*out != NULL && compare_due(*out, &item) < 0))
		return NULL;
	uint8_t key[KEY_LEN_MAX];
	memcpy(key, item.key.data, item.key.len);
	struct bytes kept = bytes_of(key, item.key.len);
	due_cursor_next(cursor);
	return task_entry(engine, task, item.kind, kept, out);
}

/* Everything due has fired: the tick goes on to those who read our logs. */
static void finish_tick(struct engine *engine, struct task *task, int64_t skipped_ms)
{
	const struct processor *processor = engine->processor;
	effects_suppress(engine->effects, was_said(task, task->tick.origin.offset));
	if (processor->clock_moved != NULL)
		processor->clock_moved(processor->context, &task->tick.origin, task->tick.clock_ms,
				       engine->effects);
	effects_suppress(engine->effects, false);
	task->tick.present = false;
	/* X passes the tick, though no state may be left to be published */
	task->touched = true;
	task->due_floor_ms = skipped_ms < task->tick.clock_ms ? skipped_ms : task->tick.clock_ms;
}

static bool cache_is_full(const struct engine *engine)
{
	return cache_unstored_count(engine->cache) + TARGETS_MAX >=
	       cache_slot_count(engine->cache) / 4 * 3;
}

static bool slice_is_full(const struct engine *engine)
{
	return cache_is_full(engine) ||
	       effects_bytes(engine->effects) >= engine->options.output_bytes;
}

struct err *apply_tick(struct engine *engine, struct task *task)
{
	struct pending_tick *tick = &task->tick;
	struct err *err = guide(engine, task, tick->origin.offset);
	if (err != NULL)
		return err;
	struct due_cursor *cursor = due_cursor_new(task->shelf, task->due_floor_ms);
	struct entry *entry = NULL;
	int64_t skipped_ms = TIME_NONE;
	int fired = 0;
	while (fired < TICK_SLICE_MAX && !slice_is_full(engine)) {
		err = next_due(engine, task, cursor, &skipped_ms, &entry);
		if (err != NULL || entry == NULL)
			break;
		bool said = was_said(task, tick->origin.offset) ||
			    (tick->origin.offset == task->live_from &&
			     tick_cursor_compare(&task->live_cursor, entry->due_ms, entry->kind,
						 entry_key(entry)) <= 0);
		if (!said)
			tick_cursor_set(&tick->cursor, entry->due_ms, entry->kind,
					entry_key(entry));
		effects_suppress(engine->effects, said);
		err = fire(engine, task, &entry, &tick->origin);
		effects_suppress(engine->effects, false);
		if (err != NULL)
			break;
		fired++;
	}
	due_cursor_free(&cursor);
	if (err == NULL && entry == NULL && fired < TICK_SLICE_MAX && !slice_is_full(engine))
		finish_tick(engine, task, skipped_ms);
	return err != NULL ? err : effects_error(engine->effects);
}

struct err *apply_idle(struct engine *engine, struct task *task, int64_t wall_ms)
{
	const struct processor *processor = engine->processor;
	struct entry *entry = NULL;
	struct bytes key =
		processor->input_key(processor->context, task->own_topic, task->partition);
	struct err *err = task_entry(engine, task, 0, key, &entry);
	if (err != NULL)
		return err;
	struct origin origin = { .topic = task->own_topic,
				 .partition = task->partition,
				 .offset = task->next,
				 .ingest_ms = wall_ms };
	size_t said = effects_count(engine->effects);
	processor->idle(processor->context, &origin, wall_ms, entry->state, engine->effects);
	if (effects_count(engine->effects) > said)
		task_entry_changed(engine, task, entry, task->next - 1);
	return effects_error(engine->effects);
}
