#include "cli/series_zones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "consumers/calendar.h"

enum { PATH_LEN_MAX = 512, MINUTE_S = 60, DAY_S = 86400 };

static const char tz_variable[] = "TZ";

static const char *folder(void)
{
	const char *given = getenv("TZDIR");
	return given != NULL ? given : "/usr/share/zoneinfo";
}

/* A name, not a path that leads elsewhere, of which there is a file. */
static bool is_known(const char *name)
{
	char path[PATH_LEN_MAX];
	struct stat stat_of;
	size_t len = strlen(name);
	if (len == 0 || len > ZONE_NAME_MAX || name[0] == '/' || strstr(name, "..") != NULL ||
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") !=
		    len)
		return false;
	snprintf(path, sizeof path, "%s/%s", folder(), name);
	return stat(path, &stat_of) == 0 && S_ISREG(stat_of.st_mode);
}

/* How many minutes the clocks of TZ are off UTC, to the nearest. */
static int64_t offset_at(int64_t at_s)
{
	struct tm shown;
	time_t at = (time_t)at_s;
	CHECK(localtime_r(&at, &shown) != NULL);
	return (shown.tm_gmtoff + (shown.tm_gmtoff < 0 ? -1 : 1) * (MINUTE_S / 2)) / MINUTE_S;
}

/* The minute from which on the offset is another than at low_s; it is by high_s. */
static int64_t change_between(int64_t low_s, int64_t high_s)
{
	const int64_t before = offset_at(low_s);
	int64_t low = low_s / MINUTE_S, high = high_s / MINUTE_S;
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;
		if (offset_at(middle * MINUTE_S) == before)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* A day at a time: no zone changes its clocks twice in one. */
static json_t *changes_of_tz(void)
{
	int64_t day = time_days_from_civil(SERIES_ZONES_YEAR_MIN, 1, 1);
	const int64_t end = time_days_from_civil(SERIES_ZONES_YEAR_MAX + 1, 1, 1);
	json_t *list = json_array();
	json_array_append_new(list, json_integer(offset_at(day * DAY_S)));
	for (; day < end; day++) {
		if (offset_at(day * DAY_S) == offset_at((day + 1) * DAY_S))
			continue;
		int64_t minute = change_between(day * DAY_S, (day + 1) * DAY_S);
		json_array_append_new(list, json_integer(minute));
		json_array_append_new(list, json_integer(offset_at(minute * MINUTE_S)));
	}
	return list;
}

static json_t *resolve(const char *name)
{
	const char *before = getenv(tz_variable);
	char *kept = before != NULL ? check_strdup(before) : NULL;
	char with_colon[ZONE_NAME_MAX + 2];
	snprintf(with_colon, sizeof with_colon, ":%s", name);
	CHECK(setenv(tz_variable, with_colon, 1) == 0);
	tzset();
	json_t *list = changes_of_tz();
	CHECK((kept != NULL ? setenv(tz_variable, kept, 1) : unsetenv(tz_variable)) == 0);
	tzset();
	free(kept);
	return list;
}

static const char *zone_of(const json_t *file, const json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "time_zone"));
	const json_t *zones = json_object_get(file, "zones");
	return name == NULL || json_object_get(zones, name) != NULL ? NULL : name;
}

bool series_zones_wanted(const json_t *file)
{
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(file, "series"), i, entry) {
		if (zone_of(file, entry) != NULL)
			return true;
	}
	return false;
}

struct err *series_zones_fill(json_t *file)
{
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(file, "series"), i, entry) {
		const char *name = zone_of(file, entry);
		if (name == NULL)
			continue;
		if (!is_known(name))
			return err_new(ERR_FATAL, "ZONE_UNKNOWN",
				       "time_zone \"%.60s\" is not in %s: expected a name such as "
				       "Europe/Berlin; where the folder is missing, install tzdata",
				       name, folder());
		json_t *list = resolve(name);
		if (json_array_size(list) > 2 * ZONE_CHANGES_MAX + 1) {
			json_decref(list);
			return err_new(ERR_FATAL, "ZONE_UNKNOWN",
				       "the clocks of %s change more than %d times", name,
				       ZONE_CHANGES_MAX);
		}
		json_t *zones = json_object_get(file, "zones");
		if (zones == NULL) {
			zones = json_object();
			json_object_set_new(file, "zones", zones);
		}
		json_object_set_new(zones, name, list);
	}
	return NULL;
}
