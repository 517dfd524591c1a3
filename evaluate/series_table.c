/* See series_table.h. */
#include "evaluate/series_table.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "producers/source_file.h"

enum { FILE_LEN_MAX = 1 << 30, FIELD_LEN_MAX = 256, READ_LEN = 1 << 16 };

struct reader {
	const char *at, *end, *name;
	long line;
	struct series_table *table;
	size_t table_max;
	double *values; /* of the row being read */
	int count, values_max;
	int missing; /* empty fields since the last value */
};

static struct err *bad(const struct reader *r, const char *what)
{
	return err_new(ERR_FATAL, "SERIES_FILE", "%s, line %ld: %s", r->name, r->line, what);
}

/* Reads a field, unquoted, into text. *is_last: the row ends after it. */
static struct err *field(struct reader *r, char text[FIELD_LEN_MAX + 1], bool *is_last)
{
	size_t len = 0;
	bool quoted = r->at < r->end && *r->at == '"';
	r->at += quoted;
	for (;; r->at++) {
		bool over = r->at == r->end;
		if (quoted && over)
			return bad(r, "a quote is not closed");
		if (quoted && *r->at == '"') {
			r->at++;
			if (r->at == r->end || *r->at != '"')
				break;
		} else if (!quoted && (over || *r->at == ',' || *r->at == '\n' || *r->at == '\r')) {
			break;
		}
		if (*r->at == '\n' || *r->at == '\0')
			return bad(r, "a field holds a line end or a zero byte");
		if (len == FIELD_LEN_MAX)
			return bad(r, "a field is longer than 256 bytes");
		text[len++] = *r->at;
	}
	text[len] = '\0';
	if (r->at < r->end && *r->at == '\r')
		r->at++;
	*is_last = r->at == r->end || *r->at == '\n';
	if (!*is_last && *r->at != ',')
		return bad(r, "expected a comma after a quoted field");
	if (r->at < r->end)
		r->at++;
	return NULL;
}

static bool is_missing(const char *text)
{
	static const char *const WORDS[] = { "", "NaN", "nan", "NA", "null", "NULL" };
	for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
		if (strcmp(text, WORDS[i]) == 0)
			return true;
	return false;
}

static bool is_number(const char *text, double *value)
{
	char *end;
	if (strspn(text, "+-0123456789.eE \t") != strlen(text))
		return false;
	*value = strtod(text, &end);
	while (*end == ' ' || *end == '\t')
		end++;
	return end != text && *end == '\0';
}

static struct err *append(struct reader *r, double value)
{
	if (r->count == SERIES_VALUES_MAX)
		return bad(r, "a series has more than 100,000 values");
	if (r->count == r->values_max) {
		r->values_max = r->values_max == 0 ? 256 : 2 * r->values_max;
		r->values = check_realloc(r->values, (size_t)r->values_max * sizeof *r->values);
	}
	r->values[r->count++] = value;
	return NULL;
}

static struct err *append_field(struct reader *r, const char *text)
{
	double value = NAN;
	bool is_nothing = text[0] == '\0';
	if (is_nothing) { /* missing only if a value follows */
		r->missing++;
		return NULL;
	}
	if (!is_missing(text)) {
		if (!is_number(text, &value))
			return bad(r, "a value is no number");
		if (!(fabs(value) <= SERIES_VALUE_MAX))
			return bad(r, "a value is larger than 1e30");
	}
	struct err *err = NULL;
	for (; err == NULL && r->missing > 0; r->missing--)
		err = append(r, NAN);
	return err != NULL ? err : append(r, value);
}

static struct err *finish_row(struct reader *r, const char *id)
{
	struct series_table *table = r->table;
	if (id[0] == '\0' || strlen(id) > SERIES_ID_MAX)
		return bad(r, "an id is empty or longer than 128 bytes");
	if (table->count == SERIES_TABLE_MAX)
		return bad(r, "more than 200,000 series");
	if (table->count == r->table_max) {
		r->table_max = r->table_max == 0 ? 256 : 2 * r->table_max;
		table->series = check_realloc(table->series, r->table_max * sizeof *table->series);
	}
	struct series *series = &table->series[table->count++];
	*series = (struct series){ .count = r->count };
	memcpy(series->id, id, strlen(id) + 1);
	series->values = check_malloc((size_t)r->count * sizeof *series->values + 1);
	if (r->count > 0)
		memcpy(series->values, r->values, (size_t)r->count * sizeof *series->values);
	return NULL;
}

static struct err *row(struct reader *r)
{
	char id[FIELD_LEN_MAX + 1], text[FIELD_LEN_MAX + 1];
	bool is_last, is_header = false;
	r->line++;
	r->count = r->missing = 0;
	struct err *err = field(r, id, &is_last);
	if (err == NULL && is_last && id[0] == '\0')
		return NULL; /* nothing on the line */
	double number;
	for (int i = 0; err == NULL && !is_last; i++) {
		err = field(r, text, &is_last);
		if (err != NULL)
			break;
		if (i == 0 && r->line == 1)
			is_header = !is_missing(text) && !is_number(text, &number);
		if (!is_header)
			err = append_field(r, text);
	}
	if (err != NULL || is_header)
		return err;
	return finish_row(r, id);
}

static int by_id(const void *a, const void *b)
{
	const struct series *const *x = a, *const *y = b;
	return strcmp((*x)->id, (*y)->id);
}

/* Sorts by id, and looks for what is there twice. */
static struct err *ids_sort(const struct reader *r)
{
	struct series_table *table = r->table;
	if (table->count == 0)
		return err_new(ERR_FATAL, "SERIES_FILE", "%s: there is no series in it", r->name);
	const struct series **sorted = check_malloc(table->count * sizeof *sorted);
	for (size_t i = 0; i < table->count; i++)
		sorted[i] = &table->series[i];
	qsort(sorted, table->count, sizeof *sorted, by_id);
	struct err *err = NULL;
	for (size_t i = 1; err == NULL && i < table->count; i++)
		if (strcmp(sorted[i - 1]->id, sorted[i]->id) == 0)
			err = err_new(ERR_FATAL, "SERIES_FILE", "%s: the id %.80s is there twice",
				      r->name, sorted[i]->id);
	table->by_id = check_malloc(table->count * sizeof *table->by_id);
	for (size_t i = 0; i < table->count; i++)
		table->by_id[i] = (size_t)(sorted[i] - table->series);
	free(sorted);
	return err;
}

struct err *series_table_parse(const char *text, size_t len, const char *name,
			       struct series_table **table)
{
	struct reader r = { .at = text, .end = text + len, .name = name };
	r.table = check_calloc(1, sizeof *r.table);
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		r.at += 3;
	struct err *err = NULL;
	while (err == NULL && r.at < r.end)
		err = row(&r);
	if (err == NULL)
		err = ids_sort(&r);
	free(r.values);
	if (err != NULL)
		series_table_free(&r.table);
	*table = r.table;
	return err;
}

struct err *series_table_read(const char *path, struct series_table **table)
{
	*table = NULL;
	struct source_file *file;
	struct err *err = source_file_open(path, &file);
	if (err != NULL)
		return err;
	size_t len = 0, max = 0, got = 1;
	uint8_t *text = NULL;
	while (err == NULL && got > 0) {
		if (max - len < READ_LEN) {
			max = max == 0 ? 16 * READ_LEN : 2 * max;
			text = check_realloc(text, max);
		}
		err = source_file_read(file, text + len, READ_LEN, &got);
		len += err == NULL ? got : 0;
		if (err == NULL && len > FILE_LEN_MAX)
			err = err_new(ERR_FATAL, "SERIES_FILE", "%s: more than 1 GiB of text",
				      path);
	}
	source_file_close(&file);
	if (err == NULL)
		err = series_table_parse((const char *)text, len, path, table);
	free(text);
	return err;
}

void series_table_free(struct series_table **table)
{
	if (*table == NULL)
		return;
	for (size_t i = 0; i < (*table)->count; i++)
		free((*table)->series[i].values);
	free((*table)->series);
	free((*table)->by_id);
	free(*table);
	*table = NULL;
}

const struct series *series_table_find(const struct series_table *table, const char *id)
{
	size_t low = 0, high = table->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct series *at = &table->series[table->by_id[middle]];
		int order = strcmp(at->id, id);
		if (order == 0)
			return at;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
