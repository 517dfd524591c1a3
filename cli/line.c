#include "cli/line.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/account_rules.h"
#include "cli/budget.h"
#include "cli/decisions_watch.h"
#include "cli/gate.h"
#include "cli/place.h"
#include "consumers/names.h"
#include "consumers/series_file.h"
#include "kafka/bus_kafka.h"
#include "kafka/bus_ordered.h"
#include "runtime/names.h"
#include "schemas/event_peek.h"
#include "state/cache.h"

enum {
	POLL_MS = 50,
	AHEAD_MAX = 50000, /* records of identity.events that wait while resolve goes on */
	HOLD_BACK_STEP_MS = 5,
	HOLD_BACK_MS_MAX = 2000,
	DUE_BYTES = 48, /* of a state's timer, besides its slot */
	CACHE_ENTRIES_MIN = 200,
};

/* A stage of the line, and how far its workers have come together. */
struct level {
	const char *name;
	const struct level *upstream; /* its end is this one's start of ending; NULL: none */
	size_t input_count;
	_Atomic int working;  /* workers that have not ended */
	_Atomic bool over;    /* every worker is to end: all inputs are processed */
	pthread_mutex_t lock; /* of what follows, and of `ended` of its seats */
	int64_t said;	      /* by all its workers, when all were at their ends; -1 */
	int64_t round;	      /* of looking whether all are */
};

/* One worker of a stage. */
struct seat {
	struct line *line;
	struct level *level;
	struct place *place;
	int number;    /* of the worker within its stage, from 1 */
	int64_t ended; /* partitions it owned when all of them were at their end; -1 */
	struct registry *registry;
	struct stage *stage;
	struct worker *worker;
	/* the standby's own, with its registry and stage: they are used by its thread */
	struct registry *standby_registry;
	struct stage *standby_stage;
	struct standby *standby;
	struct worker_stats stats;
	struct client_stats consumer_stats, producer_stats;
	struct gate_asker asker;       /* resolve's */
	struct gate_answerer answerer; /* identify's */
	pthread_t thread;
	bool started;
	_Atomic bool done;
	struct err *err;
	char group[NAME_LEN_MAX + 1], transactional_id[NAME_LEN_MAX + INSTANCE_LEN_MAX + 2];
};

struct line {
	struct line_options options;
	struct stage_options stage_options;
	struct decisions_watch *decisions; /* about names; NULL: nobody asks */
	struct budget budget;		   /* of memory.max */
	struct place places[STAGE_WORKERS_MAX];
	size_t worker_count; /* of each stage */
	struct level levels[STAGE_COUNT];
	struct seat seats[LINE_SEATS_MAX];
	size_t seat_count;
	struct gate gate;
	bool watched; /* somebody may ask for figures */
	_Atomic bool stop;
};

struct err *line_series(const struct conf *conf, struct series_table *series)
{
	size_t dimension_count = 0;
	const char *const *dimensions = conf_list(conf, "series.dimensions", &dimension_count);
	const char *file = conf_string(conf, "series.file");
	if (*file != '\0')
		return series_file_read(file, series);
	series_table_init(series, dimensions, dimension_count);
	return NULL;
}

static struct err *read_options(struct line *line)
{
	const struct conf *conf = line->options.conf;
	struct stage_options *options = &line->stage_options;
	options->app_id = conf_string(conf, "app.id");
	options->inputs = conf_list(conf, "inputs", &options->input_count);
	options->partition_count = line->options.partition_count;
	options->tick_ms = conf_int(conf, "tick.ms");
	options->future_ms = conf_int(conf, "late.future.ms");
	options->live = strcmp(conf_string(conf, "clock"), "live") == 0;
	options->identity_wait_ms = conf_int(conf, "identity.wait.ms");
	options->identity_unknown_to_dlq =
		strcmp(conf_string(conf, "identity.unknown"), "dlq") == 0;
	size_t scheme_count = 0;
	const char *const *schemes = conf_list(conf, "identity.accounts", &scheme_count);
	for (size_t i = 0; i < scheme_count; i++)
		options->identity_accounts |= 1u << name_scheme_find(bytes_str(schemes[i]));
	account_rules_read(conf, &options->churn, &options->risk);
	options->activate = strcmp(conf_string(conf, "model.activate"), "auto") == 0;
	struct err *err = line_series(conf, &options->series);
	const char *network = conf_string(conf, "allocation.file");
	if (err == NULL && *network != '\0')
		err = network_read(network, &options->network);
	if (err == NULL && *network != '\0')
		err = network_check(&options->network, &options->series);
	return err;
}

static bool follows(const struct line *line)
{
	return strcmp(conf_string(line->options.conf, "standby"), "all") == 0;
}

/* A standby's client takes half of what may be fetched. */
static size_t fetch_bytes(const struct line *line)
{
	return line->budget.fetch_bytes / (follows(line) ? 2 : 1);
}

static struct err *open_standby(struct seat *seat)
{
	const struct line *line = seat->line;
	if (!follows(line))
		return NULL;
	struct err *err = registry_open(conf_string(line->options.conf, "registry.url"),
					&seat->standby_registry);
	if (err != NULL)
		return err;
	seat->standby_stage =
		stage_new(seat->level->name, &line->stage_options, seat->standby_registry);
	struct standby_options options = {
		.app_id = line->stage_options.app_id,
		.processor = stage_processor(seat->standby_stage),
		.partition_count = line->options.partition_count,
		.store = seat->place->store,
		.time = &time_system,
	};
	options.inputs = stage_inputs(seat->standby_stage, &options.input_count);
	err = log_tail_open(line->options.client, fetch_bytes(line), &options.tail);
	if (err != NULL)
		return err;
	seat->standby = standby_new(&options);
	standby_start(seat->standby);
	return NULL;
}

static void close_standby(struct seat *seat)
{
	standby_close(&seat->standby);
	if (seat->standby_stage != NULL)
		stage_free(&seat->standby_stage);
	registry_close(&seat->standby_registry);
}

static bool is_identify(const struct seat *seat)
{
	return strcmp(seat->level->name, stage_names[STAGE_IDENTIFY]) == 0;
}

/* An identify worker answers: it has read its log to the end, and has said all that follows. */
static struct err *answer(struct seat *seat)
{
	int64_t question = gate_question(&seat->line->gate, &seat->answerer), partitions = -1;
	if (question == 0)
		return NULL;
	struct err *err = worker_share_at_end(seat->worker, &partitions);
	if (err == NULL && partitions >= 0)
		gate_answer(&seat->answerer, question);
	return err;
}

/* A history goes on stretch by stretch: an event that comes before its names have found each other
 * waits, or makes up an account of its own, and what was learnt of that is lost. */
static bool may_pass(void *context, int64_t time_ms)
{
	struct seat *seat = context;
	struct line *line = seat->line;
	const struct gate_answerer *answerers[STAGE_WORKERS_MAX];
	struct gate_view view = { .answerers = answerers,
				  .now_ms = time_monotonic_ms(),
				  .is_settled = worker_is_settled(seat->worker) };
	for (size_t i = 0; i < line->seat_count; i++)
		if (is_identify(&line->seats[i]))
			answerers[view.answerer_count++] = &line->seats[i].answerer;
	return gate_may_pass(&line->gate, &seat->asker, &view, time_ms);
}

/* Of several inputs, the one that is read fastest must not run years ahead of the others. */
static bool is_ordered(const struct seat *seat)
{
	return strcmp(seat->level->name, stage_names[STAGE_RESOLVE]) == 0 &&
	       seat->level->input_count > 1;
}

static struct bus *in_order(struct seat *seat, struct bus *bus)
{
	const struct line_options *line = &seat->line->options;
	bool identifies = false;
	for (size_t i = 0; i < line->stage_count; i++)
		identifies |= strcmp(line->stages[i], stage_names[STAGE_IDENTIFY]) == 0;
	const struct bus_ordered_options options = {
		.time_of = event_peek_ms,
		.may_pass = identifies ? may_pass : NULL,
		.context = seat,
		.bytes_max = fetch_bytes(seat->line) / 2,
		.time = &time_system,
	};
	return bus_ordered_new(&options, bus);
}

static struct err *open_bus(struct seat *seat, struct bus **bus)
{
	const struct line *line = seat->line;
	names_output(line->stage_options.app_id, seat->level->name, seat->group);
	snprintf(seat->transactional_id, sizeof seat->transactional_id, "%s.%s.%s",
		 line->stage_options.app_id, seat->level->name, seat->place->instance);
	const struct bus_kafka_options options = {
		.client = line->options.client,
		.group = seat->group,
		.instance = seat->place->instance,
		.transactional_id = seat->transactional_id,
		.fetch_bytes = fetch_bytes(line) / (is_ordered(seat) ? 2 : 1),
		.producer_bytes = line->budget.producer_bytes,
		.consumer_stats = line->watched ? &seat->consumer_stats : NULL,
		.producer_stats = line->watched ? &seat->producer_stats : NULL,
	};
	struct err *err = bus_kafka_open(&options, bus);
	if (err == NULL && is_ordered(seat))
		*bus = in_order(seat, *bus);
	return err;
}

/* As many as asked for, as far as the budget goes. */
static uint32_t cache_entries(const struct line *line, const struct processor *processor)
{
	size_t entry_bytes = cache_slot_bytes(processor_slot_size(processor)) + DUE_BYTES;
	int64_t room = (int64_t)(line->budget.cache_bytes / entry_bytes);
	int64_t asked = conf_int(line->options.conf, "cache.entries");
	int64_t entries = asked < room ? asked : room;
	return (uint32_t)(entries < CACHE_ENTRIES_MIN ? CACHE_ENTRIES_MIN : entries);
}

static struct err *open_worker(struct seat *seat)
{
	const struct line *line = seat->line;
	const struct conf *conf = line->options.conf;
	const struct processor *processor = stage_processor(seat->stage);
	struct worker_options options = {
		.app_id = line->stage_options.app_id,
		.partition_count = line->options.partition_count,
		.commit_interval_ms = conf_int(conf, "commit.interval.ms"),
		.checkpoint_interval_ms = stage_publishes_always(seat->stage)
						  ? 0
						  : conf_int(conf, "checkpoint.interval.ms"),
		.idle_ms = line->stage_options.live ? conf_int(conf, "idle.ms") : 0,
		.cache_entries =
			stage_cache_limit(seat->stage, cache_entries(seat->line, processor)),
		.output_bytes = line->budget.output_bytes,
		.publish_bytes = line->budget.publish_bytes,
		.accept_logic_change = line->options.accept_logic_change,
		.write_aside = true,
		.time = &time_system,
		.standby = seat->standby,
	};
	options.inputs = stage_inputs(seat->stage, &options.input_count);
	struct bus *bus = NULL;
	struct err *err = open_bus(seat, &bus);
	if (err != NULL)
		return err;
	return worker_open(&options, processor, bus, seat->place->store, seat->registry,
			   &seat->stats, &seat->worker);
}

/* Of the line's partitions of this stage, how many were at their end when their owners looked in
 * this round. */
static int64_t ended_partitions(const struct line *line, const struct level *level)
{
	int64_t sum = 0;
	for (size_t i = 0; i < line->seat_count; i++)
		if (line->seats[i].level == level && line->seats[i].ended > 0)
			sum += line->seats[i].ended;
	return sum;
}

static int64_t said_by(const struct line *line, const struct level *level)
{
	int64_t sum = 0;
	for (size_t i = 0; i < line->seat_count; i++)
		if (line->seats[i].level == level)
			sum += atomic_load(&line->seats[i].stats.effects);
	return sum;
}

/* A stage may write into the log that it reads: a worker that was at its end may have got more from
 * another one since. All are at their ends when they were so twice, and nothing was said between.
 */
static void look_again(struct line *line, struct level *level)
{
	level->round++;
	for (size_t i = 0; i < line->seat_count; i++)
		if (line->seats[i].level == level)
			line->seats[i].ended = -1;
}

static int64_t round_begin(struct level *level)
{
	pthread_mutex_lock(&level->lock);
	int64_t round = level->round;
	pthread_mutex_unlock(&level->lock);
	return round;
}

/* What a seat saw since the round began; of an earlier round it tells nothing. */
static bool round_note(struct seat *seat, int64_t round, int64_t ended)
{
	struct level *level = seat->level;
	struct line *line = seat->line;
	bool over = false;
	pthread_mutex_lock(&level->lock);
	if (round == level->round)
		seat->ended = ended;
	if (ended_partitions(line, level) ==
	    (int64_t)level->input_count * line->options.partition_count) {
		int64_t said = said_by(line, level);
		over = line->worker_count == 1 || level->said == said;
		level->said = said;
		look_again(line, level);
	}
	pthread_mutex_unlock(&level->lock);
	return over;
}

/* Whether a run that ends with its input is over for this stage. */
static struct err *is_over(struct seat *seat, bool *over)
{
	struct level *level = seat->level;
	const struct line *line = seat->line;
	*over = atomic_load(&level->over);
	if (*over || !line->options.until_end ||
	    (level->upstream != NULL && atomic_load(&level->upstream->working) > 0))
		return NULL;
	int64_t ended = -1, round = round_begin(level);
	struct err *err = worker_share_at_end(seat->worker, &ended);
	if (err != NULL)
		return err;
	*over = round_note(seat, round, ended);
	if (*over)
		atomic_store(&level->over, true);
	return NULL;
}

/* Whether the stage that names find their accounts in is far behind: what it says to itself stands
 * behind everything that is in its log already, and all events of a new name wait so long. Holding
 * resolve back keeps that way short, also when years are loaded at once. */
static bool is_ahead(struct line *line, struct task_figures *figures)
{
	int64_t lag = 0;
	for (size_t i = 0; i < line->seat_count; i++) {
		struct seat *seat = &line->seats[i];
		if (!is_identify(seat))
			continue;
		size_t count = stats_tasks(&seat->stats, figures);
		for (size_t k = 0; k < count; k++)
			lag += figures[k].lag > 0 ? figures[k].lag : 0;
	}
	return lag > AHEAD_MAX;
}

/* The group must hear of a worker now and then, so it is held back for a moment at a time. */
static void hold_back(struct seat *seat, struct task_figures *figures)
{
	if (figures == NULL)
		return;
	for (int ms = 0; ms < HOLD_BACK_MS_MAX && !atomic_load(&seat->line->stop) &&
			 is_ahead(seat->line, figures);
	     ms += HOLD_BACK_STEP_MS)
		time_system.sleep_ms(time_system.context, HOLD_BACK_STEP_MS);
}

static struct err *run_worker(struct seat *seat)
{
	struct err *err = NULL;
	bool over = false;
	int64_t looked_ms = 0;
	bool resolves = strcmp(seat->level->name, stage_names[STAGE_RESOLVE]) == 0;
	struct task_figures *figures = resolves ? check_calloc(TASKS_MAX, sizeof *figures) : NULL;
	while (err == NULL && !over && !atomic_load(&seat->line->stop)) {
		hold_back(seat, figures);
		err = worker_step(seat->worker, POLL_MS);
		if (err == NULL && is_identify(seat))
			err = answer(seat);
		if (err == NULL && time_monotonic_ms() - looked_ms >= POLL_MS) {
			err = is_over(seat, &over);
			looked_ms = time_monotonic_ms();
		}
	}
	free(figures);
	struct err *drain = err == NULL ? worker_drain(seat->worker) : NULL;
	return err != NULL ? err : drain;
}

static void *seat_main(void *argument)
{
	struct seat *seat = argument;
	seat->err = open_worker(seat);
	if (seat->err == NULL)
		seat->err = run_worker(seat);
	if (seat->worker != NULL)
		worker_close(&seat->worker);
	if (seat->err != NULL) {
		log_emit(LOG_ERROR, seat->level->name, "stage ended by an error", "{s:s,s:s}",
			 "code", err_code(seat->err), "reason", err_text(seat->err));
		atomic_store(&seat->line->stop, true);
	}
	atomic_store(&seat->done, true);
	atomic_fetch_sub(&seat->level->working, 1);
	return NULL;
}

static struct err *make_seat(struct line *line, struct level *level, int number)
{
	struct seat *seat = &line->seats[line->seat_count];
	seat->line = line;
	seat->level = level;
	seat->number = number;
	seat->place = &line->places[number - 1];
	seat->ended = -1;
	seat->answerer.effects = &seat->stats.effects;
	struct err *err =
		registry_open(conf_string(line->options.conf, "registry.url"), &seat->registry);
	if (err != NULL)
		return err;
	seat->stage = stage_new(level->name, &line->stage_options, seat->registry);
	(void)stage_inputs(seat->stage, &level->input_count);
	if (line->seat_count == 0)
		log_emit(LOG_INFO, "run", "schema registry", "{s:s}", "registry",
			 registry_describe(seat->registry));
	line->seat_count++;
	return open_standby(seat);
}

static struct err *start_seat(struct seat *seat)
{
	if (pthread_create(&seat->thread, NULL, seat_main, seat) != 0)
		return err_new(ERR_FATAL, "THREAD", "a thread for %s can't be started",
			       seat->level->name);
	seat->started = true;
	return NULL;
}

static struct err *share_memory(struct line *line)
{
	size_t count = line->options.stage_count * line->worker_count;
	int64_t bytes = conf_int(line->options.conf, "memory.max");
	int64_t least = budget_least(count);
	if (bytes < least)
		return err_new(ERR_FATAL, "CONF_INVALID",
			       "memory.max must be at least %lldM for %zu workers in all (the "
			       "stages' together)",
			       (long long)(least >> 20), count);
	budget_share(bytes, count, &line->budget);
	return NULL;
}

static struct err *open_places(struct line *line)
{
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < line->worker_count; i++)
		err = place_open(line->options.conf, (int)i + 1,
				 line->budget.store_bytes / line->worker_count, &line->places[i]);
	for (size_t i = 0; err == NULL && line->options.compact && i < line->worker_count; i++)
		store_compact(line->places[i].store);
	return err;
}

/* Only resolve asks. */
static struct err *open_decisions(struct line *line)
{
	bool resolves = false;
	for (size_t i = 0; i < line->options.stage_count; i++)
		resolves |= strcmp(line->options.stages[i], stage_names[STAGE_RESOLVE]) == 0;
	if (!resolves)
		return NULL;
	struct err *err = decisions_watch_open(line->options.client, &line->decisions);
	line->stage_options.decisions = decisions_watch_known(line->decisions);
	return err == NULL ? decisions_watch_start(line->decisions, &line->stop) : err;
}

static struct err *start_levels(struct line *line)
{
	struct err *err = NULL;
	for (size_t i = 0; i < line->options.stage_count; i++) {
		struct level *level = &line->levels[i];
		level->name = line->options.stages[i];
		level->upstream = i > 0 ? &line->levels[i - 1] : NULL;
		level->said = -1;
		atomic_store(&level->working, (int)line->worker_count);
	}
	for (size_t i = 0; err == NULL && i < line->options.stage_count; i++)
		for (size_t k = 0; err == NULL && k < line->worker_count; k++)
			err = make_seat(line, &line->levels[i], (int)k + 1);
	/* from here on threads read what was made */
	for (size_t i = 0; err == NULL && i < line->seat_count; i++)
		err = start_seat(&line->seats[i]);
	return err;
}

struct err *line_start(const struct line_options *options, struct line **out)
{
	struct line *line = check_calloc(1, sizeof *line);
	line->options = *options;
	*out = line;
	for (size_t i = 0; i < STAGE_COUNT; i++)
		pthread_mutex_init(&line->levels[i].lock, NULL);
	struct err *err = read_options(line);
	if (err == NULL)
		err = open_decisions(line);
	line->worker_count = (size_t)conf_int(options->conf, "workers");
	line->watched = *conf_string(options->conf, "http.listen") != '\0';
	if (err == NULL)
		err = share_memory(line);
	if (err == NULL)
		err = open_places(line);
	if (err == NULL)
		err = start_levels(line);
	if (err == NULL)
		return NULL;
	line_stop(line);
	struct err *other = line_finish(out);
	err_free(&other);
	return err;
}

void line_stop(struct line *line)
{
	atomic_store(&line->stop, true);
}

bool line_is_running(const struct line *line)
{
	for (size_t i = 0; i < line->seat_count; i++)
		if (!atomic_load(&line->seats[i].done))
			return true;
	return false;
}

size_t line_seat_count(const struct line *line)
{
	return line->seat_count;
}

void line_stage(struct line *line, size_t index, struct line_stage *out)
{
	struct seat *seat = &line->seats[index];
	*out = (struct line_stage){ .name = seat->level->name,
				    .stage = (size_t)(seat->level - line->levels),
				    .worker = line->worker_count > 1 ? seat->number : 0,
				    .stats = &seat->stats,
				    .standby = seat->standby,
				    .consumer = &seat->consumer_stats,
				    .producer = &seat->producer_stats };
	out->inputs = stage_inputs(seat->stage, &out->input_count);
}

size_t line_worker_count(const struct line *line)
{
	return line->worker_count;
}

struct store *line_store(struct line *line, size_t worker, const char **path)
{
	*path = line->places[worker].path;
	return line->places[worker].store;
}

const char *line_instance(const struct line *line)
{
	return line->places[0].instance;
}

struct err *line_finish(struct line **out)
{
	struct line *line = *out;
	struct err *first = NULL;
	for (size_t i = 0; i < line->seat_count; i++) {
		struct seat *seat = &line->seats[i];
		if (seat->started)
			pthread_join(seat->thread, NULL);
		if (first == NULL)
			first = seat->err;
		else
			err_free(&seat->err);
		close_standby(seat);
		stage_free(&seat->stage);
		registry_close(&seat->registry);
	}
	struct err *watching = decisions_watch_close(&line->decisions);
	if (first == NULL)
		first = watching;
	else
		err_free(&watching);
	for (size_t i = 0; i < STAGE_WORKERS_MAX; i++)
		place_close(&line->places[i]);
	for (size_t i = 0; i < STAGE_COUNT; i++)
		pthread_mutex_destroy(&line->levels[i].lock);
	free(line);
	*out = NULL;
	return first;
}
