/* Time as int64 UTC milliseconds since 1970: reading clocks (for main and the I/O edges only; a
 * processor never sees a clock), text forms, and calendar periods. */
#ifndef BASE_TIMESTAMP_H
#define BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_NONE INT64_MAX /* "never due", "not known" */

#define MS_PER_MINUTE INT64_C(60000)
#define MS_PER_HOUR   INT64_C(3600000)
#define MS_PER_DAY    INT64_C(86400000)
#define MS_PER_WEEK   INT64_C(604800000)

/* What an event may be dated: 1900-01-01 to 2200-01-01; anything else is absurd. */
#define EVENT_MS_MIN INT64_C(-2208988800000)
#define EVENT_MS_MAX INT64_C(7258118400000)

static inline bool time_is_event(int64_t ms)
{
	return ms >= EVENT_MS_MIN && ms <= EVENT_MS_MAX;
}

int64_t time_wall_ms(void);
int64_t time_monotonic_ms(void);
int64_t time_monotonic_ns(void);

/* Where a runtime takes its time from: the system, or a simulation. */
struct time_source {
	int64_t (*monotonic_ns)(void *context);
	int64_t (*wall_ms)(void *context);
	void (*sleep_ms)(void *context, int64_t ms);
	void *context;
};

extern const struct time_source time_system;

enum { TIME_TEXT_LEN = 24 };

/* "1997-09-30T12:00:00.000Z" into text; years 0001 to 9999. */
void time_format(int64_t ms, char text[TIME_TEXT_LEN + 1]);

/* Parses YYYY-MM-DD, YYYY-MM-DDTHH:MM[:SS[.fff]] with Z or ±HH:MM (none means UTC). A space may
 * stand for T. Returns false, *ms unchanged, where the text is anything else. */
bool time_parse(const char *text, int64_t *ms);

/* Days since 1970-01-01 of a proleptic Gregorian date (month 1-12, day 1-31), and back.
 * Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
int64_t time_days_from_civil(int64_t year, unsigned month, unsigned day);
void time_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

/* In days; 0 where to_ms is not the later one. */
static inline double time_days_between(int64_t from_ms, int64_t to_ms)
{
	return to_ms > from_ms ? (double)(to_ms - from_ms) / (double)MS_PER_DAY : 0;
}

/* The greatest multiple of `period_ms` not above `ms`, counted from `origin_ms`. */
int64_t time_floor(int64_t ms, int64_t period_ms, int64_t origin_ms);

/* A Monday 00:00 UTC, the origin of weeks (ISO 8601: a week begins on Monday). */
#define WEEK_ORIGIN_MS (INT64_C(4) * MS_PER_DAY)

#endif
