/* Whether a series has begun to behave otherwise: a two-sided CUSUM of its one-step forecast
 * errors. Source: E. S. Page, "Continuous Inspection Schemes", Biometrika 41, 1954; the tabular
 * form of D. C. Montgomery, "Introduction to Statistical Quality Control", ch. 9.
 *
 * Errors are taken in proportion to their usual size, an exponentially weighted mean of absolute
 * errors (times sqrt(pi/2), which makes it the standard deviation of normal ones) before the error
 * itself counts, and cut at DRIFT_ERROR_MAX of it, so that a lone outlier is no change. Sums grow
 * by what exceeds DRIFT_SLACK; beyond DRIFT_LIMIT there is a change. The detector then begins anew,
 * and says nothing for DRIFT_WARM_UP periods.
 *
 * Measured (tests/unit/test_drift.c): with independent normal errors a false alarm about every
 * 4,000 periods; a shift of two standard deviations is noticed after 6, one of five after 2.
 *
 * Plain data, zeroed when new. Deterministic to the bit. Threads: pure functions. Errors: none. */
#ifndef MODELS_DRIFT_H
#define MODELS_DRIFT_H

#include <stdint.h>

enum { DRIFT_WARM_UP = 12 };

#define DRIFT_SLACK	0.75
#define DRIFT_LIMIT	5.0
#define DRIFT_ERROR_MAX 4.0

struct drift {
	double scale;	 /* usual size of an error: mean absolute, units of the series */
	double up, down; /* the two sums */
	int64_t count;	 /* errors since it began */
	int64_t up_count, down_count; /* periods since each sum left 0 */
};

enum drift_change { DRIFT_NONE, DRIFT_UP, DRIFT_DOWN };

/* Takes one error, actual - forecast, finite. On a change, *since_count is how many periods it has
 * lasted, this one included, *score the sum in standard deviations. */
enum drift_change drift_update(struct drift *drift, double error, int64_t *since_count,
			       double *score);

#endif
