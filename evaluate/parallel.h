/* Independent pieces of work on all cores.
 *
 * Threads: the caller waits meanwhile and is the only one to call `progress`. */
#ifndef EVALUATE_PARALLEL_H
#define EVALUATE_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>

enum { PARALLEL_THREADS_MAX = 256 };

struct parallel_options {
	int threads; /* 0: as many as there are processors */
	void (*progress)(void *context, size_t done);
	void *progress_context;
	const volatile int *stop; /* set: no further piece is begun; NULL: never */
};

/* Calls work(context, i) once for each i in [0, count), in no order, from several threads. False if
 * it was stopped before the end. */
bool parallel_run(size_t count, void (*work)(void *context, size_t i), void *context,
		  const struct parallel_options *options);

#endif
