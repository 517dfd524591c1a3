#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void check_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "foretell: impossible state at %s:%d: %s\n", file, line, cond);
	abort();
}

void *check_malloc(size_t size)
{
	void *block = malloc(size ? size : 1);
	CHECK(block != NULL);
	return block;
}

void *check_calloc(size_t count, size_t size)
{
	void *block = calloc(count ? count : 1, size ? size : 1);
	CHECK(block != NULL);
	return block;
}

void *check_realloc(void *old, size_t size)
{
	void *block = realloc(old, size ? size : 1);
	CHECK(block != NULL);
	return block;
}

char *check_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	return memcpy(check_malloc(size), text, size);
}
