#include "consumers/levels.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/timestamp.h"
#include "consumers/forecast_words.h"
#include "consumers/level_state.h"
#include "consumers/series_shelf.h"
#include "models/accuracy.h"

enum { LOGIC_VERSION = 4, LEVEL_KIND = 0, SHELF_KIND = 1 };

static const char state_topic[] = "levels.totals", meta_topic[] = "levels.meta";

struct parsed {
	bool is_deployment; /* not a part but: */
	struct series_definitions_record deployment;
	struct series_part part;
	size_t parent_count;
	struct series_parent parents[SERIES_PARENTS_MAX];
};

struct levels_stage {
	struct series_guide guide;
	struct registry *registry;
	struct parsed parsed;
	struct level_record record; /* scratch of encode and decode */
};

struct levels_stage *levels_stage_new(const struct series_table *series, struct registry *registry)
{
	struct levels_stage *stage = check_calloc(1, sizeof *stage);
	stage->guide.own = *series;
	stage->registry = registry;
	return stage;
}

void levels_stage_free(struct levels_stage **stage)
{
	free(*stage);
	*stage = NULL;
}

static struct err *parse(void *context, const struct record *record, struct origin *origin,
			 const void **out)
{
	(void)origin;
	struct levels_stage *stage = context;
	struct parsed *parsed = &stage->parsed;
	const char *type = NULL;
	*out = parsed;
	struct err *err = registry_record_name(stage->registry, record->value, &type);
	parsed->is_deployment = err == NULL && strcmp(type, "foretell.SeriesDefinitions") == 0;
	if (parsed->is_deployment)
		return registry_decode(stage->registry, &series_definitions_type, record->value,
				       &parsed->deployment);
	if (err == NULL)
		err = registry_decode(stage->registry, &series_part_type, record->value,
				      &parsed->part);
	if (err != NULL)
		return err;
	parsed->parent_count =
		series_parents(series_guide_at(&stage->guide, parsed->part.origin_ms),
			       parsed->part.series, parsed->parents);
	if (parsed->parent_count == 0 || parsed->part.step_count == 0)
		return err_new(ERR_POISON, "LEVEL_UNKNOWN",
			       "%.*s is no part of a total in the series that are defined",
			       (int)(parsed->part.series.len < 120 ? parsed->part.series.len : 120),
			       (const char *)parsed->part.series.data);
	return NULL;
}

static size_t route(void *context, const void *parsed, struct target targets[TARGETS_MAX])
{
	(void)context;
	const struct parsed *part = parsed;
	if (part->is_deployment) {
		targets[0] = (struct target){ SHELF_KIND, bytes_str(series_shelf_key), NO_TIMERS };
		return 1;
	}
	for (size_t i = 0; i < part->parent_count; i++)
		targets[i] =
			(struct target){ LEVEL_KIND,
					 bytes_of(part->parents[i].key, part->parents[i].key_len),
					 NO_TIMERS };
	return part->parent_count;
}

/* Says what a close came to: what the earlier forecasts were worth, and the new ones. */
static void say(struct levels_stage *stage, struct bytes key, struct level_state *state,
		struct effects *effects)
{
	struct series_context series = { .key = key };
	CHECK(series_key_split(key, &series.name));
	series.definition = series_find(series_guide_at(&stage->guide, state->origin_ms),
					series.name.definition);
	series.version = series_guide_version_at(&stage->guide, state->origin_ms);
	struct outstanding_forecast made[HORIZON_MAX];
	if (series.definition == NULL) {
		level_state_skip(state); /* no longer defined */
		return;
	}
	const struct calendar *calendar = &series.definition->calendar;
	size_t judged = level_state_judge(state, calendar, made);
	for (size_t i = 0; i < judged; i++)
		forecast_words_accuracy(&series, state->actual, &made[i], effects);
	size_t count = level_state_predict(state, calendar, made);
	size_t history_count = state->closed_count < SERIES_HISTORY_MAX
				       ? (size_t)state->closed_count
				       : SERIES_HISTORY_MAX;
	for (size_t i = 0; i < count; i++)
		forecast_words_forecast(&series, &made[i], "sum", history_count, effects);
}

static void apply(void *context, const struct origin *origin, const void *parsed, struct bytes key,
		  void *state, struct effects *effects, bool *must_publish)
{
	(void)origin;
	(void)must_publish;
	struct levels_stage *stage = context;
	const struct parsed *with = parsed;
	struct level_state *level = state;
	if (level->is_open && with->part.origin_ms > level->origin_ms)
		say(stage, key, level, effects);
	size_t i = 0;
	while (!bytes_equal(key, bytes_of(with->parents[i].key, with->parents[i].key_len)))
		i++;
	level_state_add(level, with->parents[i].definition->calendar.period_ms, &with->part);
}

static void fire(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
		 void *state, struct effects *effects, bool *must_publish)
{
	(void)origin;
	(void)at_ms;
	(void)must_publish;
	say(context, key, state, effects);
}

static struct err *encode(void *context, const char *topic, struct bytes key, const void *state,
			  uint8_t *out, size_t *len)
{
	(void)key;
	struct levels_stage *stage = context;
	level_state_to_record(state, &stage->record);
	return registry_encode(stage->registry, topic, &level_type, &stage->record, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode(void *context, struct bytes value, void *state)
{
	struct levels_stage *stage = context;
	struct err *err = registry_decode(stage->registry, &level_type, value, &stage->record);
	if (err == NULL)
		level_state_from_record(&stage->record, state);
	return err;
}

/* ---- deployed series ---- */

static void guided(void *context, const void *state, int64_t offset)
{
	struct levels_stage *stage = context;
	series_guide_set(&stage->guide, state, offset);
}

/* Every partition of series.points tells of it; the first one counts. */
static void apply_shelf(void *context, const struct origin *origin, const void *parsed,
			struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)context;
	(void)key;
	(void)effects;
	(void)must_publish;
	const struct parsed *record = parsed;
	(void)series_shelf_add(state, &record->deployment, origin->offset);
}

static struct err *encode_shelf(void *context, const char *topic, struct bytes key,
				const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	const struct levels_stage *stage = context;
	return series_shelf_encode(stage->registry, topic, state, out, len);
}

static struct err *decode_shelf(void *context, struct bytes value, void *state)
{
	const struct levels_stage *stage = context;
	return series_shelf_decode(stage->registry, value, state);
}

struct processor levels_processor(struct levels_stage *stage)
{
	return (struct processor){
		.name = "levels",
		.logic_version = LOGIC_VERSION,
		.meta_topic = meta_topic,
		.no_headers = true,
		.clocked = true,
		.kinds = { [LEVEL_KIND] = { .name = "level",
					    .state_topic = state_topic,
					    .published = true,
					    .state_size = sizeof(struct level_state),
					    .encode = encode,
					    .decode = decode,
					    .due = level_state_due,
					    .apply = apply,
					    .fire = fire },
			   [SHELF_KIND] = { .name = "shelf",
					    .state_topic = meta_topic,
					    .few = true,
					    .state_size = sizeof(struct series_shelf),
					    .encode = encode_shelf,
					    .decode = decode_shelf,
					    .apply = apply_shelf } },
		.kind_count = 2,
		.guide = { SHELF_KIND, bytes_str(series_shelf_key), NO_TIMERS },
		.guided = guided,
		.context = stage,
		.parse = parse,
		.route = route,
	};
}
