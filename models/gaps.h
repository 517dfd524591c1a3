/* Missing points of a series. Threads: pure. Errors: none. */
#ifndef MODELS_GAPS_H
#define MODELS_GAPS_H

/* Fills the NaN of y[count] on the straight line between their neighbours, those at the ends with
 * the nearest point. Returns how many points were known; 0 leaves y as it is. */
int gaps_fill(double *y, int count);

#endif
