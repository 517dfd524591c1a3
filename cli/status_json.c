#include "cli/status_json.h"

#include "base/check.h"
#include "runtime/log_clock.h"

static json_t *checked(json_t *value)
{
	CHECK(value != NULL); /* memory; every text here is ASCII or of our own making */
	return value;
}

static json_int_t counter(const _Atomic int64_t *value)
{
	return (json_int_t)stats_get(value);
}

/* Texts of librdkafka and brokers may hold anything. */
static json_t *text(const char *value)
{
	json_t *string = json_string(value);
	return string != NULL ? string : checked(json_string("(not UTF-8)"));
}

static json_t *partition_json(const struct status_report *report, const struct status_stage *stage,
			      const struct task_figures *task)
{
	int64_t age_ms = task->x == task->y ? 0 : report->now_ms - task->covered_ms;
	int64_t held_ms = task->held_ms == 0 ? 0 : report->now_ms - task->held_ms;
	json_t *clock = task->clock_ms == CLOCK_NONE ? json_null()
						     : json_integer((json_int_t)task->clock_ms);
	return checked(json_pack(
		"{s:s,s:i,s:b,s:I,s:I,s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:I,s:I}", "topic",
		task->input < 0 ? "" : stage->stage.inputs[task->input], "partition",
		(int)task->partition, "live", (int)task->live, "next", (json_int_t)task->next, "x",
		(json_int_t)task->x, "y", (json_int_t)task->y, "end", (json_int_t)task->end, "lag",
		(json_int_t)task->lag, "clock_ms", clock, "dirty_entries", (json_int_t)task->dirty,
		"checkpoint_age_ms", (json_int_t)age_ms, "held_ms", (json_int_t)held_ms, "records",
		(json_int_t)task->counts.records, "replayed", (json_int_t)task->counts.replayed,
		"dead_letters", (json_int_t)task->counts.dead_letters));
}

static json_t *partitions_json(const struct status_report *report, const struct status_stage *stage)
{
	json_t *list = checked(json_array());
	for (size_t i = 0; i < stage->task_count; i++)
		json_array_append_new(list, partition_json(report, stage, &stage->tasks[i]));
	return list;
}

static json_t *aborts_json(const struct worker_stats *stats)
{
	json_t *aborts = checked(json_object());
	for (size_t i = 0; i < STATS_CODES_MAX; i++) {
		const struct stats_code *slot = &stats->aborts[i];
		const char *code = atomic_load_explicit(&slot->code, memory_order_acquire);
		if (code == NULL)
			break;
		json_object_set_new(aborts, code, json_integer(counter(&slot->count)));
	}
	if (counter(&stats->aborts_other) > 0)
		json_object_set_new(aborts, "other", json_integer(counter(&stats->aborts_other)));
	return aborts;
}

static json_t *last_abort_json(const struct stats_abort *abort)
{
	if (abort->wall_ms == 0)
		return json_null();
	return checked(json_pack("{s:I,s:o,s:o}", "at_ms", (json_int_t)abort->wall_ms, "code",
				 text(abort->code), "reason", text(abort->reason)));
}

static json_t *counters_json(const struct worker_stats *stats)
{
	return checked(json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "records",
				 counter(&stats->records), "replayed", counter(&stats->replayed),
				 "dead_letters", counter(&stats->dead_letters), "timers_fired",
				 counter(&stats->fired), "effects", counter(&stats->effects),
				 "states_published", counter(&stats->published), "states_restored",
				 counter(&stats->restored), "commits", counter(&stats->commits),
				 "recoveries", counter(&stats->recoveries)));
}

static json_t *commit_json(const struct worker_stats *stats)
{
	int64_t count = 0;
	for (size_t i = 0; i <= STATS_BUCKETS; i++)
		count += stats_get(&stats->commit_age.counts[i]);
	double sum_ms = (double)stats_get(&stats->commit_age.sum_us) / 1000;
	return checked(json_pack("{s:I,s:f,s:f}", "last_ms", counter(&stats->committed_wall_ms),
				 "age_mean_ms", count > 0 ? sum_ms / (double)count : 0,
				 "age_max_ms",
				 (double)stats_get(&stats->commit_age_us_max) / 1000));
}

static json_t *stage_json(const struct status_report *report, const struct status_stage *stage)
{
	const struct worker_stats *stats = stage->stage.stats;
	json_t *cache = checked(json_pack("{s:I,s:I,s:I}", "slots", counter(&stats->cache_slots),
					  "entries", counter(&stats->cache_entries), "dirty",
					  counter(&stats->cache_dirty)));
	return checked(json_pack(
		"{s:s,s:i,s:s,s:b,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "stage", stage->stage.name,
		"worker", stage->stage.worker > 0 ? stage->stage.worker : 1, "phase",
		worker_phase_name(stage->phase), "ready", (int)stage->ready, "turn_age_ms",
		(json_int_t)stage->alive_age_ms, "lag", (json_int_t)stage->lag, "replay_distance",
		(json_int_t)stage->replay_distance, "counters", counters_json(stats), "commit",
		commit_json(stats), "cache", cache, "aborts", aborts_json(stats), "last_abort",
		last_abort_json(&stage->abort), "partitions", partitions_json(report, stage)));
}

json_t *status_json(const struct status_report *report)
{
	const struct store_memory *memory = &report->store_memory;
	json_t *stages = checked(json_array());
	for (size_t i = 0; i < report->stage_count; i++)
		json_array_append_new(stages, stage_json(report, &report->stages[i]));
	json_t *store = checked(json_pack(
		"{s:I,s:I,s:I,s:I,s:I}", "disk_bytes", (json_int_t)report->store_disk_bytes,
		"write_buffer_bytes", (json_int_t)memory->write_buffers, "block_cache_bytes",
		(json_int_t)memory->block_cache, "table_reader_bytes",
		(json_int_t)memory->table_readers, "background_errors",
		(json_int_t)memory->background_errors));
	json_t *process = checked(json_pack(
		"{s:I,s:I,s:I}", "resident_bytes", (json_int_t)report->process.resident_bytes,
		"cpu_ms", (json_int_t)(report->process.cpu_us / 1000), "started_ms",
		(json_int_t)report->process.started_wall_ms));
	return checked(json_pack("{s:s,s:s,s:I,s:b,s:b,s:o,s:o,s:o}", "app", report->app_id,
				 "instance", report->instance, "at_ms",
				 (json_int_t)report->now_wall_ms, "healthy",
				 (int)status_report_healthy(report, NULL), "ready",
				 (int)status_report_ready(report, NULL), "stages", stages, "store",
				 store, "process", process));
}
