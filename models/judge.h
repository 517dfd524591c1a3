/* How good probabilities of a yes-or-no outcome are, on rows that no model learnt from.
 *
 * Threads: pure. Errors: none. */
#ifndef MODELS_JUDGE_H
#define MODELS_JUDGE_H

#include <stddef.h>
#include <stdint.h>

enum { JUDGE_BINS = 10 };

struct judge_bin {
	size_t count;
	double predicted, observed; /* means */
};

struct judgement {
	size_t count, positive_count;
	double base_rate;
	double auc, auc_error; /* its standard error; -1 and 0 where one class is missing */
	double average_precision;
	double brier, log_loss; /* natural logarithm; probabilities are held within 1e-15 of 0, 1 */
	double calibration_error;
	double lift; /* share of positives among the top tenth, over the base rate */
	struct judge_bin bins[JUDGE_BINS]; /* equal in mass, by rising probability */
};

/* Judges probabilities[count] against labels[count] (0 or 1), count > 0.
 *
 * AUC and its standard error: E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing the
 * areas under two or more correlated receiver operating characteristic curves", Biometrics 44,
 * 1988. Average precision: the mean over positives of the precision at their score, ties taken
 * together. Expected calibration error: mean over bins of |predicted - observed|, weighted by
 * count (M. P. Naeini, G. F. Cooper and M. Hauskrecht, AAAI 2015), here with bins of equal mass.
 * In the lift a tie across the tenth's edge counts by its share. */
void judge(const double *probabilities, const uint8_t *labels, size_t count,
	   struct judgement *judgement);

/* The standard error of the difference of two AUCs on the same rows (DeLong, as above); *difference
 * becomes a - b. */
double judge_auc_difference(const double *a, const double *b, const uint8_t *labels, size_t count,
			    double *difference);

#endif
