#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "kafka/bus_memory.h"
#include "kafka/memory_tail.h"
#include "runtime/names.h"
#include "runtime/worker.h"
#include "tests/sim/disk.h"
#include "tests/sim/fiber.h"
#include "tests/sim/plan.h"

enum {
	PROCESSES_MAX = 24, /* in one act, one after the other */
	SLOTS_MAX = 3,	    /* that run side by side */
	TURNS_MAX = 60000,
	CALM_MS_MAX = 30000,
	ALONE_MS = 3000,
	DRAIN_TRIES = 5,
	STORE_BYTES = 1 << 20,
	READ_MAX = 64,
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
	struct actor *actor, *follower; /* of the worker, of the standby */
	struct standby *standby;	/* while it has one; its turns are the world's to give */
	int64_t followed;		/* records, by the standby */
	struct err *end;		/* why it ended; NULL: as it was told to */
};

/* Where a process is to run: its name and its disk outlive it. */
struct slot {
	struct process *process; /* NULL: none is running */
	struct process *zombie;	 /* stopped, while another one has its name */
	unsigned names, disks;	 /* that it has had */
	bool full;		 /* the disk */
};

/* What a seed has decided about a run. */
struct draw {
	const struct subject *subject;
	int32_t partition_count;
	size_t slot_count;
	bool dynamic;  /* members without a name */
	bool standbys; /* each process follows what it doesn't own */
	bool had_life; /* the topics have been there before, and were made anew */
	int64_t commit_ms, checkpoint_ms;
	uint32_t cache_entries;
	uint32_t follow_chance; /* of a standby's turn, in each of the world's: one in so many */
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
	size_t appended,
		until;	/* steps of the plan: that are in the log, that will be in this act */
	uint32_t logic; /* version that processes are started with */
	struct memory_kafka *kafka;
	struct memory_chaos chaos, now_chaos;
	struct time_source time;
	int64_t now_ns;
	bool calm;
	struct slot slots[SLOTS_MAX];
	struct process *running; /* whose fiber has control; NULL: the world */
	size_t process_count;	 /* of this act */
	size_t started;
	int64_t x[PLAN_PARTITIONS_MAX], y[PLAN_PARTITIONS_MAX]; /* committed, as last seen */
	struct world_counts *counts;
	char *failure;
};

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
		.group = self->world->draw.subject->group,
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
	struct world *world = self->world;
	const struct draw *draw = &world->draw;
	const struct worker_options options = {
		.app_id = SIM_APP,
		.inputs = &draw->subject->input,
		.input_count = 1,
		.partition_count = draw->partition_count,
		.commit_interval_ms = draw->commit_ms,
		.checkpoint_interval_ms = draw->checkpoint_ms,
		.cache_entries = draw->cache_entries,
		.time = &world->time,
		.standby = self->standby,
	};
	self->actor =
		actor_new(draw->subject, world->logic, draw->partition_count, world->registry);
	return worker_open(&options, actor_processor(self->actor), self->bus, store,
			   world->registry, &self->stats, &self->worker);
}

static void open_standby(struct process *self, struct store *store)
{
	struct world *world = self->world;
	const struct draw *draw = &world->draw;
	if (!draw->standbys)
		return;
	self->follower =
		actor_new(draw->subject, world->logic, draw->partition_count, world->registry);
	const struct standby_options options = {
		.app_id = SIM_APP,
		.processor = actor_processor(self->follower),
		.inputs = &draw->subject->input,
		.input_count = 1,
		.partition_count = draw->partition_count,
		.store = store,
		.tail = memory_tail_open(world->kafka),
		.time = &world->time,
	};
	self->standby = standby_new(&options);
}

static void close_standby(struct process *self)
{
	struct standby_figures figures;
	if (self->standby == NULL)
		return;
	standby_look(self->standby, &figures);
	self->followed = figures.records;
	standby_close(&self->standby);
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
		open_standby(self, store);
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
	close_standby(self);
	store_close(&store);
}

/* ---- a process, from the outside ------------------------------------------------------------ */

static void disk_path(const struct world *world, size_t index, char path[PATH_LEN])
{
	snprintf(path, PATH_LEN, "%s/%zu.%u", world->folder, index, world->slots[index].disks);
}

static void start(struct world *world, size_t index)
{
	struct slot *slot = &world->slots[index];
	struct process *process = check_calloc(1, sizeof *process);
	world->process_count++;
	process->world = world;
	process->number = ++world->started;
	snprintf(process->instance, sizeof process->instance, "w%zu.%u", index, slot->names);
	disk_path(world, index, process->path);
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
		"INPUT_REPLACED",     "STATES_REPLACED",
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
	world->counts->followed += process->followed;
	trace(world, "process %zu has ended: %s", process->number,
	      process->end == NULL ? "as told" : err_text(process->end));
	if (process->end != NULL && is_absurd(err_code(process->end)))
		fail(world, "process %zu: %s: %s", process->number, err_code(process->end),
		     err_text(process->end));
	/* another one has its disk: it has done nothing, and is started again until it may */
	if (process->end != NULL && strcmp(err_code(process->end), "STORE_OPEN") == 0)
		world->process_count--;
	err_free(&process->end);
	actor_free(&process->actor);
	actor_free(&process->follower);
	fiber_free(&process->fiber);
	free(process);
	*out = NULL;
}

static void resume(struct world *world, struct process **process)
{
	world->running = *process;
	disk_set_user(*process);
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
	disk_crash(*process);
	if ((*process)->bus != NULL)
		bus_memory_strike_dead((*process)->bus);
	while (*process != NULL)
		resume(world, process);
}

static void set_full(struct world *world, size_t index, bool full)
{
	char path[PATH_LEN];
	struct slot *slot = &world->slots[index];
	if (slot->full == full)
		return;
	trace(world, "disk %zu.%u %s", index, slot->disks, full ? "is full" : "has room again");
	slot->full = full;
	disk_path(world, index, path);
	disk_set_full(path, full);
}

static void new_disk(struct world *world, size_t index)
{
	set_full(world, index, false); /* a zombie may still be waiting for room */
	world->slots[index].disks++;
}

/* SIGSTOP, and in its place another process of the same name, on an empty disk or on the same: then
 * the store's lock must keep it out. */
static void replace(struct world *world, size_t index)
{
	struct slot *slot = &world->slots[index];
	trace(world, "process %zu stands still and is replaced", slot->process->number);
	world->counts->zombies++;
	slot->zombie = slot->process;
	slot->zombie->stopped = true;
	if (slot->zombie->bus != NULL)
		bus_memory_stop(slot->zombie->bus, true);
	if (!chance(world, 3))
		new_disk(world, index);
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
	new_disk(world, index);
	slot->names += chance(world, 2);
}

static void kill_all(struct world *world)
{
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		if (world->slots[i].zombie != NULL)
			kill_process(world, &world->slots[i].zombie);
		if (world->slots[i].process != NULL)
			kill_process(world, &world->slots[i].process);
	}
}

/* All die at once. Whoever starts first afterwards may be given all. */
static void cut_power(struct world *world)
{
	trace(world, "a power cut");
	kill_all(world);
	pass_time(world, below(world, 2500));
}

/* ---- what the brokers do -------------------------------------------------------------------- */

static void compact(struct world *world)
{
	const struct subject_topic *topics = world->draw.subject->topics;
	char name[NAME_LEN_MAX + 1];
	size_t i = below(world, SUBJECT_TOPICS_MAX);
	while (topics[i].logical == NULL || !topics[i].is_state)
		i = (i + 1) % SUBJECT_TOPICS_MAX;
	names_output(SIM_APP, topics[i].logical, name);
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
	struct position position = { .topic = world->draw.subject->input };
	position.partition = (int32_t)below(world, (uint32_t)world->draw.partition_count);
	memory_kafka_committed(world->kafka, world->draw.subject->group, &position);
	if (position.offset < 0)
		return;
	int64_t y = y_of(&position);
	struct record first;
	size_t got = memory_kafka_read(world->kafka, world->draw.subject->input, position.partition,
				       0, &first, 1);
	if (got == 1 && first.offset < y) {
		trace(world, "retention: partition %d begins at %" PRId64, (int)position.partition,
		      y);
		memory_kafka_trim(world->kafka, world->draw.subject->input, position.partition, y);
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
	switch (below(world, 10)) {
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
	case 4: set_full(world, index, !slot->full && chance(world, 2)); break;
	case 5:
		if (chance(world, 3))
			cut_power(world);
		break;
	default: trouble_process(world, index);
	}
}

/* What is committed never falls: neither X, or it would be said again, nor Y, since what lies below
 * it may be gone. */
static void watch_positions(struct world *world)
{
	for (int32_t p = 0; p < world->draw.partition_count; p++) {
		struct position position = { .topic = world->draw.subject->input, .partition = p };
		memory_kafka_committed(world->kafka, world->draw.subject->group, &position);
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

/* A process's other thread. */
static void follow(struct world *world, const struct process *process)
{
	if (process != NULL && !process->stopped && process->standby != NULL &&
	    chance(world, world->calm ? 1 : world->draw.follow_chance))
		(void)standby_turn(process->standby);
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
	follow(world, slot->process);
	follow(world, slot->zombie);
	if (world->calm || chance(world, 3))
		pass_time(world, below(world, world->calm ? 6 : 3));
	watch_positions(world);
	if (disk_is_shared())
		fail(world, "two processes write to one store");
	world->counts->turns++;
}

static void rage(struct world *world)
{
	for (int64_t turns = 0; turns < TURNS_MAX && world->failure == NULL; turns++) {
		if (world->appended < world->until && chance(world, 8))
			plan_append(world->plan, world->appended++, world->kafka);
		if (world->appended == world->until && chance(world, 200))
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
		struct position position = { .topic = world->draw.subject->input, .partition = p };
		memory_kafka_committed(world->kafka, world->draw.subject->group, &position);
		if (position.offset <=
		    memory_kafka_last(world->kafka, world->draw.subject->input, p))
			return false;
		if (drained && y_of(&position) != position.offset)
			return false;
	}
	return true;
}

static void set_calm(struct world *world, bool calm)
{
	struct memory_chaos chaos = world->chaos;
	trace(world, calm ? "calm" : "trouble again");
	world->calm = calm;
	world->process_count = 0;
	if (calm && chaos.delay_ms_max > 4)
		chaos.delay_ms_max = 4;
	world->now_chaos = chaos;
	memory_kafka_set_chaos(world->kafka, &world->now_chaos);
}

/* Where there are standbys, and nobody is in doubt: of each process all is followed that isn't its
 * own, and each partition is one's own. */
static bool is_followed(struct world *world)
{
	int64_t followed = 0, count = 0;
	for (size_t i = 0; i < world->draw.slot_count; i++) {
		const struct process *process = world->slots[i].process;
		struct standby_figures figures;
		if (world->slots[i].zombie != NULL)
			return true;
		if (process == NULL || process->standby == NULL)
			return false;
		standby_look(process->standby, &figures);
		followed += figures.partitions;
		count++;
	}
	return followed == (count - 1) * world->draw.partition_count;
}

/* Everything is mended; what is left is processed. */
static void calm_down(struct world *world)
{
	set_calm(world, true);
	while (world->appended < world->until)
		plan_append(world->plan, world->appended++, world->kafka);
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		struct slot *slot = &world->slots[i];
		set_full(world, i, false);
		if (slot->process != NULL && slot->process->stopped)
			set_stopped(world, slot->process, false);
		if (slot->zombie != NULL && slot->zombie->stopped)
			set_stopped(world, slot->zombie, false);
	}
	int64_t until_ms = now_ms(world) + CALM_MS_MAX;
	while (world->failure == NULL) {
		bool done = is_done(world, false);
		if (done && (!world->draw.standbys || is_followed(world)))
			return;
		for (int i = 0; i < 20; i++)
			turn(world);
		if (now_ms(world) > until_ms)
			fail(world, "%s after %d s without faults",
			     done ? "partitions that nobody follows" : "no end in sight",
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

/* What is worth showing of a line. */
static int line_len(const char *text)
{
	size_t len = strcspn(text, "\n");
	return len < 1500 ? (int)len : 1500;
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
	fail(world, "expected %.*s\ngot      %.*s", line_len(expected + from), expected + from,
	     line_len(actual + from), actual + from);
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

/* What is acted on must not be seen before the state that it came of: both went together. */
static void check_claims(struct world *world)
{
	const struct subject *subject = world->draw.subject;
	char said[NAME_LEN_MAX + 1], states[NAME_LEN_MAX + 1];
	struct record records[READ_MAX];
	if (subject->claims == NULL)
		return;
	names_output(SIM_APP, subject->topics[0].logical, said);
	for (int32_t p = 0; p < world->draw.partition_count; p++) {
		size_t from = 0, got;
		do {
			got = memory_kafka_read(world->kafka, said, p, from, records, READ_MAX);
			for (size_t i = 0; i < got; i++) {
				struct claim claim;
				if (!subject->claims(&records[i], &claim))
					continue;
				names_output(SIM_APP, claim.state.topic, states);
				claim.state.topic = states;
				if (!memory_kafka_txn_wrote(
					    world->kafka,
					    memory_kafka_txn(world->kafka, &records[i]),
					    &claim.state, subject->holds, &claim))
					fail(world,
					     "%s/%d at %" PRId64 " went without the state of "
					     "%.*s",
					     said, (int)p, records[i].offset,
					     (int)records[i].key.len,
					     (const char *)records[i].key.data);
			}
			from += got;
		} while (got > 0);
	}
}

static void finish(struct world *world)
{
	if (world->failure == NULL)
		calm_down(world);
	stop_all(world);
	drain(world);
	pass_time(world, ALONE_MS); /* and the transactions that the dead have left */
	pass_time(world, ALONE_MS);
	if (world->failure != NULL)
		return;
	char *actual = plan_actual(world->plan, world->kafka);
	compare(world, plan_expected(world->plan, world->folder), actual);
	free(actual);
	check_claims(world);
}

/* ---- acts ----------------------------------------------------------------------------------- */

/* Of the same names there were topics before, with other records at the same offsets. They are
 * gone, and the group's positions with them; what is left of them is on the disks. */
static void live_before(struct world *world)
{
	const struct draw *draw = &world->draw;
	struct plan *plan = world->plan;
	world->plan = plan_new(draw->subject, &world->prng, draw->partition_count, world->registry);
	world->until = plan_step_count(world->plan) / 3;
	rage(world);
	kill_all(world);
	for (int i = 0; i < 4; i++) /* until every transaction is over */
		pass_time(world, ALONE_MS);
	memory_kafka_recreate(world->kafka, draw->subject->input);
	for (size_t t = 0; draw->subject->topics[t].logical != NULL; t++) {
		char name[NAME_LEN_MAX + 1];
		names_output(SIM_APP, draw->subject->topics[t].logical, name);
		memory_kafka_recreate(world->kafka, name);
	}
	trace(world, "all topics are made anew");
	memset(world->x, 0, sizeof world->x);
	memset(world->y, 0, sizeof world->y);
	plan_free(&world->plan);
	world->plan = plan;
	world->appended = 0;
	world->process_count = 0;
}

/* Everybody stops, so that Y = X; whoever starts from here on judges by the next logic version. */
static void upgrade(struct world *world)
{
	if (world->failure == NULL)
		calm_down(world);
	stop_all(world);
	drain(world);
	trace(world, "logic version 2");
	world->logic = 2;
	set_calm(world, false);
}

static void play(struct world *world)
{
	size_t steps = plan_step_count(world->plan);
	if (world->draw.had_life)
		live_before(world);
	world->until = plan_upgrade_step(world->plan);
	if (world->until < steps) {
		rage(world);
		upgrade(world);
	}
	world->until = steps;
	rage(world);
	finish(world);
}

/* ---- its life ------------------------------------------------------------------------------- */

static void draw(struct world *world)
{
	static const int64_t checkpoints[] = { 0, 5, 50, 500, 1000000 };
	static const uint32_t caches[] = { 24, 56, 72, 200 };
	static const uint32_t chances[] = { 0, 300, 60, 20 };
	static const uint32_t lazy[] = { 2, 12, 60, 300 };
	struct draw *draw = &world->draw;
	uint32_t subject = below(world, 16);
	draw->subject = subject == 0   ? &subject_forecast
			: subject <= 2 ? &subject_account
			: subject <= 7 ? &subject_naming
				       : &subject_tally;
	draw->partition_count = 1 + (int32_t)below(world, PLAN_PARTITIONS_MAX);
	draw->slot_count = 1 + below(world, SLOTS_MAX);
	draw->dynamic = chance(world, 5);
	draw->standbys = chance(world, 3);
	draw->had_life = chance(world, 6);
	draw->commit_ms = below(world, 2) * below(world, 30);
	draw->checkpoint_ms = checkpoints[below(world, 5)];
	draw->cache_entries = caches[below(world, 4)] + draw->subject->cache_entries_min;
	draw->strike_chance = chances[below(world, 4)];
	draw->follow_chance = lazy[below(world, 4)];
	draw->trouble = chance(world, 3) ? 400 : 60;
	draw->compacts = chance(world, 2);
	draw->retains = chance(world, 2);
	trace(world,
	      "%s: %d partitions, %zu slots%s%s%s, commit %d ms, checkpoint %d ms, cache %u, "
	      "faults 1/%u",
	      draw->subject->stage, (int)draw->partition_count, draw->slot_count,
	      draw->dynamic ? " (dynamic)" : "", draw->standbys ? ", standbys" : "",
	      draw->had_life ? ", topics made anew" : "", (int)draw->commit_ms,
	      (int)draw->checkpoint_ms, (unsigned)draw->cache_entries,
	      (unsigned)draw->strike_chance);
}

static void make_cluster(struct world *world)
{
	static const uint32_t delays_ms[] = { 0, 4, 12, 60 };
	const struct memory_timeouts timeouts = {
		.session_ms = 50 + below(world, 600),
		.rebalance_ms = 100 + below(world, 1500),
		.transaction_ms = 100 + below(world, 1500),
	};
	world->kafka = memory_kafka_new();
	world->chaos = (struct memory_chaos){
		.context = world,
		.below = below,
		.pause = pause_until,
		.strikes = strikes,
		.delay_ms_max = delays_ms[below(world, 4)],
		.wait_ms_max = 20 + below(world, 300),
	};
	memory_kafka_set_timeouts(world->kafka, &timeouts);
	set_calm(world, false);
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
	world->logic = 1;
	draw(world);
	make_cluster(world);
	world->plan =
		plan_new(world->draw.subject, &world->prng, world->draw.partition_count, registry);
	plan_topics(world->plan, world->kafka);
	play(world);
	plan_free(&world->plan);
	memory_kafka_free(&world->kafka);
	disk_lose_all();
	char *failure = world->failure;
	free(world);
	return failure;
}
