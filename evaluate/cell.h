/* What a text in a table stands for: nothing, a number, a date.
 *
 * Threads: pure. Errors: none; false means "something else". */
#ifndef EVALUATE_CELL_H
#define EVALUATE_CELL_H

#include "base/bytes.h"

/* "", NA, N/A, NaN, null, none, nil, missing, "-", "?", "#N/A" and their like. */
bool cell_is_missing(struct bytes text);

/* A number: a sign, a currency before or behind, commas between thousands, a percent sign (left
 * out: 12 % is 12), a decimal point, or a comma where there is no point and not three digits behind
 * it; an exponent. Not infinite. */
bool cell_number(struct bytes text, double *number);

/* The order of day, month and year in a date. */
enum cell_date_order { CELL_YMD, CELL_DMY, CELL_MDY, CELL_DATE_ORDERS };

/* A date with -, / or . between its parts, and a time behind it if any, as days since 1970-01-01
 * with their fraction. */
bool cell_date(struct bytes text, enum cell_date_order order, double *days);

/* The text without capitals (ASCII) into out[out_max], for comparing spellings; returns its
 * length, cut at out_max. */
size_t cell_fold(struct bytes text, char *out, size_t out_max);

#endif
