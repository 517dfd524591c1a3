/* Medians of a few points.
 *
 * Threads: pure. */
#ifndef MODELS_MEDIAN_H
#define MODELS_MEDIAN_H

enum { MEDIAN_POINTS_MAX = 32 };

/* The standard deviation of a normal distribution, of the median of absolute distances from its
 * middle: 1 / the normal quantile of 3/4. */
#define SIGMA_PER_MEDIAN 1.4826022185056018

/* The median of x[count], 0 < count <= MEDIAN_POINTS_MAX; of an even count the middle of two. */
double median_of(const double *x, int count);

/* The same of as many as there are, which it puts in order. */
double median_sort(double *x, int count);

#endif
