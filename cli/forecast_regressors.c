/* See forecast_regressors.h. */
#include "cli/forecast_regressors.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/order.h"
#include "base/timestamp.h"

static const double SURE = 0.5; /* from here on a regressor counts */

static struct err *step_read(const char *text, enum calendar_step *step)
{
	static const char *const NAMES[] = { "day", "week", "month", "quarter", "year" };
	for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
		if (strcmp(text, NAMES[i]) == 0) {
			*step = (enum calendar_step)i;
			return NULL;
		}
	return err_new(ERR_FATAL, "USAGE",
		       "--step can't be \"%.40s\": expected day, week, month, quarter or year",
		       text);
}

/* *days: the holidays that `calendar` points to; new. */
static struct err *calendar_read(const struct args *args, struct regressor_calendar *calendar,
				 int64_t **days)
{
	const char *start = args_value(args, "start", NULL);
	const char *step = args_value(args, "step", NULL);
	const char *path = args_value(args, "holidays", NULL);
	int64_t ms;
	if (start == NULL || step == NULL)
		return err_new(ERR_FATAL, "USAGE",
			       "the calendar needs --start and --step (and takes --holidays)");
	if (strlen(start) != strlen("YYYY-MM-DD") || !time_parse(start, &ms))
		return err_new(ERR_FATAL, "USAGE",
			       "--start can't be \"%.40s\": expected the date of the first values, "
			       "YYYY-MM-DD",
			       start);
	*calendar =
		(struct regressor_calendar){ .calendar = { .rest = CALENDAR_WEEKEND },
					     .first = time_floor(ms, MS_PER_DAY, 0) / MS_PER_DAY };
	struct err *err = step_read(step, &calendar->step);
	if (err == NULL && path != NULL)
		err = regressor_holidays_read(path, days, &calendar->calendar.holiday_count);
	calendar->calendar.holiday = *days;
	return err;
}

struct err *forecast_regressors_read(const struct args *args, const struct series_table *series,
				     int horizon, struct regressor_table **table)
{
	const char *path = args_value(args, "regressors", NULL);
	bool has_calendar = args_value(args, "start", NULL) != NULL ||
			    args_value(args, "step", NULL) != NULL ||
			    args_value(args, "holidays", NULL) != NULL;
	struct regressor_calendar calendar;
	int64_t *days = NULL;
	struct err *err = NULL;
	*table = NULL;
	if (path == NULL && !has_calendar)
		return NULL;
	if (has_calendar)
		err = calendar_read(args, &calendar, &days);
	if (err == NULL)
		err = regressor_table_read(path, has_calendar ? &calendar : NULL, series, horizon,
					   table);
	free(days);
	return err;
}

/* ---- what they tell ---- */

/* The name's place in the table of series i, or -1. */
static int place_of(const struct regressor_table *table, size_t i, const char *name)
{
	for (int k = 0; k < table->sets[i].count; k++)
		if (strcmp(table->sets[i].column[k].name, name) == 0)
			return k;
	return -1;
}

/* In how many series it counts; the median of its effects there, of the form that most of them
 * have. */
static void name_print(const struct regressor_table *table, const struct forecast_trial *trial,
		       const char *name, double *effect)
{
	size_t series = 0, counts[2] = { 0, 0 }; /* by `logs` */
	for (int logs = 1; logs >= 0; logs--) {
		series = 0;
		for (size_t i = 0; i < table->count; i++) {
			int k = place_of(table, i, name);
			const struct regressors *model = &trial->series[i].regressors;
			series += k >= 0;
			if (k < 0 || model->logs != logs || model->sure[k] < SURE)
				continue;
			effect[(size_t)logs * table->count + counts[logs]++] = model->weight[k];
		}
	}
	int most = counts[1] >= counts[0];
	printf("%-22.22s %7zu %10zu", name, series, counts[0] + counts[1]);
	if (counts[most] > 0) {
		double *of = effect + (size_t)most * table->count;
		size_t n = counts[most];
		qsort(of, n, sizeof *of, order_doubles);
		double median = 0.5 * (of[(n - 1) / 2] + of[n / 2]);
		printf(most ? "   %+.3g %%" : "   %+.4g", most ? 100.0 * dm_expm1(median) : median);
	}
	printf("\n");
}

void forecast_regressors_print(const struct regressor_table *table,
			       const struct forecast_trial *trial)
{
	double *effect = check_calloc(2 * table->count, sizeof *effect);
	printf("%-22s %7s %10s   %s\n", "regressor", "series", "counts in",
	       "one unit moves them by (median)");
	for (size_t i = 0; i < table->count; i++)
		for (int k = 0; k < table->sets[i].count; k++) {
			const char *name = table->sets[i].column[k].name;
			bool told = false; /* by an earlier series */
			for (size_t j = 0; !told && j < i; j++)
				told = place_of(table, j, name) >= 0;
			if (!told)
				name_print(table, trial, name, effect);
		}
	printf("\n");
	free(effect);
}
