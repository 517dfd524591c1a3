/* What has come for the periods of a series that have not closed yet: one whole number for each, in
 * as many bytes as the largest of them takes. Mostly a handful of periods is open; where a history
 * is loaded and the clock waits for another input, it may be years.
 *
 * Plain data of fixed size, zeroed when new. Threads: pure. */
#ifndef CONSUMERS_OPEN_PERIODS_H
#define CONSUMERS_OPEN_PERIODS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/states.h"

enum {
	OPEN_BYTES = 16384,
	/* Always taken, whatever their amounts: */
	OPEN_PERIODS_SURE = OPEN_BYTES / (int)sizeof(int64_t),
};

struct open_periods {
	uint16_t count;			/* to SERIES_OPEN_MAX; periods from the oldest on */
	uint16_t width;			/* bytes of an amount, 0 to 8 */
	uint8_t amounts[OPEN_BYTES]; /* two's complement, little-endian */
};

_Static_assert(SERIES_OPEN_MAX <= UINT16_MAX, "count");

/* Adds to the period `ahead` of the oldest open one, saturating. False: there is no room for it,
 * and nothing was changed. */
bool open_periods_add(struct open_periods *open, int64_t ahead, int64_t amount);

/* Puts `count` quiet periods before the oldest one. False: there is no room for them. */
bool open_periods_begin(struct open_periods *open, int64_t count);

/* The amount of the period `ahead`, 0 where nothing came. */
int64_t open_periods_at(const struct open_periods *open, size_t ahead);

/* Takes the oldest one away and returns its amount. */
int64_t open_periods_close(struct open_periods *open);

#endif
