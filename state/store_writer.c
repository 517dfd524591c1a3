#include "state/store_writer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"

enum { SMALL_BATCH_BYTES = 64 * 1024 };

enum writer_state {
	WRITER_IDLE,
	WRITER_BUSY,
	WRITER_DONE,
};

struct store_writer {
	struct store *store;
	enum store_writer_mode mode;
	bool asked; /* LATER: whether the outcome was asked for before */
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	enum writer_state state;
	bool quit;
	struct store_batch *batch;
	struct err *outcome;
};

static void *run(void *context)
{
	struct store_writer *writer = context;
	pthread_mutex_lock(&writer->lock);
	for (;;) {
		while (writer->state != WRITER_BUSY && !writer->quit)
			pthread_cond_wait(&writer->changed, &writer->lock);
		if (writer->state != WRITER_BUSY)
			break;
		pthread_mutex_unlock(&writer->lock);
		struct err *err = store_batch_write(writer->store, writer->batch);
		pthread_mutex_lock(&writer->lock);
		writer->outcome = err;
		writer->state = WRITER_DONE;
		pthread_cond_broadcast(&writer->changed);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

struct store_writer *store_writer_new(struct store *store, enum store_writer_mode mode)
{
	struct store_writer *writer = check_calloc(1, sizeof *writer);
	writer->store = store;
	writer->mode = mode;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->changed, NULL);
	if (mode == STORE_WRITER_ASIDE)
		CHECK(pthread_create(&writer->thread, NULL, run, writer) == 0);
	return writer;
}

void store_writer_free(struct store_writer **out)
{
	struct store_writer *writer = *out;
	if (writer == NULL)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->quit = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	if (writer->mode == STORE_WRITER_ASIDE)
		pthread_join(writer->thread, NULL);
	err_free(&writer->outcome);
	pthread_mutex_destroy(&writer->lock);
	pthread_cond_destroy(&writer->changed);
	free(writer);
	*out = NULL;
}

void store_writer_start(struct store_writer *writer, struct store_batch *batch)
{
	bool small = store_batch_bytes(batch) < SMALL_BATCH_BYTES;
	pthread_mutex_lock(&writer->lock);
	CHECK(writer->state == WRITER_IDLE);
	writer->batch = batch;
	writer->asked = false;
	writer->state = WRITER_BUSY;
	if (writer->mode == STORE_WRITER_ASIDE && small) {
		writer->outcome = store_batch_write(writer->store, batch);
		writer->state = WRITER_DONE;
	}
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
}

static void write_later(struct store_writer *writer, bool wait)
{
	if (writer->state == WRITER_BUSY && (wait || writer->asked)) {
		writer->outcome = store_batch_write(writer->store, writer->batch);
		writer->state = WRITER_DONE;
	}
	writer->asked = true;
}

struct err *store_writer_end(struct store_writer *writer, bool wait, bool *done)
{
	struct err *err = NULL;
	if (writer->mode == STORE_WRITER_LATER)
		write_later(writer, wait);
	pthread_mutex_lock(&writer->lock);
	CHECK(writer->state != WRITER_IDLE);
	while (wait && writer->state == WRITER_BUSY)
		pthread_cond_wait(&writer->changed, &writer->lock);
	*done = writer->state == WRITER_DONE;
	if (*done) {
		err = writer->outcome;
		writer->outcome = NULL;
		writer->state = WRITER_IDLE;
	}
	pthread_mutex_unlock(&writer->lock);
	return err;
}

void store_writer_forget(struct store_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	while (writer->mode == STORE_WRITER_ASIDE && writer->state == WRITER_BUSY)
		pthread_cond_wait(&writer->changed, &writer->lock);
	err_free(&writer->outcome);
	writer->state = WRITER_IDLE;
	pthread_mutex_unlock(&writer->lock);
}
