/* Fits the hazard model's prior on simulated companies, and writes it as models/hazard_prior.h.
 *
 * A logistic regression with a ridge penalty over all looks, by Newton's method; regions' names
 * have no weight, since they mean nothing elsewhere. Ownership: all is borrowed. Threads: one. */
#ifndef EVALUATE_COMPANY_FIT_H
#define EVALUATE_COMPANY_FIT_H

#include <stdio.h>

#include "evaluate/company.h"

/* The table needs its features. `from` says what it was fitted on, for the file's comment. */
void company_fit_print(FILE *out, const struct company_table *table, const char *from);

#endif
