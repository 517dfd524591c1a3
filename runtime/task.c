#include "runtime/task.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

struct err *task_new(struct engine *engine, const char *topic, int32_t partition, struct task **out)
{
	uint32_t index = 0;
	while (index < TASKS_MAX && engine->tasks[index] != NULL)
		index++;
	if (index == TASKS_MAX)
		return err_new(ERR_FATAL, "TASKS_TOO_MANY",
			       "more than %d input partitions for one worker: run more processes",
			       TASKS_MAX);
	struct task *task = check_calloc(1, sizeof *task);
	task->index = index;
	task->partition = partition;
	snprintf(task->own_topic, sizeof task->own_topic, "%s", topic);
	task->topic = task->own_topic;
	struct err *err =
		store_shelf(engine->store, engine->processor->name, topic, partition, &task->shelf);
	if (err != NULL) {
		free(task);
		return err;
	}
	task->due = due_queue_new(engine->cache);
	task->clock = log_clock_new();
	task->clock_bytes = check_malloc(LOG_CLOCK_LEN_MAX);
	task->due_floor_ms = INT64_MIN;
	engine->tasks[index] = task;
	if (engine->task_count <= index)
		engine->task_count = index + 1;
	*out = task;
	return NULL;
}

void task_free(struct engine *engine, struct task **out)
{
	struct task *task = *out;
	if (task == NULL)
		return;
	cache_drop_task(engine->cache, task->index);
	due_queue_free(&task->due);
	log_clock_free(&task->clock);
	standby_mark_fini(&task->mark);
	free(task->clock_bytes);
	engine->tasks[task->index] = NULL;
	free(task);
	*out = NULL;
}

struct task *task_find(struct engine *engine, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < engine->task_count; i++) {
		struct task *task = engine->tasks[i];
		if (task == NULL || task->partition != partition)
			continue;
		if (task->topic == topic)
			return task;
		if (strcmp(task->own_topic, topic) == 0) {
			task->topic = topic;
			return task;
		}
	}
	return NULL;
}

void task_drop_memory(struct engine *engine, struct task *task)
{
	cache_drop_task(engine->cache, task->index);
	due_queue_clear(task->due);
	task->tick.present = false;
	task->touched = false;
	task->quiet_since_ms = 0;
	task->due_floor_ms = INT64_MIN;
}

struct err *task_entry_fill(struct engine *engine, const struct task *task, struct entry *entry,
			    const struct shelf_value *value)
{
	if (!value->present)
		return NULL;
	const struct state_kind *kind = &engine->processor->kinds[entry->kind];
	struct err *err = kind->decode(engine->processor->context, value->state, entry->state);
	if (err != NULL && err_verdict(err) == ERR_RETRY) /* the registry is away */
		return err;
	if (err != NULL) { /* not the record's fault, so never its dead letter */
		struct err *fatal = err_new(ERR_FATAL, "STATE_UNREADABLE",
					    "a state in the store of %s/%d can't be read (was "
					    "registry.url changed? a damaged state folder may be "
					    "deleted: it is rebuilt from Kafka): %s",
					    task->own_topic, task->partition, err_text(err));
		err_free(&err);
		return fatal;
	}
	entry->lsn = value->lsn;
	entry->due_ms = entry->stored_due_ms = value->due_ms;
	return NULL;
}

struct err *task_entry(struct engine *engine, struct task *task, uint8_t kind, struct bytes key,
		       struct entry **out)
{
	*out = engine->expected;
	if (*out != NULL && entry_is_of(*out, task->index, kind, key))
		return NULL;
	*out = cache_find(engine->cache, task->index, kind, key);
	if (*out != NULL)
		return NULL;
	struct shelf_value value;
	struct err *err = shelf_get(task->shelf, kind, key, &value);
	if (err != NULL)
		return err;
	*out = cache_insert(engine->cache, task->index, kind, key);
	CHECK(*out != NULL);
	return task_entry_fill(engine, task, *out, &value);
}

void task_entry_changed(struct engine *engine, struct task *task, struct entry *entry,
			int64_t offset)
{
	const struct state_kind *kind = &engine->processor->kinds[entry->kind];
	entry->lsn = offset;
	entry->due_ms = kind->due != NULL ? kind->due(entry->state) : TIME_NONE;
	cache_dirty(engine->cache, entry, offset);
	due_queue_add(task->due, entry);
	task->touched = true;
}

/* Each slot is listed once at most, so the list can't outgrow the cache. */
void task_entry_say(struct engine *engine, struct entry *entry, bool said)
{
	if (!said || entry->must_publish)
		return;
	entry->must_publish = true;
	CHECK(engine->urgent_count < cache_slot_count(engine->cache));
	engine->urgent[engine->urgent_count++] =
		(struct urgent){ cache_slot(engine->cache, entry), entry->generation };
}

uint64_t task_fingerprint(const struct engine *engine, const struct task *task)
{
	return (uint64_t)task->input_id << 32 | engine->states_id;
}

int64_t task_x(const struct task *task)
{
	return task->tick.present ? task->tick.origin.offset : task->next;
}

bool task_caught_up(const struct task *task)
{
	int64_t x = task_x(task);
	return x > task->live_from || (x == task->live_from && !task->live_cursor.present);
}

int64_t task_y(const struct engine *engine, const struct task *task)
{
	const struct entry *oldest = cache_dirty_first(engine->cache, task->index);
	int64_t x = task_x(task);
	return oldest != NULL && oldest->first_dirty < x ? oldest->first_dirty : x;
}
