/* Fuzzes the reader of series and, where it takes a file, the forecasts of it: they are numbers,
 * and their quantiles are in order. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "evaluate/forecast_trial.h"
#include "evaluate/series_table.h"

enum { SERIES_MAX = 8, POINTS_MAX = 80, HORIZON = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void forecast(const struct series_table *table)
{
	const struct forecast_trial_options options = { .period = 4,
							.horizon = HORIZON,
							.parallel = { .threads = 1 } };
	struct forecast_trial *trial;
	for (size_t i = 0; i < table->count; i++)
		if (table->count > SERIES_MAX || table->series[i].count > POINTS_MAX)
			return;
	struct err *err = forecast_trial_run(table, &options, &trial);
	for (size_t i = 0; err == NULL && i < table->count; i++)
		for (int h = 0; h < HORIZON; h++)
			for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++) {
				double *const *quantile = trial->series[i].quantile;
				CHECK(isfinite(quantile[q][h]));
				CHECK(q == 0 || quantile[q][h] >= quantile[q - 1][h]);
			}
	err_free(&err);
	forecast_trial_free(&trial);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct series_table *table;
	struct err *err = series_table_parse((const char *)data, len, "input", &table);
	CHECK((err == NULL) == (table != NULL));
	if (err == NULL)
		forecast(table);
	err_free(&err);
	series_table_free(&table);
	return 0;
}
