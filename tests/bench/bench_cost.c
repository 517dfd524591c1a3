/* The reference job on the real runtime and the bus in memory, on one thread and virtual time, so
 * that two runs do the same: for counting instructions (tests/bench/test_cost.py).
 *
 *   bench_cost events=N store=FOLDER
 *
 * N events are there from the start; it ends when all are processed and committed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "cli/exit.h"
#include "kafka/bus_memory.h"
#include "runtime/worker.h"
#include "tests/bench/job/reference.h"
#include "tests/bench/job/settings.h"
#include "tests/bench/job/stream.h"

enum {
	PARTITIONS = 4,
	ACCOUNTS = 20000, /* few enough for a short run to come to its steady state */
	STORE_BYTES = 64 << 20,
	STEP_NS = 5000000, /* of a batch: some commits in a short run */
};

#define TOPIC "reference.events"
#define APP   "cost"

struct cost {
	int64_t event_count, now_ns;
	struct memory_kafka *kafka;
	struct store *store;
	struct registry *registry;
	struct reference reference;
	struct processor processor;
	struct worker *worker;
	struct worker_stats stats;
	struct time_source time;
};

static const char *const own_names[] = { "events", "store", NULL };
static const char *const inputs[] = { TOPIC };

static int64_t monotonic_ns(void *context)
{
	return ((struct cost *)context)->now_ns;
}

static int64_t wall_ms(void *context)
{
	return STREAM_START_MS + ((struct cost *)context)->now_ns / 1000000;
}

static void sleep_ms(void *context, int64_t ms)
{
	((struct cost *)context)->now_ns += ms * 1000000;
}

static void load(struct cost *cost)
{
	struct stream stream;
	static const char *const topics[] = { TOPIC, APP "." REFERENCE_STATES,
					      APP "." REFERENCE_ALERTS, APP "." REFERENCE_META,
					      APP ".dlq" };
	cost->kafka = memory_kafka_new();
	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
		memory_kafka_topic(cost->kafka, topics[i], PARTITIONS);
	stream_init(&stream, ACCOUNTS, false);
	for (int64_t i = 0; i < cost->event_count; i++) {
		struct outgoing out = { .topic = TOPIC, .partition = -1 };
		stream_next(&stream, &out.key, &out.value);
		memory_kafka_append(cost->kafka, &out);
	}
}

static struct err *open_worker(struct cost *cost, const struct settings *settings)
{
	const struct conf *conf = settings->conf;
	const struct worker_options options = {
		.app_id = APP,
		.inputs = inputs,
		.input_count = 1,
		.commit_interval_ms = conf_int(conf, "commit.interval.ms"),
		.checkpoint_interval_ms = conf_int(conf, "checkpoint.interval.ms"),
		.cache_entries = (uint32_t)conf_int(conf, "cache.entries"),
		.time = &cost->time,
	};
	cost->time = (struct time_source){ monotonic_ns, wall_ms, sleep_ms, cost };
	cost->processor = reference_processor(&cost->reference);
	const struct store_options store = { .memory_bytes = STORE_BYTES };
	struct err *err = registry_open(NULL, &cost->registry);
	if (err == NULL)
		err = store_open(settings_text(settings, "store", "cost-store"), &store, NULL,
				 &cost->store);
	if (err != NULL)
		return err;
	struct bus *bus = bus_memory_open(cost->kafka, APP ".reference", APP);
	return worker_open(&options, &cost->processor, bus, cost->store, cost->registry,
			   &cost->stats, &cost->worker);
}

static struct err *run(struct cost *cost)
{
	struct err *err = NULL;
	bool at_end = false;
	while (err == NULL && !at_end) {
		cost->now_ns += STEP_NS;
		memory_kafka_set_time(cost->kafka, wall_ms(cost));
		err = worker_step(cost->worker, 0);
		if (err == NULL && atomic_load(&cost->stats.records) == cost->event_count)
			err = worker_at_end(cost->worker, &at_end);
	}
	return err;
}

int main(int argc, char **argv)
{
	struct cost *cost = check_calloc(1, sizeof *cost);
	struct settings settings;
	struct err *err = settings_open(argc, argv, own_names, &settings);
	if (err == NULL)
		err = settings_number(&settings, "events", 100000, 1, 10000000, &cost->event_count);
	if (err == NULL) {
		load(cost);
		err = open_worker(cost, &settings);
	}
	if (err == NULL)
		err = run(cost);
	printf("%" PRId64 " events, %" PRId64 " commits, %" PRId64 " states published\n",
	       atomic_load(&cost->stats.records), atomic_load(&cost->stats.commits),
	       atomic_load(&cost->stats.published));
	if (cost->worker != NULL)
		worker_close(&cost->worker);
	store_close(&cost->store);
	registry_close(&cost->registry);
	memory_kafka_free(&cost->kafka);
	settings_close(&settings);
	free(cost);
	return exit_report("bench_cost", &err);
}
