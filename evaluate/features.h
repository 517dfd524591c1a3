/* What a table's columns are, found out by themselves, and the matrix that models learn from.
 *
 * A column is an identifier (nearly every row its own text, or a running number), a constant, a
 * number, a date, or a category; the first two are left out. A date becomes days, and each two
 * dates the days between them. Of a category the most frequent levels are kept; the others are one
 * level together, which also stands for those that come up later. Kinds and levels are found from
 * the training table alone; labels are never looked at. Only columns that both tables have are
 * used.
 *
 * Ownership: features own what they hold, and borrow texts and names from the training table, which
 * must outlive them. Threads: read only once made. */
#ifndef EVALUATE_FEATURES_H
#define EVALUATE_FEATURES_H

#include <stdio.h>

#include "evaluate/cell.h"
#include "evaluate/table.h"
#include "models/dataset.h"

enum column_kind {
	COLUMN_LABEL,
	COLUMN_LEFT_OUT, /* by the user */
	COLUMN_ABSENT,	 /* from the other table */
	COLUMN_CONSTANT,
	COLUMN_IDENTIFIER,
	COLUMN_NUMBER,
	COLUMN_DATE,
	COLUMN_CATEGORY,
};

enum { FEATURE_NAME_MAX = 200, FEATURE_DATES_MAX = 5, FEATURE_TEXT_MAX = 240 };

struct column_facts {
	enum column_kind kind;
	enum cell_date_order order;
	size_t level_count; /* of a category, with the level of all others */
	uint32_t *levels;   /* [level_count]: a text of the training table that stands for it */
	bool has_others;    /* the last level is that of all others */
	uint32_t *level_of; /* [text_count] of the training table */
};

struct feature {
	char name[FEATURE_NAME_MAX + 1];
	size_t column;	     /* of the training table */
	size_t other_column; /* of days between two dates; else NO_OTHER */
	bool is_date;
	uint16_t categories; /* 0: a number */
	double *quantiles;   /* of a number: [FEATURE_QUANTILES], for saying how high one is */
	size_t quantile_count;
};

#define NO_OTHER ((size_t)-1)

enum { FEATURE_QUANTILES = 101 };

struct features {
	const struct table *table;    /* of training */
	struct column_facts *columns; /* [table->column_count] */
	size_t count;
	struct feature *features;
	uint16_t *category_counts; /* [count] */
};

struct features_options {
	const struct table *other;  /* only columns that it has, too; NULL: all */
	size_t label_column;	    /* is left out */
	const char *const *dropped; /* names, NULL-ended; NULL: none */
};

/* Errors: FATAL COLUMN_MISSING (a dropped name that isn't there), COLUMNS_NONE (nothing is left to
 * learn from). *features is to be freed in any case. */
ERR_MUST_USE struct err *features_init(struct features *features, const struct table *table,
				       const struct features_options *options);
void features_fini(struct features *features);

/* The matrix of a table's rows[row_count] (NULL: all), new: [row * count + feature]. */
double *features_matrix(const struct features *features, const struct table *table,
			const uint32_t *rows, size_t row_count);

/* The first identifier all of whose texts differ in `table` (the training table's names count);
 * NO_OTHER where there is none. The index is one of `table`. */
size_t features_identifier(const struct features *features, const struct table *table);

/* "tenure is 2, lower than 88 % of the rows", "Contract is Month-to-month". */
void features_text(const struct features *features, size_t feature, double value, char *text,
		   size_t text_max);

/* "19 columns used: 3 numbers, 16 categories; left out: customerID (identifier)". */
void features_print(const struct features *features, FILE *out);

#endif
