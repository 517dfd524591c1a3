/* See regressors.h. */
#include "models/regressors.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/linear.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
	COLUMNS = REGRESSORS_MAX + 1, /* the last one in use is the series */
	POINTS_MIN = 8,
	POINTS_PER_TERM = 5,
};

static const double RHOS[] = { 0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0 };
static const double STEADY = 1e-9; /* a spread below this share of the size is none */
static const double LEFT_MIN = 1e-12;
static const double BEYOND = 0.5; /* ranges */

_Static_assert((int)REGRESSORS_MAX <= (int)LINEAR_TERMS_MAX, "terms of one model");
_Static_assert((int)REGRESSORS_POINTS_MAX <= (int)SEASON_POINTS_MAX, "points of one season");

/* The columns, without season, less their mean, over their spread (unit; 0: steady). */
struct columns {
	int points, count; /* regressors; column[count] is the series */
	double unit[COLUMNS];
	double column[COLUMNS][REGRESSORS_POINTS_MAX];
};

/* Central sums of products over the points but the first, each point with the one before it. */
struct sums {
	double now[COLUMNS][COLUMNS];	/* point and point */
	double cross[COLUMNS][COLUMNS]; /* point of the row, one before of the column */
	double before[COLUMNS][COLUMNS];
};

/* Means over models, kept relative to the weight of the likeliest so far. */
struct belief {
	double best, total; /* logarithm; weights relative to it */
	double rho, weight[REGRESSORS_MAX], square[REGRESSORS_MAX], sure[REGRESSORS_MAX];
};

struct fit {
	double evidence; /* logarithm, without what all models have in common */
	double weight[REGRESSORS_MAX], variance[REGRESSORS_MAX];
};

/* ---- sums ---- */

static void column_finish(struct columns *c, int k, const struct season *season)
{
	double *x = c->column[k], mean = 0, squares = 0, size = 0;
	if (season != NULL && season->count > 0) {
		struct season own = { .count = season->count };
		memcpy(own.period, season->period, sizeof own.period);
		season_fit(x, c->points, 1.0, &own);
		season_remove(&own, x, 0, c->points, x);
	}
	for (int t = 0; t < c->points; t++)
		mean += x[t] / (double)c->points;
	for (int t = 0; t < c->points; t++) {
		size = fabs(x[t]) > size ? fabs(x[t]) : size;
		x[t] -= mean;
		squares += x[t] * x[t] / (double)c->points;
	}
	double spread = sqrt(squares);
	c->unit[k] = spread > STEADY * size ? spread : 0;
	for (int t = 0; t < c->points; t++)
		x[t] = c->unit[k] > 0 ? x[t] / c->unit[k] : 0;
}

static void columns_make(struct columns *c, const double *y, const double *x, bool logs,
			 const struct season *season)
{
	for (int t = 0; t < c->points; t++) {
		for (int k = 0; k < c->count; k++)
			c->column[k][t] = x[t * c->count + k];
		c->column[c->count][t] = logs ? dm_log(y[t]) : y[t];
	}
	for (int k = 0; k <= c->count; k++)
		column_finish(c, k, season);
}

static void sums_make(const struct columns *c, struct sums *s)
{
	int all = c->count + 1;
	double pairs = (double)(c->points - 1), now[COLUMNS] = { 0 }, before[COLUMNS] = { 0 };
	memset(s, 0, sizeof *s);
	for (int i = 0; i < all; i++) /* a column's mean is 0: the sums are the missing end's */
		for (int t = 1; t < c->points; t++) {
			now[i] += c->column[i][t] / pairs;
			before[i] += c->column[i][t - 1] / pairs;
		}
	for (int i = 0; i < all; i++)
		for (int j = 0; j < all; j++)
			for (int t = 1; t < c->points; t++) {
				double from_i = c->column[i][t] - now[i];
				double was_i = c->column[i][t - 1] - before[i];
				double was_j = c->column[j][t - 1] - before[j];
				s->now[i][j] += from_i * (c->column[j][t] - now[j]);
				s->cross[i][j] += from_i * was_j;
				s->before[i][j] += was_i * was_j;
			}
}

/* Products of the columns less rho times themselves one point before. */
static void products_make(const struct sums *s, int all, double rho, double products[][COLUMNS])
{
	for (int i = 0; i < all; i++)
		for (int j = 0; j < all; j++)
			products[i][j] = s->now[i][j] - rho * (s->cross[i][j] + s->cross[j][i]) +
					 rho * rho * s->before[i][j];
}

/* ---- one model ---- */

/* The diagonal of the inverse, from Cholesky's factor: sums of squares of the factor's inverse. */
static double inverse_at(double factor[LINEAR_TERMS_MAX][LINEAR_TERMS_MAX], int n, int at)
{
	double z[LINEAR_TERMS_MAX], sum = 0;
	for (int i = at; i < n; i++) {
		z[i] = i == at ? 1.0 : 0;
		for (int k = at; k < i; k++)
			z[i] -= factor[i][k] * z[k];
		z[i] /= factor[i][i];
		sum += z[i] * z[i];
	}
	return sum;
}

/* The model with the regressors in[n]; false where it can't be fitted. */
static bool model_fit(const double products[][COLUMNS], const struct columns *c, const int *in,
		      int n, struct fit *fit)
{
	double a[LINEAR_TERMS_MAX][LINEAR_TERMS_MAX], b[LINEAR_TERMS_MAX], x[LINEAR_TERMS_MAX];
	double points = (double)(c->points - 1), all = products[c->count][c->count], left = all;
	memset(fit, 0, sizeof *fit);
	for (int i = 0; i < n; i++) {
		double prior = products[in[i]][in[i]] / points;
		for (int j = 0; j <= i; j++)
			a[i][j] = products[in[i]][in[j]];
		a[i][i] += prior;
		b[i] = products[in[i]][c->count];
		fit->evidence += 0.5 * dm_log(prior);
	}
	if (n > 0 && !linear_solve(a, n, b, x))
		return false;
	for (int i = 0; i < n; i++) {
		left -= x[i] * b[i];
		fit->evidence -= dm_log(a[i][i]);
	}
	left = left > LEFT_MIN * all ? left : LEFT_MIN * all;
	fit->evidence -= 0.5 * (points - 1.0) * dm_log(left);
	for (int i = 0; i < n; i++) {
		fit->weight[in[i]] = x[i];
		fit->variance[in[i]] = left / (points - 1.0) * inverse_at(a, n, i);
	}
	return true;
}

/* ---- all models ---- */

static void belief_add(struct belief *belief, const struct fit *fit, double prior, double rho,
		       const int *in, int n)
{
	double log = fit->evidence + prior;
	if (log > belief->best) {
		double kept = belief->total > 0 ? dm_exp(belief->best - log) : 0;
		belief->best = log;
		belief->total *= kept;
		belief->rho *= kept;
		for (int k = 0; k < REGRESSORS_MAX; k++) {
			belief->weight[k] *= kept;
			belief->square[k] *= kept;
			belief->sure[k] *= kept;
		}
	}
	double weight = dm_exp(log - belief->best);
	belief->total += weight;
	belief->rho += weight * rho;
	for (int i = 0; i < n; i++) {
		int k = in[i];
		belief->weight[k] += weight * fit->weight[k];
		belief->square[k] += weight * (fit->variance[k] + fit->weight[k] * fit->weight[k]);
		belief->sure[k] += weight;
	}
}

/* Takes in the regressors one after the other, the one with most evidence next. */
static void path_walk(const double products[][COLUMNS], const struct columns *c, double rho,
		      struct belief *belief)
{
	int in[REGRESSORS_MAX] = { 0 }, n = 0, usable = 0;
	bool used[REGRESSORS_MAX] = { false };
	double choices = 0; /* logarithm of how many models have n regressors */
	struct fit fit, best = { .evidence = -HUGE_VAL };
	for (int k = 0; k < c->count; k++) {
		used[k] = !(products[k][k] > LEFT_MIN * (double)c->points);
		usable += !used[k];
	}
	if (!(products[c->count][c->count] > 0) || !model_fit(products, c, in, 0, &fit))
		return;
	belief_add(belief, &fit, 0, rho, in, 0);
	for (int most = (c->points - 1) / POINTS_PER_TERM; n < usable && n < most; n++) {
		int chosen = -1;
		for (int k = 0; k < c->count; k++) {
			in[n] = k;
			if (used[k] || !model_fit(products, c, in, n + 1, &fit))
				continue;
			if (chosen < 0 || fit.evidence > best.evidence) {
				best = fit;
				chosen = k;
			}
		}
		if (chosen < 0)
			return;
		in[n] = chosen;
		used[chosen] = true;
		choices += dm_log((double)(usable - n) / (double)(n + 1));
		belief_add(belief, &best, -choices, rho, in, n + 1);
	}
}

/* Fits one form; returns its evidence, of which those of both forms can be compared. */
static double form_fit(const double *y, const double *x, int points, const struct season *season,
		       bool logs, struct regressors *model)
{
	struct columns columns = { .points = points, .count = model->count };
	struct sums sums;
	double products[COLUMNS][COLUMNS];
	struct belief belief = { .best = -HUGE_VAL };
	columns_make(&columns, y, x, logs, season);
	double unit = columns.unit[model->count];
	if (!(unit > 0))
		return -HUGE_VAL;
	sums_make(&columns, &sums);
	for (size_t r = 0; r < sizeof RHOS / sizeof *RHOS; r++) {
		products_make(&sums, model->count + 1, RHOS[r], products);
		path_walk((const double(*)[COLUMNS])products, &columns, RHOS[r], &belief);
	}
	if (!(belief.total > 0))
		return -HUGE_VAL;
	model->logs = logs;
	model->rho = belief.rho / belief.total;
	for (int k = 0; k < model->count; k++) {
		double per = columns.unit[k] > 0 ? unit / columns.unit[k] : 0;
		double weight = belief.weight[k] / belief.total;
		double variance = belief.square[k] / belief.total - weight * weight;
		model->weight[k] = per * weight;
		model->error[k] = per * sqrt(variance > 0 ? variance : 0);
		model->sure[k] = belief.sure[k] / belief.total;
	}
	double evidence = belief.best + dm_log(belief.total);
	evidence -= (double)(points - 2) * dm_log(unit);
	for (int t = 1; logs && t < points; t++) /* the density of y, not of its logarithm */
		evidence -= dm_log(y[t]);
	return evidence;
}

static void ranges_set(struct regressors *model, const double *x, int points)
{
	for (int k = 0; k < model->count; k++) {
		double sum = 0;
		model->least[k] = model->most[k] = points > 0 ? x[k] : 0;
		for (int t = 0; t < points; t++) {
			double value = x[t * model->count + k];
			sum += value / (double)points;
			model->least[k] = value < model->least[k] ? value : model->least[k];
			model->most[k] = value > model->most[k] ? value : model->most[k];
		}
		model->mean[k] = sum;
	}
}

void regressors_fit(const double *y, const double *x, int points, int count,
		    const struct season *season, struct regressors *model)
{
	CHECK(points >= 0 && count >= 0 && count <= REGRESSORS_MAX);
	*model = (struct regressors){ .count = count };
	if (points > REGRESSORS_POINTS_MAX) {
		int skipped = points - REGRESSORS_POINTS_MAX;
		y += skipped;
		x += skipped * count;
		points = REGRESSORS_POINTS_MAX;
	}
	ranges_set(model, x, points);
	if (points < POINTS_MIN || count == 0)
		return;
	bool positive = true;
	for (int t = 0; t < points; t++)
		positive = positive && y[t] > 0;
	struct regressors other = *model;
	double evidence = form_fit(y, x, points, season, false, model);
	if (positive && form_fit(y, x, points, season, true, &other) > evidence)
		*model = other;
}

double regressors_effect(const struct regressors *model, const double *row)
{
	double sum = 0;
	for (int k = 0; k < model->count; k++) {
		double beyond = BEYOND * (model->most[k] - model->least[k]);
		double value = dm_clamp(row[k], model->least[k] - beyond, model->most[k] + beyond);
		sum += model->weight[k] * (value - model->mean[k]);
	}
	return sum;
}

void regressors_remove(const struct regressors *model, const double *x, const double *y, int points,
		       double *out)
{
	for (int t = 0; t < points; t++) {
		double effect = regressors_effect(model, x + t * model->count);
		out[t] = model->logs ? y[t] * dm_exp(-effect) : y[t] - effect;
	}
}

void regressors_add(const struct regressors *model, const double *x, const double *y, int points,
		    double *out)
{
	for (int t = 0; t < points; t++) {
		double effect = regressors_effect(model, x + t * model->count);
		out[t] = model->logs ? y[t] * dm_exp(effect) : y[t] + effect;
	}
}
