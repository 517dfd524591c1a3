#include "cli/series_signals.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "consumers/series_file.h"

enum { LAG_MAX = 104, DATE_LEN = 10, DIGITS = 4 };

static struct err *invalid(const char *name, const char *what)
{
	return err_new(ERR_FATAL, "SERIES_INVALID", "signal \"%.40s\": %s",
		       name == NULL ? "?" : name, what);
}

static const char *last_word(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot == NULL ? path : dot + 1;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

bool series_signals_wanted(const json_t *file, struct bytes definition)
{
	size_t i, k;
	json_t *entry, *signal;
	json_array_foreach(json_object_get(file, "series"), i, entry) {
		json_array_foreach(json_object_get(entry, "signals"), k, signal) {
			const char *series = text_of(signal, "series");
			if (series != NULL && bytes_equal(bytes_str(series), definition))
				return true;
		}
	}
	return false;
}

bool series_signals_any(const json_t *file)
{
	size_t i, k;
	json_t *entry, *signal;
	json_array_foreach(json_object_get(file, "series"), i, entry) {
		json_array_foreach(json_object_get(entry, "signals"), k, signal) {
			if (text_of(signal, "series") != NULL)
				return true;
		}
	}
	return false;
}

void series_signals_add(struct signal_states *states, struct bytes key,
			const struct series_state_record *record)
{
	size_t at = 0;
	while (at < states->count && !bytes_equal(bytes_str(states->states[at].key), key))
		at++;
	if (at == SERIES_SIGNALS_STATES_MAX || key.len > KEY_LEN_MAX ||
	    record->open_ms == TIME_NONE || record->history_count > SERIES_HISTORY_MAX)
		return;
	struct signal_state *state = &states->states[at];
	states->count += at == states->count;
	*state = (struct signal_state){ .period_ms = record->period_ms,
					.open_ms = record->open_ms,
					.count = record->history_count };
	memcpy(state->key, key.data, key.len);
	for (size_t i = 0; i < state->count; i++)
		state->history[i] = record->history[i].amount;
}

/* The dimensions of the level called `name` of a series in the file, a new list; NULL: there is no
 * such level. */
static json_t *dimensions_of(const json_t *file, const char *name)
{
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(file, "series"), i, entry) {
		const char *base = text_of(entry, "name");
		json_t *all = json_object_get(entry, "dimensions");
		size_t len = base == NULL ? 0 : strlen(base), taken = 0;
		if (len == 0 || strncmp(name, base, len) != 0)
			continue;
		json_t *found = json_array();
		for (const char *rest = name + len; *rest == '.'; rest += strcspn(rest, ".")) {
			size_t word = strcspn(++rest, ".");
			const char *field = NULL;
			for (; taken < json_array_size(all) && field == NULL; taken++) {
				field = json_string_value(json_array_get(all, taken));
				if (field != NULL && (strlen(last_word(field)) != word ||
						      strncmp(last_word(field), rest, word) != 0))
					field = NULL;
			}
			if (field == NULL)
				taken = json_array_size(all) + 1;
			else
				json_array_append_new(found, json_string(field));
		}
		if (taken <= json_array_size(all) && (name[len] == '.' || name[len] == '\0'))
			return found;
		json_decref(found);
	}
	return NULL;
}

/* Which of the driven series: those with the same values in the dimensions of the same word. */
static struct err *where_make(const char *name, const json_t *entry, const json_t *dimensions,
			      struct bytes values, json_t *where)
{
	size_t begin = 0;
	for (size_t i = 0; i < json_array_size(dimensions); i++) {
		const char *word = last_word(json_string_value(json_array_get(dimensions, i)));
		const char *field = NULL;
		size_t k, end = begin;
		json_t *own;
		while (end < values.len && values.data[end] != '|')
			end++;
		json_array_foreach(json_object_get(entry, "dimensions"), k, own) {
			const char *text = json_string_value(own);
			if (text != NULL && strcmp(last_word(text), word) == 0)
				field = text;
		}
		if (field == NULL)
			return invalid(name, "its series has a dimension that the driven one "
					     "hasn't: take a level without it");
		json_object_set_new(where, field,
				    json_stringn((const char *)values.data + begin, end - begin));
		begin = end < values.len ? end + 1 : end;
	}
	return NULL;
}

/* To a few digits: more tell nothing, and take room. */
static double rounded(int64_t amount)
{
	double size = fabs((double)amount), unit = 1;
	while (size >= unit * 1e4 && unit < 1e15)
		unit *= 10;
	return unit * floor((double)amount / unit + 0.5);
}

_Static_assert((int)DIGITS == 4, "rounded");

static struct err *signal_make(const char *name, const json_t *entry, const json_t *dimensions,
			       const struct calendar *calendar, const struct signal_state *state,
			       int64_t lag, size_t most, json_t *signals)
{
	struct series_name key;
	char from[TIME_TEXT_LEN + 1];
	if (calendar->period_ms != state->period_ms || calendar->unit == CALENDAR_HOUR)
		return invalid(name, "its series must have the same period: days, weeks or months");
	if (!series_key_split(bytes_str(state->key), &key))
		return NULL;
	json_t *where = json_object(), *values = json_array();
	struct err *err = where_make(name, entry, dimensions, key.dimension, where);
	size_t count = state->count < most ? state->count : most;
	for (size_t i = state->count - count; i < state->count; i++)
		json_array_append_new(values, json_integer((json_int_t)rounded(state->history[i])));
	int64_t first_ms = calendar_after(calendar, state->open_ms, lag - (int64_t)count);
	time_format(zone_local(&calendar->zone, first_ms), from);
	from[DATE_LEN] = '\0';
	json_t *signal = json_pack("{s:s, s:o, s:s, s:o}", "name", name, "where", where, "from",
				   from, "values", values);
	if (err == NULL && count > 0)
		json_array_append_new(signals, signal);
	else
		json_decref(signal);
	return err;
}

static struct err *fill_one(const json_t *file, const json_t *entry, const json_t *signal,
			    const struct signal_states *states, size_t most, json_t *signals)
{
	const char *name = text_of(signal, "name"), *series = text_of(signal, "series");
	json_int_t lag = json_integer_value(json_object_get(signal, "lag"));
	json_t *dimensions = dimensions_of(file, series);
	struct calendar calendar;
	struct err *err = series_file_calendar(file, entry, &calendar);
	size_t before = json_array_size(signals);
	if (err != NULL) {
		json_decref(dimensions);
		return err;
	}
	if (name == NULL || json_object_size(signal) != 3 || lag < 1 || lag > LAG_MAX)
		err = invalid(name, "expected name, series, and lag: 1 to 104 periods");
	else if (dimensions == NULL)
		err = invalid(name, "its series must be one of the file's, its dimensions at the "
				    "end of the name: charging.week.region");
	for (size_t i = 0; err == NULL && states != NULL && i < states->count; i++) {
		struct series_name key;
		if (series_key_split(bytes_str(states->states[i].key), &key) &&
		    bytes_equal(key.definition, bytes_str(series)))
			err = signal_make(name, entry, dimensions, &calendar, &states->states[i],
					  lag, most, signals);
	}
	if (err == NULL && states != NULL && json_array_size(signals) == before)
		err = err_new(ERR_FATAL, "SERIES_SIGNAL_NONE",
			      "signal \"%.40s\": no period of %.60s has closed yet: deploy the "
			      "file without this signal first",
			      name, series);
	json_decref(dimensions);
	return err;
}

struct err *series_signals_fill(json_t *file, const struct signal_states *states, size_t most)
{
	size_t i, k;
	json_t *entry, *signal;
	struct err *err = NULL;
	json_array_foreach(json_object_get(file, "series"), i, entry) {
		json_t *given = json_object_get(entry, "signals"), *filled = json_array();
		json_array_foreach(given, k, signal) {
			if (text_of(signal, "series") == NULL)
				json_array_append(filled, signal);
			else if (err == NULL)
				err = fill_one(file, entry, signal, states, most, filled);
		}
		if (json_is_array(given))
			json_object_set(entry, "signals", filled);
		json_decref(filled);
	}
	return err;
}
