#include "models/bins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/order.h"

/* The column's values without missing ones, sorted; of a large dataset evenly spaced rows only. */
static size_t sample(const struct dataset *dataset, size_t column, double *values)
{
	size_t rows = dataset->row_count;
	size_t wanted = rows < BINS_SAMPLE_MAX ? rows : BINS_SAMPLE_MAX;
	size_t count = 0;
	for (size_t i = 0; i < wanted; i++) {
		size_t row = wanted == rows ? i : (size_t)((uint64_t)i * rows / wanted);
		double value = dataset_row(dataset, row)[column];
		if (!isnan(value))
			values[count++] = value;
	}
	qsort(values, count, sizeof *values, order_doubles);
	return count;
}

/* Half way between two values, never as much as the higher. */
static double between(double low, double high)
{
	double cut = low + (high - low) / 2;
	return cut < high ? cut : low;
}

/* Cuts sorted values[count] into at most cut_max + 1 bins; returns how many cuts. A value that
 * fills a bin by itself does not make its neighbours' bins smaller. */
static size_t cut(const double *values, size_t count, size_t cut_max, double *cuts)
{
	size_t distinct = count > 0, cut_count = 0;
	for (size_t i = 1; i < count; i++)
		distinct += values[i] != values[i - 1];
	size_t left = count, bins_left = cut_max + 1, filled = 0;
	for (size_t i = 1; i < count && cut_count < cut_max; i++) {
		filled++;
		if (values[i] == values[i - 1])
			continue;
		if (distinct > cut_max + 1 && filled * bins_left < left)
			continue;
		cuts[cut_count++] = between(values[i - 1], values[i]);
		left -= filled;
		bins_left--;
		filled = 0;
	}
	return cut_count;
}

static uint8_t bin_of(const struct bins_column *column, double value)
{
	if (isnan(value))
		return 0;
	if (column->categories > 0) {
		bool level = value >= 0 && value < column->categories && value == floor(value);
		return level ? (uint8_t)(value + 1) : 0;
	}
	size_t low = 0, high = column->bin_count - 2u;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (value <= column->cuts[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return (uint8_t)(low + 1);
}

static void fill(struct bins_column *column, const struct dataset *dataset, size_t index)
{
	uint8_t *bins = check_malloc(dataset->row_count + 1);
	for (size_t row = 0; row < dataset->row_count; row++)
		bins[row] = bin_of(column, dataset_row(dataset, row)[index]);
	column->bins = bins;
}

struct bins *bins_new(const struct dataset *dataset, size_t bin_count_max)
{
	CHECK(bin_count_max >= 3 && bin_count_max <= BINS_MAX);
	CHECK(dataset->column_count <= DATASET_COLUMNS_MAX);
	struct bins *bins = check_calloc(1, sizeof *bins);
	double *values = check_calloc(BINS_SAMPLE_MAX, sizeof *values);
	bins->row_count = dataset->row_count;
	bins->column_count = dataset->column_count;
	bins->columns = check_calloc(dataset->column_count + 1, sizeof *bins->columns);
	for (size_t i = 0; i < dataset->column_count; i++) {
		struct bins_column *column = &bins->columns[i];
		column->categories = (uint16_t)dataset_categories(dataset, i);
		CHECK(column->categories <= DATASET_CATEGORIES_MAX);
		if (column->categories > 0) {
			column->bin_count = (uint16_t)(column->categories + 1);
		} else {
			double *cuts = check_calloc(BINS_MAX, sizeof *cuts);
			size_t count = sample(dataset, i, values);
			column->bin_count =
				(uint16_t)(cut(values, count, bin_count_max - 2, cuts) + 2);
			column->cuts = cuts;
		}
		column->offset = bins->total;
		bins->total += column->bin_count;
		fill(column, dataset, i);
	}
	free(values);
	return bins;
}

void bins_free(struct bins **bins)
{
	if (*bins == NULL)
		return;
	for (size_t i = 0; i < (*bins)->column_count; i++) {
		free((void *)(*bins)->columns[i].bins);
		free((void *)(*bins)->columns[i].cuts);
	}
	free((*bins)->columns);
	free(*bins);
	*bins = NULL;
}
