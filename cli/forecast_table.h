/* Forecasts and what came of them, read from the forecasts and forecast.accuracy topics.
 *
 * Ownership: a table owns its rows. Units: amounts in the currency's minor unit, times UTC ms.
 * Threads: one. */
#ifndef CLI_FORECAST_TABLE_H
#define CLI_FORECAST_TABLE_H

#include "base/conf.h"
#include "kafka/client.h"
#include "schemas/types.h"

enum {
	FORECAST_ROWS_MAX = 500000,
	FORECAST_PERIOD_LEN_MAX = 8, /* "P1W" */
	FORECAST_NAMES_MAX = 16,     /* definitions noted */
};

struct forecast_row {
	char series[KEY_LEN_MAX + 1], period[FORECAST_PERIOD_LEN_MAX + 1];
	char unit[4];
	int32_t decimals; /* amounts are in steps of 10^-decimals units */
	int64_t target_ms, origin_ms;
	int32_t horizon;
	int64_t point, lower_80, upper_80, lower_95, upper_95;
	bool judged; /* the period is over */
	int64_t actual, naive;
};

struct forecast_table {
	struct forecast_row *rows; /* by series, horizon, target */
	size_t count, capacity;
	char names[FORECAST_NAMES_MAX][KEY_LEN_MAX + 1]; /* definitions that have forecasts */
	size_t name_count;
};

/* Reads the forecasts of the series whose key is `series`, or whose definition it is
 * ("revenue.week.country"), into *table, which is zeroed first. Errors: as reader_run; FATAL
 * FORECASTS_TOO_MANY; those of a registry. */
ERR_MUST_USE struct err *forecast_table_read(struct forecast_table *table, const struct conf *conf,
					     const struct client_options *client,
					     const char *series);
void forecast_table_fini(struct forecast_table *table);

/* How good forecasts[count] were, where they are judged. */
struct forecast_score {
	size_t judged_count, inside_80_count, inside_95_count;
	double actual_sum, error_sum, naive_error_sum; /* the errors absolute */
};

struct forecast_score forecast_score_of(const struct forecast_row *rows, size_t count);

/* How much smaller the error is than that of repeating the last value: 1 perfect, 0 no better,
 * below 0 worse; 0 where there is nothing to compare with. */
double forecast_score_skill(const struct forecast_score *score);

#endif
