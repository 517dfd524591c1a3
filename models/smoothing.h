/* Simple smoothing of a series with a given parameter, and the classical season with its test.
 *
 * Units: those of the series; times are positions 0..count). Arrays are borrowed for the call and
 * hold at least `count` elements. All values finite. Threads: pure functions. Errors: none. */
#ifndef MODELS_SMOOTHING_H
#define MODELS_SMOOTHING_H

#include <stdbool.h>

/* Simple exponential smoothing: level[t] = a y[t] + (1 - a) level[t-1], level[0] = y[0]; the
 * forecast from t is level[t] at every horizon. Returns the mean absolute one-step error, 0 for
 * count < 2. Source: R. G. Brown, "Exponential Smoothing for Predicting Demand", 1956. */
double smoothing_ses(const double *y, int count, double alpha, double *level);

/* The last level with the alpha, of 0.05 to 1 in steps of 0.05, of least absolute one-step error;
 * level[count]: scratch. count >= 1. */
double smoothing_ses_best(const double *y, int count, double *level);

/* Additive seasonal indices of classical decomposition: means by position of y less its centred
 * moving average, made to sum to 0; index[t % period] belongs to y[t]. Needs count >= 2 period,
 * period >= 2. Source: M. Kendall and A. Stuart, "The Advanced Theory of Statistics", vol. 3. */
void smoothing_seasonal(const double *y, int count, int period, double *index);

/* The same with ratios to the moving average instead of differences, made to average 1: the
 * multiplicative form. Needs y > 0. */
void smoothing_seasonal_ratio(const double *y, int count, int period, double *index);

/* M4's test for seasonality at 90 %: |r(period)| > 1.645 sqrt((1 + 2 sum of r(i)^2, i < period) /
 * count), with the autocorrelations r (Bartlett's limit); false for count < 3 period or a constant
 * series. */
bool smoothing_is_seasonal(const double *y, int count, int period);

#endif
