/* A few threads that share out numbered jobs. A job writes to its own place only, so what comes out
 * doesn't depend on how many threads there are or which one took what.
 *
 * Threads: crew_run returns when all jobs are done. */
#ifndef MODELS_CREW_H
#define MODELS_CREW_H

#include <stddef.h>

enum { CREW_MAX = 16 };

/* Calls job(context, i) for each i below job_count on up to thread_count threads, of which the
 * caller's is one. Where a thread can't be had, the others do its work. */
void crew_run(size_t thread_count, size_t job_count, void (*job)(void *context, size_t i),
	      void *context);

#endif
