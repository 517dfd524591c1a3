#include "consumers/series_file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/file_text.h"
#include "base/timestamp.h"

/* One entry of the list, as it is written. */
struct entry {
	const char *name, *measure, *unit, *period;
	json_t *types, *dimensions, *signals; /* borrowed */
	int horizon, season, decimals, utc_offset_minutes;
};

static struct err *invalid(const struct entry *entry, const char *what, const char *found)
{
	return err_new(ERR_FATAL, "SERIES_INVALID", "series %.60s: %s, not \"%.80s\"",
		       entry->name == NULL ? "?" : entry->name, what, found);
}

/* `cause` is stolen. */
static struct err *field_invalid(const struct entry *entry, const char *what, struct err *cause)
{
	struct err *err = err_new(ERR_FATAL, "SERIES_INVALID", "series %.60s: %s: %s", entry->name,
				  what, err_text(cause));
	err_free(&cause);
	return err;
}

static bool name_is_good(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len < SERIES_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static struct err *read_types(const struct entry *entry, struct series_definition *definition)
{
	size_t count = json_array_size(entry->types);
	if (!json_is_array(entry->types) || count == 0 || count > SERIES_TYPES_MAX)
		return invalid(entry, "types must be a list of 1 to 8 event types", "types");
	for (size_t i = 0; i < count; i++) {
		const char *type = json_string_value(json_array_get(entry->types, i));
		if (type == NULL || *type == '\0' || strlen(type) > EVENT_TYPE_MAX)
			return invalid(entry, "an event type such as erp.order is expected",
				       type == NULL ? "types" : type);
		series_type_add(definition, type);
	}
	return NULL;
}

static struct err *read_measure(const struct entry *entry, struct series_definition *definition)
{
	definition->counts = strcmp(entry->measure, "count") == 0;
	definition->decimals = entry->decimals;
	bool money = strcmp(entry->unit, "currency") == 0;
	if (!money && strlen(entry->unit) != SERIES_UNIT_LEN)
		return invalid(entry,
			       "unit must be \"currency\" or a code of three letters "
			       "(UN/CEFACT: KWH, C62 for pieces)",
			       entry->unit);
	snprintf(definition->unit, sizeof definition->unit, "%s", money ? "" : entry->unit);
	if (definition->counts)
		return NULL;
	struct err *err =
		record_path_find(&account_event_type, entry->measure, &definition->measure);
	if (err != NULL)
		return field_invalid(entry, "measure", err);
	return record_path_is_number(&definition->measure)
		       ? NULL
		       : invalid(entry, "measure must be a number's field, or count",
				 entry->measure);
}

static struct err *read_period(const struct entry *entry, struct series_definition *definition)
{
	if (!series_period_set(definition, entry->period))
		return invalid(entry, "period must be PT1H, P1D or P1W", entry->period);
	definition->origin_ms -= entry->utc_offset_minutes * MS_PER_MINUTE;
	definition->horizon = entry->horizon;
	definition->season = entry->season;
	if (entry->horizon < 1 || entry->horizon > HORIZON_MAX)
		return invalid(entry, "horizon must be 1 to 14 periods", "horizon");
	if (entry->season < 1 || entry->season > 60)
		return invalid(entry, "season must be 1 (none) to 60 periods", "season");
	if (entry->decimals < 0 || entry->decimals > SERIES_DECIMALS_MAX)
		return invalid(entry, "decimals must be 0 to 6", "decimals");
	if (abs(entry->utc_offset_minutes) > 14 * 60)
		return invalid(entry, "utc_offset_minutes must be -840 to 840",
			       "utc_offset_minutes");
	return NULL;
}

static struct err *read_dimensions(const struct entry *entry, struct series_definition *definition)
{
	size_t count = json_array_size(entry->dimensions);
	if (entry->dimensions != NULL &&
	    (!json_is_array(entry->dimensions) || count > SERIES_LEVELS_MAX))
		return invalid(entry, "dimensions must be a list of at most 3 fields",
			       "dimensions");
	for (size_t i = 0; i < count; i++) {
		const char *field = json_string_value(json_array_get(entry->dimensions, i));
		struct record_path *path = &definition->dimensions[i];
		if (field == NULL)
			return invalid(entry, "a dimension is the name of a field", "dimensions");
		struct err *err = record_path_find(&account_event_type, field, path);
		if (err != NULL)
			return field_invalid(entry, "dimension", err);
		if (path->kind != FIELD_STRING)
			return invalid(entry, "a dimension must be a text's field", field);
	}
	definition->dimension_count = count;
	return NULL;
}

static const char *last_word(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot == NULL ? path : dot + 1;
}

/* The definition with those of its dimensions whose bits are set in `mask`. */
static struct err *add_level(const struct entry *entry, const struct series_definition *whole,
			     unsigned mask, size_t root, struct series_table *table)
{
	if (table->count == SERIES_DEFINITIONS_MAX)
		return invalid(entry, "at most 15 series definitions, levels of dimensions counted",
			       entry->name);
	struct series_definition *added = &table->definitions[table->count];
	*added = *whole;
	added->dimension_count = 0;
	added->level_mask = mask;
	added->finest_count = whole->dimension_count;
	added->root = root;
	size_t used = strlen(added->name);
	for (size_t i = 0; i < whole->dimension_count; i++) {
		if ((mask >> i & 1) == 0)
			continue;
		added->dimensions[added->dimension_count++] = whole->dimensions[i];
		const char *word =
			last_word(json_string_value(json_array_get(entry->dimensions, i)));
		int more = snprintf(added->name + used, sizeof added->name - used, ".%s", word);
		if (more < 0 || used + (size_t)more >= sizeof added->name)
			return invalid(entry, "name and dimensions together have at most 47 bytes",
				       word);
		used += (size_t)more;
	}
	if (series_find(table, bytes_str(added->name)) != NULL)
		return invalid(entry, "each series needs a name of its own", added->name);
	table->count++;
	return NULL;
}

/* They are of the level that is forecast: the finest, which was added last. */
static struct err *read_signals(const struct entry *entry, struct series_table *table)
{
	const size_t finest = table->count - 1, first = table->signal_count;
	const struct series_definition *definition = &table->definitions[finest];
	const struct signal_periods periods = { definition->period_ms, definition->origin_ms,
						entry->utc_offset_minutes * MS_PER_MINUTE };
	size_t names = 0;
	if (entry->signals != NULL && !json_is_array(entry->signals))
		return invalid(entry, "signals must be a list", "signals");
	for (size_t i = 0; i < json_array_size(entry->signals); i++) {
		if (table->signal_count == SERIES_SIGNALS_MAX)
			return invalid(entry, "at most 32 signals in a file", "signals");
		struct series_signal *signal = &table->signals[table->signal_count];
		json_t *json = json_array_get(entry->signals, i);
		struct err *err = series_signal_read(json, entry->dimensions, &periods, signal);
		if (err != NULL)
			return field_invalid(entry, "signals", err);
		size_t same = first;
		while (same < table->signal_count &&
		       strcmp(table->signals[same].name, signal->name) != 0)
			same++;
		names += same == table->signal_count;
		if (names > SIGNALS_OF_SERIES_MAX)
			return invalid(entry, "at most 4 signals of different names",
				       signal->name);
		signal->definition = finest;
		table->signal_count++;
	}
	return NULL;
}

static struct err *read_entry(json_t *json, struct series_table *table)
{
	struct entry entry = { .measure = "count", .unit = "C62", .horizon = 7, .season = 1 };
	struct series_definition whole = { 0 };
	json_error_t error;
	if (json_unpack_ex(json, &error, JSON_STRICT,
			   "{s:s, s:o, s?s, s?s, s:s, s?o, s?i, s?i, s?i, s?i, s?o}", "name",
			   &entry.name, "types", &entry.types, "measure", &entry.measure, "unit",
			   &entry.unit, "period", &entry.period, "dimensions", &entry.dimensions,
			   "horizon", &entry.horizon, "season", &entry.season, "decimals",
			   &entry.decimals, "utc_offset_minutes", &entry.utc_offset_minutes,
			   "signals", &entry.signals) != 0)
		return invalid(&entry,
			       "a series has name, types, period, and may have measure, unit, "
			       "decimals, dimensions, horizon, season, utc_offset_minutes, signals",
			       error.text);
	if (!name_is_good(entry.name))
		return invalid(&entry,
			       "a name has lower-case letters, digits, . _ and -, at most 47",
			       entry.name);
	snprintf(whole.name, sizeof whole.name, "%s", entry.name);
	struct err *err = read_types(&entry, &whole);
	if (err == NULL)
		err = read_measure(&entry, &whole);
	if (err == NULL)
		err = read_period(&entry, &whole);
	if (err == NULL)
		err = read_dimensions(&entry, &whole);
	size_t root = table->count;
	for (unsigned mask = 0; err == NULL && mask < 1u << whole.dimension_count; mask++)
		err = add_level(&entry, &whole, mask, root, table);
	return err == NULL ? read_signals(&entry, table) : err;
}

struct err *series_file_parse(const char *text, size_t len, const char *name,
			      struct series_table *table)
{
	json_error_t error;
	table->count = table->signal_count = 0;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL)
		return err_new(ERR_FATAL, "SERIES_INVALID", "%s:%d:%d: %s", name, error.line,
			       error.column, error.text);
	json_t *list = NULL, *entry;
	size_t i;
	struct err *err = NULL;
	if (json_unpack_ex(json, &error, JSON_STRICT, "{s:o}", "series", &list) != 0 ||
	    !json_is_array(list) || json_array_size(list) == 0)
		err = err_new(ERR_FATAL, "SERIES_INVALID",
			      "expected {\"series\": [...]} with at least one series");
	else
		json_array_foreach(list, i, entry) {
			err = read_entry(entry, table);
			if (err != NULL)
				break;
		}
	json_decref(json);
	return err == NULL ? NULL : err_wrap(err, "%s", name);
}

struct err *series_file_read(const char *path, struct series_table *table)
{
	char *text = NULL;
	size_t len = 0;
	struct err *err =
		file_text_read(path, SERIES_FILE_BYTES_MAX, "SERIES_INVALID", &text, &len);
	if (err == NULL)
		err = series_file_parse(text, len, path, table);
	free(text);
	return err;
}
