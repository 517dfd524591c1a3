/* Learns an outcome from a table, predicts another table's rows, and judges that where the outcome
 * is known there.
 *
 * The test table is never learnt from: settings are chosen on inner folds of the training table.
 * What can't be judged is refused before anything is trained; nothing is written then.
 *
 * Threads: as many as options say; progress is called on the caller's. */
#ifndef EVALUATE_CHURN_H
#define EVALUATE_CHURN_H

#include <stdio.h>

#include "models/classifier.h"

enum {
	CHURN_TRAIN_ROWS_MIN = 100,
	CHURN_CLASS_ROWS_MIN = 20, /* of each class to learn from */
	CHURN_TEST_ROWS_MIN = 30,  /* to judge by */
};

struct churn_evaluation {
	const char *train_path, *test_path, *out_path;
	const char *label, *positive, *id;    /* columns and a value; positive and id may be NULL */
	const char *const *dropped;	      /* columns to leave out, NULL-ended; NULL: none */
	const char *model_path, *golden_path; /* a model to judge beside; both or neither NULL */
	struct classifier_options classifier;
	FILE *out; /* for the report */
};

/* Errors: FATAL as table_read, label_init, features_init; SAME_FILE, TOO_FEW_ROWS, ONE_CLASS,
 * COLUMN_MISSING, FILE; as brought_read. */
ERR_MUST_USE struct err *churn_evaluate(const struct churn_evaluation *evaluation);

#endif
