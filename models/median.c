/* See median.h. */
#include "models/median.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/order.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static double middle(const double *sorted, int count)
{
	return 0.5 * (sorted[(count - 1) / 2] + sorted[count / 2]);
}

double median_of(const double *x, int count)
{
	double sorted[MEDIAN_POINTS_MAX];
	CHECK(count > 0 && count <= MEDIAN_POINTS_MAX);
	for (int i = 0; i < count; i++) {
		int at = i;
		for (; at > 0 && sorted[at - 1] > x[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = x[i];
	}
	return middle(sorted, count);
}

double median_sort(double *x, int count)
{
	CHECK(count > 0);
	qsort(x, (size_t)count, sizeof *x, order_doubles);
	return middle(x, count);
}
