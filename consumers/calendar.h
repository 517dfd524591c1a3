/* The periods of a series: hours, days, weeks, months of a time zone.
 *
 * A zone is a table of the moments at which its clocks change, and by how much they are off UTC
 * from then on. It comes with the definitions (consumers/series_file.h), never from the machine's
 * own data: a replay elsewhere, or after the rules have changed, has the same periods.
 *
 * Periods have numbers, one more for the next; a day, week or month begins when the clocks show its
 * midnight, or go past it. So a day in spring may have 23 hours, one in autumn 25, and no moment is
 * in none or in two. Hours are sixty minutes each, whatever the clocks do.
 *
 * Plain data. Threads: pure. Units: UTC milliseconds; local: what the zone's clocks show. */
#ifndef CONSUMERS_CALENDAR_H
#define CONSUMERS_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZONE_NAME_MAX = 47, ZONE_CHANGES_MAX = 128 };

struct zone {
	char name[ZONE_NAME_MAX + 1]; /* "": none; the offset is all there is */
	int64_t offset_ms;	      /* before the first change */
	size_t change_count;
	struct zone_change {
		int64_t at_ms, offset_ms;
	} changes[ZONE_CHANGES_MAX]; /* ascending */
};

/* What the clocks show. */
int64_t zone_local(const struct zone *zone, int64_t ms);

/* The first moment at which they show that, or later. */
int64_t zone_utc(const struct zone *zone, int64_t local_ms);

enum calendar_unit { CALENDAR_HOUR, CALENDAR_DAY, CALENDAR_WEEK, CALENDAR_MONTH };

struct calendar {
	enum calendar_unit unit;
	const char *iso;   /* PT1H, P1D, P1W, P1M */
	int64_t period_ms; /* of a usual one; a month counts 30 days */
	struct zone zone;
};

/* Sets all but the zone by an ISO 8601 duration. False: another. */
bool calendar_set(struct calendar *calendar, const char *iso);

/* The period that a moment is in, and when one begins. */
int64_t calendar_number(const struct calendar *calendar, int64_t ms);
int64_t calendar_start(const struct calendar *calendar, int64_t number);

/* The beginning of the period `periods` after (before: < 0) the one that ms is in. */
int64_t calendar_after(const struct calendar *calendar, int64_t ms, int64_t periods);

#endif
