/* Regressors of the series in a table, from a file of the same shape: a row a regressor, its name,
 * then its values. `price` belongs to all series, `price@NORTH` to the series NORTH alone, instead
 * of the one for all. Value n belongs to value n of the series, so a row is as long as the series
 * at least; what is beyond are future values, as far as they are known, to the horizon. Gaps are
 * filled as those of series are. And regressors that the calendar gives.
 *
 * Ownership: a table owns its values, and borrows the series. Threads: after it is made any may
 * read. */
#ifndef EVALUATE_REGRESSOR_TABLE_H
#define EVALUATE_REGRESSOR_TABLE_H

#include <stdint.h>

#include "evaluate/series_table.h"
#include "models/calendar.h"
#include "models/portfolio.h"
#include "models/regressors.h"

struct regressor_column {
	const char *name; /* without the series */
	const double *values;
	int count;
};

struct regressor_set {
	int count;
	struct regressor_column column[REGRESSORS_MAX];
};

struct regressor_table {
	size_t count; /* of the series */
	struct regressor_set *sets;
	struct series_table *rows; /* what the columns point into; NULL without a file */
	double *calendar;
};

struct regressor_calendar {
	struct calendar calendar;
	int64_t first; /* day on which every series begins */
	enum calendar_step step;
};

/* A new table for `series`. path and calendar may be NULL. Errors: those of series_table_read;
 * FATAL REGRESSORS, with the name: a row for a series that is not there, one that is too short or
 * has no value, more than REGRESSORS_MAX for one series. */
ERR_MUST_USE struct err *regressor_table_read(const char *path,
					      const struct regressor_calendar *calendar,
					      const struct series_table *series, int horizon,
					      struct regressor_table **table);
void regressor_table_free(struct regressor_table **table); /* NULL-safe */

/* Fills x[origin + horizon][set->count] with what is known at that origin of a series of `count`
 * points: a future that is in the file counts as known at every origin, what is beyond is forecast
 * from there. */
void regressor_set_fill(const struct regressor_set *set, int count, int origin,
			const struct portfolio_periods *periods, int horizon, double *x);

/* New, sorted and without doubles, from a file of dates, one a line, YYYY-MM-DD. Errors: FATAL
 * HOLIDAYS with the line, FILE. */
ERR_MUST_USE struct err *regressor_holidays_read(const char *path, int64_t **days, size_t *count);

#endif
