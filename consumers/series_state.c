#include "consumers/series_state.h"

#include "base/check.h"
#include "base/dmath.h"
#include "base/saturate.h"
#include "base/timestamp.h"
#include "consumers/series_method.h"

/* An amount of a period before the first one: the series begins there, as far as there is room.
 * What lies between was quiet. */
static bool begin_earlier(struct series_state *state, size_t shift)
{
	if (state->history_count == 0)
		return open_periods_begin(&state->open, (int64_t)shift);
	if (shift + state->history_count > SERIES_HISTORY_MAX)
		return false;
	memmove(state->history + shift, state->history,
		state->history_count * sizeof state->history[0]);
	memset(state->history, 0, shift * sizeof state->history[0]);
	state->history_count += shift;
	return true;
}

static void open_at(struct series_state *state, const struct calendar *calendar, int64_t ms)
{
	state->open_ms = calendar_after(calendar, ms, 0);
	state->end_ms = calendar_after(calendar, ms, 1);
}

enum series_placed series_state_add(struct series_state *state, const struct calendar *calendar,
				    int64_t period_start_ms, int64_t amount)
{
	if (!state->started) {
		state->started = true;
		state->period_ms = calendar->period_ms;
		open_at(state, calendar, period_start_ms);
	}
	int64_t ahead = calendar_number(calendar, period_start_ms) -
			calendar_number(calendar, state->open_ms);
	if (ahead < -(int64_t)state->history_count) {
		if (!begin_earlier(state, (size_t)(-ahead - (int64_t)state->history_count)))
			return SERIES_TOO_OLD;
		if (state->history_count == 0) {
			open_at(state, calendar, period_start_ms);
			ahead = 0;
		}
	}
	if (ahead >= 0)
		return open_periods_add(&state->open, ahead, amount) ? SERIES_OPEN : SERIES_TOO_FAR;
	int64_t *past = &state->history[(int64_t)state->history_count + ahead];
	*past = saturating_add(*past, amount);
	state->corrected_count++;
	return SERIES_CORRECTED;
}

int64_t series_state_close(struct series_state *state, const struct calendar *calendar)
{
	CHECK(state->started);
	int64_t actual = open_periods_close(&state->open);
	if (state->history_count == SERIES_HISTORY_MAX) {
		state->history_count--;
		memmove(state->history, state->history + 1,
			state->history_count * sizeof state->history[0]);
	}
	state->history[state->history_count++] = actual;
	state->open_ms = state->end_ms;
	state->end_ms = calendar != NULL ? calendar_after(calendar, state->open_ms, 1)
					 : state->open_ms + state->period_ms;
	return actual;
}

static bool is_of_close(const struct awaited_close *close, const struct outstanding_forecast *made)
{
	return close->origin_ms == made->origin_ms && close->scale == made->scale &&
	       close->size == made->size;
}

/* The place of its close, or one that no forecast needs any more; HORIZON_MAX: there is none. */
static size_t place_of_close(const struct series_state *state,
			     const struct outstanding_forecast *made)
{
	bool used[HORIZON_MAX] = { false };
	for (size_t i = 0; i < state->outstanding_count; i++)
		used[state->outstanding[i].close] = true;
	size_t spare = HORIZON_MAX;
	for (size_t i = 0; i < HORIZON_MAX; i++) {
		if (used[i] && is_of_close(&state->closes[i], made))
			return i;
		if (!used[i] && spare == HORIZON_MAX)
			spare = i;
	}
	return spare;
}

void series_state_await(struct series_state *state, const struct outstanding_forecast *made)
{
	size_t close = place_of_close(state, made);
	if (close == HORIZON_MAX || state->outstanding_count == SERIES_OUTSTANDING_MAX)
		return;
	state->closes[close] = (struct awaited_close){ made->origin_ms, made->scale, made->size };
	state->outstanding[state->outstanding_count++] = (struct awaited_forecast){
		.own = made->own,
		.naive = made->naive,
		.lower_80 = made->lower_80,
		.upper_80 = made->upper_80,
		.lower_95 = made->lower_95,
		.upper_95 = made->upper_95,
		.ahead_s = (uint32_t)((made->target_ms - made->origin_ms) / 1000),
		.close = (uint8_t)close,
		.horizon = (uint8_t)made->horizon,
		.is_naive = made->point != made->own,
	};
}

void series_state_awaited(const struct series_state *state, size_t i,
			  struct outstanding_forecast *made)
{
	const struct awaited_forecast *awaited = &state->outstanding[i];
	const struct awaited_close *close = &state->closes[awaited->close];
	*made = (struct outstanding_forecast){
		.origin_ms = close->origin_ms,
		.target_ms = close->origin_ms + (int64_t)awaited->ahead_s * 1000,
		.horizon = awaited->horizon,
		.point = awaited->is_naive ? awaited->naive : awaited->own,
		.lower_80 = awaited->lower_80,
		.upper_80 = awaited->upper_80,
		.lower_95 = awaited->lower_95,
		.upper_95 = awaited->upper_95,
		.naive = awaited->naive,
		.own = awaited->own,
		.scale = close->scale,
		.size = close->size,
	};
}

int64_t series_state_due(const void *state)
{
	const struct series_state *series = state;
	return series->started ? series->end_ms : TIME_NONE;
}

void series_state_to_record(const struct series_state *state, struct series_state_record *record)
{
	record->period_ms = state->period_ms;
	record->open_ms = state->started ? state->open_ms : TIME_NONE;
	record->end_ms = state->end_ms;
	record->corrected_count = state->corrected_count;
	record->history_count = state->history_count;
	record->open_count = state->open.count;
	record->outstanding_count = state->outstanding_count;
	for (size_t i = 0; i < state->history_count; i++)
		record->history[i].amount = state->history[i];
	for (size_t i = 0; i < record->open_count; i++)
		record->open[i].amount = open_periods_at(&state->open, i);
	for (size_t i = 0; i < state->outstanding_count; i++)
		series_state_awaited(state, i, &record->outstanding[i]);
	record->skill_error = state->skill.error;
	record->skill_naive = state->skill.naive;
	record->skill_count = state->skill.count;
	record->fallen_back = state->skill.fallen_back;
	record->drift_scale = state->drift.scale;
	record->drift_up = state->drift.up;
	record->drift_down = state->drift.down;
	record->drift_count = state->drift.count;
	record->drift_up_count = state->drift.up_count;
	record->drift_down_count = state->drift.down_count;
	record->whole = bytes_str(state->whole);
	record->share_own = state->newcomer.own;
	record->share_expected = state->newcomer.expected;
	record->tick_offset = state->tick_offset;
	record->has_method = true;
	series_method_to_record(&state->method, &record->method);
}

bool series_state_from_record(const struct series_state_record *record, struct series_state *state)
{
	memset(state, 0, sizeof *state);
	state->started = record->open_ms != TIME_NONE;
	state->period_ms = record->period_ms;
	state->open_ms = record->open_ms;
	state->end_ms = record->end_ms > record->open_ms ? record->end_ms
							 : record->open_ms + record->period_ms;
	state->corrected_count = record->corrected_count;
	state->history_count = record->history_count;
	for (size_t i = 0; i < record->history_count; i++)
		state->history[i] = record->history[i].amount;
	bool fits = true;
	for (size_t i = 0; fits && i < record->open_count; i++)
		fits = open_periods_add(&state->open, (int64_t)i, record->open[i].amount);
	for (size_t i = 0; i < record->outstanding_count; i++)
		series_state_await(state, &record->outstanding[i]);
	state->skill = (struct skill){ record->skill_error, record->skill_naive,
				       record->skill_count, record->fallen_back };
	state->drift = (struct drift){ record->drift_scale,    record->drift_up,
				       record->drift_down,     record->drift_count,
				       record->drift_up_count, record->drift_down_count };
	if (record->whole.len > 0 && record->whole.len <= SERIES_WHOLE_MAX)
		memcpy(state->whole, record->whole.data, record->whole.len);
	state->tick_offset = record->tick_offset;
	if (dm_is_finite(record->share_own) && dm_is_finite(record->share_expected))
		state->newcomer = (struct newcomer){ record->share_own, record->share_expected };
	if (record->has_method)
		series_method_from_record(&record->method, &state->method);
	return fits;
}
