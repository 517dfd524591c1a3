#include "runtime/standby.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "runtime/names.h"

enum {
	PAUSE_MS = 50,	      /* between two looks where nothing has come */
	PAUSE_MAX_MS = 60000, /* after what failed for good again and again */
	BEGIN_MS = 10000,     /* without any assignment, before it begins by itself */
	SLICE_RECORDS = 200   /* between two chances for the worker to take a shelf */
};

enum unit_state {
	UNIT_OWNED,    /* its shelf is the worker's */
	UNIT_WAITING,  /* to be wiped and followed from the beginning */
	UNIT_FOLLOWED, /* from next[] on */
	UNIT_BROKEN,   /* what its topics hold can't be read: whoever takes it will say so */
};

/* One input partition. */
struct unit {
	const char *topic;
	int32_t partition;
	enum unit_state state;
	struct shelf *shelf; /* NULL: not looked up yet */
	bool placed;	     /* it has a position still, of when it was given */
	int64_t next[STATE_LOGS_MAX];
	uint8_t *clock;
	size_t clock_len;
};

struct standby {
	struct standby_options options;
	struct state_log logs[STATE_LOGS_MAX];
	char topics[STATE_LOGS_MAX][NAME_LEN_MAX + 1];
	size_t log_count;
	struct store_batch *batch;
	void *scratch; /* of a state */
	pthread_t thread;
	bool started;
	_Atomic int waiting;  /* for the lock, besides the thread */
	pthread_mutex_t lock; /* of what follows, and of the shelves of all units but owned ones */
	struct unit *units;   /* by input, then partition */
	size_t unit_count;
	bool begun; /* what is not owned is known */
	int64_t began_ms;
	int64_t pause_ms, resume_ms; /* begun anew: 0 while it works */
	_Atomic bool quit;
	_Atomic int64_t records;
};

/* A mutex isn't fair: the thread, which takes it again at once, stands back for whoever waits. */
static void lock_first(struct standby *standby)
{
	atomic_fetch_add(&standby->waiting, 1);
	pthread_mutex_lock(&standby->lock);
	atomic_fetch_sub(&standby->waiting, 1);
}

static void lock_last(struct standby *standby)
{
	const struct time_source *time = standby->options.time;
	while (atomic_load(&standby->waiting) > 0)
		time->sleep_ms(time->context, 1);
	pthread_mutex_lock(&standby->lock);
}

static int64_t now_ms(const struct standby *standby)
{
	const struct time_source *time = standby->options.time;
	return time->monotonic_ns(time->context) / 1000000;
}

void standby_mark_fini(struct standby_mark *mark)
{
	free(mark->clock);
	*mark = (struct standby_mark){ .warm = false };
}

/* ---- units ---------------------------------------------------------------------------------- */

static struct unit *unit_find(struct standby *standby, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < standby->options.input_count; i++)
		if (strcmp(standby->options.inputs[i], topic) == 0 &&
		    partition < standby->options.partition_count)
			return &standby->units[i * (size_t)standby->options.partition_count +
					       (size_t)partition];
	return NULL;
}

/* The units of one partition share the topics of its states. */
static struct unit *unit_of_partition(struct standby *standby, size_t input, int32_t partition)
{
	return &standby->units[input * (size_t)standby->options.partition_count +
			       (size_t)partition];
}

static void unit_clock(struct unit *unit, struct bytes clock)
{
	free(unit->clock);
	unit->clock = NULL;
	unit->clock_len = clock.data == NULL ? 0 : clock.len;
	if (unit->clock_len == 0)
		return;
	unit->clock = check_malloc(unit->clock_len);
	memcpy(unit->clock, clock.data, unit->clock_len);
}

static struct err *unit_shelf(struct standby *standby, struct unit *unit)
{
	if (unit->shelf != NULL)
		return NULL;
	return store_shelf(standby->options.store, standby->options.processor->name, unit->topic,
			   unit->partition, &unit->shelf);
}

/* Follows the partition's topics from where the unit that is furthest behind stands, or no more. */
static struct err *refollow(struct standby *standby, int32_t partition)
{
	struct err *err = NULL;
	for (size_t k = 0; err == NULL && k < standby->log_count; k++) {
		int64_t lowest = INT64_MAX;
		for (size_t i = 0; i < standby->options.input_count; i++) {
			const struct unit *unit = unit_of_partition(standby, i, partition);
			if (unit->state == UNIT_FOLLOWED && unit->next[k] < lowest)
				lowest = unit->next[k];
		}
		log_tail_drop(standby->options.tail, standby->topics[k], partition);
		if (lowest != INT64_MAX)
			err = log_tail_add(standby->options.tail, standby->topics[k], partition,
					   lowest == 0 ? LOG_TAIL_BEGIN : lowest);
	}
	return err;
}

/* ---- following ------------------------------------------------------------------------------ */

static struct err *begin_unit(struct standby *standby, struct unit *unit)
{
	struct err *err = unit_shelf(standby, unit);
	if (err == NULL)
		err = shelf_wipe(unit->shelf);
	if (err != NULL)
		return err;
	unit->placed = false;
	memset(unit->next, 0, sizeof unit->next);
	unit_clock(unit, bytes_of(NULL, 0));
	unit->state = UNIT_FOLLOWED;
	return refollow(standby, unit->partition);
}

static struct err *begin_waiting(struct standby *standby)
{
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < standby->unit_count; i++)
		if (standby->units[i].state == UNIT_WAITING)
			err = begin_unit(standby, &standby->units[i]);
	return err;
}

static struct err *apply_word(struct standby *standby, struct unit *unit,
			      const struct state_word *word)
{
	if (word->saying == STATE_CLOCK) {
		unit_clock(unit, word->value);
		return NULL;
	}
	store_batch_clear(standby->batch);
	struct err *err = state_word_add(word, unit->shelf, standby->batch);
	if (unit->placed)
		store_batch_no_position(standby->batch, unit->shelf);
	if (err == NULL)
		err = store_batch_write(standby->options.store, standby->batch);
	if (err == NULL)
		unit->placed = false;
	return err;
}

/* A unit whose topics or shelf can't be read is given up, or begun anew where that may mend it. */
static void unit_failed(struct unit *unit, struct err *err)
{
	log_emit(LOG_WARN, "standby", "a partition's states can't be followed", "{s:s,s:i,s:s,s:s}",
		 "topic", unit->topic, "partition", (int)unit->partition, "code", err_code(err),
		 "reason", err_text(err));
	unit->state = err_verdict(err) == ERR_ABORT ? UNIT_WAITING : UNIT_BROKEN;
	err_free(&err);
}

/* Errors: RETRY: the record is to be applied again. */
static struct err *apply_to(struct standby *standby, struct unit *unit, size_t log,
			    const struct record *record)
{
	struct state_word word;
	if (unit->state != UNIT_FOLLOWED || record->offset < unit->next[log])
		return NULL;
	struct err *err = state_log_read(standby->options.processor, unit->topic,
					 &standby->logs[log], record, standby->scratch, &word);
	if (err == NULL && word.saying != STATE_NOTHING)
		err = apply_word(standby, unit, &word);
	if (err != NULL && err_verdict(err) == ERR_RETRY)
		return err;
	if (err != NULL)
		unit_failed(unit, err);
	unit->next[log] = record->offset + 1;
	return NULL;
}

static struct err *apply_record(struct standby *standby, const struct record *record)
{
	struct err *err = NULL;
	for (size_t k = 0; k < standby->log_count; k++) {
		if (strcmp(standby->topics[k], record->topic) != 0)
			continue;
		for (size_t i = 0; err == NULL && i < standby->options.input_count; i++)
			err = apply_to(standby, unit_of_partition(standby, i, record->partition), k,
				       record);
	}
	return err;
}

/* What could not be written is read again, with everything after it: of all partitions, since the
 * batch held records of any. */
static void read_again(struct standby *standby, struct err *cause)
{
	log_emit(LOG_WARN, "standby", "states can't be kept now", "{s:s,s:s}", "code",
		 err_code(cause), "reason", err_text(cause));
	err_free(&cause);
	for (int32_t p = 0; p < standby->options.partition_count; p++) {
		struct err *err = refollow(standby, p);
		err_free(&err);
	}
}

/* All units of partitions whose topics have lost what was next begin anew: at once, and less and
 * less often where that fails, too (a topic that is gone). */
static void begin_anew(struct standby *standby, struct err *cause)
{
	log_emit(LOG_WARN, "standby", "followed from the beginning again", "{s:s,s:s}", "code",
		 err_code(cause), "reason", err_text(cause));
	for (size_t i = 0; i < standby->unit_count; i++)
		if (standby->units[i].state == UNIT_FOLLOWED)
			standby->units[i].state = UNIT_WAITING;
	err_free(&cause);
	standby->resume_ms = now_ms(standby) + standby->pause_ms;
	standby->pause_ms = standby->pause_ms == 0 ? PAUSE_MS : 2 * standby->pause_ms;
	if (standby->pause_ms > PAUSE_MAX_MS)
		standby->pause_ms = PAUSE_MAX_MS;
}

static size_t follow(struct standby *standby)
{
	struct bus_batch batch = { NULL, 0 };
	if (now_ms(standby) < standby->resume_ms)
		return 0;
	struct err *err = begin_waiting(standby);
	if (err == NULL)
		err = log_tail_poll(standby->options.tail, SLICE_RECORDS, &batch);
	if (err != NULL && err_verdict(err) == ERR_FATAL) {
		begin_anew(standby, err);
		return 0;
	}
	err_free(&err); /* brokers or room that are away come back */
	for (size_t i = 0; i < batch.count; i++) {
		err = apply_record(standby, &batch.records[i]);
		if (err != NULL) {
			read_again(standby, err);
			return 0;
		}
	}
	if (batch.count > 0)
		standby->pause_ms = 0;
	atomic_fetch_add_explicit(&standby->records, (int64_t)batch.count, memory_order_relaxed);
	return batch.count;
}

/* Without any assignment so far: what is in order may still be the process's own, and stays. */
static void begin_without(struct standby *standby)
{
	standby->begun = true;
	for (size_t i = 0; i < standby->unit_count; i++) {
		struct unit *unit = &standby->units[i];
		struct shelf_position position = { .present = true };
		struct err *err = unit_shelf(standby, unit);
		if (err == NULL)
			err = shelf_position(unit->shelf, &position);
		if (err == NULL && !position.present)
			unit->state = UNIT_WAITING;
		err_free(&err);
	}
}

size_t standby_turn(struct standby *standby)
{
	size_t count = 0;
	lock_last(standby);
	if (!standby->begun && now_ms(standby) - standby->began_ms >= BEGIN_MS)
		begin_without(standby);
	if (standby->begun)
		count = follow(standby);
	pthread_mutex_unlock(&standby->lock);
	return count;
}

static void *run(void *context)
{
	struct standby *standby = context;
	const struct time_source *time = standby->options.time;
	while (!atomic_load(&standby->quit))
		if (standby_turn(standby) == 0)
			time->sleep_ms(time->context, PAUSE_MS);
	return NULL;
}

/* ---- handing over --------------------------------------------------------------------------- */

static void take(struct standby *standby, struct unit *unit, struct standby_mark *mark)
{
	bool followed = unit->state == UNIT_FOLLOWED;
	*mark = (struct standby_mark){ .warm = followed };
	unit->state = UNIT_OWNED;
	if (!followed)
		return;
	memcpy(mark->offsets, unit->next, sizeof mark->offsets);
	mark->clock = unit->clock;
	mark->clock_len = unit->clock_len;
	unit->clock = NULL;
	unit->clock_len = 0;
	struct err *err = refollow(standby, unit->partition);
	err_free(&err); /* the others of the partition stand still at worst */
}

static bool is_among(const struct unit *unit, const struct position *positions, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (positions[i].partition == unit->partition &&
		    strcmp(positions[i].topic, unit->topic) == 0)
			return true;
	return false;
}

void standby_own(struct standby *standby, const struct position *positions, size_t count,
		 struct standby_mark *marks)
{
	lock_first(standby);
	standby->begun = true;
	for (size_t i = 0; i < count; i++) {
		struct unit *unit = unit_find(standby, positions[i].topic, positions[i].partition);
		marks[i] = (struct standby_mark){ .warm = false };
		if (unit != NULL)
			take(standby, unit, &marks[i]);
	}
	for (size_t i = 0; i < standby->unit_count; i++)
		if (standby->units[i].state == UNIT_OWNED &&
		    !is_among(&standby->units[i], positions, count))
			standby->units[i].state = UNIT_WAITING;
	pthread_mutex_unlock(&standby->lock);
}

void standby_give(struct standby *standby, const char *topic, int32_t partition,
		  struct standby_mark *mark)
{
	lock_first(standby);
	struct unit *unit = unit_find(standby, topic, partition);
	struct err *err = unit != NULL ? unit_shelf(standby, unit) : NULL;
	if (unit != NULL && err == NULL && mark->warm) {
		memcpy(unit->next, mark->offsets, sizeof unit->next);
		unit_clock(unit, bytes_of(mark->clock, mark->clock_len));
		unit->state = UNIT_FOLLOWED;
		unit->placed = true;
		err = refollow(standby, partition);
	}
	err_free(&err);
	pthread_mutex_unlock(&standby->lock);
	standby_mark_fini(mark);
}

void standby_look(struct standby *standby, struct standby_figures *figures)
{
	figures->partitions = 0;
	figures->records = atomic_load_explicit(&standby->records, memory_order_relaxed);
	lock_first(standby);
	for (size_t i = 0; i < standby->unit_count; i++)
		figures->partitions += standby->units[i].state == UNIT_FOLLOWED;
	pthread_mutex_unlock(&standby->lock);
}

/* ---- its life ------------------------------------------------------------------------------- */

static void make_units(struct standby *standby)
{
	const struct standby_options *options = &standby->options;
	standby->unit_count = options->input_count * (size_t)options->partition_count;
	standby->units = check_calloc(standby->unit_count, sizeof *standby->units);
	for (size_t i = 0; i < standby->unit_count; i++) {
		struct unit *unit = &standby->units[i];
		unit->topic = options->inputs[i / (size_t)options->partition_count];
		unit->partition = (int32_t)(i % (size_t)options->partition_count);
		unit->state = UNIT_OWNED; /* until it is known who owns what */
	}
}

struct standby *standby_new(const struct standby_options *options)
{
	struct standby *standby = check_calloc(1, sizeof *standby);
	standby->options = *options;
	standby->log_count = state_logs(options->processor, standby->logs);
	for (size_t i = 0; i < standby->log_count; i++)
		names_output(options->app_id, standby->logs[i].logical, standby->topics[i]);
	standby->batch = store_batch_new();
	standby->scratch = check_calloc(1, processor_state_size(options->processor));
	standby->began_ms = now_ms(standby);
	make_units(standby);
	pthread_mutex_init(&standby->lock, NULL);
	return standby;
}

void standby_start(struct standby *standby)
{
	CHECK(pthread_create(&standby->thread, NULL, run, standby) == 0);
	standby->started = true;
}

void standby_close(struct standby **out)
{
	struct standby *standby = *out;
	if (standby == NULL)
		return;
	atomic_store(&standby->quit, true);
	if (standby->started)
		pthread_join(standby->thread, NULL);
	log_tail_close(&standby->options.tail);
	store_batch_free(&standby->batch);
	for (size_t i = 0; i < standby->unit_count; i++)
		free(standby->units[i].clock);
	free(standby->units);
	free(standby->scratch);
	pthread_mutex_destroy(&standby->lock);
	free(standby);
	*out = NULL;
}
