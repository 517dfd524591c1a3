/* What the calendar does to a period's total: how many days it has, how many are worked, how many
 * holidays fall on days that would be. As regressors (models/regressors.h) these are months of 28
 * to 31 days, weeks with a holiday, and days that are one.
 *
 * Days count from 1970-01-01, periods end before `end`. Ownership: the holidays are borrowed.
 * Threads: pure. Errors: none. */
#ifndef MODELS_CALENDAR_H
#define MODELS_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct calendar {
	unsigned rest;		/* bit 0: Mondays are no working days, ... bit 6: Sundays */
	const int64_t *holiday; /* ascending, none twice; may be NULL */
	size_t holiday_count;
};

enum calendar_step { CALENDAR_DAY, CALENDAR_WEEK, CALENDAR_MONTH, CALENDAR_QUARTER, CALENDAR_YEAR };

struct calendar_period {
	int days, working_days;
	int holidays; /* on days that are worked otherwise */
};

#define CALENDAR_WEEKEND 0x60u /* Saturday and Sunday */

void calendar_count(const struct calendar *calendar, int64_t first, int64_t end,
		    struct calendar_period *period);

/* The first day of the period that is `number` steps after the one that begins on `day` (of a month
 * or longer: after the one `day` is in). number may be negative. */
int64_t calendar_advance(int64_t day, enum calendar_step step, int64_t number);

#endif
