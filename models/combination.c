/* See combination.h. */
#include "models/combination.h"

#include <math.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/accuracy.h"
#include "models/optimize.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { CALLS_PER_METHOD = 60, CASES_USED_MAX = 4000 };

static const double TOLERANCE = 1e-6;
static const double EQUAL_PULL = 20.0;	  /* loss of unequal weights, in cases */
static const double LOG_WEIGHT_MAX = 3.0; /* e^-6 apart at most */

struct task {
	const struct combination_case *cases;
	size_t count, stride; /* each stride-th is looked at */
	int methods, horizon;
	double smape_equal, scaled_equal;
};

struct loss {
	double smape, scaled;
};

static struct loss loss_of(const struct task *task, const double *weight)
{
	struct loss loss = { 0, 0 };
	size_t used = 0;
	for (size_t i = 0; i < task->count; i += task->stride, used++) {
		const struct combination_case *c = &task->cases[i];
		double smape = 0, absolute = 0;
		for (int h = 0; h < task->horizon; h++) {
			double sum = 0;
			for (int m = 0; m < task->methods; m++)
				sum += weight[m] * c->forecast[m * task->horizon + h];
			smape += accuracy_smape(c->actual[h], sum);
			absolute += accuracy_absolute(c->actual[h], sum);
		}
		loss.smape += smape / (double)task->horizon;
		loss.scaled += absolute / (double)task->horizon / c->scale;
	}
	loss.smape /= (double)used;
	loss.scaled /= (double)used;
	return loss;
}

static void weights_of(const double *x, int methods, double *weight)
{
	double sum = 0;
	for (int m = 0; m < methods; m++)
		sum += weight[m] = dm_exp(x[m]);
	for (int m = 0; m < methods; m++)
		weight[m] /= sum;
}

static double objective(const double *x, void *context)
{
	struct task *task = context;
	double weight[COMBINATION_METHODS_MAX];
	weights_of(x, task->methods, weight);
	struct loss loss = loss_of(task, weight);
	double pull = 0;
	for (int m = 0; m < task->methods; m++) {
		double off = weight[m] - 1.0 / (double)task->methods;
		pull += off * off;
	}
	return 0.5 * (loss.smape / task->smape_equal + loss.scaled / task->scaled_equal) +
	       EQUAL_PULL / (double)task->count * pull;
}

void combination_prior(const struct combination_case *cases, size_t count, int methods, int horizon,
		       double *weight)
{
	CHECK(methods >= 1 && methods <= COMBINATION_METHODS_MAX);
	double x[COMBINATION_METHODS_MAX] = { 0 };
	weights_of(x, methods, weight);
	if (count == 0 || methods == 1)
		return;
	struct task task = {
		.cases = cases, .count = count, .methods = methods, .horizon = horizon
	};
	task.stride = count / CASES_USED_MAX + 1;
	struct loss equal = loss_of(&task, weight);
	if (!(equal.smape > 0) || !(equal.scaled > 0))
		return;
	task.smape_equal = equal.smape;
	task.scaled_equal = equal.scaled;
	struct optimize_box box = { .dimensions = methods };
	for (int m = 0; m < methods; m++) {
		box.lower[m] = -LOG_WEIGHT_MAX;
		box.upper[m] = LOG_WEIGHT_MAX;
	}
	(void)optimize_simplex(objective, &task, &box, CALLS_PER_METHOD * methods, TOLERANCE, x);
	weights_of(x, methods, weight);
}

void combination_weights(const double *prior, const double *error, int methods, double *weight)
{
	double least = HUGE_VAL, sum = 0;
	for (int m = 0; error != NULL && m < methods; m++)
		least = error[m] < least ? error[m] : least;
	for (int m = 0; m < methods; m++) {
		double ratio = 1;
		if (error != NULL && error[m] > 0)
			ratio = least / error[m];
		weight[m] = prior[m] * ratio * ratio;
		sum += weight[m];
	}
	for (int m = 0; m < methods; m++)
		weight[m] = sum > 0 ? weight[m] / sum : prior[m];
}

void combination_point(const double *weight, const double *forecast, int methods, int horizon,
		       double *out)
{
	for (int h = 0; h < horizon; h++) {
		out[h] = 0;
		for (int m = 0; m < methods; m++)
			out[h] += weight[m] * forecast[m * horizon + h];
	}
}
