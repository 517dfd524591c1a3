/* Margins and contributions lie on a grid of 2^-32, so that their sums are exact in any order.
 *
 * A double holds 53 bits: sums of grid values stay exact while they are below 2^20. A value is put
 * on the grid once, where a model is made; what is then added up needs no tolerance. Threads:
 * pure. */
#ifndef MODELS_GRID_H
#define MODELS_GRID_H

#include <math.h>

#define GRID_STEP 0x1p-32
#define GRID_MAX  0x1p20 /* magnitude; beyond it sums are not exact */

/* The nearest grid value, at most `max` away from 0. */
static inline double grid_round(double value, double max)
{
	if (!(value > -max)) /* NaN, too */
		return -max;
	return value > max ? max : rint(value / GRID_STEP) * GRID_STEP;
}

#endif
