#include "runtime/recovery.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "runtime/restore.h"
#include "runtime/task.h"

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
	struct err *err = restore_run(engine, task, &restored);
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
	err = restore_run(engine, task, &restored);
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
