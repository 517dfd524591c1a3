/* How well a score ranks: measured over all cases, ties counted half.
 *
 * Threads: pure functions. Errors: none. */
#ifndef MODELS_RANKING_H
#define MODELS_RANKING_H

#include <stdbool.h>
#include <stddef.h>

struct ranking_case {
	double score;
	bool positive;
};

/* Area under the ROC curve: the probability that a positive case scores above a negative one, by
 * the rank sum (J. A. Hanley and B. J. McNeil, Radiology 143(1), 1982). cases[count] is sorted in
 * place. NaN-free scores; -1 where one class is missing. */
double ranking_auc(struct ranking_case *cases, size_t count);

#endif
