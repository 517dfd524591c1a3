/* The line as `foretell run` runs it: one thread with one worker per stage, over one store.
 *
 * Threads: line_start starts one per stage; the other calls belong to the caller's thread. */
#ifndef CLI_LINE_H
#define CLI_LINE_H

#include "base/conf.h"
#include "consumers/stages.h"
#include "kafka/client.h"
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

const struct worker_stats *line_stats(const struct line *line, size_t stage);

/* Waits for the threads, frees everything, and returns the first error that ended one. */
ERR_MUST_USE struct err *line_finish(struct line **line);

#endif
