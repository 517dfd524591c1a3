/* Which logs a task's positions and states belong to. Offsets of a topic that was deleted and made
 * anew, or of another cluster's, mean other records; states in a state topic that was made anew are
 * gone. Both are found by the ids that brokers give, and refused. */
#ifndef RUNTIME_ORIGINS_H
#define RUNTIME_ORIGINS_H

#include "runtime/engine.h"

/* Sets the ids of the engine and of tasks[count] as they are now. Errors: as bus_ids. */
ERR_MUST_USE struct err *origins_ask(struct engine *engine, struct task *const *tasks,
				     size_t count);

/* Keeps what was committed. Errors: FATAL INPUT_REPLACED, STATES_REPLACED: it belongs to other
 * topics. */
ERR_MUST_USE struct err *origins_check(const struct engine *engine, struct task *task,
				       const struct checkpoint *committed);

/* From time to time: whether they still are what they were. A client that reads a topic does not
 * notice by itself that another one has taken its place. Errors: as origins_check. */
ERR_MUST_USE struct err *origins_look(struct engine *engine);

#endif
