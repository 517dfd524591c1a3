#include "state/store_writer.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/executor.h"

enum { SMALL_BATCH_BYTES = 64 * 1024 };

struct store_writer {
	struct store *store;
	struct executor *executor; /* NULL: LATER */
	struct store_batch *batch; /* started, and not ended yet; NULL: none */
	bool asked;		   /* LATER: whether the outcome was asked for before */
	bool written;		   /* by the owner, with this outcome */
	struct err *outcome;
};

static struct err *write_batch(void *context)
{
	const struct store_writer *writer = context;
	return store_batch_write(writer->store, writer->batch);
}

struct store_writer *store_writer_new(struct store *store, enum store_writer_mode mode)
{
	struct store_writer *writer = check_calloc(1, sizeof *writer);
	writer->store = store;
	writer->executor = mode == STORE_WRITER_ASIDE ? executor_new() : NULL;
	return writer;
}

void store_writer_free(struct store_writer **writer)
{
	if (*writer == NULL)
		return;
	executor_free(&(*writer)->executor);
	err_free(&(*writer)->outcome);
	free(*writer);
	*writer = NULL;
}

static void write_here(struct store_writer *writer)
{
	writer->outcome = write_batch(writer);
	writer->written = true;
}

static bool is_aside(const struct store_writer *writer)
{
	return writer->executor != NULL && executor_busy(writer->executor);
}

void store_writer_start(struct store_writer *writer, struct store_batch *batch)
{
	CHECK(writer->batch == NULL);
	writer->batch = batch;
	writer->asked = writer->written = false;
	if (writer->executor == NULL)
		return;
	if (store_batch_bytes(batch) < SMALL_BATCH_BYTES)
		write_here(writer);
	else
		executor_start(writer->executor, write_batch, writer);
}

struct err *store_writer_end(struct store_writer *writer, bool wait, bool *done)
{
	struct err *err = NULL;
	CHECK(writer->batch != NULL);
	if (is_aside(writer)) {
		err = executor_end(writer->executor, wait, done);
	} else {
		if (!writer->written && (wait || writer->asked))
			write_here(writer);
		writer->asked = true;
		*done = writer->written;
		err = writer->outcome;
		writer->outcome = NULL;
	}
	if (*done)
		writer->batch = NULL;
	return err;
}

void store_writer_forget(struct store_writer *writer)
{
	bool done = false;
	if (is_aside(writer))
		writer->outcome = executor_end(writer->executor, true, &done);
	err_free(&writer->outcome);
	writer->batch = NULL;
}
