/* What a worker tells of itself, for others to look at while it works: counters, and a board with
 * the figures of each of its partitions.
 *
 * Threads: one worker writes; any thread reads. Counters are atomics with that one writer. The
 * board has a flag that readers wait for and the worker only tries: where a reader has it, the
 * board stays as it is until the next turn, so that no worker ever waits for a reader.
 *
 * A zeroed struct is a valid one. Units: offsets, records, milliseconds (the monotonic clock's,
 * unless said). */
#ifndef RUNTIME_STATS_H
#define RUNTIME_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"

/* What the worker is at.
 *
 *   STARTING -> JOINING -> RECOVERING -> RUNNING     (RUNNING includes replaying: see live)
 *                 ^  ^---- (revoked) ------|  ^-- (transaction lost) --> RECOVERING
 *   any -> ENDED, any -> BROKEN: a fatal error
 */
enum worker_phase {
	PHASE_STARTING,
	PHASE_JOINING,
	PHASE_RECOVERING,
	PHASE_RUNNING,
	PHASE_ENDED,
	PHASE_BROKEN,
};

enum { PHASE_COUNT = PHASE_BROKEN + 1 };

const char *worker_phase_name(enum worker_phase phase);

enum {
	STATS_CODES_MAX = 32,  /* error codes counted apart; the rest together */
	STATS_BUCKETS = 14,    /* bounds of the histogram of commits */
	STATS_PUBLISH_MS = 200 /* between two looks at the partitions */
};

extern const int64_t stats_bounds_us[STATS_BUCKETS];

struct stats_histogram {
	_Atomic int64_t counts[STATS_BUCKETS + 1], sum_us;
};

struct stats_code {
	_Atomic(const char *) code; /* a literal; NULL: free, and so are those after it */
	_Atomic int64_t count;
};

/* What a worker counts for each of its partitions, from when it got it. */
struct task_counts {
	int64_t records, replayed, dead_letters;
};

/* One partition, as it was when the worker last looked. */
struct task_figures {
	bool used;
	bool live;     /* nothing is being replayed */
	int32_t input; /* index in worker_options.inputs */
	int32_t partition;
	int64_t next;	    /* the next record to process */
	int64_t x, y;	    /* as committed */
	int64_t end;	    /* of the log, as the last fetch told; -1: not known */
	int64_t lag;	    /* offsets between x and the end; -1: not known */
	int64_t clock_ms;   /* event time; CLOCK_NONE where there is none */
	int64_t dirty;	    /* states that are not published yet */
	int64_t covered_ms; /* when y last moved, or met x */
	int64_t held_ms;    /* since when an open transaction hides what comes; 0: it doesn't */
	int64_t held_at;    /* from this offset on */
	bool held_told;	    /* the log has it */
	struct task_counts counts;
};

/* Why the worker last had to start again from what is committed. */
struct stats_abort {
	int64_t wall_ms; /* 0: never */
	char code[64];
	char reason[ERR_TEXT_MAX];
};

struct stats_board {
	atomic_bool busy;
	size_t task_count; /* highest used index + 1 */
	struct task_figures tasks[TASKS_MAX];
	struct stats_abort abort;
};

struct worker_stats {
	_Atomic int64_t records;  /* processed live */
	_Atomic int64_t replayed; /* processed with effects suppressed */
	_Atomic int64_t dead_letters;
	_Atomic int64_t fired;	   /* timers */
	_Atomic int64_t effects;   /* records said to output topics */
	_Atomic int64_t published; /* states */
	_Atomic int64_t restored;  /* states read back from their topics */
	_Atomic int64_t commits, recoveries;
	_Atomic int64_t clock_ms; /* lowest of the tasks'; CLOCK_NONE where unknown */
	_Atomic int64_t commit_age_us_sum,
		commit_age_us_max; /* oldest record of a seal -> committed */

	struct stats_histogram commit_age;	 /* the same, spread out */
	_Atomic int64_t committed_wall_ms;	 /* the last commit; 0: none yet */
	_Atomic int64_t alive_ms;		 /* when the worker last came round */
	_Atomic int phase;			 /* enum worker_phase */
	_Atomic int64_t assigned, revoked, lost; /* rebalances */
	_Atomic int64_t cache_slots, cache_entries, cache_dirty;
	struct stats_code aborts[STATS_CODES_MAX];
	_Atomic int64_t aborts_other;
	struct stats_board board;

	/* the worker's own notes */
	int64_t looked_ms;	       /* at the partitions */
	int64_t dead_letter_logged_ms; /* the last line about one */
	int64_t dead_letters_unlogged; /* since then */
	bool commit_told;	       /* the one under way takes long, and the log has it */
};

/* For the worker, which alone writes: cheaper than a read-modify-write. */
static inline void stats_add(_Atomic int64_t *counter, int64_t count)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + count,
			      memory_order_relaxed);
}

static inline int64_t stats_get(const _Atomic int64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void stats_set(_Atomic int64_t *gauge, int64_t value)
{
	atomic_store_explicit(gauge, value, memory_order_relaxed);
}

/* For the worker. */
void stats_time(struct stats_histogram *histogram, int64_t us);
void stats_abort_count(struct worker_stats *stats, const struct err *cause);
void stats_phase_set(struct worker_stats *stats, enum worker_phase phase);
bool stats_board_try(struct stats_board *board); /* true: stats_board_leave must follow */
void stats_board_leave(struct stats_board *board);

/* For readers. */
enum worker_phase stats_phase(const struct worker_stats *stats);

/* A copy of the partitions in use into out[TASKS_MAX]; returns how many. */
size_t stats_tasks(struct worker_stats *stats, struct task_figures *out);
void stats_abort_last(struct worker_stats *stats, struct stats_abort *out);

#endif
