/* The Theta method in its dynamic optimised form: a level by exponential smoothing, and a share of
 * the series' linear trend, re-estimated with each point.
 *
 * Source: J. A. Fiorucci, T. R. Pellegrini, F. Louzada, F. Petropoulos, A. B. Koehler, "Models for
 * optimising the theta method and their relationship to state space models", IJF 32(4), 2016:
 * DOTM, equations 7 to 14. For a given alpha the one-step forecasts are linear in the first level
 * and in 1 - 1/theta, so these two come from least squares and alpha alone is searched. theta 2 is
 * the standard method (share 1/2).
 *
 * The series has no season (or is adjusted for it). No allocation. Units: those of the series. All
 * values finite. Threads: pure. Errors: none. */
#ifndef MODELS_THETA_H
#define MODELS_THETA_H

struct theta {
	double alpha, level; /* level before the first point */
	double share;	     /* 1 - 1/theta, 0 to 1 */
};

/* Fitted to y[count], count >= 1. */
void theta_fit(const double *y, int count, struct theta *model);

/* The same with theta = 2. */
void theta_fit_standard(const double *y, int count, struct theta *model);

/* For a model fitted to the same series as it was before: the level and the share that belong to
 * its alpha, by one pass over y[count]. */
void theta_refresh(struct theta *model, const double *y, int count);

/* The same with an alpha searched near the old one. */
void theta_estimate(struct theta *model, const double *y, int count);

/* Forecasts of y[count..count + horizon), from y[0..count). */
void theta_forecast(const struct theta *model, const double *y, int count, int horizon,
		    double *out);

#endif
