#include "kafka/committer.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/executor.h"
#include "base/timestamp.h"

struct committer {
	struct executor *executor;
	struct committer_job job; /* of the one under way */
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

static struct err *end_transaction(void *context)
{
	const struct committer *committer = context;
	struct err *err = committer->job.positions != NULL ? send_offsets(&committer->job) : NULL;
	return err != NULL ? err : commit(&committer->job);
}

struct committer *committer_new(void)
{
	struct committer *committer = check_calloc(1, sizeof *committer);
	committer->executor = executor_new();
	return committer;
}

void committer_free(struct committer **committer)
{
	if (*committer == NULL)
		return;
	executor_free(&(*committer)->executor);
	committer_job_fini(&(*committer)->job);
	free(*committer);
	*committer = NULL;
}

void committer_start(struct committer *committer, const struct committer_job *job)
{
	CHECK(!committer_busy(committer));
	committer->job = *job;
	executor_start(committer->executor, end_transaction, committer);
}

bool committer_busy(const struct committer *committer)
{
	return executor_busy(committer->executor);
}

struct err *committer_end(struct committer *committer, bool wait, bool *done)
{
	struct err *err = executor_end(committer->executor, wait, done);
	if (*done)
		committer_job_fini(&committer->job);
	return err;
}
