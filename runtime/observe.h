/* What a worker's turning points leave behind: log lines that name partition and offset, and the
 * figures of runtime/stats.h. Called by the worker's own thread; none of it can fail. */
#ifndef RUNTIME_OBSERVE_H
#define RUNTIME_OBSERVE_H

#include "runtime/engine.h"

/* A worker has been made, and is on its way into its group. */
void observe_opened(struct engine *engine);

/* It came round; looks at the partitions now and then. `err` is what the turn ended with. */
void observe_turn(struct engine *engine, const struct err *err);

/* It is still at work inside a turn that may take long (a restore, waiting for the brokers). */
void observe_alive(struct engine *engine);

/* Partitions are about to be recovered; then they are, or `err` says why not. */
void observe_assigning(struct engine *engine);
void observe_assigned(struct engine *engine, const struct err *err);

/* The states of a partition were read back from their topics; a replay begins at y. */
void observe_restored(struct engine *engine, const struct task *task, int64_t y, int64_t states);

/* They were followed meanwhile: only `states` of them were read. */
void observe_followed(struct engine *engine, const struct task *task, int64_t y, int64_t states);

/* These partitions go; `lost`: without a last commit. Call it while their tasks are there, and
 * observe_revoked afterwards. */
void observe_revoking(struct engine *engine, const struct position *positions, size_t count,
		      bool lost);
void observe_revoked(struct engine *engine);

/* What is in memory is dropped because of `cause`; then recovery has succeeded. A recovery that
 * fails is another abort. */
void observe_abort(struct engine *engine, const struct err *cause);
void observe_recovered(struct engine *engine);

/* A transaction is committed, whose oldest record came at oldest_ns (monotonic; 0: it has none). */
void observe_commit(struct engine *engine, int64_t oldest_ns);

/* A record goes to dlq, for the first time. Logged once a second at most. */
void observe_dead_letter(struct engine *engine, struct task *task, const struct record *record,
			 const struct err *why);

/* The worker has ended; a broken one stays broken. */
void observe_closed(struct worker_stats *stats);

#endif
