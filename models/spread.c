/* See spread.h. */
#include "models/spread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/order.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { POOL_MIN = 1000 }; /* errors for a quantile, before other horizons are looked at */

static const double LEVELS[SPREAD_QUANTILE_COUNT] = { 0.025, 0.1, 0.5, 0.9, 0.975 };
static const double NORMAL_ERRORS = 20.0; /* normal quantiles weigh as many errors */
static const double SIGMA_PER_MEAN_ABSOLUTE = 1.2533141373155003; /* sqrt(pi / 2), normal */

struct spread {
	int horizon;
	size_t count, count_max;
	double *error;	/* [count][horizon], relative to the scale */
	double *growth; /* [horizon]: mean absolute error */
	double *offset; /* [horizon][SPREAD_QUANTILE_COUNT] */
};

struct spread *spread_new(int horizon, size_t count_max)
{
	CHECK(horizon >= 1);
	struct spread *spread = check_calloc(1, sizeof *spread);
	size_t steps = (size_t)horizon;
	spread->horizon = horizon;
	spread->count_max = count_max;
	spread->error = check_calloc(count_max * steps + 1, sizeof *spread->error);
	spread->growth = check_calloc(steps, sizeof *spread->growth);
	spread->offset = check_calloc(steps * SPREAD_QUANTILE_COUNT, sizeof *spread->offset);
	return spread;
}

void spread_free(struct spread **spread)
{
	if (*spread == NULL)
		return;
	free((*spread)->error);
	free((*spread)->growth);
	free((*spread)->offset);
	free(*spread);
	*spread = NULL;
}

void spread_add(struct spread *spread, const double *error, double scale)
{
	CHECK(spread->count < spread->count_max && scale > 0);
	double *to = spread->error + spread->count * (size_t)spread->horizon;
	for (int h = 0; h < spread->horizon; h++)
		to[h] = error[h] / scale;
	spread->count++;
}

/* The conformal quantile: the order statistic at level (n + 1), the ends pulled in. */
static double quantile(const double *sorted, size_t n, double level)
{
	double at = level * ((double)n + 1.0) - 1.0;
	at = at < 0 ? 0 : at > (double)(n - 1) ? (double)(n - 1) : at;
	size_t below = (size_t)at;
	size_t above = below + 1 < n ? below + 1 : below;
	return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

static void set_growth(struct spread *spread)
{
	size_t steps = (size_t)spread->horizon;
	for (size_t h = 0; h < steps; h++) {
		double sum = 0;
		for (size_t i = 0; i < spread->count; i++)
			sum += fabs(spread->error[i * steps + h]);
		spread->growth[h] = sum / (double)spread->count;
	}
}

static void set_offsets(struct spread *spread, int h, int reach, double *pool)
{
	size_t steps = (size_t)spread->horizon, n = 0;
	for (int k = h - reach; k <= h + reach; k++) {
		if (k < 0 || k >= spread->horizon || !(spread->growth[k] > 0))
			continue;
		for (size_t i = 0; i < spread->count; i++)
			pool[n++] = spread->error[i * steps + (size_t)k] / spread->growth[k];
	}
	double *offset = spread->offset + (size_t)h * SPREAD_QUANTILE_COUNT;
	qsort(pool, n, sizeof *pool, order_doubles);
	for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++) {
		double normal = dm_norm_quantile(LEVELS[q]) * SIGMA_PER_MEAN_ABSOLUTE;
		double found = n > 0 ? quantile(pool, n, LEVELS[q]) : 0;
		double mixed =
			((double)n * found + NORMAL_ERRORS * normal) / ((double)n + NORMAL_ERRORS);
		/* a lower quantile lies below the point, an upper one above it */
		mixed = LEVELS[q] < 0.5 && mixed > 0 ? 0 : mixed;
		mixed = LEVELS[q] > 0.5 && mixed < 0 ? 0 : mixed;
		offset[q] = LEVELS[q] == 0.5 ? 0 : mixed * spread->growth[h];
	}
}

void spread_finish(struct spread *spread)
{
	if (spread->count == 0) {
		for (int h = 0; h < spread->horizon; h++)
			for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++)
				spread->offset[h * SPREAD_QUANTILE_COUNT + q] =
					q == SPREAD_QUANTILE_COUNT / 2
						? 0
						: dm_norm_quantile(LEVELS[q]) *
							  SIGMA_PER_MEAN_ABSOLUTE *
							  sqrt((double)h + 1.0);
		return;
	}
	size_t reach = ((size_t)POOL_MIN / spread->count) / 2;
	reach = reach < (size_t)spread->horizon ? reach : (size_t)spread->horizon;
	double *pool = check_calloc(spread->count * (2 * reach + 1), sizeof *pool);
	set_growth(spread);
	for (int h = 0; h < spread->horizon; h++)
		set_offsets(spread, h, (int)reach, pool);
	free(pool);
}

double spread_offset(const struct spread *spread, int step, int q, double scale)
{
	CHECK(step >= 1 && step <= spread->horizon && q >= 0 && q < SPREAD_QUANTILE_COUNT);
	return spread->offset[(step - 1) * SPREAD_QUANTILE_COUNT + q] * scale;
}

double spread_level(int q)
{
	CHECK(q >= 0 && q < SPREAD_QUANTILE_COUNT);
	return LEVELS[q];
}
