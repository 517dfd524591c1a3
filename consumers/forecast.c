#include "consumers/forecast.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "consumers/forecast_words.h"
#include "consumers/held_stock.h"
#include "consumers/local_hours.h"
#include "consumers/series_shelf.h"
#include "consumers/series_state.h"
#include "consumers/supply_note.h"
#include "models/accuracy.h"
#include "models/forecaster.h"
#include "models/newcomer.h"
#include "runtime/dead_letter.h"
#include "runtime/relay.h"

enum {
	LOGIC_VERSION = 8,
	WHOLE_KIND = 0, /* before the series: it closes its periods before they do */
	SERIES_KIND = 1,
	SHELF_KIND = 2,
	STOCK_KIND = 3,
	DRIFT_BEFORE_MAX = 26
};

static const char own_log[] = "series.points", state_topic[] = "forecast.series";
static const char parts_topic[] = "series.parts", meta_topic[] = "forecast.meta";

_Static_assert((int)SIGNALS_OF_SERIES_MAX == (int)FORECASTER_SIGNALS_MAX, "of one series");

struct parsed {
	const struct record *record;
	bool is_deployment; /* not a point but: */
	struct series_definitions_record deployment;
	bool is_stock; /* or a level for the allocate stage: */
	struct supply stock;
	struct series_point point;
	const struct series_definition *definition;
	size_t key_len, whole_len; /* 0: it is no part of a whole */
	uint8_t key[KEY_LEN_MAX], whole[KEY_LEN_MAX];
};

struct forecast_stage {
	struct series_guide guide;
	struct network network;
	int32_t partition_count;
	struct registry *registry;
	struct parsed parsed;
	struct series_state_record record; /* scratch of encode and decode */
	struct forecast_counts counts;
};

struct forecast_stage *forecast_stage_new(const struct forecast_options *options,
					  struct registry *registry)
{
	struct forecast_stage *stage = check_calloc(1, sizeof *stage);
	stage->guide.own = *options->series;
	stage->network = *options->network;
	stage->partition_count = options->partition_count;
	stage->registry = registry;
	return stage;
}

void forecast_stage_free(struct forecast_stage **stage)
{
	free(*stage);
	*stage = NULL;
}

const struct forecast_counts *forecast_stage_counts(const struct forecast_stage *stage)
{
	return &stage->counts;
}

static struct err *check_point(const struct series_point *point,
			       const struct series_definition *definition)
{
	if (definition == NULL)
		return err_new(ERR_POISON, "SERIES_UNKNOWN",
			       "there is no series definition %.*s (series.dimensions)",
			       (int)(point->definition.len < 80 ? point->definition.len : 80),
			       (const char *)point->definition.data);
	if (point->unit.len != SERIES_UNIT_LEN || point->period_start_ms < EVENT_MS_MIN ||
	    point->period_start_ms > EVENT_MS_MAX ||
	    (definition->calendar.zone.change_count == 0 && /* its clocks may be told otherwise */
	     calendar_after(&definition->calendar, point->period_start_ms, 0) !=
		     point->period_start_ms))
		return err_new(ERR_POISON, "SERIES_POINT",
			       "not a currency, or not the beginning of a period of %s",
			       definition->name);
	return NULL;
}

static struct err *parse_stock(struct forecast_stage *stage, const struct record *record)
{
	struct parsed *parsed = &stage->parsed;
	struct supply *stock = &parsed->stock;
	struct err *err = registry_decode(stage->registry, &supply_type, record->value, stock);
	if (err != NULL)
		return err;
	parsed->definition = series_guide_find(&stage->guide, bytes_str(stage->network.definition));
	if (stock->product.len > NETWORK_NAME_MAX || stock->place.len > NETWORK_NAME_MAX ||
	    !time_is_event(stock->known_ms) || parsed->definition == NULL)
		return err_new(ERR_POISON, "SUPPLY_INVALID",
			       "a level of stock that allocation.file does not know");
	parsed->key_len = held_stock_key(stock, parsed->definition, parsed->key).len;
	return NULL;
}

static struct err *parse(void *context, const struct record *record, struct origin *origin,
			 const void **out)
{
	(void)origin;
	struct forecast_stage *stage = context;
	struct parsed *parsed = &stage->parsed;
	const char *type = NULL;
	*out = parsed;
	struct err *err = registry_record_name(stage->registry, record->value, &type);
	parsed->is_deployment = err == NULL && strcmp(type, "foretell.SeriesDefinitions") == 0;
	parsed->is_stock = err == NULL && strcmp(type, "foretell.Supply") == 0;
	if (parsed->is_deployment)
		return registry_decode(stage->registry, &series_definitions_type, record->value,
				       &parsed->deployment);
	if (parsed->is_stock)
		return parse_stock(stage, record);
	if (err == NULL)
		err = registry_decode(stage->registry, &series_point_type, record->value,
				      &parsed->point);
	if (err != NULL)
		return err;
	const struct series_point *point = &parsed->point;
	parsed->record = record;
	parsed->definition = series_guide_find(&stage->guide, point->definition);
	err = check_point(point, parsed->definition);
	if (err != NULL)
		return err;
	const struct series_name name = { point->definition, point->unit, point->dimension };
	parsed->key_len = series_key(&name, parsed->key).len;
	if (!series_whole(parsed->definition, &name, parsed->whole, &parsed->whole_len))
		parsed->whole_len = 0;
	return NULL;
}

static size_t route(void *context, const void *parsed, struct target targets[TARGETS_MAX])
{
	(void)context;
	const struct parsed *point = parsed;
	if (point->is_deployment) {
		targets[0] = (struct target){ SHELF_KIND, bytes_str(series_shelf_key), NO_TIMERS };
		return 1;
	}
	if (point->is_stock) {
		targets[0] = (struct target){ STOCK_KIND, bytes_of(point->key, point->key_len),
					      NO_TIMERS };
		return 1;
	}
	/* no timers first: a period closes by the clock, when all partitions have told, not by the
	 * first amount of the next one */
	targets[0] =
		(struct target){ SERIES_KIND, bytes_of(point->key, point->key_len), NO_TIMERS };
	targets[1] =
		(struct target){ WHOLE_KIND, bytes_of(point->whole, point->whole_len), NO_TIMERS };
	return point->whole_len > 0 ? 2 : 1;
}

static void apply(void *context, const struct origin *origin, const void *parsed, struct bytes key,
		  void *state, struct effects *effects, bool *must_publish)
{
	(void)context;
	(void)origin;
	(void)key;
	(void)must_publish;
	const struct parsed *point = parsed;
	struct series_state *series = state;
	struct err *err = NULL;
	if (!series->started)
		memcpy(series->whole, point->whole, point->whole_len);
	switch (series_state_add(series, &point->definition->calendar, point->point.period_start_ms,
				 point->point.amount)) {
	case SERIES_TOO_OLD:
		err = err_new(ERR_POISON, "SERIES_TOO_OLD",
			      "the period closed more than %d periods ago", SERIES_HISTORY_MAX);
		break;
	case SERIES_TOO_FAR:
		err = err_new(ERR_POISON, "SERIES_TOO_FAR",
			      "the period lies too far ahead of the log's clock: there is room for "
			      "%d open periods, for more where amounts are small",
			      OPEN_PERIODS_SURE);
		break;
	case SERIES_OPEN:
	case SERIES_CORRECTED: return;
	}
	dead_letter_send(effects, "forecast", point->record, err);
	err_free(&err);
}

static double mean_of(const int64_t *amounts, size_t count)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += (double)amounts[i];
	return count > 0 ? sum / (double)count : 0;
}

/* The period that closed is the last of the history. For how many periods it has been a change; 0:
 * it is none. */
static int64_t watch_drift(struct series_state *state, const struct series_context *series,
			   double error, struct effects *effects)
{
	int64_t since_count = 0;
	double score = 0;
	enum drift_change change = drift_update(&state->drift, error, &since_count, &score);
	if (change == DRIFT_NONE)
		return 0;
	size_t after = state->history_count < (size_t)since_count ? state->history_count
								  : (size_t)since_count;
	size_t begin = state->history_count - after;
	size_t before = begin < DRIFT_BEFORE_MAX ? begin : DRIFT_BEFORE_MAX;
	const struct drift_record drift = {
		.series = series->key,
		.definition = series->name.definition,
		.dimension = series->name.dimension,
		.unit = series->name.unit,
		.decimals = series_decimals(series->definition, series->name.unit),
		.period = bytes_str(series->definition->calendar.iso),
		.at_ms = state->open_ms,
		.since_ms = calendar_after(&series->definition->calendar, state->open_ms,
					   -(int64_t)after),
		.direction = change == DRIFT_UP ? DRIFT_DIRECTION_UP : DRIFT_DIRECTION_DOWN,
		.before = mean_of(state->history + begin - before, before),
		.after = mean_of(state->history + begin, after),
		.score = score,
	};
	effects_say(effects, "drift", series->key, &drift_type, &drift);
	return since_count;
}

/* What the last forecast of the period before says about the series' own method. */
static int64_t learn(struct series_state *state, const struct series_context *series,
		     int64_t actual, const struct outstanding_forecast *made,
		     struct effects *effects)
{
	double came = (double)actual;
	skill_update(&state->skill, accuracy_absolute(came, (double)made->own),
		     accuracy_absolute(came, (double)made->naive));
	return watch_drift(state, series, came - (double)made->own, effects);
}

/* Holds the forecasts of the period that closed against its actual; they are done. For how many
 * periods the series has behaved otherwise than it did; 0: it does not. */
static int64_t judge(struct series_state *state, const struct series_context *series,
		     int64_t target_ms, int64_t actual, struct effects *effects)
{
	size_t kept = 0;
	int64_t changed = 0;
	forecaster_learn(&state->method, (double)actual);
	for (size_t i = 0; i < state->outstanding_count; i++) {
		struct outstanding_forecast made;
		series_state_awaited(state, i, &made);
		if (made.target_ms >= target_ms && made.target_ms < state->open_ms) {
			if (!series_is_total(series->definition))
				forecast_words_accuracy(series, actual, &made, effects);
			double said[INTERVAL_QUANTILE_COUNT];
			forecast_words_quantiles(&made, said);
			interval_learn(&state->method.interval, made.horizon, said, (double)actual,
				       made.size);
			if (made.horizon == 1)
				changed = learn(state, series, actual, &made, effects);
		} else if (made.target_ms >= state->open_ms)
			state->outstanding[kept++] = state->outstanding[i];
	}
	state->outstanding_count = kept;
	return changed;
}

/* The actual of the same place in the last season that is known; without a season the last one. */
static int64_t naive_of(const struct series_state *state, int season, int horizon)
{
	size_t back = 1;
	if (season > 1 && state->history_count >= (size_t)season)
		back = (size_t)(season - (horizon - 1) % season);
	return state->history[state->history_count - back];
}

/* One step of the result as it is said: around the naive forecast where that is the better one. */
static struct outstanding_forecast make(const struct series_state *state,
					const struct series_definition *definition,
					const struct forecaster_result *result, int horizon)
{
	const double *quantile = result->quantile[horizon - 1];
	int64_t naive = naive_of(state, definition->season, horizon);
	double shift = state->skill.fallen_back ? (double)naive - quantile[INTERVAL_Q500] : 0;
	double around[INTERVAL_QUANTILE_COUNT];
	for (int q = 0; q < INTERVAL_QUANTILE_COUNT; q++) {
		double value = quantile[q] + shift;
		around[q] = result->nonnegative && value < 0 ? 0 : value;
	}
	struct outstanding_forecast made = {
		.origin_ms = state->open_ms,
		.target_ms = calendar_after(&definition->calendar, state->open_ms, horizon - 1),
		.horizon = horizon,
		.naive = naive,
		.own = forecast_words_amount(quantile[INTERVAL_Q500]),
		.size = result->size,
	};
	made.point = state->skill.fallen_back ? naive : made.own;
	forecast_words_intervals(around, &made);
	return made;
}

/* To the totals that the series counts in: all of one hierarchy and unit in one partition. */
static void say_part(const struct forecast_stage *stage, const struct series_context *series,
		     const struct series_part *part, struct effects *effects)
{
	uint8_t key[KEY_LEN_MAX];
	const struct series_table *table = series_guide_at(&stage->guide, part->origin_ms);
	const struct series_definition *root = &table->definitions[series->definition->root];
	const struct series_name name = { bytes_str(root->name), series->name.unit, bytes_str("") };
	effects_say(effects, parts_topic, series_key(&name, key), &series_part_type, part);
}

/* By the hours that the clocks show, where they change meanwhile. */
static void predict_by_clocks(struct series_state *state, const struct calendar *calendar,
			      int64_t first_ms, const double *history,
			      const struct forecaster_options *options,
			      struct forecaster_result *result)
{
	double shown[SERIES_HISTORY_MAX];
	size_t count = local_hours_history(calendar, first_ms, history, state->history_count, shown,
					   SERIES_HISTORY_MAX);
	forecaster_predict(&state->method, shown, (int)count, options, result);
	const struct forecaster_result by_clocks = *result;
	for (int h = 1; h <= result->horizon_count; h++) {
		int step = local_hours_step(calendar, state->open_ms, h, result->horizon_count);
		memcpy(result->quantile[h - 1], by_clocks.quantile[step - 1],
		       sizeof result->quantile[0]);
	}
}

/* The series' own method; *scale becomes that of MASE. */
static void forecast(struct forecast_stage *stage, struct series_state *state,
		     const struct series_context *series, int64_t changed,
		     struct forecaster_result *result, double *scale)
{
	double history[SERIES_HISTORY_MAX];
	double signals[(SERIES_HISTORY_MAX + HORIZON_MAX) * SIGNALS_OF_SERIES_MAX];
	size_t signal_count = 0;
	const struct series_definition *definition = series->definition;
	const struct calendar *calendar = &definition->calendar;
	const int64_t first_ms =
		calendar_after(calendar, state->open_ms, -(int64_t)state->history_count);
	for (size_t i = 0; i < state->history_count; i++)
		history[i] = (double)state->history[i];
	series_signals(series_guide_at(&stage->guide, state->open_ms), definition,
		       series->name.dimension, first_ms,
		       state->history_count + (size_t)definition->horizon, signals, &signal_count);
	const struct forecaster_options options = { .horizon_count = definition->horizon,
						    .season_period = definition->season,
						    .phase = hash_murmur2(series->key),
						    .changed_points = (int)changed,
						    .signals = signals,
						    .signal_count = (int)signal_count };
	if (signal_count == 0 &&
	    local_hours_needed(calendar, first_ms,
			       calendar_after(calendar, state->open_ms, definition->horizon)))
		predict_by_clocks(state, calendar, first_ms, history, &options, result);
	else
		forecaster_predict(&state->method, history, (int)state->history_count, &options,
				   result);
	struct forecast_counts *counts = &stage->counts;
	counts->closed++;
	counts->forecasts += result->horizon_count;
	counts->estimated += result->estimated;
	counts->searched += result->searched;
	counts->fallen_back += state->skill.fallen_back;
	*scale = accuracy_mase_scale(history, (int)state->history_count, definition->season);
}

/* Whether the series of its definition have closed the period that it has, at an earlier tick. */
static bool is_behind(const struct series_state *state, const struct series_state *whole,
		      int64_t tick_offset)
{
	return whole->started &&
	       (whole->open_ms > state->open_ms ||
		(whole->open_ms == state->open_ms && whole->tick_offset != tick_offset));
}

/* Whether the series is new: while it is, the whole had as many periods before it as a series needs
 * to be forecast by itself. */
static bool is_new(const struct series_state *state, const struct series_state *whole,
		   const struct series_definition *definition)
{
	const size_t enough = (size_t)newcomer_points(definition->season);
	if (!whole->started || state->history_count >= enough)
		return false;
	int64_t ahead = calendar_number(&definition->calendar, whole->open_ms) -
			calendar_number(&definition->calendar, state->open_ms);
	return (int64_t)whole->history_count - ahead >= (int64_t)(state->history_count + enough);
}

/* Learns from the close what share of the whole a new series has, and makes the result the more of
 * it the newer the series is. False: it has none. */
static bool take_share(struct series_state *state, const struct series_state *whole,
		       const struct series_definition *definition, struct forecaster_result *result)
{
	double ahead[HORIZON_MAX], point[HORIZON_MAX];
	const size_t horizon = (size_t)result->horizon_count;
	if (whole->outstanding_count != horizon + 1)
		return false; /* it is new, too */
	newcomer_learn(&state->newcomer, (double)state->history[state->history_count - 1],
		       (double)whole->outstanding[horizon].own);
	for (size_t h = 0; h < horizon; h++) {
		ahead[h] = (double)whole->outstanding[h].own;
		point[h] = result->quantile[h][INTERVAL_Q500];
	}
	if (!newcomer_forecast(&state->newcomer, (int)state->history_count, definition->season,
			       ahead, (int)horizon, point))
		return false;
	for (size_t h = 0; h < horizon; h++) {
		double shift = point[h] - result->quantile[h][INTERVAL_Q500];
		for (int q = 0; q < INTERVAL_QUANTILE_COUNT; q++) {
			double value = result->quantile[h][q] + shift;
			result->quantile[h][q] = result->nonnegative && value < 0 ? 0 : value;
		}
	}
	return true;
}

static void predict(struct forecast_stage *stage, struct series_state *state,
		    const struct series_context *series, const struct series_state *whole,
		    int64_t changed, int64_t tick_offset, struct effects *effects)
{
	const struct series_definition *definition = series->definition;
	struct forecaster_result result;
	double scale;
	forecast(stage, state, series, changed, &result, &scale);
	const char *method = "combination";
	if (whole != NULL && take_share(state, whole, definition, &result))
		method = "share";
	method = state->skill.fallen_back ? "naive" : method;
	struct series_part part = { .series = series->key,
				    .origin_ms = state->open_ms,
				    .tick_offset = tick_offset,
				    .actual = state->history[state->history_count - 1],
				    .step_count = (size_t)result.horizon_count };
	for (int h = 1; h <= result.horizon_count; h++) {
		struct outstanding_forecast made = make(state, definition, &result, h);
		made.scale = scale;
		series_state_await(state, &made);
		part.steps[h - 1] = (struct series_step){ made.point, made.naive };
		if (!series_is_total(definition))
			forecast_words_forecast(series, &made, method, state->history_count,
						effects);
	}
	if (series_is_finest(definition))
		say_part(stage, series, &part, effects);
}

static struct series_context context_of(const struct forecast_stage *stage, struct bytes key,
					int64_t at_ms)
{
	struct series_context series = { .key = key, .network = &stage->network };
	CHECK(series_key_split(key, &series.name));
	series.definition =
		series_find(series_guide_at(&stage->guide, at_ms), series.name.definition);
	series.version = series_guide_version_at(&stage->guide, at_ms);
	return series;
}

static int64_t close_period(struct series_state *state, const struct series_context *series)
{
	return series_state_close(
		state, series->definition == NULL ? NULL : &series->definition->calendar);
}

static void fire(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
		 void *state, struct effects *effects, bool *must_publish)
{
	struct forecast_stage *stage = context;
	struct series_state *series_state = state;
	const struct series_state *whole = NULL;
	struct series_context series = context_of(stage, key, at_ms);
	int64_t target_ms = series_state->open_ms;
	int64_t actual = close_period(series_state, &series);
	if (series.definition == NULL)
		return; /* no longer defined: its periods close in silence */
	if (series_state->whole[0] != '\0') {
		/* The whole may be ahead of a replay: what was judged by it is kept with what was
		 * said of it, so that a replay never judges it again. */
		*must_publish = true;
		whole = origin->reads[0];
		if (is_behind(series_state, whole, origin->offset))
			return; /* it begins late: others have said this close, and the total */
		if (!is_new(series_state, whole, series.definition)) {
			memset(series_state->whole, 0, sizeof series_state->whole);
			whole = NULL;
		}
	}
	int64_t changed = judge(series_state, &series, target_ms, actual, effects);
	predict(stage, series_state, &series, whole, changed, origin->offset, effects);
}

static size_t read_whole(void *context, const void *state, const void *parsed,
			 struct target reads[READS_MAX])
{
	(void)context;
	const struct series_state *series = state;
	if (parsed != NULL || series->whole[0] == '\0')
		return 0;
	reads[0] = (struct target){ WHOLE_KIND, bytes_str(series->whole), NO_TIMERS };
	return 1;
}

/* ---- the whole that new series take their shares of ---- */

/* What has no room here had none in its series, or has by the next close. */
static void apply_whole(void *context, const struct origin *origin, const void *parsed,
			struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)context;
	(void)origin;
	(void)key;
	(void)effects;
	(void)must_publish;
	const struct parsed *point = parsed;
	(void)series_state_add(state, &point->definition->calendar, point->point.period_start_ms,
			       point->point.amount);
}

/* It is forecast, and nothing is said: kept are the points, and what was expected of the period
 * that closed. */
static void fire_whole(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
		       void *state, struct effects *effects, bool *must_publish)
{
	(void)effects;
	(void)must_publish;
	struct forecast_stage *stage = context;
	struct series_state *whole = state;
	struct series_context series = context_of(stage, key, at_ms);
	struct forecaster_result result;
	int64_t changed = 0;
	double scale, score;
	int64_t actual = close_period(whole, &series);
	whole->tick_offset = origin->offset;
	if (series.definition == NULL)
		return;
	forecaster_learn(&whole->method, (double)actual);
	const bool was_expected = whole->outstanding_count > 0;
	struct outstanding_forecast expected;
	if (was_expected) {
		series_state_awaited(whole, 0, &expected);
		(void)drift_update(&whole->drift, (double)actual - (double)expected.own, &changed,
				   &score);
	}
	whole->outstanding_count = 0;
	forecast(stage, whole, &series, changed, &result, &scale);
	for (int h = 1; h <= result.horizon_count; h++) {
		struct outstanding_forecast made = make(whole, series.definition, &result, h);
		series_state_await(whole, &made);
	}
	if (was_expected)
		series_state_await(whole, &expected); /* of the period that closed, last */
}

static struct err *encode(void *context, const char *topic, struct bytes key, const void *state,
			  uint8_t *out, size_t *len)
{
	(void)key;
	struct forecast_stage *stage = context;
	series_state_to_record(state, &stage->record);
	return registry_encode(stage->registry, topic, &series_state_type, &stage->record, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode(void *context, struct bytes value, void *state)
{
	struct forecast_stage *stage = context;
	struct err *err =
		registry_decode(stage->registry, &series_state_type, value, &stage->record);
	if (err == NULL)
		err = series_state_from_record(&stage->record, state)
			      ? NULL
			      : err_new(ERR_FATAL, "STATE_INVALID",
					"a series of an earlier version has more open periods than "
					"this one keeps: let it close them, or start over under "
					"another --app with --from-beginning");
	return err;
}

/* ---- deployed series ---- */

static void guided(void *context, const void *state, int64_t offset)
{
	struct forecast_stage *stage = context;
	series_guide_set(&stage->guide, state, offset);
}

/* Every partition of account.events tells of it; the first one counts, and goes on to the totals.
 */
static void apply_shelf(void *context, const struct origin *origin, const void *parsed,
			struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)context;
	const struct parsed *record = parsed;
	if (!series_shelf_add(state, &record->deployment, origin->offset))
		return;
	*must_publish = true;
	effects_tell_all(effects, parts_topic, key, &series_definitions_type, &record->deployment);
}

static struct err *encode_shelf(void *context, const char *topic, struct bytes key,
				const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	const struct forecast_stage *stage = context;
	return series_shelf_encode(stage->registry, topic, state, out, len);
}

static struct err *decode_shelf(void *context, struct bytes value, void *state)
{
	const struct forecast_stage *stage = context;
	return series_shelf_decode(stage->registry, value, state);
}

/* ---- stock for the allocate stage ---- */

static void apply_stock(void *context, const struct origin *origin, const void *parsed,
			struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)context;
	(void)origin;
	(void)key;
	(void)effects;
	(void)must_publish;
	const struct parsed *record = parsed;
	held_stock_add(state, &record->stock, record->definition);
}

static void fire_stock(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
		       void *state, struct effects *effects, bool *must_publish)
{
	(void)context;
	(void)origin;
	(void)key;
	(void)at_ms;
	(void)must_publish;
	held_stock_tell(state, effects);
}

static struct err *encode_stock(void *context, const char *topic, struct bytes key,
				const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	struct forecast_stage *stage = context;
	struct supply record;
	*len = 0;
	if (held_stock_due(state) == TIME_NONE)
		return NULL;
	held_stock_to_record(state, &record);
	return registry_encode(stage->registry, topic, &supply_type, &record, out, OUTPUT_LEN_MAX,
			       len);
}

static struct err *decode_stock(void *context, struct bytes value, void *state)
{
	struct forecast_stage *stage = context;
	struct supply record;
	struct err *err = registry_decode(stage->registry, &supply_type, value, &record);
	return err != NULL ? err : held_stock_from_record(&record, state);
}

/* The levels stage's clock: what closed before this tick stands in its log before it. */
static void clock_moved(void *context, const struct origin *origin, int64_t clock_ms,
			struct effects *effects)
{
	const struct forecast_stage *stage = context;
	relay_clock(effects, parts_topic, own_log, origin, clock_ms);
	supply_tell_clock(&stage->network, origin, clock_ms, effects);
}

static void inputs_given(void *context, const struct origin *origin, struct effects *effects)
{
	const struct forecast_stage *stage = context;
	relay_inputs(effects, parts_topic, own_log, stage->partition_count, origin);
	supply_tell_inputs(&stage->network, origin, stage->partition_count, effects);
}

struct processor forecast_processor(struct forecast_stage *stage)
{
	return (struct processor){
		.name = "forecast",
		.logic_version = LOGIC_VERSION,
		.meta_topic = meta_topic,
		.no_headers = true,
		.clocked = true,
		.kinds = { [WHOLE_KIND] = { .name = "whole",
					    .state_topic = meta_topic,
					    .state_size = sizeof(struct series_state),
					    .encode = encode,
					    .decode = decode,
					    .due = series_state_due,
					    .apply = apply_whole,
					    .fire = fire_whole },
			   [SERIES_KIND] = { .name = "series",
					     .state_topic = state_topic,
					     .published = true,
					     .state_size = sizeof(struct series_state),
					     .encode = encode,
					     .decode = decode,
					     .reads = read_whole,
					     .due = series_state_due,
					     .apply = apply,
					     .fire = fire },
			   [SHELF_KIND] = { .name = "shelf",
					    .state_topic = meta_topic,
					    .few = true,
					    .state_size = sizeof(struct series_shelf),
					    .encode = encode_shelf,
					    .decode = decode_shelf,
					    .apply = apply_shelf },
			   [STOCK_KIND] = { .name = "stock",
					    .state_topic = meta_topic,
					    .state_size = sizeof(struct held_stock),
					    .encode = encode_stock,
					    .decode = decode_stock,
					    .due = held_stock_due,
					    .apply = apply_stock,
					    .fire = fire_stock } },
		.kind_count = 4,
		.guide = { SHELF_KIND, bytes_str(series_shelf_key), NO_TIMERS },
		.guided = guided,
		.context = stage,
		.parse = parse,
		.route = route,
		.clock_moved = clock_moved,
		.inputs_given = inputs_given,
	};
}
