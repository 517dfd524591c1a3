#include "evaluate/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "producers/csv.h"
#include "producers/source_file.h"

/* A column while it is read: a table of its texts by hash, open addressing. */
struct interned {
	uint32_t *slots; /* index into texts + 1; 0: free */
	size_t slot_count;
	size_t text_capacity, row_capacity;
};

struct loading {
	struct table *table;
	struct interned *interned;
	struct source_file *file;
	struct csv *csv;
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes trim(struct bytes text)
{
	while (text.len > 0 && is_blank(text.data[0])) {
		text.data++;
		text.len--;
	}
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}

/* ---- interning ---- */

static void place(const struct table_column *column, struct interned *interned, uint32_t code)
{
	size_t mask = interned->slot_count - 1;
	size_t at = hash_table64(column->texts[code]) & mask;
	while (interned->slots[at] != 0)
		at = (at + 1) & mask;
	interned->slots[at] = code + 1;
}

static void widen(const struct table_column *column, struct interned *interned)
{
	free(interned->slots);
	interned->slot_count = interned->slot_count == 0 ? 64 : interned->slot_count * 2;
	interned->slots = check_calloc(interned->slot_count, sizeof *interned->slots);
	for (uint32_t code = 0; code < column->text_count; code++)
		place(column, interned, code);
}

static uint32_t intern(struct arena *arena, struct table_column *column, struct interned *interned,
		       struct bytes text)
{
	if (2 * (column->text_count + 1) > interned->slot_count)
		widen(column, interned);
	size_t mask = interned->slot_count - 1;
	size_t at = hash_table64(text) & mask;
	for (; interned->slots[at] != 0; at = (at + 1) & mask)
		if (bytes_equal(column->texts[interned->slots[at] - 1], text))
			return interned->slots[at] - 1;
	if (column->text_count == interned->text_capacity) {
		interned->text_capacity =
			interned->text_capacity == 0 ? 16 : interned->text_capacity * 2;
		column->texts = check_realloc(column->texts,
					      interned->text_capacity * sizeof *column->texts);
	}
	column->texts[column->text_count] = arena_copy(arena, text);
	interned->slots[at] = (uint32_t)++column->text_count;
	return (uint32_t)column->text_count - 1;
}

/* ---- reading ---- */

static struct err *file_read(void *context, uint8_t *out, size_t out_max, size_t *len)
{
	return source_file_read(context, out, out_max, len);
}

/* The delimiter that the first line has most of outside quotes. */
static struct err *find_delimiter(const char *path, int *delimiter)
{
	static const char candidates[] = { ',', ';', '\t', '|' };
	size_t counts[sizeof candidates] = { 0 }, len = 0, best = 0;
	uint8_t *head = check_malloc(CSV_CHUNK_LEN);
	struct source_file *file = NULL;
	bool quoted = false;
	struct err *err = source_file_open(path, &file);
	if (err == NULL)
		err = source_file_read(file, head, CSV_CHUNK_LEN, &len);
	for (size_t i = 0; i < len && (quoted || head[i] != '\n'); i++) {
		quoted ^= head[i] == '"';
		for (size_t k = 0; !quoted && k < sizeof candidates; k++)
			counts[k] += head[i] == (uint8_t)candidates[k];
	}
	for (size_t k = 1; k < sizeof candidates; k++)
		if (counts[k] > counts[best])
			best = k;
	*delimiter = (uint8_t)candidates[best];
	source_file_close(&file);
	free(head);
	return err;
}

/* Names become unique: a second "name" is "name (2)". */
static void set_name(struct table *table, size_t column, struct bytes text)
{
	char name[256];
	int len = (int)(text.len < 200 ? text.len : 200);
	if (len == 0)
		snprintf(name, sizeof name, "column %zu", column + 1);
	else
		snprintf(name, sizeof name, "%.*s", len, (const char *)text.data);
	size_t base = strlen(name), copies = 1;
	for (size_t i = 0; i < column; i++) {
		if (strcmp(table->columns[i].name, name) != 0)
			continue;
		snprintf(name + base, sizeof name - base, " (%zu)", ++copies);
		i = (size_t)-1; /* from the first one again */
	}
	table->columns[column].name = check_strdup(name);
}

static struct err *read_header(struct loading *loading)
{
	struct table *table = loading->table;
	struct row row;
	bool more = false;
	struct err *err = csv_next(loading->csv, &row, &more);
	if (err != NULL)
		return err_wrap(err, "the header of %s", table->path);
	if (!more)
		return err_new(ERR_FATAL, "TABLE_EMPTY", "%s is empty: a header line is expected",
			       table->path);
	table->column_count = row.field_count;
	table->columns = check_calloc(row.field_count + 1, sizeof *table->columns);
	loading->interned = check_calloc(row.field_count + 1, sizeof *loading->interned);
	for (size_t i = 0; i < row.field_count; i++)
		set_name(table, i, trim(row.fields[i]));
	csv_expect(loading->csv, row.field_count);
	return NULL;
}

static struct err *add_row(struct loading *loading, const struct row *row)
{
	struct table *table = loading->table;
	if (table->row_count == TABLE_ROWS_MAX ||
	    (table->row_count + 1) * table->column_count > TABLE_CELLS_MAX ||
	    arena_used(table->arena) > TABLE_BYTES_MAX)
		return err_new(ERR_FATAL, "TABLE_SIZE",
			       "%s is too large: up to %d rows and %d cells are held in memory; "
			       "take a sample of its rows",
			       table->path, TABLE_ROWS_MAX, TABLE_CELLS_MAX);
	for (size_t i = 0; i < table->column_count; i++) {
		struct table_column *column = &table->columns[i];
		struct interned *interned = &loading->interned[i];
		if (table->row_count == interned->row_capacity) {
			interned->row_capacity =
				interned->row_capacity == 0 ? 1024 : interned->row_capacity * 2;
			column->codes = check_realloc(column->codes,
						      interned->row_capacity * sizeof(uint32_t));
		}
		column->codes[table->row_count] =
			intern(table->arena, column, interned, trim(row->fields[i]));
	}
	table->row_count++;
	return NULL;
}

static struct err *read_rows(struct loading *loading)
{
	struct table *table = loading->table;
	struct row row;
	for (;;) {
		bool more = false;
		struct err *err = csv_next(loading->csv, &row, &more);
		if (err != NULL && err_verdict(err) == ERR_POISON) {
			if (table->bad_count++ == 0)
				table->bad_line = row.line;
			err_free(&err);
			continue;
		}
		if (err == NULL && more)
			err = add_row(loading, &row);
		if (err != NULL || !more)
			return err;
	}
}

static struct err *judge_bad(const struct table *table)
{
	if (table->row_count == 0)
		return err_new(ERR_FATAL, "TABLE_EMPTY", "%s has a header and no rows",
			       table->path);
	if (table->bad_count * 20 <= table->row_count)
		return NULL;
	return err_new(ERR_FATAL, "TABLE_DAMAGED",
		       "%s: %zu rows can't be read, the first on line %" PRId64
		       ": each must have the header's %zu fields",
		       table->path, table->bad_count, table->bad_line, table->column_count);
}

struct err *table_read(const char *path, struct table **table)
{
	struct loading loading = { .table = check_calloc(1, sizeof **table) };
	struct csv_options options = { .quote = '"' };
	loading.table->path = path;
	loading.table->arena = arena_new((size_t)2 * TABLE_BYTES_MAX);
	struct err *err = find_delimiter(path, &options.delimiter);
	if (err == NULL)
		err = source_file_open(path, &loading.file);
	if (err == NULL) {
		const struct csv_input input = { file_read, loading.file };
		loading.csv = csv_open(&options, &input);
		snprintf(loading.table->digest, sizeof loading.table->digest, "%s",
			 source_file_digest(loading.file));
		err = read_header(&loading);
	}
	if (err == NULL)
		err = read_rows(&loading);
	if (err == NULL)
		err = judge_bad(loading.table);
	for (size_t i = 0; loading.interned != NULL && i < loading.table->column_count; i++)
		free(loading.interned[i].slots);
	free(loading.interned);
	csv_close(&loading.csv);
	source_file_close(&loading.file);
	if (err != NULL)
		table_free(&loading.table);
	*table = loading.table;
	return err;
}

void table_free(struct table **table)
{
	if (*table == NULL)
		return;
	for (size_t i = 0; i < (*table)->column_count; i++) {
		free((*table)->columns[i].name);
		free((*table)->columns[i].codes);
		free((*table)->columns[i].texts);
	}
	free((*table)->columns);
	arena_free(&(*table)->arena);
	free(*table);
	*table = NULL;
}

size_t table_find(const struct table *table, const char *name)
{
	size_t i = 0;
	while (i < table->column_count && strcmp(table->columns[i].name, name) != 0)
		i++;
	return i;
}
