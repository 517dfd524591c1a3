#include "tests/sim/clean.h"

#include <stdio.h>

#include "base/check.h"
#include "runtime/worker.h"

enum { STORE_BYTES = 1 << 20, PATH_LEN = 256, STEPS_MAX = 100000, CACHE_ENTRIES = 2000 };

struct clean {
	struct memory_kafka *kafka;
	int64_t now_ns;
};

static int64_t monotonic_ns(void *context)
{
	return ((struct clean *)context)->now_ns;
}

static int64_t wall_ms(void *context)
{
	return INT64_C(1795000000000) + monotonic_ns(context) / 1000000;
}

static void sleep_ms(void *context, int64_t ms)
{
	struct clean *clean = context;
	clean->now_ns += ms * 1000000;
	memory_kafka_set_time(clean->kafka, clean->now_ns / 1000000);
}

static void must(struct err *err)
{
	if (err != NULL)
		fprintf(stderr, "%s: %s\n", err_code(err), err_text(err));
	CHECK(err == NULL);
}

static void run_to_the_end(struct worker *worker, struct clean *clean)
{
	bool at_end = false;
	for (int steps = 0; !at_end; steps++) {
		CHECK(steps < STEPS_MAX);
		must(worker_step(worker, 0));
		sleep_ms(clean, 1);
		must(worker_at_end(worker, &at_end));
	}
	must(worker_drain(worker));
}

void clean_pass(const struct subject *subject, struct memory_kafka *kafka, int32_t partition_count,
		struct registry *registry, const char *folder)
{
	struct clean clean = { kafka, 1000000000 };
	const struct time_source time = { monotonic_ns, wall_ms, sleep_ms, &clean };
	const char *const inputs[] = { subject->input };
	const struct store_options store_options = { .memory_bytes = STORE_BYTES };
	const struct worker_options options = { .app_id = SIM_APP,
						.inputs = inputs,
						.input_count = 1,
						.partition_count = partition_count,
						.cache_entries = CACHE_ENTRIES,
						.time = &time };
	struct worker_stats stats = { 0 };
	struct worker *worker = NULL;
	struct store *store = NULL;
	char path[PATH_LEN];
	snprintf(path, sizeof path, "%s/clean", folder);
	must(store_open(path, &store_options, NULL, &store));
	struct actor *actor = actor_new(subject, 1, partition_count, registry);
	must(worker_open(&options, actor_processor(actor),
			 bus_memory_open(kafka, subject->group, "clean"), store, registry, &stats,
			 &worker));
	run_to_the_end(worker, &clean);
	worker_close(&worker);
	actor_free(&actor);
	store_close(&store);
}
