/* What the parts of one worker share. Open to runtime/ only; everyone else sees worker.h.
 *
 * One engine = one processor on one bus, with the tasks (input partitions) that the group gave it.
 * Threads: one; only `stats` is read by others. */
#ifndef RUNTIME_ENGINE_H
#define RUNTIME_ENGINE_H

#include "runtime/checkpoint.h"
#include "runtime/log_clock.h"
#include "runtime/processor.h"
#include "runtime/worker.h"
#include "state/cache.h"
#include "state/due_queue.h"
#include "state/shelf.h"
#include "state/store_writer.h"

/* A control record that moved the clock, while its due timers fire. */
struct pending_tick {
	bool present;
	struct origin origin;
	int64_t clock_ms;
	struct tick_cursor cursor; /* how far it has come */
};

/* One input partition.
 *
 *   replaying ──(next passes live_from)──► live
 *
 * Below (live_from, live_cursor) effects are suppressed: they were committed before. */
struct task {
	uint32_t index;
	const char *topic; /* the bus's pointer once a record came, else own_topic */
	char own_topic[TOPIC_NAME_MAX + 1];
	int32_t partition;
	struct shelf *shelf;
	struct due_queue *due;
	struct log_clock *clock;
	int64_t due_floor_ms; /* nothing in the shelf's due index lies below */
	int64_t next;	      /* offset of the next record to process */
	int64_t live_from;
	struct tick_cursor live_cursor;
	struct checkpoint committed;
	uint32_t input_id;   /* tells its log from others of the same name; 0: not known */
	int64_t published_y; /* Y as it was committed when the task was recovered */
	int64_t sealed_y;    /* Y of the store as of the last seal, committed or on its way */
	bool touched;	     /* something to commit since the last seal */
	struct pending_tick tick;
	struct standby_mark mark; /* how far its shelf was followed before it was assigned */
	uint8_t *clock_bytes;	  /* the clock as it was last published */
	size_t clock_len;
	bool clock_published;	/* since this task was recovered */
	int64_t quiet_since_ms; /* monotonic; when its end was reached. 0: it is not at its end */
	struct task_counts counts;
};

/* A sealed transaction: in the making, then on its way to the brokers (`present`). What it
 * publishes stays in memory until it is committed and in the store. */
struct flight {
	bool present;
	bool committed; /* what is left is the store */
	struct position positions[TASKS_MAX];
	struct checkpoint checkpoints[TASKS_MAX];
	struct task *tasks[TASKS_MAX];
	size_t count;
	int64_t published; /* states */
	int64_t effect_count;
	int64_t oldest_ns;	   /* monotonic; its oldest record came; 0: it has none */
	struct store_batch *batch; /* what the store gets when it is committed */
};

/* An entry that must be published with the next seal, if it is still the one in its slot. */
struct urgent {
	uint32_t slot, generation;
};

struct engine {
	const struct processor *processor;
	struct worker_options options;
	struct bus *bus;
	struct store *store;
	struct store_writer *writer; /* of what is committed */
	struct registry *registry;
	struct cache *cache;
	struct shelf_loan *loan; /* of states that are read ahead */
	struct entry *expected;	 /* that the record at hand touches, most likely; NULL: unknown */
	struct effects *effects;
	struct store_batch *batch; /* of a restore */
	struct flight *flight;
	struct urgent *urgent; /* room for each slot of the cache */
	size_t urgent_count;
	struct worker_stats *stats;
	uint32_t states_id;		  /* of the state topics, as input_id of a task */
	char cluster[CLUSTER_ID_MAX + 1]; /* "": not known */
	struct task *tasks[TASKS_MAX];	  /* NULL: free */
	size_t task_count;		  /* highest used index + 1 */
	int64_t last_seal_ms;		  /* monotonic */
	int64_t last_share_ms;	/* monotonic; when states were last published by their age */
	int64_t last_commit_ms; /* monotonic; when the outcome of one was known */
	int64_t last_look_ms;	/* monotonic; at whether the topics are still the same */
	int64_t last_flush_ms;	/* monotonic; of the shelves */
	int64_t records_since_seal;
	bool broken;  /* a fatal error came: what is in memory must not be committed */
	bool behind;  /* the last poll brought as much as it could */
	int failures; /* recoveries since the last commit */
	int64_t oldest_unsealed_ns; /* monotonic; 0: nothing is unsealed */
	uint8_t scratch[OUTPUT_LEN_MAX];
	uint8_t clock_scratch[LOG_CLOCK_LEN_MAX];
};

static inline int64_t engine_now_ns(const struct engine *engine)
{
	const struct time_source *time = engine->options.time;
	return time->monotonic_ns(time->context);
}

static inline int64_t engine_now_ms(const struct engine *engine)
{
	return engine_now_ns(engine) / 1000000;
}

#endif
