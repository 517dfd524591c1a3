/* See calendar.h. */
#include "models/calendar.h"

#include "base/timestamp.h"

enum { DAYS_A_WEEK = 7, THURSDAY = 3 /* 1970-01-01, Monday is 0 */ };

static int weekday(int64_t day)
{
	int64_t from_monday = (day + THURSDAY) % DAYS_A_WEEK;
	return (int)(from_monday < 0 ? from_monday + DAYS_A_WEEK : from_monday);
}

static bool is_worked(const struct calendar *calendar, int64_t day)
{
	return (calendar->rest >> weekday(day) & 1u) == 0;
}

/* The first holiday not before `day`. */
static size_t holiday_from(const struct calendar *calendar, int64_t day)
{
	size_t low = 0, high = calendar->holiday_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (calendar->holiday[middle] < day)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void calendar_count(const struct calendar *calendar, int64_t first, int64_t end,
		    struct calendar_period *period)
{
	*period = (struct calendar_period){ .days = (int)(end - first) };
	int each = 0; /* working days of a whole week */
	for (int64_t day = first; day < first + DAYS_A_WEEK; day++)
		each += is_worked(calendar, day);
	period->working_days = (period->days / DAYS_A_WEEK) * each;
	for (int64_t day = end - period->days % DAYS_A_WEEK; day < end; day++)
		period->working_days += is_worked(calendar, day);
	for (size_t i = holiday_from(calendar, first);
	     i < calendar->holiday_count && calendar->holiday[i] < end; i++)
		period->holidays += is_worked(calendar, calendar->holiday[i]);
	period->working_days -= period->holidays;
}

int64_t calendar_advance(int64_t day, enum calendar_step step, int64_t number)
{
	static const int64_t MONTHS[] = { 0, 0, 1, 3, 12 };
	if (step == CALENDAR_DAY)
		return day + number;
	if (step == CALENDAR_WEEK)
		return day + DAYS_A_WEEK * number;
	int64_t year, span = MONTHS[step];
	unsigned month, in_month;
	time_civil_from_days(day, &year, &month, &in_month);
	int64_t months = 12 * year + (int64_t)month - 1;
	months = months / span * span + span * number; /* years are after 0 */
	return time_days_from_civil(months / 12, (unsigned)(months % 12) + 1, 1);
}
