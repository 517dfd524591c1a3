/* See share.h. */
#include "models/share.h"

#include <stdbool.h>

#include "models/intermittent.h"
#include "models/median.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { POINTS = 10, POINTS_RARE = 16 };

static const double ZEROS_MIN = 0.1;

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
	return median_sort(share, found);
}
