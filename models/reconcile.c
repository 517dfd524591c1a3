/* See reconcile.h. */
#include "models/reconcile.h"

#include <math.h>

#include "base/check.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static const double VARIANCE_MIN = 1e-12;

static double sum_of(const double *x, size_t count)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += x[i];
	return sum;
}

/* Shares out what the parts lack by their size. */
static void lacks_share(struct reconcile_parting *p, double lacks)
{
	double sizes = 0;
	for (size_t i = 0; i < p->count; i++)
		sizes += fabs(p->value[i]);
	for (size_t i = 0; i < p->count; i++)
		p->value[i] += sizes > VARIANCE_MIN ? lacks * fabs(p->value[i]) / sizes
						    : lacks / (double)p->count;
}

double reconcile_total(double total, double variance, struct reconcile_parting *partings,
		       size_t parting_count)
{
	double precision = 1.0 / (variance > VARIANCE_MIN ? variance : VARIANCE_MIN);
	double weighted = precision * total;
	for (size_t k = 0; k < parting_count; k++) {
		double of_sum = partings[k].sum_variance > 0
					? partings[k].sum_variance
					: sum_of(partings[k].variance, partings[k].count);
		double weight = 1.0 / (of_sum > VARIANCE_MIN ? of_sum : VARIANCE_MIN);
		precision += weight;
		weighted += weight * sum_of(partings[k].value, partings[k].count);
	}
	total = weighted / precision;
	for (size_t k = 0; k < parting_count; k++)
		lacks_share(&partings[k], total - sum_of(partings[k].value, partings[k].count));
	return total;
}

void reconcile_round(const double *value, size_t count, int64_t total, int64_t *whole)
{
	CHECK(count >= 1);
	int64_t left = total;
	for (size_t i = 0; i < count; i++) {
		whole[i] = (int64_t)floor(value[i]);
		left -= whole[i];
	}
	int64_t each = left / (int64_t)count - (left % (int64_t)count < 0);
	left -= each * (int64_t)count;
	for (size_t i = 0; i < count; i++)
		whole[i] += each;
	for (; left > 0; left--) { /* fewer than count are left */
		size_t at = 0;
		double most = -HUGE_VAL;
		for (size_t i = 0; i < count; i++) {
			double cut = value[i] - (double)(whole[i] - each);
			if (cut > most) {
				most = cut;
				at = i;
			}
		}
		whole[at]++;
	}
}
