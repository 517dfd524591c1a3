#include "models/crew.h"

#include <pthread.h>
#include <stdatomic.h>

struct crew {
	size_t job_count;
	atomic_size_t next;
	void (*job)(void *context, size_t i);
	void *context;
};

static void *work(void *argument)
{
	struct crew *crew = argument;
	for (;;) {
		size_t i = atomic_fetch_add(&crew->next, 1);
		if (i >= crew->job_count)
			return NULL;
		crew->job(crew->context, i);
	}
}

void crew_run(size_t thread_count, size_t job_count, void (*job)(void *context, size_t i),
	      void *context)
{
	struct crew crew = { .job_count = job_count, .job = job, .context = context };
	pthread_t threads[CREW_MAX];
	size_t started = 0;
	while (started + 1 < thread_count && started + 1 < job_count && started < CREW_MAX) {
		if (pthread_create(&threads[started], NULL, work, &crew) != 0)
			break;
		started++;
	}
	work(&crew);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}
