/* A file of series definitions, docs/forecasting.md:
 *
 *   {"series": [{"name": "energy.day", "types": ["iot.charging"],
 *                "measure": "iot.charging.energy_kwh", "unit": "KWH", "decimals": 3,
 *                "dimensions": ["iot.charging.region"], "period": "P1D",
 *                "horizon": 14, "season": 7}]}
 *
 * Each definition gives the total and every combination of its dimensions: energy.day,
 * energy.day.region. Threads: one. */
#ifndef CONSUMERS_SERIES_FILE_H
#define CONSUMERS_SERIES_FILE_H

#include "base/err.h"
#include "consumers/series.h"

enum { SERIES_FILE_BYTES_MAX = 1 << 20 };

/* Fills *table from the JSON text; `name` is the file's, for messages. Errors: FATAL
 * SERIES_INVALID, which says where and what is expected. */
ERR_MUST_USE struct err *series_file_parse(const char *text, size_t len, const char *name,
					   struct series_table *table);

/* The same from a file. */
ERR_MUST_USE struct err *series_file_read(const char *path, struct series_table *table);

#endif
