/* Series: which measures of events are added up over which periods, by which dimensions.
 *
 *   revenue.day, revenue.week                 in total
 *   revenue.day.country, revenue.week.country by an event's attribute, here "country"
 *
 * and whatever else a file of definitions says (consumers/series_file.h). A series' key is
 * "<definition>/<unit>/<values of the dimensions, with | between them>", the values empty for a
 * total. Amounts of different units are never added.
 *
 * Threads: a table is read-only once it is made. */
#ifndef CONSUMERS_SERIES_H
#define CONSUMERS_SERIES_H

#include "base/bytes.h"
#include "base/limits.h"
#include "consumers/calendar.h"
#include "consumers/series_signal.h"
#include "schemas/record_path.h"
#include "schemas/types.h"

enum {
	SERIES_DIMENSIONS_MAX = 4, /* of series.dimensions: splits of revenue, one at a time */
	SERIES_LEVELS_MAX = 3,	   /* dimensions of one definition */
	SERIES_TYPES_MAX = 8,
	SERIES_FILTERS_MAX = 4,
	SERIES_DIMENSION_LEN_MAX = 64,
	SERIES_NAME_MAX = 48,
	SERIES_UNIT_LEN = 3,
	SERIES_DECIMALS_MAX = 6,
	SERIES_DEFINITIONS_MAX = 15,
	SERIES_SIGNALS_MAX = 32,
	SERIES_PARENTS_MAX = (1 << SERIES_LEVELS_MAX) - 1,
};

_Static_assert((int)SIGNAL_DIMENSIONS_MAX == (int)SERIES_LEVELS_MAX, "places of a signal");
_Static_assert((int)SIGNAL_PLACE_MAX == (int)SERIES_DIMENSION_LEN_MAX, "a place of a signal");
_Static_assert((int)SERIES_NAME_MAX + 5 + (int)SERIES_DIMENSION_LEN_MAX <= (int)KEY_LEN_MAX,
	       "a series' key");
_Static_assert((int)SERIES_DEFINITIONS_MAX < (int)TARGETS_MAX,
	       "an event touches its account and its series");
_Static_assert((int)SERIES_DEFINITIONS_MAX >= 2 * (1 + (int)SERIES_DIMENSIONS_MAX),
	       "days and weeks, in total and by each dimension");

/* Only events that have this text there. */
struct series_filter {
	struct record_path field;
	char value[SERIES_DIMENSION_LEN_MAX + 1];
};

struct series_definition {
	char name[SERIES_NAME_MAX];
	/* which events, and what of them */
	char types[SERIES_TYPES_MAX][EVENT_TYPE_MAX];
	size_t type_lens[SERIES_TYPES_MAX];
	size_t type_count, filter_count;
	struct series_filter filters[SERIES_FILTERS_MAX];
	bool counts;		    /* the events themselves; else: */
	struct record_path measure; /* of struct account_event */
	int decimals; /* the measure is kept as a whole number of 10^-decimals units */
	char unit[SERIES_UNIT_LEN + 1]; /* UN/CEFACT code; "": the event's currency, minor units */
	struct record_path dimensions[SERIES_LEVELS_MAX];
	size_t dimension_count;
	/* The levels of one hierarchy: which of the dimensions of its finest level this one has, by
	 * bits, and how many that has; 0: it is no part of one. */
	unsigned level_mask;
	size_t finest_count;
	size_t root;		  /* index of the level without dimensions */
	struct calendar calendar; /* over which periods */
	int horizon;		  /* periods to forecast */
	int season;		  /* periods of a season to look for; 1: none */
};

struct series_table {
	struct series_definition definitions[SERIES_DEFINITIONS_MAX];
	size_t count, signal_count;
	struct series_signal signals[SERIES_SIGNALS_MAX]; /* of the finest levels */
};

/* Revenue by day and week: the total and, for each attribute, the split. dimensions[count], count
 * <= SERIES_DIMENSIONS_MAX, names at most 20 bytes. */
void series_table_init(struct series_table *table, const char *const *dimensions, size_t count);

/* Adds a type of event, 1 to EVENT_TYPE_MAX bytes; at most SERIES_TYPES_MAX. */
void series_type_add(struct series_definition *definition, const char *type);

/* Whether the event belongs to the definition: then its amount, and the key of its series into
 * key[KEY_LEN_MAX] (*len). A dimension that an event lacks is "-"; one that is too long is cut at a
 * character, at all levels in the same way; "|" in it becomes "/". */
bool series_take(const struct series_definition *definition, const struct account_event *event,
		 int64_t *amount, uint8_t key[KEY_LEN_MAX], size_t *len);

/* The definition of a name, NULL where there is none. */
const struct series_definition *series_find(const struct series_table *table, struct bytes name);

/* Whether it is the finest level of a hierarchy, or one above. */
bool series_is_finest(const struct series_definition *definition);
bool series_is_total(const struct series_definition *definition);

/* What a key stands for; borrowed from it. */
struct series_name {
	struct bytes definition, unit, dimension;
};

/* The whole that a series of the finest level, or of none, is part of by its dimensions, into
 * key[KEY_LEN_MAX]: all series of its definition and unit. False: it is no part. */
bool series_whole(const struct series_definition *definition, const struct series_name *name,
		  uint8_t key[KEY_LEN_MAX], size_t *len);

/* A total that a series of the finest level counts in. */
struct series_parent {
	const struct series_definition *definition;
	size_t key_len;
	uint8_t key[KEY_LEN_MAX];
};

/* Those of the series with that key into parents[SERIES_PARENTS_MAX]; 0: it is of no finest level
 * that the table has. */
size_t series_parents(const struct series_table *table, struct bytes key,
		      struct series_parent *parents);

/* Values of the signals of a series, one row of *count (at most SIGNALS_OF_SERIES_MAX) for each of
 * `points` periods from start_ms on, into rows. Of several with the same name the first that is of
 * the series counts. */
void series_signals(const struct series_table *table, const struct series_definition *definition,
		    struct bytes dimension, int64_t start_ms, size_t points, double *rows,
		    size_t *count);

/* Digits behind the point of a unit: a currency's minor units (ISO 4217, list one), or what the
 * definition says. */
int32_t series_decimals(const struct series_definition *definition, struct bytes unit);

/* The key into key[KEY_LEN_MAX]; a longer dimension is cut at a character. unit.len is 3. */
struct bytes series_key(const struct series_name *name, uint8_t key[KEY_LEN_MAX]);

/* False where the key is none. */
bool series_key_split(struct bytes key, struct series_name *name);

#endif
