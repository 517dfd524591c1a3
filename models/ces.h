/* Complex exponential smoothing: a level and a hidden companion smoothed together with a complex
 * parameter; it spans stationary and trended series without choosing between them.
 *
 * Source: I. Svetunkov, N. Kourentzes, J. K. Ord, "Complex exponential smoothing", Naval Research
 * Logistics 69(8), 2022: the non-seasonal form, equation 8. One-step forecasts are linear in the
 * first two states, which come from least squares; the two parts of the parameter are searched
 * within the region where the model is stable (equation 13).
 *
 * The series has no season (or is adjusted for it). No allocation. Units: those of the series. All
 * values finite. Threads: pure. Errors: none. */
#ifndef MODELS_CES_H
#define MODELS_CES_H

struct ces {
	double real, imaginary;	 /* of the smoothing parameter */
	double level, companion; /* before the first point */
};

/* Fitted to y[count], count >= 1; below 4 points the level is smoothed alone. */
void ces_fit(const double *y, int count, struct ces *model);

/* For a model fitted to the same series as it was before: the first states that belong to its
 * parameter, by one pass over y[count]. */
void ces_refresh(struct ces *model, const double *y, int count);

/* The same with a parameter searched from the old one. */
void ces_estimate(struct ces *model, const double *y, int count);

/* Forecasts of y[count..count + horizon), from y[0..count). */
void ces_forecast(const struct ces *model, const double *y, int count, int horizon, double *out);

#endif
