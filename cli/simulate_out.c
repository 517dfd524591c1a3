#include "cli/simulate_out.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "cli/http_post.h"
#include "cli/options.h"
#include "kafka/writer.h"
#include "schemas/event_types.h"
#include "schemas/record_plan.h"
#include "schemas/registry.h"
#include "schemas/value_json.h"
#include "simulate/container.h"

enum { FLUSH_MS = 60000, SLEEP_MS_MAX = 200, END_LEN_MAX = 512 };

struct simulate_out {
	struct simulate_out_options options;
	struct containers *containers; /* NULL: no files */
	struct options_client client;
	struct writer *writer; /* NULL: no Kafka */
	struct registry *registry;
	int32_t ids[FEED_COUNT];
	struct http_post *post; /* NULL: no door */
	struct schema *schemas[FEED_COUNT];
	const struct schema_node *roots[FEED_COUNT];
	const char *topics[FEED_COUNT]; /* behind the door */
	bool wanted[FEED_COUNT];
	int64_t began_ms, sent_count, refused_count;
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

/* The inputs may have names of their own, such as eu.erp.events. */
static const char *door_topic(const struct conf *conf, enum feed feed)
{
	size_t count = 0;
	const char *const *inputs = conf_list(conf, "inputs", &count);
	for (size_t i = 0; i < count; i++) {
		const struct event_source *source = event_source_find(inputs[i]);
		if (source != NULL && source->schema == feed_facts[feed].type)
			return inputs[i];
	}
	return feed_facts[feed].topic;
}

static struct err *door_open(struct simulate_out *out)
{
	struct err *err = NULL;
	out->post = http_post_open(out->options.url, out->options.token, out->options.stop);
	for (int i = 0; i < FEED_COUNT && err == NULL; i++) {
		out->topics[i] = door_topic(out->options.conf, (enum feed)i);
		err = schema_parse(record_own_text(feed_facts[i].type->name), &out->schemas[i],
				   &out->roots[i]);
	}
	return err;
}

/* Whether a source is in a list such as "crm,erp". */
static bool is_listed(const char *list, const char *source)
{
	size_t len = strlen(source);
	for (const char *at = list; *at != '\0';) {
		size_t word_len = strcspn(at, ",");
		if (word_len == len && memcmp(at, source, len) == 0)
			return true;
		at += word_len;
		at += *at == ',';
	}
	return false;
}

static struct err *choose_feeds(struct simulate_out *out)
{
	const char *list = out->options.feeds;
	bool any = false;
	for (int i = 0; i < FEED_COUNT; i++) {
		const char *topic = feed_facts[i].topic;
		char source[32];
		snprintf(source, sizeof source, "%.*s", (int)strcspn(topic, "."), topic);
		out->wanted[i] = list == NULL || is_listed(list, source);
		any = any || out->wanted[i];
	}
	return any ? NULL
		   : err_new(ERR_FATAL, "USAGE",
			     "--feeds can't be \"%.80s\": expected some of crm,erp,iot,marketing,"
			     "support,content,market",
			     list);
}

struct err *simulate_out_open(const struct simulate_out_options *options, struct simulate_out **to)
{
	struct simulate_out *out = check_calloc(1, sizeof *out);
	out->options = *options;
	out->began_ms = time_monotonic_ms();
	struct err *err = choose_feeds(out);
	if (err == NULL && options->folder != NULL)
		err = containers_open(options->folder, options->seed, &out->containers);
	if (err == NULL && options->to_kafka)
		err = kafka_open(out);
	if (err == NULL && options->url != NULL)
		err = door_open(out);
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

/* What is broken goes by itself, so that it takes no good one with it; the door says no. */
static struct err *door_send_broken(struct simulate_out *out, const char *topic, struct bytes body)
{
	long status = 0;
	struct err *err = http_post_flush(out->post);
	if (err == NULL)
		err = http_post_raw(out->post, topic, body, &status);
	out->refused_count += err == NULL && status >= 400;
	return err;
}

static struct err *door_send(struct simulate_out *out, const struct delivery *delivery)
{
	const char *topic = out->topics[delivery->feed];
	json_t *json = NULL;
	size_t used = 0;
	if (delivery->is_raw)
		return door_send_broken(out, topic, delivery->value);
	struct err *err = value_to_json(out->roots[delivery->feed], delivery->value, &used, &json);
	if (err != NULL)
		return err;
	json_object_del(json, "received_ms"); /* that the door says itself */
	if (!delivery->is_malformed)
		return http_post_add(out->post, topic, json);
	char *text = json_dumps(json, JSON_COMPACT);
	CHECK(text != NULL);
	err = door_send_broken(out, topic, bytes_str(text));
	free(text);
	json_decref(json);
	return err;
}

int64_t simulate_out_refused(const struct simulate_out *out)
{
	return out->refused_count;
}

struct err *simulate_out_send(void *context, const struct delivery *delivery)
{
	struct simulate_out *out = context;
	if (!out->wanted[delivery->feed])
		return NULL;
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
	if (err == NULL && out->post != NULL)
		err = door_send(out, delivery);
	return err;
}

struct err *simulate_out_end(struct simulate_out *out, int64_t end_ms)
{
	char name[64];
	uint8_t value[END_LEN_MAX];
	size_t len = 0;
	struct err *err = out->post == NULL ? NULL : http_post_flush(out->post);
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
	http_post_close(&out->post);
	for (int i = 0; i < FEED_COUNT; i++)
		schema_free(&out->schemas[i]);
	free(out);
	*to = NULL;
	if (err == NULL)
		return flush_err;
	err_free(&flush_err);
	return err;
}
