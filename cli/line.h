/* The line as `foretell run` runs it: `workers` workers per stage, each with a thread; those of one
 * number share a store (cli/place.h).
 *
 * Threads: line_start starts one per worker; the other calls belong to the caller's thread. */
#ifndef CLI_LINE_H
#define CLI_LINE_H

#include "base/conf.h"
#include "consumers/stages.h"
#include "kafka/client.h"
#include "kafka/client_stats.h"
#include "runtime/worker.h"

struct line_options {
	const struct conf *conf;	     /* borrowed */
	const struct client_options *client; /* borrowed */
	const char *const *stages;	     /* names, in the order of stage_names */
	size_t stage_count;
	int32_t partition_count;
	bool until_end; /* stop when everything that was there is processed */
	bool accept_logic_change;
	bool compact; /* the local stores, before it begins */
};

struct line;

/* The series that a process forecasts by its own configuration. Errors: FATAL SERIES_INVALID. */
ERR_MUST_USE struct err *line_series(const struct conf *conf, struct series_table *series);

/* A new line, its store opened, its threads started. Errors: FATAL. */
ERR_MUST_USE struct err *line_start(const struct line_options *options, struct line **line);

/* Asks the threads to drain and end. */
void line_stop(struct line *line);

bool line_is_running(const struct line *line); /* any thread */

/* One worker of a stage, as others may look at it from any thread until line_finish; borrowed. */
struct line_stage {
	const char *name;
	size_t stage; /* place in line_options.stages */
	int worker;   /* its number, from 1; 0: the stage has one only */
	const char *const *inputs; /* full topic names */
	size_t input_count;
	struct worker_stats *stats;
	struct standby *standby; /* NULL: none */
	const struct client_stats *consumer, *producer; /* told only where http.listen is set */
};

enum { LINE_SEATS_MAX = STAGE_COUNT * STAGE_WORKERS_MAX };

size_t line_seat_count(const struct line *line); /* workers of all stages, stage by stage */
void line_stage(struct line *line, size_t seat, struct line_stage *out);

size_t line_worker_count(const struct line *line); /* of each stage */
/* The store of worker `worker` (from 0), and the folder where it is; borrowed. */
struct store *line_store(struct line *line, size_t worker, const char **path);
const char *line_instance(const struct line *line);

/* Waits for the threads, frees everything, and returns the first error that ended one. */
ERR_MUST_USE struct err *line_finish(struct line **line);

#endif
