#include "consumers/series.h"

#include <stdio.h>

#include "base/check.h"

void series_type_add(struct series_definition *definition, const char *type)
{
	size_t i = definition->type_count++, len = strlen(type);
	CHECK(i < SERIES_TYPES_MAX && len <= EVENT_TYPE_MAX);
	definition->type_lens[i] = len;
	memcpy(definition->types[i], type, len);
}

static void find_path(const char *text, struct record_path *path)
{
	struct err *err = record_path_find(&account_event_type, text, path);
	CHECK(err == NULL);
}

static void add(struct series_table *table, bool week, const char *attribute)
{
	CHECK(table->count < SERIES_DEFINITIONS_MAX);
	struct series_definition *added = &table->definitions[table->count++];
	*added = (struct series_definition){
		.horizon = week ? 4 : 7,
		.season = week ? 1 : 7,
	};
	series_type_add(added, "erp.order");
	series_type_add(added, "erp.return");
	CHECK(calendar_set(&added->calendar, week ? "P1W" : "P1D"));
	find_path("amount_minor", &added->measure);
	int len = snprintf(added->name, sizeof added->name, "revenue.%s%s%s", week ? "week" : "day",
			   *attribute ? "." : "", attribute);
	CHECK(len > 0 && len < SERIES_NAME_MAX);
	if (*attribute == '\0')
		return;
	char path[RECORD_PATH_LEN_MAX + 1];
	snprintf(path, sizeof path, "attrs.%s", attribute);
	find_path(path, &added->dimensions[added->dimension_count++]);
	/* Several dimensions part the total apart from each other: it is the sum of the first's. */
	struct series_definition *total = &table->definitions[week ? 1 : 0];
	added->root = week ? 1 : 0;
	added->finest_count = total->finest_count == 0;
	added->level_mask = (unsigned)added->finest_count;
	total->finest_count = 1;
	total->root = added->root;
}

void series_table_init(struct series_table *table, const char *const *dimensions, size_t count)
{
	CHECK(count <= SERIES_DIMENSIONS_MAX);
	table->count = table->signal_count = 0;
	add(table, false, "");
	add(table, true, "");
	for (size_t i = 0; i < count; i++) {
		add(table, false, dimensions[i]);
		add(table, true, dimensions[i]);
	}
}

const struct series_definition *series_find(const struct series_table *table, struct bytes name)
{
	for (size_t i = 0; i < table->count; i++)
		if (bytes_equal(name, bytes_str(table->definitions[i].name)))
			return &table->definitions[i];
	return NULL;
}

int32_t series_decimals(const struct series_definition *definition, struct bytes unit)
{
	static const char none[] =
		"BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF "
		"XPF ";
	static const char three[] = "BHD IQD JOD KWD LYD OMR TND ";
	char code[SERIES_UNIT_LEN + 2] = "    ";
	if (definition->unit[0] != '\0')
		return definition->decimals;
	memcpy(code, unit.data, unit.len < SERIES_UNIT_LEN ? unit.len : SERIES_UNIT_LEN);
	if (strstr(none, code) != NULL)
		return 0;
	return strstr(three, code) != NULL ? 3 : 2;
}

struct bytes series_key(const struct series_name *name, uint8_t key[KEY_LEN_MAX])
{
	CHECK(name->definition.len < SERIES_NAME_MAX && name->unit.len == SERIES_UNIT_LEN);
	uint8_t *at = key;
	memcpy(at, name->definition.data, name->definition.len);
	at += name->definition.len;
	*at++ = '/';
	memcpy(at, name->unit.data, SERIES_UNIT_LEN);
	at += SERIES_UNIT_LEN;
	*at++ = '/';
	struct bytes dimension = bytes_cut(name->dimension, SERIES_DIMENSION_LEN_MAX);
	if (dimension.len > 0)
		memcpy(at, dimension.data, dimension.len);
	return bytes_of(key, (size_t)(at - key) + dimension.len);
}

bool series_key_split(struct bytes key, struct series_name *name)
{
	const uint8_t *slash = key.len > 0 ? memchr(key.data, '/', key.len) : NULL;
	if (slash == NULL)
		return false;
	name->definition = bytes_of(key.data, (size_t)(slash - key.data));
	size_t rest = key.len - name->definition.len - 1;
	if (rest < SERIES_UNIT_LEN + 1 || slash[1 + SERIES_UNIT_LEN] != '/')
		return false;
	name->unit = bytes_of(slash + 1, SERIES_UNIT_LEN);
	name->dimension = bytes_of(slash + 2 + SERIES_UNIT_LEN, rest - SERIES_UNIT_LEN - 1);
	return true;
}

/* ---- hierarchies ---------------------------------------------------------------------------- */

static unsigned all_of(const struct series_definition *definition)
{
	return (1u << definition->finest_count) - 1;
}

bool series_is_finest(const struct series_definition *definition)
{
	return definition->finest_count > 0 && definition->level_mask == all_of(definition);
}

bool series_is_total(const struct series_definition *definition)
{
	return definition->finest_count > 0 && definition->level_mask != all_of(definition);
}

/* The values of `text` that `mask` has, with | between them. */
static struct bytes values_of(struct bytes text, unsigned mask, uint8_t *out)
{
	size_t len = 0, value = 0;
	bool any = false;
	for (size_t begin = 0, i = 0; i <= text.len; i++) {
		if (i < text.len && text.data[i] != '|')
			continue;
		if (mask >> value & 1) {
			if (any)
				out[len++] = '|';
			memcpy(out + len, text.data + begin, i - begin);
			len += i - begin;
			any = true;
		}
		value++;
		begin = i + 1;
	}
	return bytes_of(out, len);
}

size_t series_parents(const struct series_table *table, struct bytes key,
		      struct series_parent *parents)
{
	struct series_name name;
	size_t count = 0;
	if (!series_key_split(key, &name) || name.definition.len >= SERIES_NAME_MAX ||
	    name.dimension.len > SERIES_DIMENSION_LEN_MAX)
		return 0;
	const struct series_definition *own = series_find(table, name.definition);
	if (own == NULL || !series_is_finest(own))
		return 0;
	for (size_t i = 0; i < table->count && count < SERIES_PARENTS_MAX; i++) {
		const struct series_definition *total = &table->definitions[i];
		uint8_t values[SERIES_DIMENSION_LEN_MAX];
		if (total->root != own->root || !series_is_total(total))
			continue;
		struct series_parent *parent = &parents[count++];
		const struct series_name parent_name = { bytes_str(total->name), name.unit,
							 values_of(name.dimension,
								   total->level_mask, values) };
		parent->definition = total;
		parent->key_len = series_key(&parent_name, parent->key).len;
	}
	return count;
}

bool series_whole(const struct series_definition *definition, const struct series_name *name,
		  uint8_t key[KEY_LEN_MAX], size_t *len)
{
	if (definition->dimension_count == 0 || series_is_total(definition))
		return false;
	const struct series_name whole = { name->definition, name->unit, bytes_of(NULL, 0) };
	*len = series_key(&whole, key).len;
	return true;
}

/* ---- signals -------------------------------------------------------------------------------- */

void series_signals(const struct series_table *table, const struct series_definition *definition,
		    struct bytes dimension, int64_t start_ms, size_t points, double *rows,
		    size_t *count)
{
	const struct series_signal *found[SIGNALS_OF_SERIES_MAX];
	const size_t own = (size_t)(definition - table->definitions);
	*count = 0;
	for (size_t i = 0; i < table->signal_count; i++) {
		const struct series_signal *signal = &table->signals[i];
		size_t same = 0;
		while (same < *count && strcmp(found[same]->name, signal->name) != 0)
			same++;
		if (signal->definition == own && same == *count &&
		    series_signal_is_of(signal, dimension)) {
			CHECK(*count < SIGNALS_OF_SERIES_MAX);
			found[(*count)++] = signal;
		}
	}
	const struct calendar *calendar = &definition->calendar;
	int64_t number = *count > 0 ? calendar_number(calendar, start_ms) : 0;
	for (size_t t = 0; *count > 0 && t < points; t++, number++)
		for (size_t k = 0; k < *count; k++)
			rows[t * *count + k] = series_signal_at(found[k], calendar, number);
}

/* ---- events --------------------------------------------------------------------------------- */

static bool type_matches(const struct series_definition *definition, struct bytes type)
{
	for (size_t i = 0; i < definition->type_count; i++)
		if (bytes_equal(type, bytes_of(definition->types[i], definition->type_lens[i])))
			return true;
	return false;
}

static bool passes(const struct series_definition *definition, const struct account_event *event)
{
	bool passed = true;
	for (size_t i = 0; passed && i < definition->filter_count; i++) {
		const struct series_filter *filter = &definition->filters[i];
		passed = bytes_equal(record_path_text(&filter->field, event),
				     bytes_str(filter->value));
	}
	return passed;
}

/* In units of 10^-decimals, to the nearest; false where it is none, or larger than a double holds
 * exactly. */
static bool measure(const struct series_definition *definition, const struct account_event *event,
		    int64_t *amount)
{
	static const double scales[SERIES_DECIMALS_MAX + 1] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
	static const double exact_max = 9007199254740992.0; /* 2^53 */
	double number = 1;
	if (definition->decimals == 0 && definition->measure.kind == FIELD_LONG &&
	    !definition->counts)
		return record_path_long(&definition->measure, event, amount);
	if (!definition->counts && !record_path_number(&definition->measure, event, &number))
		return false;
	number *= scales[definition->decimals];
	if (!(number > -exact_max && number < exact_max))
		return false;
	*amount = number < 0 ? -(int64_t)(0.5 - number) : (int64_t)(number + 0.5);
	return true;
}

/* The values of the dimensions with | between them into text[SERIES_DIMENSION_LEN_MAX]. */
static void dimension_text(const struct series_definition *definition,
			   const struct account_event *event,
			   uint8_t text[SERIES_DIMENSION_LEN_MAX], size_t *len)
{
	size_t count = definition->dimension_count;
	size_t finest = definition->finest_count > count ? definition->finest_count : count;
	*len = 0;
	for (size_t i = 0; i < count; i++) {
		struct bytes value = record_path_text(&definition->dimensions[i], event);
		if (value.len == 0)
			value = bytes_str("-");
		if (i > 0)
			text[(*len)++] = '|';
		value = bytes_cut(value, (SERIES_DIMENSION_LEN_MAX + 1) / finest - 1);
		for (size_t k = 0; k < value.len; k++)
			text[(*len)++] = value.data[k] == '|' ? '/' : value.data[k];
	}
}

bool series_take(const struct series_definition *definition, const struct account_event *event,
		 int64_t *amount, uint8_t key[KEY_LEN_MAX], size_t *len)
{
	uint8_t text[SERIES_DIMENSION_LEN_MAX];
	size_t text_len = 0;
	if (!type_matches(definition, event->event.type) || !passes(definition, event) ||
	    !measure(definition, event, amount))
		return false;
	dimension_text(definition, event, text, &text_len);
	struct bytes unit =
		definition->unit[0] != '\0' ? bytes_str(definition->unit) : event->event.currency;
	if (unit.len != SERIES_UNIT_LEN)
		return false;
	const struct series_name name = { bytes_str(definition->name), unit,
					  bytes_of(text, text_len) };
	*len = series_key(&name, key).len;
	return true;
}
