/* Series: which amounts are added up over which periods, by which dimension.
 *
 *   revenue.day, revenue.week                 in total
 *   revenue.day.country, revenue.week.country by an event attribute, here "country"
 *
 * Amounts of different currencies are never added: a series' key is
 * "<definition>/<currency>/<dimension value>", the value empty for a total. */
#ifndef CONSUMERS_SERIES_H
#define CONSUMERS_SERIES_H

#include "base/bytes.h"
#include "base/limits.h"

enum {
	SERIES_DIMENSIONS_MAX = 4,
	SERIES_DIMENSION_LEN_MAX = 64,
	SERIES_NAME_MAX = 48,
	SERIES_UNIT_LEN = 3,
	SERIES_DEFINITIONS_MAX = 2 * (1 + SERIES_DIMENSIONS_MAX)
};

_Static_assert((int)SERIES_NAME_MAX + 5 + (int)SERIES_DIMENSION_LEN_MAX <= (int)KEY_LEN_MAX,
	       "a series' key");
_Static_assert((int)SERIES_DEFINITIONS_MAX < (int)TARGETS_MAX,
	       "an event touches its account and its series");

struct series_definition {
	char name[SERIES_NAME_MAX];
	char attribute[SERIES_NAME_MAX]; /* "" for the total */
	int64_t period_ms, origin_ms;	 /* a period begins at origin + k * period */
	const char *iso_period;		 /* P1D, P1W */
	int horizon;			 /* periods to forecast */
	int season;			 /* periods of a season to look for; 1: none */
};

struct series_table {
	struct series_definition definitions[SERIES_DEFINITIONS_MAX];
	size_t count;
};

/* The total and, for each attribute, the split. dimensions[count], count <= SERIES_DIMENSIONS_MAX,
 * names at most 20 bytes. */
void series_table_init(struct series_table *table, const char *const *dimensions, size_t count);

/* The definition of a name, NULL where there is none. */
const struct series_definition *series_find(const struct series_table *table, struct bytes name);

/* What a key stands for; borrowed from it. */
struct series_name {
	struct bytes definition, unit, dimension;
};

/* The key into key[KEY_LEN_MAX]; a longer dimension is cut at a character. unit.len is 3. */
struct bytes series_key(const struct series_name *name, uint8_t key[KEY_LEN_MAX]);

/* False where the key is none. */
bool series_key_split(struct bytes key, struct series_name *name);

#endif
