#include "consumers/series_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/file_text.h"
#include "base/timestamp.h"

/* One entry of the list, as it is written. */
struct entry {
	const char *name, *measure, *unit, *period, *time_zone;
	json_t *types, *where, *dimensions, *signals; /* borrowed */
	const json_t *zones;			      /* of the file */
	int horizon, season, decimals, utc_offset_minutes;
};

static struct err *invalid(const struct entry *entry, const char *what, const char *found)
{
	return err_new(ERR_FATAL, "SERIES_INVALID", "series %.60s: %s, not \"%.80s\"",
		       entry->name == NULL ? "?" : entry->name, what, found);
}

static struct err *invalid_number(const struct entry *entry, const char *what, int found)
{
	return err_new(ERR_FATAL, "SERIES_INVALID", "series %.60s: %s, not %d", entry->name, what,
		       found);
}

static struct err *invalid_json(const struct entry *entry, const char *what, const json_t *found)
{
	char *text = json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT);
	struct err *err = err_new(ERR_FATAL, "SERIES_INVALID", "series %.60s: %s, not %.80s",
				  entry->name == NULL ? "?" : entry->name, what, text);
	free(text);
	return err;
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
		return invalid_json(entry, "types must be a list of 1 to 8 event types",
				    entry->types);
	for (size_t i = 0; i < count; i++) {
		const char *type = json_string_value(json_array_get(entry->types, i));
		if (type == NULL || *type == '\0' || strlen(type) > EVENT_TYPE_MAX)
			return invalid_json(entry, "an event type such as erp.order is expected",
					    json_array_get(entry->types, i));
		series_type_add(definition, type);
	}
	return NULL;
}

static struct err *read_where(const struct entry *entry, struct series_definition *definition)
{
	const char *field;
	json_t *value;
	if (json_object_size(entry->where) > SERIES_FILTERS_MAX)
		return invalid_json(entry, "where has at most 4 fields", entry->where);
	json_object_foreach(entry->where, field, value) {
		struct series_filter *filter = &definition->filters[definition->filter_count++];
		const char *text = json_string_value(value);
		struct err *err = record_path_find(&account_event_type, field, &filter->field);
		if (err != NULL)
			return field_invalid(entry, "where", err);
		if (filter->field.kind != FIELD_STRING)
			return invalid(entry, "where names fields of texts", field);
		if (text == NULL || *text == '\0' || strlen(text) > SERIES_DIMENSION_LEN_MAX)
			return invalid_json(entry, "what where asks for is a text of 1 to 64 bytes",
					    value);
		snprintf(filter->value, sizeof filter->value, "%s", text);
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

static bool is_offset(int64_t minutes)
{
	return minutes >= -24 * 60 && minutes <= 24 * 60;
}

/* What foretell series deploy has filled in: the offset from UTC before the first change, then the
 * time of each change and the offset from then on, all in minutes. */
static struct err *read_zone(const struct entry *entry, struct zone *zone)
{
	const json_t *list = json_object_get(entry->zones, entry->time_zone);
	const size_t count = json_array_size(list);
	if (strlen(entry->time_zone) > ZONE_NAME_MAX || entry->utc_offset_minutes != 0)
		return invalid(entry,
			       "time_zone is a name such as Europe/Berlin, without "
			       "utc_offset_minutes",
			       entry->time_zone);
	if (list == NULL)
		return err_new(ERR_FATAL, "SERIES_INVALID",
			       "series %.60s: the changes of the clocks in %s are not in the file: "
			       "foretell series deploy fills them in (foretell series resolve "
			       "prints the file with them)",
			       entry->name, entry->time_zone);
	if (count % 2 == 0 || count / 2 > ZONE_CHANGES_MAX)
		return invalid(entry, "zones must have an offset and up to 128 changes",
			       entry->time_zone);
	snprintf(zone->name, sizeof zone->name, "%s", entry->time_zone);
	int64_t first = json_integer_value(json_array_get(list, 0));
	if (!is_offset(first))
		return invalid(entry, "zones must have times and offsets in minutes",
			       entry->time_zone);
	zone->offset_ms = first * MS_PER_MINUTE;
	for (size_t i = 1; i < count; i += 2) {
		struct zone_change *change = &zone->changes[zone->change_count++];
		int64_t minutes = json_integer_value(json_array_get(list, i));
		int64_t offset = json_integer_value(json_array_get(list, i + 1));
		if (minutes < EVENT_MS_MIN / MS_PER_MINUTE ||
		    minutes > EVENT_MS_MAX / MS_PER_MINUTE || !is_offset(offset))
			return invalid(entry, "zones must have times and offsets in minutes",
				       entry->time_zone);
		*change = (struct zone_change){ minutes * MS_PER_MINUTE, offset * MS_PER_MINUTE };
		if (i > 1 && change->at_ms <= change[-1].at_ms)
			return invalid(entry, "changes in zones must ascend", entry->time_zone);
	}
	return NULL;
}

static struct err *read_period(const struct entry *entry, struct series_definition *definition)
{
	if (!calendar_set(&definition->calendar, entry->period))
		return invalid(entry, "period must be PT1H, P1D, P1W or P1M", entry->period);
	definition->horizon = entry->horizon;
	definition->season = entry->season;
	if (entry->horizon < 1 || entry->horizon > HORIZON_MAX)
		return invalid_number(entry, "horizon must be 1 to 14 periods", entry->horizon);
	if (entry->season < 1 || entry->season > 60)
		return invalid_number(entry, "season must be 1 (none) to 60 periods",
				      entry->season);
	if (entry->decimals < 0 || entry->decimals > SERIES_DECIMALS_MAX)
		return invalid_number(entry, "decimals must be 0 to 6", entry->decimals);
	if (abs(entry->utc_offset_minutes) > 14 * 60)
		return invalid_number(entry, "utc_offset_minutes must be -840 to 840",
				      entry->utc_offset_minutes);
	definition->calendar.zone.offset_ms = entry->utc_offset_minutes * MS_PER_MINUTE;
	return entry->time_zone == NULL ? NULL : read_zone(entry, &definition->calendar.zone);
}

static struct err *read_dimensions(const struct entry *entry, struct series_definition *definition)
{
	size_t count = json_array_size(entry->dimensions);
	if (entry->dimensions != NULL &&
	    (!json_is_array(entry->dimensions) || count > SERIES_LEVELS_MAX))
		return invalid_json(entry, "dimensions must be a list of at most 3 fields",
				    entry->dimensions);
	for (size_t i = 0; i < count; i++) {
		const char *field = json_string_value(json_array_get(entry->dimensions, i));
		struct record_path *path = &definition->dimensions[i];
		if (field == NULL)
			return invalid_json(entry, "a dimension is the name of a field",
					    json_array_get(entry->dimensions, i));
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
	size_t names = 0;
	if (entry->signals != NULL && !json_is_array(entry->signals))
		return invalid_json(entry, "signals must be a list", entry->signals);
	for (size_t i = 0; i < json_array_size(entry->signals); i++) {
		if (table->signal_count == SERIES_SIGNALS_MAX)
			return invalid(entry, "at most 32 signals in a file", "signals");
		struct series_signal *signal = &table->signals[table->signal_count];
		json_t *json = json_array_get(entry->signals, i);
		struct err *err =
			series_signal_read(json, entry->dimensions, &definition->calendar, signal);
		if (err != NULL)
			return field_invalid(entry, "signals", err);
		size_t same = first;
		while (same < table->signal_count &&
		       strcmp(table->signals[same].name, signal->name) != 0)
			same++;
		names += same == table->signal_count;
		if (names > SIGNALS_OF_SERIES_MAX)
			return invalid(entry, "at most 4 signals of different names", signal->name);
		signal->definition = finest;
		table->signal_count++;
	}
	return NULL;
}

/* Each key that a series may have. */
static const struct {
	const char *key, *expected;
	json_type type;
	bool is_required;
} keys[] = {
	{ "name", "name must be a text", JSON_STRING, true },
	{ "types", "types must be a list of 1 to 8 event types", JSON_ARRAY, true },
	{ "where", "where must be an object of fields and their texts", JSON_OBJECT, false },
	{ "period", "period must be PT1H, P1D, P1W or P1M", JSON_STRING, true },
	{ "measure", "measure must be a number's field, or count", JSON_STRING, false },
	{ "unit", "unit must be a text", JSON_STRING, false },
	{ "decimals", "decimals must be 0 to 6", JSON_INTEGER, false },
	{ "dimensions", "dimensions must be a list of at most 3 fields", JSON_ARRAY, false },
	{ "horizon", "horizon must be 1 to 14 periods", JSON_INTEGER, false },
	{ "season", "season must be 1 (none) to 60 periods", JSON_INTEGER, false },
	{ "utc_offset_minutes", "utc_offset_minutes must be -840 to 840", JSON_INTEGER, false },
	{ "time_zone", "time_zone must be a name such as Europe/Berlin", JSON_STRING, false },
	{ "signals", "signals must be a list", JSON_ARRAY, false },
};

enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

static struct err *check_keys(const struct entry *entry, json_t *json)
{
	const char *key;
	json_t *value;
	if (!json_is_object(json))
		return invalid_json(entry, "a series is an object with name, types, period", json);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		value = json_object_get(json, keys[i].key);
		if (value == NULL && keys[i].is_required)
			return err_new(ERR_FATAL, "SERIES_INVALID", "series %.60s: %s is missing",
				       entry->name == NULL ? "?" : entry->name, keys[i].key);
		if (value != NULL && json_typeof(value) != keys[i].type)
			return invalid_json(entry, keys[i].expected, value);
	}
	json_object_foreach(json, key, value) {
		size_t i = 0;
		while (i < KEY_COUNT && strcmp(keys[i].key, key) != 0)
			i++;
		if (i == KEY_COUNT)
			return invalid(
				entry,
				"a series has name, types, period, and may have where, "
				"measure, unit, decimals, dimensions, horizon, season, time_zone, "
				"utc_offset_minutes, signals",
				key);
	}
	return NULL;
}

static struct err *read_entry(json_t *json, const json_t *zones, struct series_table *table)
{
	struct entry entry = {
		.measure = "count", .unit = "C62", .horizon = 7, .season = 1, .zones = zones
	};
	struct series_definition whole = { 0 };
	entry.name = json_string_value(json_object_get(json, "name"));
	struct err *err = check_keys(&entry, json);
	if (err != NULL)
		return err;
	CHECK(json_unpack(json, "{s:s, s:o, s?s, s?s, s:s, s?o, s?i, s?i, s?i, s?i, s?o, s?s, s?o}",
			  "name", &entry.name, "types", &entry.types, "measure", &entry.measure,
			  "unit", &entry.unit, "period", &entry.period, "dimensions",
			  &entry.dimensions, "horizon", &entry.horizon, "season", &entry.season,
			  "decimals", &entry.decimals, "utc_offset_minutes",
			  &entry.utc_offset_minutes, "signals", &entry.signals, "time_zone",
			  &entry.time_zone, "where", &entry.where) == 0);
	if (!name_is_good(entry.name))
		return invalid(&entry,
			       "a name has lower-case letters, digits, . _ and -, at most 47",
			       entry.name);
	snprintf(whole.name, sizeof whole.name, "%s", entry.name);
	err = read_types(&entry, &whole);
	if (err == NULL)
		err = read_where(&entry, &whole);
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

struct err *series_file_calendar(const json_t *file, const json_t *series,
				 struct calendar *calendar)
{
	struct series_definition definition = { .horizon = 0 };
	const json_t *offset = json_object_get(series, "utc_offset_minutes");
	struct entry entry = { .name = json_string_value(json_object_get(series, "name")),
			       .period = json_string_value(json_object_get(series, "period")),
			       .time_zone = json_string_value(json_object_get(series, "time_zone")),
			       .zones = json_object_get(file, "zones"),
			       .utc_offset_minutes = (int)json_integer_value(offset),
			       .horizon = 1,
			       .season = 1 };
	if (entry.name == NULL || entry.period == NULL)
		return err_new(ERR_FATAL, "SERIES_INVALID", "a series needs a name and a period");
	struct err *err = read_period(&entry, &definition);
	*calendar = definition.calendar;
	return err;
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
	json_t *list = NULL, *zones = NULL, *entry;
	size_t i;
	struct err *err = NULL;
	if (json_unpack_ex(json, &error, JSON_STRICT, "{s:o, s?o}", "series", &list, "zones",
			   &zones) != 0 ||
	    !json_is_array(list) || json_array_size(list) == 0)
		err = err_new(ERR_FATAL, "SERIES_INVALID",
			      "expected {\"series\": [...]} with at least one series");
	else
		json_array_foreach(list, i, entry) {
			err = read_entry(entry, zones, table);
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
