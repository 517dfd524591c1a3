/* The timers of one task's entries that the store doesn't know yet (dirty, in flight), in the order
 * of (due time, kind, key).
 *
 * Clean entries have their due times in the store's due index; this queue holds those that the
 * store does not know yet. It is lazy: an item is a lower bound of an entry's due time, checked
 * when it comes to the top, so that an event that moves a timer on costs nothing. Threads: one. */
#ifndef STATE_DUE_QUEUE_H
#define STATE_DUE_QUEUE_H

#include "state/cache.h"

struct due_queue;

struct due_queue *due_queue_new(struct cache *cache); /* cache is borrowed */
void due_queue_free(struct due_queue **queue);

/* After entry->due_ms changed, or a clean entry became dirty. */
void due_queue_add(struct due_queue *queue, struct entry *entry);

/* The unstored entry with the lowest (due, kind, key) not above `until_ms`, NULL where there is
 * none. It stays in the queue; when its due time has changed, due_queue_add it and ask again. */
struct entry *due_queue_first(struct due_queue *queue, int64_t until_ms);

void due_queue_clear(struct due_queue *queue);

#endif
