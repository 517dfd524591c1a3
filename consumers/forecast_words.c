#include "consumers/forecast_words.h"

#include "base/saturate.h"
#include "consumers/supply_note.h"
#include "models/accuracy.h"

int64_t forecast_words_amount(double value)
{
	if (value >= 9e18)
		return INT64_C(9000000000000000000);
	if (value <= -9e18)
		return -INT64_C(9000000000000000000);
	return value < 0 ? -(int64_t)(0.5 - value) : (int64_t)(value + 0.5);
}

static int64_t at_most(int64_t value, int64_t most)
{
	return value < most ? value : most;
}

static int64_t at_least(int64_t value, int64_t least)
{
	return value > least ? value : least;
}

void forecast_words_intervals(const double quantile[INTERVAL_QUANTILE_COUNT],
			      struct outstanding_forecast *made)
{
	made->lower_80 = at_most(forecast_words_amount(quantile[INTERVAL_Q100]), made->point);
	made->lower_95 = at_most(forecast_words_amount(quantile[INTERVAL_Q025]), made->lower_80);
	made->upper_80 = at_least(forecast_words_amount(quantile[INTERVAL_Q900]), made->point);
	made->upper_95 = at_least(forecast_words_amount(quantile[INTERVAL_Q975]), made->upper_80);
}

void forecast_words_quantiles(const struct outstanding_forecast *made,
			      double quantile[INTERVAL_QUANTILE_COUNT])
{
	quantile[INTERVAL_Q025] = (double)made->lower_95;
	quantile[INTERVAL_Q100] = (double)made->lower_80;
	quantile[INTERVAL_Q500] = (double)made->point;
	quantile[INTERVAL_Q900] = (double)made->upper_80;
	quantile[INTERVAL_Q975] = (double)made->upper_95;
}

void forecast_words_accuracy(const struct series_context *series, int64_t actual,
			     const struct outstanding_forecast *made, struct effects *effects)
{
	double came = (double)actual;
	const struct forecast_accuracy accuracy = {
		.series = series->key,
		.definition = series->name.definition,
		.dimension = series->name.dimension,
		.unit = series->name.unit,
		.period = bytes_str(series->definition->calendar.iso),
		.origin_ms = made->origin_ms,
		.target_ms = made->target_ms,
		.horizon = made->horizon,
		.actual = actual,
		.point = made->point,
		.naive = made->naive,
		.absolute_error = accuracy_absolute(came, (double)made->point),
		.naive_absolute_error = accuracy_absolute(came, (double)made->naive),
		.smape = accuracy_smape(came, (double)made->point) / 100,
		.pinball_80 = (accuracy_pinball(came, (double)made->lower_80, 0.10) +
			       accuracy_pinball(came, (double)made->upper_80, 0.90)) /
			      2,
		.pinball_95 = (accuracy_pinball(came, (double)made->lower_95, 0.025) +
			       accuracy_pinball(came, (double)made->upper_95, 0.975)) /
			      2,
		.inside_80 = actual >= made->lower_80 && actual <= made->upper_80,
		.inside_95 = actual >= made->lower_95 && actual <= made->upper_95,
		.decimals = series_decimals(series->definition, series->name.unit),
		.bias = saturating_subtract(made->point, actual),
		.has_mase = made->scale > 0,
		.mase = made->scale > 0 ? accuracy_absolute(came, (double)made->point) / made->scale
					: 0,
	};
	effects_say(effects, "forecast.accuracy", series->key, &forecast_accuracy_type, &accuracy);
}

void forecast_words_forecast(const struct series_context *series,
			     const struct outstanding_forecast *made, const char *method,
			     size_t history_count, struct effects *effects)
{
	const struct forecast forecast = {
		.series = series->key,
		.definition = series->name.definition,
		.dimension = series->name.dimension,
		.unit = series->name.unit,
		.period = bytes_str(series->definition->calendar.iso),
		.origin_ms = made->origin_ms,
		.target_ms = made->target_ms,
		.horizon = made->horizon,
		.point = made->point,
		.lower_80 = made->lower_80,
		.upper_80 = made->upper_80,
		.lower_95 = made->lower_95,
		.upper_95 = made->upper_95,
		.method = bytes_str(method),
		.history_count = (int32_t)history_count,
		.decimals = series_decimals(series->definition, series->name.unit),
		.definition_version = bytes_str(series->version),
	};
	effects_say(effects, "forecasts", series->key, &forecast_type, &forecast);
	if (series->network != NULL)
		supply_tell_demand(series->network, &forecast,
				   series->definition->calendar.period_ms, effects);
}
