/* What an evaluation of probabilities shows: a table of measures, charts beside the predictions,
 * and the predictions with their reasons.
 *
 * Ownership: everything is borrowed. Threads: pure, but for the files. */
#ifndef EVALUATE_REPORT_H
#define EVALUATE_REPORT_H

#include <stdio.h>

#include "base/bytes.h"
#include "base/err.h"
#include "models/classifier.h"

enum { REPORT_ROWS_MAX = 6, REPORT_REASONS = 4, REPORT_PATH_MAX = 4096 };

/* A model that was judged on the same rows as the others. */
struct report_row {
	const char *name;
	const double *probabilities;
	struct judgement judgement;
};

/* The table, one line a model. Rows are judged first by whoever made them. */
void report_print(FILE *out, const struct report_row *rows, size_t count);

/* What inner validation tried and found. */
void report_print_trials(FILE *out, const struct classifier_report *report);

/* The sentence about what it is worth: the last row against the logistic one, or that it is no
 * better than the base rate. labels[] of the rows that were judged. */
void report_print_verdict(FILE *out, const struct classifier_report *report,
			  const struct report_row *model, const struct report_row *logistic,
			  const uint8_t *labels);

/* The folder of the charts, "P-charts" for "P.csv", is made; its path into folder. Errors: FATAL
 * FILE. */
ERR_MUST_USE struct err *report_folder(const char *out_path, char folder[REPORT_PATH_MAX]);

/* calibration.svg and lift.svg. Errors: FATAL FILE. */
ERR_MUST_USE struct err *report_charts(const char *folder, const struct report_row *rows,
				       size_t count, const uint8_t *labels);

/* The file of predictions, its header written. Errors: FATAL FILE, here and at the close, which
 * comes after any number of report_predict and frees in any case. */
ERR_MUST_USE struct err *report_open(const char *path, FILE **file);
ERR_MUST_USE struct err *report_close(const char *path, FILE **file);

/* A line: id, probability, and of the contributions the REPORT_REASONS that matter most, each as
 * what it is about and how it changes the odds. text: says what column j is in this row. */
void report_predict(FILE *file, struct bytes id, double probability, const double *contributions,
		    size_t column_count,
		    void (*text)(const void *context, size_t column, char *out, size_t out_max),
		    const void *context);

/* A line whose reasons are one sentence. */
void report_predict_plain(FILE *file, struct bytes id, double probability, const char *reason);

#endif
