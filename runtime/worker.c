#include "runtime/worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "runtime/apply.h"
#include "runtime/engine.h"
#include "runtime/observe.h"
#include "runtime/origins.h"
#include "runtime/read_ahead.h"
#include "runtime/recovery.h"
#include "runtime/seal.h"
#include "runtime/task.h"

/*   RUNNING --transaction lost--> RECOVERING --recovered--> RUNNING
 *                                      \--membership lost--> ORPHANED --assigned--> RUNNING */
enum worker_state {
	WORKER_RUNNING,
	WORKER_RECOVERING,
	WORKER_ORPHANED, /* of no partitions: what still comes of the old ones is dropped */
};

struct worker {
	struct engine engine;
	struct bus_listener listener;
	enum worker_state state;
	int attempts;  /* of the recovery under way, for its back-off */
	bool assigned; /* at least once */
	bool closing;
};

static struct cache *new_cache(const struct processor *processor, uint32_t entries)
{
	struct cache *cache = cache_new(entries, processor_slot_size(processor), TASKS_MAX);
	for (size_t i = 0; i < processor->kind_count; i++)
		if (processor->kinds[i].few)
			cache_keep_apart(cache, (uint8_t)i, processor->kinds[i].state_size);
	return cache;
}

/* A topic that has got more partitions keeps keys in others than before. */
static struct err *check_partition(const struct engine *engine, const struct position *position)
{
	int32_t count = engine->options.partition_count;
	if (count == 0 || position->partition < count)
		return NULL;
	return err_new(ERR_FATAL, "PARTITIONS_DIFFER",
		       "%s has got a partition %d, but the other topics have %d: its keys now lie "
		       "elsewhere. Partition counts are for life: start over under another --app "
		       "with --from-beginning, on an input of as many partitions",
		       position->topic, (int)position->partition, (int)count);
}

static struct err *add_tasks(struct engine *engine, const struct position *positions, size_t count,
			     struct task **tasks)
{
	for (size_t i = 0; i < count; i++) {
		struct err *err = check_partition(engine, &positions[i]);
		if (err == NULL)
			err = task_new(engine, positions[i].topic, positions[i].partition,
				       &tasks[i]);
		if (err != NULL)
			return err;
	}
	return NULL;
}

static void take_marks(struct engine *engine, const struct position *positions, size_t count,
		       struct task **tasks)
{
	if (engine->options.standby == NULL)
		return;
	struct standby_mark *marks = check_calloc(count, sizeof *marks);
	standby_own(engine->options.standby, positions, count, marks);
	for (size_t i = 0; i < count; i++)
		tasks[i]->mark = marks[i];
	free(marks);
}

static struct err *on_assigned(void *context, struct position *positions, size_t count)
{
	struct worker *worker = context;
	struct engine *engine = &worker->engine;
	if (count == 0) {
		take_marks(engine, positions, 0, NULL);
		return NULL;
	}
	struct task **tasks = check_calloc(count, sizeof(struct task *));
	observe_assigning(engine);
	struct err *err = add_tasks(engine, positions, count, tasks);
	if (err == NULL)
		take_marks(engine, positions, count, tasks);
	if (err == NULL)
		err = recovery_run(engine, tasks, count);
	for (size_t i = 0; i < count; i++) {
		if (err == NULL)
			positions[i].offset = tasks[i]->next;
		else
			task_free(engine, &tasks[i]);
	}
	free(tasks);
	worker->assigned = err == NULL;
	if (err == NULL)
		worker->state = WORKER_RUNNING;
	observe_assigned(engine, err);
	return err;
}

/* What isn't committed is forgotten, in memory and at the brokers. */
static struct err *give_up(struct engine *engine)
{
	seal_forget(engine);
	return bus_abort(engine->bus);
}

/* The shelf of a task that was drained, and isn't amid a replay, has all of its topics as they
 * stand now; whatever comes is followed. */
static void give_mark(struct engine *engine, struct task *task)
{
	struct state_log logs[STATE_LOGS_MAX];
	struct position ends[STATE_LOGS_MAX];
	if (engine->options.standby == NULL || !task_caught_up(task))
		return;
	size_t count = state_logs(engine->processor, logs);
	for (size_t i = 0; i < count; i++)
		ends[i] = (struct position){
			.topic = effects_topic(engine->effects, logs[i].logical),
			.partition = task->partition,
		};
	if (!recovery_state_ends(engine, task, ends, count))
		return; /* then it is followed from the beginning */
	struct standby_mark mark = { .warm = true, .clock_len = task->clock_len };
	for (size_t i = 0; i < count; i++)
		mark.offsets[i] = ends[i].offset;
	if (task->clock_len > 0) {
		mark.clock = check_malloc(task->clock_len);
		memcpy(mark.clock, task->clock_bytes, task->clock_len);
	}
	standby_give(engine->options.standby, task->own_topic, task->partition, &mark);
}

/* Nothing of these partitions stays behind, neither in memory nor in flight: what is pending is
 * committed first, unless another member may own them already. */
static struct err *on_revoked(void *context, const struct position *positions, size_t count,
			      bool lost)
{
	struct worker *worker = context;
	struct engine *engine = &worker->engine;
	struct err *err = NULL;
	observe_revoking(engine, positions, count, lost);
	bool drains = !lost && !engine->broken && worker->state == WORKER_RUNNING;
	if (drains)
		err = seal_drain(engine);
	else
		err = give_up(engine);
	if (err != NULL)
		seal_forget(engine); /* the next recovery aborts it */
	bool whole = drains && err == NULL;
	for (size_t i = 0; i < count; i++) {
		struct task *task = task_find(engine, positions[i].topic, positions[i].partition);
		/* a member that leaves isn't told positions any more, and follows nothing */
		if (task != NULL && whole && !worker->closing)
			give_mark(engine, task);
		task_free(engine, &task);
	}
	observe_revoked(engine);
	return err;
}

static size_t at_most(size_t asked, size_t most)
{
	return asked == 0 || asked > most ? most : asked;
}

static void set_bounds(struct worker_options *options)
{
	options->output_bytes = at_most(options->output_bytes, TXN_OUTPUT_BYTES_MAX);
	options->publish_bytes = at_most(options->publish_bytes, TXN_OUTPUT_BYTES_MAX);
}

struct err *worker_open(const struct worker_options *options, const struct processor *processor,
			struct bus *bus, struct store *store, struct registry *registry,
			struct worker_stats *stats, struct worker **out)
{
	struct worker *worker = check_calloc(1, sizeof *worker);
	struct engine *engine = &worker->engine;
	engine->processor = processor;
	engine->options = *options;
	set_bounds(&engine->options);
	engine->bus = bus;
	engine->store = store;
	engine->writer = store_writer_new(store, options->write_aside ? STORE_WRITER_ASIDE
								      : STORE_WRITER_LATER);
	engine->registry = registry;
	engine->stats = stats;
	engine->cache = new_cache(processor, options->cache_entries);
	engine->loan = shelf_loan_new();
	engine->effects = effects_new(options->app_id, registry);
	engine->batch = store_batch_new();
	engine->flight = check_calloc(1, sizeof *engine->flight);
	engine->flight->batch = store_batch_new();
	engine->urgent = check_calloc(options->cache_entries, sizeof *engine->urgent);
	engine->last_seal_ms = engine->last_share_ms = engine->last_flush_ms =
		engine->last_look_ms = engine_now_ms(engine);
	observe_opened(engine);
	worker->listener =
		(struct bus_listener){ worker, on_assigned, on_revoked, processor->no_headers };
	*out = worker;
	struct err *err =
		bus_subscribe(bus, options->inputs, options->input_count, &worker->listener);
	if (err != NULL)
		worker_close(out);
	return err;
}

static void back_off(const struct engine *engine, int attempt)
{
	const struct time_source *time = engine->options.time;
	time->sleep_ms(time->context, attempt < 5 ? INT64_C(20) << attempt : 1000);
}

static bool membership_is_lost(const struct err *err)
{
	return strcmp(err_code(err), "BUS_NOT_ASSIGNED") == 0;
}

/* The group gave the partitions away while a call was waiting: the bus will say so, until then they
 * are nobody's here. */
static void orphan(struct worker *worker)
{
	struct engine *engine = &worker->engine;
	for (size_t i = 0; i < engine->task_count; i++)
		task_free(engine, &engine->tasks[i]);
	worker->state = WORKER_ORPHANED;
	observe_revoked(engine);
}

static struct err *recover_tasks(struct engine *engine)
{
	struct task *tasks[TASKS_MAX];
	struct position *positions = check_calloc(engine->task_count + 1, sizeof *positions);
	size_t count = 0;
	for (size_t i = 0; i < engine->task_count; i++)
		if (engine->tasks[i] != NULL)
			tasks[count++] = engine->tasks[i];
	struct err *err = recovery_run(engine, tasks, count);
	for (size_t i = 0; i < count; i++) {
		positions[i].topic = tasks[i]->own_topic;
		positions[i].partition = tasks[i]->partition;
		positions[i].offset = tasks[i]->next;
	}
	if (err == NULL)
		err = bus_seek(engine->bus, positions, count);
	free(positions);
	return err;
}

/* The one answer to a lost transaction: drop memory, settle, start from what is committed. One
 * attempt a step, so that a stop is heard in between. */
static struct err *recover(struct worker *worker)
{
	struct engine *engine = &worker->engine;
	if (worker->attempts > 0)
		back_off(engine, worker->attempts - 1);
	struct err *err = give_up(engine);
	if (err == NULL)
		err = recover_tasks(engine);
	if (err == NULL) {
		worker->state = WORKER_RUNNING;
		observe_recovered(engine);
		return NULL;
	}
	if (membership_is_lost(err)) {
		log_emit(LOG_WARN, engine->processor->name, "every partition lost meanwhile",
			 "{s:s}", "reason", err_text(err));
		err_free(&err);
		orphan(worker);
		return NULL;
	}
	if (err_verdict(err) == ERR_FATAL)
		return err;
	/* brokers may be away for hours: a restart would not bring them back */
	if (worker->attempts < FAILURES_COUNTED_MAX)
		worker->attempts++;
	observe_abort(engine, err);
	err_free(&err);
	return NULL;
}

/* A cause that comes back at once (a registry that is away) must not make a hot loop. */
static void begin_recovery(struct worker *worker, struct err *cause)
{
	struct engine *engine = &worker->engine;
	observe_abort(engine, cause);
	err_free(&cause);
	atomic_fetch_add_explicit(&engine->stats->recoveries, 1, memory_order_relaxed);
	worker->attempts =
		engine->failures < FAILURES_COUNTED_MAX ? engine->failures++ : FAILURES_COUNTED_MAX;
	worker->state = WORKER_RECOVERING;
}

static bool transaction_is_full(const struct engine *engine)
{
	size_t copies = effects_to_all_count(engine->effects) *
			(size_t)engine->options.partition_count;
	return effects_bytes(engine->effects) >= engine->options.output_bytes ||
	       copies >= TXN_COPIES_MAX ||
	       engine->records_since_seal >= TXN_RECORDS_MAX ||
	       (engine->options.checkpoint_interval_ms == 0 &&
		cache_dirty_count(engine->cache) >= PUBLISH_MAX);
}

/* Fires the tick under way to its end, in slices, with a seal wherever a transaction is full. */
static struct err *finish_tick(struct engine *engine, struct task *task)
{
	struct err *err = NULL;
	while (err == NULL && task->tick.present) {
		err = seal_make_room(engine, TARGETS_MAX);
		if (err == NULL)
			err = apply_tick(engine, task);
		if (err == NULL && transaction_is_full(engine))
			err = seal_commit(engine);
	}
	if (err == NULL && log_clock_wants_drain(task->clock))
		err = seal_drain(engine);
	return err;
}

static struct err *process_record(struct engine *engine, struct task *task,
				  const struct record *record)
{
	bool control = false;
	struct err *err = apply_record(engine, task, record, &control);
	if (err == NULL && control)
		err = finish_tick(engine, task);
	engine->records_since_seal++;
	if (err == NULL && transaction_is_full(engine))
		err = seal_commit(engine);
	return err;
}

static bool same_run(const struct record *a, const struct record *b)
{
	return a->topic == b->topic && a->partition == b->partition;
}

/* Records of one partition, READ_AHEAD_MAX at most: their states are fetched together. */
static struct err *process_run(struct engine *engine, const struct record *records, size_t count)
{
	struct task *task = task_find(engine, records[0].topic, records[0].partition);
	if (task == NULL)
		return NULL; /* orphaned: its next owner reads them */
	struct entry *entries[READ_AHEAD_MAX];
	struct err *err = read_ahead(engine, task, records, count, entries);
	for (size_t i = 0; err == NULL && i < count; i++) {
		engine->expected = entries[i];
		err = seal_make_room(engine, 2 * TARGETS_MAX);
		if (err == NULL)
			err = process_record(engine, task, &records[i]);
	}
	engine->expected = NULL;
	return err;
}

static struct err *process_batch(struct engine *engine, const struct bus_batch *batch)
{
	struct err *err = NULL;
	if (batch->count > 0 && engine->oldest_unsealed_ns == 0)
		engine->oldest_unsealed_ns = engine_now_ns(engine);
	for (size_t i = 0; err == NULL && i < batch->count;) {
		size_t end = i + 1;
		while (end < batch->count && end - i < READ_AHEAD_MAX &&
		       same_run(&batch->records[i], &batch->records[end]))
			end++;
		err = process_run(engine, &batch->records[i], end - i);
		i = end;
		if (err == NULL)
			err = seal_settle(engine, false);
	}
	return err;
}

/* Whether all of its input was read. Behind the end for readers there may be more: what an open
 * transaction holds back would be late by the wall clock. */
static bool has_read_all(const struct engine *engine, const struct task *task)
{
	int64_t reached = bus_end_reached(engine->bus, task->topic, task->partition);
	return reached >= 0 && reached >= bus_known_end(engine->bus, task->topic, task->partition);
}

/* Inputs that have been read to their end and are quiet may be carried on by the wall clock. */
static struct err *watch_quiet(struct engine *engine)
{
	if (engine->processor->idle == NULL || engine->options.idle_ms == 0)
		return NULL;
	struct err *err = NULL;
	const struct time_source *time = engine->options.time;
	int64_t now_ms = engine_now_ms(engine), wall_ms = time->wall_ms(time->context);
	for (size_t i = 0; err == NULL && i < engine->task_count; i++) {
		struct task *task = engine->tasks[i];
		if (task == NULL)
			continue;
		if (!has_read_all(engine, task))
			task->quiet_since_ms = 0;
		else if (task->quiet_since_ms == 0)
			task->quiet_since_ms = now_ms;
		else if (now_ms - task->quiet_since_ms >= engine->options.idle_ms &&
			 (err = seal_make_room(engine, TARGETS_MAX)) == NULL)
			err = apply_idle(engine, task, wall_ms);
	}
	return err;
}

static void note_clock(struct engine *engine)
{
	if (!engine->processor->clocked)
		return;
	int64_t lowest = INT64_MAX;
	for (size_t i = 0; i < engine->task_count; i++) {
		if (engine->tasks[i] == NULL)
			continue;
		int64_t clock_ms = log_clock_now(engine->tasks[i]->clock);
		lowest = clock_ms < lowest ? clock_ms : lowest;
	}
	atomic_store_explicit(&engine->stats->clock_ms, lowest, memory_order_relaxed);
}

/* In how long the next transaction is to begin. What was said goes at once, as soon as the broker
 * has done with the one before; positions and states, and all while the input keeps us busy, go
 * each commit interval. */
static int64_t seal_due_in_ms(const struct engine *engine)
{
	bool soon = !engine->behind && effects_count(engine->effects) > 0;
	int64_t due_ms = soon ? engine->last_commit_ms + COMMIT_GAP_MS
			      : engine->last_seal_ms + engine->options.commit_interval_ms;
	int64_t now_ms = engine_now_ms(engine);
	return due_ms > now_ms ? due_ms - now_ms : 0;
}

static bool seal_is_due(const struct engine *engine)
{
	return !seal_in_flight(engine) && seal_pending(engine) && seal_due_in_ms(engine) == 0;
}

/* With something to commit, the wait for records mustn't hold it up. */
static int wait_for_records_ms(const struct engine *engine, int timeout_ms)
{
	int64_t wait_ms = timeout_ms;
	if (seal_in_flight(engine))
		wait_ms = 1;
	else if (engine->oldest_unsealed_ns != 0)
		wait_ms = seal_due_in_ms(engine);
	return wait_ms < timeout_ms ? (int)wait_ms : timeout_ms;
}

static struct err *turn(struct engine *engine, int timeout_ms)
{
	struct bus_batch batch = { NULL, 0 };
	struct err *err = bus_poll(engine->bus, wait_for_records_ms(engine, timeout_ms), &batch);
	engine->behind = batch.count >= POLL_RECORDS_MAX / 2;
	if (err == NULL)
		err = process_batch(engine, &batch);
	if (err == NULL)
		err = watch_quiet(engine);
	if (err == NULL)
		err = seal_settle(engine, false);
	if (err == NULL && seal_is_due(engine))
		err = seal_commit(engine);
	if (err == NULL)
		err = origins_look(engine);
	note_clock(engine);
	return err;
}

struct err *worker_step(struct worker *worker, int timeout_ms)
{
	struct engine *engine = &worker->engine;
	struct err *err = NULL;
	if (worker->state == WORKER_RECOVERING)
		err = recover(worker);
	else
		err = turn(engine, timeout_ms);
	if (err != NULL && err_verdict(err) != ERR_FATAL) {
		begin_recovery(worker, err);
		err = NULL;
	}
	engine->broken = err != NULL;
	observe_turn(engine, err);
	return err;
}

static struct err *count_inputs(struct engine *engine, int64_t *partitions)
{
	*partitions = 0;
	for (size_t i = 0; i < engine->options.input_count; i++) {
		int32_t count = 0;
		struct err *err =
			bus_partition_count(engine->bus, engine->options.inputs[i], &count);
		if (err != NULL)
			return err;
		*partitions += count;
	}
	return NULL;
}

static bool is_settled(const struct engine *engine)
{
	return engine->oldest_unsealed_ns == 0 && effects_count(engine->effects) == 0 &&
	       !seal_in_flight(engine);
}

bool worker_is_settled(const struct worker *worker)
{
	return worker->state == WORKER_RUNNING && is_settled(&worker->engine);
}

/* What can be told without asking: nothing is pending, and every task has read all it was given. */
static bool seems_at_end(const struct engine *engine)
{
	if (!is_settled(engine))
		return false;
	for (size_t i = 0; i < engine->task_count; i++) {
		const struct task *task = engine->tasks[i];
		if (task != NULL && (task->tick.present || bus_end_reached(engine->bus, task->topic,
									   task->partition) < 0))
			return false;
	}
	return true;
}

struct err *worker_share_at_end(struct worker *worker, int64_t *partitions)
{
	struct engine *engine = &worker->engine;
	*partitions = -1;
	if (worker->state != WORKER_RUNNING || !seems_at_end(engine))
		return NULL;
	struct position *ends = check_calloc(engine->task_count + 1, sizeof *ends);
	size_t count = 0;
	for (size_t i = 0; i < engine->task_count; i++)
		if (engine->tasks[i] != NULL)
			ends[count++] =
				(struct position){ .topic = engine->tasks[i]->own_topic,
						   .partition = engine->tasks[i]->partition };
	struct err *err = count > 0 ? bus_ends(engine->bus, ends, count) : NULL;
	bool at_end = err == NULL;
	for (size_t i = 0; at_end && i < count; i++)
		at_end = bus_end_reached(engine->bus, ends[i].topic, ends[i].partition) >=
			 ends[i].offset;
	free(ends);
	if (at_end)
		*partitions = (int64_t)count;
	return err;
}

struct err *worker_at_end(struct worker *worker, bool *at_end)
{
	int64_t partitions = -1, expected = 0;
	*at_end = false;
	if (!worker->assigned)
		return NULL;
	struct err *err = worker_share_at_end(worker, &partitions);
	if (err == NULL && partitions >= 0)
		err = count_inputs(&worker->engine, &expected);
	*at_end = err == NULL && partitions >= 0 && partitions == expected;
	return err;
}

/* What can't be committed now will be processed again by the next run. */
struct err *worker_drain(struct worker *worker)
{
	if (worker->state != WORKER_RUNNING)
		return NULL;
	struct err *err = seal_drain(&worker->engine);
	if (err != NULL && err_verdict(err) != ERR_FATAL) {
		begin_recovery(worker, err);
		return NULL;
	}
	worker->engine.broken = err != NULL; /* leaving the group must not try it again */
	return err;
}

static void dispose(struct worker *worker)
{
	struct engine *engine = &worker->engine;
	observe_closed(engine->stats);
	for (size_t i = 0; i < engine->task_count; i++)
		task_free(engine, &engine->tasks[i]);
	cache_free(&engine->cache);
	shelf_loan_free(&engine->loan);
	effects_free(&engine->effects);
	store_writer_free(&engine->writer);
	store_batch_free(&engine->batch);
	store_batch_free(&engine->flight->batch);
	free(engine->flight);
	free(engine->urgent);
	free(worker);
}

void worker_close(struct worker **worker)
{
	if (*worker == NULL)
		return;
	(*worker)->closing = true;
	bus_close(&(*worker)->engine.bus); /* drains through on_revoked */
	dispose(*worker);
	*worker = NULL;
}

void worker_kill(struct worker **worker, void (*bus_kill)(struct bus **bus))
{
	bus_kill(&(*worker)->engine.bus);
	dispose(*worker);
	*worker = NULL;
}
