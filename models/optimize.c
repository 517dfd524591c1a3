/* See optimize.h. */
#include "models/optimize.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* Corners in ascending order of their values. */
struct simplex {
	optimize_function *function;
	void *context;
	const struct optimize_box *box;
	int calls;
	double corner[OPTIMIZE_DIMENSIONS_MAX + 1][OPTIMIZE_DIMENSIONS_MAX];
	double value[OPTIMIZE_DIMENSIONS_MAX + 1];
};

static double evaluate(struct simplex *s, double *x)
{
	for (int i = 0; i < s->box->dimensions; i++) {
		x[i] = x[i] < s->box->lower[i] ? s->box->lower[i] : x[i];
		x[i] = x[i] > s->box->upper[i] ? s->box->upper[i] : x[i];
	}
	s->calls++;
	double value = s->function(x, s->context);
	CHECK(value == value);
	return value;
}

/* Puts a corner at its place among the first `count`, dropping what falls off the end. */
static void insert(struct simplex *s, int count, const double *x, double value)
{
	int at = count - 1;
	for (; at > 0 && s->value[at - 1] > value; at--) {
		s->value[at] = s->value[at - 1];
		memcpy(s->corner[at], s->corner[at - 1], sizeof s->corner[at]);
	}
	s->value[at] = value;
	memcpy(s->corner[at], x, sizeof s->corner[at]);
}

static void begin(struct simplex *s, const double *start)
{
	int n = s->box->dimensions;
	for (int i = 0; i <= n; i++) {
		double x[OPTIMIZE_DIMENSIONS_MAX] = { 0 };
		memcpy(x, start, (size_t)n * sizeof *x);
		if (i > 0) {
			double step = 0.25 * (s->box->upper[i - 1] - s->box->lower[i - 1]);
			bool up = x[i - 1] + step <= s->box->upper[i - 1];
			x[i - 1] += up ? step : -step;
		}
		double value = evaluate(s, x);
		insert(s, i + 1, x, value);
	}
}

/* The point `factor` times the worst corner's way from the middle of the others. */
static double probe(struct simplex *s, const double *middle, double factor, double *x)
{
	int n = s->box->dimensions;
	for (int i = 0; i < n; i++)
		x[i] = middle[i] + factor * (s->corner[n][i] - middle[i]);
	return evaluate(s, x);
}

static void shrink(struct simplex *s)
{
	int n = s->box->dimensions;
	double old[OPTIMIZE_DIMENSIONS_MAX + 1][OPTIMIZE_DIMENSIONS_MAX];
	memcpy(old, s->corner, sizeof old);
	for (int k = 1; k <= n; k++) {
		for (int i = 0; i < n; i++)
			old[k][i] = 0.5 * (old[0][i] + old[k][i]);
		double value = evaluate(s, old[k]);
		insert(s, k + 1, old[k], value);
	}
}

static void move(struct simplex *s)
{
	int n = s->box->dimensions;
	double middle[OPTIMIZE_DIMENSIONS_MAX] = { 0 };
	for (int k = 0; k < n; k++)
		for (int i = 0; i < n; i++)
			middle[i] += s->corner[k][i] / (double)n;
	double reflected[OPTIMIZE_DIMENSIONS_MAX] = { 0 };
	double other[OPTIMIZE_DIMENSIONS_MAX] = { 0 };
	double value = probe(s, middle, -1.0, reflected);
	if (value < s->value[0]) {
		double farther = probe(s, middle, -2.0, other);
		bool gained = farther < value;
		insert(s, n + 1, gained ? other : reflected, gained ? farther : value);
		return;
	}
	if (value < s->value[n - 1]) {
		insert(s, n + 1, reflected, value);
		return;
	}
	bool outside = value < s->value[n];
	double nearer = probe(s, middle, outside ? -0.5 : 0.5, other);
	if (nearer < (outside ? value : s->value[n]))
		insert(s, n + 1, other, nearer);
	else
		shrink(s);
}

double optimize_simplex(optimize_function *function, void *context, const struct optimize_box *box,
			int calls_max, double tolerance, double *x)
{
	CHECK(box->dimensions >= 1 && box->dimensions <= OPTIMIZE_DIMENSIONS_MAX);
	struct simplex s = { .function = function, .context = context, .box = box };
	begin(&s, x);
	int n = box->dimensions;
	while (s.calls < calls_max && s.value[0] < HUGE_VAL &&
	       s.value[n] - s.value[0] > tolerance * (fabs(s.value[0]) + tolerance))
		move(&s);
	memcpy(x, s.corner[0], (size_t)n * sizeof *x);
	return s.value[0];
}

double optimize_line(optimize_function *function, void *context, double lower, double upper,
		     int grid, int steps, double *x)
{
	static const double GOLDEN = 0.6180339887498949; /* (sqrt(5) - 1) / 2 */
	double best = HUGE_VAL;
	double width = (upper - lower) / (double)(grid - 1);
	*x = lower;
	for (int i = 0; i < grid; i++) {
		double at = lower + width * (double)i;
		double value = function(&at, context);
		if (value < best) {
			best = value;
			*x = at;
		}
	}
	double from = *x - width > lower ? *x - width : lower;
	double to = *x + width < upper ? *x + width : upper;
	double a = to - GOLDEN * (to - from), b = from + GOLDEN * (to - from);
	double value_a = function(&a, context), value_b = function(&b, context);
	for (int i = 0; i < steps; i++) {
		if (value_a < value_b) {
			to = b;
			b = a;
			value_b = value_a;
			a = to - GOLDEN * (to - from);
			value_a = function(&a, context);
		} else {
			from = a;
			a = b;
			value_a = value_b;
			b = from + GOLDEN * (to - from);
			value_b = function(&b, context);
		}
	}
	if (value_a < best || value_b < best) {
		*x = value_a < value_b ? a : b;
		best = value_a < value_b ? value_a : value_b;
	}
	return best;
}
