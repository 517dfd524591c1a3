#include "tests/sim/tally.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { EVENT_MARK = 'E', SAID_OF = 4, TIMER_MS_MAX = 60, THIRD_KEYS = 5 };

/* ---- the states ----------------------------------------------------------------------------- */

/* One step of splitmix64 (Steele, Lea, Flood, OOPSLA 2014) over what was and what comes. */
static uint64_t chain(uint64_t digest, uint64_t with)
{
	uint64_t z = (digest ^ with) + 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

int64_t tally_due(const void *state)
{
	const struct tally *tally = state;
	return tally->due_ms == 0 ? TIME_NONE : tally->due_ms;
}

bool tally_is_urgent(uint64_t digest)
{
	return digest % SAID_OF == 1;
}

static void speak(const struct tally *state, struct tally_word *word)
{
	*word = (struct tally_word){ .said = state->digest % SAID_OF != 0,
				     .urgent = tally_is_urgent(state->digest) };
	word->value.count = state->count;
	word->value.digest = state->digest;
}

void tally_apply(struct tally *state, const struct tally_rule *rule, int64_t offset,
		 const struct tally_event *event, struct tally_word *word)
{
	state->count++;
	state->digest = chain(state->digest ^ rule->logic, event->serial << 1 | rule->kind);
	state->digest = chain(state->digest, (uint64_t)offset);
	bool waits = state->digest >> 8 & 3;
	int64_t in_ms = 1 + (int64_t)(state->digest >> 16 & 0xffff) % TIMER_MS_MAX;
	int64_t due_ms = event->at_ms + in_ms;
	state->due_ms = waits && due_ms > event->at_ms && rule->kind != 2 ? due_ms : 0;
	speak(state, word);
	if (rule->names && rule->kind != 2 && (state->digest >> 40 & 3) == 0)
		word->names = (uint8_t)(1 + (state->digest >> 48) % THIRD_KEYS);
}

void tally_fire(struct tally *state, const struct tally_rule *rule, int64_t at_ms,
		struct tally_word *word)
{
	state->count++;
	state->digest = chain(state->digest ^ rule->logic, ~(uint64_t)at_ms ^ rule->kind);
	state->due_ms = state->digest >> 8 & 1 ? at_ms + TIMER_MS_MAX / 2 : 0;
	speak(state, word);
}

struct bytes tally_second_key(const struct tally_event *event, uint8_t second[TALLY_KEY_LEN_MAX])
{
	int len = snprintf((char *)second, TALLY_KEY_LEN_MAX, "s%u", (unsigned)event->second);
	return bytes_of(second, (size_t)len);
}

struct bytes tally_third_key(uint8_t names, uint8_t third[TALLY_KEY_LEN_MAX])
{
	int len = snprintf((char *)third, TALLY_KEY_LEN_MAX, "t%u", (unsigned)names);
	return bytes_of(third, (size_t)len);
}

/* ---- the records ---------------------------------------------------------------------------- */

void tally_encode(const struct tally_event *event, int32_t schema_id, uint8_t out[TALLY_VALUE_LEN])
{
	uint8_t *at = out;
	*at++ = 0;
	for (int i = 3; i >= 0; i--)
		*at++ = (uint8_t)((uint32_t)schema_id >> (8 * i));
	*at++ = EVENT_MARK;
	*at++ = event->second;
	memcpy(at, &event->serial, sizeof event->serial);
	memcpy(at + 8, &event->at_ms, sizeof event->at_ms);
	at[16] = EVENT_MARK;
}

bool tally_decode(struct bytes key, struct bytes value, struct tally_event *event)
{
	if (value.len != TALLY_VALUE_LEN || value.data[5] != EVENT_MARK || key.len == 0 ||
	    key.len > TALLY_KEY_LEN_MAX)
		return false;
	event->second = value.data[6];
	memcpy(&event->serial, value.data + 7, sizeof event->serial);
	memcpy(&event->at_ms, value.data + 15, sizeof event->at_ms);
	event->key = key;
	return true;
}

/* ---- the processor -------------------------------------------------------------------------- */

static struct err *parse(void *context, const struct record *record, struct origin *origin,
			 const void **parsed)
{
	struct tally_stage *stage = context;
	(void)origin;
	stage->names = 0;
	*parsed = &stage->event;
	return tally_decode(record->key, record->value, &stage->event)
		       ? NULL
		       : err_new(ERR_POISON, "TALLY", "not an event");
}

static size_t route(void *context, const void *parsed, struct target targets[TARGETS_MAX])
{
	struct tally_stage *stage = context;
	const struct tally_event *event = parsed;
	targets[0] = (struct target){ 0, event->key, event->at_ms };
	if (event->second == 0)
		return 1;
	targets[1] = (struct target){ 1, tally_second_key(event, stage->second), event->at_ms };
	return 2;
}

/* What a replay does not name is not touched: the two must be kept together. */
static size_t follow(void *context, struct target targets[TARGETS_MAX])
{
	struct tally_stage *stage = context;
	if (stage->names == 0)
		return 0;
	targets[0] = (struct target){ 2, tally_third_key(stage->names, stage->third), NO_TIMERS };
	return 1;
}

static void say(const struct origin *origin, struct bytes key, const struct tally_word *word,
		struct effects *effects, bool *must_publish)
{
	if (!word->said)
		return;
	effects_pass(effects, TALLY_SAID, origin->partition, key,
		     bytes_of(&word->value, sizeof word->value), NULL, 0);
	*must_publish = *must_publish || word->urgent;
}

static uint8_t apply_kind(const struct tally_rule *rule, const struct origin *origin,
			  const void *parsed, struct bytes key, void *state,
			  struct effects *effects, bool *must_publish)
{
	struct tally_word word;
	tally_apply(state, rule, origin->offset, parsed, &word);
	say(origin, key, &word, effects, must_publish);
	*must_publish = *must_publish || word.names != 0 || rule->kind == 2;
	return word.names;
}

/* The last one to name a key has its way. */
static void note_name(struct tally_stage *stage, uint8_t names)
{
	stage->names = names != 0 ? names : stage->names;
}

static void apply_first(void *context, const struct origin *origin, const void *parsed,
			struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	struct tally_stage *stage = context;
	const struct tally_rule rule = { stage->logic, 0, stage->does_name };
	note_name(stage, apply_kind(&rule, origin, parsed, key, state, effects, must_publish));
}

static void apply_second(void *context, const struct origin *origin, const void *parsed,
			 struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	struct tally_stage *stage = context;
	const struct tally_rule rule = { stage->logic, 1, stage->does_name };
	note_name(stage, apply_kind(&rule, origin, parsed, key, state, effects, must_publish));
}

static void apply_third(void *context, const struct origin *origin, const void *parsed,
			struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	const struct tally_stage *stage = context;
	const struct tally_rule rule = { stage->logic, 2, stage->does_name };
	(void)apply_kind(&rule, origin, parsed, key, state, effects, must_publish);
}

static void fire_first(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
		       void *state, struct effects *effects, bool *must_publish)
{
	const struct tally_stage *stage = context;
	const struct tally_rule rule = { stage->logic, 0, stage->does_name };
	struct tally_word word;
	tally_fire(state, &rule, at_ms, &word);
	say(origin, key, &word, effects, must_publish);
}

static void fire_second(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
			void *state, struct effects *effects, bool *must_publish)
{
	const struct tally_stage *stage = context;
	const struct tally_rule rule = { stage->logic, 1, stage->does_name };
	struct tally_word word;
	tally_fire(state, &rule, at_ms, &word);
	say(origin, key, &word, effects, must_publish);
}

static struct err *encode(void *context, const char *topic, struct bytes key, const void *state,
			  uint8_t *out, size_t *len)
{
	(void)context;
	(void)topic;
	(void)key;
	memcpy(out, state, sizeof(struct tally));
	*len = sizeof(struct tally);
	return NULL;
}

static struct err *decode(void *context, struct bytes value, void *state)
{
	(void)context;
	if (value.len != sizeof(struct tally))
		return err_new(ERR_FATAL, "STATE_FOREIGN", "not a tally");
	memcpy(state, value.data, value.len);
	return NULL;
}

static void clock_moved(void *context, const struct origin *origin, int64_t clock_ms,
			struct effects *effects)
{
	(void)context;
	effects_pass(effects, TALLY_TICKS, origin->partition, bytes_str("clock"),
		     bytes_of(&clock_ms, sizeof clock_ms), NULL, 0);
}

struct processor tally_processor(struct tally_stage *stage)
{
	return (struct processor){
		.name = "tally",
		.logic_version = stage->logic,
		.meta_topic = TALLY_META,
		.keyed = true,
		.clocked = true,
		.kinds = { { .name = "first",
			     .state_topic = TALLY_STATES,
			     .published = true,
			     .state_size = sizeof(struct tally),
			     .encode = encode,
			     .decode = decode,
			     .due = tally_due,
			     .apply = apply_first,
			     .fire = fire_first },
			   { .name = "second",
			     .state_topic = TALLY_META,
			     .state_size = sizeof(struct tally),
			     .encode = encode,
			     .decode = decode,
			     .due = tally_due,
			     .apply = apply_second,
			     .fire = fire_second },
			   { .name = "third",
			     .state_topic = TALLY_META,
			     .state_size = sizeof(struct tally),
			     .encode = encode,
			     .decode = decode,
			     .apply = apply_third } },
		.kind_count = TALLY_KINDS,
		.context = stage,
		.parse = parse,
		.route = route,
		.follow = stage->does_name ? follow : NULL,
		.clock_moved = clock_moved,
	};
}
