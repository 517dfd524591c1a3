/* What is said about a series: its forecasts, and what they were worth. Threads: pure. */
#ifndef CONSUMERS_FORECAST_WORDS_H
#define CONSUMERS_FORECAST_WORDS_H

#include "consumers/network.h"
#include "consumers/series.h"
#include "models/interval.h"
#include "runtime/effects.h"
#include "schemas/states.h"

/* One series as it stands in a record: what forecasts and accuracies have in common. */
struct series_context {
	struct bytes key;
	struct series_name name;
	const struct series_definition *definition;
	const char *version;	       /* of the definitions in force */
	const struct network *network; /* whose demand is told on; NULL: none */
};

/* To the nearest minor unit, within what an int64 holds. */
int64_t forecast_words_amount(double value);

/* The ends of the intervals around point, from quantiles that were made around it: beyond 2^53 a
 * double is not exact, and they are kept in order. */
void forecast_words_intervals(const double quantile[INTERVAL_QUANTILE_COUNT],
			      struct outstanding_forecast *made);

/* What was said, as quantiles again. */
void forecast_words_quantiles(const struct outstanding_forecast *made,
			      double quantile[INTERVAL_QUANTILE_COUNT]);

void forecast_words_forecast(const struct series_context *series,
			     const struct outstanding_forecast *made, const char *method,
			     size_t history_count, struct effects *effects);

/* The period that `made` was about has closed with `actual`. */
void forecast_words_accuracy(const struct series_context *series, int64_t actual,
			     const struct outstanding_forecast *made, struct effects *effects);

#endif
