#include "evaluate/company_fit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"

#define RIDGE	   200.0
#define RIDGE_BIAS 20.0 /* of a cause's, towards that all causes are alike */
#define SCALE_MIN  1e-3
#define SLOT_MEAN  0.0
#define SLOT_SCALE 1.0
/* By which companies are taken to differ. Chosen on seeds 13 to 15 among (0.12, 0.35, 0.35, 0.35),
 * (0.02, 0.15, 0.05, 0.25) and next to nothing, by log loss: 0.2306, 0.2230, 0.2234. */
#define DEVIATION	  0.02
#define DEVIATION_REGION  0.15
#define DEVIATION_SEGMENT 0.05
#define DEVIATION_LEVEL	  0.25
#define DEVIATION_CAUSE	  0.10

enum { STEPS = 25, HALVINGS_MAX = 6 };

struct fit {
	const struct company_table *table;
	double means[FEATURE_COUNT], scales[FEATURE_COUNT];
	double weights[HAZARD_WEIGHT_COUNT];
	double base_rate;
	double *hessian; /* lower triangle, full rows */
};

static bool is_slot(size_t i)
{
	return i >= FEATURE_LEVEL && i <= FEATURE_SEGMENT_LAST;
}

/* What differs between companies: it is learnt from each, and not fitted. */
static bool is_local(size_t i)
{
	return i >= FEATURE_LEVEL && i <= FEATURE_REGION_LAST;
}

static void scales_set(struct fit *fit)
{
	const struct company_table *table = fit->table;
	double n = (double)table->count;
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		double sum = 0, squares = 0;
		for (size_t row = 0; row < table->count; row++) {
			double x = (double)table->features[row * FEATURE_COUNT + i];
			sum += x;
			squares += x * x;
		}
		double mean = sum / n, variance = squares / n - mean * mean;
		fit->means[i] = is_slot(i) ? SLOT_MEAN : mean;
		fit->scales[i] = is_slot(i)			    ? SLOT_SCALE
				 : variance > SCALE_MIN * SCALE_MIN ? sqrt(variance)
								    : 1;
	}
}

static void inputs_set(const struct fit *fit, size_t row, double inputs[FEATURE_COUNT])
{
	const float *features = fit->table->features + row * FEATURE_COUNT;
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		double x = ((double)features[i] - fit->means[i]) / fit->scales[i];
		inputs[i] = is_local(i) ? 0 : x > 6 ? 6 : x < -6 ? -6 : x;
	}
}

/* Solves hessian x step = gradient in place, by Cholesky. */
static void solve(double *hessian, double *gradient)
{
	enum { N = HAZARD_WEIGHT_COUNT };
	for (size_t j = 0; j < N; j++) {
		for (size_t i = j; i < N; i++) {
			double sum = hessian[i * N + j];
			for (size_t k = 0; k < j; k++)
				sum -= hessian[i * N + k] * hessian[j * N + k];
			hessian[i * N + j] = i == j ? sqrt(sum) : sum / hessian[j * N + j];
		}
	}
	for (size_t i = 0; i < N; i++) {
		for (size_t k = 0; k < i; k++)
			gradient[i] -= hessian[i * N + k] * gradient[k];
		gradient[i] /= hessian[i * N + i];
	}
	for (size_t i = N; i-- > 0;) {
		for (size_t k = i + 1; k < N; k++)
			gradient[i] -= hessian[k * N + i] * gradient[k];
		gradient[i] /= hessian[i * N + i];
	}
}

/* All causes alike make up the base rate. */
static double bias_start(const struct fit *fit)
{
	return dm_log(fit->base_rate / (1 - fit->base_rate) / HAZARD_CAUSE_COUNT);
}

static double penalty(const struct fit *fit, size_t i, double *towards)
{
	*towards = i < FEATURE_COUNT ? 0 : bias_start(fit);
	return i < FEATURE_COUNT ? RIDGE : RIDGE_BIAS;
}

/* What is minimised: the log loss of all looks, and the penalties. */
static double loss_at(const struct fit *fit, const double weights[HAZARD_WEIGHT_COUNT])
{
	double inputs[FEATURE_COUNT], loss = 0;
	for (size_t i = 0; i < HAZARD_WEIGHT_COUNT; i++) {
		double towards, ridge = penalty(fit, i, &towards);
		loss += ridge / 2 * (weights[i] - towards) * (weights[i] - towards);
	}
	for (size_t row = 0; row < fit->table->count; row++) {
		inputs_set(fit, row, inputs);
		double margin = hazard_margin(weights, inputs, NULL);
		double z = company_left(&fit->table->rows[row]) ? -margin : margin;
		loss += z > 0 ? z + dm_log1p(dm_exp(-z)) : dm_log1p(dm_exp(z));
	}
	return loss;
}

static void slopes_add(struct fit *fit, size_t row, double gradient[HAZARD_WEIGHT_COUNT])
{
	enum { N = HAZARD_WEIGHT_COUNT };
	double inputs[FEATURE_COUNT], slopes[N];
	inputs_set(fit, row, inputs);
	double p = dm_sigmoid(hazard_margin(fit->weights, inputs, slopes));
	double rest = (company_left(&fit->table->rows[row]) ? 1 : 0) - p;
	for (size_t i = 0; i < N; i++) {
		double curve = p * (1 - p) * slopes[i];
		gradient[i] += rest * slopes[i];
		if (curve == 0)
			continue;
		for (size_t j = 0; j <= i; j++)
			fit->hessian[i * N + j] += curve * slopes[j];
	}
}

/* A Gauss-Newton step, halved until the loss falls; the loss then. */
static double newton_step(struct fit *fit, double loss)
{
	enum { N = HAZARD_WEIGHT_COUNT };
	double gradient[N], tried[N], share = 1;
	memset(fit->hessian, 0, (size_t)N * N * sizeof *fit->hessian);
	for (size_t i = 0; i < N; i++) {
		double towards, ridge = penalty(fit, i, &towards);
		gradient[i] = ridge * (towards - fit->weights[i]);
		fit->hessian[i * N + i] = ridge;
	}
	for (size_t row = 0; row < fit->table->count; row++)
		slopes_add(fit, row, gradient);
	solve(fit->hessian, gradient);
	for (int halving = 0; halving < HALVINGS_MAX; halving++, share /= 2) {
		for (size_t i = 0; i < N; i++)
			tried[i] = fit->weights[i] + share * gradient[i];
		double now = loss_at(fit, tried);
		if (now >= loss)
			continue;
		memcpy(fit->weights, tried, sizeof tried);
		return now;
	}
	return loss;
}

static void print_numbers(FILE *out, const char *name, const double *numbers, size_t count)
{
	fprintf(out, "\nstatic const double %s[%s] = {\n", name,
		count == FEATURE_COUNT ? "FEATURE_COUNT" : "HAZARD_WEIGHT_COUNT");
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%.9g,%s", i % 6 == 0 ? "\t" : " ", numbers[i],
			i % 6 == 5 || i + 1 == count ? "\n" : "");
	fprintf(out, "};\n");
}

void company_fit_print(FILE *out, const struct company_table *table, const char *from)
{
	struct fit *fit = check_calloc(1, sizeof *fit);
	double deviations[HAZARD_WEIGHT_COUNT], left = 0;
	fit->table = table;
	fit->hessian = check_calloc((size_t)HAZARD_WEIGHT_COUNT * HAZARD_WEIGHT_COUNT,
				    sizeof *fit->hessian);
	scales_set(fit);
	for (size_t row = 0; row < table->count; row++)
		left += company_left(&table->rows[row]);
	fit->base_rate = left / (double)table->count;
	for (size_t i = FEATURE_COUNT; i < HAZARD_WEIGHT_COUNT; i++)
		fit->weights[i] = bias_start(fit);
	double loss = loss_at(fit, fit->weights), before = loss + 1;
	for (int step = 0; step < STEPS && before - loss > 1e-3; step++) {
		before = loss;
		loss = newton_step(fit, loss);
	}
	for (size_t i = 0; i < HAZARD_WEIGHT_COUNT; i++)
		deviations[i] = i >= FEATURE_COUNT   ? DEVIATION_CAUSE
				: i == FEATURE_LEVEL ? DEVIATION_LEVEL
				: is_local(i)	     ? DEVIATION_REGION
				: is_slot(i)	     ? DEVIATION_SEGMENT
						     : DEVIATION;
	fprintf(out,
		"/* The hazard model before anything was learnt, from %zu looks at simulated\n"
		" * companies, not real ones. Made by\n"
		" *\n"
		" *     foretell evaluate company --fit models/hazard_prior.h\n"
		" *         %s\n"
		" *\n"
		" * `make evaluate ONLY=prior` makes it anew and compares. */\n"
		"#ifndef MODELS_HAZARD_PRIOR_H\n#define MODELS_HAZARD_PRIOR_H\n\n"
		"#include \"models/hazard.h\"\n\n"
		"/* clang-format off */\n"
		"#define HAZARD_PRIOR_VERSION   \"prior-3\"\n"
		"#define HAZARD_PRIOR_BASE_RATE %.6f\n",
		table->count, from, fit->base_rate);
	print_numbers(out, "hazard_prior_means", fit->means, FEATURE_COUNT);
	print_numbers(out, "hazard_prior_scales", fit->scales, FEATURE_COUNT);
	print_numbers(out, "hazard_prior_weights", fit->weights, HAZARD_WEIGHT_COUNT);
	print_numbers(out, "hazard_prior_deviations", deviations, HAZARD_WEIGHT_COUNT);
	fprintf(out, "\n#endif\n");
	free(fit->hessian);
	free(fit);
}
