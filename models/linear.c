/* See linear.h. */
#include "models/linear.h"

#include <math.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

bool linear_solve(double a[LINEAR_TERMS_MAX][LINEAR_TERMS_MAX], int n, const double *b, double *x)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++) {
			double sum = a[i][j];
			for (int k = 0; k < j; k++)
				sum -= a[i][k] * a[j][k];
			if (i == j && !(sum > 0))
				return false;
			a[i][j] = i == j ? sqrt(sum) : sum / a[j][j];
		}
	for (int i = 0; i < n; i++) {
		x[i] = b[i];
		for (int k = 0; k < i; k++)
			x[i] -= a[i][k] * x[k];
		x[i] /= a[i][i];
	}
	for (int i = n - 1; i >= 0; i--) {
		for (int k = i + 1; k < n; k++)
			x[i] -= a[k][i] * x[k];
		x[i] /= a[i][i];
	}
	return true;
}
