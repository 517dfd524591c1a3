/* A series without what says nothing of its future: points far off for once, and a level that it
 * has left for good.
 *
 * Outliers: each point against the median of its neighbours, by the median of all such distances
 * (F. R. Hampel, "The influence curve and its role in robust estimation", JASA 69, 1974; as a
 * filter: L. Davies, U. Gather, "The identification of multiple outliers", JASA 88, 1993). What is
 * too far off is put back to that median. Nothing is done where many points are far off: then it is
 * how the series is. The last points are left alone: they may be the beginning of something.
 *
 * Shifts: where the median of the points after differs from that of those before by much more than
 * either scatters, the points before are moved to the new level. A walk has no such step.
 *
 * Of these the series has no season (or is adjusted for it); clean_series sees to that. All values
 * finite. Units: those of the series. Threads: pure. Errors: none. No allocation. */
#ifndef MODELS_CLEAN_H
#define MODELS_CLEAN_H

enum { CLEAN_SHIFTS_MAX = 4, CLEAN_POINTS_MAX = 2048 };

struct clean_shift {
	int at;	     /* the first point of the new level */
	double size; /* by how much it is higher */
};

/* Replaces outliers of y[count] in place; returns how many. */
int clean_outliers(double *y, int count);

/* Finds shifts of y[count], ascending; returns how many. */
int clean_find_shifts(const double *y, int count, struct clean_shift shift[CLEAN_SHIFTS_MAX]);

/* Moves what is before each shift to the level after the last. */
void clean_level(const struct clean_shift *shift, int shift_count, double *y);

struct clean_found {
	int outliers, shifts;
};

/* Outliers, then shifts of y[count], count up to CLEAN_POINTS_MAX, in place, with the season taken
 * out meanwhile: what it may have of `candidates`, ascending. A series above 0 stays there. */
struct clean_found clean_series(double *y, int count, const int *candidates, int candidate_count);

#endif
