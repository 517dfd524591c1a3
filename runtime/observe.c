#include "runtime/observe.h"

#include <stdio.h>

#include "base/log.h"
#include "runtime/task.h"

enum {
	DEAD_LETTER_LOG_MS = 1000,
	HELD_LOG_MS = 75000,	/* by then a transaction of foretell's own is over */
	COMMIT_LOG_MS = 180000, /* by then the client has given up, if it keeps its time-outs */
};

static const char *stage_of(const struct engine *engine)
{
	return engine->processor->name;
}

/* ---- the partitions ------------------------------------------------------------------------- */

static int32_t input_index(const struct engine *engine, const char *topic)
{
	for (size_t i = 0; i < engine->options.input_count; i++)
		if (strcmp(engine->options.inputs[i], topic) == 0)
			return (int32_t)i;
	return -1;
}

/* Offsets that others can't see the results of yet. What a transaction's markers take at the end of
 * a log that is read to its end is no lag. */
static int64_t task_lag(const struct engine *engine, const struct task *task, int64_t end)
{
	int64_t reached = bus_end_reached(engine->bus, task->topic, task->partition);
	if (reached >= 0 && reached >= end && !task->touched && !task->tick.present)
		return 0;
	if (end < 0)
		return -1;
	return end > task->committed.x ? end - task->committed.x : 0;
}

/* Says once that an open transaction has hidden what lies behind held_at for long, and then that
 * reading goes on. */
static void tell_hold(const struct engine *engine, const struct task *task,
		      struct task_figures *figures, bool over)
{
	int64_t for_ms = engine_now_ms(engine) - figures->held_ms;
	if (figures->held_told != over || (!over && for_ms < HELD_LOG_MS))
		return;
	figures->held_told = !over;
	log_emit(over ? LOG_INFO : LOG_WARN, stage_of(engine),
		 over ? "the transaction that held it back is over"
		      : "an open transaction holds it back; foretell status says how to end it",
		 "{s:s,s:i,s:I,s:I}", "topic", task->own_topic, "partition", (int)task->partition,
		 "offset", (json_int_t)figures->held_at, "for_s", (json_int_t)(for_ms / 1000));
}

/* Everything that readers may see was handed out, and the log goes on behind it. */
static void look_for_hold(const struct engine *engine, const struct task *task,
			  struct task_figures *figures)
{
	int64_t reached = bus_end_reached(engine->bus, task->topic, task->partition);
	bool held = reached >= 0 && reached < figures->end;
	if (figures->held_ms != 0 && (!held || reached != figures->held_at)) {
		tell_hold(engine, task, figures, true);
		figures->held_ms = 0;
	}
	if (!held)
		return;
	if (figures->held_ms == 0)
		figures->held_ms = engine_now_ms(engine);
	figures->held_at = reached;
	tell_hold(engine, task, figures, false);
}

static void look_at(const struct engine *engine, const struct task *task,
		    struct task_figures *figures)
{
	int64_t now_ms = engine_now_ms(engine), y = figures->y;
	int32_t input = input_index(engine, task->own_topic);
	bool same =
		figures->used && figures->input == input && figures->partition == task->partition;
	figures->used = true;
	figures->input = input;
	figures->partition = task->partition;
	figures->live = task->next >= task->live_from;
	figures->next = task->next;
	figures->x = task->committed.x;
	figures->y = task->committed.y;
	figures->end = bus_known_end(engine->bus, task->topic, task->partition);
	figures->lag = task_lag(engine, task, figures->end);
	figures->clock_ms = engine->processor->clocked ? log_clock_now(task->clock) : CLOCK_NONE;
	figures->dirty = cache_task_dirty_count(engine->cache, task->index);
	if (!same || figures->y != y || figures->y == figures->x)
		figures->covered_ms = now_ms;
	if (!same) {
		figures->held_ms = 0;
		figures->held_told = false;
	}
	look_for_hold(engine, task, figures);
	figures->counts = task->counts;
}

/* Says once of a commit that its outcome has been waited for beyond every time-out. */
static void look_at_commit(struct engine *engine)
{
	/* one that is committed waits for the store, not for the client */
	bool long_since = engine->flight != NULL && engine->flight->present &&
			  !engine->flight->committed &&
			  engine_now_ms(engine) - engine->last_seal_ms >= COMMIT_LOG_MS;
	if (long_since && !engine->stats->commit_told)
		log_emit(
			LOG_ERROR, stage_of(engine),
			"a commit is neither done nor given up by the Kafka client; if this lasts, "
			"start the process again",
			"{s:I}", "for_s",
			(json_int_t)((engine_now_ms(engine) - engine->last_seal_ms) / 1000));
	engine->stats->commit_told = long_since;
}

/* Where a reader has the board, it is looked at again next time. */
static void look(struct engine *engine)
{
	struct worker_stats *stats = engine->stats;
	look_at_commit(engine);
	stats_set(&stats->cache_slots, cache_slot_count(engine->cache));
	stats_set(&stats->cache_entries, cache_entry_count(engine->cache));
	stats_set(&stats->cache_dirty, cache_dirty_count(engine->cache));
	if (!stats_board_try(&stats->board))
		return;
	for (size_t i = 0; i < stats->board.task_count || i < engine->task_count; i++) {
		const struct task *task = i < engine->task_count ? engine->tasks[i] : NULL;
		if (task == NULL)
			stats->board.tasks[i].used = false;
		else
			look_at(engine, task, &stats->board.tasks[i]);
	}
	stats->board.task_count = engine->task_count;
	stats_board_leave(&stats->board);
	stats->looked_ms = engine_now_ms(engine);
}

/* ---- turns ---------------------------------------------------------------------------------- */

void observe_opened(struct engine *engine)
{
	stats_set(&engine->stats->clock_ms, CLOCK_NONE);
	stats_phase_set(engine->stats, PHASE_JOINING);
	observe_alive(engine);
	look(engine);
}

void observe_alive(struct engine *engine)
{
	stats_set(&engine->stats->alive_ms, engine_now_ms(engine));
}

void observe_turn(struct engine *engine, const struct err *err)
{
	observe_alive(engine);
	if (err != NULL)
		stats_phase_set(engine->stats, PHASE_BROKEN);
	if (err != NULL || engine_now_ms(engine) - engine->stats->looked_ms >= STATS_PUBLISH_MS)
		look(engine);
}

/* ---- rebalances ----------------------------------------------------------------------------- */

void observe_restored(struct engine *engine, const struct task *task, int64_t y, int64_t states)
{
	observe_alive(engine);
	stats_add(&engine->stats->restored, states);
	log_emit(LOG_INFO, stage_of(engine), "states restored from their topics",
		 "{s:s,s:i,s:I,s:I}", "topic", task->own_topic, "partition", (int)task->partition,
		 "offset", (json_int_t)y, "states", (json_int_t)states);
}

void observe_followed(struct engine *engine, const struct task *task, int64_t y, int64_t states)
{
	observe_alive(engine);
	log_emit(LOG_INFO, stage_of(engine), "states were followed, the rest is read",
		 "{s:s,s:i,s:I,s:I}", "topic", task->own_topic, "partition", (int)task->partition,
		 "offset", (json_int_t)y, "rest", (json_int_t)states);
}

void observe_assigning(struct engine *engine)
{
	stats_phase_set(engine->stats, PHASE_RECOVERING);
	observe_alive(engine);
}

/* One line a partition: where it starts, and from where it is live. */
static void log_starts(const struct engine *engine, enum log_level level, const char *message)
{
	for (size_t i = 0; i < engine->task_count; i++) {
		const struct task *task = engine->tasks[i];
		if (task == NULL)
			continue;
		int64_t replay = task->live_from - task->next;
		log_emit(level, stage_of(engine), message, "{s:s,s:i,s:I,s:I,s:I}", "topic",
			 task->own_topic, "partition", (int)task->partition, "offset",
			 (json_int_t)task->next, "live_from", (json_int_t)task->live_from, "replay",
			 (json_int_t)(replay > 0 ? replay : 0));
	}
}

void observe_assigned(struct engine *engine, const struct err *err)
{
	observe_alive(engine);
	stats_phase_set(engine->stats, err == NULL ? PHASE_RUNNING : PHASE_JOINING);
	if (err == NULL) {
		stats_add(&engine->stats->assigned, 1);
		log_starts(engine, LOG_INFO, "partition assigned");
	}
	look(engine);
}

void observe_revoking(struct engine *engine, const struct position *positions, size_t count,
		      bool lost)
{
	stats_add(lost ? &engine->stats->lost : &engine->stats->revoked, 1);
	for (size_t i = 0; i < count; i++) {
		const struct task *task =
			task_find(engine, positions[i].topic, positions[i].partition);
		if (task == NULL)
			continue;
		log_emit(LOG_INFO, stage_of(engine), lost ? "partition lost" : "partition revoked",
			 "{s:s,s:i,s:I,s:I,s:I}", "topic", task->own_topic, "partition",
			 (int)task->partition, "offset", (json_int_t)task->next, "x",
			 (json_int_t)task->committed.x, "y", (json_int_t)task->committed.y);
	}
}

void observe_revoked(struct engine *engine)
{
	observe_alive(engine);
	stats_phase_set(engine->stats, PHASE_JOINING);
	look(engine);
}

/* ---- transactions --------------------------------------------------------------------------- */

void observe_abort(struct engine *engine, const struct err *cause)
{
	struct worker_stats *stats = engine->stats;
	observe_alive(engine);
	log_emit(LOG_WARN, stage_of(engine),
		 stats_phase(stats) == PHASE_RECOVERING ? "recovery failed, trying again"
							: "transaction lost, recovering",
		 "{s:s,s:s}", "code", err_code(cause), "reason", err_text(cause));
	stats_abort_count(stats, cause);
	stats_phase_set(stats, PHASE_RECOVERING);
	if (!stats_board_try(&stats->board))
		return; /* the log has it */
	struct stats_abort *last = &stats->board.abort;
	last->wall_ms = engine->options.time->wall_ms(engine->options.time->context);
	snprintf(last->code, sizeof last->code, "%s", err_code(cause));
	snprintf(last->reason, sizeof last->reason, "%s", err_text(cause));
	stats_board_leave(&stats->board);
}

void observe_recovered(struct engine *engine)
{
	observe_alive(engine);
	stats_phase_set(engine->stats, PHASE_RUNNING);
	log_starts(engine, LOG_INFO, "partition recovered");
	look(engine);
}

void observe_commit(struct engine *engine, int64_t oldest_ns)
{
	struct worker_stats *stats = engine->stats;
	const struct time_source *time = engine->options.time;
	stats_set(&stats->committed_wall_ms, time->wall_ms(time->context));
	if (oldest_ns != 0)
		stats_time(&stats->commit_age, (engine_now_ns(engine) - oldest_ns) / 1000);
}

void observe_dead_letter(struct engine *engine, struct task *task, const struct record *record,
			 const struct err *why)
{
	struct worker_stats *stats = engine->stats;
	int64_t now_ms = engine_now_ms(engine);
	stats_add(&stats->dead_letters, 1);
	task->counts.dead_letters++;
	if (stats->dead_letter_logged_ms != 0 &&
	    now_ms - stats->dead_letter_logged_ms < DEAD_LETTER_LOG_MS) {
		stats->dead_letters_unlogged++;
		return;
	}
	log_emit(LOG_WARN, stage_of(engine), "a record goes to dlq", "{s:s,s:i,s:I,s:s,s:s,s:I}",
		 "topic", record->topic, "partition", (int)record->partition, "offset",
		 (json_int_t)record->offset, "code", err_code(why), "reason", err_text(why),
		 "unlogged_before", (json_int_t)stats->dead_letters_unlogged);
	stats->dead_letter_logged_ms = now_ms;
	stats->dead_letters_unlogged = 0;
}

void observe_closed(struct worker_stats *stats)
{
	if (stats_phase(stats) != PHASE_BROKEN)
		stats_phase_set(stats, PHASE_ENDED);
}
