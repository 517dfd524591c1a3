#include "base/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t clock_ns(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t time_wall_ms(void)
{
	return clock_ns(CLOCK_REALTIME) / 1000000;
}

int64_t time_monotonic_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t time_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static int64_t system_monotonic_ns(void *context)
{
	(void)context;
	return time_monotonic_ns();
}

static int64_t system_wall_ms(void *context)
{
	(void)context;
	return time_wall_ms();
}

static void system_sleep_ms(void *context, int64_t ms)
{
	(void)context;
	const struct timespec wait = { ms / 1000, ms % 1000 * 1000000 };
	nanosleep(&wait, NULL);
}

const struct time_source time_system = { system_monotonic_ns, system_wall_ms, system_sleep_ms,
					 NULL };

int64_t time_floor(int64_t ms, int64_t period_ms, int64_t origin_ms)
{
	int64_t rest = (ms - origin_ms) % period_ms;
	return ms - (rest < 0 ? rest + period_ms : rest);
}

int64_t time_days_from_civil(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t shifted = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
	int64_t day_of_year = (153 * shifted + 2) / 5 + (int64_t)day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

void time_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2);
}

void time_format(int64_t ms, char text[TIME_TEXT_LEN + 1])
{
	int64_t days = time_floor(ms, MS_PER_DAY, 0) / MS_PER_DAY;
	int64_t rest = ms - days * MS_PER_DAY;
	int64_t year;
	unsigned month, day;
	time_civil_from_days(days, &year, &month, &day);
	if (year < 1)
		year = 1;
	if (year > 9999)
		year = 9999;
	snprintf(text, TIME_TEXT_LEN + 1, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		 (unsigned)year % 10000, month % 100, day % 100,
		 (unsigned)(rest / MS_PER_HOUR) % 100, (unsigned)(rest / MS_PER_MINUTE % 60),
		 (unsigned)(rest / 1000 % 60), (unsigned)(rest % 1000));
}

/* Exactly `count` digits at *text, which moves past them; -1 where there are none. */
static int take_digits(const char **text, int count)
{
	int value = 0;
	for (int i = 0; i < count; i++) {
		char c = (*text)[i];
		if (c < '0' || c > '9')
			return -1;
		value = value * 10 + (c - '0');
	}
	*text += count;
	return value;
}

static bool take_char(const char **text, const char *accepted)
{
	if (**text == '\0' || strchr(accepted, **text) == NULL)
		return false;
	(*text)++;
	return true;
}

static bool take_date(const char **text, int64_t *days)
{
	static const int month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = take_digits(text, 4);
	if (year < 1 || !take_char(text, "-"))
		return false;
	int month = take_digits(text, 2);
	if (month < 1 || month > 12 || !take_char(text, "-"))
		return false;
	int day = take_digits(text, 2);
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (day < 1 || day > month_days[month - 1] || (month == 2 && day == 29 && !leap))
		return false;
	*days = time_days_from_civil(year, (unsigned)month, (unsigned)day);
	return true;
}

static bool take_clock(const char **text, int64_t *ms)
{
	int hour = take_digits(text, 2);
	if (hour < 0 || hour > 23 || !take_char(text, ":"))
		return false;
	int minute = take_digits(text, 2);
	if (minute < 0 || minute > 59)
		return false;
	*ms = hour * MS_PER_HOUR + minute * MS_PER_MINUTE;
	if (!take_char(text, ":"))
		return true;
	int second = take_digits(text, 2);
	if (second < 0 || second > 59)
		return false;
	*ms += second * 1000;
	if (!take_char(text, ".,"))
		return true;
	int64_t unit = 100;
	int count = 0;
	for (; **text >= '0' && **text <= '9'; (*text)++, count++, unit /= 10)
		*ms += (**text - '0') * unit;
	return count > 0 && count <= 9;
}

static bool take_zone(const char **text, int64_t *offset_ms)
{
	*offset_ms = 0;
	if (**text == '\0' || take_char(text, "Zz"))
		return true;
	int64_t sign = **text == '-' ? -1 : 1;
	if (!take_char(text, "+-"))
		return false;
	int hour = take_digits(text, 2);
	if (hour < 0 || hour > 18)
		return false;
	(void)take_char(text, ":");
	int minute = take_digits(text, 2);
	if (minute < 0 || minute > 59)
		return false;
	*offset_ms = sign * (hour * MS_PER_HOUR + minute * MS_PER_MINUTE);
	return true;
}

bool time_parse(const char *text, int64_t *ms)
{
	int64_t days, of_day = 0, offset_ms = 0;
	if (!take_date(&text, &days))
		return false;
	if (*text != '\0') {
		if (!take_char(&text, "Tt ") || !take_clock(&text, &of_day) ||
		    !take_zone(&text, &offset_ms))
			return false;
	}
	if (*text != '\0')
		return false;
	*ms = days * MS_PER_DAY + of_day - offset_ms;
	return true;
}
