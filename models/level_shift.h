/* Levels that a series has left for good, as they are found while it goes on: a detector of changes
 * (models/drift.h) says since when it behaves otherwise; if what it does since is a step, and not a
 * slope or a walk, the points before are lifted to the new level for all that is estimated from
 * them. (models/clean.h looks for shifts everywhere, anew each time, at a cost that a stream can't
 * bear at each close; this looks where there was an alarm.)
 *
 * A shift is where, since the alarm's beginning, the series makes its largest step; it counts while
 * the medians of up to LEVEL_SHIFT_SIDE points on both sides differ by more than SPREADS times what
 * the points scatter around them, and most of that in the one step. Points after it are still few
 * then: it is weighed anew at each close until there are LEVEL_SHIFT_SIDE of them, and forgotten if
 * it was none. Of series above 0 the points before are moved in proportion, else by the difference.
 *
 * Plain data, zeroed when new. Deterministic to the bit. Threads: pure. Errors: none. Of these the
 * series has no season (or is adjusted for it). All values finite. */
#ifndef MODELS_LEVEL_SHIFT_H
#define MODELS_LEVEL_SHIFT_H

#include <stdbool.h>
#include <stdint.h>

enum { LEVEL_SHIFTS_MAX = 4, LEVEL_SHIFT_SIDE = 8 };

struct level_shift {
	int64_t age; /* points of the new level so far */
	double before, after;
};

struct level_shifts {
	int count;
	struct level_shift shift[LEVEL_SHIFTS_MAX]; /* oldest first */
};

/* One more period has closed. */
void level_shifts_age(struct level_shifts *shifts);

/* Whether there is anything to weigh anew in a series. */
bool level_shifts_unsettled(const struct level_shifts *shifts);

/* Weighs those that are young anew by x[count], the series as it was before anything was lifted;
 * and looks for one where the series behaves otherwise since `since` points (0: it does not). */
void level_shifts_weigh(struct level_shifts *shifts, const double *x, int count, int since);

/* y[count] into out[count], what came before each shift moved to the level after the last. */
void level_shifts_lift(const struct level_shifts *shifts, const double *y, int count, bool positive,
		       double *out);

#endif
