/* The reference job on the shipped runtime, until SIGTERM or SIGINT; then it drains and ends.
 *
 *   bench_worker topic=T [workers=N] [store_mb=N] [OPTION=VALUE...]
 *
 * OPTION is any of foretell's; what isn't given has its shipped default. Each of the N workers is a
 * thread with a bus and a worker of its own; they share the store. The last line on stdout says
 * what was done, as JSON. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/check.h"
#include "cli/exit.h"
#include "cli/identity.h"
#include "cli/options.h"
#include "cli/stop.h"
#include "kafka/bus_kafka.h"
#include "runtime/names.h"
#include "runtime/worker.h"
#include "tests/bench/job/reference.h"
#include "tests/bench/job/settings.h"

enum { WORKERS_MAX = 16, POLL_MS = 50, PATH_LEN_MAX = 4096, NAME_MAX_LEN = 512 };

struct rig;

struct seat {
	struct rig *rig;
	struct reference reference;
	struct processor processor;
	struct registry *registry;
	struct worker *worker;
	struct worker_stats stats;
	pthread_t thread;
	char instance[NAME_MAX_LEN], transactional_id[NAME_MAX_LEN];
	struct err *err;
};

struct rig {
	struct settings settings;
	struct options_client client;
	const char *app_id, *topic;
	char group[NAME_LEN_MAX + 1];
	struct store *store;
	struct seat seats[WORKERS_MAX];
	int64_t worker_count, store_mb;
	_Atomic bool stop;
};

static const char *const own_names[] = { "topic", "workers", "store_mb", NULL };

static struct err *open_store(struct rig *rig, char identity[IDENTITY_LEN + 1])
{
	char path[PATH_LEN_MAX];
	const char *folder = conf_string(rig->settings.conf, "state.dir");
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return err_new(ERR_FATAL, "STATE_DIR", "%s can't be made", folder);
	snprintf(path, sizeof path, "%s/%s.instance", folder, rig->app_id);
	struct err *err = identity_load(path, identity);
	if (err != NULL)
		return err;
	snprintf(path, sizeof path, "%s/%s", folder, rig->app_id);
	const struct store_options options = { .memory_bytes = (size_t)rig->store_mb << 20 };
	return store_open(path, &options, NULL, &rig->store);
}

static struct err *open_worker(struct seat *seat)
{
	struct rig *rig = seat->rig;
	const struct conf *conf = rig->settings.conf;
	const struct bus_kafka_options bus_options = { .client = &rig->client.options,
						       .group = rig->group,
						       .instance = seat->instance,
						       .transactional_id = seat->transactional_id };
	const struct worker_options options = {
		.app_id = rig->app_id,
		.inputs = &rig->topic,
		.input_count = 1,
		.commit_interval_ms = conf_int(conf, "commit.interval.ms"),
		.checkpoint_interval_ms = conf_int(conf, "checkpoint.interval.ms"),
		.cache_entries = (uint32_t)conf_int(conf, "cache.entries"),
		.write_aside = true,
		.time = &time_system,
	};
	struct bus *bus = NULL;
	seat->processor = reference_processor(&seat->reference);
	struct err *err = registry_open(NULL, &seat->registry);
	if (err == NULL)
		err = bus_kafka_open(&bus_options, &bus);
	if (err == NULL)
		err = worker_open(&options, &seat->processor, bus, rig->store, seat->registry,
				  &seat->stats, &seat->worker);
	return err;
}

static void *seat_main(void *argument)
{
	struct seat *seat = argument;
	struct rig *rig = seat->rig;
	struct err *err = open_worker(seat);
	while (err == NULL && !atomic_load_explicit(&rig->stop, memory_order_relaxed) &&
	       !stop_requested())
		err = worker_step(seat->worker, POLL_MS);
	if (err == NULL)
		err = worker_drain(seat->worker);
	if (seat->worker != NULL)
		worker_close(&seat->worker);
	registry_close(&seat->registry);
	seat->err = err;
	if (err != NULL)
		atomic_store(&rig->stop, true);
	return NULL;
}

static struct err *run(struct rig *rig, const char *identity)
{
	for (int64_t i = 0; i < rig->worker_count; i++) {
		struct seat *seat = &rig->seats[i];
		seat->rig = rig;
		snprintf(seat->instance, sizeof seat->instance, "%s-%" PRId64, identity, i);
		snprintf(seat->transactional_id, sizeof seat->transactional_id, "%s.%s", rig->group,
			 seat->instance);
		CHECK(pthread_create(&seat->thread, NULL, seat_main, seat) == 0);
	}
	struct err *first = NULL;
	for (int64_t i = 0; i < rig->worker_count; i++) {
		pthread_join(rig->seats[i].thread, NULL);
		if (first == NULL)
			first = rig->seats[i].err;
		else
			err_free(&rig->seats[i].err);
	}
	return first;
}

static int64_t total(const struct rig *rig, size_t counter)
{
	int64_t sum = 0;
	for (int64_t i = 0; i < rig->worker_count; i++) {
		const uint8_t *stats = (const uint8_t *)&rig->seats[i].stats;
		sum += atomic_load((const _Atomic int64_t *)(const void *)(stats + counter));
	}
	return sum;
}

static void report(const struct rig *rig)
{
	static const struct {
		const char *name;
		size_t offset;
	} counters[] = {
		{ "records", offsetof(struct worker_stats, records) },
		{ "replayed", offsetof(struct worker_stats, replayed) },
		{ "dead_letters", offsetof(struct worker_stats, dead_letters) },
		{ "effects", offsetof(struct worker_stats, effects) },
		{ "published", offsetof(struct worker_stats, published) },
		{ "commits", offsetof(struct worker_stats, commits) },
		{ "recoveries", offsetof(struct worker_stats, recoveries) },
	};
	for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
		printf("%s\"%s\": %" PRId64, i == 0 ? "{" : ", ", counters[i].name,
		       total(rig, counters[i].offset));
	printf("}\n");
}

static struct err *prepare(struct rig *rig, int argc, char **argv, char identity[IDENTITY_LEN + 1])
{
	struct err *err = settings_open(argc, argv, own_names, &rig->settings);
	if (err == NULL)
		err = settings_number(&rig->settings, "workers", 1, 1, WORKERS_MAX,
				      &rig->worker_count);
	if (err == NULL)
		err = settings_number(&rig->settings, "store_mb", 256, 1, 65536, &rig->store_mb);
	if (err != NULL)
		return err;
	options_client_init(&rig->client, rig->settings.conf);
	rig->app_id = conf_string(rig->settings.conf, "app.id");
	rig->topic = settings_text(&rig->settings, "topic", "reference.events");
	names_output(rig->app_id, "reference", rig->group);
	return open_store(rig, identity);
}

int main(int argc, char **argv)
{
	char identity[IDENTITY_LEN + 1];
	struct rig *rig = check_calloc(1, sizeof *rig);
	struct err *err = prepare(rig, argc, argv, identity);
	if (err == NULL) {
		stop_install();
		err = run(rig, identity);
		report(rig);
	}
	store_close(&rig->store);
	settings_close(&rig->settings);
	free(rig);
	return exit_report("bench_worker", &err);
}
