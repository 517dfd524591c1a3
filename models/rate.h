/* A sum of amounts, from how many there were: where their number is, and is going, times what one
 * of them has been worth lately. A few large amounts move a period's sum, hardly its number, so the
 * number tells sooner and surer where the level is going.
 *
 * The number's level is that of simple exponential smoothing with the parameter of least absolute
 * one-step error; the worth is the ratio of sum to number, both smoothed slowly, as in J. D.
 * Croston, "Forecasting and stock control for intermittent demands", Operational Research
 * Quarterly 23(3), 1972, where the two are the demand's size and interval.
 *
 * Units: those of the sums. All values finite. Threads: pure. Errors: none. No allocation. */
#ifndef MODELS_RATE_H
#define MODELS_RATE_H

enum { RATE_POINTS_MAX = 256 }; /* older points are ignored */

/* Forecasts from sum[count] and number[count] (not negative), count >= 1, of horizon steps: `flat`
 * from the number's level alone, `sloped` with half the slope of its last 26 points from there on
 * (halved, as in V. Assimakopoulos, K. Nikolopoulos, "The theta model", IJF 16(4), 2000). */
void rate_forecast(const double *sum, const double *number, int count, int horizon, double *flat,
		   double *sloped);

#endif
