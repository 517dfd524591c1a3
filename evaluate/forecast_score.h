/* Scores of forecasts as the M4 competition counts them: S. Makridakis, E. Spiliotis,
 * V. Assimakopoulos, "The M4 Competition: 100,000 time series and 61 forecasting methods",
 * IJF 36(1), 2020. sMAPE over all points, MASE and MSIS (95 %) averaged over series, OWA against
 * Naive2. A series whose naive error is 0 has no scale, and no MASE and MSIS: it is counted apart.
 *
 * Ownership: all borrowed. Threads: pure. Errors: none. */
#ifndef EVALUATE_FORECAST_SCORE_H
#define EVALUATE_FORECAST_SCORE_H

#include <stddef.h>

/* Sums over series; start with zeros. */
struct forecast_score {
	size_t series, points, unscaled;
	double smape, mase;
	size_t intervals;	       /* points with an interval */
	double covered_80, covered_95; /* points */
	double msis;
	double pinball; /* mean over the five levels, scaled as MASE is */
};

/* One series: its training values, what came, and the forecast of it, of `horizon` points. */
struct forecast_scored {
	const double *train;
	int count, period, horizon;
	const double *actual, *point;
	const double *const *quantile; /* [5][horizon], 2.5 to 97.5 %; NULL: none */
};

void forecast_score_add(struct forecast_score *score, const struct forecast_scored *scored);

/* Means. 0 without series. */
double forecast_score_smape(const struct forecast_score *score);
double forecast_score_mase(const struct forecast_score *score);
double forecast_score_msis(const struct forecast_score *score);
double forecast_score_pinball(const struct forecast_score *score);

/* Overall weighted average of sMAPE and MASE, each relative to those of Naive2. */
double forecast_score_owa(const struct forecast_score *score, const struct forecast_score *naive2);

/* The last season again (the last point where period is 1 or longer than the series). */
void forecast_snaive(const double *train, int count, int period, int horizon, double *out);

/* Naive2: the last point, seasonally adjusted by classical multiplicative decomposition if M4's
 * test finds a season. Where a value is 0 or below, there is no ratio, and nothing is adjusted. */
void forecast_naive2(const double *train, int count, int period, int horizon, double *out);

#endif
