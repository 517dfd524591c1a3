/* The time from an event to its alert: sends events of the reference job at a steady rate, one in a
 * hundred flagged, and reads the alerts under read_committed, in one process and by one clock. A
 * flagged event's id is the time at which it was due, so that a sender that is late counts, too.
 *
 *   bench_latency brokers=HOST:PORT topic=T alerts=T [rate=5000] [seconds=60] [warm_up=10]
 *
 * The last line on stdout is JSON: how many alerts of flagged events came, and percentiles in ms,
 * those of the first warm_up seconds left out. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "cli/exit.h"
#include "tests/bench/job/settings.h"
#include "tests/bench/job/stream.h"

#define NS_PER_S INT64_C(1000000000)

enum {
	PARTITIONS = 4,
	FLAG_PERIOD = 100,
	FLAG_PHASE = 37,
	ALERT_ID_AT = 5 + 1 + 3, /* of an alert: header, length, "AL-" */
	DRAIN_S = 5,
};

struct probe {
	const char *brokers, *topic, *alerts;
	int64_t rate, seconds, warm_up;
	rd_kafka_t *producer, *consumer;
	rd_kafka_topic_t *handle;
	int64_t began_ns; /* wall clock */
	double *latencies_ms;
	size_t count, capacity;
	int64_t late_ns_max; /* how far behind its schedule the sender was */
	_Atomic bool stop;
};

static const char *const own_names[] = { "brokers", "topic",   "alerts", "rate",
					 "seconds", "warm_up", NULL };

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *const *names_values)
{
	char text[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	for (; *names_values != NULL; names_values += 2)
		CHECK(rd_kafka_conf_set(conf, names_values[0], names_values[1], text,
					sizeof text) == RD_KAFKA_CONF_OK);
	rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
	CHECK(client != NULL);
	return client;
}

static void open_both(struct probe *probe)
{
	/* Idempotence bounds the requests in flight, so that what waits goes in one batch: else
	 * each event would be a request of its own, and the broker the bottleneck. */
	const char *const producing[] = { "bootstrap.servers",
					  probe->brokers,
					  "enable.idempotence",
					  "true",
					  "linger.ms",
					  "0",
					  "compression.type",
					  "lz4",
					  "partitioner",
					  "murmur2_random",
					  NULL };
	const char *const consuming[] = { "bootstrap.servers",
					  probe->brokers,
					  "group.id",
					  "bench_latency",
					  "isolation.level",
					  "read_committed",
					  "enable.auto.commit",
					  "false",
					  "fetch.queue.backoff.ms",
					  "5",
					  NULL };
	probe->producer = open_client(RD_KAFKA_PRODUCER, producing);
	probe->handle = rd_kafka_topic_new(probe->producer, probe->topic, NULL);
	probe->consumer = open_client(RD_KAFKA_CONSUMER, consuming);
	rd_kafka_poll_set_consumer(probe->consumer);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
	for (int32_t i = 0; i < PARTITIONS; i++)
		rd_kafka_topic_partition_list_add(list, probe->alerts, i)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
	CHECK(rd_kafka_assign(probe->consumer, list) == 0);
	rd_kafka_topic_partition_list_destroy(list);
}

static void note(struct probe *probe, const rd_kafka_message_t *message)
{
	char text[17];
	if (message->err != 0 || message->len < ALERT_ID_AT + JOB_EVENT_ID_LEN)
		return;
	int64_t came_ns = now_ns();
	const char *id = (const char *)message->payload + ALERT_ID_AT;
	if (id[0] != 'L')
		return; /* not flagged: its score has crossed the threshold */
	memcpy(text, id + 1, 16);
	text[16] = '\0';
	int64_t due_ns = strtoll(text, NULL, 10) * 1000;
	if (due_ns < probe->began_ns + probe->warm_up * NS_PER_S)
		return;
	CHECK(probe->count < probe->capacity);
	probe->latencies_ms[probe->count++] = (double)(came_ns - due_ns) / 1e6;
}

static void *read_alerts(void *argument)
{
	struct probe *probe = argument;
	while (!atomic_load(&probe->stop)) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(probe->consumer, 50);
		if (message == NULL)
			continue;
		note(probe, message);
		rd_kafka_message_destroy(message);
	}
	return NULL;
}

static void sleep_until(int64_t at_ns)
{
	const struct timespec until = { at_ns / NS_PER_S, at_ns % NS_PER_S };
	while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) != 0)
		continue;
}

static void send_events(struct probe *probe)
{
	struct stream stream;
	stream_init(&stream, STREAM_ACCOUNTS, false);
	for (int64_t i = 0; i < probe->rate * probe->seconds; i++) {
		int64_t due_ns = probe->began_ns + i * NS_PER_S / probe->rate;
		bool flagged = i % FLAG_PERIOD == FLAG_PHASE;
		char id[64];
		if (now_ns() < due_ns)
			sleep_until(due_ns);
		int64_t late_ns = now_ns() - due_ns;
		if (late_ns > probe->late_ns_max)
			probe->late_ns_max = late_ns;
		snprintf(id, sizeof id, "%c%016" PRId64 "-%018" PRId64, flagged ? 'L' : 'x',
			 due_ns / 1000, i);
		struct bytes key, value;
		stream_next_at(&stream, due_ns / 1000000, flagged, id, &key, &value);
		CHECK(rd_kafka_produce(probe->handle, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
				       (void *)(uintptr_t)value.data, value.len, key.data, key.len,
				       NULL) == 0);
		rd_kafka_poll(probe->producer, 0);
	}
	CHECK(rd_kafka_flush(probe->producer, 30000) == 0);
}

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

static double percentile(const struct probe *probe, double share)
{
	return probe->latencies_ms[(size_t)(share * (double)(probe->count - 1))];
}

static struct err *run(struct probe *probe)
{
	pthread_t reader;
	probe->capacity = (size_t)(probe->rate * probe->seconds / FLAG_PERIOD) + 1;
	probe->latencies_ms = check_calloc(probe->capacity, sizeof *probe->latencies_ms);
	open_both(probe);
	probe->began_ns = now_ns() + NS_PER_S;
	CHECK(pthread_create(&reader, NULL, read_alerts, probe) == 0);
	send_events(probe);
	sleep_until(now_ns() + DRAIN_S * NS_PER_S);
	atomic_store(&probe->stop, true);
	pthread_join(reader, NULL);
	rd_kafka_consumer_close(probe->consumer);
	rd_kafka_destroy(probe->consumer);
	rd_kafka_topic_destroy(probe->handle);
	rd_kafka_destroy(probe->producer);
	if (probe->count == 0)
		return err_new(ERR_FATAL, "LATENCY", "no alert came");
	qsort(probe->latencies_ms, probe->count, sizeof *probe->latencies_ms, by_size);
	int64_t sent = probe->rate * (probe->seconds - probe->warm_up) / FLAG_PERIOD;
	printf("{\"flagged\": %" PRId64
	       ", \"alerts\": %zu, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"p999_ms\": %.2f, "
	       "\"max_ms\": %.2f, \"sender_late_ms_max\": %.2f}\n",
	       sent, probe->count, percentile(probe, .5), percentile(probe, .99),
	       percentile(probe, .999), percentile(probe, 1), (double)probe->late_ns_max / 1e6);
	free(probe->latencies_ms);
	return NULL;
}

int main(int argc, char **argv)
{
	struct probe probe = { 0 };
	struct settings settings;
	struct err *err = settings_open(argc, argv, own_names, &settings);
	if (err == NULL)
		err = settings_number(&settings, "rate", 5000, 1, 1000000, &probe.rate);
	if (err == NULL)
		err = settings_number(&settings, "seconds", 60, 1, 3600, &probe.seconds);
	if (err == NULL)
		err = settings_number(&settings, "warm_up", 10, 0, 3600, &probe.warm_up);
	probe.brokers = settings_text(&settings, "brokers", "127.0.0.1:9092");
	probe.topic = settings_text(&settings, "topic", "latency.events");
	probe.alerts = settings_text(&settings, "alerts", "bench.reference.alerts");
	if (err == NULL)
		err = run(&probe);
	settings_close(&settings);
	return exit_report("bench_latency", &err);
}
