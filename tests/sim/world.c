#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "kafka/bus_memory.h"
#include "runtime/names.h"
#include "runtime/worker.h"
#include "tests/sim/disk.h"
#include "tests/sim/fiber.h"
#include "tests/sim/plan.h"
#include "tests/sim/tally.h"

#define APP   "sim"
#define GROUP "sim.tally"

enum {
	PROCESSES_MAX = 24, /* in one run, one after the other */
	SLOTS_MAX = 3,	    /* that run side by side */
	PARTITIONS_MAX_DRAWN = 4,
	TURNS_MAX = 60000,
	CALM_MS_MAX = 30000,
	ALONE_MS = 3000,
	DRAIN_TRIES = 5,
	STORE_BYTES = 1 << 20,
	PATH_LEN = 256,
	NAME_LEN = 32,
};

/* A process, alive or ended. */
struct process {
	struct world *world;
	size_t number;
	char instance[NAME_LEN], path[PATH_LEN];
	struct fiber *fiber;
	int64_t wake_ms; /* not resumed before */
	bool killed, leaving, stopped;
	struct bus *bus; /* while it has one */
	struct worker *worker;
	struct worker_stats stats;
	struct tally_stage stage;
	struct processor processor;
	struct err *end; /* why it ended; NULL: as it was told to */
};

/* Where a process is to run: its name and its disk outlive it. */
struct slot {
	struct process *process; /* NULL: none is running */
	struct process *zombie;	 /* stopped, while another one has its name */
	unsigned names, disks;	 /* that it has had */
};

/* What a seed has decided about a run. */
struct draw {
	int32_t partition_count;
	size_t slot_count;
	bool dynamic; /* members without a name */
	int64_t commit_ms, checkpoint_ms;
	uint32_t cache_entries;
	uint32_t strike_chance; /* of a call: one in so many; 0: none */
	uint32_t trouble;	/* turns between two of the world's doings, about */
	bool compacts, retains;
};

struct world {
	struct prng prng;
	struct draw draw;
	struct registry *registry;
	const char *folder;
	FILE *trace;
	struct plan *plan;
	size_t appended; /* steps of the plan */
	struct memory_kafka *kafka;
	struct memory_chaos chaos;
	struct time_source time;
	int64_t now_ns;
	bool calm;
	struct slot slots[SLOTS_MAX];
	struct process *running; /* whose fiber has control; NULL: the world */
	size_t process_count;
	int64_t x[PARTITIONS_MAX_DRAWN], y[PARTITIONS_MAX_DRAWN]; /* committed, as last seen */
	struct world_counts *counts;
	char *failure;
};

static const char *const inputs[] = { PLAN_INPUT };

/* ---- time and chance ------------------------------------------------------------------------ */

static uint32_t below(void *context, uint32_t bound)
{
	return prng_below(&((struct world *)context)->prng, bound);
}

static bool chance(struct world *world, uint32_t one_in)
{
	return one_in > 0 && below(world, one_in) == 0;
}

static int64_t now_ms(const struct world *world)
{
	return world->now_ns / 1000000;
}

static void trace(const struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void trace(const struct world *world, const char *format, ...)
{
	if (world->trace == NULL)
		return;
	va_list args;
	va_start(args, format);
	fprintf(world->trace, "%8" PRId64 " ms  ", now_ms(world));
	vfprintf(world->trace, format, args);
	fputc('\n', world->trace);
	va_end(args);
}

static void fail(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void fail(struct world *world, const char *format, ...)
{
	size_t size = 4096;
	if (world->failure != NULL)
		return;
	world->failure = check_malloc(size);
	va_list args;
	va_start(args, format);
	vsnprintf(world->failure, size, format, args);
	va_end(args);
}

static void pass_time(struct world *world, int64_t ms)
{
	world->now_ns += ms * 1000000 + 1000;
	memory_kafka_set_time(world->kafka, now_ms(world));
}

/* Inside a process: others run until then. The dead don't wait, they fall. */
static void pause_until(void *context, int64_t until_ms)
{
	struct world *world = context;
	struct process *self = world->running;
	if (self == NULL) { /* the world itself is at work */
		if (until_ms > now_ms(world))
			pass_time(world, until_ms - now_ms(world));
		return;
	}
	self->wake_ms = until_ms;
	if (!self->killed && (until_ms > now_ms(world) || chance(world, 4)))
		fiber_pause(self->fiber);
}

static bool strikes(void *context, enum memory_call call)
{
	struct world *world = context;
	(void)call;
	return !world->calm && chance(world, world->draw.strike_chance);
}

static int64_t monotonic_ns(void *context)
{
	return ((struct world *)context)->now_ns;
}

static int64_t wall_ms(void *context)
{
	return INT64_C(1795000000000) + now_ms(context);
}

static void sleep_ms(void *context, int64_t ms)
{
	pause_until(context, now_ms(context) + ms);
}

/* ---- a process, from the inside ------------------------------------------------------------- */

static struct err *open_bus(struct process *self)
{
	const struct bus_memory_options options = {
		.group = GROUP,
		.instance = self->world->draw.dynamic ? NULL : self->instance,
		.transactional_id = self->instance,
	};
	struct err *err = NULL;
	do {
		err_free(&err);
		err = bus_memory_open_with(self->world->kafka, &options, &self->bus);
	} while (err != NULL && err_verdict(err) == ERR_RETRY);
	return err;
}

static struct err *open_worker(struct process *self, struct store *store)
{
	const struct draw *draw = &self->world->draw;
	const struct worker_options options = {
		.app_id = APP,
		.inputs = inputs,
		.input_count = 1,
		.commit_interval_ms = draw->commit_ms,
		.checkpoint_interval_ms = draw->checkpoint_ms,
		.cache_entries = draw->cache_entries,
		.time = &self->world->time,
	};
	self->processor = tally_processor(&self->stage);
	return worker_open(&options, &self->processor, self->bus, store, self->world->registry,
			   &self->stats, &self->worker);
}

/* Until it is told to leave, or can't go on. */
static struct err *work(struct process *self)
{
	struct err *err = NULL;
	while (err == NULL && !self->leaving) {
		err = worker_step(self->worker, 0);
		if (err == NULL)
			pause_until(self->world, now_ms(self->world));
	}
	return err != NULL ? err : worker_drain(self->worker);
}

static void live(void *context)
{
	struct process *self = context;
	const struct store_options options = { .memory_bytes = STORE_BYTES };
	struct store *store = NULL;
	if (self->killed) /* before its first instruction */
		return;
	struct err *err = store_open(self->path, &options, NULL, &store);
	if (err == NULL)
		err = open_bus(self);
	if (err == NULL)
		err = open_worker(self, store);
	if (err == NULL)
		err = work(self);
	self->end = err;
	struct bus *bus = self->bus;
	self->bus = self->killed ? NULL : self->bus;
	if (self->killed && self->worker != NULL)
		worker_kill(&self->worker, bus_memory_kill);
	else if (self->worker != NULL)
		worker_close(&self->worker);
	else if (self->killed)
		bus_memory_kill(&bus);
	self->bus = NULL;
	store_close(&store);
}

/* ---- a process, from the outside ------------------------------------------------------------ */

static void start(struct world *world, size_t index)
{
	struct slot *slot = &world->slots[index];
	struct process *process = check_calloc(1, sizeof *process);
	process->world = world;
	process->number = ++world->process_count;
	snprintf(process->instance, sizeof process->instance, "w%zu.%u", index, slot->names);
	snprintf(process->path, sizeof process->path, "%s/%zu.%u", world->folder, index,
		 slot->disks);
	process->fiber = fiber_new(live, process);
	slot->process = process;
	trace(world, "process %zu starts as %s on disk %zu.%u", process->number, process->instance,
	      index, slot->disks);
}

/* What no process may ever meet here: its input, its states and its positions are all in order. */
static bool is_absurd(const char *code)
{
	static const char *const codes[] = {
		"CHECKPOINT_FOREIGN", "CHECKPOINT_GONE", "STATE_FOREIGN",  "STATE_UNREADABLE",
		"CLOCK_INVALID",      "LOGIC_NEWER",	 "LOGIC_CHANGED",  "INPUT_TRUNCATED",
		"BUS_TOPIC_MISSING",  "STORE_CORRUPT",	 "TASKS_TOO_MANY", "BUS_STATE",
	};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (strcmp(code, codes[i]) == 0)
			return true;
	return false;
}

static void bury(struct world *world, struct process **out)
{
	struct process *process = *out;
	const struct worker_stats *stats = &process->stats;
	world->counts->commits += stats->commits;
	world->counts->aborts += stats->recoveries;
	world->counts->revoked += stats->revoked;
	world->counts->lost += stats->lost;
	world->counts->restored += stats->restored;
	world->counts->replayed += stats->replayed;
	trace(world, "process %zu has ended: %s", process->number,
	      process->end == NULL ? "as told" : err_text(process->end));
	if (process->end != NULL && is_absurd(err_code(process->end)))
		fail(world, "process %zu: %s: %s", process->number, err_code(process->end),
		     err_text(process->end));
	err_free(&process->end);
	fiber_free(&process->fiber);
	free(process);
	*out = NULL;
}

static void resume(struct world *world, struct process **process)
{
	world->running = *process;
	fiber_resume((*process)->fiber);
	world->running = NULL;
	if (fiber_ended((*process)->fiber))
		bury(world, process);
}

static void kill_process(struct world *world, struct process **process)
{
	trace(world, "process %zu is killed", (*process)->number);
	world->counts->kills++;
	(*process)->killed = true;
	disk_crash((*process)->path);
	if ((*process)->bus != NULL)
		bus_memory_strike_dead((*process)->bus);
	while (*process != NULL)
		resume(world, process);
}

/* SIGSTOP, and in its place another process of the same name on an empty disk. */
static void replace(struct world *world, size_t index)
{
	struct slot *slot = &world->slots[index];
	trace(world, "process %zu stands still and is replaced", slot->process->number);
	world->counts->zombies++;
	slot->zombie = slot->process;
	slot->zombie->stopped = true;
	if (slot->zombie->bus != NULL)
		bus_memory_stop(slot->zombie->bus, true);
	slot->disks++;
	start(world, index);
}

static void set_stopped(struct world *world, struct process *process, bool stopped)
{
	trace(world, "process %zu %s", process->number, stopped ? "stands still" : "goes on");
	process->stopped = stopped;
	if (process->bus != NULL)
		bus_memory_stop(process->bus, stopped);
}

static void lose_disk(struct world *world, size_t index)
{
	struct slot *slot = &world->slots[index];
	if (slot->process != NULL)
		kill_process(world, &slot->process);
	trace(world, "disk %zu.%u is lost", index, slot->disks);
	slot->disks++;
	slot->names += chance(world, 2);
}

/* ---- what the brokers do -------------------------------------------------------------------- */

static void compact(struct world *world)
{
	static const char *const compacted[] = { TALLY_STATES, TALLY_META };
	char name[NAME_LEN_MAX + 1];
	names_output(APP, compacted[below(world, 2)], name);
	int32_t partition = (int32_t)below(world, (uint32_t)world->draw.partition_count);
	int64_t end = memory_kafka_end(world->kafka, name, partition);
	int64_t until = end - (end == 0 ? 0 : below(world, (uint32_t)end));
	memory_kafka_compact(world->kafka, name, partition, until, chance(world, 2));
}

static int64_t y_of(const struct position *position)
{
	return strtoll(position->metadata + strlen("Y="), NULL, 10);
}

/* What nobody needs any more: below Y. */
static void retain(struct world *world)
{
	struct position position = { .topic = PLAN_INPUT };
	position.partition = (int32_t)below(world, (uint32_t)world->draw.partition_count);
	memory_kafka_committed(world->kafka, GROUP, &position);
	if (position.offset < 0)
		return;
	int64_t y = y_of(&position);
	struct record first;
	size_t got = memory_kafka_read(world->kafka, PLAN_INPUT, position.partition, 0, &first, 1);
	if (got == 1 && first.offset < y) {
		trace(world, "retention: partition %d begins at %" PRId64, (int)position.partition,
		      y);
		memory_kafka_trim(world->kafka, PLAN_INPUT, position.partition, y);
	}
}

/* ---- the course of a run -------------------------------------------------------------------- */

static void trouble_process(struct world *world, size_t index)
{
	struct slot *slot = &world->slots[index];
	if (slot->process == NULL)
		return;
	switch (below(world, 12)) {
	case 0:
	case 1:
	case 2:
	case 3: kill_process(world, &slot->process); break;
	case 4:
	case 5: slot->process->leaving = true; break;
	case 6: lose_disk(world, index); break;
	case 7:
		if (slot->zombie == NULL && !world->draw.dynamic)
			replace(world, index);
		break;
	case 8: slot->process->wake_ms = now_ms(world) + below(world, 1500); break;
	default: set_stopped(world, slot->process, !slot->process->stopped);
	}
}

static void trouble(struct world *world)
{
	size_t index = below(world, (uint32_t)world->draw.slot_count);
	struct slot *slot = &world->slots[index];
	switch (below(world, 8)) {
	case 0:
		if (world->draw.compacts)
			compact(world);
		break;
	case 1:
		if (world->draw.retains)
			retain(world);
		break;
	case 2:
		if (chance(world, 4))
			pass_time(world, below(world, 3000));
		break;
	case 3:
		if (slot->zombie != NULL && slot->zombie->stopped)
			set_stopped(world, slot->zombie, false);
		break;
	default: trouble_process(world, index);
	}
}

/* What is committed never falls: neither X, or it would be said again, nor Y, since what lies below
 * it may be gone. */
static void watch_positions(struct world *world)
{
	for (int32_t p = 0; p < world->draw.partition_count; p++) {
		struct position position = { .topic = PLAN_INPUT, .partition = p };
		memory_kafka_committed(world->kafka, GROUP, &position);
		if (position.offset < 0)
			continue;
		if (position.offset < world->x[p] || y_of(&position) < world->y[p])
			fail(world,
			     "partition %d: X %" PRId64 " Y %" PRId64 " after X %" PRId64
			     " Y %" PRId64,
			     (int)p, position.offset, y_of(&position), world->x[p], world->y[p]);
		world->x[p] = position.offset;
		world->y[p] = y_of(&position);
	}
}

static bool may_run(const struct world *world, const struct process *process)
{
	return process != NULL && !process->stopped && process->wake_ms <= now_ms(world);
}

/* One process, of those that may, goes on a little. */
static void turn(struct world *world)
{
	size_t index = below(world, (uint32_t)world->draw.slot_count);
	struct slot *slot = &world->slots[index];
	if (slot->process == NULL && world->process_count < PROCESSES_MAX &&
	    chance(world, world->calm ? 2 : 20))
		start(world, index);
	if (may_run(world, slot->zombie) && chance(world, 2))
		resume(world, &slot->zombie);
	else if (may_run(world, slot->process))
		resume(world, &slot->process);
	if (world->calm || chance(world, 3))
		pass_time(world, below(world, world->calm ? 6 : 3));
	watch_positions(world);
	world->counts->turns++;
}

static void rage(struct world *world)
{
	size_t steps = plan_step_count(world->plan);
	for (int64_t turns = 0; turns < TURNS_MAX && world->failure == NULL; turns++) {
		if (world->appended < steps && chance(world, 8))
			plan_append(world->plan, world->appended++, world->kafka);
		if (world->appended == steps && chance(world, 200))
			break;
		if (chance(world, world->draw.trouble))
			trouble(world);
		turn(world);
	}
}

/* Whether everything that there is has been committed, and nothing is to be replayed. */
static bool is_done(struct world *world, bool drained)
{
	for (int32_t p = 0; p < world->draw.partition_count; p++) {
		struct position position = { .topic = PLAN_INPUT, .partition = p };
		memory_kafka_committed(world->kafka, GROUP, &position);
		if (position.offset <= memory_kafka_last(world->kafka, PLAN_INPUT, p))
			return false;
		if (drained &&
		    strtoll(position.metadata + strlen("Y="), NULL, 10) != position.offset)
			return false;
	}
	return true;
}

/* Everything is mended; what is left is processed. */
static void calm_down(struct world *world)
{
	trace(world, "calm");
	world->calm = true;
	world->chaos.delay_ms_max = world->chaos.delay_ms_max < 4 ? world->chaos.delay_ms_max : 4;
	memory_kafka_set_chaos(world->kafka, &world->chaos);
	while (world->appended < plan_step_count(world->plan))
		plan_append(world->plan, world->appended++, world->kafka);
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		struct slot *slot = &world->slots[i];
		if (slot->process != NULL && slot->process->stopped)
			set_stopped(world, slot->process, false);
		if (slot->zombie != NULL && slot->zombie->stopped)
			set_stopped(world, slot->zombie, false);
	}
	world->process_count = 0;
	int64_t until_ms = now_ms(world) + CALM_MS_MAX;
	while (!is_done(world, false) && world->failure == NULL) {
		for (int i = 0; i < 20; i++)
			turn(world);
		if (now_ms(world) > until_ms)
			fail(world, "no end in sight after %d s without faults",
			     CALM_MS_MAX / 1000);
	}
}

static void stop_process(struct world *world, struct process **process)
{
	int64_t until_ms = now_ms(world) + CALM_MS_MAX;
	if (*process != NULL)
		(*process)->leaving = true;
	while (*process != NULL && now_ms(world) < until_ms) {
		if (may_run(world, *process))
			resume(world, process);
		pass_time(world, 1);
	}
	if (*process != NULL) {
		fail(world, "process %zu does not stop", (*process)->number);
		kill_process(world, process);
	}
}

/* The first line in which they differ, of each. */
static void compare(struct world *world, const char *expected, const char *actual)
{
	if (strcmp(expected, actual) == 0)
		return;
	size_t i = 0, from = 0;
	for (; expected[i] == actual[i]; i++)
		if (expected[i] == '\n')
			from = i + 1;
	trace(world, "from the first difference on, expected:\n%.500s\ngot:\n%.500s",
	      expected + from, actual + from);
	fail(world, "expected %.*s\ngot      %.*s", (int)strcspn(expected + from, "\n"),
	     expected + from, (int)strcspn(actual + from, "\n"), actual + from);
}

static void stop_all(struct world *world)
{
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		struct slot *slot = &world->slots[i];
		if (slot->zombie != NULL)
			kill_process(world, &slot->zombie);
		if (world->failure != NULL && slot->process != NULL)
			kill_process(world, &slot->process);
		stop_process(world, &slot->process);
	}
	pass_time(world, 10 * (world->chaos.delay_ms_max + 1)); /* the last markers */
}

/* A stop leaves Y = X, except where the process was none of the group's just then: another one,
 * alone, makes up for it when the sessions of the others are over. */
static void drain(struct world *world)
{
	for (int tries = 0; tries < DRAIN_TRIES; tries++) {
		if (world->failure != NULL || is_done(world, true))
			return;
		start(world, 0);
		int64_t until_ms = now_ms(world) + ALONE_MS;
		while (now_ms(world) < until_ms) {
			if (may_run(world, world->slots[0].process))
				resume(world, &world->slots[0].process);
			pass_time(world, 1);
		}
		stop_all(world);
	}
	fail(world, "all have stopped cleanly, and Y is not X");
}

static void finish(struct world *world)
{
	if (world->failure == NULL)
		calm_down(world);
	stop_all(world);
	drain(world);
	pass_time(world, ALONE_MS); /* and the transactions that the dead have left */
	pass_time(world, ALONE_MS);
	char *actual = plan_actual(world->plan, world->kafka, APP);
	compare(world, plan_expected(world->plan), actual);
	free(actual);
}

/* ---- its life ------------------------------------------------------------------------------- */

static void draw(struct world *world)
{
	static const int64_t checkpoints[] = { 0, 5, 50, 500, 1000000 };
	static const uint32_t caches[] = { 24, 56, 72, 200 };
	static const uint32_t chances[] = { 0, 300, 60, 20 };
	struct draw *draw = &world->draw;
	draw->partition_count = 1 + (int32_t)below(world, PARTITIONS_MAX_DRAWN);
	draw->slot_count = 1 + below(world, SLOTS_MAX);
	draw->dynamic = chance(world, 5);
	draw->commit_ms = below(world, 2) * below(world, 30);
	draw->checkpoint_ms = checkpoints[below(world, 5)];
	draw->cache_entries = caches[below(world, 4)];
	draw->strike_chance = chances[below(world, 4)];
	draw->trouble = chance(world, 3) ? 400 : 60;
	draw->compacts = chance(world, 2);
	draw->retains = chance(world, 2);
	trace(world,
	      "%d partitions, %zu slots%s, commit %d ms, checkpoint %d ms, cache %u, faults 1/%u",
	      (int)draw->partition_count, draw->slot_count, draw->dynamic ? " (dynamic)" : "",
	      (int)draw->commit_ms, (int)draw->checkpoint_ms, (unsigned)draw->cache_entries,
	      (unsigned)draw->strike_chance);
}

static void make_cluster(struct world *world)
{
	static const char *const outputs[] = { TALLY_SAID, TALLY_TICKS, TALLY_STATES, TALLY_META,
					       "dlq" };
	static const uint32_t delays_ms[] = { 0, 4, 12, 60 };
	const struct memory_timeouts timeouts = {
		.session_ms = 50 + below(world, 600),
		.rebalance_ms = 100 + below(world, 1500),
		.transaction_ms = 100 + below(world, 1500),
	};
	world->kafka = memory_kafka_new();
	memory_kafka_topic(world->kafka, PLAN_INPUT, world->draw.partition_count);
	for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
		char name[NAME_LEN_MAX + 1];
		names_output(APP, outputs[i], name);
		memory_kafka_topic(world->kafka, name, world->draw.partition_count);
	}
	world->chaos = (struct memory_chaos){
		.context = world,
		.below = below,
		.pause = pause_until,
		.strikes = strikes,
		.delay_ms_max = delays_ms[below(world, 4)],
		.wait_ms_max = 20 + below(world, 300),
	};
	memory_kafka_set_timeouts(world->kafka, &timeouts);
	memory_kafka_set_chaos(world->kafka, &world->chaos);
	memory_kafka_set_poll_max(world->kafka, 1 + below(world, 40));
	disk_set_chance(below, world);
}

char *world_run(uint64_t seed, struct registry *registry, const char *folder, FILE *trace_to,
		struct world_counts *counts)
{
	struct world *world = check_calloc(1, sizeof *world);
	world->prng = prng_new(seed, 1);
	world->registry = registry;
	world->folder = folder;
	world->trace = trace_to;
	world->counts = counts;
	world->now_ns = 1000000000;
	world->time = (struct time_source){ monotonic_ns, wall_ms, sleep_ms, world };
	draw(world);
	make_cluster(world);
	world->plan = plan_new(&world->prng, world->draw.partition_count, registry);
	rage(world);
	finish(world);
	plan_free(&world->plan);
	memory_kafka_free(&world->kafka);
	disk_lose_all();
	char *failure = world->failure;
	free(world);
	return failure;
}
