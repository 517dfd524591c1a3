/* A part of a total by its share: what the part has usually been of the total, times what the total
 * is going to be.
 *
 * What moves the whole (a season, growth) shows in the total first and surest; and of a part that
 * has a few large amounts now and then, the median says what to expect of most periods, where its
 * own mean would be too much in nearly all of them. So it is the median of the last shares.
 *
 * Threads: pure. Errors: none. No allocation. */
#ifndef MODELS_SHARE_H
#define MODELS_SHARE_H

/* Of part[count] in total[count], both finite, oldest first: the median of the last 10 shares, of
 * the last 16 where a tenth of the part's points are 0. A total that is not above 0 has no shares.
 * 0 for count 0. */
double share_median(const double *part, const double *total, int count);

#endif
