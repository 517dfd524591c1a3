/* Reading a task's states back from its compacted topics into an empty shelf.
 *
 * The shelf has no position until the caller writes one, so a restore that was cut short leaves a
 * shelf that counts as absent. Threads: the worker's. */
#ifndef RUNTIME_RESTORE_H
#define RUNTIME_RESTORE_H

#include "runtime/engine.h"
#include "runtime/standby.h"

/* Empties the task's shelf and fills it from the compacted topics, as far as they are committed;
 * the clock goes to task->clock_bytes. *restored: how many records of the task were read. Errors:
 * as bus_read_all; FATAL STATE_FOREIGN: a record that foretell did not write; FATAL STORE_*. */
ERR_MUST_USE struct err *restore_run(struct engine *engine, struct task *task, int64_t *restored);

/* Brings a shelf that was followed up to `mark` to the end of the topics, the clock, too. Errors:
 * as restore_run. */
ERR_MUST_USE struct err *restore_rest(struct engine *engine, struct task *task,
				      const struct standby_mark *mark, int64_t *restored);

#endif
