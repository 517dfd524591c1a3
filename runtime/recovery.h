/* Where a task's processing begins: one path for a first start, a clean start, a crash, an abort
 * and an ambiguous commit.
 *
 *   committed X, Y, v (the group's offsets)
 *     shelf with the same v, not beyond X  → its states, from its own Y
 *     else                                 → empty the shelf, read the compacted topics, from Y
 *   process from there to X with effects suppressed, live from X.
 *
 * Positions that lie are refused with a message, never reset. */
#ifndef RUNTIME_RECOVERY_H
#define RUNTIME_RECOVERY_H

#include "runtime/engine.h"

/* Recovers tasks[count] (their memory is dropped first). Errors: RETRY, ABORT: try again; FATAL. */
ERR_MUST_USE struct err *recovery_run(struct engine *engine, struct task *const *tasks,
				      size_t count);

/* Where the topics of a drained task's states end (`ends`: those topics, offsets are set), so that
 * all below is in its shelf. False where that isn't certain: by the time of the answer the group
 * may have gone on without this member, and then a successor's states may lie there; its position
 * has moved, too. */
bool recovery_state_ends(struct engine *engine, const struct task *task, struct position *ends,
			 size_t count);

#endif
