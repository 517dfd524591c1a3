#include "models/blend.h"

#include <math.h>
#include <stdbool.h>

#include "base/check.h"
#include "base/dmath.h"

enum { PARTS_MAX = BLEND_MODELS_MAX + 1, NEWTON_MAX = 50 };

struct normal {
	size_t size; /* the weights in use, and the intercept, which comes last */
	size_t models[BLEND_MODELS_MAX];
	double gradient[PARTS_MAX], hessian[PARTS_MAX][PARTS_MAX];
};

struct problem {
	const double *const *margins;
	const uint8_t *labels;
	const double *weights;
	size_t count, model_count;
	double ridge;
};

static double margin_at(const struct problem *problem, const struct blend *blend, size_t i)
{
	double margin = blend->intercept;
	for (size_t k = 0; k < problem->model_count; k++)
		margin += blend->weights[k] * problem->margins[k][i];
	return margin;
}

static void add_row(const struct problem *problem, const struct blend *blend, size_t i,
		    struct normal *normal)
{
	double x[PARTS_MAX];
	double p = dm_sigmoid(margin_at(problem, blend, i));
	double weight = problem->weights != NULL ? problem->weights[i] : 1;
	for (size_t a = 0; a + 1 < normal->size; a++)
		x[a] = problem->margins[normal->models[a]][i];
	x[normal->size - 1] = 1;
	for (size_t a = 0; a < normal->size; a++) {
		normal->gradient[a] += weight * (p - problem->labels[i]) * x[a];
		for (size_t b = 0; b <= a; b++)
			normal->hessian[a][b] += weight * p * (1 - p) * x[a] * x[b];
	}
}

/* Cholesky factorisation in place, then both triangles solved; step = -hessian^-1 gradient. */
static void solve(struct normal *normal, double *step)
{
	size_t n = normal->size;
	for (size_t a = 0; a < n; a++) {
		for (size_t b = 0; b <= a; b++) {
			double sum = normal->hessian[a][b];
			for (size_t k = 0; k < b; k++)
				sum -= normal->hessian[a][k] * normal->hessian[b][k];
			normal->hessian[a][b] = a == b ? sqrt(sum > 1e-12 ? sum : 1e-12)
						       : sum / normal->hessian[b][b];
		}
	}
	for (size_t a = 0; a < n; a++) {
		step[a] = -normal->gradient[a];
		for (size_t k = 0; k < a; k++)
			step[a] -= normal->hessian[a][k] * step[k];
		step[a] /= normal->hessian[a][a];
	}
	for (size_t a = n; a-- > 0;) {
		for (size_t k = a + 1; k < n; k++)
			step[a] -= normal->hessian[k][a] * step[k];
		step[a] /= normal->hessian[a][a];
	}
}

/* One Newton step over the models in use; returns its length. */
static double step_once(const struct problem *problem, const bool *used, struct blend *blend)
{
	struct normal normal = { .size = 0 };
	double step[PARTS_MAX], length = 0;
	for (size_t k = 0; k < problem->model_count; k++)
		if (used[k])
			normal.models[normal.size++] = k;
	normal.size++;
	for (size_t a = 0; a + 1 < normal.size; a++) {
		double share = 1 / (double)problem->model_count;
		normal.gradient[a] = problem->ridge * (blend->weights[normal.models[a]] - share);
		normal.hessian[a][a] = problem->ridge;
	}
	for (size_t i = 0; i < problem->count; i++)
		add_row(problem, blend, i, &normal);
	solve(&normal, step);
	for (size_t a = 0; a < normal.size; a++)
		length += fabs(step[a]);
	/* where classes are all but apart a whole step may overshoot */
	double part = length > 2 ? 2 / length : 1;
	for (size_t a = 0; a + 1 < normal.size; a++)
		blend->weights[normal.models[a]] += part * step[a];
	blend->intercept += part * step[normal.size - 1];
	return length;
}

void blend_fit(const double *const *margins, size_t model_count, const uint8_t *labels,
	       const double *weights, size_t count, double ridge, struct blend *blend)
{
	CHECK(model_count > 0 && model_count <= BLEND_MODELS_MAX);
	const struct problem problem = { margins, labels, weights, count, model_count, ridge };
	bool used[BLEND_MODELS_MAX];
	for (size_t k = 0; k < model_count; k++)
		used[k] = true;
	for (;;) {
		*blend = (struct blend){ .model_count = model_count };
		for (size_t k = 0; k < model_count; k++)
			blend->weights[k] = used[k] ? 1 / (double)model_count : 0;
		for (int i = 0; i < NEWTON_MAX; i++)
			if (step_once(&problem, used, blend) < 1e-10)
				break;
		size_t lowest = model_count;
		for (size_t k = 0; k < model_count; k++)
			if (used[k] && blend->weights[k] < 0 &&
			    (lowest == model_count || blend->weights[k] < blend->weights[lowest]))
				lowest = k;
		if (lowest == model_count)
			return;
		/* without the most negative one the others may come out positive */
		used[lowest] = false;
		blend->weights[lowest] = 0;
	}
}
