/* See gaps.h. */
#include "models/gaps.h"

#include <math.h>

#include "base/dmath.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

int gaps_fill(double *y, int count)
{
	int known = 0, last = -1;
	for (int t = 0; t < count; t++) {
		if (!dm_is_finite(y[t]))
			continue;
		known++;
		for (int i = last + 1; i < t; i++)
			y[i] = last < 0 ? y[t]
					: y[last] + (y[t] - y[last]) * (double)(i - last) /
							    (double)(t - last);
		last = t;
	}
	for (int i = last + 1; known > 0 && i < count; i++)
		y[i] = y[last];
	return known;
}
