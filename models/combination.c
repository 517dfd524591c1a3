/* See combination.h. */
#include "models/combination.h"

#include <math.h>
#include <stdbool.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/accuracy.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static const double LOSS_POWER = 8.0;
static const double WEIGHT_LOG_MIN = -30.0;

struct loss {
	double smape, scaled;
};

static struct loss loss_of(const struct combination_case *cases, size_t count, int method,
			   int horizon)
{
	struct loss loss = { 0, 0 };
	for (size_t i = 0; i < count; i++) {
		const double *forecast = cases[i].forecast + method * horizon;
		double smape = 0, absolute = 0;
		for (int h = 0; h < horizon; h++) {
			smape += accuracy_smape(cases[i].actual[h], forecast[h]);
			absolute += accuracy_absolute(cases[i].actual[h], forecast[h]);
		}
		loss.smape += smape / (double)horizon;
		loss.scaled += absolute / (double)horizon / cases[i].scale;
	}
	return loss;
}

void combination_prior(const struct combination_case *cases, size_t count, int methods, int horizon,
		       double *weight)
{
	CHECK(methods >= 1 && methods <= COMBINATION_METHODS_MAX);
	struct loss loss[COMBINATION_METHODS_MAX], mean = { 0, 0 };
	for (int m = 0; m < methods; m++) {
		loss[m] = loss_of(cases, count, m, horizon);
		mean.smape += loss[m].smape / (double)methods;
		mean.scaled += loss[m].scaled / (double)methods;
	}
	double sum = 0;
	for (int m = 0; m < methods; m++) {
		double size = 1;
		if (mean.smape > 0 && mean.scaled > 0)
			size = 0.5 * (loss[m].smape / mean.smape + loss[m].scaled / mean.scaled);
		double log = size > 0 ? -LOSS_POWER * dm_log(size) : 0;
		weight[m] = dm_exp(log > WEIGHT_LOG_MIN ? log : WEIGHT_LOG_MIN);
		sum += weight[m];
	}
	for (int m = 0; m < methods; m++)
		weight[m] /= sum;
}

/* Whether another method with more weight (or before it) has the same error to the last bit: then
 * one stood in for the other, which could not be fitted. */
static bool is_repeated(const double *prior, const double *error, int methods, int method)
{
	for (int m = 0; m < methods; m++)
		if (m != method && error[m] == error[method] &&
		    (prior[m] > prior[method] || (prior[m] == prior[method] && m < method)))
			return true;
	return false;
}

void combination_weights(const double *prior, const double *error, int methods, double *weight)
{
	double least = HUGE_VAL, sum = 0;
	for (int m = 0; error != NULL && m < methods; m++)
		least = error[m] < least ? error[m] : least;
	for (int m = 0; m < methods; m++) {
		double ratio = 1;
		if (error != NULL && error[m] > 0)
			ratio = is_repeated(prior, error, methods, m) ? 0 : least / error[m];
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
