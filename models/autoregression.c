/* See autoregression.h. */
#include "models/autoregression.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/linear.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { POINTS_MIN = 8, POINTS_PER_LAG = 5, TERMS = AUTOREGRESSION_LAGS_MAX + 2 };
enum { CONSTANT, LAST, CHANGES }; /* places of the terms */

static const double RANGE_BEYOND = 1.0, RIDGE = 1e-9;

/* Sums of products of all terms, over the points that have all lags. */
struct sums {
	int points, lags;
	double a[TERMS][TERMS], c[TERMS], squares;
};

static void sums_make(struct sums *s, const double *y, int count, double unit)
{
	memset(s, 0, sizeof *s);
	s->lags = count / POINTS_PER_LAG < AUTOREGRESSION_LAGS_MAX ? count / POINTS_PER_LAG
								   : AUTOREGRESSION_LAGS_MAX;
	int n = CHANGES + s->lags;
	for (int t = s->lags + 1; t < count; t++, s->points++) {
		double term[TERMS] = { 1, (y[t - 1] - y[0]) / unit };
		for (int k = 0; k < s->lags; k++)
			term[CHANGES + k] = (y[t - 1 - k] - y[t - 2 - k]) / unit;
		double change = (y[t] - y[t - 1]) / unit;
		for (int i = 0; i < n; i++) {
			for (int j = 0; j <= i; j++)
				s->a[i][j] += term[i] * term[j];
			s->c[i] += term[i] * change;
		}
		s->squares += change * change;
	}
}

/* Coefficients of the chosen terms, and their AICc; HUGE_VAL if they can't be had. */
static double try_terms(const struct sums *s, bool constant, bool last, int lags, double b[TERMS])
{
	int chosen[TERMS], n = 0;
	if (constant)
		chosen[n++] = CONSTANT;
	if (last)
		chosen[n++] = LAST;
	for (int k = 0; k < lags; k++)
		chosen[n++] = CHANGES + k;
	double a[LINEAR_TERMS_MAX][LINEAR_TERMS_MAX], c[TERMS] = { 0 }, x[TERMS];
	for (int i = 0; i < n; i++) {
		for (int j = 0; j <= i; j++)
			a[i][j] = s->a[chosen[i]][chosen[j]];
		a[i][i] += RIDGE * a[i][i];
		c[i] = s->c[chosen[i]];
	}
	if (!linear_solve(a, n, c, x))
		return HUGE_VAL;
	double squares = s->squares;
	memset(b, 0, TERMS * sizeof *b);
	for (int i = 0; i < n; i++) {
		squares -= x[i] * c[i];
		b[chosen[i]] = x[i];
	}
	if (last && !(b[LAST] < 0 && b[LAST] > -2))
		return HUGE_VAL;
	double points = (double)s->points, k = (double)n + 1.0;
	if (points - k - 1.0 < 1.0)
		return HUGE_VAL;
	double floor = 1e-12 * s->squares + 1e-300;
	return points * dm_log((squares > floor ? squares : floor) / points) + 2.0 * k +
	       2.0 * k * (k + 1.0) / (points - k - 1.0);
}

void autoregression_fit(const double *y, int count, struct autoregression *model)
{
	CHECK(count >= 1);
	*model = (struct autoregression){ .lags = 0 };
	if (count > AUTOREGRESSION_POINTS_MAX) {
		y += count - AUTOREGRESSION_POINTS_MAX;
		count = AUTOREGRESSION_POINTS_MAX;
	}
	double unit = 0;
	for (int t = 1; t < count; t++)
		unit += fabs(y[t] - y[t - 1]) / (double)count;
	if (count < POINTS_MIN || !(unit > 0))
		return;
	struct sums sums;
	sums_make(&sums, y, count, unit);
	double best = HUGE_VAL, b[TERMS];
	for (int lags = 0; lags <= sums.lags; lags++)
		for (int form = 0; form < 3; form++) {
			double aicc = try_terms(&sums, form > 0, form == 2, lags, b);
			if (aicc >= best)
				continue;
			best = aicc;
			model->lags = lags;
			model->pull = b[LAST];
			model->constant = b[CONSTANT] * unit - b[LAST] * y[0];
			memcpy(model->change, b + CHANGES, sizeof model->change);
		}
}

void autoregression_forecast(const struct autoregression *model, const double *y, int count,
			     int horizon, double *out)
{
	double least = y[count - 1], most = y[count - 1];
	double change[AUTOREGRESSION_LAGS_MAX] = { 0 };
	int first = count > AUTOREGRESSION_POINTS_MAX ? count - AUTOREGRESSION_POINTS_MAX : 0;
	for (int t = first; t < count; t++) {
		least = y[t] < least ? y[t] : least;
		most = y[t] > most ? y[t] : most;
	}
	for (int k = 0; k < model->lags && count - 2 - k >= 0; k++)
		change[k] = y[count - 1 - k] - y[count - 2 - k];
	double beyond = RANGE_BEYOND * (most - least), last = y[count - 1];
	for (int h = 0; h < horizon; h++) {
		double next = model->constant + model->pull * last;
		for (int k = 0; k < model->lags; k++)
			next += model->change[k] * change[k];
		memmove(change + 1, change, sizeof change - sizeof *change);
		next += last;
		next = next < least - beyond ? least - beyond : next;
		next = next > most + beyond ? most + beyond : next;
		change[0] = next - last;
		out[h] = last = next;
	}
}
