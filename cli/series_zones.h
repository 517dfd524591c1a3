/* The time zones that a file of series names, resolved by this machine's tzdata: what goes into a
 * deployment, so that no stage ever asks a machine. Threads: one; it sets TZ for a while. */
#ifndef CLI_SERIES_ZONES_H
#define CLI_SERIES_ZONES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/* Clocks are known for these years; before and after, as at their ends. */
enum { SERIES_ZONES_YEAR_MIN = 2000, SERIES_ZONES_YEAR_MAX = 2049 };

/* Whether a series of the file has a time zone that is not in its "zones". */
bool series_zones_wanted(const json_t *file);

/* Fills in the zones that it lacks. Errors: FATAL ZONE_UNKNOWN. */
ERR_MUST_USE struct err *series_zones_fill(json_t *file);

#endif
