#include "consumers/learn.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "consumers/examples.h"
#include "schemas/states.h"

enum { LOGIC_VERSION = 5, LEARNER_KIND = 0, VERSION_LEN = 16 };

static const char meta_topic[] = "learn.meta";
static const char models_topic[] = "models";
static const char accounts_log[] = "account.events";

/* Zeroed: nothing was learnt yet. */
struct learning {
	bool is_begun;
	int64_t due_ms; /* the end of the batch; 0: none has begun */
	int64_t generation;
	struct hazard_learner learner;
	struct bgnbd_learner buyers;
};

struct learn_stage {
	bool activate;
	struct registry *registry;
	struct lesson lesson; /* scratch of parse */
	uint8_t packed[HAZARD_LEARNER_BYTES + BGNBD_LEARNER_BYTES];
};

struct learn_stage *learn_stage_new(bool activate, struct registry *registry)
{
	struct learn_stage *stage = check_calloc(1, sizeof *stage);
	stage->activate = activate;
	stage->registry = registry;
	return stage;
}

void learn_stage_free(struct learn_stage **stage)
{
	free(*stage);
	*stage = NULL;
}

static struct err *parse(void *context, const struct record *record, struct origin *origin,
			 const void **parsed)
{
	(void)origin;
	struct learn_stage *stage = context;
	*parsed = &stage->lesson;
	struct err *err =
		registry_decode(stage->registry, &lesson_type, record->value, &stage->lesson);
	if (err == NULL && !examples_is_answer(stage->lesson.reason) &&
	    !examples_are_long(stage->lesson.features.len))
		err = err_new(ERR_POISON, "LESSON_INVALID", "%d bytes of features are expected",
			      EXAMPLE_BYTES);
	return err;
}

static size_t route(void *context, const void *parsed, struct target targets[TARGETS_MAX])
{
	(void)context;
	const struct lesson *lesson = parsed;
	targets[0] = (struct target){ LEARNER_KIND, bytes_str(examples_key), lesson->matured_ms };
	return 1;
}

static void apply(void *context, const struct origin *origin, const void *parsed, struct bytes key,
		  void *state, struct effects *effects, bool *must_publish)
{
	(void)context;
	(void)origin;
	(void)key;
	(void)effects;
	(void)must_publish;
	const struct lesson *lesson = parsed;
	struct learning *learning = state;
	struct example_facts facts;
	if (!examples_is_answer(lesson->reason) && !examples_unpack(lesson->features, &facts))
		return; /* of another set of features: what was learnt before stays */
	if (!learning->is_begun) {
		hazard_learner_init(&learning->learner);
		bgnbd_learner_init(&learning->buyers);
	}
	learning->is_begun = true;
	if (learning->due_ms == 0)
		learning->due_ms =
			time_floor(lesson->matured_ms, MS_PER_WEEK, WEEK_ORIGIN_MS) + MS_PER_WEEK;
	if (examples_is_answer(lesson->reason)) {
		trust_add(&learning->learner.model.trust, (enum feature_group)lesson->reason,
			  lesson->useful, lesson->wrong);
		return;
	}
	if (examples_are_known(&facts))
		hazard_learn(&learning->learner, facts.features, lesson->ended);
	if (facts.history.repeats >= 0)
		bgnbd_learn(&learning->buyers, &facts.history);
}

static int64_t due(const void *state)
{
	const struct learning *learning = state;
	return learning->due_ms != 0 ? learning->due_ms : TIME_NONE;
}

static void fire(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
		 void *state, struct effects *effects, bool *must_publish)
{
	(void)origin;
	struct learn_stage *stage = context;
	struct learning *learning = state;
	struct hazard_model *model = &learning->learner.model;
	const struct hazard_measure *measure = &learning->learner.measure;
	uint8_t body[HAZARD_MODEL_BYTES_MAX];
	char hex[HASH_SHA256_HEX_LEN + 1];
	hazard_batch_end(&learning->learner);
	model->buys = bgnbd_learnt(&learning->buyers);
	size_t body_len = hazard_model_pack(model, body);
	hash_sha256_hex(bytes_of(body, body_len), hex);
	memset(model->version, 0, sizeof model->version);
	memcpy(model->version, hex, VERSION_LEN);
	learning->due_ms = 0;
	double weight = measure->weight > 0 ? measure->weight : 1;
	struct model_record record = {
		.name = key,
		.version = bytes_str(model->version),
		.generation = learning->generation++,
		.at_ms = at_ms,
		.body = bytes_of(body, body_len),
		.example_count = measure->example_count,
		.ended_count = measure->ended_count,
		.log_loss = measure->loss / weight,
		.base_log_loss = measure->base_loss / weight,
		.base_rate = model->base_rate,
		.calibration_error = hazard_calibration_error(measure),
		.is_proven = model->is_proven,
		.is_refuted = model->is_refuted,
	};
	effects_say(effects, models_topic, key, &model_type, &record);
	*must_publish = true;
	if (stage->activate)
		effects_tell_all(effects, accounts_log, key, &model_type, &record);
}

static struct err *encode(void *context, const char *topic, struct bytes key, const void *state,
			  uint8_t *out, size_t *len)
{
	(void)key;
	struct learn_stage *stage = context;
	const struct learning *learning = state;
	hazard_learner_pack(&learning->learner, stage->packed);
	bgnbd_learner_pack(&learning->buyers, stage->packed + HAZARD_LEARNER_BYTES);
	const struct learner_record record = {
		.version = bytes_str(learning->learner.model.version),
		.due_ms = learning->due_ms,
		.generation = learning->generation,
		.learner = bytes_of(stage->packed, learning->is_begun ? sizeof stage->packed : 0),
	};
	return registry_encode(stage->registry, topic, &learner_record_type, &record, out,
			       OUTPUT_LEN_MAX, len);
}

/* Earlier versions had no buyers behind the hazard model's learner. */
static bool unpack(struct bytes packed, struct learning *learning)
{
	bgnbd_learner_init(&learning->buyers);
	if (hazard_learner_unpack(packed, &learning->learner))
		return true;
	if (packed.len < BGNBD_LEARNER_BYTES)
		return false;
	struct bytes hazard = bytes_of(packed.data, packed.len - BGNBD_LEARNER_BYTES);
	return hazard_learner_unpack(hazard, &learning->learner) &&
	       bgnbd_learner_unpack(packed.data + hazard.len, &learning->buyers);
}

static struct err *decode(void *context, struct bytes value, void *state)
{
	struct learn_stage *stage = context;
	struct learning *learning = state;
	struct learner_record record;
	struct err *err = registry_decode(stage->registry, &learner_record_type, value, &record);
	if (err != NULL)
		return err;
	memset(learning, 0, sizeof *learning);
	learning->due_ms = record.due_ms;
	learning->generation = record.generation;
	learning->is_begun = record.learner.len > 0;
	if (!learning->is_begun)
		return NULL;
	if (!unpack(record.learner, learning)) {
		/* of another set of features: what was learnt then says nothing about these */
		learning->is_begun = false;
		learning->due_ms = 0;
		return NULL;
	}
	size_t version_len = record.version.len < VERSION_LEN ? record.version.len : VERSION_LEN;
	memcpy(learning->learner.model.version, record.version.data, version_len);
	return NULL;
}

struct processor learn_processor(struct learn_stage *stage)
{
	return (struct processor){
		.name = "learn",
		.logic_version = LOGIC_VERSION,
		.meta_topic = meta_topic,
		.keyed = true,
		.clocked = true,
		.kinds = { [LEARNER_KIND] = { .name = "learner",
					      .state_topic = meta_topic,
					      .state_size = sizeof(struct learning),
					      .encode = encode,
					      .decode = decode,
					      .due = due,
					      .apply = apply,
					      .fire = fire } },
		.kind_count = 1,
		.context = stage,
		.parse = parse,
		.route = route,
	};
}
