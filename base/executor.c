#include "base/executor.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"

enum executor_state {
	EXECUTOR_IDLE,
	EXECUTOR_BUSY,
	EXECUTOR_DONE,
};

struct executor {
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	enum executor_state state;
	bool quit;
	struct err *(*job)(void *context);
	void *context;
	struct err *outcome;
	bool started; /* the owner's own view of state, without the lock */
};

static void *run(void *argument)
{
	struct executor *executor = argument;
	pthread_mutex_lock(&executor->lock);
	for (;;) {
		while (executor->state != EXECUTOR_BUSY && !executor->quit)
			pthread_cond_wait(&executor->changed, &executor->lock);
		if (executor->state != EXECUTOR_BUSY)
			break;
		pthread_mutex_unlock(&executor->lock);
		struct err *err = executor->job(executor->context);
		pthread_mutex_lock(&executor->lock);
		executor->outcome = err;
		executor->state = EXECUTOR_DONE;
		pthread_cond_broadcast(&executor->changed);
	}
	pthread_mutex_unlock(&executor->lock);
	return NULL;
}

struct executor *executor_new(void)
{
	struct executor *executor = check_calloc(1, sizeof *executor);
	pthread_mutex_init(&executor->lock, NULL);
	pthread_cond_init(&executor->changed, NULL);
	CHECK(pthread_create(&executor->thread, NULL, run, executor) == 0);
	return executor;
}

void executor_free(struct executor **out)
{
	struct executor *executor = *out;
	if (executor == NULL)
		return;
	pthread_mutex_lock(&executor->lock);
	executor->quit = true;
	pthread_cond_broadcast(&executor->changed);
	pthread_mutex_unlock(&executor->lock);
	pthread_join(executor->thread, NULL);
	err_free(&executor->outcome);
	pthread_mutex_destroy(&executor->lock);
	pthread_cond_destroy(&executor->changed);
	free(executor);
	*out = NULL;
}

void executor_start(struct executor *executor, struct err *(*job)(void *context), void *context)
{
	CHECK(!executor->started);
	executor->started = true;
	pthread_mutex_lock(&executor->lock);
	executor->job = job;
	executor->context = context;
	executor->state = EXECUTOR_BUSY;
	pthread_cond_broadcast(&executor->changed);
	pthread_mutex_unlock(&executor->lock);
}

bool executor_busy(const struct executor *executor)
{
	return executor->started;
}

struct err *executor_end(struct executor *executor, bool wait, bool *done)
{
	struct err *err = NULL;
	CHECK(executor->started);
	pthread_mutex_lock(&executor->lock);
	while (wait && executor->state == EXECUTOR_BUSY)
		pthread_cond_wait(&executor->changed, &executor->lock);
	*done = executor->state == EXECUTOR_DONE;
	if (*done) {
		err = executor->outcome;
		executor->outcome = NULL;
		executor->state = EXECUTOR_IDLE;
		executor->started = false;
	}
	pthread_mutex_unlock(&executor->lock);
	return err;
}
