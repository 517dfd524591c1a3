/* Bump allocation for what lives as long as one batch: allocate many times, free all at once.
 *
 * Invariant: memory handed out stays where it is until arena_reset. Blocks are kept across resets,
 * so the steady state allocates nothing. Threads: one. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"

struct arena;

/* A new arena that holds at most `bytes_max`. Free with arena_free(&arena). */
struct arena *arena_new(size_t bytes_max);
void arena_free(struct arena **arena);

/* `len` bytes, aligned to 16, borrowed until arena_reset; aborts beyond bytes_max, so callers look
 * at arena_used first. */
void *arena_alloc(struct arena *arena, size_t len);
struct bytes arena_copy(struct arena *arena, struct bytes source);

size_t arena_used(const struct arena *arena);
void arena_reset(struct arena *arena);

#endif
