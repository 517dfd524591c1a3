#include "cli/simulate_out.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "cli/options.h"
#include "kafka/writer.h"
#include "schemas/registry.h"
#include "simulate/container.h"

enum { FLUSH_MS = 60000, SLEEP_MS_MAX = 200, END_LEN_MAX = 512 };

struct simulate_out {
	struct simulate_out_options options;
	struct containers *containers; /* NULL: no files */
	struct options_client client;
	struct writer *writer; /* NULL: no Kafka */
	struct registry *registry;
	int32_t ids[FEED_COUNT];
	int64_t began_ms, sent_count;
	uint8_t value[WIRE_HEADER_LEN + POST_EVENT_LEN_MAX];
};

static struct err *kafka_open(struct simulate_out *out)
{
	options_client_init(&out->client, out->options.conf);
	struct err *err =
		registry_open(conf_string(out->options.conf, "registry.url"), &out->registry);
	if (err == NULL)
		err = writer_open(&out->client.options, &out->writer);
	for (int i = 0; i < FEED_COUNT && err == NULL; i++) {
		int32_t partition_count;
		err = writer_partition_count(out->writer, feed_facts[i].topic, &partition_count);
		if (err == NULL)
			err = registry_writer_id(out->registry, feed_facts[i].topic,
						 feed_facts[i].type, &out->ids[i]);
	}
	return err;
}

struct err *simulate_out_open(const struct simulate_out_options *options, struct simulate_out **to)
{
	struct simulate_out *out = check_calloc(1, sizeof *out);
	struct err *err = NULL;
	out->options = *options;
	out->began_ms = time_monotonic_ms();
	if (options->folder != NULL)
		err = containers_open(options->folder, options->seed, &out->containers);
	if (err == NULL && options->to_kafka)
		err = kafka_open(out);
	*to = out;
	if (err == NULL)
		return NULL;
	struct err *close_err = simulate_out_close(to);
	err_free(&close_err);
	return err;
}

/* Waits until this record's turn has come at the rate asked for. */
static void pace(struct simulate_out *out)
{
	int64_t due_ms = out->began_ms + out->sent_count * 1000 / out->options.rate;
	for (;;) {
		int64_t wait_ms = due_ms - time_monotonic_ms();
		if (wait_ms <= 0 || *out->options.stop != 0)
			return;
		time_system.sleep_ms(time_system.context,
				     wait_ms < SLEEP_MS_MAX ? wait_ms : SLEEP_MS_MAX);
	}
}

static struct err *kafka_send(struct simulate_out *out, const struct delivery *delivery)
{
	struct outgoing record = { .topic = feed_facts[delivery->feed].topic,
				   .partition = -1,
				   .key = delivery->key,
				   .value = delivery->value };
	if (!delivery->is_raw) {
		uint32_t id = (uint32_t)out->ids[delivery->feed];
		const uint8_t frame[WIRE_HEADER_LEN] = { 0, (uint8_t)(id >> 24),
							 (uint8_t)(id >> 16), (uint8_t)(id >> 8),
							 (uint8_t)id };
		CHECK(delivery->value.len <= POST_EVENT_LEN_MAX);
		memcpy(out->value, frame, sizeof frame);
		memcpy(out->value + sizeof frame, delivery->value.data, delivery->value.len);
		record.value = bytes_of(out->value, sizeof frame + delivery->value.len);
	}
	return writer_send(out->writer, &record);
}

struct err *simulate_out_send(void *context, const struct delivery *delivery)
{
	struct simulate_out *out = context;
	if (out->options.rate > 0) {
		pace(out);
		/* told to stop while waiting: the rest of the day isn't sent either */
		if (*out->options.stop != 0)
			return err_new(ERR_FATAL, "INTERRUPTED",
				       "interrupted after %lld records; no topic is marked as "
				       "ended",
				       (long long)out->sent_count);
	}
	out->sent_count++;
	struct err *err = NULL;
	if (out->containers != NULL)
		err = containers_send(out->containers, delivery);
	if (err == NULL && out->writer != NULL)
		err = kafka_send(out, delivery);
	return err;
}

struct err *simulate_out_end(struct simulate_out *out, int64_t end_ms)
{
	char name[64];
	uint8_t value[END_LEN_MAX];
	size_t len = 0;
	struct err *err = NULL;
	snprintf(name, sizeof name, "simulation:%llu", (unsigned long long)out->options.seed);
	const struct control end = { .kind = CONTROL_END,
				     .writer = bytes_str(name),
				     .at_ms = end_ms };
	for (int i = 0; i < FEED_COUNT && err == NULL && out->writer != NULL; i++) {
		const char *topic = feed_facts[i].topic;
		int32_t count = 0;
		err = registry_encode(out->registry, topic, &control_type, &end, value,
				      sizeof value, &len);
		if (err == NULL)
			err = writer_partition_count(out->writer, topic, &count);
		for (int32_t p = 0; p < count && err == NULL; p++)
			err = writer_send(out->writer, &(struct outgoing){
							       .topic = topic,
							       .partition = p,
							       .key = bytes_str(name),
							       .value = bytes_of(value, len),
						       });
	}
	return err;
}

struct err *simulate_out_close(struct simulate_out **to)
{
	struct simulate_out *out = *to;
	if (out == NULL)
		return NULL;
	struct err *err = containers_close(&out->containers), *flush_err = NULL;
	if (out->writer != NULL) {
		flush_err = writer_flush(out->writer, FLUSH_MS);
		writer_close(&out->writer);
	}
	registry_close(&out->registry);
	free(out);
	*to = NULL;
	if (err == NULL)
		return flush_err;
	err_free(&flush_err);
	return err;
}
