#include "producers/event_sort.h"

#include <stdlib.h>

#include "base/check.h"

enum { BLOCK_LEN = 1024 * 1024, EVENTS_FIRST = 4096 };

/* Events lie in blocks that never move, so sorting moves the small entries only. */
struct block {
	struct block *next;
	size_t used;
	uint8_t bytes[BLOCK_LEN];
};

struct event_sort {
	size_t bytes_max, bytes_used;
	struct block *blocks; /* newest first */
	struct sorted_event *events;
	size_t count, capacity;
};

struct event_sort *event_sort_new(size_t bytes_max)
{
	struct event_sort *sort = check_calloc(1, sizeof *sort);
	sort->bytes_max = bytes_max;
	return sort;
}

void event_sort_free(struct event_sort **sort)
{
	if (*sort == NULL)
		return;
	for (struct block *block = (*sort)->blocks, *next; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	free((*sort)->events);
	free(*sort);
	*sort = NULL;
}

static bool may_take(const struct event_sort *sort, size_t len)
{
	return len <= sort->bytes_max - sort->bytes_used;
}

/* Room for one more entry. */
static bool reserve_entry(struct event_sort *sort)
{
	if (sort->count < sort->capacity)
		return true;
	size_t capacity = sort->capacity == 0 ? EVENTS_FIRST : 2 * sort->capacity;
	size_t growth = (capacity - sort->capacity) * sizeof *sort->events;
	if (!may_take(sort, growth))
		return false;
	/* the size comes from the input: refused, not aborted */
	struct sorted_event *events = realloc(sort->events, capacity * sizeof *events);
	if (events == NULL)
		return false;
	sort->events = events;
	sort->capacity = capacity;
	sort->bytes_used += growth;
	return true;
}

/* Room for `len` bytes; NULL where there is none left. */
static uint8_t *reserve_bytes(struct event_sort *sort, size_t len)
{
	CHECK(len <= BLOCK_LEN);
	if (sort->blocks == NULL || BLOCK_LEN - sort->blocks->used < len) {
		struct block *block = NULL;
		if (may_take(sort, sizeof *block))
			block = malloc(sizeof *block);
		if (block == NULL)
			return NULL;
		block->next = sort->blocks;
		block->used = 0;
		sort->blocks = block;
		sort->bytes_used += sizeof *block;
	}
	uint8_t *bytes = sort->blocks->bytes + sort->blocks->used;
	sort->blocks->used += len;
	return bytes;
}

struct err *event_sort_add(struct event_sort *sort, int64_t event_ms, int64_t row, struct bytes key,
			   struct bytes value)
{
	uint8_t *bytes = reserve_entry(sort) ? reserve_bytes(sort, key.len + value.len) : NULL;
	if (bytes == NULL)
		return err_new(
			ERR_FATAL, "SORT_SIZE",
			"sorting by time holds at most %zu MiB, which is full after %zu "
			"events; sort the file by time first and take \"order_by\" out of the "
			"mapping",
			sort->bytes_max >> 20, sort->count);
	memcpy(bytes, key.data, key.len);
	memcpy(bytes + key.len, value.data, value.len);
	sort->events[sort->count++] = (struct sorted_event){
		.event_ms = event_ms,
		.row = row,
		.data = bytes,
		.key_len = (uint32_t)key.len,
		.value_len = (uint32_t)value.len,
	};
	return NULL;
}

/* Rows are distinct, so no two entries compare equal and any sort is a stable one. */
static int compare_events(const void *left, const void *right)
{
	const struct sorted_event *a = left, *b = right;
	if (a->event_ms != b->event_ms)
		return a->event_ms < b->event_ms ? -1 : 1;
	return (a->row > b->row) - (a->row < b->row);
}

void event_sort_finish(struct event_sort *sort, const struct sorted_event **events, size_t *count)
{
	if (sort->count > 0)
		qsort(sort->events, sort->count, sizeof *sort->events, compare_events);
	*events = sort->events;
	*count = sort->count;
}
