/* What is known of series from outside, past and future: holidays, promotions, a price, an index.
 * docs/forecasting.md has what a file says of one:
 *
 *   "signals": [{"name": "holidays", "dates": ["2026-12-25", "2026-12-26"]},
 *               {"name": "promotion", "where": {"erp.vehicle.region": "EU-N"},
 *                "dates": ["2026-03-02"]},
 *               {"name": "price", "from": "2026-01-05", "values": [19.9, 19.9, 24.9]}]
 *
 * Dates count the days of theirs that a period has, values are one a period. A signal is of one
 * definition, and there of all series, or of those whose dimensions have the values that `where`
 * names.
 *
 * Plain data. Threads: pure. */
#ifndef CONSUMERS_SERIES_SIGNAL_H
#define CONSUMERS_SERIES_SIGNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "consumers/calendar.h"

enum {
	SIGNAL_NAME_MAX = 31,
	SIGNAL_DIMENSIONS_MAX = 3,
	SIGNAL_PLACE_MAX = 64,
	SIGNAL_DATES_MAX = 128,
	SIGNAL_VALUES_MAX = 280, /* periods: what a series remembers, and its horizon */
	SIGNALS_OF_SERIES_MAX = 4,
};

struct series_signal {
	char name[SIGNAL_NAME_MAX + 1];
	size_t definition; /* whose it is: index in the table */
	char where[SIGNAL_DIMENSIONS_MAX][SIGNAL_PLACE_MAX + 1]; /* by dimension; "": any */
	size_t date_count, value_count;				 /* one of the two is 0 */
	int64_t dates_ms[SIGNAL_DATES_MAX];			 /* local midnights, ascending */
	int64_t from_ms; /* the local midnight that was given with values */
	int64_t from;	 /* the period of values[0] */
	double values[SIGNAL_VALUES_MAX];
};

/* One signal of a file; dimensions and calendar: the definition's, the former as the file has them,
 * or NULL. Errors: FATAL SERIES_INVALID. */
ERR_MUST_USE struct err *series_signal_read(json_t *json, json_t *dimensions,
					    const struct calendar *calendar,
					    struct series_signal *signal);

/* Whether it is of the series with these values of its dimensions (| between them). */
bool series_signal_is_of(const struct series_signal *signal, struct bytes dimension);

/* The signal's value in the period of that number. Before the first value it is the first,
 * behind the last the last: what is not known stays as it was. */
double series_signal_at(const struct series_signal *signal, const struct calendar *calendar,
			int64_t number);

#endif
