#include "runtime/recovery.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "runtime/keep.h"
#include "runtime/observe.h"
#include "runtime/origins.h"
#include "runtime/restore.h"
#include "runtime/task.h"
#include "state/shelf_choice.h"

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

static struct err *moved(const struct task *task)
{
	return err_new(ERR_RETRY, "CHECKPOINT_MOVED",
		       "another process has committed positions of %s/%d meanwhile",
		       task->own_topic, (int)task->partition);
}

/* States without a position. A process that stood still between asking for the one and reading the
 * others is told of it here: meanwhile another may have begun. */
static struct err *checkpoint_gone(struct engine *engine, const struct task *task)
{
	struct position position = { .topic = task->own_topic, .partition = task->partition };
	struct err *err = bus_committed(engine->bus, &position, 1);
	if (err != NULL)
		return err;
	if (position.offset >= 0)
		return moved(task);
	return err_new(ERR_FATAL, "CHECKPOINT_GONE",
		       "%s has states of %s/%d but no committed position (it expired, or the "
		       "group was deleted): start over under another --app with "
		       "--from-beginning, or restore the group's offsets",
		       engine->options.app_id, task->own_topic, task->partition);
}

static struct err *start_fresh(struct engine *engine, struct task *task)
{
	int64_t low = 0, high = 0, restored = 0;
	struct err *err = restore_run(engine, task, &restored);
	if (err == NULL && restored > 0)
		err = checkpoint_gone(engine, task);
	if (err == NULL)
		err = bus_watermarks(engine->bus, task->own_topic, task->partition, &low, &high);
	if (err != NULL)
		return err;
	task->next = task->live_from = low;
	task->committed = (struct checkpoint){ .x = low, .y = low };
	task->published_y = task->sealed_y = low;
	return log_clock_decode(task->clock, bytes_of(NULL, 0));
}

/* How far a task's input reaches: [low, high). */
struct retained {
	int64_t low, high;
};

/* The position of a shelf that has everything its topics say: where the group's commit stands. */
static struct err *set_position(struct engine *engine, struct task *task,
				const struct checkpoint *committed)
{
	const struct shelf_position position = {
		.x = committed->x,
		.y = committed->y,
		.logic_version = committed->logic_version,
		.fingerprint = task_fingerprint(engine, task),
		.cluster = bytes_str(engine->cluster),
		.clock = bytes_of(task->clock_bytes, task->clock_len),
	};
	store_batch_clear(engine->batch);
	store_batch_position(engine->batch, task->shelf, &position);
	return keep_write(engine, engine->batch);
}

/* Whether the group's position of a task is still that commit. */
static struct err *is_unmoved(struct engine *engine, const struct task *task,
			      const struct checkpoint *committed, bool *unmoved)
{
	struct position now = { .topic = task->own_topic, .partition = task->partition };
	struct checkpoint found;
	*unmoved = false;
	struct err *err = bus_committed(engine->bus, &now, 1);
	if (err != NULL || now.offset < 0)
		return err;
	err = checkpoint_parse(now.offset, now.metadata, &found);
	*unmoved = err == NULL && checkpoint_equal(&found, committed);
	return err;
}

/* What was read may lie beyond X only as long as nobody commits meanwhile: a process that stood
 * still between the positions and the states, and has lost the partition since, sees a part of what
 * its successor wrote, and must give that no position. */
static struct err *check_unmoved(struct engine *engine, const struct task *task,
				 const struct checkpoint *committed)
{
	bool unmoved = false;
	struct err *err = is_unmoved(engine, task, committed, &unmoved);
	return err != NULL || unmoved ? err : moved(task);
}

/* An empty shelf, filled from Kafka. */
static struct err *restore_shelf(struct engine *engine, struct task *task,
				 const struct checkpoint *committed)
{
	int64_t restored = 0;
	struct err *err = restore_run(engine, task, &restored);
	if (err != NULL)
		return err;
	observe_restored(engine, task, committed->y, restored);
	err = check_unmoved(engine, task, committed);
	return err != NULL ? err : set_position(engine, task, committed);
}

/* A shelf that was followed needs only what has come since. Sets *done where that was possible. */
static struct err *restore_followed(struct engine *engine, struct task *task,
				    const struct checkpoint *committed, bool *done)
{
	struct standby_mark mark = task->mark;
	int64_t restored = 0;
	task->mark = (struct standby_mark){ .warm = false }; /* it holds once */
	*done = mark.warm;
	if (!mark.warm)
		return NULL;
	/* amid it the shelf may hold a part of a transaction */
	store_batch_clear(engine->batch);
	store_batch_no_position(engine->batch, task->shelf);
	struct err *err = keep_write(engine, engine->batch);
	if (err == NULL)
		err = restore_rest(engine, task, &mark, &restored);
	standby_mark_fini(&mark);
	if (err != NULL)
		return err;
	observe_followed(engine, task, committed->y, restored);
	err = check_unmoved(engine, task, committed);
	return err != NULL ? err : set_position(engine, task, committed);
}

static struct err *find_start(struct engine *engine, struct task *task,
			      const struct checkpoint *committed, int64_t low, int64_t *start)
{
	const struct shelf_need need = {
		.x = committed->x,
		.y = committed->y,
		.logic_version = committed->logic_version,
		.fingerprint = task_fingerprint(engine, task),
		.cluster = bytes_str(engine->cluster),
		.low = low,
		/* nor is it where another logic judged what would be read again. Where states name
		 * others, a store that is behind would publish some of them as they were, while
		 * those that name them stand in the topics as they are: whoever restored both would
		 * not touch the named ones again */
		.replayable = engine->options.checkpoint_interval_ms > 0 &&
			      committed->logic_version == engine->processor->logic_version &&
			      engine->processor->follow == NULL,
	};
	struct shelf_position shelf;
	struct err *err = shelf_position(task->shelf, &shelf);
	if (err != NULL)
		return err;
	enum shelf_fit fit = shelf_fit(&shelf, &need);
	bool followed = false;
	*start = committed->y;
	if (fit != SHELF_USABLE || shelf.x != committed->x)
		err = restore_followed(engine, task, committed, &followed);
	if (err != NULL || followed)
		return err;
	if (fit == SHELF_USABLE && shelf.clock.len <= LOG_CLOCK_LEN_MAX) {
		*start = shelf.y;
		if (shelf.clock.len > 0)
			memcpy(task->clock_bytes, shelf.clock.data, shelf.clock.len);
		task->clock_len = shelf.clock.len;
		return NULL;
	}
	if (fit != SHELF_ABSENT)
		log_emit(fit == SHELF_DAMAGED ? LOG_WARN : LOG_INFO, engine->processor->name,
			 "local state is not used", "{s:s,s:i,s:s}", "topic", task->own_topic,
			 "partition", task->partition, "reason", shelf_fit_text(fit));
	return restore_shelf(engine, task, committed);
}

static struct err *check_retained(const struct task *task, const struct retained *input,
				  int64_t start)
{
	if (start < input->low)
		return err_new(
			ERR_FATAL, "INPUT_GONE",
			"%s/%d begins at offset %" PRId64 ", but states go back to %" PRId64
			": retention removed what is needed. Lengthen retention.ms, and start "
			"over under another --app with --from-beginning",
			task->own_topic, task->partition, input->low, start);
	if (task->live_from > input->high)
		return err_new(
			ERR_FATAL, "INPUT_TRUNCATED",
			"%s/%d ends at offset %" PRId64 ", but %" PRId64
			" was committed: the topic was truncated or made anew. Start over under "
			"another --app with --from-beginning",
			task->own_topic, task->partition, input->high, task->live_from);
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
	struct retained input;
	int64_t start = 0;
	struct err *err = checkpoint_parse(position->offset, position->metadata, &committed);
	if (err == NULL)
		err = origins_check(engine, task, &committed);
	if (err == NULL)
		err = check_logic(engine, task, &committed);
	if (err == NULL)
		err = bus_watermarks(engine->bus, task->own_topic, task->partition, &input.low,
				     &input.high);
	if (err == NULL)
		err = find_start(engine, task, &committed, input.low, &start);
	if (err != NULL)
		return err;
	task->committed = committed;
	task->published_y = committed.y;
	task->sealed_y = start;
	task->clock_published = false;
	task->next = start;
	task->live_from = committed.x;
	task->live_cursor = committed.cursor;
	err = log_clock_decode(task->clock, bytes_of(task->clock_bytes, task->clock_len));
	return err != NULL ? err : check_retained(task, &input, start);
}

struct err *recovery_run(struct engine *engine, struct task *const *tasks, size_t count)
{
	struct position *positions = check_calloc(count, sizeof *positions);
	for (size_t i = 0; i < count; i++) {
		positions[i].topic = tasks[i]->own_topic;
		positions[i].partition = tasks[i]->partition;
	}
	struct err *err = origins_ask(engine, tasks, count);
	if (err == NULL)
		err = bus_committed(engine->bus, positions, count);
	for (size_t i = 0; err == NULL && i < count; i++)
		err = recover_task(engine, tasks[i], &positions[i]);
	free(positions);
	return err;
}

bool recovery_state_ends(struct engine *engine, const struct task *task, struct position *ends,
			 size_t count)
{
	bool unmoved = false;
	struct err *err = bus_stable_ends(engine->bus, ends, count);
	if (err == NULL)
		err = is_unmoved(engine, task, &task->committed, &unmoved);
	bool known = err == NULL && unmoved;
	err_free(&err);
	return known;
}
