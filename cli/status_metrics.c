#include "cli/status_metrics.h"

#include "base/metrics.h"
#include "kafka/client.h"
#include "runtime/log_clock.h"

/* How a number is shown. */
enum unit { UNIT_COUNT, UNIT_SECONDS_MS, UNIT_SECONDS_US };

struct context {
	const struct status_report *report;
	struct metrics metrics;
};

static void put(const struct metrics *metrics, enum unit unit, int64_t value)
{
	if (unit == UNIT_SECONDS_MS)
		metrics_seconds_ms(metrics, value);
	else if (unit == UNIT_SECONDS_US)
		metrics_seconds_us(metrics, value);
	else
		metrics_count(metrics, value);
}

/* ---- one number a stage --------------------------------------------------------------------- */

/* Not a number that there is: it has no sample. */
#define ABSENT INT64_MIN

/* The worker's number only where there are several, as a rule a stage has one. */
static void label_stage(struct metrics *metrics, const struct line_stage *stage)
{
	char number[16];
	metrics_label(metrics, "stage", stage->name);
	if (stage->worker == 0)
		return;
	snprintf(number, sizeof number, "%d", stage->worker);
	metrics_label(metrics, "worker", number);
}

struct stage_family {
	const char *name, *help;
	enum metrics_type type;
	enum unit unit;
	int64_t (*value)(const struct status_report *report, const struct status_stage *stage);
};

#define STAGE_COUNTER(field)                                             \
	static int64_t stage_##field(const struct status_report *report, \
				     const struct status_stage *stage)   \
	{                                                                \
		(void)report;                                            \
		return stats_get(&stage->stage.stats->field);            \
	}

STAGE_COUNTER(records)
STAGE_COUNTER(replayed)
STAGE_COUNTER(dead_letters)
STAGE_COUNTER(fired)
STAGE_COUNTER(effects)
STAGE_COUNTER(published)
STAGE_COUNTER(restored)
STAGE_COUNTER(commits)
STAGE_COUNTER(recoveries)
STAGE_COUNTER(cache_slots)
STAGE_COUNTER(cache_entries)
STAGE_COUNTER(cache_dirty)

static int64_t stage_ready(const struct status_report *report, const struct status_stage *stage)
{
	(void)report;
	return stage->ready;
}

static int64_t stage_partitions(const struct status_report *report,
				const struct status_stage *stage)
{
	(void)report;
	return (int64_t)stage->task_count;
}

static int64_t stage_turn_age(const struct status_report *report, const struct status_stage *stage)
{
	(void)report;
	return stage->alive_age_ms < 0 ? ABSENT : stage->alive_age_ms;
}

static int64_t stage_committed(const struct status_report *report, const struct status_stage *stage)
{
	(void)report;
	int64_t wall_ms = stats_get(&stage->stage.stats->committed_wall_ms);
	return wall_ms == 0 ? ABSENT : wall_ms;
}

static int64_t stage_standby_partitions(const struct status_report *report,
					const struct status_stage *stage)
{
	(void)report;
	struct standby_figures figures;
	if (stage->stage.standby == NULL)
		return ABSENT;
	standby_look(stage->stage.standby, &figures);
	return figures.partitions;
}

static int64_t stage_standby_records(const struct status_report *report,
				     const struct status_stage *stage)
{
	(void)report;
	struct standby_figures figures;
	if (stage->stage.standby == NULL)
		return ABSENT;
	standby_look(stage->stage.standby, &figures);
	return figures.records;
}

static const struct stage_family stage_families[] = {
	{ "foretell_stage_ready", "Whether the stage has joined, recovered and replayed.",
	  METRICS_GAUGE, UNIT_COUNT, stage_ready },
	{ "foretell_stage_partitions", "Input partitions that this process owns.", METRICS_GAUGE,
	  UNIT_COUNT, stage_partitions },
	{ "foretell_stage_turn_age_seconds", "Time since the stage's worker last came round.",
	  METRICS_GAUGE, UNIT_SECONDS_MS, stage_turn_age },
	{ "foretell_records_total", "Input records processed, outputs included.", METRICS_COUNTER,
	  UNIT_COUNT, stage_records },
	{ "foretell_replayed_records_total",
	  "Input records processed again after a start or a lost transaction, outputs suppressed.",
	  METRICS_COUNTER, UNIT_COUNT, stage_replayed },
	{ "foretell_dead_letters_total", "Input records sent to dlq.", METRICS_COUNTER, UNIT_COUNT,
	  stage_dead_letters },
	{ "foretell_timers_fired_total", "Timers of states that fired.", METRICS_COUNTER,
	  UNIT_COUNT, stage_fired },
	{ "foretell_effects_total", "Records committed to output topics, states left out.",
	  METRICS_COUNTER, UNIT_COUNT, stage_effects },
	{ "foretell_states_published_total", "States committed to their compacted topics.",
	  METRICS_COUNTER, UNIT_COUNT, stage_published },
	{ "foretell_states_restored_total", "States read back from their compacted topics.",
	  METRICS_COUNTER, UNIT_COUNT, stage_restored },
	{ "foretell_commits_total", "Transactions committed.", METRICS_COUNTER, UNIT_COUNT,
	  stage_commits },
	{ "foretell_last_commit_timestamp_seconds", "When the last transaction was committed.",
	  METRICS_GAUGE, UNIT_SECONDS_MS, stage_committed },
	{ "foretell_recoveries_total", "Times that the worker began again from what is committed.",
	  METRICS_COUNTER, UNIT_COUNT, stage_recoveries },
	{ "foretell_standby_partitions",
	  "Partitions of others whose states are followed; absent without a standby.",
	  METRICS_GAUGE, UNIT_COUNT, stage_standby_partitions },
	{ "foretell_standby_records_total", "Records of their state topics that were read.",
	  METRICS_COUNTER, UNIT_COUNT, stage_standby_records },
	{ "foretell_cache_slots", "States that fit into memory.", METRICS_GAUGE, UNIT_COUNT,
	  stage_cache_slots },
	{ "foretell_cache_entries", "States in memory.", METRICS_GAUGE, UNIT_COUNT,
	  stage_cache_entries },
	{ "foretell_cache_dirty_entries", "States in memory that are not published yet.",
	  METRICS_GAUGE, UNIT_COUNT, stage_cache_dirty },
};

static void put_stages(struct context *context)
{
	for (size_t i = 0; i < sizeof stage_families / sizeof stage_families[0]; i++) {
		const struct stage_family *family = &stage_families[i];
		metrics_family(&context->metrics, family->name, family->type, family->help);
		for (size_t s = 0; s < context->report->stage_count; s++) {
			const struct status_stage *stage = &context->report->stages[s];
			int64_t value = family->value(context->report, stage);
			if (value == ABSENT)
				continue;
			metrics_labels_clear(&context->metrics);
			label_stage(&context->metrics, &stage->stage);
			put(&context->metrics, family->unit, value);
		}
	}
}

/* ---- one number a partition ----------------------------------------------------------------- */

struct task_family {
	const char *name, *help;
	enum metrics_type type;
	enum unit unit;
	int64_t (*value)(const struct status_report *report, const struct task_figures *task);
};

#define TASK_FIELD(name, expression)                                   \
	static int64_t task_##name(const struct status_report *report, \
				   const struct task_figures *task)    \
	{                                                              \
		(void)report;                                          \
		return expression;                                     \
	}

TASK_FIELD(next, task->next)
TASK_FIELD(x, task->x)
TASK_FIELD(y, task->y)
TASK_FIELD(distance, task->x > task->y ? task->x - task->y : 0)
TASK_FIELD(end, task->end < 0 ? ABSENT : task->end)
TASK_FIELD(lag, task->lag < 0 ? ABSENT : task->lag)
TASK_FIELD(live, task->live)
TASK_FIELD(dirty, task->dirty)
TASK_FIELD(covered, task->x == task->y ? 0 : report->now_ms - task->covered_ms)
TASK_FIELD(held, task->held_ms == 0 ? 0 : report->now_ms - task->held_ms)
TASK_FIELD(clock, task->clock_ms == CLOCK_NONE ? ABSENT : task->clock_ms)
TASK_FIELD(records, task->counts.records)
TASK_FIELD(replayed, task->counts.replayed)
TASK_FIELD(dead_letters, task->counts.dead_letters)

static const struct task_family task_families[] = {
	{ "foretell_partition_next_offset", "Offset of the next record to process.", METRICS_GAUGE,
	  UNIT_COUNT, task_next },
	{ "foretell_partition_committed_offset", "X: the committed position.", METRICS_GAUGE,
	  UNIT_COUNT, task_x },
	{ "foretell_partition_replay_offset", "Y: where a replay would begin.", METRICS_GAUGE,
	  UNIT_COUNT, task_y },
	{ "foretell_partition_replay_distance_offsets",
	  "X - Y: what a replay from the committed checkpoint covers.", METRICS_GAUGE, UNIT_COUNT,
	  task_distance },
	{ "foretell_partition_end_offset", "End of the log, as the last fetch told.", METRICS_GAUGE,
	  UNIT_COUNT, task_end },
	{ "foretell_partition_lag_offsets", "Offsets between the committed position and the end.",
	  METRICS_GAUGE, UNIT_COUNT, task_lag },
	{ "foretell_partition_live",
	  "0 while records are replayed with outputs suppressed, else 1.", METRICS_GAUGE,
	  UNIT_COUNT, task_live },
	{ "foretell_partition_dirty_entries", "States in memory that are not published yet.",
	  METRICS_GAUGE, UNIT_COUNT, task_dirty },
	{ "foretell_partition_checkpoint_age_seconds",
	  "How long Y has stood still behind X; 0 where they are one.", METRICS_GAUGE,
	  UNIT_SECONDS_MS, task_covered },
	{ "foretell_partition_held_seconds",
	  "How long an open transaction has hidden what comes; 0 where none does.", METRICS_GAUGE,
	  UNIT_SECONDS_MS, task_held },
	{ "foretell_partition_clock_timestamp_seconds",
	  "Event time of the log's clock; absent before its first tick.", METRICS_GAUGE,
	  UNIT_SECONDS_MS, task_clock },
	{ "foretell_partition_records_total", "Input records processed since it was assigned.",
	  METRICS_COUNTER, UNIT_COUNT, task_records },
	{ "foretell_partition_replayed_records_total",
	  "Input records processed again since it was assigned.", METRICS_COUNTER, UNIT_COUNT,
	  task_replayed },
	{ "foretell_partition_dead_letters_total",
	  "Input records sent to dlq since it was assigned.", METRICS_COUNTER, UNIT_COUNT,
	  task_dead_letters },
};

static void put_tasks_of(struct context *context, const struct task_family *family,
			 const struct status_stage *stage)
{
	for (size_t i = 0; i < stage->task_count; i++) {
		const struct task_figures *task = &stage->tasks[i];
		int64_t value = family->value(context->report, task);
		char partition[16];
		if (value == ABSENT || task->input < 0)
			continue;
		snprintf(partition, sizeof partition, "%d", (int)task->partition);
		metrics_labels_clear(&context->metrics);
		label_stage(&context->metrics, &stage->stage);
		metrics_label(&context->metrics, "topic", stage->stage.inputs[task->input]);
		metrics_label(&context->metrics, "partition", partition);
		put(&context->metrics, family->unit, value);
	}
}

static void put_tasks(struct context *context)
{
	for (size_t i = 0; i < sizeof task_families / sizeof task_families[0]; i++) {
		const struct task_family *family = &task_families[i];
		metrics_family(&context->metrics, family->name, family->type, family->help);
		for (size_t s = 0; s < context->report->stage_count; s++)
			put_tasks_of(context, family, &context->report->stages[s]);
	}
}

/* ---- what has labels of its own ------------------------------------------------------------- */

static void put_phases(struct context *context)
{
	struct metrics *metrics = &context->metrics;
	metrics_family(metrics, "foretell_stage_phase", METRICS_GAUGE,
		       "1 for what the stage's worker is at, 0 for the rest.");
	for (size_t s = 0; s < context->report->stage_count; s++) {
		for (int phase = 0; phase < PHASE_COUNT; phase++) {
			metrics_labels_clear(metrics);
			label_stage(metrics, &context->report->stages[s].stage);
			metrics_label(metrics, "phase",
				      worker_phase_name((enum worker_phase)phase));
			metrics_count(metrics, (int)context->report->stages[s].phase == phase);
		}
	}
}

static void put_sample(struct metrics *metrics, const struct line_stage *stage, const char *label,
		       const char *value, int64_t count)
{
	metrics_labels_clear(metrics);
	label_stage(metrics, stage);
	metrics_label(metrics, label, value);
	metrics_count(metrics, count);
}

static void put_aborts(struct context *context)
{
	struct metrics *metrics = &context->metrics;
	metrics_family(metrics, "foretell_aborts_total", METRICS_COUNTER,
		       "Transactions and recoveries that failed, by the error's code.");
	for (size_t s = 0; s < context->report->stage_count; s++) {
		const struct line_stage *stage = &context->report->stages[s].stage;
		for (size_t i = 0; i < STATS_CODES_MAX; i++) {
			const struct stats_code *slot = &stage->stats->aborts[i];
			const char *code = atomic_load_explicit(&slot->code, memory_order_acquire);
			if (code == NULL)
				break;
			put_sample(metrics, stage, "code", code, stats_get(&slot->count));
		}
		put_sample(metrics, stage, "code", "other", stats_get(&stage->stats->aborts_other));
	}
}

static void put_rebalances(struct context *context)
{
	struct metrics *metrics = &context->metrics;
	metrics_family(metrics, "foretell_rebalances_total", METRICS_COUNTER,
		       "Partitions given (assigned), given back (revoked) or taken away (lost).");
	for (size_t s = 0; s < context->report->stage_count; s++) {
		const struct line_stage *stage = &context->report->stages[s].stage;
		put_sample(metrics, stage, "kind", "assigned", stats_get(&stage->stats->assigned));
		put_sample(metrics, stage, "kind", "revoked", stats_get(&stage->stats->revoked));
		put_sample(metrics, stage, "kind", "lost", stats_get(&stage->stats->lost));
	}
}

static void put_commit_ages(struct context *context)
{
	struct metrics *metrics = &context->metrics;
	metrics_family(metrics, "foretell_commit_age_seconds", METRICS_HISTOGRAM,
		       "From when the oldest record of a transaction came to its commit.");
	for (size_t s = 0; s < context->report->stage_count; s++) {
		const struct line_stage *stage = &context->report->stages[s].stage;
		int64_t counts[STATS_BUCKETS + 1];
		for (size_t i = 0; i <= STATS_BUCKETS; i++)
			counts[i] = stats_get(&stage->stats->commit_age.counts[i]);
		metrics_labels_clear(metrics);
		label_stage(metrics, stage);
		metrics_histogram_us(metrics, stats_bounds_us, STATS_BUCKETS, counts,
				     stats_get(&stage->stats->commit_age.sum_us));
	}
}

/* ---- Kafka clients -------------------------------------------------------------------------- */

struct client_family {
	const char *name, *help;
	enum metrics_type type;
	enum unit unit;
	size_t offset; /* of the number in struct client_stats */
};

static const struct client_family client_families[] = {
	{ "foretell_kafka_queued_messages",
	  "Records that wait in the client: fetched, or not yet acknowledged.", METRICS_GAUGE,
	  UNIT_COUNT, offsetof(struct client_stats, queued_messages) },
	{ "foretell_kafka_queued_bytes", "The same in bytes.", METRICS_GAUGE, UNIT_COUNT,
	  offsetof(struct client_stats, queued_bytes) },
	{ "foretell_kafka_pending_requests", "Requests to brokers without an answer yet.",
	  METRICS_GAUGE, UNIT_COUNT, offsetof(struct client_stats, requests) },
	{ "foretell_kafka_connected_brokers", "Connections to brokers that are up.", METRICS_GAUGE,
	  UNIT_COUNT, offsetof(struct client_stats, connected_brokers) },
	{ "foretell_kafka_round_trip_seconds",
	  "99th percentile of the brokers' answers, of the slowest broker.", METRICS_GAUGE,
	  UNIT_SECONDS_US, offsetof(struct client_stats, rtt_us) },
	{ "foretell_kafka_sent_bytes_total", "Bytes sent to brokers.", METRICS_COUNTER, UNIT_COUNT,
	  offsetof(struct client_stats, sent_bytes) },
	{ "foretell_kafka_received_bytes_total", "Bytes received from brokers.", METRICS_COUNTER,
	  UNIT_COUNT, offsetof(struct client_stats, received_bytes) },
};

static void put_client(struct context *context, const struct client_family *family,
		       const struct line_stage *stage, const char *kind,
		       const struct client_stats *stats)
{
	if (stats_get(&stats->told_wall_ms) == 0)
		return;
	const _Atomic int64_t *number = (const void *)((const char *)stats + family->offset);
	metrics_labels_clear(&context->metrics);
	label_stage(&context->metrics, stage);
	metrics_label(&context->metrics, "client", kind);
	put(&context->metrics, family->unit, stats_get(number));
}

static void put_clients(struct context *context)
{
	for (size_t i = 0; i < sizeof client_families / sizeof client_families[0]; i++) {
		const struct client_family *family = &client_families[i];
		metrics_family(&context->metrics, family->name, family->type, family->help);
		for (size_t s = 0; s < context->report->stage_count; s++) {
			const struct line_stage *stage = &context->report->stages[s].stage;
			put_client(context, family, stage, "consumer", stage->consumer);
			put_client(context, family, stage, "producer", stage->producer);
		}
	}
}

/* ---- the process ---------------------------------------------------------------------------- */

static void put_store(struct context *context)
{
	struct metrics *metrics = &context->metrics;
	const struct store_memory *memory = &context->report->store_memory;
	metrics_family(metrics, "foretell_store_disk_bytes", METRICS_GAUGE,
		       "What the local state takes on disk.");
	metrics_count(metrics, context->report->store_disk_bytes);
	metrics_family(metrics, "foretell_store_memory_bytes", METRICS_GAUGE,
		       "What the local state takes in memory, by use.");
	metrics_label(metrics, "use", "write_buffers");
	metrics_count(metrics, memory->write_buffers);
	metrics_labels_clear(metrics);
	metrics_label(metrics, "use", "block_cache");
	metrics_count(metrics, memory->block_cache);
	metrics_labels_clear(metrics);
	metrics_label(metrics, "use", "table_readers");
	metrics_count(metrics, memory->table_readers);
	metrics_family(metrics, "foretell_store_background_errors_total", METRICS_COUNTER,
		       "Flushes and compactions of the local state that failed.");
	metrics_count(metrics, memory->background_errors);
}

static void put_process(struct context *context)
{
	struct metrics *metrics = &context->metrics;
	const struct status_process *process = &context->report->process;
	metrics_family(metrics, "process_cpu_seconds_total", METRICS_COUNTER,
		       "User and system time spent.");
	metrics_seconds_us(metrics, process->cpu_us);
	metrics_family(metrics, "process_resident_memory_bytes", METRICS_GAUGE,
		       "Memory that is in use.");
	metrics_count(metrics, process->resident_bytes);
	metrics_family(metrics, "process_virtual_memory_bytes", METRICS_GAUGE,
		       "Address space that is taken.");
	metrics_count(metrics, process->virtual_bytes);
	metrics_family(metrics, "process_open_fds", METRICS_GAUGE, "Open file descriptors.");
	metrics_count(metrics, process->open_fds);
	metrics_family(metrics, "process_start_time_seconds", METRICS_GAUGE,
		       "When the process was started.");
	metrics_seconds_ms(metrics, process->started_wall_ms);
}

static void put_identity(struct context *context)
{
	struct metrics *metrics = &context->metrics;
	metrics_family(metrics, "foretell_process_info", METRICS_GAUGE,
		       "1; who this process is, and its Kafka client's version.");
	metrics_label(metrics, "app", context->report->app_id);
	metrics_label(metrics, "instance_name", context->report->instance);
	metrics_label(metrics, "librdkafka", client_version());
	metrics_count(metrics, 1);
}

void status_metrics_write(const struct status_report *report, FILE *out)
{
	struct context context = { .report = report };
	metrics_init(&context.metrics, out);
	put_identity(&context);
	put_phases(&context);
	put_stages(&context);
	put_commit_ages(&context);
	put_aborts(&context);
	put_rebalances(&context);
	put_tasks(&context);
	put_clients(&context);
	put_store(&context);
	put_process(&context);
}
