/* What drives a series from outside: a price, promotions, charging use, an index, working days. How
 * much a unit of each moves the series is estimated from its past; that is taken out before the
 * series is forecast, and added again for the values that the drivers will have.
 *
 * Model: y[t] (or its logarithm, where y > 0 and that explains more) is a level, plus weight[k]
 * times regressor k's distance from its mean, plus noise that is correlated from point to point
 * with rho; a season, where one is given, is taken from all of them first. The weights are means
 * over models: rho on a grid from 0 to 1 (a walk), and for each the regressors taken in one after
 * the other, the most telling first. A model counts by its evidence, with a prior on each weight
 * that is worth one point (R. E. Kass, L. Wasserman, "A reference Bayesian test for nested
 * hypotheses and its relationship to the Schwarz criterion", JASA 90, 1995) and a prior on models
 * that pays for having chosen among many (J. G. Scott, J. O. Berger, "Bayes and empirical-Bayes
 * multiplicity adjustment in the variable-selection problem", Annals of Statistics 38(5), 2010). So
 * what tells nothing gets a weight near 0, and few points move little.
 *
 * x is [points][count]: the row of a point holds its regressors. Units: those of the series and of
 * each regressor. All values finite, below 1e30 in size. Deterministic to the bit. Threads: pure.
 * Errors: none. No allocation; some 120 KiB of stack. Cost: 45 us for 128 points and 5 regressors,
 * 0.2 ms for 1,024. */
#ifndef MODELS_REGRESSORS_H
#define MODELS_REGRESSORS_H

#include <stdbool.h>

#include "models/season.h"

enum {
	REGRESSORS_MAX = 10,
	REGRESSORS_POINTS_MAX = 1024, /* older points are ignored */
};

struct regressors {
	int count;
	bool logs;		       /* weights are of the logarithm */
	double rho;		       /* of the noise, mean over the models */
	double weight[REGRESSORS_MAX]; /* of one unit */
	double error[REGRESSORS_MAX];  /* its standard deviation, over and within models */
	double sure[REGRESSORS_MAX];   /* probability that it counts at all, 0 to 1 */
	double mean[REGRESSORS_MAX], least[REGRESSORS_MAX], most[REGRESSORS_MAX]; /* as seen */
};

/* Fits to y[points] and its regressors, points >= 0, count 0 to REGRESSORS_MAX. season: periods to
 * be taken out (count and period are read, fitted anew), or NULL. With fewer than 8 points, or
 * where y or a regressor never changes, weights are 0. */
void regressors_fit(const double *y, const double *x, int points, int count,
		    const struct season *season, struct regressors *model);

/* What a row moves the series by, against the regressors' means: to be added, to the logarithm with
 * logs. Values are held to half the range seen beyond it. */
double regressors_effect(const struct regressors *model, const double *row);

/* The series without that, and with it again; `out` and `y` may be the same. */
void regressors_remove(const struct regressors *model, const double *x, const double *y, int points,
		       double *out);
void regressors_add(const struct regressors *model, const double *x, const double *y, int points,
		    double *out);

#endif
