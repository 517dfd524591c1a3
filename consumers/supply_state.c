#include "consumers/supply_state.h"

#include <string.h>

#include "base/timestamp.h"

void supply_state_add_level(struct supply_state *state, int site, const struct supply *note)
{
	if (note->at_ms >= state->levels[site].at_ms)
		state->levels[site] = (struct supply_level){ note->at_ms, note->level };
}

void supply_state_add_demand(struct supply_state *state, int region, const struct supply *note)
{
	if (note->at_ms <= state->planned_ms || note->horizon < 1 || note->horizon > HORIZON_MAX)
		return;
	size_t len = note->unit.len < SUPPLY_UNIT_MAX ? note->unit.len : SUPPLY_UNIT_MAX;
	memset(state->unit, 0, sizeof state->unit);
	memcpy(state->unit, note->unit.data, len);
	state->period_ms = note->period_ms;
	state->origin_ms = note->at_ms;
	state->is_forecast[region] = true;
	state->demand[region][note->horizon - 1] = note->demand;
	if (note->horizon > state->horizon_count)
		state->horizon_count = note->horizon;
}

void supply_state_planned(struct supply_state *state)
{
	state->planned_ms = state->origin_ms;
	state->origin_ms = 0;
	state->horizon_count = 0;
	memset(state->is_forecast, 0, sizeof state->is_forecast);
	memset(state->demand, 0, sizeof state->demand);
}

int64_t supply_state_due(const void *state)
{
	const struct supply_state *supply = state;
	return supply->origin_ms != 0 ? supply->origin_ms : TIME_NONE;
}

void supply_state_to_record(const struct supply_state *state, struct supply_record *record)
{
	record->unit = bytes_str(state->unit);
	record->period_ms = state->period_ms;
	record->origin_ms = state->origin_ms;
	record->planned_ms = state->planned_ms;
	record->forecast_count = record->stock_count = 0;
	for (int r = 0; r < SUPPLY_REGIONS_MAX; r++)
		for (int h = 0; state->is_forecast[r] && h < state->horizon_count; h++)
			record->forecasts[record->forecast_count++] =
				(struct supply_forecast_record){ r, h + 1, state->demand[r][h] };
	for (int s = 0; s < SUPPLY_SITES_MAX; s++)
		if (state->levels[s].at_ms != 0)
			record->stocks[record->stock_count++] =
				(struct supply_stock_record){ s, state->levels[s].at_ms,
							      state->levels[s].level };
}

struct err *supply_state_from_record(const struct supply_record *record, struct supply_state *state)
{
	memset(state, 0, sizeof *state);
	if (record->unit.len > SUPPLY_UNIT_MAX)
		goto damaged;
	memcpy(state->unit, record->unit.data, record->unit.len);
	state->period_ms = record->period_ms;
	state->origin_ms = record->origin_ms;
	state->planned_ms = record->planned_ms;
	for (size_t i = 0; i < record->forecast_count; i++) {
		const struct supply_forecast_record *forecast = &record->forecasts[i];
		if (forecast->region < 0 || forecast->region >= SUPPLY_REGIONS_MAX ||
		    forecast->horizon < 1 || forecast->horizon > HORIZON_MAX)
			goto damaged;
		state->is_forecast[forecast->region] = true;
		state->demand[forecast->region][forecast->horizon - 1] = forecast->demand;
		if (forecast->horizon > state->horizon_count)
			state->horizon_count = forecast->horizon;
	}
	for (size_t i = 0; i < record->stock_count; i++) {
		const struct supply_stock_record *stock = &record->stocks[i];
		if (stock->site < 0 || stock->site >= SUPPLY_SITES_MAX)
			goto damaged;
		state->levels[stock->site] = (struct supply_level){ stock->at_ms, stock->level };
	}
	return NULL;
damaged:
	return err_new(ERR_FATAL, "STATE_INVALID", "a product's supply state is damaged");
}
