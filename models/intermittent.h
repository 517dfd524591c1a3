/* Demand that is often nothing: how much comes when something comes, and how often that is,
 * smoothed apart. Forecasts are the same at all horizons.
 *
 * Two methods, of which the one with less squared one-step error is taken, as are the smoothing
 * parameters, from a small grid: J. D. Croston, "Forecasting and stock control for intermittent
 * demands", Operational Research Quarterly 23(3), 1972, with the correction of A. A. Syntetos,
 * J. E. Boylan, "The accuracy of intermittent demand estimates", IJF 21(2), 2005 (SBA); and
 * R. H. Teunter, A. A. Syntetos, M. Z. Babai, "Intermittent demand: linking forecasting to
 * inventory obsolescence", EJOR 214(3), 2011 (TSB), whose forecast fades when nothing comes any
 * more. Where something comes each time, both are simple exponential smoothing.
 *
 * No allocation. Units: those of the series. All values finite. Threads: pure. Errors: none. */
#ifndef MODELS_INTERMITTENT_H
#define MODELS_INTERMITTENT_H

#include <stdbool.h>

struct intermittent {
	bool fades;			/* TSB, else SBA */
	double size_alpha, often_alpha; /* of the sizes, and of how often they come */
};

/* Fitted to y[count], count >= 1; what is not 0 is a demand. */
void intermittent_fit(const double *y, int count, struct intermittent *model);

/* The forecast of any later point, from y[0..count). */
double intermittent_forecast(const struct intermittent *model, const double *y, int count);

/* The share of zeros in y[count]. */
double intermittent_zeros(const double *y, int count);

#endif
