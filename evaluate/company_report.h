/* What the churn model is worth on simulated companies, beside the oracle, a recency rule, a plain
 * logistic regression and the base rate. Ownership: the table is borrowed. Threads: one. */
#ifndef EVALUATE_COMPANY_REPORT_H
#define EVALUATE_COMPANY_REPORT_H

#include <stdio.h>

#include "evaluate/company.h"

enum { COMPANY_LEAD_DAYS = 21 };

/* Prints the figures of the looks from `from_day` on. Returns how many of the stated targets are
 * missed. */
int company_report_print(FILE *out, const struct company_table *table, int from_day);

#endif
