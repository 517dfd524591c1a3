/* What reading alone costs: consumes the events of the reference job in a group, decodes each, and
 * commits what it has read every 100 ms, without transactions. The bound that a worker on the same
 * client library could come near to.
 *
 *   bench_ceiling brokers=HOST:PORT topic=T group=G
 *
 * Runs until SIGTERM or SIGINT. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "cli/exit.h"
#include "cli/stop.h"
#include "tests/bench/job/event.h"
#include "tests/bench/job/settings.h"

enum { BATCH_MAX = 2000, PARTITIONS = 64, COMMIT_MS = 100, WAIT_MS = 50 };

struct ceiling {
	const char *brokers, *topic, *group;
	rd_kafka_t *consumer;
	rd_kafka_queue_t *queue;
	rd_kafka_message_t *messages[BATCH_MAX];
	int64_t next[PARTITIONS]; /* offset by partition; 0: nothing read */
	int64_t committed_ms;
	double amount; /* so that decoding has a purpose */
};

static const char *const own_names[] = { "brokers", "topic", "group", NULL };

/* As kafka/bus_kafka.c sets its consumer up, but for the group's own commits. */
static const struct {
	const char *name, *value;
} consumer_settings[] = {
	{ "enable.auto.commit", "false" },	  { "enable.auto.offset.store", "false" },
	{ "auto.offset.reset", "earliest" },	  { "isolation.level", "read_committed" },
	{ "fetch.queue.backoff.ms", "10" },	  { "fetch.wait.max.ms", "100" },
	{ "queued.min.messages", "200000" },	  { "queued.max.messages.kbytes", "65536" },
	{ "fetch.message.max.bytes", "2097152" }, { "check.crcs", "false" },
};

static struct err *open_consumer(struct ceiling *ceiling)
{
	char text[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	CHECK(rd_kafka_conf_set(conf, "bootstrap.servers", ceiling->brokers, text, sizeof text) ==
	      0);
	CHECK(rd_kafka_conf_set(conf, "group.id", ceiling->group, text, sizeof text) == 0);
	for (size_t i = 0; i < sizeof consumer_settings / sizeof consumer_settings[0]; i++)
		CHECK(rd_kafka_conf_set(conf, consumer_settings[i].name, consumer_settings[i].value,
					text, sizeof text) == 0);
	ceiling->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (ceiling->consumer == NULL)
		return err_new(ERR_FATAL, "CEILING", "%s", text);
	rd_kafka_poll_set_consumer(ceiling->consumer);
	ceiling->queue = rd_kafka_queue_get_consumer(ceiling->consumer);
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(topics, ceiling->topic, RD_KAFKA_PARTITION_UA);
	CHECK(rd_kafka_subscribe(ceiling->consumer, topics) == 0);
	rd_kafka_topic_partition_list_destroy(topics);
	return NULL;
}

static struct err *take(struct ceiling *ceiling, const rd_kafka_message_t *message)
{
	struct job_event event;
	if (message->err != 0)
		return NULL; /* the library goes on by itself */
	CHECK(message->partition >= 0 && message->partition < PARTITIONS);
	struct err *err = job_event_decode(bytes_of(message->payload, message->len), &event);
	if (err == NULL)
		ceiling->amount += event.amount;
	ceiling->next[message->partition] = message->offset + 1;
	return err;
}

static struct err *read_batch(struct ceiling *ceiling)
{
	struct err *err = NULL;
	ssize_t count =
		rd_kafka_consume_batch_queue(ceiling->queue, 0, ceiling->messages, BATCH_MAX);
	if (count <= 0)
		count = rd_kafka_consume_batch_queue(ceiling->queue, WAIT_MS, ceiling->messages, 1);
	for (ssize_t i = 0; i < count; i++) {
		if (err == NULL)
			err = take(ceiling, ceiling->messages[i]);
		rd_kafka_message_destroy(ceiling->messages[i]);
	}
	return err;
}

static void commit(struct ceiling *ceiling)
{
	int64_t now_ms = time_monotonic_ms();
	if (now_ms - ceiling->committed_ms < COMMIT_MS)
		return;
	ceiling->committed_ms = now_ms;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
	for (int32_t i = 0; i < PARTITIONS; i++)
		if (ceiling->next[i] > 0)
			rd_kafka_topic_partition_list_add(list, ceiling->topic, i)->offset =
				ceiling->next[i];
	if (list->cnt > 0)
		(void)rd_kafka_commit(ceiling->consumer, list, 1);
	rd_kafka_topic_partition_list_destroy(list);
}

int main(int argc, char **argv)
{
	struct ceiling ceiling = { 0 };
	struct settings settings;
	struct err *err = settings_open(argc, argv, own_names, &settings);
	ceiling.brokers = settings_text(&settings, "brokers", "127.0.0.1:9092");
	ceiling.topic = settings_text(&settings, "topic", "reference.events");
	ceiling.group = settings_text(&settings, "group", "ceiling");
	if (err == NULL)
		err = open_consumer(&ceiling);
	stop_install();
	while (err == NULL && !stop_requested()) {
		err = read_batch(&ceiling);
		commit(&ceiling);
	}
	printf("amounts %.2f\n", ceiling.amount);
	if (ceiling.consumer != NULL) {
		rd_kafka_queue_destroy(ceiling.queue);
		rd_kafka_consumer_close(ceiling.consumer);
		rd_kafka_destroy(ceiling.consumer);
	}
	settings_close(&settings);
	return exit_report("bench_ceiling", &err);
}
