#include "runtime/read_ahead.h"

#include "runtime/task.h"

static bool usable(struct bytes key)
{
	return key.len > 0 && key.len <= KEY_LEN_MAX;
}

struct err *read_ahead(struct engine *engine, struct task *task, const struct record *records,
		       size_t count)
{
	uint64_t hints[READ_AHEAD_MAX];
	struct err *err = NULL;
	if (!engine->processor->keyed)
		return NULL;
	for (size_t i = 0; i < count; i++)
		hints[i] = usable(records[i].key)
				   ? cache_hint(engine->cache, task->index, 0, records[i].key)
				   : 0;
	for (size_t i = 0; i < count; i++)
		if (usable(records[i].key))
			cache_hint_entry(engine->cache, hints[i]);
	return err;
}
