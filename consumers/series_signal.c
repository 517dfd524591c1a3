#include "consumers/series_signal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/order.h"
#include "base/timestamp.h"

static const double VALUE_MAX = 1e15;

static struct err *invalid(const struct series_signal *signal, const char *what)
{
	return err_new(ERR_FATAL, "SERIES_INVALID", "signal \"%s\": %s", signal->name, what);
}

static struct err *invalid_value(const struct series_signal *signal, const char *what,
				 const json_t *found)
{
	char *text = json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT);
	struct err *err = err_new(ERR_FATAL, "SERIES_INVALID", "signal \"%s\": %s, not %.80s",
				  signal->name, what, text == NULL ? "nothing" : text);
	free(text);
	return err;
}

static struct err *read_where(json_t *where, json_t *dimensions, struct series_signal *signal)
{
	const char *field;
	json_t *value;
	if (where != NULL && !json_is_object(where))
		return invalid(signal, "where must be an object of dimensions and their values");
	json_object_foreach(where, field, value) {
		const char *text = json_string_value(value);
		size_t at = 0, count = json_array_size(dimensions);
		while (at < count &&
		       strcmp(json_string_value(json_array_get(dimensions, at)), field) != 0)
			at++;
		if (at == count || text == NULL || *text == '\0' || strlen(text) > SIGNAL_PLACE_MAX)
			return invalid(signal, "where must name dimensions of the series, each "
					       "with a value of at most 64 bytes");
		snprintf(signal->where[at], sizeof signal->where[at], "%s", text);
	}
	return NULL;
}

static bool read_day(json_t *json, int64_t *ms)
{
	const char *text = json_string_value(json);
	return text != NULL && strlen(text) == strlen("2026-12-25") && time_parse(text, ms) &&
	       time_is_event(*ms);
}

static struct err *read_dates(json_t *dates, struct series_signal *signal)
{
	signal->date_count = json_array_size(dates);
	if (signal->date_count == 0 || signal->date_count > SIGNAL_DATES_MAX)
		return invalid(signal, "dates must be a list of 1 to 128 days");
	for (size_t i = 0; i < signal->date_count; i++)
		if (!read_day(json_array_get(dates, i), &signal->dates_ms[i]))
			return invalid_value(signal, "a date is a text such as 2026-12-25",
					     json_array_get(dates, i));
	qsort(signal->dates_ms, signal->date_count, sizeof signal->dates_ms[0], order_int64s);
	return NULL;
}

static struct err *read_values(json_t *from, json_t *values, const struct calendar *calendar,
			       struct series_signal *signal)
{
	signal->value_count = json_array_size(values);
	if (signal->value_count == 0 || signal->value_count > SIGNAL_VALUES_MAX)
		return invalid(signal, "values must be a list of 1 to 280 numbers, one a period");
	if (!read_day(from, &signal->from_ms))
		return invalid_value(signal,
				     "from must be the day of the first value's period, such as "
				     "2026-01-05",
				     from);
	signal->from = calendar_number(calendar, zone_utc(&calendar->zone, signal->from_ms));
	for (size_t i = 0; i < signal->value_count; i++) {
		json_t *value = json_array_get(values, i);
		signal->values[i] = json_number_value(value);
		if (!json_is_number(value) || !(fabs(signal->values[i]) <= VALUE_MAX))
			return invalid_value(signal, "a value must be a number of at most 1e15",
					     value);
	}
	return NULL;
}

struct err *series_signal_read(json_t *json, json_t *dimensions, const struct calendar *calendar,
			       struct series_signal *signal)
{
	const char *name = "?", *what = "a signal has name, and dates, or from and values; and may "
					"have where";
	json_t *where = NULL, *dates = NULL, *from = NULL, *values = NULL;
	memset(signal, 0, sizeof *signal);
	if (json_object_get(json, "series") != NULL)
		return err_new(ERR_FATAL, "SERIES_INVALID",
			       "the values of another series are filled in when the file is "
			       "deployed: foretell series deploy");
	int unread = json_unpack(json, "{s:s, s?o, s?o, s?o, s?o !}", "name", &name, "where",
				 &where, "dates", &dates, "from", &from, "values", &values);
	if (strlen(name) > SIGNAL_NAME_MAX)
		return err_new(ERR_FATAL, "SERIES_INVALID",
			       "a signal's name has at most %d bytes, not \"%.80s\"",
			       SIGNAL_NAME_MAX, name);
	snprintf(signal->name, sizeof signal->name, "%s", name);
	if (unread != 0 || (dates == NULL) == (values == NULL) ||
	    (from == NULL) != (values == NULL))
		return invalid(signal, what);
	struct err *err = read_where(where, dimensions, signal);
	if (err != NULL)
		return err;
	return dates != NULL ? read_dates(dates, signal)
			     : read_values(from, values, calendar, signal);
}

bool series_signal_is_of(const struct series_signal *signal, struct bytes dimension)
{
	size_t begin = 0;
	for (size_t i = 0; i < SIGNAL_DIMENSIONS_MAX; i++) {
		size_t end = begin;
		while (end < dimension.len && dimension.data[end] != '|')
			end++;
		struct bytes value = bytes_of(dimension.data + begin, end - begin);
		if (signal->where[i][0] != '\0' && !bytes_equal(value, bytes_str(signal->where[i])))
			return false;
		begin = end < dimension.len ? end + 1 : end;
	}
	return true;
}

double series_signal_at(const struct series_signal *signal, const struct calendar *calendar,
			int64_t number)
{
	if (signal->value_count > 0) {
		int64_t at = number < signal->from ? 0 : number - signal->from;
		int64_t last = (int64_t)signal->value_count - 1;
		return signal->values[at < last ? at : last];
	}
	int64_t start_ms = zone_local(&calendar->zone, calendar_start(calendar, number));
	int64_t end_ms = zone_local(&calendar->zone, calendar_start(calendar, number + 1));
	int days = 0;
	for (size_t i = 0; i < signal->date_count && signal->dates_ms[i] < end_ms; i++)
		days += signal->dates_ms[i] + MS_PER_DAY > start_ms;
	return days;
}
