#include "cli/line.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/budget.h"
#include "cli/identity.h"
#include "kafka/bus_kafka.h"
#include "runtime/names.h"
#include "state/cache.h"

enum {
	POLL_MS = 50,
	PATH_LEN_MAX = 4096,
	INSTANCE_LEN_MAX = 128,
	DUE_BYTES = 48,	/* of a state's timer, besides its slot */
	CACHE_ENTRIES_MIN = 200,
};

struct seat {
	struct line *line;
	const char *name;
	const struct seat *upstream; /* its end is this one's start of ending; NULL: none */
	struct registry *registry;
	struct stage *stage;
	struct worker *worker;
	struct worker_stats stats;
	struct client_stats consumer_stats, producer_stats;
	pthread_t thread;
	bool started;
	_Atomic bool done;
	struct err *err;
	char group[NAME_LEN_MAX + 1], transactional_id[NAME_LEN_MAX + INSTANCE_LEN_MAX + 2];
};

struct line {
	struct line_options options;
	struct stage_options stage_options;
	struct budget budget; /* of memory.max */
	struct store *store;
	char instance[INSTANCE_LEN_MAX + 1]; /* who this process is to Kafka */
	struct seat seats[STAGE_COUNT];
	size_t seat_count;
	bool watched; /* somebody may ask for figures */
	_Atomic bool stop;
};

static struct err *make_folder(const char *path)
{
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return NULL;
	return err_new(ERR_FATAL, "STATE_DIR", "the state folder %s can't be made: %s", path,
		       strerror(errno));
}

static struct err *open_store(struct line *line)
{
	char path[PATH_LEN_MAX];
	const char *folder = conf_string(line->options.conf, "state.dir");
	struct err *err = make_folder(folder);
	if (err != NULL)
		return err;
	snprintf(path, sizeof path, "%s/%s", folder, line->stage_options.app_id);
	struct store_opened opened;
	const struct store_options store = { .memory_bytes = line->budget.store_bytes,
					     .room_bytes = line->budget.store_bytes };
	err = store_open(path, &store, &opened, &line->store);
	if (err == NULL && opened.damaged)
		log_emit(LOG_WARN, "run", "the state folder was damaged, it is rebuilt from Kafka",
			 "{s:s,s:s}", "folder", path, "reason", opened.reason);
	return err;
}

/* The configured name, else the one in the file beside the store. */
static struct err *find_instance(struct line *line)
{
	const char *configured = conf_string(line->options.conf, "instance");
	char path[PATH_LEN_MAX];
	if (*configured != '\0') {
		snprintf(line->instance, sizeof line->instance, "%s", configured);
		return NULL;
	}
	snprintf(path, sizeof path, "%s/%s.instance", conf_string(line->options.conf, "state.dir"),
		 line->stage_options.app_id);
	return identity_load(path, line->instance);
}

static void read_options(struct line *line)
{
	const struct conf *conf = line->options.conf;
	struct stage_options *options = &line->stage_options;
	size_t dimension_count = 0;
	const char *const *dimensions = conf_list(conf, "series.dimensions", &dimension_count);
	options->app_id = conf_string(conf, "app.id");
	options->inputs = conf_list(conf, "inputs", &options->input_count);
	options->partition_count = line->options.partition_count;
	options->tick_ms = conf_int(conf, "tick.ms");
	options->future_ms = conf_int(conf, "late.future.ms");
	options->live = strcmp(conf_string(conf, "clock"), "live") == 0;
	options->churn = (struct churn_options){ conf_double(conf, "alert.open"),
						 conf_double(conf, "alert.close"),
						 conf_int(conf, "alert.orders.min") };
	series_table_init(&options->series, dimensions, dimension_count);
}

static struct err *open_bus(struct seat *seat, struct bus **bus)
{
	const struct line *line = seat->line;
	names_output(line->stage_options.app_id, seat->name, seat->group);
	snprintf(seat->transactional_id, sizeof seat->transactional_id, "%s.%s.%s",
		 line->stage_options.app_id, seat->name, line->instance);
	const struct bus_kafka_options options = {
		.client = line->options.client,
		.group = seat->group,
		.instance = line->instance,
		.transactional_id = seat->transactional_id,
		.fetch_bytes = line->budget.fetch_bytes,
		.producer_bytes = line->budget.producer_bytes,
		.consumer_stats = line->watched ? &seat->consumer_stats : NULL,
		.producer_stats = line->watched ? &seat->producer_stats : NULL,
	};
	return bus_kafka_open(&options, bus);
}

/* As many as asked for, as far as the budget goes. */
static uint32_t cache_entries(const struct line *line, const struct processor *processor)
{
	size_t state_max = 0;
	for (size_t i = 0; i < processor->kind_count; i++)
		if (processor->kinds[i].state_size > state_max)
			state_max = processor->kinds[i].state_size;
	int64_t room =
		(int64_t)(line->budget.cache_bytes / (cache_slot_bytes(state_max) + DUE_BYTES));
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
		.cache_entries = cache_entries(seat->line, processor),
		.output_bytes = line->budget.output_bytes,
		.publish_bytes = line->budget.publish_bytes,
		.accept_logic_change = line->options.accept_logic_change,
		.time = &time_system,
	};
	options.inputs = stage_inputs(seat->stage, &options.input_count);
	struct bus *bus = NULL;
	struct err *err = open_bus(seat, &bus);
	if (err != NULL)
		return err;
	return worker_open(&options, processor, bus, line->store, seat->registry, &seat->stats,
			   &seat->worker);
}

/* Whether a run that ends with its input is over for this stage. */
static struct err *is_over(const struct seat *seat, bool *over)
{
	*over = false;
	if (!seat->line->options.until_end ||
	    (seat->upstream != NULL && !atomic_load(&seat->upstream->done)))
		return NULL;
	return worker_at_end(seat->worker, over);
}

static struct err *run_worker(struct seat *seat)
{
	struct err *err = NULL;
	bool over = false;
	int64_t looked_ms = 0;
	while (err == NULL && !over && !atomic_load(&seat->line->stop)) {
		err = worker_step(seat->worker, POLL_MS);
		if (err == NULL && time_monotonic_ms() - looked_ms >= POLL_MS) {
			err = is_over(seat, &over);
			looked_ms = time_monotonic_ms();
		}
	}
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
		log_emit(LOG_ERROR, seat->name, "stage ended by an error", "{s:s,s:s}", "code",
			 err_code(seat->err), "reason", err_text(seat->err));
		atomic_store(&seat->line->stop, true);
	}
	atomic_store(&seat->done, true);
	return NULL;
}

static struct err *start_seat(struct line *line, const char *name)
{
	struct seat *seat = &line->seats[line->seat_count];
	seat->line = line;
	seat->name = name;
	seat->upstream = line->seat_count > 0 ? &line->seats[line->seat_count - 1] : NULL;
	struct err *err =
		registry_open(conf_string(line->options.conf, "registry.url"), &seat->registry);
	if (err != NULL)
		return err;
	seat->stage = stage_new(name, &line->stage_options, seat->registry);
	if (line->seat_count == 0)
		log_emit(LOG_INFO, "run", "schema registry", "{s:s}", "registry",
			 registry_describe(seat->registry));
	line->seat_count++;
	if (pthread_create(&seat->thread, NULL, seat_main, seat) != 0)
		return err_new(ERR_FATAL, "THREAD", "a thread for %s can't be started", name);
	seat->started = true;
	return NULL;
}

struct err *line_start(const struct line_options *options, struct line **out)
{
	struct line *line = check_calloc(1, sizeof *line);
	line->options = *options;
	*out = line;
	read_options(line);
	budget_share(conf_int(options->conf, "memory.max"), options->stage_count, &line->budget);
	line->watched = *conf_string(options->conf, "http.listen") != '\0';
	struct err *err = open_store(line);
	if (err == NULL)
		err = find_instance(line);
	for (size_t i = 0; err == NULL && i < options->stage_count; i++)
		err = start_seat(line, options->stages[i]);
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

struct worker_stats *line_stats(struct line *line, size_t stage)
{
	return &line->seats[stage].stats;
}

size_t line_stage_count(const struct line *line)
{
	return line->seat_count;
}

void line_stage(struct line *line, size_t stage, struct line_stage *out)
{
	struct seat *seat = &line->seats[stage];
	*out = (struct line_stage){ .name = seat->name,
				    .stats = &seat->stats,
				    .consumer = &seat->consumer_stats,
				    .producer = &seat->producer_stats };
	out->inputs = stage_inputs(seat->stage, &out->input_count);
}

struct store *line_store(struct line *line)
{
	return line->store;
}

const char *line_instance(const struct line *line)
{
	return line->instance;
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
		stage_free(&seat->stage);
		registry_close(&seat->registry);
	}
	store_close(&line->store);
	free(line);
	*out = NULL;
	return first;
}
