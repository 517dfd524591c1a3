#include "consumers/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/phrase.h"
#include "consumers/examples.h"
#include "runtime/relay.h"
#include "schemas/states.h"

enum { LOGIC_VERSION = 4, WAITING_KIND = 0 };
enum { OUTCOME_UNKNOWN = -2, OUTCOME_NONE = -1 };

static const char meta_topic[] = "gather.meta";
static const char lessons_topic[] = "lessons";
static const char own_log[] = "examples";

/* An example in waiting, or an account's answers of a day to alerts that one reason led; zeroed:
 * none. */
struct waiting {
	int32_t reason, useful, wrong; /* reason 0: it is an example */
	size_t len;		       /* of the features, as they came; 0: it is not there */
	int64_t at_ms, due_ms;	       /* due_ms 0: its outcome is not known yet */
	int32_t outcome;
	uint8_t features[EXAMPLE_BYTES];
};

struct gather_stage {
	int32_t partition_count;
	struct registry *registry;
	struct example example; /* scratch of parse */
	uint8_t key[KEY_LEN_MAX + 1];
};

struct gather_stage *gather_stage_new(int32_t partition_count, struct registry *registry)
{
	struct gather_stage *stage = check_calloc(1, sizeof *stage);
	stage->partition_count = partition_count;
	stage->registry = registry;
	return stage;
}

void gather_stage_free(struct gather_stage **stage)
{
	free(*stage);
	*stage = NULL;
}

static struct err *parse(void *context, const struct record *record, struct origin *origin,
			 const void **parsed)
{
	(void)origin;
	struct gather_stage *stage = context;
	struct example *example = &stage->example;
	*parsed = example;
	struct err *err = registry_decode(stage->registry, &example_type, record->value, example);
	if (err == NULL &&
	    (example->account.len == 0 || example->account.len > EXAMPLE_ACCOUNT_MAX ||
	     (example->reason != 0 && !examples_is_answer(example->reason)) ||
	     example->at_ms < EVENT_MS_MIN || example->at_ms > EVENT_MS_MAX ||
	     (example->features.len != 0 && !examples_are_long(example->features.len))))
		err = err_new(ERR_POISON, "EXAMPLE_INVALID",
			      "an example has an account of 1 to %d bytes, a time, and %d bytes of "
			      "features or none; an answer has a reason that there is",
			      EXAMPLE_ACCOUNT_MAX, EXAMPLE_BYTES);
	return err;
}

/* By reason, in keys: a day begins otherwise. */
static const char *const reason_texts[GROUP_COUNT] = { "", "a", "b", "c", "d", "e", "f", "g" };

static size_t route(void *context, const void *parsed, struct target targets[TARGETS_MAX])
{
	struct gather_stage *stage = context;
	const struct example *example = parsed;
	struct phrase key = phrase_in((char *)stage->key, sizeof stage->key);
	phrase_bytes(&key, example->account);
	phrase_text(&key, "/");
	phrase_text(&key, reason_texts[example->reason]);
	phrase_int(&key, time_floor(example->at_ms, MS_PER_DAY, 0) / MS_PER_DAY, 1);
	targets[0] =
		(struct target){ WAITING_KIND, bytes_of(stage->key, phrase_end(&key)), NO_TIMERS };
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
	const struct example *example = parsed;
	struct waiting *waiting = state;
	if (example->reason != 0) {
		waiting->reason = example->reason;
		waiting->useful += example->useful;
		waiting->wrong += example->wrong;
		waiting->at_ms = example->at_ms;
		waiting->due_ms = example->matured_ms;
		return;
	}
	if (example->features.len > 0) {
		*waiting = (struct waiting){ .len = example->features.len,
					     .at_ms = example->at_ms,
					     .outcome = OUTCOME_UNKNOWN };
		memcpy(waiting->features, example->features.data, waiting->len);
		return;
	}
	if (waiting->len == 0 || waiting->at_ms != example->at_ms)
		return;
	if (example->outcome == OUTCOME_NONE) {
		*waiting = (struct waiting){ 0 };
		return;
	}
	waiting->outcome = example->outcome;
	waiting->due_ms = example->matured_ms;
}

static struct bytes account_of(struct bytes key)
{
	size_t len = key.len;
	while (len > 0 && key.data[len - 1] != '/')
		len--;
	return bytes_of(key.data, len > 0 ? len - 1 : 0);
}

static int64_t due(const void *state)
{
	const struct waiting *waiting = state;
	return waiting->due_ms != 0 ? waiting->due_ms : TIME_NONE;
}

static void fire(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
		 void *state, struct effects *effects, bool *must_publish)
{
	(void)context;
	(void)origin;
	(void)must_publish;
	struct waiting *waiting = state;
	if (waiting->len == 0 && waiting->reason == 0)
		return; /* of other features: its due time stood beside it */
	const struct lesson lesson = {
		.account = account_of(key),
		.at_ms = waiting->at_ms,
		.matured_ms = at_ms,
		.features = bytes_of(waiting->features, waiting->len),
		.ended = waiting->outcome == 1,
		.reason = waiting->reason,
		.useful = waiting->useful,
		.wrong = waiting->wrong,
	};
	effects_say(effects, lessons_topic, bytes_str(examples_key), &lesson_type, &lesson);
	*waiting = (struct waiting){ 0 };
}

static struct err *encode(void *context, const char *topic, struct bytes key, const void *state,
			  uint8_t *out, size_t *len)
{
	(void)key;
	struct gather_stage *stage = context;
	const struct waiting *waiting = state;
	*len = 0;
	if (waiting->len == 0 && waiting->reason == 0)
		return NULL; /* nothing is left of it */
	const struct gathered record = {
		.at_ms = waiting->at_ms,
		.due_ms = waiting->due_ms,
		.features = bytes_of(waiting->features, waiting->len),
		.outcome = waiting->outcome,
		.reason = waiting->reason,
		.useful = waiting->useful,
		.wrong = waiting->wrong,
	};
	return registry_encode(stage->registry, topic, &gathered_type, &record, out, OUTPUT_LEN_MAX,
			       len);
}

static struct err *decode(void *context, struct bytes value, void *state)
{
	struct gather_stage *stage = context;
	struct waiting *waiting = state;
	struct gathered record;
	struct err *err = registry_decode(stage->registry, &gathered_type, value, &record);
	if (err != NULL)
		return err;
	*waiting = (struct waiting){ 0 };
	bool is_answer = examples_is_answer(record.reason);
	if (!is_answer && !examples_are_long(record.features.len))
		return NULL; /* of another set of features: as if it had never been */
	*waiting = (struct waiting){ .reason = record.reason,
				     .useful = record.useful,
				     .wrong = record.wrong,
				     .len = is_answer ? 0 : record.features.len,
				     .at_ms = record.at_ms,
				     .due_ms = record.due_ms,
				     .outcome = record.outcome };
	memcpy(waiting->features, record.features.data, waiting->len);
	return NULL;
}

static void clock_moved(void *context, const struct origin *origin, int64_t clock_ms,
			struct effects *effects)
{
	(void)context;
	relay_clock(effects, lessons_topic, own_log, origin, clock_ms);
}

static void inputs_given(void *context, const struct origin *origin, struct effects *effects)
{
	const struct gather_stage *stage = context;
	relay_inputs(effects, lessons_topic, own_log, stage->partition_count, origin);
}

struct processor gather_processor(struct gather_stage *stage)
{
	return (struct processor){
		.name = "gather",
		.logic_version = LOGIC_VERSION,
		.meta_topic = meta_topic,
		.clocked = true,
		.kinds = { [WAITING_KIND] = { .name = "waiting",
					      .state_topic = meta_topic,
					      .state_size = sizeof(struct waiting),
					      .encode = encode,
					      .decode = decode,
					      .due = due,
					      .apply = apply,
					      .fire = fire } },
		.kind_count = 1,
		.context = stage,
		.parse = parse,
		.route = route,
		.clock_moved = clock_moved,
		.inputs_given = inputs_given,
	};
}
