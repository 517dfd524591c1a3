/* Series from a file in the shape of the M4 competition's: a row a series, the first field its id,
 * the others its values, oldest first, ending where the row ends or its fields are empty. A first
 * row whose second field is no number is a header. Comma-separated; fields may be quoted; plain,
 * gzip or xz. An empty field with values after it, or NaN, NA or null, is a missing value: NaN.
 *
 * Ownership: a table owns its series. Threads: none shared. */
#ifndef EVALUATE_SERIES_TABLE_H
#define EVALUATE_SERIES_TABLE_H

#include <stddef.h>

#include "base/err.h"

enum {
	SERIES_TABLE_MAX = 200000,
	SERIES_VALUES_MAX = 100000, /* of one series */
	SERIES_ID_MAX = 128,
};

/* Larger values (in size) are refused: their squares and sums would not fit a double. */
#define SERIES_VALUE_MAX 1e30

struct series {
	char id[SERIES_ID_MAX + 1];
	int count;
	double *values; /* NaN: missing */
};

struct series_table {
	size_t count;
	struct series *series;
	size_t *by_id; /* [count], places in `series`, in the order of ids */
};

/* A new table from a file. Errors: those of source_file.h; FATAL SERIES_FILE with the line: a field
 * that is no number, a value beyond SERIES_VALUE_MAX, an id that is empty, too long or there twice,
 * an open quote, too many series or values, or no series at all. */
ERR_MUST_USE struct err *series_table_read(const char *path, struct series_table **table);
void series_table_free(struct series_table **table); /* NULL-safe */

/* The same from bytes in memory; `name` is for errors. */
ERR_MUST_USE struct err *series_table_parse(const char *text, size_t len, const char *name,
					    struct series_table **table);

/* The series with that id, or NULL. Borrowed. */
const struct series *series_table_find(const struct series_table *table, const char *id);

#endif
