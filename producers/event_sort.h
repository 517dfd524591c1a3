/* Encoded events put into the order of their time, in bounded memory: for files that are grouped by
 * something else. Stable: events of the same time keep the order of their rows.
 *
 * Ownership: what is added is copied. Threads: one. */
#ifndef PRODUCERS_EVENT_SORT_H
#define PRODUCERS_EVENT_SORT_H

#include "base/bytes.h"
#include "base/err.h"

enum { EVENT_SORT_BYTES_MAX = 256 * 1024 * 1024 };

struct sorted_event {
	int64_t event_ms;
	int64_t row;
	const uint8_t *data; /* key, then value */
	uint32_t key_len, value_len;
};

struct event_sort;

/* A new sorter that holds at most bytes_max bytes (its own tables included). Free with
 * event_sort_free. */
struct event_sort *event_sort_new(size_t bytes_max);
void event_sort_free(struct event_sort **sort); /* NULL-safe */

/* Errors: FATAL SORT_SIZE (bytes_max is used up, or memory is). */
ERR_MUST_USE struct err *event_sort_add(struct event_sort *sort, int64_t event_ms, int64_t row,
					struct bytes key, struct bytes value);

/* Sorts what was added. *events is borrowed until event_sort_free. */
void event_sort_finish(struct event_sort *sort, const struct sorted_event **events, size_t *count);

#endif
