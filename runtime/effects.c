#include "runtime/effects.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "runtime/names.h"

#define DIGEST_PREFIX "sha256:"

enum {
	EFFECT_TOPICS_MAX = 32,
	PASSED_LEN_MAX = 2 * RECORD_LEN_MAX,
	DIGEST_LEN = sizeof DIGEST_PREFIX - 1 + HASH_SHA256_HEX_LEN
};

_Static_assert(2 * PASSED_LEN_MAX < TXN_OUTPUT_BYTES_MAX, "the arena has room for one more");

struct effect_topic {
	const char *logical; /* borrowed literal */
	char name[NAME_LEN_MAX + 1];
};

struct effects {
	const char *app_id;
	struct registry *registry;
	struct arena *arena;
	struct outgoing *items;
	size_t count, to_all_count, capacity;
	bool suppressed;
	struct err *error;
	struct effect_topic topics[EFFECT_TOPICS_MAX];
	size_t topic_count;
	uint8_t scratch[OUTPUT_LEN_MAX];
};

struct effects *effects_new(const char *app_id, struct registry *registry)
{
	struct effects *effects = check_calloc(1, sizeof *effects);
	effects->app_id = app_id;
	effects->registry = registry;
	effects->arena = arena_new(2 * (size_t)TXN_OUTPUT_BYTES_MAX);
	return effects;
}

void effects_free(struct effects **effects)
{
	if (*effects == NULL)
		return;
	arena_free(&(*effects)->arena);
	err_free(&(*effects)->error);
	free((*effects)->items);
	free(*effects);
	*effects = NULL;
}

const char *effects_topic(struct effects *effects, const char *topic)
{
	for (size_t i = 0; i < effects->topic_count; i++)
		if (effects->topics[i].logical == topic ||
		    strcmp(effects->topics[i].logical, topic) == 0)
			return effects->topics[i].name;
	CHECK(effects->topic_count < EFFECT_TOPICS_MAX);
	struct effect_topic *added = &effects->topics[effects->topic_count++];
	added->logical = topic;
	names_output(effects->app_id, topic, added->name);
	return added->name;
}

static struct outgoing *add_item(struct effects *effects, int32_t partition)
{
	if (partition == EFFECTS_ALL)
		effects->to_all_count++;
	if (effects->count == effects->capacity) {
		effects->capacity = effects->capacity ? effects->capacity * 2 : 1024;
		effects->items =
			check_realloc(effects->items, effects->capacity * sizeof *effects->items);
	}
	return &effects->items[effects->count++];
}

static void say(struct effects *effects, const char *topic, int32_t partition, struct bytes key,
		const struct record_type *type, const void *record)
{
	if (effects->suppressed || effects->error != NULL)
		return;
	const char *name = effects_topic(effects, topic);
	size_t len = 0;
	struct err *err = registry_encode(effects->registry, name, type, record, effects->scratch,
					  sizeof effects->scratch, &len);
	if (err != NULL) {
		CHECK(err_verdict(err) != ERR_POISON);
		effects->error = err;
		return;
	}
	*add_item(effects, partition) = (struct outgoing){
		.topic = name,
		.partition = partition,
		.key = arena_copy(effects->arena, key),
		.value = arena_copy(effects->arena, bytes_of(effects->scratch, len)),
	};
}

void effects_say(struct effects *effects, const char *topic, struct bytes key,
		 const struct record_type *type, const void *record)
{
	say(effects, topic, EFFECTS_BY_KEY, key, type, record);
}

void effects_tell_all(struct effects *effects, const char *topic, struct bytes key,
		      const struct record_type *type, const void *record)
{
	say(effects, topic, EFFECTS_ALL, key, type, record);
}

static struct bytes digest(struct bytes what, char text[DIGEST_LEN + 1])
{
	memcpy(text, DIGEST_PREFIX, strlen(DIGEST_PREFIX));
	hash_sha256_hex(what, text + strlen(DIGEST_PREFIX));
	return bytes_str(text);
}

/* Beyond what any topic takes, nothing is copied. */
static struct bytes keep(struct effects *effects, struct bytes what)
{
	char text[DIGEST_LEN + 1];
	return arena_copy(effects->arena, what.len > PASSED_LEN_MAX ? digest(what, text) : what);
}

void effects_pass(struct effects *effects, const char *topic, int32_t partition, struct bytes key,
		  struct bytes value, const struct header *headers, size_t header_count)
{
	if (effects->suppressed)
		return;
	struct header *copies = arena_alloc(effects->arena, header_count * sizeof *copies);
	for (size_t i = 0; i < header_count; i++)
		copies[i] = (struct header){ headers[i].name,
					     arena_copy(effects->arena, headers[i].value) };
	*add_item(effects, partition) = (struct outgoing){
		.topic = effects_topic(effects, topic),
		.partition = partition,
		.key = keep(effects, key),
		.value = keep(effects, value),
		.headers = copies,
		.header_count = header_count,
	};
}

void effects_suppress(struct effects *effects, bool suppressed)
{
	effects->suppressed = suppressed;
}

void effects_fail(struct effects *effects, struct err *err)
{
	if (effects->error != NULL)
		err_free(&err);
	else
		effects->error = err;
}

size_t effects_count(const struct effects *effects)
{
	return effects->count;
}

size_t effects_to_all_count(const struct effects *effects)
{
	return effects->to_all_count;
}

size_t effects_bytes(const struct effects *effects)
{
	return arena_used(effects->arena);
}

struct err *effects_error(struct effects *effects)
{
	struct err *err = effects->error;
	effects->error = NULL;
	return err;
}

/* What doesn't fit into its topic is stood for by digests, of the value first; the headers say
 * where the record lies. */
static struct err *produce_one(struct bus *bus, const struct outgoing *item)
{
	char value[DIGEST_LEN + 1], key[DIGEST_LEN + 1];
	struct outgoing shorter = *item;
	struct err *err = bus_produce(bus, &shorter);
	if (err == NULL || err_verdict(err) != ERR_POISON)
		return err;
	err_free(&err);
	shorter.value = digest(item->value, value);
	err = bus_produce(bus, &shorter);
	if (err == NULL || err_verdict(err) != ERR_POISON)
		return err;
	err_free(&err);
	shorter.key = digest(item->key, key);
	return bus_produce(bus, &shorter);
}

static struct err *produce_to_all(struct bus *bus, const struct outgoing *item)
{
	int32_t partition_count = 0;
	struct err *err = bus_partition_count(bus, item->topic, &partition_count);
	struct outgoing copy = *item;
	for (copy.partition = 0; err == NULL && copy.partition < partition_count; copy.partition++)
		err = produce_one(bus, &copy);
	return err;
}

struct err *effects_produce(struct effects *effects, struct bus *bus)
{
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < effects->count; i++) {
		const struct outgoing *item = &effects->items[i];
		err = item->partition == EFFECTS_ALL ? produce_to_all(bus, item)
						     : produce_one(bus, item);
	}
	return err;
}

void effects_clear(struct effects *effects)
{
	effects->count = effects->to_all_count = 0;
	arena_reset(effects->arena);
	err_free(&effects->error);
}
