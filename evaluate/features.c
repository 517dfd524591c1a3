#include "evaluate/features.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/order.h"
#include "base/timestamp.h"

enum {
	FOLD_MAX = 128,
	LEVEL_ROWS_MIN = 3,  /* a level of fewer rows goes to the others */
	ODD_TEXTS_MAX = 3,   /* words among numbers that are taken for missing */
	IDENTIFIER_MIN = 50, /* distinct texts below which a column is no identifier */
};

/* ---- what a column is ---- */

/* How many rows each text has, new. */
static size_t *count_texts(const struct table *table, size_t column)
{
	const struct table_column *at = &table->columns[column];
	size_t *counts = check_calloc(at->text_count + 1, sizeof *counts);
	for (size_t row = 0; row < table->row_count; row++)
		counts[at->codes[row]]++;
	return counts;
}

struct tally {
	size_t present;	 /* rows that are not missing */
	size_t distinct; /* texts among them */
	size_t numbers, number_texts;
	size_t whole_numbers; /* texts */
	double low, high;
	size_t dates[CELL_DATE_ORDERS];
};

static void tally_texts(const struct table_column *column, const size_t *counts,
			struct tally *tally)
{
	*tally = (struct tally){ .low = INFINITY, .high = -INFINITY };
	for (size_t i = 0; i < column->text_count; i++) {
		double value;
		struct bytes text = column->texts[i];
		if (cell_is_missing(text))
			continue;
		tally->present += counts[i];
		tally->distinct++;
		if (cell_number(text, &value)) {
			tally->numbers += counts[i];
			tally->number_texts++;
			tally->whole_numbers += value == floor(value);
			tally->low = value < tally->low ? value : tally->low;
			tally->high = value > tally->high ? value : tally->high;
			continue;
		}
		for (int order = 0; order < CELL_DATE_ORDERS; order++)
			if (cell_date(text, (enum cell_date_order)order, &value))
				tally->dates[order] += counts[i];
	}
}

/* Whether a name speaks of an identifier: "id", "customer_id", "CustomerID", "uuid", "key". */
static bool names_identifier(const char *name)
{
	char folded[FOLD_MAX];
	size_t len = cell_fold(bytes_str(name), folded, sizeof folded);
	static const char *const ends[] = { "id", "uuid", "guid", "key", "number", "_no", " no" };
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		size_t end_len = strlen(ends[i]);
		if (len >= end_len && memcmp(folded + len - end_len, ends[i], end_len) == 0)
			return true;
	}
	return len >= 3 && memcmp(folded, "id_", 3) == 0;
}

/* Numbers that only count rows: all whole and distinct, and dense, or named as an identifier. */
static bool is_running_number(const struct tally *tally, const char *name)
{
	if (tally->distinct < IDENTIFIER_MIN || tally->whole_numbers < tally->number_texts ||
	    tally->number_texts < tally->present)
		return false;
	bool dense = tally->high - tally->low < 1.5 * (double)tally->number_texts;
	return dense || names_identifier(name);
}

static enum column_kind kind_of(const struct tally *tally, const char *name, size_t row_count,
				enum cell_date_order *order)
{
	if (tally->distinct == 0 || (tally->distinct == 1 && tally->present == row_count))
		return COLUMN_CONSTANT;
	for (int k = 0; k < CELL_DATE_ORDERS; k++) {
		if (tally->dates[k] * 20 < tally->present * 19)
			continue;
		*order = (enum cell_date_order)k;
		return COLUMN_DATE;
	}
	bool mostly = tally->numbers * 20 >= tally->present * 19;
	bool with_words = tally->numbers * 2 >= tally->present &&
			  tally->distinct - tally->number_texts <= ODD_TEXTS_MAX &&
			  tally->number_texts > 2;
	if (mostly || with_words)
		return is_running_number(tally, name) ? COLUMN_IDENTIFIER : COLUMN_NUMBER;
	if (tally->distinct >= IDENTIFIER_MIN && tally->distinct * 2 > tally->present)
		return COLUMN_IDENTIFIER;
	return COLUMN_CATEGORY;
}

/* ---- the levels of a category ---- */

struct counted {
	size_t count;
	uint32_t text;
};

static int by_count(const void *a, const void *b)
{
	const struct counted *left = a, *right = b;
	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return (left->text > right->text) - (left->text < right->text);
}

/* Texts that differ in capitals only are one; each is named by the first of them. */
static uint32_t *fold_texts(const struct table_column *column)
{
	uint32_t *same = check_calloc(column->text_count + 1, sizeof *same);
	size_t slot_count = 64;
	while (slot_count < 2 * column->text_count)
		slot_count *= 2;
	uint32_t *slots = check_calloc(slot_count, sizeof *slots);
	char folded[FOLD_MAX], other[FOLD_MAX];
	for (uint32_t i = 0; i < column->text_count; i++) {
		size_t len = cell_fold(column->texts[i], folded, sizeof folded);
		size_t at = hash_table64(bytes_of(folded, len)) & (slot_count - 1);
		same[i] = i;
		for (; slots[at] != 0; at = (at + 1) & (slot_count - 1)) {
			uint32_t first = slots[at] - 1;
			size_t other_len = cell_fold(column->texts[first], other, sizeof other);
			if (column->texts[first].len == column->texts[i].len && other_len == len &&
			    memcmp(folded, other, len) == 0) {
				same[i] = first;
				break;
			}
		}
		if (same[i] == i)
			slots[at] = i + 1;
	}
	free(slots);
	return same;
}

static void set_levels(const struct table_column *column, const size_t *counts,
		       struct column_facts *facts)
{
	uint32_t *same = fold_texts(column);
	struct counted *ranked = check_calloc(column->text_count + 1, sizeof *ranked);
	for (uint32_t i = 0; i < column->text_count; i++)
		ranked[i].text = i;
	for (uint32_t i = 0; i < column->text_count; i++)
		if (!cell_is_missing(column->texts[i]))
			ranked[same[i]].count += counts[i];
	qsort(ranked, column->text_count, sizeof *ranked, by_count);
	size_t kept = 0;
	while (kept < column->text_count && kept < DATASET_CATEGORIES_MAX - 1 &&
	       ranked[kept].count >= LEVEL_ROWS_MIN)
		kept++;
	facts->has_others = kept < column->text_count && ranked[kept].count > 0;
	facts->level_count = kept + facts->has_others;
	facts->levels = check_calloc(facts->level_count + 1, sizeof *facts->levels);
	facts->level_of = check_calloc(column->text_count + 1, sizeof *facts->level_of);
	for (uint32_t i = 0; i < column->text_count; i++)
		facts->level_of[i] = (uint32_t)kept; /* the others, or beyond the last: missing */
	for (uint32_t k = 0; k < kept; k++) {
		facts->levels[k] = ranked[k].text;
		facts->level_of[ranked[k].text] = k;
	}
	for (uint32_t i = 0; i < column->text_count; i++) {
		facts->level_of[i] = facts->level_of[same[i]];
		if (cell_is_missing(column->texts[i]))
			facts->level_of[i] = UINT32_MAX;
	}
	free(ranked);
	free(same);
}

/* ---- the features ---- */

static bool is_dropped(const struct features_options *options, const char *name)
{
	for (size_t i = 0; options->dropped != NULL && options->dropped[i] != NULL; i++)
		if (strcmp(options->dropped[i], name) == 0)
			return true;
	return false;
}

static void find_out(struct features *features, size_t i, const struct features_options *options)
{
	const struct table *table = features->table;
	struct column_facts *facts = &features->columns[i];
	const char *name = table->columns[i].name;
	struct tally tally;
	if (i == options->label_column || is_dropped(options, name)) {
		facts->kind = i == options->label_column ? COLUMN_LABEL : COLUMN_LEFT_OUT;
		return;
	}
	size_t *counts = count_texts(table, i);
	tally_texts(&table->columns[i], counts, &tally);
	facts->kind = kind_of(&tally, name, table->row_count, &facts->order);
	bool absent = options->other != NULL &&
		      table_find(options->other, name) == options->other->column_count;
	if (absent)
		facts->kind = COLUMN_ABSENT;
	if (facts->kind == COLUMN_CATEGORY) {
		set_levels(&table->columns[i], counts, facts);
		if (facts->level_count == 0)
			facts->kind = COLUMN_CONSTANT;
	}
	free(counts);
}

static struct feature *add(struct features *features)
{
	struct feature *feature = &features->features[features->count++];
	*feature = (struct feature){ .other_column = NO_OTHER };
	return feature;
}

static void add_columns(struct features *features)
{
	for (size_t i = 0; i < features->table->column_count; i++) {
		const struct column_facts *facts = &features->columns[i];
		if (facts->kind < COLUMN_NUMBER || features->count >= DATASET_COLUMNS_MAX)
			continue;
		struct feature *feature = add(features);
		feature->column = i;
		feature->is_date = facts->kind == COLUMN_DATE;
		if (facts->kind == COLUMN_CATEGORY)
			feature->categories = (uint16_t)facts->level_count;
		snprintf(feature->name, sizeof feature->name, "%.199s",
			 features->table->columns[i].name);
	}
}

static void add_spans(struct features *features)
{
	size_t dates[FEATURE_DATES_MAX], count = 0, columns = features->count;
	for (size_t i = 0; i < columns && count < FEATURE_DATES_MAX; i++)
		if (features->features[i].is_date)
			dates[count++] = features->features[i].column;
	for (size_t a = 0; a < count; a++) {
		for (size_t b = a + 1; b < count; b++) {
			struct feature *feature = add(features);
			feature->column = dates[a];
			feature->other_column = dates[b];
			snprintf(feature->name, sizeof feature->name, "days from %.90s to %.90s",
				 features->table->columns[dates[a]].name,
				 features->table->columns[dates[b]].name);
		}
	}
}

/* How numbers are spread in training, from at most so many rows. */
static void set_quantiles(struct features *features)
{
	enum { SAMPLE_MAX = 20000 };
	const struct table *table = features->table;
	size_t count = table->row_count < SAMPLE_MAX ? table->row_count : SAMPLE_MAX;
	uint32_t *rows = check_calloc(count + 1, sizeof *rows);
	for (size_t i = 0; i < count; i++)
		rows[i] = (uint32_t)((uint64_t)i * table->row_count / count);
	double *matrix = features_matrix(features, table, rows, count);
	double *values = check_calloc(count + 1, sizeof *values);
	for (size_t j = 0; j < features->count; j++) {
		struct feature *feature = &features->features[j];
		size_t present = 0;
		for (size_t i = 0; i < count; i++)
			if (!isnan(matrix[i * features->count + j]))
				values[present++] = matrix[i * features->count + j];
		if (feature->categories > 0 || present < FEATURE_QUANTILES)
			continue;
		qsort(values, present, sizeof *values, order_doubles);
		feature->quantile_count = FEATURE_QUANTILES;
		feature->quantiles = check_calloc(FEATURE_QUANTILES, sizeof(double));
		for (size_t k = 0; k < FEATURE_QUANTILES; k++)
			feature->quantiles[k] = values[k * (present - 1) / (FEATURE_QUANTILES - 1)];
	}
	free(values);
	free(matrix);
	free(rows);
}

struct err *features_init(struct features *features, const struct table *table,
			  const struct features_options *options)
{
	*features = (struct features){ .table = table };
	features->columns = check_calloc(table->column_count + 1, sizeof *features->columns);
	features->features =
		check_calloc(table->column_count + FEATURE_DATES_MAX * FEATURE_DATES_MAX + 1,
			     sizeof *features->features);
	for (size_t i = 0; options->dropped != NULL && options->dropped[i] != NULL; i++)
		if (table_find(table, options->dropped[i]) == table->column_count)
			return err_new(ERR_FATAL, "COLUMN_MISSING",
				       "%s has no column \"%s\" (--drop)", table->path,
				       options->dropped[i]);
	for (size_t i = 0; i < table->column_count; i++)
		find_out(features, i, options);
	add_columns(features);
	add_spans(features);
	if (features->count == 0)
		return err_new(ERR_FATAL, "COLUMNS_NONE",
			       "%s has no column to learn from: beside the label there are only "
			       "constants, identifiers, or columns that the test file lacks",
			       table->path);
	features->category_counts =
		check_calloc(features->count, sizeof *features->category_counts);
	for (size_t j = 0; j < features->count; j++)
		features->category_counts[j] = features->features[j].categories;
	set_quantiles(features);
	return NULL;
}

void features_fini(struct features *features)
{
	for (size_t i = 0; features->columns != NULL && i < features->table->column_count; i++) {
		free(features->columns[i].levels);
		free(features->columns[i].level_of);
	}
	for (size_t j = 0; j < features->count; j++)
		free(features->features[j].quantiles);
	free(features->columns);
	free(features->features);
	free(features->category_counts);
	*features = (struct features){ 0 };
}

/* ---- values ---- */

static double level_of_text(const struct features *features, size_t column, struct bytes text)
{
	const struct column_facts *facts = &features->columns[column];
	const struct table_column *at = &features->table->columns[column];
	char folded[FOLD_MAX], other[FOLD_MAX];
	size_t len = cell_fold(text, folded, sizeof folded);
	if (cell_is_missing(text))
		return NAN;
	for (size_t k = 0; k < facts->level_count - facts->has_others; k++) {
		struct bytes level = at->texts[facts->levels[k]];
		if (level.len == text.len && cell_fold(level, other, sizeof other) == len &&
		    memcmp(folded, other, len) == 0)
			return (double)k;
	}
	return facts->has_others ? (double)facts->level_count - 1 : NAN;
}

static double value_of_text(const struct features *features, size_t column, struct bytes text)
{
	const struct column_facts *facts = &features->columns[column];
	double value = NAN;
	if (facts->kind == COLUMN_CATEGORY)
		return level_of_text(features, column, text);
	if (cell_is_missing(text))
		return NAN;
	bool good = facts->kind == COLUMN_DATE ? cell_date(text, facts->order, &value)
					       : cell_number(text, &value);
	return good ? value : NAN;
}

/* The value of each text of a column of `table`, new; NULL where the table lacks the column. */
static double *values_of_texts(const struct features *features, size_t column,
			       const struct table *table, size_t *index)
{
	*index = table == features->table
			 ? column
			 : table_find(table, features->table->columns[column].name);
	if (*index == table->column_count)
		return NULL;
	const struct table_column *at = &table->columns[*index];
	double *values = check_calloc(at->text_count + 1, sizeof *values);
	for (size_t i = 0; i < at->text_count; i++)
		values[i] = value_of_text(features, column, at->texts[i]);
	return values;
}

static void fill(const struct features *features, size_t j, const struct table *table,
		 const uint32_t *rows, size_t row_count, double *matrix)
{
	const struct feature *feature = &features->features[j];
	size_t index = 0, other_index = 0;
	double *values = values_of_texts(features, feature->column, table, &index), *others = NULL;
	if (feature->other_column != NO_OTHER)
		others = values_of_texts(features, feature->other_column, table, &other_index);
	for (size_t i = 0; i < row_count; i++) {
		size_t row = rows != NULL ? rows[i] : i;
		double value = values != NULL ? values[table->columns[index].codes[row]] : NAN;
		if (others != NULL)
			value = others[table->columns[other_index].codes[row]] - value;
		matrix[i * features->count + j] = value;
	}
	free(values);
	free(others);
}

double *features_matrix(const struct features *features, const struct table *table,
			const uint32_t *rows, size_t row_count)
{
	if (rows == NULL)
		row_count = table->row_count;
	double *matrix = check_calloc(row_count * features->count + 1, sizeof *matrix);
	for (size_t j = 0; j < features->count; j++)
		fill(features, j, table, rows, row_count, matrix);
	return matrix;
}

size_t features_identifier(const struct features *features, const struct table *table)
{
	for (size_t i = 0; i < features->table->column_count; i++) {
		if (features->columns[i].kind != COLUMN_IDENTIFIER)
			continue;
		size_t index = table_find(table, features->table->columns[i].name);
		if (index < table->column_count &&
		    table->columns[index].text_count == table->row_count)
			return index;
	}
	return NO_OTHER;
}

/* ---- words ---- */

static int print_number(char *text, size_t text_max, double value)
{
	double size = fabs(value);
	if (value == floor(value) && size < 1e9)
		return snprintf(text, text_max, "%.0f", value);
	return snprintf(text, text_max,
			size >= 1000 ? "%.0f"
			: size >= 10 ? "%.1f"
				     : "%.3g",
			value);
}

static void say_place(const struct feature *feature, double value, char *text, size_t text_max)
{
	size_t below = 0, above = 0;
	text[0] = '\0';
	for (size_t k = 0; k < feature->quantile_count; k++) {
		below += feature->quantiles[k] < value;
		above += feature->quantiles[k] > value;
	}
	if (feature->quantile_count == 0)
		return;
	size_t lower = above * 100 / feature->quantile_count;
	size_t higher = below * 100 / feature->quantile_count;
	if (lower >= 60)
		snprintf(text, text_max, ", lower than %zu %% of all", lower);
	else if (higher >= 60)
		snprintf(text, text_max, ", higher than %zu %% of all", higher);
	else
		snprintf(text, text_max, ", about the middle");
}

void features_text(const struct features *features, size_t feature, double value, char *text,
		   size_t text_max)
{
	const struct feature *at = &features->features[feature];
	const struct column_facts *facts = &features->columns[at->column];
	char place[64], number[40];
	if (at->categories > 0 && !isnan(value)) {
		size_t level = (size_t)value;
		if (facts->has_others && level + 1 == facts->level_count) {
			snprintf(text, text_max, "%s is a rare value", at->name);
			return;
		}
		struct bytes as = features->table->columns[at->column].texts[facts->levels[level]];
		snprintf(text, text_max, "%s is %.*s", at->name, (int)(as.len < 80 ? as.len : 80),
			 (const char *)as.data);
	} else if (isnan(value)) {
		snprintf(text, text_max, "%s is missing", at->name);
	} else if (at->is_date) {
		char date[TIME_TEXT_LEN + 1];
		time_format((int64_t)value * MS_PER_DAY, date);
		snprintf(text, text_max, "%s is %.10s", at->name, date);
	} else {
		print_number(number, sizeof number, value);
		say_place(at, value, place, sizeof place);
		snprintf(text, text_max, "%s is %s%s", at->name, number, place);
	}
}

static void print_left_out(const struct features *features, FILE *out)
{
	static const char *const why[] = { "label", "left out", "not in the test file", "constant",
					   "identifier" };
	size_t said = 0;
	for (size_t i = 0; i < features->table->column_count; i++) {
		enum column_kind kind = features->columns[i].kind;
		if (kind == COLUMN_LABEL || kind > COLUMN_IDENTIFIER)
			continue;
		fprintf(out, "%s%s (%s)", said++ == 0 ? "; not used: " : ", ",
			features->table->columns[i].name, why[kind]);
	}
}

void features_print(const struct features *features, FILE *out)
{
	static const char *const kinds[] = { "numbers", "dates", "categories" };
	size_t counts[3] = { 0, 0, 0 }, said = 0;
	for (size_t i = 0; i < features->table->column_count; i++)
		if (features->columns[i].kind >= COLUMN_NUMBER)
			counts[features->columns[i].kind - COLUMN_NUMBER]++;
	fprintf(out, "%zu columns used: ", counts[0] + counts[1] + counts[2]);
	for (int k = 0; k < 3; k++)
		if (counts[k] > 0)
			fprintf(out, "%s%zu %s", said++ > 0 ? ", " : "", counts[k], kinds[k]);
	print_left_out(features, out);
	fprintf(out, "\n");
}
