/* One key's state in memory, with what recovery must know of it.
 *
 *  - lsn: the input offset of the last record applied. A record at or below it is not applied
 * again.
 *  - first_dirty: the offset of the first record applied since the state was last published;
 *    ENTRY_CLEAN where nothing was. The lowest of a task's is Y, where a replay would have to
 * begin.
 *  - due_ms: when a timer of this state is due; TIME_NONE: never. Part of the state, kept beside
 * it.
 *
 * The state itself is a plain struct of the processor's without pointers, zeroed when new; it lies
 * in the entry's slot, or, where its kind is too large for one, by itself. */
#ifndef STATE_ENTRY_H
#define STATE_ENTRY_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/timestamp.h"

#define ENTRY_CLEAN INT64_MAX
#define LSN_NONE    INT64_C(-1)

struct entry {
	int64_t lsn, first_dirty;
	int64_t due_ms;	       /* of the state as it is now */
	int64_t stored_due_ms; /* of the state in the store; TIME_NONE: no due entry there */
	int64_t queued_due_ms; /* lowest due in the task's due queue; TIME_NONE: not in it */
	uint64_t hash;
	uint32_t task;	     /* index of the task that owns it */
	uint32_t generation; /* of the slot: tells a reused slot from the one remembered */
	uint32_t dirty_prev, dirty_next;
	uint8_t kind;	   /* index into the processor's kinds */
	bool referenced;   /* since the eviction hand last passed */
	bool must_publish; /* with this transaction, because something was said about it */
	bool in_flight;	   /* published in a transaction whose outcome isn't known yet */
	uint8_t key_len;
	uint8_t key[KEY_LEN_MAX];
	uint8_t *state;
	_Alignas(16) uint8_t room[];
};

_Static_assert(KEY_LEN_MAX <= UINT8_MAX, "key_len is a byte");

static inline struct bytes entry_key(const struct entry *entry)
{
	return bytes_of(entry->key, entry->key_len);
}

static inline bool entry_is_of(const struct entry *entry, uint32_t task, uint8_t kind,
			       struct bytes key)
{
	return entry->task == task && entry->kind == kind && bytes_equal(entry_key(entry), key);
}

static inline bool entry_is_dirty(const struct entry *entry)
{
	return entry->first_dirty != ENTRY_CLEAN;
}

/* Whether memory knows more than the store does. */
static inline bool entry_is_unstored(const struct entry *entry)
{
	return entry_is_dirty(entry) || entry->in_flight;
}

#endif
