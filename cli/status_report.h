/* What a running process is and does at one moment: everything that /metrics, /health, /ready and
 * /status tell, taken once, so that the four can't disagree.
 *
 * Ownership: a report owns its tables; names and inputs are borrowed from the line. Threads: one a
 * report; the line may be at work meanwhile. */
#ifndef CLI_STATUS_REPORT_H
#define CLI_STATUS_REPORT_H

#include "cli/line.h"
#include "state/store.h"

/* No turn of a worker may take longer, or its thread counts as stuck: more than a commit, its abort
 * and a new producer may wait for brokers that are away, less than Kafka's own patience with a
 * member (max.poll.interval.ms). */
enum { HEALTH_STALL_MS = 300000 };

_Static_assert(HEALTH_STALL_MS < 600000, "max.poll.interval.ms of kafka/bus_kafka");

struct status_stage {
	struct line_stage stage;
	enum worker_phase phase;
	int64_t alive_age_ms; /* since the worker last came round; -1: it has not begun */
	bool joined;	      /* in its group, if only with nothing to do */
	bool live;	      /* no partition is being replayed */
	bool ready;	      /* joined, recovered, live */
	struct task_figures *tasks;
	size_t task_count;
	int64_t lag;		 /* sum; -1 where that of a partition is not known */
	int64_t replay_distance; /* sum of X - Y: what a crash now would replay, if its store were
				  * as new as its states in Kafka */
	struct stats_abort abort;
};

struct status_process {
	int64_t resident_bytes, virtual_bytes, open_fds;
	int64_t cpu_us;
	int64_t started_wall_ms; /* of the process */
};

struct status_report {
	const char *app_id, *instance;
	int64_t now_wall_ms, now_ms; /* when it was taken; wall and monotonic */
	struct status_stage stages[LINE_SEATS_MAX]; /* one for each worker of each stage */
	size_t stage_count;
	struct store_memory store_memory;
	int64_t store_disk_bytes;
	struct status_process process;
};

struct status_source {
	struct line *line;  /* borrowed */
	const char *app_id; /* borrowed */
};

/* Fills *report; free it with status_report_fini. */
void status_report_take(const struct status_source *source, struct status_report *report);
void status_report_fini(struct status_report *report);

/* Whether every worker makes progress, and whether each has joined, recovered and replayed. What is
 * missing is written to `why`, a line each; `why` may be NULL. */
bool status_report_healthy(const struct status_report *report, FILE *why);
bool status_report_ready(const struct status_report *report, FILE *why);

#endif
