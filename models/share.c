/* See share.h. */
#include "models/share.h"

#include <stdbool.h>
#include <stdlib.h>

#include "models/intermittent.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { POINTS = 10, POINTS_RARE = 16 };

static const double ZEROS_MIN = 0.1;

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double share_median(const double *part, const double *total, int count)
{
	double share[POINTS_RARE];
	bool is_rare = count > 0 && intermittent_zeros(part, count) >= ZEROS_MIN;
	int most = is_rare ? POINTS_RARE : POINTS, found = 0;
	for (int t = count > most ? count - most : 0; t < count; t++)
		if (total[t] > 0)
			share[found++] = part[t] / total[t];
	if (found == 0)
		return 0;
	qsort(share, (size_t)found, sizeof *share, ascending);
	return 0.5 * (share[(found - 1) / 2] + share[found / 2]);
}
