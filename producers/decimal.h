/* Decimal text into exact integers. No doubles and no rounding anywhere: what can't be had exactly
 * is refused. Threads: any. */
#ifndef PRODUCERS_DECIMAL_H
#define PRODUCERS_DECIMAL_H

#include "base/bytes.h"

enum {
	DECIMAL_DIGITS_MAX = 18, /* significant digits; every such number fits an int64 */
	DECIMAL_SCALE_MAX = 9,	 /* digits after the point of a result */
};

/* digits * 10^-scale */
struct decimal {
	int64_t digits;
	int scale; /* 0 to DECIMAL_DIGITS_MAX, trailing zeros after the point taken off */
};

struct decimal_syntax {
	char point;	/* what separates the fraction, e.g. '.' */
	char thousands; /* what separates groups of three before it, 0: nothing may */
};

/* [+-] digits [point digits]; with a thousands separator either no group is separated or all are,
 * in threes. Returns false where the text is anything else or has too many digits. */
bool decimal_parse(struct bytes text, const struct decimal_syntax *syntax, struct decimal *decimal);

/* decimal * factor in units of 10^-scale into *units. Returns false where that is no whole number
 * or leaves int64. */
bool decimal_to_units(const struct decimal *decimal, int64_t factor, int scale, int64_t *units);

#endif
