/* A tabular file in memory: columns of texts, each text kept once and every row a number of it.
 *
 * The file is delimited text with a header line, plain, gzip or xz; the delimiter (comma,
 * semicolon, tab or bar) is the one that the header has most of. Rows that can't be read (quotes,
 * number of fields) are left out and counted; where they are more than one in twenty, the file is
 * refused.
 *
 * Ownership: a table owns its texts. Threads: read only once read. */
#ifndef EVALUATE_TABLE_H
#define EVALUATE_TABLE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"

enum {
	TABLE_ROWS_MAX = 5000000,
	TABLE_CELLS_MAX = 400000000,
	TABLE_BYTES_MAX = 1 << 30, /* of distinct texts */
};

struct table_column {
	char *name;
	uint32_t *codes; /* [row_count], indices into texts */
	size_t text_count;
	struct bytes *texts; /* trimmed, distinct, in the order in which they came */
};

struct table {
	const char *path; /* borrowed */
	size_t row_count, column_count;
	struct table_column *columns;
	size_t bad_count; /* rows left out */
	int64_t bad_line; /* of the first of them */
	char digest[HASH_SHA256_HEX_LEN + 1];
	struct arena *arena;
};

/* A new table; free with table_free. Errors: FATAL SOURCE_FILE_*, TABLE_EMPTY, TABLE_DAMAGED,
 * TABLE_SIZE. */
ERR_MUST_USE struct err *table_read(const char *path, struct table **table);
void table_free(struct table **table); /* NULL-safe */

/* The column's index, table->column_count where there is none. */
size_t table_find(const struct table *table, const char *name);

static inline struct bytes table_text(const struct table *table, size_t column, size_t row)
{
	const struct table_column *at = &table->columns[column];
	return at->texts[at->codes[row]];
}

#endif
