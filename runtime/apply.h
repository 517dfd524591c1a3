/* One record, or one slice of a tick, applied to the states in memory. */
#ifndef RUNTIME_APPLY_H
#define RUNTIME_APPLY_H

#include "runtime/engine.h"

/* Applies a record of the task; *control: whether it was one that moves the clock. A tick is only
 * begun: apply_tick fires it. Errors: FATAL (store,
 * registry), RETRY (registry away: the same record may be given again). POISON is handled here. */
ERR_MUST_USE struct err *apply_record(struct engine *engine, struct task *task,
				      const struct record *record, bool *control);

/* Fires due timers of the tick under way, at most TICK_SLICE_MAX; when none is left, the tick is
 * done and task->tick.present is false. */
ERR_MUST_USE struct err *apply_tick(struct engine *engine, struct task *task);

/* Carries a quiet input on to the wall clock. */
ERR_MUST_USE struct err *apply_idle(struct engine *engine, struct task *task, int64_t wall_ms);

#endif
