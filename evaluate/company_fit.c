#include "evaluate/company_fit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"

#define RIDGE	   200.0
#define SCALE_MIN  1e-3
#define SLOT_MEAN  0.0
#define SLOT_SCALE 1.0
/* By which companies are taken to differ. Chosen on seeds 13 to 15 among (0.12, 0.35, 0.35, 0.35),
 * (0.02, 0.15, 0.05, 0.25) and next to nothing, by log loss: 0.2306, 0.2230, 0.2234. */
#define DEVIATION	  0.02
#define DEVIATION_REGION  0.15
#define DEVIATION_SEGMENT 0.05
#define DEVIATION_BIAS	  0.25

enum { STEPS = 9 };

struct fit {
	const struct company_table *table;
	double means[FEATURE_COUNT], scales[FEATURE_COUNT];
	double weights[HAZARD_WEIGHT_COUNT];
	double base_rate;
	double *hessian; /* lower triangle, full rows */
};

static bool is_slot(size_t i)
{
	return i >= FEATURE_REGION_FIRST && i <= FEATURE_SEGMENT_LAST;
}

static bool is_region(size_t i)
{
	return i >= FEATURE_REGION_FIRST && i <= FEATURE_REGION_LAST;
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

static void inputs_set(const struct fit *fit, size_t row, double inputs[HAZARD_WEIGHT_COUNT])
{
	const float *features = fit->table->features + row * FEATURE_COUNT;
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		double x = ((double)features[i] - fit->means[i]) / fit->scales[i];
		inputs[i] = is_region(i) ? 0 : x > 6 ? 6 : x < -6 ? -6 : x;
	}
	inputs[FEATURE_COUNT] = 1;
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

static void newton_step(struct fit *fit)
{
	enum { N = HAZARD_WEIGHT_COUNT };
	double inputs[N], gradient[N];
	memset(fit->hessian, 0, (size_t)N * N * sizeof *fit->hessian);
	for (size_t i = 0; i < N; i++) {
		double ridge = i == FEATURE_COUNT ? 1e-6 : RIDGE;
		gradient[i] = -ridge * fit->weights[i];
		fit->hessian[i * N + i] = ridge;
	}
	for (size_t row = 0; row < fit->table->count; row++) {
		double margin = 0;
		inputs_set(fit, row, inputs);
		for (size_t i = 0; i < N; i++)
			margin += fit->weights[i] * inputs[i];
		double p = dm_sigmoid(margin);
		double rest = (company_left(&fit->table->rows[row]) ? 1 : 0) - p;
		for (size_t i = 0; i < N; i++) {
			double curve = p * (1 - p) * inputs[i];
			gradient[i] += rest * inputs[i];
			if (curve == 0)
				continue;
			for (size_t j = 0; j <= i; j++)
				fit->hessian[i * N + j] += curve * inputs[j];
		}
	}
	solve(fit->hessian, gradient);
	for (size_t i = 0; i < N; i++)
		fit->weights[i] += gradient[i];
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
	fit->weights[FEATURE_COUNT] = dm_log(fit->base_rate / (1 - fit->base_rate));
	for (int step = 0; step < STEPS; step++)
		newton_step(fit);
	for (size_t i = 0; i < HAZARD_WEIGHT_COUNT; i++)
		deviations[i] = i == FEATURE_COUNT ? DEVIATION_BIAS
				: is_region(i)	   ? DEVIATION_REGION
				: is_slot(i)	   ? DEVIATION_SEGMENT
						   : DEVIATION;
	fprintf(out,
		"/* The hazard model before anything was learnt. Made by `foretell evaluate "
		"company\n"
		" * --fit` on %s: %zu looks. Simulated companies, not real ones. */\n"
		"#ifndef MODELS_HAZARD_PRIOR_H\n#define MODELS_HAZARD_PRIOR_H\n\n"
		"#include \"models/hazard.h\"\n\n"
		"/* clang-format off */\n"
		"#define HAZARD_PRIOR_VERSION   \"prior-1\"\n"
		"#define HAZARD_PRIOR_BASE_RATE %.6f\n",
		from, table->count, fit->base_rate);
	print_numbers(out, "hazard_prior_means", fit->means, FEATURE_COUNT);
	print_numbers(out, "hazard_prior_scales", fit->scales, FEATURE_COUNT);
	print_numbers(out, "hazard_prior_weights", fit->weights, HAZARD_WEIGHT_COUNT);
	print_numbers(out, "hazard_prior_deviations", deviations, HAZARD_WEIGHT_COUNT);
	fprintf(out, "\n#endif\n");
	free(fit->hessian);
	free(fit);
}
