/* Times as files write them, by a format that is checked once and then applied to every row.
 * Strict and free of locales: the whole text must match.
 *
 * Directives of a format (all other characters stand for themselves):
 *   %Y four digits           %m %d %H %M %S  one or two digits, two where another directive follows
 *   %b Jan to Dec, any case  %f  fraction of a second, 1 to 9 digits, cut to ms
 *   %z Z, +HH:MM or +HHMM    %%  a percent sign
 * or one of the names "iso8601", "unix_s", "unix_ms". iso8601 without an offset, and formats
 * without %z, are local times of the zone. Threads: any. */
#ifndef PRODUCERS_TIME_TEXT_H
#define PRODUCERS_TIME_TEXT_H

#include "base/bytes.h"
#include "producers/time_zone.h"

enum { TIME_FORMAT_MAX = 64, TIME_TEXT_MAX = 64 };

enum time_text_kind { TIME_TEXT_PATTERN, TIME_TEXT_ISO8601, TIME_TEXT_UNIX_S, TIME_TEXT_UNIX_MS };

struct time_format {
	enum time_text_kind kind;
	char pattern[TIME_FORMAT_MAX + 1];
};

/* Errors: FATAL TIME_FORMAT, saying what is wrong with it. */
ERR_MUST_USE struct err *time_format_init(const char *text, struct time_format *format);

enum time_text_result {
	TIME_TEXT_OK,
	TIME_TEXT_MISMATCH, /* not in this format, or no such date */
	TIME_TEXT_GAP,	    /* a local time that the zone skips */
	TIME_TEXT_RANGE,    /* outside EVENT_MS_MIN to EVENT_MS_MAX */
};

enum time_text_result time_text_parse(const struct time_format *format,
				      const struct time_zone *zone, struct bytes text,
				      int64_t *utc_ms);

#endif
