/* Runs one job at a time on a thread of its own, while its owner goes on.
 *
 *   IDLE --start--> BUSY --(outcome)--> DONE --end--> IDLE
 *
 * While BUSY, what the job uses belongs to that thread.
 * Threads: the functions below are called by one thread, the owner's. */
#ifndef BASE_EXECUTOR_H
#define BASE_EXECUTOR_H

#include <stdbool.h>

#include "base/err.h"

struct executor;

struct executor *executor_new(void);
void executor_free(struct executor **executor); /* waits for what is under way */

/* None may be under way; `context` is borrowed until the outcome is told. */
void executor_start(struct executor *executor, struct err *(*job)(void *context), void *context);

bool executor_busy(const struct executor *executor); /* started, and not ended yet */

/* The outcome of what was started, once it is there (or waited for): *done, and the job's error. */
ERR_MUST_USE struct err *executor_end(struct executor *executor, bool wait, bool *done);

#endif
