#include "consumers/calendar.h"

#include <string.h>

#include "base/timestamp.h"

enum { MONTHS = 12, MONTH_DAYS = 30 };

static const struct {
	const char *iso;
	enum calendar_unit unit;
	int64_t period_ms;
} periods[] = {
	{ "PT1H", CALENDAR_HOUR, MS_PER_HOUR },
	{ "P1D", CALENDAR_DAY, MS_PER_DAY },
	{ "P1W", CALENDAR_WEEK, MS_PER_WEEK },
	{ "P1M", CALENDAR_MONTH, MONTH_DAYS *MS_PER_DAY },
};

bool calendar_set(struct calendar *calendar, const char *iso)
{
	for (size_t i = 0; i < sizeof periods / sizeof periods[0]; i++) {
		if (strcmp(periods[i].iso, iso) != 0)
			continue;
		calendar->iso = periods[i].iso;
		calendar->unit = periods[i].unit;
		calendar->period_ms = periods[i].period_ms;
		return true;
	}
	return false;
}

/* ---- zones ---- */

int64_t zone_local(const struct zone *zone, int64_t ms)
{
	size_t low = 0, high = zone->change_count; /* the first change after ms */
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (zone->changes[middle].at_ms <= ms)
			low = middle + 1;
		else
			high = middle;
	}
	return ms + (low > 0 ? zone->changes[low - 1].offset_ms : zone->offset_ms);
}

int64_t zone_utc(const struct zone *zone, int64_t local_ms)
{
	int64_t begin_ms = INT64_MIN, offset_ms = zone->offset_ms;
	for (size_t i = 0; i < zone->change_count; i++) {
		if (local_ms - offset_ms < zone->changes[i].at_ms)
			break;
		begin_ms = zone->changes[i].at_ms;
		offset_ms = zone->changes[i].offset_ms;
	}
	return local_ms - offset_ms > begin_ms ? local_ms - offset_ms : begin_ms;
}

/* ---- periods ---- */

static int64_t divided(int64_t value, int64_t by)
{
	int64_t rest = value % by;
	return (value - (rest < 0 ? rest + by : rest)) / by;
}

static int64_t number_of_local(const struct calendar *calendar, int64_t local_ms)
{
	int64_t year;
	unsigned month, day;
	if (calendar->unit != CALENDAR_MONTH)
		return divided(local_ms - (calendar->unit == CALENDAR_WEEK ? WEEK_ORIGIN_MS : 0),
			       calendar->period_ms);
	time_civil_from_days(divided(local_ms, MS_PER_DAY), &year, &month, &day);
	return year * MONTHS + (int64_t)month - 1;
}

static int64_t local_of_number(const struct calendar *calendar, int64_t number)
{
	if (calendar->unit != CALENDAR_MONTH)
		return number * calendar->period_ms +
		       (calendar->unit == CALENDAR_WEEK ? WEEK_ORIGIN_MS : 0);
	int64_t year = divided(number, MONTHS);
	return time_days_from_civil(year, (unsigned)(number - year * MONTHS) + 1, 1) * MS_PER_DAY;
}

/* How far an hour's beginning is off the full hour of UTC. */
static int64_t hour_offset(const struct calendar *calendar)
{
	return calendar->zone.offset_ms -
	       divided(calendar->zone.offset_ms, MS_PER_HOUR) * MS_PER_HOUR;
}

int64_t calendar_number(const struct calendar *calendar, int64_t ms)
{
	const struct zone *zone = &calendar->zone;
	if (calendar->unit == CALENDAR_HOUR)
		return number_of_local(calendar, ms + hour_offset(calendar));
	int64_t number = number_of_local(calendar, zone_local(zone, ms));
	if (zone->change_count == 0)
		return number;
	/* clocks that go back over midnight don't bring a day back */
	while (calendar_start(calendar, number + 1) <= ms)
		number++;
	while (calendar_start(calendar, number) > ms)
		number--;
	return number;
}

int64_t calendar_start(const struct calendar *calendar, int64_t number)
{
	int64_t local_ms = local_of_number(calendar, number);
	if (calendar->unit == CALENDAR_HOUR)
		return local_ms - hour_offset(calendar);
	return zone_utc(&calendar->zone, local_ms);
}

int64_t calendar_after(const struct calendar *calendar, int64_t ms, int64_t periods_ahead)
{
	return calendar_start(calendar, calendar_number(calendar, ms) + periods_ahead);
}
