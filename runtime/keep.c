#include "runtime/keep.h"

#include "base/log.h"
#include "runtime/observe.h"

enum { LOOK_MS = 250 };

/* One of the two is to be written. */
struct burden {
	struct store_batch *batch;
	struct shelf_load *load;
};

static struct err *try_once(struct engine *engine, const struct burden *burden)
{
	return burden->load != NULL ? shelf_load_write(burden->load)
				    : store_batch_write(engine->store, burden->batch);
}

/* `cause` (stolen), as the end of waiting for it. */
static struct err *give_up(struct err *cause)
{
	struct err *err = err_new(ERR_FATAL, "STORE_FULL", "waited %d s: %s",
				  STORE_FULL_WAIT_MS / 1000, err_text(cause));
	err_free(&cause);
	return err;
}

/* After a first attempt, which ended with `err` (stolen). */
static struct err *wait_for_room(struct engine *engine, const struct burden *burden,
				 struct err *err)
{
	const struct time_source *time = engine->options.time;
	int64_t began_ms = engine_now_ms(engine);
	if (err == NULL || err_verdict(err) != ERR_RETRY)
		return err;
	log_emit(LOG_WARN, engine->processor->name, "waiting for room on the disk", "{s:s,s:s}",
		 "code", err_code(err), "reason", err_text(err));
	while (err != NULL && err_verdict(err) == ERR_RETRY) {
		if (engine_now_ms(engine) - began_ms >= STORE_FULL_WAIT_MS)
			return give_up(err);
		err_free(&err);
		observe_alive(engine);
		time->sleep_ms(time->context, LOOK_MS);
		err = try_once(engine, burden);
	}
	if (err == NULL)
		log_emit(LOG_INFO, engine->processor->name, "there is room again", "{s:I}", "ms",
			 (json_int_t)(engine_now_ms(engine) - began_ms));
	return err;
}

static struct err *keep(struct engine *engine, const struct burden *burden)
{
	return wait_for_room(engine, burden, try_once(engine, burden));
}

struct err *keep_write(struct engine *engine, struct store_batch *batch)
{
	return keep(engine, &(struct burden){ .batch = batch });
}

struct err *keep_aside_end(struct engine *engine, struct store_batch *batch, bool wait, bool *done)
{
	struct err *err = store_writer_end(engine->writer, wait, done);
	return wait_for_room(engine, &(struct burden){ .batch = batch }, err);
}

struct err *keep_load(struct engine *engine, struct shelf_load *load)
{
	return keep(engine, &(struct burden){ .load = load });
}
