/* Loads a topic with the events of the reference job, batched and compressed as the job says.
 *
 *   bench_load brokers=HOST:PORT topic=T events=N [accounts=N] [first_pass=1]
 *              [erp=1 [apart_ms=N]]
 *
 * The topic must exist and be empty. With erp=1 the same accounts, kinds and amounts come as
 * foretell's own ERP events, apart_ms of event time apart. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "cli/exit.h"
#include "schemas/registry.h"
#include "schemas/types.h"
#include "tests/bench/job/settings.h"
#include "tests/bench/job/stream.h"

/* From 2024-01-01; 3,000,000 events last a year and a half. */
#define ERP_START_MS INT64_C(1704067200000)
enum { ERP_APART_MS = 15000 };

struct load {
	const char *brokers, *topic;
	int64_t event_count, account_count, first_pass, erp, apart_ms;
	struct registry *registry;
	rd_kafka_t *producer;
	rd_kafka_topic_t *handle;
};

static const char *const own_names[] = { "brokers",    "topic", "events",   "accounts",
					 "first_pass", "erp",	"apart_ms", NULL };

static const struct {
	const char *name, *value;
} producer_settings[] = {
	{ "acks", "all" },
	{ "enable.idempotence", "true" },
	{ "compression.type", "lz4" },
	{ "batch.size", "262144" },
	{ "linger.ms", "20" },
	{ "queue.buffering.max.messages", "200000" },
};

static void on_delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context)
{
	int *failed = context;
	(void)producer;
	if (message->err != 0)
		*failed = (int)message->err;
}

static struct err *open_producer(struct load *load, int *failed)
{
	char text[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	CHECK(rd_kafka_conf_set(conf, "bootstrap.servers", load->brokers, text, sizeof text) == 0);
	for (size_t i = 0; i < sizeof producer_settings / sizeof producer_settings[0]; i++)
		CHECK(rd_kafka_conf_set(conf, producer_settings[i].name, producer_settings[i].value,
					text, sizeof text) == 0);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
	rd_kafka_conf_set_opaque(conf, failed);
	load->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	if (load->producer == NULL)
		return err_new(ERR_FATAL, "LOAD", "%s", text);
	rd_kafka_topic_conf_t *topic_conf = rd_kafka_topic_conf_new();
	CHECK(rd_kafka_topic_conf_set(topic_conf, "partitioner", "murmur2_random", text,
				      sizeof text) == 0);
	load->handle = rd_kafka_topic_new(load->producer, load->topic, topic_conf);
	CHECK(load->handle != NULL);
	return NULL;
}

static struct err *as_erp_event(struct load *load, struct bytes value, int64_t index, uint8_t *out,
				size_t *len)
{
	static const char *const types[JOB_KINDS] = { "erp.order",   "erp.order",  "erp.order",
						      "erp.return",  "erp.return", "erp.invoice",
						      "erp.payment", "erp.order" };
	struct job_event event;
	struct err *err = job_event_decode(value, &event);
	if (err != NULL)
		return err;
	const char *type = types[event.kind];
	bool back = strcmp(type, "erp.return") == 0;
	const struct source_event erp = {
		.event_id = event.event_id,
		.source = bytes_str("bench"),
		.type = bytes_str(type),
		.subject = event.account,
		.event_ms = ERP_START_MS + index * load->apart_ms,
		.has_amount = true,
		.has_quantity = true,
		.amount_minor = (int64_t)(event.amount * 100 + 0.5) * (back ? -1 : 1),
		.currency = bytes_str("EUR"),
		.quantity = event.quantity,
	};
	return registry_encode(load->registry, load->topic, &erp_event_type, &erp, out,
			       JOB_EVENT_LEN_MAX, len);
}

static struct err *send_event(struct load *load, struct stream *stream)
{
	struct bytes key, value;
	uint8_t erp[JOB_EVENT_LEN_MAX];
	int64_t index = stream->index;
	stream_next(stream, &key, &value);
	if (load->erp != 0) {
		size_t len;
		struct err *err = as_erp_event(load, value, index, erp, &len);
		if (err != NULL)
			return err;
		value = bytes_of(erp, len);
	}
	while (rd_kafka_produce(load->handle, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
				(void *)(uintptr_t)value.data, value.len, key.data, key.len,
				NULL) != 0) {
		CHECK(rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL);
		rd_kafka_poll(load->producer, 5);
	}
	if (index % 1024 == 0)
		rd_kafka_poll(load->producer, 0);
	return NULL;
}

static struct err *send_all(struct load *load)
{
	int failed = 0;
	struct stream stream;
	struct err *err = registry_open(NULL, &load->registry);
	if (err == NULL)
		err = open_producer(load, &failed);
	if (err != NULL)
		return err;
	stream_init(&stream, load->account_count, load->first_pass != 0);
	for (int64_t i = 0; err == NULL && i < load->event_count; i++)
		err = send_event(load, &stream);
	if (err == NULL && (rd_kafka_flush(load->producer, 60000) != 0 || failed != 0))
		err = err_new(ERR_FATAL, "LOAD", "events were not taken: %s",
			      rd_kafka_err2str((rd_kafka_resp_err_t)failed));
	rd_kafka_topic_destroy(load->handle);
	rd_kafka_destroy(load->producer);
	registry_close(&load->registry);
	return err;
}

int main(int argc, char **argv)
{
	struct load load = { 0 };
	struct settings settings;
	struct err *err = settings_open(argc, argv, own_names, &settings);
	if (err == NULL)
		err = settings_number(&settings, "events", 2000000, 1, INT64_MAX / 2,
				      &load.event_count);
	if (err == NULL)
		err = settings_number(&settings, "accounts", STREAM_ACCOUNTS, 5,
				      STREAM_ACCOUNTS_MAX, &load.account_count);
	if (err == NULL)
		err = settings_number(&settings, "first_pass", 0, 0, 1, &load.first_pass);
	if (err == NULL)
		err = settings_number(&settings, "erp", 0, 0, 1, &load.erp);
	if (err == NULL)
		err = settings_number(&settings, "apart_ms", ERP_APART_MS, 1, MS_PER_DAY,
				      &load.apart_ms);
	load.brokers = settings_text(&settings, "brokers", "127.0.0.1:9092");
	load.topic = settings_text(&settings, "topic", "reference.events");
	int64_t began_ms = time_monotonic_ms();
	if (err == NULL)
		err = send_all(&load);
	if (err == NULL)
		printf("%" PRId64 " events in %.1f s\n", load.event_count,
		       (double)(time_monotonic_ms() - began_ms) / 1000);
	settings_close(&settings);
	return exit_report("bench_load", &err);
}
