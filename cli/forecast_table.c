#include "cli/forecast_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "consumers/topics.h"
#include "kafka/reader.h"
#include "schemas/registry.h"

struct reading {
	struct forecast_table *table;
	struct registry *registry;
	const char *series; /* a key or a definition; borrowed */
};

/* Order within a series: all of one horizon together. */
static int compare_within(const struct forecast_row *left, const struct forecast_row *right)
{
	if (left->horizon != right->horizon)
		return left->horizon < right->horizon ? -1 : 1;
	if (left->target_ms != right->target_ms)
		return left->target_ms < right->target_ms ? -1 : 1;
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct forecast_row *left = a, *right = b;
	int order = strcmp(left->series, right->series);
	return order != 0 ? order : compare_within(left, right);
}

static bool is_asked_for(const struct reading *reading, struct bytes key, struct bytes definition)
{
	struct bytes asked = bytes_str(reading->series);
	return bytes_equal(key, asked) || bytes_equal(definition, asked);
}

static void copy_text(char *out, size_t out_max, struct bytes text)
{
	size_t len = text.len < out_max ? text.len : out_max;
	if (len > 0)
		memcpy(out, text.data, len);
	out[len] = '\0';
}

static struct forecast_row *add_row(struct forecast_table *table)
{
	if (table->count == table->capacity) {
		table->capacity = table->capacity ? table->capacity * 2 : 1024;
		table->rows = check_realloc(table->rows, table->capacity * sizeof *table->rows);
	}
	struct forecast_row *row = &table->rows[table->count++];
	memset(row, 0, sizeof *row);
	return row;
}

/* Those beyond FORECAST_NAMES_MAX are not noted. */
static void note_name(struct forecast_table *table, struct bytes definition)
{
	for (size_t i = 0; i < table->name_count; i++)
		if (bytes_equal(definition, bytes_str(table->names[i])))
			return;
	if (table->name_count < FORECAST_NAMES_MAX)
		copy_text(table->names[table->name_count++], KEY_LEN_MAX, definition);
}

static struct err *take_forecast(void *context, const struct record *record)
{
	struct reading *reading = context;
	struct forecast forecast;
	struct err *err =
		registry_decode(reading->registry, &forecast_type, record->value, &forecast);
	if (err != NULL)
		return err;
	note_name(reading->table, forecast.definition);
	if (!is_asked_for(reading, forecast.series, forecast.definition))
		return NULL;
	if (reading->table->count == FORECAST_ROWS_MAX)
		return err_new(ERR_FATAL, "FORECASTS_TOO_MANY",
			       "more than %d forecasts: ask for one series, not for its definition",
			       FORECAST_ROWS_MAX);
	struct forecast_row *row = add_row(reading->table);
	copy_text(row->series, KEY_LEN_MAX, forecast.series);
	copy_text(row->period, FORECAST_PERIOD_LEN_MAX, forecast.period);
	copy_text(row->unit, sizeof row->unit - 1, forecast.unit);
	row->decimals = forecast.decimals;
	row->target_ms = forecast.target_ms;
	row->origin_ms = forecast.origin_ms;
	row->horizon = forecast.horizon;
	row->point = forecast.point;
	row->lower_80 = forecast.lower_80;
	row->upper_80 = forecast.upper_80;
	row->lower_95 = forecast.lower_95;
	row->upper_95 = forecast.upper_95;
	return NULL;
}

static struct err *take_accuracy(void *context, const struct record *record)
{
	struct reading *reading = context;
	struct forecast_accuracy came;
	struct err *err =
		registry_decode(reading->registry, &forecast_accuracy_type, record->value, &came);
	if (err != NULL || !is_asked_for(reading, came.series, came.definition))
		return err;
	struct forecast_row sought = { .horizon = came.horizon, .target_ms = came.target_ms };
	copy_text(sought.series, KEY_LEN_MAX, came.series);
	struct forecast_row *row = bsearch(&sought, reading->table->rows, reading->table->count,
					   sizeof sought, compare_rows);
	if (row == NULL)
		return NULL; /* its forecast is gone, or came after the first reading */
	row->judged = true;
	row->actual = came.actual;
	row->naive = came.naive;
	return NULL;
}

static struct err *read_topic(const struct conf *conf, const struct client_options *client,
			      const char *logical,
			      struct err *(*take)(void *, const struct record *),
			      struct reading *reading)
{
	char name[TOPIC_NAME_MAX + 1];
	topics_name(conf_string(conf, "app.id"), logical, name);
	const struct reader_options options = { .client = client, .topic = name, .partition = -1 };
	return reader_run(&options, take, reading, NULL);
}

struct err *forecast_table_read(struct forecast_table *table, const struct conf *conf,
				const struct client_options *client, const char *series)
{
	memset(table, 0, sizeof *table);
	struct reading reading = { .table = table, .series = series };
	struct err *err = registry_open(conf_string(conf, "registry.url"), &reading.registry);
	if (err == NULL)
		err = read_topic(conf, client, "forecasts", take_forecast, &reading);
	if (err == NULL && table->count > 0) {
		qsort(table->rows, table->count, sizeof *table->rows, compare_rows);
		err = read_topic(conf, client, "forecast.accuracy", take_accuracy, &reading);
	}
	registry_close(&reading.registry);
	return err;
}

void forecast_table_fini(struct forecast_table *table)
{
	free(table->rows);
	memset(table, 0, sizeof *table);
}

static double absolute(double value)
{
	return value < 0 ? -value : value;
}

static bool is_within(int64_t value, int64_t lower, int64_t upper)
{
	return value >= lower && value <= upper;
}

struct forecast_score forecast_score_of(const struct forecast_row *rows, size_t count)
{
	struct forecast_score score = { 0 };
	for (size_t i = 0; i < count; i++) {
		const struct forecast_row *row = &rows[i];
		if (!row->judged)
			continue;
		double actual = (double)row->actual;
		score.judged_count++;
		score.actual_sum += actual;
		score.error_sum += absolute(actual - (double)row->point);
		score.naive_error_sum += absolute(actual - (double)row->naive);
		score.inside_80_count += is_within(row->actual, row->lower_80, row->upper_80);
		score.inside_95_count += is_within(row->actual, row->lower_95, row->upper_95);
	}
	return score;
}

double forecast_score_skill(const struct forecast_score *score)
{
	return score->naive_error_sum > 0 ? 1 - score->error_sum / score->naive_error_sum : 0;
}
