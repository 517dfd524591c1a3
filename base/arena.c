#include "base/arena.h"

#include <stdlib.h>

#include "base/check.h"

enum { ARENA_BLOCK_LEN = 256 * 1024, ARENA_ALIGN = 16 };

struct block {
	struct block *next;
	size_t len, used;
	_Alignas(ARENA_ALIGN) uint8_t data[];
};

struct arena {
	struct block *first, *current;
	size_t used, bytes_max;
};

static struct block *block_new(size_t len)
{
	struct block *block = check_malloc(sizeof *block + len);
	*block = (struct block){ .len = len };
	return block;
}

struct arena *arena_new(size_t bytes_max)
{
	struct arena *arena = check_malloc(sizeof *arena);
	*arena = (struct arena){ .first = block_new(ARENA_BLOCK_LEN), .bytes_max = bytes_max };
	arena->current = arena->first;
	return arena;
}

void arena_free(struct arena **arena)
{
	if (*arena == NULL)
		return;
	for (struct block *block = (*arena)->first, *next; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	free(*arena);
	*arena = NULL;
}

/* The next kept block that is large enough, or a new one put right after the current. */
static void arena_advance(struct arena *arena, size_t len)
{
	struct block *next = arena->current->next;
	if (next == NULL || next->len < len) {
		struct block *fresh = block_new(len > ARENA_BLOCK_LEN ? len : ARENA_BLOCK_LEN);
		fresh->next = next;
		arena->current->next = fresh;
		next = fresh;
	}
	next->used = 0;
	arena->current = next;
}

void *arena_alloc(struct arena *arena, size_t len)
{
	size_t rounded = (len + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	CHECK(arena->used + rounded <= arena->bytes_max);
	if (arena->current->used + rounded > arena->current->len)
		arena_advance(arena, rounded);
	void *memory = arena->current->data + arena->current->used;
	arena->current->used += rounded;
	arena->used += rounded;
	return memory;
}

struct bytes arena_copy(struct arena *arena, struct bytes source)
{
	if (source.data == NULL)
		return source;
	void *memory = arena_alloc(arena, source.len);
	memcpy(memory, source.data, source.len);
	return bytes_of(memory, source.len);
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}

void arena_reset(struct arena *arena)
{
	arena->current = arena->first;
	arena->first->used = 0;
	arena->used = 0;
}
