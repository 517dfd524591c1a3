/* Small systems of linear equations. Threads: pure. Errors: none. */
#ifndef MODELS_LINEAR_H
#define MODELS_LINEAR_H

#include <stdbool.h>

enum { LINEAR_TERMS_MAX = 16 };

/* Solves a x = b for a symmetric positive a[n][n], of which the lower half is read and overwritten:
 * Cholesky's factors. False, with x undefined, where a is not positive. */
bool linear_solve(double a[LINEAR_TERMS_MAX][LINEAR_TERMS_MAX], int n, const double *b, double *x);

#endif
