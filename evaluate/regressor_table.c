/* See regressor_table.h. */
#include "evaluate/regressor_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/order.h"
#include "base/timestamp.h"
#include "models/driven.h"
#include "models/gaps.h"

enum { HOLIDAYS_MAX = 100000, LINE_LEN_MAX = 128, CALENDAR_COLUMNS = 3 };

static struct err *bad(const char *name, const char *what)
{
	return err_new(ERR_FATAL, "REGRESSORS", "regressor %s: %s", name, what);
}

/* ---- rows of a file ---- */

/* Puts a column into a set, in the place of one of the same name. */
static struct err *column_put(struct regressor_set *set, const struct regressor_column *column)
{
	for (int k = 0; k < set->count; k++)
		if (strcmp(set->column[k].name, column->name) == 0) {
			set->column[k] = *column;
			return NULL;
		}
	if (set->count == REGRESSORS_MAX)
		return err_new(ERR_FATAL, "REGRESSORS",
			       "regressor %s: a series has at most %d regressors, those of the "
			       "calendar included: leave some out",
			       column->name, REGRESSORS_MAX);
	set->column[set->count++] = *column;
	return NULL;
}

static struct err *row_take(struct regressor_table *table, const struct series_table *series,
			    struct series *row, bool is_own)
{
	char *at = strchr(row->id, '@');
	if (is_own != (at != NULL))
		return NULL;
	if (at == row->id || (is_own && at[1] == '\0'))
		return bad(row->id, "expected NAME, for all series, or NAME@SERIES");
	if (gaps_fill(row->values, row->count) == 0)
		return bad(row->id, "it has no value: leave it out of the file");
	size_t first = 0, end = series->count;
	if (is_own) {
		const struct series *of = series_table_find(series, at + 1);
		if (of == NULL)
			return bad(row->id, "there is no such series in the training file");
		first = (size_t)(of - series->series);
		end = first + 1;
	}
	struct err *err = NULL;
	for (size_t i = first; err == NULL && i < end; i++) {
		const struct series *of = &series->series[i];
		if (row->count < of->count)
			return err_new(ERR_FATAL, "REGRESSORS",
				       "regressor %s has %d values, series %s has %d: each value "
				       "needs the regressor's of its time (give %.40s@SERIES where "
				       "the series begin at different times)",
				       row->id, row->count, of->id, of->count, row->id);
		if (at != NULL)
			*at = '\0'; /* from here on it is the name alone */
		const struct regressor_column column = { row->id, row->values, row->count };
		err = column_put(&table->sets[i], &column);
	}
	return err;
}

/* Own rows after common ones, since they take their place. */
static struct err *rows_take(struct regressor_table *table, const struct series_table *series)
{
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < table->rows->count; i++)
		err = row_take(table, series, &table->rows->series[i], false);
	for (size_t i = 0; err == NULL && i < table->rows->count; i++)
		err = row_take(table, series, &table->rows->series[i], true);
	return err;
}

/* ---- the calendar ---- */

static void calendar_fill(double *values, int length, const struct regressor_calendar *calendar)
{
	int64_t from = calendar_advance(calendar->first, calendar->step, 0);
	for (int t = 0; t < length; t++) {
		struct calendar_period period;
		int64_t end = calendar_advance(calendar->first, calendar->step, t + 1);
		calendar_count(&calendar->calendar, from, end, &period);
		values[t] = period.days;
		values[length + t] = period.working_days;
		values[2 * length + t] = period.holidays;
		from = end;
	}
}

static bool is_steady(const double *values, int count)
{
	for (int t = 1; t < count; t++)
		if (values[t] != values[0])
			return false;
	return true;
}

/* Whether a + b is the same at each point: then one of them tells what the other does. */
static bool is_mirrored(const double *a, const double *b, int count)
{
	for (int t = 1; t < count; t++)
		if (a[t] + b[t] != a[0] + b[0])
			return false;
	return true;
}

static struct err *calendar_take(struct regressor_table *table, const struct series_table *series,
				 int horizon, const struct regressor_calendar *calendar)
{
	static const char *const NAMES[CALENDAR_COLUMNS] = { "days", "working days", "holidays" };
	int longest = 0;
	for (size_t i = 0; i < series->count; i++)
		longest = series->series[i].count > longest ? series->series[i].count : longest;
	int length = longest + horizon;
	table->calendar = check_calloc(CALENDAR_COLUMNS * (size_t)length, sizeof(double));
	calendar_fill(table->calendar, length, calendar);
	const double *working = table->calendar + length, *holidays = working + length;
	struct err *err = NULL;
	for (int k = 0; k < CALENDAR_COLUMNS; k++) {
		const struct regressor_column column = { NAMES[k], table->calendar + k * length,
							 length };
		if (is_steady(column.values, longest) ||
		    (column.values == working && is_mirrored(working, holidays, length)))
			continue;
		if (calendar->step == CALENDAR_DAY && column.values == working)
			continue; /* the season of a week tells that, but for holidays */
		for (size_t i = 0; err == NULL && i < series->count; i++)
			err = column_put(&table->sets[i], &column);
	}
	return err;
}

static struct err *holidays_parse(FILE *file, const char *path, int64_t *days, size_t *count)
{
	char line[LINE_LEN_MAX];
	for (long number = 1; fgets(line, sizeof line, file) != NULL; number++) {
		size_t len = strcspn(line, "\r\n");
		int64_t ms;
		line[len] = '\0';
		if (len == 0)
			continue;
		if (len != strlen("YYYY-MM-DD") || !time_parse(line, &ms))
			return err_new(ERR_FATAL, "HOLIDAYS",
				       "%s, line %ld: expected a date, YYYY-MM-DD", path, number);
		if (*count == HOLIDAYS_MAX)
			return err_new(ERR_FATAL, "HOLIDAYS", "%s: more than %d days", path,
				       HOLIDAYS_MAX);
		days[(*count)++] = time_floor(ms, MS_PER_DAY, 0) / MS_PER_DAY;
	}
	return NULL;
}

struct err *regressor_holidays_read(const char *path, int64_t **days, size_t *count)
{
	*days = NULL;
	*count = 0;
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return err_new(ERR_FATAL, "FILE", "can't read %s: %s", path, strerror(errno));
	int64_t *all = check_calloc(HOLIDAYS_MAX, sizeof *all);
	size_t read = 0;
	struct err *err = holidays_parse(file, path, all, &read);
	fclose(file);
	if (err != NULL) {
		free(all);
		return err;
	}
	if (read > 0)
		qsort(all, read, sizeof *all, order_int64s);
	for (size_t i = 0; i < read; i++)
		if (*count == 0 || all[*count - 1] != all[i])
			all[(*count)++] = all[i];
	*days = all;
	return NULL;
}

/* ---- the whole ---- */

struct err *regressor_table_read(const char *path, const struct regressor_calendar *calendar,
				 const struct series_table *series, int horizon,
				 struct regressor_table **table)
{
	struct regressor_table *t = check_calloc(1, sizeof *t);
	t->count = series->count;
	t->sets = check_calloc(series->count, sizeof *t->sets);
	struct err *err = path != NULL ? series_table_read(path, &t->rows) : NULL;
	if (err == NULL && t->rows != NULL)
		err = rows_take(t, series);
	if (err == NULL && calendar != NULL)
		err = calendar_take(t, series, horizon, calendar);
	if (err != NULL)
		regressor_table_free(&t);
	*table = t;
	return err;
}

void regressor_table_free(struct regressor_table **table)
{
	if (*table == NULL)
		return;
	series_table_free(&(*table)->rows);
	free((*table)->calendar);
	free((*table)->sets);
	free(*table);
	*table = NULL;
}

void regressor_set_fill(const struct regressor_set *set, int count, int origin,
			const struct portfolio_periods *periods, int horizon, double *x)
{
	for (int k = 0; k < set->count; k++) {
		const struct regressor_column *column = &set->column[k];
		double foretold[PORTFOLIO_HORIZON_MAX];
		int ahead = column->count - count;
		ahead = ahead < horizon ? ahead : horizon;
		if (ahead < horizon)
			driven_foretell(column->values, origin + ahead, periods, horizon - ahead,
					foretold);
		for (int t = 0; t < origin + horizon; t++)
			x[t * set->count + k] = t < origin + ahead ? column->values[t]
								   : foretold[t - origin - ahead];
	}
}
