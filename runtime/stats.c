#include "runtime/stats.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

const int64_t stats_bounds_us[STATS_BUCKETS] = { 1000,	  2500,	   5000,     10000,   25000,
						 50000,	  100000,  250000,   500000,  1000000,
						 2500000, 5000000, 15000000, 60000000 };

const char *worker_phase_name(enum worker_phase phase)
{
	static const char *const names[PHASE_COUNT] = { "starting", "joining", "recovering",
							"running",  "ended",   "broken" };
	return names[phase];
}

void stats_time(struct stats_histogram *histogram, int64_t us)
{
	size_t i = 0;
	while (i < STATS_BUCKETS && us > stats_bounds_us[i])
		i++;
	stats_add(&histogram->counts[i], 1);
	stats_add(&histogram->sum_us, us);
}

void stats_abort_count(struct worker_stats *stats, const struct err *cause)
{
	const char *code = err_code(cause);
	for (size_t i = 0; i < STATS_CODES_MAX; i++) {
		struct stats_code *slot = &stats->aborts[i];
		const char *held = atomic_load_explicit(&slot->code, memory_order_relaxed);
		if (held != NULL && strcmp(held, code) != 0)
			continue;
		stats_add(&slot->count, 1);
		/* after the count, so that no reader sees a code that never was */
		if (held == NULL)
			atomic_store_explicit(&slot->code, code, memory_order_release);
		return;
	}
	stats_add(&stats->aborts_other, 1);
}

void stats_phase_set(struct worker_stats *stats, enum worker_phase phase)
{
	atomic_store_explicit(&stats->phase, (int)phase, memory_order_relaxed);
}

enum worker_phase stats_phase(const struct worker_stats *stats)
{
	return (enum worker_phase)atomic_load_explicit(&stats->phase, memory_order_relaxed);
}

bool stats_board_try(struct stats_board *board)
{
	return !atomic_exchange_explicit(&board->busy, true, memory_order_acquire);
}

void stats_board_leave(struct stats_board *board)
{
	atomic_store_explicit(&board->busy, false, memory_order_release);
}

/* A reader's way in: whoever has the board is copying it, and is done in microseconds. */
static void board_enter(struct stats_board *board)
{
	while (!stats_board_try(board))
		sched_yield();
}

size_t stats_tasks(struct worker_stats *stats, struct task_figures *out)
{
	struct stats_board *board = &stats->board;
	size_t count = 0;
	board_enter(board);
	for (size_t i = 0; i < board->task_count; i++)
		if (board->tasks[i].used)
			out[count++] = board->tasks[i];
	stats_board_leave(board);
	return count;
}

void stats_abort_last(struct worker_stats *stats, struct stats_abort *out)
{
	board_enter(&stats->board);
	*out = stats->board.abort;
	stats_board_leave(&stats->board);
}
