/* A file of series definitions, docs/forecasting.md:
 *
 *   {"series": [{"name": "energy.day", "types": ["iot.charging"],
 *                "measure": "iot.charging.energy_kwh", "unit": "KWH", "decimals": 3,
 *                "dimensions": ["iot.charging.region"], "period": "P1D",
 *                "horizon": 14, "season": 7}]}
 *
 * "zones" beside "series" has the time zones that the definitions name, as foretell series deploy
 * resolves them.
 *
 * Each definition gives the total and every combination of its dimensions: energy.day,
 * energy.day.region. Threads: one. */
#ifndef CONSUMERS_SERIES_FILE_H
#define CONSUMERS_SERIES_FILE_H

#include <jansson.h>

#include "base/err.h"
#include "consumers/series.h"

enum { SERIES_FILE_BYTES_MAX = 1 << 20 };

/* Fills *table from the JSON text; `name` is the file's, for messages. Errors: FATAL
 * SERIES_INVALID, which says where and what is expected. */
ERR_MUST_USE struct err *series_file_parse(const char *text, size_t len, const char *name,
					   struct series_table *table);

/* The periods of an entry of a file's list. Errors: FATAL SERIES_INVALID. */
ERR_MUST_USE struct err *series_file_calendar(const json_t *file, const json_t *series,
					      struct calendar *calendar);

/* The same as series_file_parse from a file. */
ERR_MUST_USE struct err *series_file_read(const char *path, struct series_table *table);

#endif
