/* See parallel.h. */
#include "evaluate/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

enum { PROGRESS_EVERY_NS = 100 * 1000 * 1000, SECOND_NS = 1000 * 1000 * 1000 };

struct pool {
	size_t count;
	void (*work)(void *context, size_t i);
	void *context;
	const volatile int *stop;
	atomic_size_t next, done;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	int running; /* under lock */
};

static void *run(void *context)
{
	struct pool *pool = context;
	size_t i;
	while ((pool->stop == NULL || !*pool->stop) &&
	       (i = atomic_fetch_add(&pool->next, 1)) < pool->count) {
		pool->work(pool->context, i);
		atomic_fetch_add(&pool->done, 1);
	}
	pthread_mutex_lock(&pool->lock);
	pool->running--;
	pthread_cond_signal(&pool->idle);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void wait_for(struct pool *pool, const struct parallel_options *options)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->running > 0) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += PROGRESS_EVERY_NS;
		until.tv_sec += until.tv_nsec / SECOND_NS;
		until.tv_nsec %= SECOND_NS;
		(void)pthread_cond_timedwait(&pool->idle, &pool->lock, &until);
		if (options->progress != NULL)
			options->progress(options->progress_context, atomic_load(&pool->done));
	}
	pthread_mutex_unlock(&pool->lock);
}

static int threads_of(int asked, size_t count)
{
	long threads = asked > 0 ? asked : sysconf(_SC_NPROCESSORS_ONLN);
	threads = threads < 1 ? 1 : threads;
	threads = threads > PARALLEL_THREADS_MAX ? PARALLEL_THREADS_MAX : threads;
	return (size_t)threads > count ? (int)count : (int)threads;
}

bool parallel_run(size_t count, void (*work)(void *context, size_t i), void *context,
		  const struct parallel_options *options)
{
	struct pool pool = {
		.count = count, .work = work, .context = context, .stop = options->stop
	};
	pthread_t threads[PARALLEL_THREADS_MAX];
	pthread_mutex_init(&pool.lock, NULL);
	pthread_cond_init(&pool.idle, NULL);
	pool.running = threads_of(options->threads, count);
	int started = pool.running;
	for (int i = 0; i < started; i++)
		CHECK(pthread_create(&threads[i], NULL, run, &pool) == 0);
	wait_for(&pool, options);
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_cond_destroy(&pool.idle);
	pthread_mutex_destroy(&pool.lock);
	return atomic_load(&pool.done) == count;
}
