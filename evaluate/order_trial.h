/* Weekly revenue forecast by rolling origin: from each of the last weeks, as far ahead as the
 * horizon reaches, with nothing later looked at; with fewer than two years by simple methods alone,
 * which were chosen on the weeks before the judged ones of the public history and on another;
 * coherent in whole minor units (models/reconcile.h); beside the naive forecast (the last week
 * again) and simple exponential smoothing.
 *
 * Ownership: a trial owns its results and borrows the history. Threads: as forecast_trial.h. */
#ifndef EVALUATE_ORDER_TRIAL_H
#define EVALUATE_ORDER_TRIAL_H

#include "evaluate/order_history.h"
#include "evaluate/parallel.h"
#include "models/spread.h"

enum { ORDER_ORIGINS = 13, ORDER_HORIZON = 4, ORDER_WEEKS_MIN = 20 };

/* Sums over origins and horizons. */
struct order_score {
	int forecasts;
	double error, naive_error, ses_error; /* absolute, minor units */
	int covered_80, covered_95;
};

struct order_trial {
	size_t node_count;
	struct order_score *scores; /* [node_count] */
	/* [origin][step][node], minor units; steps that reach beyond the history too */
	int64_t *point;
	double *quantile[SPREAD_QUANTILE_COUNT]; /* not decreasing, around point */
	int64_t incoherent_max; /* largest difference between the total and a dimension's sum */
};

/* A new trial. Errors: FATAL ORDERS (fewer than ORDER_WEEKS_MIN + ORDER_ORIGINS weeks),
 * INTERRUPTED. */
ERR_MUST_USE struct err *order_trial_run(const struct order_history *history,
					 const struct parallel_options *parallel,
					 struct order_trial **trial);
void order_trial_free(struct order_trial **trial); /* NULL-safe */

/* The place of a node's forecast in point and quantile[q]; step from 1. */
size_t order_trial_at(const struct order_trial *trial, int origin, int step, size_t node);

#endif
