/* Counts allocations by who asks for them, and says so at the end on stderr:
 *
 *   allocations: ours N, librdkafka N, shared libraries N
 *
 * "Ours" are calls from foretell's own objects: in bench_counted their malloc, calloc and realloc
 * are renamed to those with counted_ here (see the Makefile). All other calls come to malloc and
 * its like below, which stand before the C library's: from this program's own text they are
 * librdkafka's (which is linked into it), from elsewhere those of RocksDB and other libraries. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);
void *counted_malloc(size_t size);
void *counted_calloc(size_t count, size_t size);
void *counted_realloc(void *old, size_t size);

extern char __executable_start, etext;

static _Atomic int64_t ours, rdkafka, shared;

static void add(_Atomic int64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void add_caller(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;
	if (at >= (uintptr_t)&__executable_start && at < (uintptr_t)&etext)
		add(&rdkafka);
	else
		add(&shared);
}

void *malloc(size_t size)
{
	add_caller(__builtin_return_address(0));
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	add_caller(__builtin_return_address(0));
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	add_caller(__builtin_return_address(0));
	return __libc_realloc(old, size);
}

void *counted_malloc(size_t size)
{
	add(&ours);
	return __libc_malloc(size);
}

void *counted_calloc(size_t count, size_t size)
{
	add(&ours);
	return __libc_calloc(count, size);
}

void *counted_realloc(void *old, size_t size)
{
	add(&ours);
	return __libc_realloc(old, size);
}

__attribute__((destructor)) static void report(void)
{
	fprintf(stderr,
		"allocations: ours %" PRId64 ", librdkafka %" PRId64 ", shared libraries %" PRId64
		"\n",
		atomic_load(&ours), atomic_load(&rdkafka), atomic_load(&shared));
}
