/* Columns that know too much: one that alone tells the outcome all but perfectly was most likely
 * written after it.
 *
 * Each column's share of positives by bin is taken from one half of the rows and held against the
 * other half, so that many levels by themselves give no hit. Threads: pure. */
#ifndef EVALUATE_LEAKS_H
#define EVALUATE_LEAKS_H

#include <stdbool.h>

#include "models/dataset.h"

/* From here on "all but perfectly". */
#define LEAK_AUC_MIN   0.95
#define LEAK_SHARE_MIN 0.5   /* of the positives, or the negatives, told apart ... */
#define LEAK_PURE_MIN  0.995 /* ... by bins that hold hardly anything else */

struct leak {
	double auc;	   /* of the column alone, on rows that it was not learnt from */
	double pure_share; /* of the rarer class, in bins of that class alone */
	bool is_leak;
};

/* Into leaks[column_count]. */
void leaks_find(const struct dataset *dataset, struct leak *leaks);

#endif
