/* A task's states: finding them in memory, the store, or new. */
#ifndef RUNTIME_TASK_H
#define RUNTIME_TASK_H

#include "runtime/engine.h"

/* A new task in a free slot of the engine, its shelf opened, nothing recovered yet. */
ERR_MUST_USE struct err *task_new(struct engine *engine, const char *topic, int32_t partition,
				  struct task **task);

/* Forgets the task, its entries in memory too. *task becomes NULL. */
void task_free(struct engine *engine, struct task **task);

struct task *task_find(struct engine *engine, const char *topic, int32_t partition);

/* Drops what is in memory: entries, timers, the tick under way. */
void task_drop_memory(struct engine *engine, struct task *task);

/* The entry of a key, read from the store or new where it is not in memory. The caller has seen to
 * it that the cache has room (seal_make_room). */
ERR_MUST_USE struct err *task_entry(struct engine *engine, struct task *task, uint8_t kind,
				    struct bytes key, struct entry **entry);

/* Fills an entry that was just made with what the store has of it. Errors: FATAL
 * STATE_UNREADABLE. */
ERR_MUST_USE struct err *task_entry_fill(struct engine *engine, const struct task *task,
					 struct entry *entry, const struct shelf_value *value);

/* After a state was changed by the record at `offset`: lsn, due time, dirty queue. */
void task_entry_changed(struct engine *engine, struct task *task, struct entry *entry,
			int64_t offset);

/* Whether something was said about this key: its state then goes with the next seal. */
void task_entry_say(struct engine *engine, struct entry *entry, bool said);

/* What its shelf must agree with, besides the logic: the logs that it is made of. */
uint64_t task_fingerprint(const struct engine *engine, const struct task *task);

/* Y: where a replay would have to begin. */
int64_t task_y(const struct engine *engine, const struct task *task);

/* X: the next record to process, or the tick that is under way. */
int64_t task_x(const struct task *task);

/* Whether it has got to what is committed: before that its shelf may lack states that are in their
 * topics. */
bool task_caught_up(const struct task *task);

#endif
