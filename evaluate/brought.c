#include "evaluate/brought.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"
#include "evaluate/cell.h"
#include "producers/source_file.h"

enum { FIRST_LEN = 1 << 16, NAME_LEN_MAX = 24 };

/* The whole file, new in *data. */
static struct err *read_all(const char *path, uint8_t **data, size_t *len)
{
	struct source_file *file = NULL;
	size_t capacity = FIRST_LEN, got = 0;
	*data = check_malloc(capacity);
	*len = 0;
	struct err *err = source_file_open(path, &file);
	while (err == NULL && *len <= IMPORT_BYTES_MAX) {
		if (*len == capacity) {
			capacity *= 2;
			*data = check_realloc(*data, capacity);
		}
		err = source_file_read(file, *data + *len, capacity - *len, &got);
		if (err != NULL || got == 0)
			break;
		*len += got;
	}
	source_file_close(&file);
	return err;
}

/* The model's columns in a table, as a matrix, new. */
static struct err *matrix_of(const struct brought *brought, const struct table *table,
			     double **matrix)
{
	size_t columns = brought->forest.column_count;
	*matrix = check_calloc(table->row_count * columns + 1, sizeof **matrix);
	for (size_t j = 0; j < columns; j++) {
		char number[NAME_LEN_MAX];
		snprintf(number, sizeof number, "f%zu", j);
		const char *name = j < brought->names.count ? brought->names.names[j] : number;
		size_t column = table_find(table, name);
		if (column == table->column_count)
			return err_new(ERR_FATAL, "COLUMN_MISSING",
				       "%s has no column \"%s\", which the model asks for",
				       table->path, name);
		for (size_t row = 0; row < table->row_count; row++) {
			double value = NAN;
			cell_number(table_text(table, column, row), &value);
			(*matrix)[row * columns + j] = value;
		}
	}
	return NULL;
}

static struct err *check_golden(const struct brought *brought, const char *path)
{
	struct table *table = NULL;
	double *matrix = NULL, *predictions = NULL;
	struct err *err = table_read(path, &table);
	size_t column = err == NULL ? table_find(table, "prediction") : 0;
	if (err == NULL && column == table->column_count)
		err = err_new(ERR_FATAL, "COLUMN_MISSING", "%s has no column \"prediction\"", path);
	if (err == NULL && table->row_count < BROUGHT_GOLDEN_MIN)
		err = err_new(ERR_FATAL, "GOLDEN_FEW",
			      "%s has %zu rows: at least %d predictions of the model's own program "
			      "are needed",
			      path, table->row_count, BROUGHT_GOLDEN_MIN);
	if (err == NULL)
		err = matrix_of(brought, table, &matrix);
	if (err == NULL) {
		predictions = check_calloc(table->row_count + 1, sizeof *predictions);
		for (size_t row = 0; row < table->row_count; row++)
			/* what is no number is as far from any probability as can be */
			if (!cell_number(table_text(table, column, row), &predictions[row]))
				predictions[row] = -1;
		err = import_check(&brought->forest, matrix, predictions, table->row_count);
	}
	free(matrix);
	free(predictions);
	table_free(&table);
	return err;
}

struct err *brought_read(const char *path, const char *golden_path, struct brought *brought)
{
	uint8_t *data;
	size_t len;
	*brought = (struct brought){ 0 };
	struct err *err = read_all(path, &data, &len);
	if (err == NULL)
		err = import_model(bytes_of(data, len), &brought->forest, &brought->names);
	free(data);
	if (err != NULL)
		return err_wrap(err, "%s", path);
	return check_golden(brought, golden_path);
}

void brought_fini(struct brought *brought)
{
	forest_fini(&brought->forest);
	import_names_fini(&brought->names);
}

struct err *brought_predict(const struct brought *brought, const struct table *table,
			    double **probabilities)
{
	double *matrix = NULL;
	*probabilities = check_calloc(table->row_count + 1, sizeof **probabilities);
	struct err *err = matrix_of(brought, table, &matrix);
	for (size_t row = 0; err == NULL && row < table->row_count; row++)
		(*probabilities)[row] = dm_sigmoid(forest_margin(
			&brought->forest, matrix + row * brought->forest.column_count));
	free(matrix);
	return err;
}
