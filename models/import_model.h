/* Trees that another program trained: XGBoost's JSON and LightGBM's text, as a forest.
 *
 * What is taken: a model of one yes-or-no outcome (binary:logistic, binary:logitraw or binary), of
 * plain gradient boosting, with numeric or category splits. XGBoost's base_score is a probability,
 * written as a number or, from 3.x on, as a vector between brackets; it becomes log odds. XGBoost
 * compares 32-bit floats with "less than", LightGBM doubles with "at most" (which is what a forest
 * does; the next float below makes the one of the other). Everything else is refused with what to
 * do.
 *
 * A reader of such files that gets a detail wrong predicts wrongly and says nothing: so the user
 * gives some rows with what their own program predicts for them, and import_check holds the forest
 * against that before anything is scored.
 *
 * Source: the formats as XGBoost 3.2 and LightGBM 4.7 write them (tests/unit/test_import
 * compares predictions and contributions with both).
 *
 * Ownership: a forest comes out new. Threads: pure. */
#ifndef MODELS_IMPORT_MODEL_H
#define MODELS_IMPORT_MODEL_H

#include "models/forest.h"

enum { IMPORT_BYTES_MAX = 256 * 1024 * 1024 };

/* Names of the columns, where the file tells them; both NULL and 0 otherwise. */
struct import_names {
	size_t count;
	char **names;
};

/* Reads a model's bytes; the format is found out. Errors: POISON MODEL_FORMAT (neither of the two,
 * or a form of them that is not read: its text says which to write), MODEL_INVALID (damaged). On
 * error both outputs are empty. */
ERR_MUST_USE struct err *import_model(struct bytes bytes, struct forest *forest,
				      struct import_names *names);
void import_names_fini(struct import_names *names);

/* Holds the forest against predictions[row_count] (probabilities) of rows [row * column_count].
 * Errors: POISON MODEL_GOLDEN: a row differs by more than 1e-5. */
ERR_MUST_USE struct err *import_check(const struct forest *forest, const double *rows,
				      const double *predictions, size_t row_count);

#endif
