/* CHECK for what can't happen: prints where, and aborts. Never for input, never compiled out. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>

#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))

_Noreturn void check_failed(const char *cond, const char *file, int line);

/* malloc, calloc, realloc and strdup that abort on failure: for sizes that don't come from input.
 * Ownership: the result is new; free() it. */
void *check_malloc(size_t size);
void *check_calloc(size_t count, size_t size);
void *check_realloc(void *old, size_t size);
char *check_strdup(const char *text);

#endif
