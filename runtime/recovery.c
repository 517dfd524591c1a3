#include "runtime/recovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "runtime/seal.h"
#include "runtime/task.h"

/* Reading a task's states back from their compacted topics. */
struct restoring {
	struct engine *engine;
	struct task *task;
	const struct state_kind *kind; /* of a published topic; NULL: the meta topic */
	uint8_t kind_index;
	size_t in_batch;
	int64_t restored;
	void *state; /* scratch */
};

static bool header_lsn(const struct record *record, int64_t *lsn)
{
	for (size_t i = 0; i < record->header_count; i++) {
		const struct header *header = &record->headers[i];
		char text[24];
		if (strcmp(header->name, "lsn") != 0 || header->value.len >= sizeof text)
			continue;
		memcpy(text, header->value.data, header->value.len);
		text[header->value.len] = '\0';
		char *end = NULL;
		*lsn = strtoll(text, &end, 10);
		return end != text && *end == '\0';
	}
	return false;
}

static struct err *foreign(const struct record *record, const char *what)
{
	return err_new(
		ERR_FATAL, "STATE_FOREIGN",
		"%s/%d at offset %" PRId64 ": %s: this state topic holds something that "
		"foretell did not write; choose another --app, or delete the topic's records",
		record->topic, record->partition, record->offset, what);
}

static struct err *restore_state(struct restoring *restoring, const struct record *record,
				 struct bytes key)
{
	struct engine *engine = restoring->engine;
	const struct state_kind *kind = restoring->kind;
	int64_t lsn = LSN_NONE;
	if (key.len == 0 || key.len > KEY_LEN_MAX || !header_lsn(record, &lsn))
		return foreign(record, "no usable key or lsn");
	struct shelf_value old; /* an earlier version of the same key: its due entry must go */
	struct err *err = NULL;
	if (restoring->in_batch > 0) {
		err = store_batch_write(engine->store, engine->batch);
		store_batch_clear(engine->batch);
		restoring->in_batch = 0;
	}
	if (err == NULL)
		err = shelf_get(restoring->task->shelf, restoring->kind_index, key, &old);
	if (err != NULL)
		return err;
	int64_t old_due_ms = old.present ? old.due_ms : TIME_NONE;
	memset(restoring->state, 0, kind->state_size);
	err = kind->decode(engine->processor->context, record->value, restoring->state);
	if (err != NULL)
		return err_wrap(err, "restoring from %s/%d", record->topic, record->partition);
	int64_t due_ms = kind->due != NULL ? kind->due(restoring->state) : TIME_NONE;
	store_batch_put(engine->batch, restoring->task->shelf, restoring->kind_index, key, lsn,
			old_due_ms, due_ms, record->value);
	restoring->in_batch++;
	restoring->restored++;
	return NULL;
}

static struct err *restore_clock(struct restoring *restoring, const struct record *record)
{
	struct task *task = restoring->task;
	if (record->value.len > LOG_CLOCK_LEN_MAX)
		return foreign(record, "too large for a clock");
	memcpy(task->clock_bytes, record->value.data, record->value.len);
	task->clock_len = record->value.len;
	restoring->restored++;
	return NULL;
}

/* "<input topic>/<kind>/<key>": ours if the topic is the task's. */
static struct err *restore_meta(struct restoring *restoring, const struct record *record)
{
	struct engine *engine = restoring->engine;
	uint8_t composed[TOPIC_NAME_MAX + 32 + KEY_LEN_MAX];
	const char *topic = restoring->task->own_topic;
	struct bytes clock = seal_meta_key(topic, "clock", bytes_of(NULL, 0), composed);
	if (bytes_equal(record->key, clock))
		return restore_clock(restoring, record);
	for (size_t i = 0; i < engine->processor->kind_count; i++) {
		const struct state_kind *kind = &engine->processor->kinds[i];
		if (kind->published)
			continue;
		struct bytes prefix = seal_meta_key(topic, kind->name, bytes_of(NULL, 0), composed);
		if (record->key.len < prefix.len ||
		    memcmp(record->key.data, prefix.data, prefix.len) != 0)
			continue;
		restoring->kind = kind;
		restoring->kind_index = (uint8_t)i;
		return restore_state(
			restoring, record,
			bytes_of(record->key.data + prefix.len, record->key.len - prefix.len));
	}
	return NULL;
}

static struct err *restore_meta_record(void *context, const struct record *record)
{
	return record->value.data == NULL ? NULL : restore_meta(context, record);
}

static struct err *restore_published_record(void *context, const struct record *record)
{
	struct restoring *restoring = context;
	return record->value.data == NULL ? NULL : restore_state(restoring, record, record->key);
}

static struct err *restore_topics(struct restoring *restoring)
{
	struct engine *engine = restoring->engine;
	const struct processor *processor = engine->processor;
	int32_t partition = restoring->task->partition;
	struct err *err =
		bus_read_all(engine->bus, effects_topic(engine->effects, processor->meta_topic),
			     partition, restore_meta_record, restoring);
	for (size_t i = 0; err == NULL && i < processor->kind_count; i++) {
		if (!processor->kinds[i].published)
			continue;
		restoring->kind = &processor->kinds[i];
		restoring->kind_index = (uint8_t)i;
		const char *topic = effects_topic(engine->effects, processor->kinds[i].state_topic);
		err = bus_read_all(engine->bus, topic, partition, restore_published_record,
				   restoring);
	}
	return err;
}

/* Fills an empty shelf from the compacted topics; *restored counts what was there. */
static struct err *restore(struct engine *engine, struct task *task, int64_t *restored)
{
	size_t state_max = 1;
	for (size_t i = 0; i < engine->processor->kind_count; i++)
		if (engine->processor->kinds[i].state_size > state_max)
			state_max = engine->processor->kinds[i].state_size;
	struct restoring restoring = { .engine = engine,
				       .task = task,
				       .state = check_calloc(1, state_max) };
	struct err *err = shelf_wipe(task->shelf);
	task->clock_len = 0;
	store_batch_clear(engine->batch);
	if (err == NULL)
		err = restore_topics(&restoring);
	if (err == NULL)
		err = store_batch_write(engine->store, engine->batch);
	free(restoring.state);
	*restored = restoring.restored;
	return err;
}

static struct err *check_logic(const struct engine *engine, const struct task *task,
			       const struct checkpoint *committed)
{
	uint32_t own = engine->processor->logic_version;
	bool drained = committed->y == committed->x && !committed->cursor.present;
	if (committed->logic_version > own)
		return err_new(ERR_FATAL, "LOGIC_NEWER",
			       "%s %s/%d was last run by a newer foretell (logic version %" PRIu32
			       ", this one has %" PRIu32 "): run that one",
			       engine->processor->name, task->own_topic, task->partition,
			       committed->logic_version, own);
	if (committed->logic_version == own || drained || engine->options.accept_logic_change)
		return NULL;
	return err_new(
		ERR_FATAL, "LOGIC_CHANGED",
		"%s %s/%d was not stopped cleanly by logic version %" PRIu32
		"; start and stop that version once, or pass --accept-logic-change to replay "
		"the last moments under version %" PRIu32,
		engine->processor->name, task->own_topic, task->partition, committed->logic_version,
		own);
}

static struct err *start_fresh(struct engine *engine, struct task *task)
{
	int64_t low = 0, high = 0, restored = 0;
	struct err *err = restore(engine, task, &restored);
	if (err == NULL && restored > 0)
		err = err_new(
			ERR_FATAL, "CHECKPOINT_GONE",
			"%s has states of %s/%d but no committed position (it expired, or the "
			"group was deleted): start over under another --app with "
			"--from-beginning, or restore the group's offsets",
			engine->options.app_id, task->own_topic, task->partition);
	if (err == NULL)
		err = bus_watermarks(engine->bus, task->own_topic, task->partition, &low, &high);
	if (err != NULL)
		return err;
	task->next = task->live_from = low;
	task->committed = (struct checkpoint){ .x = low, .y = low };
	task->sealed_y = low;
	return log_clock_decode(task->clock, bytes_of(NULL, 0));
}

/* Whether the shelf continues the committed history. */
static bool shelf_usable(const struct shelf_position *shelf, const struct checkpoint *committed)
{
	return shelf->present && shelf->logic_version == committed->logic_version &&
	       shelf->x <= committed->x && shelf->y <= committed->y;
}

static struct err *find_start(struct engine *engine, struct task *task,
			      const struct checkpoint *committed, int64_t *start)
{
	struct shelf_position shelf;
	struct err *err = shelf_position(task->shelf, &shelf);
	if (err != NULL)
		return err;
	if (shelf_usable(&shelf, committed) && shelf.clock.len <= LOG_CLOCK_LEN_MAX) {
		*start = shelf.y;
		memcpy(task->clock_bytes, shelf.clock.data, shelf.clock.len);
		task->clock_len = shelf.clock.len;
		return NULL;
	}
	int64_t restored = 0;
	*start = committed->y;
	err = restore(engine, task, &restored);
	if (err != NULL)
		return err;
	store_batch_clear(engine->batch);
	store_batch_position(engine->batch, task->shelf, committed->x, committed->y,
			     committed->logic_version,
			     bytes_of(task->clock_bytes, task->clock_len));
	log_emit(LOG_INFO, engine->processor->name, "states restored from their topics",
		 "{s:s,s:i,s:I}", "topic", task->own_topic, "partition", task->partition, "states",
		 (json_int_t)restored);
	return store_batch_write(engine->store, engine->batch);
}

static struct err *check_retained(struct engine *engine, const struct task *task, int64_t start)
{
	int64_t low = 0, high = 0;
	struct err *err =
		bus_watermarks(engine->bus, task->own_topic, task->partition, &low, &high);
	if (err != NULL)
		return err;
	if (start < low)
		return err_new(
			ERR_FATAL, "INPUT_GONE",
			"%s/%d begins at offset %" PRId64 ", but states go back to %" PRId64
			": retention removed what is needed. Lengthen retention.ms, and start "
			"over under another --app with --from-beginning",
			task->own_topic, task->partition, low, start);
	if (task->live_from > high)
		return err_new(
			ERR_FATAL, "INPUT_TRUNCATED",
			"%s/%d ends at offset %" PRId64 ", but %" PRId64
			" was committed: the topic was truncated or made anew. Start over under "
			"another --app with --from-beginning",
			task->own_topic, task->partition, high, task->live_from);
	return NULL;
}

static struct err *recover_task(struct engine *engine, struct task *task,
				const struct position *position)
{
	task_drop_memory(engine, task);
	task->live_cursor.present = false;
	if (position->offset < 0)
		return start_fresh(engine, task);
	struct checkpoint committed;
	int64_t start = 0;
	struct err *err = checkpoint_parse(position->offset, position->metadata, &committed);
	if (err == NULL)
		err = check_logic(engine, task, &committed);
	if (err == NULL)
		err = find_start(engine, task, &committed, &start);
	if (err != NULL)
		return err;
	task->committed = committed;
	task->sealed_y = start;
	task->clock_published = false;
	task->next = start;
	task->live_from = committed.x;
	task->live_cursor = committed.cursor;
	err = log_clock_decode(task->clock, bytes_of(task->clock_bytes, task->clock_len));
	return err != NULL ? err : check_retained(engine, task, start);
}

struct err *recovery_run(struct engine *engine, struct task *const *tasks, size_t count)
{
	struct position *positions = check_calloc(count, sizeof *positions);
	for (size_t i = 0; i < count; i++) {
		positions[i].topic = tasks[i]->own_topic;
		positions[i].partition = tasks[i]->partition;
	}
	struct err *err = bus_committed(engine->bus, positions, count);
	for (size_t i = 0; err == NULL && i < count; i++)
		err = recover_task(engine, tasks[i], &positions[i]);
	free(positions);
	return err;
}
