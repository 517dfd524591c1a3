#include "consumers/series_shelf.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/timestamp.h"
#include "consumers/series_file.h"

const char series_shelf_key[] = "series";

/* ---- a deployment --------------------------------------------------------------------------- */

static struct err *deflate_text(const char *text, uint8_t *body, size_t *len)
{
	uLongf room = SERIES_BODY_MAX;
	if (strlen(text) > SERIES_DEPLOYED_BYTES_MAX ||
	    compress2(body, &room, (const Bytef *)text, strlen(text), Z_BEST_COMPRESSION) != Z_OK)
		return err_new(ERR_FATAL, "SERIES_TOO_LARGE",
			       "the definitions are too large to be deployed: at most %d bytes, %d "
			       "when deflated",
			       SERIES_DEPLOYED_BYTES_MAX, SERIES_BODY_MAX);
	*len = room;
	return NULL;
}

struct err *series_deployment_make(const char *text, size_t text_len, const char *name,
				   char version[SERIES_VERSION_LEN + 1], uint8_t *body, size_t *len)
{
	char hex[HASH_SHA256_HEX_LEN + 1];
	struct series_table *table = check_calloc(1, sizeof *table);
	struct err *err = series_file_parse(text, text_len, name, table);
	free(table);
	if (err != NULL)
		return err;
	json_t *json = json_loadb(text, text_len, 0, NULL);
	char *dense = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	CHECK(dense != NULL);
	hash_sha256_hex(bytes_str(dense), hex);
	memcpy(version, hex, SERIES_VERSION_LEN);
	version[SERIES_VERSION_LEN] = '\0';
	err = deflate_text(dense, body, len);
	free(dense);
	json_decref(json);
	return err;
}

bool series_deployment_read(struct bytes body, struct series_table *table)
{
	char *text = check_malloc(SERIES_DEPLOYED_BYTES_MAX);
	uLongf len = SERIES_DEPLOYED_BYTES_MAX;
	bool good = body.len > 0 && uncompress((Bytef *)text, &len, body.data, body.len) == Z_OK;
	if (good) {
		struct err *err = series_file_parse(text, len, "deployed", table);
		good = err == NULL;
		err_free(&err);
	}
	free(text);
	return good;
}

/* ---- the shelf ------------------------------------------------------------------------------ */

static bool is_on_it(const struct series_shelf *shelf,
		     const struct series_definitions_record *record)
{
	for (size_t i = 0; i < shelf->count; i++)
		if (shelf->versions[i].from_ms == record->from_ms &&
		    bytes_equal(bytes_str(shelf->versions[i].version), record->version))
			return true;
	return false;
}

bool series_shelf_add(struct series_shelf *shelf, const struct series_definitions_record *record,
		      int64_t offset)
{
	struct series_table *table = check_malloc(sizeof *table);
	bool usable = record->version.len == SERIES_VERSION_LEN &&
		      record->body.len <= SERIES_BODY_MAX && time_is_event(record->from_ms) &&
		      !is_on_it(shelf, record) && series_deployment_read(record->body, table);
	free(table);
	if (!usable)
		return false;
	if (shelf->count == SERIES_SHELVED_MAX) {
		memmove(&shelf->versions[0], &shelf->versions[1],
			--shelf->count * sizeof shelf->versions[0]);
		shelf->dropped = true;
	}
	size_t at = shelf->count++;
	memset(&shelf->versions[at], 0, sizeof shelf->versions[at]);
	shelf->versions[at].offset = offset;
	shelf->versions[at].from_ms = record->from_ms;
	shelf->versions[at].body_len = record->body.len;
	memcpy(shelf->versions[at].version, record->version.data, SERIES_VERSION_LEN);
	memcpy(shelf->versions[at].body, record->body.data, record->body.len);
	return true;
}

struct err *series_shelf_encode(struct registry *registry, const char *topic,
				const struct series_shelf *shelf, uint8_t *out, size_t *len)
{
	struct series_shelf_record record = { .dropped = shelf->dropped,
					      .version_count = shelf->count };
	for (size_t i = 0; i < shelf->count; i++)
		record.versions[i] = (struct shelved_definitions){
			.offset = shelf->versions[i].offset,
			.version = bytes_str(shelf->versions[i].version),
			.from_ms = shelf->versions[i].from_ms,
			.body = bytes_of(shelf->versions[i].body, shelf->versions[i].body_len),
		};
	return registry_encode(registry, topic, &series_shelf_type, &record, out, OUTPUT_LEN_MAX,
			       len);
}

struct err *series_shelf_decode(struct registry *registry, struct bytes value,
				struct series_shelf *shelf)
{
	struct series_shelf_record record;
	struct err *err = registry_decode(registry, &series_shelf_type, value, &record);
	if (err != NULL)
		return err;
	memset(shelf, 0, sizeof *shelf);
	for (size_t i = 0; i < record.version_count; i++) {
		const struct shelved_definitions *from = &record.versions[i];
		const struct series_definitions_record deployed = { .version = from->version,
								    .from_ms = from->from_ms,
								    .body = from->body };
		if (!series_shelf_add(shelf, &deployed, from->offset))
			return err_new(ERR_FATAL, "STATE_INVALID",
				       "deployed series can't be read by this foretell");
	}
	shelf->dropped = record.dropped;
	return NULL;
}

/* ---- the guide ------------------------------------------------------------------------------ */

void series_guide_set(struct series_guide *guide, const struct series_shelf *shelf, int64_t offset)
{
	guide->count = 0;
	guide->dropped = shelf->dropped;
	for (size_t i = 0; i < shelf->count && shelf->versions[i].offset <= offset; i++) {
		const char *version = shelf->versions[i].version;
		guide->count = i + 1;
		guide->from_ms[i] = shelf->versions[i].from_ms;
		if (strcmp(guide->versions[i], version) == 0)
			continue;
		CHECK(series_deployment_read(
			bytes_of(shelf->versions[i].body, shelf->versions[i].body_len),
			&guide->tables[i]));
		memcpy(guide->versions[i], version, SERIES_VERSION_LEN + 1);
	}
}

/* Its place; -1: the process's own. What came before the shelf's first is taken to be like it. */
static int in_force(const struct series_guide *guide, int64_t ms)
{
	for (size_t i = guide->count; i > 0; i--)
		if (guide->from_ms[i - 1] <= ms)
			return (int)i - 1;
	return guide->dropped && guide->count > 0 ? 0 : -1;
}

const struct series_table *series_guide_at(const struct series_guide *guide, int64_t ms)
{
	int at = in_force(guide, ms);
	return at < 0 ? &guide->own : &guide->tables[at];
}

const char *series_guide_version_at(const struct series_guide *guide, int64_t ms)
{
	int at = in_force(guide, ms);
	return at < 0 ? "" : guide->versions[at];
}

const struct series_definition *series_guide_find(const struct series_guide *guide,
						  struct bytes name)
{
	const struct series_definition *found = NULL;
	for (size_t i = guide->count; found == NULL && i > 0; i--)
		found = series_find(&guide->tables[i - 1], name);
	return found != NULL ? found : series_find(&guide->own, name);
}
