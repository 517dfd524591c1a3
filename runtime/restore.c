#include "runtime/restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "runtime/keep.h"
#include "runtime/observe.h"
#include "runtime/seal.h"

/* Reading a task's states back from their compacted topics. */
struct restoring {
	struct engine *engine;
	struct task *task;
	const struct state_kind *kind;
	uint8_t kind_index;
	int64_t restored;
	struct shelf_load *load;
	void *state; /* scratch */
};

static bool header_lsn(const struct record *record, int64_t *lsn)
{
	for (size_t i = 0; i < record->header_count; i++) {
		const struct header *header = &record->headers[i];
		char text[24];
		if (strcmp(header->name, "lsn") != 0 || header->value.len >= sizeof text)
			continue;
		memcpy(text, header->value.data, header->value.len);
		text[header->value.len] = '\0';
		char *end = NULL;
		*lsn = strtoll(text, &end, 10);
		return end != text && *end == '\0';
	}
	return false;
}

static struct err *foreign(const struct record *record, const char *what)
{
	return err_new(
		ERR_FATAL, "STATE_FOREIGN",
		"%s/%d at offset %" PRId64 ": %s: this state topic holds something that "
		"foretell did not write; choose another --app, or delete the topic's records",
		record->topic, record->partition, record->offset, what);
}

/* Writes what has come together. */
static struct err *pass_on(struct restoring *restoring)
{
	return keep_load(restoring->engine, restoring->load);
}

/* A later version of a key replaces an earlier one; nothing is looked up. */
static struct err *restore_state(struct restoring *restoring, const struct record *record,
				 struct bytes key)
{
	struct err *err = NULL;
	const struct state_kind *kind = restoring->kind;
	int64_t lsn = LSN_NONE;
	if (key.len == 0 || key.len > KEY_LEN_MAX)
		return foreign(record, "no usable key");
	if (record->value.len > OUTPUT_LEN_MAX)
		return foreign(record, "too large for a state");
	if (!shelf_load_has_room(restoring->load, key, record->value))
		err = pass_on(restoring);
	if (err != NULL)
		return err;
	if (record->value.data == NULL) {
		shelf_load_delete(restoring->load, restoring->kind_index, key);
		return NULL;
	}
	if (!header_lsn(record, &lsn))
		return foreign(record, "no lsn");
	memset(restoring->state, 0, kind->state_size);
	err = kind->decode(restoring->engine->processor->context, record->value, restoring->state);
	if (err != NULL)
		return err_wrap(err, "restoring from %s/%d", record->topic, record->partition);
	int64_t due_ms = kind->due != NULL ? kind->due(restoring->state) : TIME_NONE;
	shelf_load_put(restoring->load, restoring->kind_index, key, lsn, due_ms, record->value);
	restoring->restored++;
	observe_alive(restoring->engine);
	return NULL;
}

static struct err *restore_clock(struct restoring *restoring, const struct record *record)
{
	struct task *task = restoring->task;
	task->clock_len = 0;
	if (record->value.data == NULL)
		return NULL;
	if (record->value.len > LOG_CLOCK_LEN_MAX)
		return foreign(record, "too large for a clock");
	memcpy(task->clock_bytes, record->value.data, record->value.len);
	task->clock_len = record->value.len;
	restoring->restored++;
	return NULL;
}

/* "<input topic>/<kind>/<key>": ours if the topic is the task's. */
static struct err *restore_meta(struct restoring *restoring, const struct record *record)
{
	struct engine *engine = restoring->engine;
	uint8_t composed[TOPIC_NAME_MAX + 32 + KEY_LEN_MAX];
	const char *topic = restoring->task->own_topic;
	struct bytes clock = seal_meta_key(topic, "clock", bytes_of(NULL, 0), composed);
	if (bytes_equal(record->key, clock))
		return restore_clock(restoring, record);
	for (size_t i = 0; i < engine->processor->kind_count; i++) {
		const struct state_kind *kind = &engine->processor->kinds[i];
		if (kind->published)
			continue;
		struct bytes prefix = seal_meta_key(topic, kind->name, bytes_of(NULL, 0), composed);
		if (record->key.len < prefix.len ||
		    memcmp(record->key.data, prefix.data, prefix.len) != 0)
			continue;
		restoring->kind = kind;
		restoring->kind_index = (uint8_t)i;
		return restore_state(
			restoring, record,
			bytes_of(record->key.data + prefix.len, record->key.len - prefix.len));
	}
	return NULL;
}

static struct err *restore_meta_record(void *context, const struct record *record)
{
	return restore_meta(context, record);
}

static struct err *restore_published_record(void *context, const struct record *record)
{
	return restore_state(context, record, record->key);
}

static struct err *restore_topics(struct restoring *restoring)
{
	struct engine *engine = restoring->engine;
	const struct processor *processor = engine->processor;
	int32_t partition = restoring->task->partition;
	struct err *err =
		bus_read_all(engine->bus, effects_topic(engine->effects, processor->meta_topic),
			     partition, restore_meta_record, restoring);
	for (size_t i = 0; err == NULL && i < processor->kind_count; i++) {
		if (!processor->kinds[i].published)
			continue;
		restoring->kind = &processor->kinds[i];
		restoring->kind_index = (uint8_t)i;
		const char *topic = effects_topic(engine->effects, processor->kinds[i].state_topic);
		err = bus_read_all(engine->bus, topic, partition, restore_published_record,
				   restoring);
	}
	return err;
}

static bool has_timers(const struct processor *processor)
{
	for (size_t i = 0; i < processor->kind_count; i++)
		if (processor->kinds[i].due != NULL)
			return true;
	return false;
}

static struct err *index_due(struct restoring *restoring)
{
	bool done = !has_timers(restoring->engine->processor);
	struct err *err = NULL;
	while (err == NULL && !done) {
		err = shelf_load_index(restoring->load, &done);
		if (err == NULL)
			err = pass_on(restoring);
	}
	return err;
}

static size_t state_size_max(const struct processor *processor)
{
	size_t size = 1;
	for (size_t i = 0; i < processor->kind_count; i++)
		if (processor->kinds[i].state_size > size)
			size = processor->kinds[i].state_size;
	return size;
}

struct err *restore_run(struct engine *engine, struct task *task, int64_t *restored)
{
	struct restoring restoring = {
		.engine = engine,
		.task = task,
		.state = check_calloc(1, state_size_max(engine->processor)),
	};
	struct err *err = shelf_wipe(task->shelf);
	task->clock_len = 0;
	restoring.load = shelf_load_new(task->shelf);
	if (err == NULL)
		err = restore_topics(&restoring);
	if (err == NULL)
		err = pass_on(&restoring);
	if (err == NULL)
		err = index_due(&restoring);
	shelf_load_free(&restoring.load);
	free(restoring.state);
	*restored = restoring.restored;
	return err;
}
