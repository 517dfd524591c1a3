#include "cli/models_grow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "consumers/examples.h"
#include "consumers/topics.h"
#include "evaluate/challenge.h"
#include "kafka/publish.h"
#include "kafka/reader.h"
#include "schemas/registry.h"
#include "schemas/types.h"

enum { VALUE_MAX = 8192, VERSION_LEN = 16, HELD_ONE_IN = 5 };

struct growing {
	struct registry *registry;
	struct challenge *challenge;
};

static struct err *take(void *context, const struct record *record)
{
	struct growing *growing = context;
	struct lesson lesson;
	double features[FEATURE_COUNT];
	const char *name = NULL;
	struct err *err = registry_record_name(growing->registry, record->value, &name);
	if (err != NULL || strcmp(name, "foretell.Lesson") != 0)
		return err;
	err = registry_decode(growing->registry, &lesson_type, record->value, &lesson);
	if (err == NULL && examples_unpack(lesson.features, features))
		challenge_take(growing->challenge, features, lesson.matured_ms, lesson.ended,
			       hash_murmur2(lesson.account) % HELD_ONE_IN == 0);
	return err;
}

static struct err *publish(const struct growing *growing, const char *topic,
			   const struct client_options *client,
			   const struct challenge_report *report)
{
	uint8_t body[HAZARD_MODEL_BYTES_MAX], value[VALUE_MAX];
	char hex[HASH_SHA256_HEX_LEN + 1];
	size_t body_len = hazard_model_pack(&report->model, body), len = 0;
	hash_sha256_hex(bytes_of(body, body_len), hex);
	const struct model_record record = {
		.name = bytes_str(examples_key),
		.version = bytes_of(hex, VERSION_LEN),
		.generation = -1, /* not of the learn stage */
		.at_ms = report->matured_ms,
		.body = bytes_of(body, body_len),
		.example_count = report->lesson_count,
		.ended_count = report->ended_count,
		.log_loss = report->trees_loss,
		.base_log_loss = report->base_loss,
		.base_rate = report->model.base_rate,
		.calibration_error = report->trees_error,
		.is_proven = report->trees_loss < report->base_loss,
		.is_refuted = report->trees_loss >= report->base_loss,
	};
	struct err *err = registry_encode(growing->registry, topic, &model_type, &record, value,
					  sizeof value, &len);
	if (err == NULL)
		err = publish_one(client, topic, record.name, bytes_of(value, len));
	if (err == NULL)
		printf("published as %.*s, with %u trees: `foretell models activate %.*s`\n",
		       VERSION_LEN, hex, (unsigned)report->model.grove.tree_count, VERSION_LEN,
		       hex);
	return err;
}

static struct err *judge(const struct growing *growing, const char *topic,
			 const struct client_options *client)
{
	struct challenge_report report;
	if (!challenge_end(growing->challenge, &report)) {
		printf("%" PRId64 " lessons, %" PRId64
		       " of accounts that left: too few to grow trees with (%d)\n",
		       report.lesson_count, report.ended_count, CHALLENGE_LESSONS_MIN);
		return NULL;
	}
	printf("%" PRId64 " lessons; log loss on the last %" PRId64 " (%" PRId64 " left):\n"
	       "  base rate     %.4f\n  hazard model  %.4f\n  with trees    %.4f\n",
	       report.lesson_count, report.tested_count, report.tested_ended, report.base_loss,
	       report.hazard_loss, report.trees_loss);
	if (report.is_better && report.model.grove.tree_count > 0)
		return publish(growing, topic, client, &report);
	printf("the hazard model is as good: no version is published\n");
	return NULL;
}

struct err *models_grow(const struct conf *conf, const struct client_options *client)
{
	char lessons[TOPIC_NAME_MAX + 1], topic[TOPIC_NAME_MAX + 1];
	struct growing growing = { 0 };
	topics_name(conf_string(conf, "app.id"), "lessons", lessons);
	topics_name(conf_string(conf, "app.id"), "models", topic);
	struct err *err = registry_open(conf_string(conf, "registry.url"), &growing.registry);
	if (err != NULL)
		return err;
	growing.challenge = challenge_new();
	const struct reader_options reader = { .client = client,
					       .topic = lessons,
					       .partition = -1 };
	err = reader_run(&reader, take, &growing, NULL);
	if (err == NULL)
		err = judge(&growing, topic, client);
	challenge_free(&growing.challenge);
	registry_close(&growing.registry);
	return err;
}
