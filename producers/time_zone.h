/* Local civil time into UTC: UTC, a fixed offset, or an IANA zone (Europe/London).
 *
 * IANA zones come from the C library's own data (tzdata): opening one sets TZ for a moment, asks
 * the library for the offset of every day from 1900 to 2200, narrows each change down to the
 * second, and keeps the table; nothing asks the library afterwards. So time_zone_open changes
 * process-wide state and must be called while the process has one thread; a zone once made is
 * read-only and may be shared.
 *
 * A local time that exists twice (clocks put back) is taken as the first of the two. One that does
 * not exist (clocks put forward) is refused: it says that the zone is not the data's. */
#ifndef PRODUCERS_TIME_ZONE_H
#define PRODUCERS_TIME_ZONE_H

#include "base/err.h"
#include "base/timestamp.h"

enum {
	TIME_ZONE_NAME_MAX = 64,
	TIME_ZONE_CHANGES_MAX = 2048, /* of the offset, 1900 to 2200 */
};

struct time_zone;

/* A new zone. name: "UTC", "+HH:MM", "-HH:MM", or an IANA name. Free with time_zone_close.
 * Errors: FATAL TIME_ZONE_UNKNOWN (no such name, or tzdata is not installed). */
ERR_MUST_USE struct err *time_zone_open(const char *name, struct time_zone **zone);
void time_zone_close(struct time_zone **zone); /* NULL-safe */

/* local_ms: a civil time as if it were UTC, in ms since 1970. False where it doesn't exist. */
bool time_zone_to_utc(const struct time_zone *zone, int64_t local_ms, int64_t *utc_ms);

#endif
