/* Exponential smoothing in state-space form: errors additive or multiplicative, trend none,
 * additive or damped, season none, additive or multiplicative; the form by information criterion.
 *
 * Source: R. J. Hyndman, A. B. Koehler, R. D. Snyder, S. Grose, "A state space framework for
 * automatic forecasting using exponential smoothing methods", IJF 18(3), 2002: the recursions, the
 * likelihood with the variance concentrated out, AICc. Two things differ: the states before the
 * first point are found by running the model backwards over the series from its end, for each
 * trial of the parameters (I. Svetunkov, "Forecasting and analytics with ADAM", 2023, section
 * 11.4.1), so that only alpha, beta, gamma and phi are searched; and parameters stay in the usual
 * region 0 < alpha < 1, beta < alpha, gamma < 1 - alpha, 0.8 <= phi <= 0.98, within which the
 * linear forms are admissible. Not in the family: multiplicative trends (they explode), and
 * additive errors around a multiplicative season (their variance is not finite).
 *
 * Cost: some 100 passes over the series for a form, both ways. No allocation.
 * Units: those of the series. All values finite. Threads: pure. Errors: none. */
#ifndef MODELS_ETS_H
#define MODELS_ETS_H

#include <stdbool.h>

enum {
	ETS_PERIOD_MAX = 24,
	ETS_POINTS_MAX = 400, /* older points hardly weigh, and are ignored */
};

enum ets_trend { ETS_FLAT, ETS_TREND, ETS_DAMPED };
enum ets_season { ETS_NO_SEASON, ETS_ADDITIVE, ETS_MULTIPLICATIVE };

struct ets {
	bool relative_errors; /* multiplicative */
	enum ets_trend trend;
	enum ets_season season;
	int period; /* 1 without a season */
	double alpha, beta, gamma, phi;
	int first;				    /* point from which it was fitted */
	double level, slope, index[ETS_PERIOD_MAX]; /* before that point */
	double aicc;				    /* HUGE_VAL: no form could be fitted */
};

/* The form with the least AICc, fitted to y[count]. period: 2 to ETS_PERIOD_MAX looks at seasonal
 * forms, too, if there are at least two periods and five points; else 1. Multiplicative forms need
 * y > 0. count >= 1; below 4 the level is smoothed with alpha 0.5. */
void ets_fit(const double *y, int count, int period, struct ets *model);

/* For a model without a season, fitted to the same series as it was before: with its form and
 * parameters the level and slope before the first point of y[count] as it is now, in two passes.
 * Where it does not suit the series any more, it starts from the first point. */
void ets_refresh(struct ets *model, const double *y, int count);

/* The same with new parameters of the same form, searched from the old ones: some 40 times the
 * cost. */
void ets_estimate(struct ets *model, const double *y, int count);

/* Forecasts of y[count..count + horizon) by the model run over y[0..count), which begins where the
 * series that was fitted began. */
void ets_forecast(const struct ets *model, const double *y, int count, int horizon, double *out);

#endif
