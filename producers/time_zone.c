#include "producers/time_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

/* From at_ms on, local time is UTC + offset_ms. */
struct change {
	int64_t at_ms;
	int64_t offset_ms;
};

struct time_zone {
	size_t count;
	struct change changes[TIME_ZONE_CHANGES_MAX]; /* ascending; the first is at INT64_MIN */
};

static int64_t library_offset_ms(int64_t utc_s)
{
	struct tm local;
	time_t when = (time_t)utc_s;
	CHECK(localtime_r(&when, &local) != NULL);
	return (int64_t)local.tm_gmtoff * 1000;
}

/* The first second in (low_s, high_s] with another offset than low_s has. */
static int64_t find_change(int64_t low_s, int64_t high_s, int64_t offset_ms)
{
	while (high_s - low_s > 1) {
		int64_t middle_s = low_s + (high_s - low_s) / 2;
		if (library_offset_ms(middle_s) == offset_ms)
			low_s = middle_s;
		else
			high_s = middle_s;
	}
	return high_s;
}

static void read_changes(struct time_zone *zone)
{
	const int64_t day_s = MS_PER_DAY / 1000;
	int64_t offset_ms = library_offset_ms(EVENT_MS_MIN / 1000);
	zone->changes[0] = (struct change){ INT64_MIN, offset_ms };
	zone->count = 1;
	for (int64_t at_s = EVENT_MS_MIN / 1000; at_s < EVENT_MS_MAX / 1000; at_s += day_s) {
		int64_t from_s = at_s, next_ms = library_offset_ms(at_s + day_s);
		while (next_ms != offset_ms && zone->count < TIME_ZONE_CHANGES_MAX) {
			from_s = find_change(from_s, at_s + day_s, offset_ms);
			offset_ms = library_offset_ms(from_s);
			zone->changes[zone->count++] = (struct change){ from_s * 1000, offset_ms };
		}
	}
}

/* Letters, digits and _+-/ only, so that a name can't reach outside the zone folder. */
static bool is_zone_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-/";
	size_t len = strlen(name);
	return len > 0 && len <= TIME_ZONE_NAME_MAX && strspn(name, allowed) == len &&
	       name[0] != '/' && name[len - 1] != '/' && strstr(name, "//") == NULL;
}

/* The C library takes an unknown name for UTC without a word, so the file is looked for. */
static bool zone_exists(const char *name)
{
	const char *folder = getenv("TZDIR");
	char path[512];
	if (folder == NULL || folder[0] == '\0')
		folder = "/usr/share/zoneinfo";
	int len = snprintf(path, sizeof path, "%s/%s", folder, name);
	if (len < 0 || (size_t)len >= sizeof path)
		return false;
	FILE *file = fopen(path, "rb");
	char magic[4] = "";
	bool found = file != NULL && fread(magic, 1, sizeof magic, file) == sizeof magic &&
		     memcmp(magic, "TZif", sizeof magic) == 0;
	if (file != NULL)
		fclose(file);
	return found;
}

static void read_from_library(const char *name, struct time_zone *zone)
{
	const char *now = getenv("TZ");
	char *before = now == NULL ? NULL : check_strdup(now);
	char value[TIME_ZONE_NAME_MAX + 2];
	snprintf(value, sizeof value, ":%s", name);
	CHECK(setenv("TZ", value, 1) == 0);
	tzset();
	read_changes(zone);
	CHECK((before == NULL ? unsetenv("TZ") : setenv("TZ", before, 1)) == 0);
	tzset();
	free(before);
}

/* "+HH:MM" by way of the one parser of offsets that base has. */
static bool parse_offset(const char *name, int64_t *offset_ms)
{
	char text[40];
	int64_t utc_ms;
	if ((name[0] != '+' && name[0] != '-') || strlen(name) != strlen("+00:00"))
		return false;
	snprintf(text, sizeof text, "1970-01-01T00:00%s", name);
	if (!time_parse(text, &utc_ms))
		return false;
	*offset_ms = -utc_ms;
	return true;
}

struct err *time_zone_open(const char *name, struct time_zone **out)
{
	int64_t offset_ms = 0;
	struct time_zone *zone = check_calloc(1, sizeof *zone);
	*out = NULL;
	if (strcmp(name, "UTC") == 0 || parse_offset(name, &offset_ms)) {
		zone->changes[0] = (struct change){ INT64_MIN, offset_ms };
		zone->count = 1;
	} else if (is_zone_name(name) && zone_exists(name)) {
		read_from_library(name, zone);
	} else {
		free(zone);
		return err_new(
			ERR_FATAL, "TIME_ZONE_UNKNOWN",
			"\"%.64s\" is not a known time zone; expected \"UTC\", a fixed offset "
			"such as \"+02:00\", or an IANA name such as \"Europe/London\" (these "
			"need the package tzdata)",
			name);
	}
	*out = zone;
	return NULL;
}

void time_zone_close(struct time_zone **zone)
{
	free(*zone);
	*zone = NULL;
}

/* The last change at or before utc_ms. */
static size_t find_segment(const struct time_zone *zone, int64_t utc_ms)
{
	size_t low = 0, high = zone->count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (zone->changes[middle].at_ms <= utc_ms)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool time_zone_to_utc(const struct time_zone *zone, int64_t local_ms, int64_t *utc_ms)
{
	/* no zone is more than a day off, so segments from a day before to a day after can hold it
	 */
	size_t i = find_segment(zone, local_ms - MS_PER_DAY);
	for (; i < zone->count && zone->changes[i].at_ms <= local_ms + MS_PER_DAY; i++) {
		int64_t candidate_ms = local_ms - zone->changes[i].offset_ms;
		bool begun = candidate_ms >= zone->changes[i].at_ms;
		bool over = i + 1 < zone->count && candidate_ms >= zone->changes[i + 1].at_ms;
		if (begun && !over) {
			*utc_ms = candidate_ms;
			return true;
		}
	}
	return false;
}
