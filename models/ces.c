/* See ces.h. */
#include "models/ces.h"

#include <math.h>
#include <stdbool.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/optimize.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { CALLS_MAX = 120, AGAIN_CALLS_MAX = 40, POINTS_MIN = 4 };

static const double TOLERANCE = 1e-6, GROWTH_MAX = 1.02;

struct state {
	double level, companion;
};

static double step(const struct ces *m, struct state *s, double y)
{
	double forecast = s->level;
	double error = y - forecast;
	double level =
		s->level - (1.0 - m->imaginary) * s->companion + (m->real - m->imaginary) * error;
	s->companion = s->level + (1.0 - m->real) * s->companion + (m->real + m->imaginary) * error;
	s->level = level;
	return forecast;
}

/* Whether both eigenvalues of a matrix lie within a circle: with its trace and determinant. */
static bool is_within(double trace, double det, double radius)
{
	return fabs(det) < radius * radius && fabs(trace) * radius < radius * radius + det;
}

/* Stable: what an error leaves behind fades. And forecasts may grow, for trends, but not far. */
static bool is_allowed(double real, double imaginary)
{
	double a = 1.0 - (real - imaginary), b = -(1.0 - imaginary);
	double c = 1.0 - (real + imaginary), d = 1.0 - real;
	return is_within(a + d, a * d - b * c, 1.0) && is_within(1.0 + d, d - b, GROWTH_MAX);
}

struct task {
	const double *y;
	int count;
	struct ces *model;
};

static double squares(const double *x, void *context)
{
	struct task *task = context;
	struct ces m = { .real = x[0], .imaginary = x[1] };
	if (!is_allowed(x[0], x[1]))
		return HUGE_VAL;
	struct state s = { 0, 0 }, first = { 1, 0 }, second = { 0, 1 };
	double aa = 0, ab = 0, bb = 0, ya = 0, yb = 0, yy = 0;
	for (int t = 0; t < task->count; t++) {
		double y = task->y[t] - task->y[0];
		double a = step(&m, &first, 0);
		double b = step(&m, &second, 0);
		double r = y - step(&m, &s, y);
		aa += a * a;
		ab += a * b;
		bb += b * b;
		ya += r * a;
		yb += r * b;
		yy += r * r;
	}
	double det = aa * bb - ab * ab;
	bool both = det > 1e-10 * aa * bb;
	m.companion = both ? (aa * yb - ab * ya) / det : 0;
	m.level = (ya - m.companion * ab) / aa;
	double sum = yy - m.level * ya - m.companion * yb;
	*task->model = m;
	return sum > 0 ? dm_log(sum + 1e-300) : dm_log(1e-300);
}

/* From x; calls_max 0: no search. */
static void fit(const double *y, int count, int calls_max, double *x, struct ces *model)
{
	CHECK(count >= 1);
	struct task task = { .y = y, .count = count, .model = model };
	const struct optimize_box box = { 2, { 0.01, 0.5 }, { 2.49, 1.6 } };
	if (count >= POINTS_MIN && calls_max > 0)
		(void)optimize_simplex(squares, &task, &box, calls_max, TOLERANCE, x);
	if (count < POINTS_MIN || squares(x, &task) >= HUGE_VAL)
		*model = (struct ces){ .real = 1, .imaginary = 0.9999 };
}

void ces_fit(const double *y, int count, struct ces *model)
{
	double x[2] = { 1.3, 1.0 };
	fit(y, count, CALLS_MAX, x, model);
}

void ces_refresh(struct ces *model, const double *y, int count)
{
	double x[2] = { model->real, model->imaginary };
	fit(y, count, 0, x, model);
}

void ces_estimate(struct ces *model, const double *y, int count)
{
	double x[2] = { model->real, model->imaginary };
	fit(y, count, AGAIN_CALLS_MAX, x, model);
}

void ces_forecast(const struct ces *model, const double *y, int count, int horizon, double *out)
{
	struct state s = { model->level, model->companion };
	for (int t = 0; t < count; t++)
		(void)step(model, &s, y[t] - y[0]);
	for (int h = 0; h < horizon; h++) {
		double next = s.level;
		out[h] = next + y[0];
		(void)step(model, &s, next);
	}
}
