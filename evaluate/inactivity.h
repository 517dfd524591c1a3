/* Who will fall silent: learns from a file of orders as it was at earlier moments, and predicts at
 * the cutoff whether no order comes within the horizon.
 *
 * Only what lies before the cutoff is learnt from. A snapshot is a moment whose horizon ends before
 * the cutoff; each has every customer's history up to it, and what came within the horizon. Inner
 * folds hold out whole customers. Where the file goes on for the horizon behind the cutoff, the
 * predictions are judged there. Where what lies before the cutoff is too short for a snapshot of
 * the full horizon, a shorter one is learnt: the ranking then stands for the longer one, the
 * probabilities are those of the shorter, and it says so.
 *
 * Threads: as many as options say. */
#ifndef EVALUATE_INACTIVITY_H
#define EVALUATE_INACTIVITY_H

#include <stdint.h>
#include <stdio.h>

#include "models/classifier.h"

enum {
	INACTIVITY_SNAPSHOTS_MAX = 8,
	INACTIVITY_HISTORY_DAYS_MIN = 60, /* before a snapshot */
	INACTIVITY_GAP_DAYS_MAX = 7, /* of the cutoff behind the last order: a shop is closed */
	INACTIVITY_ROWS_MIN = 200,
	INACTIVITY_ROWS_MAX = 60000, /* to learn from; beyond it, of a share of the customers */
	INACTIVITY_CLASS_ROWS_MIN = 40,
};

struct inactivity_evaluation {
	const char *orders_path, *map_path, *out_path;
	int64_t cutoff_ms;
	int horizon_days;
	int active_days; /* only customers with an order in so many days before; 0: all */
	struct classifier_options classifier;
	FILE *out;
};

/* Errors: FATAL as orders_read; CUTOFF_LATE, HISTORY_SHORT, TOO_FEW_ROWS, ONE_CLASS, FILE. */
ERR_MUST_USE struct err *inactivity_evaluate(const struct inactivity_evaluation *evaluation);

#endif
