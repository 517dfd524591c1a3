#include "runtime/restore.h"

#include <stdlib.h>

#include "base/check.h"
#include "runtime/keep.h"
#include "runtime/observe.h"
#include "runtime/state_log.h"

/* Reading a task's states back from their compacted topics. */
struct restoring {
	struct engine *engine;
	struct task *task;
	const struct state_log *log; /* that is being read */
	int64_t restored;
	struct shelf_load *load; /* NULL: what the log says goes into the shelf at once */
	void *state;		 /* scratch */
};

/* Writes what has come together. */
static struct err *pass_on(struct restoring *restoring)
{
	return keep_load(restoring->engine, restoring->load);
}

static void take_clock(struct task *task, struct bytes clock)
{
	task->clock_len = clock.data == NULL ? 0 : clock.len;
	if (task->clock_len > 0)
		memcpy(task->clock_bytes, clock.data, clock.len);
}

/* A later version of a key replaces an earlier one; nothing is looked up. */
static struct err *load_word(struct restoring *restoring, const struct state_word *word)
{
	struct shelf_load *load = restoring->load;
	struct err *err = NULL;
	if (!shelf_load_has_room(load, word->key, word->value))
		err = pass_on(restoring);
	if (err != NULL)
		return err;
	if (word->saying == STATE_GONE)
		shelf_load_delete(load, word->kind, word->key);
	else
		shelf_load_put(load, word->kind, word->key, word->lsn, word->due_ms, word->value);
	return NULL;
}

static struct err *keep_word(struct restoring *restoring, const struct state_word *word)
{
	struct engine *engine = restoring->engine;
	store_batch_clear(engine->batch);
	struct err *err = state_word_add(word, restoring->task->shelf, engine->batch);
	return err != NULL ? err : keep_write(engine, engine->batch);
}

static struct err *restore_record(void *context, const struct record *record)
{
	struct restoring *restoring = context;
	struct task *task = restoring->task;
	struct state_word word;
	struct err *err = state_log_read(restoring->engine->processor, task->own_topic,
					 restoring->log, record, restoring->state, &word);
	if (err != NULL || word.saying == STATE_NOTHING)
		return err;
	restoring->restored += word.saying == STATE_IS || word.value.data != NULL;
	observe_alive(restoring->engine);
	if (word.saying == STATE_CLOCK) {
		take_clock(task, word.value);
		return NULL;
	}
	return restoring->load != NULL ? load_word(restoring, &word) : keep_word(restoring, &word);
}

/* The topics that hold the task's states, from their beginnings, or from where `mark` stands. */
static struct err *restore_topics(struct restoring *restoring, const struct standby_mark *mark)
{
	struct engine *engine = restoring->engine;
	struct state_log logs[STATE_LOGS_MAX];
	size_t count = state_logs(engine->processor, logs);
	int32_t partition = restoring->task->partition;
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < count; i++) {
		const char *topic = effects_topic(engine->effects, logs[i].logical);
		restoring->log = &logs[i];
		if (mark == NULL) {
			err = bus_read_all(engine->bus, topic, partition, restore_record,
					   restoring);
			continue;
		}
		struct position start = { topic, partition, mark->offsets[i], "" };
		err = bus_read_from(engine->bus, &start, restore_record, restoring);
	}
	return err;
}

static bool has_timers(const struct processor *processor)
{
	for (size_t i = 0; i < processor->kind_count; i++)
		if (processor->kinds[i].due != NULL)
			return true;
	return false;
}

static struct err *index_due(struct restoring *restoring)
{
	bool done = !has_timers(restoring->engine->processor);
	struct err *err = NULL;
	while (err == NULL && !done) {
		err = shelf_load_index(restoring->load, &done);
		if (err == NULL)
			err = pass_on(restoring);
	}
	return err;
}

struct err *restore_run(struct engine *engine, struct task *task, int64_t *restored)
{
	struct restoring restoring = {
		.engine = engine,
		.task = task,
		.state = check_calloc(1, processor_state_size(engine->processor)),
	};
	struct err *err = shelf_wipe(task->shelf);
	task->clock_len = 0;
	restoring.load = shelf_load_new(task->shelf);
	if (err == NULL)
		err = restore_topics(&restoring, NULL);
	if (err == NULL)
		err = pass_on(&restoring);
	if (err == NULL)
		err = index_due(&restoring);
	shelf_load_free(&restoring.load);
	free(restoring.state);
	*restored = restoring.restored;
	return err;
}

struct err *restore_rest(struct engine *engine, struct task *task, const struct standby_mark *mark,
			 int64_t *restored)
{
	struct restoring restoring = {
		.engine = engine,
		.task = task,
		.state = check_calloc(1, processor_state_size(engine->processor)),
	};
	take_clock(task, bytes_of(mark->clock, mark->clock_len));
	struct err *err = restore_topics(&restoring, mark);
	free(restoring.state);
	*restored = restoring.restored;
	return err;
}
