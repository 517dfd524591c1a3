#include "runtime/origins.h"

#include "base/check.h"

enum {
	ASK_MS = 15000,	      /* at an assignment */
	LOOK_MS = 1000,	      /* while everything else waits */
	LOOK_EVERY_MS = 5000, /* how long a log that was made anew may go unnoticed */
};

_Static_assert(TOPICS_PER_STAGE_MAX + STATE_KINDS_MAX + 1 <= BUS_IDS_MAX, "one request");

/* 64 random bits as 32 of which none is 0: that means "not known". */
static uint32_t fold(uint64_t id)
{
	uint32_t folded = (uint32_t)(id ^ id >> 32);
	return id != 0 && folded == 0 ? 1 : folded;
}

/* The topics that hold states, after the inputs; returns how many there are in all. */
static size_t add_state_topics(const struct engine *engine, const char **topics, size_t count)
{
	const struct processor *processor = engine->processor;
	topics[count++] = effects_topic(engine->effects, processor->meta_topic);
	for (size_t i = 0; i < processor->kind_count; i++)
		if (processor->kinds[i].published)
			topics[count++] =
				effects_topic(engine->effects, processor->kinds[i].state_topic);
	return count;
}

/* What the brokers say now. */
struct found {
	uint32_t states_id;
	uint32_t input_ids[TOPICS_PER_STAGE_MAX];
	char cluster[CLUSTER_ID_MAX + 1];
};

static struct err *ask(struct engine *engine, int timeout_ms, struct found *found)
{
	const char *topics[BUS_IDS_MAX];
	uint64_t ids[BUS_IDS_MAX], states = 0;
	size_t input_count = engine->options.input_count;
	for (size_t i = 0; i < input_count; i++)
		topics[i] = engine->options.inputs[i];
	size_t topic_count = add_state_topics(engine, topics, input_count);
	struct err *err =
		bus_ids(engine->bus, topics, topic_count, ids, found->cluster, timeout_ms);
	if (err != NULL)
		return err;
	bool known = true;
	for (size_t i = input_count; i < topic_count; i++) {
		known = known && ids[i] != 0;
		states = states * 31 + ids[i];
	}
	found->states_id = known ? fold(states) : 0;
	for (size_t i = 0; i < input_count; i++)
		found->input_ids[i] = fold(ids[i]);
	return NULL;
}

static uint32_t input_id(const struct engine *engine, const struct found *found,
			 const struct task *task)
{
	for (size_t i = 0; i < engine->options.input_count; i++)
		if (strcmp(task->own_topic, engine->options.inputs[i]) == 0)
			return found->input_ids[i];
	return 0;
}

struct err *origins_ask(struct engine *engine, struct task *const *tasks, size_t count)
{
	struct found found;
	struct err *err = ask(engine, ASK_MS, &found);
	if (err != NULL)
		return err;
	engine->states_id = found.states_id;
	memcpy(engine->cluster, found.cluster, sizeof engine->cluster);
	for (size_t i = 0; i < count; i++)
		tasks[i]->input_id = input_id(engine, &found, tasks[i]);
	engine->last_look_ms = engine_now_ms(engine);
	return NULL;
}

static bool differ(uint32_t a, uint32_t b)
{
	return a != 0 && b != 0 && a != b;
}

static struct err *compare(const struct engine *engine, const struct task *task, uint32_t input,
			   uint32_t states)
{
	if (differ(input, task->input_id))
		return err_new(
			ERR_FATAL, "INPUT_REPLACED",
			"%s was deleted and made anew, or belongs to another cluster, since offset "
			"%lld of partition %d was committed: start over under another --app with "
			"--from-beginning",
			task->own_topic, (long long)task->committed.x, (int)task->partition);
	if (differ(states, engine->states_id))
		return err_new(
			ERR_FATAL, "STATES_REPLACED",
			"%s %s/%d: a topic that holds states of this stage (%s, or one of its "
			"compacted outputs) was deleted and made anew, so the states in it are "
			"gone: start over under another --app with --from-beginning",
			engine->processor->name, task->own_topic, (int)task->partition,
			effects_topic(engine->effects, engine->processor->meta_topic));
	return NULL;
}

struct err *origins_check(const struct engine *engine, struct task *task,
			  const struct checkpoint *committed)
{
	task->committed = *committed;
	return compare(engine, task, committed->input_id, committed->states_id);
}

struct err *origins_look(struct engine *engine)
{
	struct found found;
	if (engine_now_ms(engine) - engine->last_look_ms < LOOK_EVERY_MS)
		return NULL;
	engine->last_look_ms = engine_now_ms(engine);
	struct err *err = ask(engine, LOOK_MS, &found);
	if (err != NULL) { /* no answer, or one of brokers that don't know yet: later */
		err_free(&err);
		return NULL;
	}
	for (size_t i = 0; err == NULL && i < engine->task_count; i++)
		if (engine->tasks[i] != NULL)
			err = compare(engine, engine->tasks[i],
				      input_id(engine, &found, engine->tasks[i]), found.states_id);
	return err;
}
