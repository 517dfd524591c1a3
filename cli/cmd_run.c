#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/line.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/remarks.h"
#include "cli/status_http.h"
#include "cli/stop.h"
#include "cli/topic_setup.h"
#include "consumers/topics.h"
#include "kafka/admin.h"
#include "kafka/group.h"

static const struct args_flag flags[] = {
	{ "compact", NULL, NULL,
	  "rewrite the local state first: no byte of what was erased stays in its files" },
	{ "from-beginning", NULL, NULL,
	  "a new application on the old input: creates its topics, reads from the first record" },
	{ "until-end", NULL, NULL, "end when everything that is there has been processed" },
	{ "accept-logic-change", NULL, NULL,
	  "start a newer version after an unclean stop, replaying the last moments under it" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const shown_options[] = {
	"kafka.bootstrap.servers",
	"app.id",
	"inputs",
	"state.dir",
	"instance",
	"clock",
	"tick.ms",
	"commit.interval.ms",
	"checkpoint.interval.ms",
	"workers",
	"standby",
	"memory.max",
	"cache.entries",
	"series.dimensions",
	"series.file",
	"allocation.file",
	"alert.open",
	"alert.close",
	"alert.orders.min",
	"risk.open",
	"risk.close",
	"opportunity.open",
	"opportunity.close",
	"model.activate",
	"identity.accounts",
	"identity.unknown",
	"identity.wait.ms",
	"http.listen",
	NULL,
};

static const char *const examples[] = {
	"foretell run",
	"foretell run account forecast --instance worker-2",
	"foretell run --app trial --from-beginning --until-end --clock data",
	NULL,
};

static const struct args_spec spec = {
	.command = "run",
	.operands = "[STAGE...]",
	.operand_count_min = 0,
	.operand_count_max = STAGE_COUNT,
	.about = "Runs the stages resolve, identify, account, forecast, levels, gather and learn,\n"
		 "with allocation.file allocate, too (all, or those named), in one process,\n"
		 "exactly once, until SIGINT or SIGTERM. Ends cleanly: what is under way is\n"
		 "committed, and every state is published.",
	.flags = flags,
	.options = shown_options,
	.examples = examples,
};

enum { WATCH_MS = 100, REPORT_MS = 10000 };

struct totals {
	int64_t records, fired, effects, dead_letters, published, commits;
	int64_t commit_age_us_sum, commit_age_us_max;
};

struct run {
	struct args *args;
	struct options_client client;
	const char *stages[STAGE_COUNT];
	size_t stage_count;
	int32_t partition_count;
	int64_t started_ms;
	struct totals totals[STAGE_COUNT]; /* as they stood at the end */
	size_t watched;			   /* the stage whose records the bar counts */
	int64_t expected;		   /* its records, about */
	struct http_listener *listener;	   /* NULL: nobody watches */
	struct status_source source;
	struct http_server *server;
};

/* The stages asked for, in the order of the line. */
static struct err *choose_stages(struct run *run)
{
	size_t asked = args_operand_count(run->args), found = 0;
	bool allocates = *conf_string(args_conf(run->args), "allocation.file") != '\0';
	for (size_t s = 0; s < STAGE_COUNT; s++) {
		bool wanted = asked == 0 && (s != STAGE_ALLOCATE || allocates);
		for (size_t i = 0; i < asked; i++)
			wanted = wanted || strcmp(args_operand(run->args, i), stage_names[s]) == 0;
		if (wanted)
			run->stages[run->stage_count++] = stage_names[s];
		found += wanted;
	}
	if (asked > 0 && found != asked)
		return err_new(ERR_FATAL, "USAGE",
			       "the stages are resolve, identify, account, forecast, levels, "
			       "allocate, gather and learn, each named once");
	for (size_t i = 0; i < run->stage_count; i++)
		if (!allocates && strcmp(run->stages[i], stage_names[STAGE_ALLOCATE]) == 0)
			return err_new(ERR_FATAL, "USAGE",
				       "the stage allocate needs allocation.file "
				       "(docs/allocations.md)");
	return NULL;
}

static struct err *missing(const char *topic)
{
	return err_new(ERR_FATAL, "TOPIC_MISSING",
		       "the topic %s does not exist; run `foretell topics create` (with the same "
		       "--app and --brokers)",
		       topic);
}

/* Inputs must be there and agree in their partition count, which becomes everyone's. */
static struct err *look_at_inputs(struct run *run, struct admin *admin)
{
	size_t count = 0;
	const char *const *inputs = conf_list(args_conf(run->args), "inputs", &count);
	for (size_t i = 0; i < count; i++) {
		int32_t partitions = -1;
		struct err *err = admin_partition_count(admin, inputs[i], &partitions);
		if (err != NULL)
			return err;
		if (partitions < 0)
			return missing(inputs[i]);
		if (i > 0 && partitions != run->partition_count)
			return err_new(
				ERR_FATAL, "PARTITIONS_DIFFER",
				"%s has %" PRId32 " partitions, %s has %" PRId32
				": all inputs need the same number (see `foretell topics check`)",
				inputs[i], partitions, inputs[0], run->partition_count);
		run->partition_count = partitions;
	}
	return topic_setup_writers_fit(args_conf(run->args), run->partition_count);
}

static struct err *look_at_outputs(struct run *run, struct admin *admin)
{
	const char *app_id = conf_string(args_conf(run->args), "app.id");
	for (size_t i = 0; i < topics_count; i++) {
		char name[TOPIC_NAME_MAX + 1];
		int32_t partitions = -1;
		if (topics_table[i].role == TOPIC_INPUT)
			continue;
		topics_name(app_id, topics_table[i].logical, name);
		struct err *err = admin_partition_count(admin, name, &partitions);
		if (err != NULL)
			return err;
		if (partitions < 0)
			return missing(name);
		/* what all applications share is read as a whole */
		if (topics_table[i].role != TOPIC_SHARED && partitions != run->partition_count)
			return err_new(ERR_FATAL, "PARTITIONS_DIFFER",
				       "%s has %" PRId32 " partitions, the inputs have %" PRId32
				       ": keys would lie in the wrong partitions",
				       name, partitions, run->partition_count);
	}
	return NULL;
}

/* --from-beginning means an application that has not run before. */
static struct err *begin_anew(struct run *run, struct admin *admin)
{
	const struct conf *conf = args_conf(run->args);
	const char *app_id = conf_string(conf, "app.id");
	size_t input_count = 0;
	const char *const *inputs = conf_list(conf, "inputs", &input_count);
	char group[TOPIC_NAME_MAX + 1];
	snprintf(group, sizeof group, "%s.resolve", app_id);
	for (size_t i = 0; i < input_count; i++) {
		bool has = false;
		struct err *err = group_has_offsets(&run->client.options, group, inputs[i], &has);
		if (err != NULL)
			return err;
		if (has)
			return err_new(
				ERR_FATAL, "APP_EXISTS",
				"the application %s has positions already, so it can't begin "
				"anew: choose another --app, or leave --from-beginning out to "
				"let it go on",
				app_id);
	}
	return topic_setup_create(conf, admin, run->partition_count, NULL);
}

/* Offsets that a stage has still to read, of one of its topics. */
static struct err *add_lag(struct run *run, const char *stage, const char *topic)
{
	const char *app_id = conf_string(args_conf(run->args), "app.id");
	char group[TOPIC_NAME_MAX + 1];
	int64_t offsets = 0;
	snprintf(group, sizeof group, "%s.%s", app_id, stage);
	struct err *err = group_lag(&run->client.options, group, topic, &offsets);
	run->expected += offsets;
	return err;
}

/* What lies before the stages, for the bar. The account stage is the slowest and gets about one
 * record for each of the resolve stage's; the forecast stage, some seconds behind, counts only
 * where it runs alone. */
static struct err *expect(struct run *run)
{
	const struct conf *conf = args_conf(run->args);
	const char *app_id = conf_string(conf, "app.id");
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < run->stage_count; i++) {
		char topic[TOPIC_NAME_MAX + 1];
		size_t input_count = 0;
		const char *log = stage_log(run->stages[i]);
		if (log == NULL) {
			const char *const *inputs = conf_list(conf, "inputs", &input_count);
			for (size_t k = 0; err == NULL && k < input_count; k++)
				err = add_lag(run, run->stages[i], inputs[k]);
			run->watched = i;
			continue;
		}
		bool slowest = strcmp(run->stages[i], "account") == 0;
		if (!slowest && i > 0)
			continue;
		topics_name(app_id, log, topic);
		err = add_lag(run, run->stages[i], topic);
		if (slowest)
			run->watched = i;
	}
	return err;
}

static struct err *prepare(struct run *run)
{
	struct admin *admin = NULL;
	const char *listen = conf_string(args_conf(run->args), "http.listen");
	struct err *err = choose_stages(run);
	if (err == NULL && *listen != '\0')
		err = http_listen("http.listen", listen, &run->listener);
	if (err == NULL)
		err = admin_open(&run->client.options, &admin);
	if (err == NULL)
		err = look_at_inputs(run, admin);
	if (err == NULL && args_switch(run->args, "from-beginning"))
		err = begin_anew(run, admin);
	if (err == NULL)
		err = look_at_outputs(run, admin);
	if (err == NULL && args_switch(run->args, "until-end"))
		err = expect(run);
	admin_close(&admin);
	return err;
}

static void log_stage(const struct status_stage *stage)
{
	const struct worker_stats *stats = stage->stage.stats;
	log_emit(LOG_INFO, stage->stage.name, "progress",
		 "{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "phase",
		 worker_phase_name(stage->phase), "partitions", (json_int_t)stage->task_count,
		 "records", (json_int_t)stats_get(&stats->records), "replayed",
		 (json_int_t)stats_get(&stats->replayed), "dead_letters",
		 (json_int_t)stats_get(&stats->dead_letters), "fired",
		 (json_int_t)stats_get(&stats->fired), "effects",
		 (json_int_t)stats_get(&stats->effects), "commits",
		 (json_int_t)stats_get(&stats->commits), "recoveries",
		 (json_int_t)stats_get(&stats->recoveries), "lag", (json_int_t)stage->lag,
		 "replay_distance", (json_int_t)stage->replay_distance);
}

/* A line a stage, and for those who look for one partition a line each. */
static void log_stats(const struct run *run)
{
	struct status_report report;
	status_report_take(&run->source, &report);
	for (size_t i = 0; i < report.stage_count; i++) {
		const struct status_stage *stage = &report.stages[i];
		log_stage(stage);
		for (size_t k = 0; k < stage->task_count; k++) {
			const struct task_figures *task = &stage->tasks[k];
			log_emit(LOG_DEBUG, stage->stage.name, "partition",
				 "{s:s,s:i,s:I,s:I,s:I,s:I,s:b}", "topic",
				 task->input < 0 ? "" : stage->stage.inputs[task->input],
				 "partition", (int)task->partition, "offset",
				 (json_int_t)task->next, "x", (json_int_t)task->x, "y",
				 (json_int_t)task->y, "lag", (json_int_t)task->lag, "live",
				 (int)task->live);
		}
	}
	status_report_fini(&report);
}

static void add_totals(struct totals *totals, const struct worker_stats *stats)
{
	totals->records += stats_get(&stats->records);
	totals->fired += stats_get(&stats->fired);
	totals->effects += stats_get(&stats->effects);
	totals->dead_letters += stats_get(&stats->dead_letters);
	totals->published += stats_get(&stats->published);
	totals->commits += stats_get(&stats->commits);
	totals->commit_age_us_sum += stats_get(&stats->commit_age_us_sum);
	if (stats_get(&stats->commit_age_us_max) > totals->commit_age_us_max)
		totals->commit_age_us_max = stats_get(&stats->commit_age_us_max);
}

/* Of all workers of each stage. */
static void take_totals(struct line *line, struct totals totals[STAGE_COUNT])
{
	memset(totals, 0, STAGE_COUNT * sizeof *totals);
	for (size_t i = 0; i < line_seat_count(line); i++) {
		struct line_stage stage;
		line_stage(line, i, &stage);
		add_totals(&totals[stage.stage], stage.stats);
	}
}

/* The figures of a run that came to its end, for a person. */
static void print_summary(const struct run *run)
{
	double seconds = (double)(time_monotonic_ms() - run->started_ms) / 1000;
	printf("%-9s %10s %9s %8s %9s %6s %10s %8s %17s\n", "stage", "records", "records/s",
	       "timers", "outputs", "dlq", "published", "commits", "commit age, ms");
	for (size_t i = 0; i < run->stage_count; i++) {
		const struct totals *totals = &run->totals[i];
		double mean_ms = totals->commits ? (double)totals->commit_age_us_sum /
							   (double)totals->commits / 1000
						 : 0;
		printf("%-9s %10" PRId64 " %9.0f %8" PRId64 " %9" PRId64 " %6" PRId64 " %10" PRId64
		       " %8" PRId64 " %6.1f, max %5.0f\n",
		       run->stages[i], totals->records,
		       (double)totals->records / (seconds > 0 ? seconds : 1), totals->fired,
		       totals->effects, totals->dead_letters, totals->published, totals->commits,
		       mean_ms, (double)totals->commit_age_us_max / 1000);
	}
	printf("%.1f s in all; every input is processed to its end (lag 0)\n", seconds);
}

/* Why a history may have brought nothing; no run fails because this can't be told. */
static void print_remarks(const struct run *run)
{
	const struct conf *conf = args_conf(run->args);
	if (args_operand_count(run->args) > 0 || strcmp(conf_string(conf, "clock"), "data") != 0)
		return;
	struct err *err = remarks_at_end(conf, &run->client.options, stdout);
	if (err != NULL)
		printf("whether time has moved can't be told: %s\n", err_text(err));
	err_free(&err);
}

/* Where the line is; the share stays below 1 until it has ended, since the total is an estimate. */
static void show_progress(const struct run *run, struct line *line, struct progress *progress)
{
	struct totals totals[STAGE_COUNT];
	take_totals(line, totals);
	int64_t records = totals[run->watched].records;
	double share = run->expected > 0 ? (double)records / (double)run->expected : 0;
	if (share < 0.01) /* too early for a time left */
		share = 0;
	progress_update(progress, records, share < 0.99 ? share : 0.99);
}

static void watch(const struct run *run, struct line *line, struct progress *progress)
{
	int64_t reported_ms = time_monotonic_ms();
	while (line_is_running(line)) {
		const struct timespec wait = { 0, WATCH_MS * 1000000L };
		nanosleep(&wait, NULL);
		if (stop_requested())
			line_stop(line);
		if (progress != NULL)
			show_progress(run, line, progress);
		if (time_monotonic_ms() - reported_ms >= REPORT_MS) {
			log_stats(run);
			reported_ms = time_monotonic_ms();
		}
	}
}

static struct err *begin_watching(struct run *run, struct line *line)
{
	const struct conf *conf = args_conf(run->args);
	run->source = (struct status_source){ line, conf_string(conf, "app.id") };
	if (run->listener == NULL)
		return NULL;
	log_emit(LOG_INFO, "run", "serving /metrics, /health, /ready and /status", "{s:s}",
		 "address", http_listener_address(run->listener));
	return status_http_start(&run->listener, &run->source, &run->server);
}

static struct err *run_line(struct run *run)
{
	struct line *line = NULL;
	const struct line_options line_options = {
		.conf = args_conf(run->args),
		.client = &run->client.options,
		.stages = run->stages,
		.stage_count = run->stage_count,
		.partition_count = run->partition_count,
		.until_end = args_switch(run->args, "until-end"),
		.accept_logic_change = args_switch(run->args, "accept-logic-change"),
		.compact = args_switch(run->args, "compact"),
	};
	run->started_ms = time_monotonic_ms();
	struct err *err = line_start(&line_options, &line);
	if (err != NULL)
		return err;
	err = begin_watching(run, line);
	if (err != NULL)
		line_stop(line);
	struct progress *progress =
		line_options.until_end ? progress_new("run", "records", -1) : NULL;
	watch(run, line, progress);
	log_stats(run);
	http_server_stop(&run->server);
	take_totals(line, run->totals);
	struct err *ended = line_finish(&line);
	if (err == NULL)
		err = ended;
	else
		err_free(&ended);
	bool complete = err == NULL && line_options.until_end && !stop_requested();
	if (complete)
		progress_update(progress, run->totals[run->watched].records, 1);
	progress_finish(&progress);
	if (complete) {
		print_summary(run);
		print_remarks(run);
	}
	return err;
}

int cmd_run(int argc, char **argv)
{
	struct run run = { 0 };
	int code = (int)args_open(&spec, argc, argv, &run.args);
	if (run.args == NULL)
		return code;
	options_client_init(&run.client, args_conf(run.args));
	stop_outlive_readers();
	struct err *err = prepare(&run);
	if (err == NULL)
		err = run_line(&run);
	/* without --until-end a signal is how a run ends */
	if (err == NULL && args_switch(run.args, "until-end") && stop_requested())
		err = err_new(ERR_FATAL, "INTERRUPTED",
			      "interrupted before the end; what was processed is committed");
	http_listener_close(&run.listener);
	args_close(&run.args);
	return exit_report("run", &err);
}
