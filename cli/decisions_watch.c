#include "cli/decisions_watch.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/outage.h"
#include "base/timestamp.h"
#include "kafka/admin.h"
#include "kafka/log_tail.h"
#include "kafka/reader.h"

enum { LOOK_MS = 100, QUEUE_BYTES = 1 << 20 };

static const char topic[] = "identity.decisions";

struct decisions_watch {
	const struct client_options *client;
	struct decisions *decisions;
	int64_t *next; /* by partition: where following begins */
	int32_t partition_count;
	struct log_tail *tail;
	struct outage outage;
	pthread_t thread;
	bool started;
	_Atomic bool over;
	_Atomic bool *stop;
	struct err *err; /* of the thread */
};

static struct err *take(void *context, const struct record *record)
{
	struct decisions_watch *watch = context;
	if (record->partition < watch->partition_count)
		watch->next[record->partition] = record->offset + 1;
	struct err *err =
		decisions_take(watch->decisions, record->key, record->value.data != NULL);
	if (err == NULL || err_verdict(err) != ERR_POISON)
		return err;
	log_emit(LOG_WARN, "run", "a record is passed over", "{s:s,s:i,s:I,s:s,s:s}", "topic",
		 topic, "partition", (int)record->partition, "offset", (json_int_t)record->offset,
		 "code", err_code(err), "reason", err_text(err));
	err_free(&err);
	return NULL;
}

static struct err *count_partitions(struct decisions_watch *watch)
{
	struct admin *admin = NULL;
	struct err *err = admin_open(watch->client, &admin);
	if (err == NULL)
		err = admin_partition_count(admin, topic, &watch->partition_count);
	admin_close(&admin);
	if (err != NULL || watch->partition_count <= 0)
		return err; /* where the topic is missing, the reader says so */
	watch->next = check_calloc((size_t)watch->partition_count, sizeof *watch->next);
	for (int32_t i = 0; i < watch->partition_count; i++)
		watch->next[i] = LOG_TAIL_BEGIN;
	return NULL;
}

struct err *decisions_watch_open(const struct client_options *client, struct decisions_watch **out)
{
	struct decisions_watch *watch = check_calloc(1, sizeof *watch);
	const struct reader_options reading = { .client = client, .topic = topic, .partition = -1 };
	watch->client = client;
	watch->decisions = decisions_new();
	*out = watch;
	struct err *err = count_partitions(watch);
	if (err == NULL)
		err = reader_run(&reading, take, watch, NULL);
	if (err == NULL)
		err = log_tail_open(client, QUEUE_BYTES, &watch->tail);
	for (int32_t i = 0; err == NULL && i < watch->partition_count; i++)
		err = log_tail_add(watch->tail, topic, i, watch->next[i]);
	return err;
}

struct decisions *decisions_watch_known(const struct decisions_watch *watch)
{
	return watch->decisions;
}

/* Brokers that are away come back; until then decisions are not heard of, and somebody should
 * know. */
static void tell(struct decisions_watch *watch, const struct err *err)
{
	enum outage_news news = outage_look(&watch->outage, err != NULL, time_monotonic_ms());
	if (news == OUTAGE_LASTS)
		log_emit(LOG_WARN, "run", "identity.decisions can't be followed for the time being",
			 "{s:s,s:s}", "code", err_code(err), "reason", err_text(err));
	else if (news == OUTAGE_IS_OVER)
		log_emit(LOG_INFO, "run", "identity.decisions is followed again", NULL);
}

static struct err *look(struct decisions_watch *watch, size_t *count)
{
	struct bus_batch batch = { NULL, 0 };
	struct err *err = log_tail_poll(watch->tail, POLL_RECORDS_MAX, &batch);
	tell(watch, err);
	if (err != NULL && err_verdict(err) != ERR_FATAL)
		err_free(&err);
	for (size_t i = 0; err == NULL && i < batch.count; i++)
		err = take(watch, &batch.records[i]);
	*count = batch.count;
	return err;
}

static void *follow(void *argument)
{
	struct decisions_watch *watch = argument;
	while (watch->err == NULL && !atomic_load(&watch->over)) {
		size_t count = 0;
		watch->err = look(watch, &count);
		if (watch->err == NULL && count == 0)
			time_system.sleep_ms(time_system.context, LOOK_MS);
	}
	if (watch->err != NULL) {
		log_emit(LOG_ERROR, "run", "identity.decisions can't be followed", "{s:s,s:s}",
			 "code", err_code(watch->err), "reason", err_text(watch->err));
		atomic_store(watch->stop, true);
	}
	return NULL;
}

struct err *decisions_watch_start(struct decisions_watch *watch, _Atomic bool *stop)
{
	watch->stop = stop;
	watch->started = pthread_create(&watch->thread, NULL, follow, watch) == 0;
	return watch->started ? NULL
			      : err_new(ERR_FATAL, "THREAD", "a thread for %s can't be started",
					topic);
}

struct err *decisions_watch_close(struct decisions_watch **out)
{
	struct decisions_watch *watch = *out;
	if (watch == NULL)
		return NULL;
	atomic_store(&watch->over, true);
	if (watch->started)
		pthread_join(watch->thread, NULL);
	struct err *err = watch->err;
	log_tail_close(&watch->tail);
	decisions_free(&watch->decisions);
	free(watch->next);
	free(watch);
	*out = NULL;
	return err;
}
