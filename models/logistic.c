#include "models/logistic.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"

enum { COLUMN_LEN = 2 * 4 + 5 * 8, WEIGHTS_MAX = 1 << 20 };

/* What a column's value stands for: one weight, times a number. */
struct term {
	uint32_t weight;
	double value;
};

static struct term term_of(const struct logistic_column *column, double value)
{
	if (column->categories > 0) {
		bool level = value >= 0 && value < column->categories; /* false for a NaN */
		return (struct term){
			column->first + (level ? (uint32_t)value : column->categories), 1
		};
	}
	if (isnan(value))
		return (struct term){ column->first + 1, 1 };
	double z = (value - column->mean) * column->scale;
	z = z < column->low ? column->low : z;
	return (struct term){ column->first, z > column->high ? column->high : z };
}

/* ---- the problem ---- */

struct problem {
	const struct logistic_sample *sample;
	struct logistic *model;
	size_t row_count;
	size_t size; /* weights and the intercept, which comes last */
	double penalty;
	double *margins;    /* [row_count] */
	double *curvatures; /* [row_count] */
	double *gradient, *diagonal, *step, *residual, *direction, *product, *trial; /* [size] */
	double *scratch; /* owns these seven */
};

static const double *row_of(const struct problem *problem, size_t i, size_t *row)
{
	*row = problem->sample->rows != NULL ? problem->sample->rows[i] : i;
	return dataset_row(problem->sample->dataset, *row);
}

static void columns_set(struct logistic *model, const struct logistic_sample *sample)
{
	const struct dataset *dataset = sample->dataset;
	size_t count = sample->rows != NULL ? sample->row_count : dataset->row_count;
	uint32_t first = 0;
	for (size_t j = 0; j < dataset->column_count; j++) {
		struct logistic_column *column = &model->columns[j];
		double sum = 0, squares = 0, present = 0, low = INFINITY, high = -INFINITY;
		column->categories = (uint16_t)dataset_categories(dataset, j);
		column->first = first;
		first += column->categories > 0 ? column->categories + 1u : 2;
		if (column->categories > 0)
			continue;
		for (int pass = 0; pass < 2; pass++) {
			for (size_t i = 0; i < count; i++) {
				size_t row = sample->rows != NULL ? sample->rows[i] : i;
				double value = dataset_row(dataset, row)[j];
				if (isnan(value))
					continue;
				if (pass == 0) {
					sum += value;
					present++;
					low = value < low ? value : low;
					high = value > high ? value : high;
				} else {
					squares += (value - column->mean) * (value - column->mean);
				}
			}
			column->mean = present > 0 ? sum / present : 0;
		}
		double deviation = present > 0 ? sqrt(squares / present) : 0;
		/* a spread that is rounding only is none */
		column->scale = deviation > 1e-12 * fabs(column->mean) ? 1 / deviation : 0;
		column->low = present > 0 ? (low - column->mean) * column->scale : 0;
		column->high = present > 0 ? (high - column->mean) * column->scale : 0;
	}
	model->weight_count = first;
}

static double dot_row(const struct logistic *model, const double *weights, double intercept,
		      const double *row)
{
	double margin = intercept;
	for (size_t j = 0; j < model->column_count; j++) {
		struct term term = term_of(&model->columns[j], row[j]);
		margin += weights[term.weight] * term.value;
	}
	return margin;
}

/* The objective at `weights`, margins set on the way. */
static double objective(struct problem *problem, const double *weights)
{
	const struct dataset *dataset = problem->sample->dataset;
	size_t size = problem->size;
	double loss = 0;
	for (size_t i = 0; i < problem->row_count; i++) {
		size_t row;
		const double *values = row_of(problem, i, &row);
		double margin = dot_row(problem->model, weights, weights[size - 1], values);
		double z = dataset->labels[row] ? margin : -margin;
		problem->margins[i] = margin;
		loss += dataset_weight(dataset, row) *
			(z > 0 ? dm_log1p(dm_exp(-z)) : dm_log1p(dm_exp(z)) - z);
	}
	for (size_t k = 0; k + 1 < size; k++)
		loss += problem->penalty / 2 * weights[k] * weights[k];
	return loss;
}

/* Gradient, curvature of each row, and the diagonal of the Hessian, at problem->margins. */
static void differentiate(struct problem *problem, const double *weights)
{
	const struct dataset *dataset = problem->sample->dataset;
	const struct logistic *model = problem->model;
	size_t last = problem->size - 1;
	for (size_t k = 0; k < last; k++) {
		problem->gradient[k] = problem->penalty * weights[k];
		problem->diagonal[k] = problem->penalty;
	}
	problem->gradient[last] = 0;
	problem->diagonal[last] = 1e-9;
	for (size_t i = 0; i < problem->row_count; i++) {
		size_t row;
		const double *values = row_of(problem, i, &row);
		double p = dm_sigmoid(problem->margins[i]), weight = dataset_weight(dataset, row);
		double g = weight * (p - dataset->labels[row]), h = weight * p * (1 - p);
		problem->curvatures[i] = h;
		for (size_t j = 0; j < model->column_count; j++) {
			struct term term = term_of(&model->columns[j], values[j]);
			problem->gradient[term.weight] += g * term.value;
			problem->diagonal[term.weight] += h * term.value * term.value;
		}
		problem->gradient[last] += g;
		problem->diagonal[last] += h;
	}
}

/* product = Hessian x direction */
static void multiply(struct problem *problem, const double *direction, double *product)
{
	const struct logistic *model = problem->model;
	size_t last = problem->size - 1;
	for (size_t k = 0; k < last; k++)
		product[k] = problem->penalty * direction[k];
	product[last] = 1e-9 * direction[last];
	for (size_t i = 0; i < problem->row_count; i++) {
		size_t row;
		const double *values = row_of(problem, i, &row);
		double along =
			problem->curvatures[i] * dot_row(model, direction, direction[last], values);
		for (size_t j = 0; j < model->column_count; j++) {
			struct term term = term_of(&model->columns[j], values[j]);
			product[term.weight] += along * term.value;
		}
		product[last] += along;
	}
}

static double dot(const double *a, const double *b, size_t size)
{
	double sum = 0;
	for (size_t k = 0; k < size; k++)
		sum += a[k] * b[k];
	return sum;
}

/* step = -Hessian^-1 gradient, to a tenth of the gradient or better. Source: M. R. Hestenes and E.
 * Stiefel, "Methods of conjugate gradients for solving linear systems", 1952. */
static void solve(struct problem *problem, double tolerance)
{
	size_t size = problem->size;
	double *r = problem->residual, *d = problem->direction, *q = problem->product;
	double energy = 0;
	for (size_t k = 0; k < size; k++) {
		problem->step[k] = 0;
		r[k] = -problem->gradient[k];
		d[k] = r[k] / problem->diagonal[k];
		energy += r[k] * d[k];
	}
	double enough = tolerance * tolerance * energy;
	for (int i = 0; i < LOGISTIC_CG_MAX && energy > enough && energy > 1e-30; i++) {
		multiply(problem, d, q);
		double alpha = energy / dot(d, q, size), next = 0;
		for (size_t k = 0; k < size; k++) {
			problem->step[k] += alpha * d[k];
			r[k] -= alpha * q[k];
			next += r[k] * r[k] / problem->diagonal[k];
		}
		for (size_t k = 0; k < size; k++)
			d[k] = r[k] / problem->diagonal[k] + next / energy * d[k];
		energy = next;
	}
}

/* Newton steps until one promises less than 1e-7 of an example's loss. */
static void minimise(struct problem *problem, double *weights)
{
	size_t size = problem->size;
	double loss = objective(problem, weights);
	for (int i = 0; i < LOGISTIC_NEWTON_MAX; i++) {
		differentiate(problem, weights);
		solve(problem, i < 2 ? 0.3 : 0.03);
		double slope = dot(problem->gradient, problem->step, size), length = 1;
		if (!(slope < -1e-7))
			return;
		double trial = 0;
		int halvings = 0;
		for (; halvings < LOGISTIC_HALVINGS_MAX; halvings++) {
			for (size_t k = 0; k < size; k++)
				problem->trial[k] = weights[k] + length * problem->step[k];
			trial = objective(problem, problem->trial);
			if (trial <= loss + 1e-4 * length * slope)
				break;
			length /= 2;
		}
		if (halvings == LOGISTIC_HALVINGS_MAX)
			return;
		for (size_t k = 0; k < size; k++)
			weights[k] = problem->trial[k];
		loss = trial;
	}
}

/* Makes each column's contribution 0 on average. */
static void centre(struct problem *problem)
{
	struct logistic *model = problem->model;
	double weights = 0;
	for (size_t i = 0; i < problem->row_count; i++) {
		size_t row;
		const double *values = row_of(problem, i, &row);
		double weight = dataset_weight(problem->sample->dataset, row);
		weights += weight;
		for (size_t j = 0; j < model->column_count; j++) {
			struct term term = term_of(&model->columns[j], values[j]);
			model->columns[j].average +=
				weight * model->weights[term.weight] * term.value;
		}
	}
	for (size_t j = 0; j < model->column_count; j++) {
		model->columns[j].average /= weights > 0 ? weights : 1;
		model->intercept += model->columns[j].average;
	}
}

void logistic_fit(const struct logistic_sample *sample, double penalty,
		  const struct logistic *start, struct logistic *logistic)
{
	const struct dataset *dataset = sample->dataset;
	CHECK(penalty > 0);
	*logistic = (struct logistic){ .column_count = dataset->column_count };
	logistic->columns = check_calloc(dataset->column_count + 1, sizeof *logistic->columns);
	columns_set(logistic, sample);
	size_t size = logistic->weight_count + 1;
	size_t rows = sample->rows != NULL ? sample->row_count : dataset->row_count;
	struct problem problem = { .sample = sample,
				   .model = logistic,
				   .row_count = rows,
				   .size = size,
				   .penalty = penalty,
				   .margins = check_calloc(rows + 1, sizeof(double)),
				   .curvatures = check_calloc(rows + 1, sizeof(double)),
				   .scratch = check_calloc(7 * size, sizeof(double)) };
	double **parts[] = { &problem.gradient, &problem.diagonal,  &problem.step,
			     &problem.residual, &problem.direction, &problem.product,
			     &problem.trial };
	for (size_t i = 0; i < 7; i++)
		*parts[i] = problem.scratch + i * size;
	double *weights = check_calloc(size, sizeof *weights);
	if (start != NULL && start->weight_count == logistic->weight_count) {
		memcpy(weights, start->weights, logistic->weight_count * sizeof *weights);
		weights[size - 1] = start->intercept;
		for (size_t j = 0; j < start->column_count; j++)
			weights[size - 1] -= start->columns[j].average;
	}
	minimise(&problem, weights);
	logistic->weights = weights;
	logistic->intercept = weights[size - 1];
	centre(&problem);
	free(problem.margins);
	free(problem.curvatures);
	free(problem.scratch);
}

void logistic_fini(struct logistic *logistic)
{
	free(logistic->columns);
	free(logistic->weights);
	*logistic = (struct logistic){ 0 };
}

double logistic_margin(const struct logistic *logistic, const double *row)
{
	double margin = logistic->intercept;
	for (size_t j = 0; j < logistic->column_count; j++) {
		struct term term = term_of(&logistic->columns[j], row[j]);
		margin +=
			logistic->weights[term.weight] * term.value - logistic->columns[j].average;
	}
	return margin;
}

void logistic_explain(const struct logistic *logistic, const double *row, double *contributions)
{
	for (size_t j = 0; j < logistic->column_count; j++) {
		struct term term = term_of(&logistic->columns[j], row[j]);
		contributions[j] =
			logistic->weights[term.weight] * term.value - logistic->columns[j].average;
	}
}

void logistic_scale(struct logistic *logistic, double scale)
{
	logistic->intercept *= scale;
	for (size_t k = 0; k < logistic->weight_count; k++)
		logistic->weights[k] *= scale;
	for (size_t j = 0; j < logistic->column_count; j++)
		logistic->columns[j].average *= scale;
}

/* ---- bytes ---- */

void logistic_pack(const struct logistic *logistic, struct packer *packer)
{
	pack_double(packer, logistic->intercept);
	pack_u32(packer, (uint32_t)logistic->weight_count);
	for (size_t k = 0; k < logistic->weight_count; k++)
		pack_double(packer, logistic->weights[k]);
	pack_u32(packer, (uint32_t)logistic->column_count);
	for (size_t j = 0; j < logistic->column_count; j++) {
		const struct logistic_column *column = &logistic->columns[j];
		pack_u32(packer, column->categories);
		pack_u32(packer, column->first);
		pack_double(packer, column->mean);
		pack_double(packer, column->scale);
		pack_double(packer, column->low);
		pack_double(packer, column->high);
		pack_double(packer, column->average);
	}
}

static struct logistic_column unpack_column(struct unpacker *unpacker)
{
	struct logistic_column column = { 0 };
	uint32_t categories = unpack_u32(unpacker);
	column.categories = (uint16_t)categories;
	column.first = unpack_u32(unpacker);
	column.mean = unpack_double(unpacker);
	column.scale = unpack_double(unpacker);
	column.low = unpack_double(unpacker);
	column.high = unpack_double(unpacker);
	column.average = unpack_double(unpacker);
	if (categories > DATASET_CATEGORIES_MAX || !dm_is_finite(column.mean) ||
	    !dm_is_finite(column.scale) || !dm_is_finite(column.low) ||
	    !dm_is_finite(column.high) || !dm_is_finite(column.average))
		unpacker->failed = true;
	return column;
}

struct err *logistic_unpack(struct logistic *logistic, struct unpacker *unpacker)
{
	*logistic = (struct logistic){ .intercept = unpack_double(unpacker) };
	bool good = dm_is_finite(logistic->intercept);
	logistic->weight_count = unpack_count(unpacker, WEIGHTS_MAX, 8);
	logistic->weights = check_calloc(logistic->weight_count + 1, sizeof(double));
	for (size_t k = 0; k < logistic->weight_count; k++) {
		logistic->weights[k] = unpack_double(unpacker);
		good = good && dm_is_finite(logistic->weights[k]);
	}
	logistic->column_count = unpack_count(unpacker, DATASET_COLUMNS_MAX, COLUMN_LEN);
	logistic->columns = check_calloc(logistic->column_count + 1, sizeof *logistic->columns);
	for (size_t j = 0; j < logistic->column_count; j++) {
		struct logistic_column column = unpack_column(unpacker);
		uint64_t end = (uint64_t)column.first +
			       (column.categories > 0 ? column.categories + 1u : 2);
		good = good && end <= logistic->weight_count;
		logistic->columns[j] = column;
	}
	if (good && !unpacker->failed)
		return NULL;
	return err_new(ERR_POISON, "MODEL_INVALID",
		       "the linear part is damaged: it ends too early, or holds what is no number");
}
