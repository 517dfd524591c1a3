#include "cli/model_lessons.h"

#include <string.h>

#include "base/hash.h"
#include "consumers/topics.h"
#include "kafka/publish.h"
#include "kafka/reader.h"

enum { VALUE_MAX = HAZARD_MODEL_BYTES_MAX + 1024 };

struct reading {
	struct registry *registry;
	model_lesson_take *take;
	void *context;
	struct trust trust;
};

static struct err *receive(void *context, const struct record *record)
{
	struct reading *reading = context;
	struct lesson lesson;
	struct example_facts facts;
	const char *name = NULL;
	struct err *err = registry_record_name(reading->registry, record->value, &name);
	if (err != NULL || strcmp(name, "foretell.Lesson") != 0)
		return err;
	err = registry_decode(reading->registry, &lesson_type, record->value, &lesson);
	if (err == NULL && examples_is_answer(lesson.reason))
		trust_add(&reading->trust, (enum feature_group)lesson.reason, lesson.useful,
			  lesson.wrong);
	else if (err == NULL && examples_unpack(lesson.features, &facts))
		err = reading->take(reading->context, &lesson, &facts);
	return err;
}

struct err *model_lessons_read(const struct conf *conf, const struct client_options *client,
			       struct registry *registry, model_lesson_take *take, void *context,
			       struct trust *trust)
{
	char topic[TOPIC_NAME_MAX + 1];
	struct reading reading = { registry, take, context, { { 0 }, { 0 } } };
	topics_name(conf_string(conf, "app.id"), "lessons", topic);
	const struct reader_options reader = { .client = client, .topic = topic, .partition = -1 };
	struct err *err = reader_run(&reader, receive, &reading, NULL);
	if (trust != NULL)
		*trust = reading.trust;
	return err;
}

struct err *model_publish(const struct conf *conf, const struct client_options *client,
			  struct registry *registry, const struct hazard_model *model,
			  struct model_record *record, char version[MODEL_VERSION_LEN + 1])
{
	uint8_t body[HAZARD_MODEL_BYTES_MAX], value[VALUE_MAX];
	char hex[HASH_SHA256_HEX_LEN + 1], topic[TOPIC_NAME_MAX + 1];
	size_t body_len = hazard_model_pack(model, body), len = 0;
	hash_sha256_hex(bytes_of(body, body_len), hex);
	memcpy(version, hex, MODEL_VERSION_LEN);
	version[MODEL_VERSION_LEN] = '\0';
	topics_name(conf_string(conf, "app.id"), "models", topic);
	record->name = bytes_str(examples_key);
	record->version = bytes_str(version);
	record->generation = -1; /* not of the learn stage */
	record->body = bytes_of(body, body_len);
	record->base_rate = model->base_rate;
	record->is_proven = model->is_proven;
	record->is_refuted = model->is_refuted;
	struct err *err =
		registry_encode(registry, topic, &model_type, record, value, sizeof value, &len);
	record->body = bytes_of(NULL, 0);
	return err != NULL ? err : publish_one(client, topic, record->name, bytes_of(value, len));
}
