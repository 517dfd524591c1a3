/* See lagged.h. */
#include "models/lagged.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/linear.h"
#include "models/season.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { POINTS_MIN = 30, TERMS = LINEAR_TERMS_MAX };

struct problem {
	const struct lagged_options *options;
	int count;
	double x[SEASON_POINTS_MAX];
	double sum[SEASON_POINTS_MAX + 1]; /* sum[t] = x[0] + ... + x[t - 1] */
	int longest, shortest;		   /* periods; 0 */
	int reach;			   /* points before an origin that its terms need */
};

static double mean_before(const struct problem *p, int end, int width)
{
	return (p->sum[end] - p->sum[end - width]) / (double)width;
}

/* The lag of the reference for horizon h: the least multiple of the period that has been seen. */
static int lag_of(int period, int h)
{
	return period > 0 ? (h + period - 1) / period * period : h;
}

/* Terms of the change from the reference, seen from origin t (the last point known); returns how
 * many. *reference is the value that the change is added to. */
static int terms_at(const struct problem *p, int t, int h, double *terms, double *reference)
{
	int n = 0;
	int lag = lag_of(p->longest, h);
	int at = t + h - lag;
	double base = p->x[at];
	*reference = base;
	if (p->longest == 0) {
		terms[n++] = base - p->x[t - 1];
		terms[n++] = p->x[t - 1] - p->x[t - 2];
		terms[n++] = p->x[t - 2] - p->x[t - 3];
		terms[n++] = base - mean_before(p, t + 1, 4);
		terms[n++] = base - mean_before(p, t + 1, 8);
		terms[n++] = base - mean_before(p, t + 1, 16);
		terms[n++] = 1;
		return n;
	}
	int back = lag; /* how long ago the whole picture was that of the reference */
	terms[n++] = p->x[t] - p->x[t - back];
	terms[n++] = p->x[t - 1] - p->x[t - 1 - back];
	terms[n++] = p->x[t - 2] - p->x[t - 2 - back];
	terms[n++] = mean_before(p, t + 1, p->shortest) - mean_before(p, t + 1 - back, p->shortest);
	terms[n++] = base - p->x[at - p->longest];
	terms[n++] = mean_before(p, t + 1, p->longest) - mean_before(p, t + 1 - back, p->longest);
	terms[n++] = 1;
	if (p->longest != p->shortest) {
		int near = t + h - lag_of(p->shortest, h);
		terms[n++] = p->x[near] - p->x[near - lag];
		terms[n++] =
			base -
			mean_before(p,
				    at + p->shortest / 2 + 1 > t ? t + 1 : at + p->shortest / 2 + 1,
				    p->shortest);
	}
	return n;
}

static double forecast_one(const struct problem *p, int h)
{
	double a[TERMS][TERMS] = { { 0 } }, c[TERMS] = { 0 }, b[TERMS], terms[TERMS];
	double reference, weight = 1;
	int n = 0;
	for (int t = p->count - 1 - h; t >= p->reach; t--, weight *= p->options->memory) {
		n = terms_at(p, t, h, terms, &reference);
		double change = p->x[t + h] - reference;
		for (int i = 0; i < n; i++) {
			double weighted = weight * terms[i];
			for (int j = 0; j <= i; j++)
				a[i][j] += weighted * terms[j];
			c[i] += weighted * change;
		}
	}
	double floor = 0;
	for (int i = 0; i < n; i++)
		floor += 1e-12 * a[i][i];
	for (int i = 0; i < n; i++)
		a[i][i] += p->options->ridge * a[i][i] + floor + 1e-300;
	(void)terms_at(p, p->count - 1, h, terms, &reference);
	if (!linear_solve(a, n, c, b))
		return reference;
	double sum = reference;
	for (int i = 0; i < n; i++)
		sum += b[i] * terms[i];
	return sum;
}

bool lagged_forecast(const double *y, int count, const struct lagged_options *options, int horizon,
		     double *out)
{
	struct problem p = { .options = options };
	if (options->period_count > 0) {
		p.shortest = options->period[0];
		p.longest = options->period[options->period_count - 1];
	}
	int farthest = lag_of(p.longest, horizon);
	p.reach = p.longest == 0 ? 16 : farthest + p.longest + 3;
	if (count > SEASON_POINTS_MAX) {
		y += count - SEASON_POINTS_MAX;
		count = SEASON_POINTS_MAX;
	}
	p.count = count;
	if (count < p.reach + horizon + POINTS_MIN)
		return false;
	double least = HUGE_VAL, most = -HUGE_VAL;
	for (int t = 0; t < count; t++) {
		p.x[t] = options->logs ? dm_log(y[t]) : y[t];
		p.sum[t + 1] = p.sum[t] + p.x[t];
		least = p.x[t] < least ? p.x[t] : least;
		most = p.x[t] > most ? p.x[t] : most;
	}
	double margin = 0.5 * (most - least);
	for (int h = 1; h <= horizon; h++) {
		double x = forecast_one(&p, h);
		/* beyond what was ever seen, extrapolation of a line is not to be trusted */
		x = x < least - margin ? least - margin : x > most + margin ? most + margin : x;
		out[h - 1] = options->logs ? dm_exp(x) : x;
	}
	return true;
}
