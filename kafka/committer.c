#include "kafka/committer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"

enum committer_state {
	COMMITTER_IDLE,
	COMMITTER_BUSY,
	COMMITTER_DONE,
};

struct committer {
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	enum committer_state state;
	bool quit;
	struct committer_job job;
	struct err *outcome;
	bool started; /* the owner's own view of state, without the lock */
};

void committer_job_fini(struct committer_job *job)
{
	if (job->member != NULL)
		rd_kafka_consumer_group_metadata_destroy(job->member);
	if (job->positions != NULL)
		rd_kafka_topic_partition_list_destroy(job->positions);
	*job = (struct committer_job){ .producer = NULL };
}

static struct err *send_offsets(const struct committer_job *job)
{
	int64_t deadline = time_monotonic_ms() + RD_TXN_MS;
	for (;;) {
		struct err *err =
			rd_err_txn(rd_kafka_send_offsets_to_transaction(
					   job->producer, job->positions, job->member, RD_TXN_MS),
				   "send_offsets");
		if (err == NULL || err_verdict(err) != ERR_RETRY)
			return err;
		if (time_monotonic_ms() >= deadline) {
			struct err *lost = err_new(ERR_ABORT, "BUS_TIMED_OUT", "%s", err_text(err));
			err_free(&err);
			return lost;
		}
		err_free(&err);
		rd_kafka_poll(job->producer, RD_BACKOFF_MS);
	}
}

/* Why a commit failed, as its caller can use it (`err` is stolen). */
static struct err *commit_err(const struct rd_client *client, struct err *err)
{
	rd_kafka_resp_err_t code = client->delivery_error;
	struct err *better = NULL;
	/* Another try would meet the same bound: only a person can mend it. */
	if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
	    code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE)
		better = err_new(ERR_FATAL, "BUS_TOO_LARGE",
				 "topic %s doesn't take a record of this size: %s",
				 client->delivery_topic, err_text(err));
	else if (err_verdict(err) == ERR_RETRY)
		better = err_new(ERR_ABORT, "BUS_TIMED_OUT", "the outcome isn't known: %s",
				 err_text(err));
	if (better == NULL)
		return err;
	err_free(&err);
	return better;
}

static struct err *commit(const struct committer_job *job)
{
	int64_t deadline = time_monotonic_ms() + RD_TXN_MS;
	for (;;) {
		/* Flushes and serves the delivery reports; a failed delivery fails the commit. */
		struct err *err =
			rd_err_txn(rd_kafka_commit_transaction(job->producer, RD_TXN_MS), "commit");
		if (err == NULL)
			return NULL;
		if (err_verdict(err) != ERR_RETRY || time_monotonic_ms() >= deadline)
			return commit_err(job->client, err);
		err_free(&err);
		rd_kafka_poll(job->producer, RD_BACKOFF_MS);
	}
}

static void *run(void *context)
{
	struct committer *committer = context;
	pthread_mutex_lock(&committer->lock);
	for (;;) {
		while (committer->state != COMMITTER_BUSY && !committer->quit)
			pthread_cond_wait(&committer->changed, &committer->lock);
		if (committer->state != COMMITTER_BUSY)
			break;
		pthread_mutex_unlock(&committer->lock);
		struct err *err =
			committer->job.positions != NULL ? send_offsets(&committer->job) : NULL;
		if (err == NULL)
			err = commit(&committer->job);
		pthread_mutex_lock(&committer->lock);
		committer->outcome = err;
		committer->state = COMMITTER_DONE;
		pthread_cond_broadcast(&committer->changed);
	}
	pthread_mutex_unlock(&committer->lock);
	return NULL;
}

struct committer *committer_new(void)
{
	struct committer *committer = check_calloc(1, sizeof *committer);
	pthread_mutex_init(&committer->lock, NULL);
	pthread_cond_init(&committer->changed, NULL);
	CHECK(pthread_create(&committer->thread, NULL, run, committer) == 0);
	return committer;
}

void committer_free(struct committer **out)
{
	struct committer *committer = *out;
	if (committer == NULL)
		return;
	pthread_mutex_lock(&committer->lock);
	committer->quit = true;
	pthread_cond_broadcast(&committer->changed);
	pthread_mutex_unlock(&committer->lock);
	pthread_join(committer->thread, NULL);
	committer_job_fini(&committer->job);
	err_free(&committer->outcome);
	pthread_mutex_destroy(&committer->lock);
	pthread_cond_destroy(&committer->changed);
	free(committer);
	*out = NULL;
}

void committer_start(struct committer *committer, const struct committer_job *job)
{
	CHECK(!committer->started);
	committer->started = true;
	pthread_mutex_lock(&committer->lock);
	committer->job = *job;
	committer->state = COMMITTER_BUSY;
	pthread_cond_broadcast(&committer->changed);
	pthread_mutex_unlock(&committer->lock);
}

bool committer_busy(const struct committer *committer)
{
	return committer->started;
}

struct err *committer_end(struct committer *committer, bool wait, bool *done)
{
	struct err *err = NULL;
	CHECK(committer->started);
	pthread_mutex_lock(&committer->lock);
	while (wait && committer->state == COMMITTER_BUSY)
		pthread_cond_wait(&committer->changed, &committer->lock);
	*done = committer->state == COMMITTER_DONE;
	if (*done) {
		err = committer->outcome;
		committer->outcome = NULL;
		committer_job_fini(&committer->job);
		committer->state = COMMITTER_IDLE;
		committer->started = false;
	}
	pthread_mutex_unlock(&committer->lock);
	return err;
}
