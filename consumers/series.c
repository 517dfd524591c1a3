#include "consumers/series.h"

#include <stdio.h>

#include "base/check.h"
#include "base/timestamp.h"

static void add(struct series_table *table, const char *period, const char *attribute)
{
	CHECK(table->count < SERIES_DEFINITIONS_MAX);
	struct series_definition *added = &table->definitions[table->count++];
	bool week = strcmp(period, "week") == 0;
	*added = (struct series_definition){
		.period_ms = week ? MS_PER_WEEK : MS_PER_DAY,
		.origin_ms = week ? WEEK_ORIGIN_MS : 0,
		.iso_period = week ? "P1W" : "P1D",
		.horizon = week ? 4 : 7,
		.season = week ? 1 : 7,
	};
	int len = snprintf(added->name, sizeof added->name, "revenue.%s%s%s", period,
			   *attribute ? "." : "", attribute);
	CHECK(len > 0 && len < SERIES_NAME_MAX);
	snprintf(added->attribute, sizeof added->attribute, "%s", attribute);
}

void series_table_init(struct series_table *table, const char *const *dimensions, size_t count)
{
	CHECK(count <= SERIES_DIMENSIONS_MAX);
	table->count = 0;
	add(table, "day", "");
	add(table, "week", "");
	for (size_t i = 0; i < count; i++) {
		add(table, "day", dimensions[i]);
		add(table, "week", dimensions[i]);
	}
}

const struct series_definition *series_find(const struct series_table *table, struct bytes name)
{
	for (size_t i = 0; i < table->count; i++)
		if (bytes_equal(name, bytes_str(table->definitions[i].name)))
			return &table->definitions[i];
	return NULL;
}

/* At most SERIES_DIMENSION_LEN_MAX bytes, not ending within a UTF-8 character. */
static size_t dimension_len(struct bytes dimension)
{
	if (dimension.len <= SERIES_DIMENSION_LEN_MAX)
		return dimension.len;
	size_t len = SERIES_DIMENSION_LEN_MAX;
	while (len > 0 && (dimension.data[len] & 0xc0) == 0x80)
		len--;
	return len;
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
	size_t len = dimension_len(name->dimension);
	if (len > 0)
		memcpy(at, name->dimension.data, len);
	return bytes_of(key, (size_t)(at - key) + len);
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
