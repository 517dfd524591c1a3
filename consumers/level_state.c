#include "consumers/level_state.h"

#include <math.h>

#include "base/check.h"
#include "base/saturate.h"
#include "base/timestamp.h"
#include "consumers/forecast_words.h"
#include "consumers/series_method.h"

static const double FORGETTING = 0.07;

void level_state_add(struct level_state *state, int64_t period_ms, const struct series_part *part)
{
	if (part->origin_ms < state->origin_ms ||
	    (part->origin_ms == state->origin_ms &&
	     (!state->is_open || part->tick_offset != state->tick_offset)))
		return;
	if (!state->is_open) {
		state->is_open = true;
		state->origin_ms = part->origin_ms;
		state->tick_offset = part->tick_offset;
		state->period_ms = period_ms;
		state->part_count = state->actual = 0;
		state->step_count = 0;
		state->nonnegative = true;
		memset(state->steps, 0, sizeof state->steps);
	}
	state->part_count++;
	state->actual = saturating_add(state->actual, part->actual);
	if (part->step_count > state->step_count)
		state->step_count = part->step_count;
	for (size_t i = 0; i < part->step_count; i++) {
		struct series_step *step = &state->steps[i];
		step->point = saturating_add(step->point, part->steps[i].point);
		step->naive = saturating_add(step->naive, part->steps[i].naive);
		state->nonnegative = state->nonnegative && part->steps[i].point >= 0;
	}
}

static double weight_of(int64_t count)
{
	double weight = 1.0 / (double)(count + 1);
	return weight > FORGETTING ? weight : FORGETTING;
}

static void learn(struct level_state *state, const struct outstanding_forecast *made)
{
	double came = (double)state->actual, said[INTERVAL_QUANTILE_COUNT];
	forecast_words_quantiles(made, said);
	interval_learn(&state->interval, made->horizon, said, came, made->size);
	if (made->horizon != 1)
		return;
	state->scale += (fabs(came - (double)made->naive) - state->scale) /
			(double)(state->scale_count + 1);
	state->scale_count++;
}

void level_state_skip(struct level_state *state)
{
	state->is_open = false;
}

size_t level_state_judge(struct level_state *state, const struct calendar *calendar,
			 struct outstanding_forecast *made)
{
	size_t kept = 0, found = 0;
	int64_t target_ms = calendar_after(calendar, state->origin_ms, -1);
	for (size_t i = 0; i < state->outstanding_count; i++) {
		const int64_t of_ms = state->outstanding[i].target_ms;
		if (of_ms >= target_ms && of_ms < state->origin_ms && found < HORIZON_MAX) {
			made[found] = state->outstanding[i];
			learn(state, &made[found++]);
		} else if (of_ms >= state->origin_ms)
			state->outstanding[kept++] = state->outstanding[i];
	}
	state->outstanding_count = kept;
	return found;
}

size_t level_state_predict(struct level_state *state, const struct calendar *calendar,
			   struct outstanding_forecast *made)
{
	double point[HORIZON_MAX] = { 0 }, quantile[HORIZON_MAX][INTERVAL_QUANTILE_COUNT];
	int count = (int)state->step_count;
	CHECK(state->is_open && count >= 1 && count <= HORIZON_MAX);
	state->size += weight_of(state->closed_count) * (fabs((double)state->actual) - state->size);
	state->closed_count++;
	state->is_open = false;
	for (int h = 0; h < count; h++)
		point[h] = (double)state->steps[h].point;
	interval_quantiles(&state->interval, point, count, state->size, state->nonnegative,
			   quantile);
	for (int h = 0; h < count; h++) {
		made[h] = (struct outstanding_forecast){
			.origin_ms = state->origin_ms,
			.target_ms = calendar_after(calendar, state->origin_ms, h),
			.horizon = h + 1,
			.point = state->steps[h].point,
			.naive = state->steps[h].naive,
			.own = state->steps[h].point,
			.scale = state->scale,
			.size = state->size,
		};
		forecast_words_intervals(quantile[h], &made[h]);
		if (state->outstanding_count < SERIES_OUTSTANDING_MAX)
			state->outstanding[state->outstanding_count++] = made[h];
	}
	return (size_t)count;
}

int64_t level_state_due(const void *state)
{
	const struct level_state *level = state;
	return level->is_open ? level->origin_ms : TIME_NONE;
}

void level_state_to_record(const struct level_state *state, struct level_record *record)
{
	*record = (struct level_record){
		.is_open = state->is_open,
		.origin_ms = state->origin_ms,
		.tick_offset = state->tick_offset,
		.period_ms = state->period_ms,
		.part_count = state->part_count,
		.closed_count = state->closed_count,
		.actual = state->actual,
		.nonnegative = state->nonnegative,
		.step_count = state->step_count,
		.outstanding_count = state->outstanding_count,
		.size = state->size,
		.scale = state->scale,
		.scale_count = state->scale_count,
	};
	memcpy(record->steps, state->steps, sizeof record->steps);
	memcpy(record->outstanding, state->outstanding,
	       state->outstanding_count * sizeof state->outstanding[0]);
	record->error_count = series_interval_to_steps(&state->interval, record->errors);
}

void level_state_from_record(const struct level_record *record, struct level_state *state)
{
	*state = (struct level_state){
		.is_open = record->is_open && record->step_count > 0,
		.origin_ms = record->origin_ms,
		.tick_offset = record->tick_offset,
		.period_ms = record->period_ms,
		.part_count = record->part_count,
		.closed_count = record->closed_count,
		.actual = record->actual,
		.nonnegative = record->nonnegative,
		.step_count = record->step_count,
		.outstanding_count = record->outstanding_count,
		.size = record->size,
		.scale = record->scale,
		.scale_count = record->scale_count,
	};
	memcpy(state->steps, record->steps, record->step_count * sizeof record->steps[0]);
	memcpy(state->outstanding, record->outstanding,
	       record->outstanding_count * sizeof record->outstanding[0]);
	series_interval_from_steps(record->errors, record->error_count, &state->interval);
}
