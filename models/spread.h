/* Quantiles around forecasts from the errors of past ones, over many series: split conformal
 * prediction with the errors taken relative to each series' own scale. Source: H. Papadopoulos,
 * K. Proedrou, V. Vovk, A. Gammerman, "Inductive confidence machines for regression", ECML 2002, in
 * the normalised form of J. Lei, M. G'Sell, A. Rinaldo, R. Tibshirani, L. Wasserman,
 * "Distribution-free predictive inference for regression", JASA 113, 2018, section 5.2; here for
 * each end of the interval by itself. Past errors of a series depend on each other, so the
 * promise is no longer exact; coverage is to be checked.
 *
 * Where there are few errors, neighbouring horizons are put together, each relative to its own mean
 * size; and what is still too few is mixed with normal quantiles.
 *
 * Ownership: a spread owns its errors. Threads: after spread_finish any may read. Errors: none. */
#ifndef MODELS_SPREAD_H
#define MODELS_SPREAD_H

#include <stddef.h>

enum { SPREAD_QUANTILE_COUNT = 5 };

struct spread;

/* A new spread for 1 <= horizon steps, with room for `count_max` origins. */
struct spread *spread_new(int horizon, size_t count_max);
void spread_free(struct spread **spread); /* NULL-safe */

/* The errors (actual less forecast) of one origin, error[horizon], and the series' scale, > 0,
 * which may be made from anything but these errors. */
void spread_add(struct spread *spread, const double *error, double scale);

/* To be called once, after the last spread_add and before the first spread_offset. */
void spread_finish(struct spread *spread);

/* What to add to the forecast `step` (from 1) ahead of a series of that scale for quantile q, 0 to
 * SPREAD_QUANTILE_COUNT - 1; the middle one gives 0. Not decreasing in q. */
double spread_offset(const struct spread *spread, int step, int q, double scale);

/* The levels: 0.025, 0.1, 0.5, 0.9, 0.975. */
double spread_level(int q);

#endif
