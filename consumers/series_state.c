#include "consumers/series_state.h"

#include "base/check.h"
#include "base/timestamp.h"
#include "consumers/series_method.h"

static void add_saturating(int64_t *sum, int64_t amount)
{
	if (__builtin_add_overflow(*sum, amount, sum))
		*sum = amount < 0 ? INT64_MIN : INT64_MAX;
}

enum series_placed series_state_place(const struct series_state *state, int64_t period_start_ms)
{
	if (!state->started)
		return SERIES_OPEN;
	int64_t ahead = (period_start_ms - state->open_ms) / state->period_ms;
	if (ahead >= SERIES_OPEN_MAX)
		return SERIES_TOO_FAR;
	if (ahead >= 0)
		return SERIES_OPEN;
	return -ahead <= (int64_t)state->history_count ? SERIES_CORRECTED : SERIES_TOO_OLD;
}

/* An amount of a period before the first one: the series begins there, as far as there is room.
 * What lies between was quiet. */
static bool begin_earlier(struct series_state *state, int64_t period_start_ms)
{
	int64_t first_ms = state->open_ms - (int64_t)state->history_count * state->period_ms;
	size_t shift = (size_t)((first_ms - period_start_ms) / state->period_ms);
	if (state->history_count > 0) {
		if (shift + state->history_count > SERIES_HISTORY_MAX)
			return false;
		memmove(state->history + shift, state->history,
			state->history_count * sizeof state->history[0]);
		memset(state->history, 0, shift * sizeof state->history[0]);
		state->history_count += shift;
		return true;
	}
	if (shift + state->open_count > SERIES_OPEN_MAX)
		return false;
	memmove(state->open + shift, state->open, state->open_count * sizeof state->open[0]);
	memset(state->open, 0, shift * sizeof state->open[0]);
	state->open_count += shift;
	state->open_ms = period_start_ms;
	return true;
}

enum series_placed series_state_add(struct series_state *state,
				    const struct series_definition *definition,
				    int64_t period_start_ms, int64_t amount)
{
	if (!state->started) {
		state->started = true;
		state->period_ms = definition->period_ms;
		state->open_ms = period_start_ms;
	}
	enum series_placed placed = series_state_place(state, period_start_ms);
	if (placed == SERIES_TOO_OLD && begin_earlier(state, period_start_ms))
		placed = series_state_place(state, period_start_ms);
	int64_t ahead = (period_start_ms - state->open_ms) / state->period_ms;
	if (placed == SERIES_OPEN) {
		while (state->open_count <= (size_t)ahead)
			state->open[state->open_count++] = 0;
		add_saturating(&state->open[ahead], amount);
	} else if (placed == SERIES_CORRECTED) {
		add_saturating(&state->history[(int64_t)state->history_count + ahead], amount);
		state->corrected_count++;
	}
	return placed;
}

int64_t series_state_close(struct series_state *state)
{
	CHECK(state->started);
	int64_t actual = state->open_count > 0 ? state->open[0] : 0;
	if (state->open_count > 0) {
		state->open_count--;
		memmove(state->open, state->open + 1, state->open_count * sizeof state->open[0]);
	}
	if (state->history_count == SERIES_HISTORY_MAX) {
		state->history_count--;
		memmove(state->history, state->history + 1,
			state->history_count * sizeof state->history[0]);
	}
	state->history[state->history_count++] = actual;
	state->open_ms += state->period_ms;
	return actual;
}

int64_t series_state_due(const void *state)
{
	const struct series_state *series = state;
	return series->started ? series->open_ms + series->period_ms : TIME_NONE;
}

void series_state_to_record(const struct series_state *state, struct series_state_record *record)
{
	record->period_ms = state->period_ms;
	record->open_ms = state->started ? state->open_ms : TIME_NONE;
	record->corrected_count = state->corrected_count;
	record->history_count = state->history_count;
	record->open_count = state->open_count;
	record->outstanding_count = state->outstanding_count;
	for (size_t i = 0; i < state->history_count; i++)
		record->history[i].amount = state->history[i];
	for (size_t i = 0; i < state->open_count; i++)
		record->open[i].amount = state->open[i];
	memcpy(record->outstanding, state->outstanding, sizeof record->outstanding);
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
	record->has_method = true;
	series_method_to_record(&state->method, &record->method);
}

void series_state_from_record(const struct series_state_record *record, struct series_state *state)
{
	memset(state, 0, sizeof *state);
	state->started = record->open_ms != TIME_NONE;
	state->period_ms = record->period_ms;
	state->open_ms = record->open_ms;
	state->corrected_count = record->corrected_count;
	state->history_count = record->history_count;
	state->open_count = record->open_count;
	state->outstanding_count = record->outstanding_count;
	for (size_t i = 0; i < record->history_count; i++)
		state->history[i] = record->history[i].amount;
	for (size_t i = 0; i < record->open_count; i++)
		state->open[i] = record->open[i].amount;
	memcpy(state->outstanding, record->outstanding, sizeof state->outstanding);
	state->skill = (struct skill){ record->skill_error, record->skill_naive,
				       record->skill_count, record->fallen_back };
	state->drift = (struct drift){ record->drift_scale,    record->drift_up,
				       record->drift_down,     record->drift_count,
				       record->drift_up_count, record->drift_down_count };
	if (record->has_method)
		series_method_from_record(&record->method, &state->method);
}
