/* The line as `foretell run` runs it: one thread with one worker per stage, over one store.
 *
 * Threads: line_start starts one per stage; the other calls belong to the caller's thread. */
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
};

struct line;

/* A new line, its store opened, its threads started. Errors: FATAL. */
ERR_MUST_USE struct err *line_start(const struct line_options *options, struct line **line);

/* Asks the threads to drain and end. */
void line_stop(struct line *line);

bool line_is_running(const struct line *line); /* any thread */

struct worker_stats *line_stats(struct line *line, size_t stage);

/* One stage of the line, as others may look at it from any thread until line_finish; borrowed. */
struct line_stage {
	const char *name;
	const char *const *inputs; /* full topic names */
	size_t input_count;
	struct worker_stats *stats;
	const struct client_stats *consumer, *producer; /* told only where http.listen is set */
};

size_t line_stage_count(const struct line *line);
void line_stage(struct line *line, size_t stage, struct line_stage *out);
struct store *line_store(struct line *line);
const char *line_instance(const struct line *line);

/* Waits for the threads, frees everything, and returns the first error that ended one. */
ERR_MUST_USE struct err *line_finish(struct line **line);

#endif
