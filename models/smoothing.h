/* The single methods the forecaster combines: each runs over a series once with given parameters
 * and leaves, for every origin, what is needed to forecast from there.
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

/* Damped additive trend: level[t] = a y[t] + (1 - a)(level[t-1] + phi trend[t-1]), trend[t] =
 * b (level[t] - level[t-1]) + (1 - b) phi trend[t-1], level[0] = y[0], trend[0] = 0. Returns the
 * mean absolute one-step error. Source: E. S. Gardner and E. McKenzie, "Forecasting trends in time
 * series", Management Science 31(10), 1985. */
double smoothing_damped(const double *y, int count, double alpha, double beta, double phi,
			double *level, double *trend);

/* Its forecast `horizon` >= 1 steps ahead: level + (phi + ... + phi^horizon) trend. */
double smoothing_damped_forecast(double level, double trend, double phi, int horizon);

/* The Theta method: the forecast from t is base[t] + drift[t] h, h >= 1 steps ahead. drift[t] is
 * half the least-squares slope of y[0..t] on time (0 at t = 0), base[t] = level[t] + drift[t]
 * ((1 - (1 - a)^(t + 1)) / a - 1), with SES's alpha > 0 and its levels. Source: V. Assimakopoulos
 * and K. Nikolopoulos, "The theta model", IJF 16(4), 2000, in the form of R. J. Hyndman and
 * B. Billah, "Unmasking the Theta method", IJF 19(2), 2003. */
void smoothing_theta(const double *y, int count, double alpha, const double *level, double *base,
		     double *drift);

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
