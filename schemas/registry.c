#include "schemas/registry.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "schemas/record_plan.h"
#include "schemas/registry_http.h"
#include "schemas/registry_local.h"
#include "schemas/schema.h"
#include "schemas/types.h"

enum {
	ENTRIES_MAX = 1024, /* writers' schemas that one worker meets */
	SLOT_BITS = 11,
	SLOTS = 1 << SLOT_BITS,	     /* of the table over them */
	PLANS_MAX = 16,		     /* record types that one schema is read as */
	WRITERS_REMEMBERED_MAX = 64, /* (topic, type) pairs that one worker writes */
	UNKNOWN_MAX = 256,	     /* ids remembered as unknown, the oldest overwritten */
	UNKNOWN_MS = 30 * 1000,	     /* for so long: an id may be registered after its first use */
	REASON_LEN_MAX = 256,
	DESCRIPTION_MAX = 1200,
};

_Static_assert(2 * ENTRIES_MAX <= SLOTS, "a search ends soon, at an empty slot");

/* How one schema is read as one type; plan NULL where it can't be, and why. */
struct reading {
	const struct record_type *type;
	struct record_plan *plan;
	char *refusal;
};

struct entry {
	int32_t id;
	char *text, *name;
	struct reading readings[PLANS_MAX];
	size_t reading_count;
};

struct unknown {
	int32_t id;
	int64_t until_ms; /* monotonic */
};

struct writer {
	char topic[TOPIC_NAME_MAX + 1]; /* "": of the project's own ids, the same in every topic */
	const struct record_type *type;
	int32_t id;
};

struct registry {
	struct registry_http *http; /* NULL: the project's own ids */
	struct entry *slots[SLOTS];
	struct entry *last; /* the one found last: records of one schema come in runs */
	size_t entry_count;
	struct unknown unknowns[UNKNOWN_MAX];
	size_t unknown_next;
	struct writer writers[WRITERS_REMEMBERED_MAX];
	size_t writer_count;
	char description[DESCRIPTION_MAX];
};

struct err *registry_open(const char *url, struct registry **out)
{
	*out = NULL;
	struct registry *registry = check_calloc(1, sizeof *registry);
	if (url == NULL || url[0] == '\0') {
		snprintf(registry->description, sizeof registry->description,
			 "no schema registry: the project's own schema ids are in use "
			 "(schemas/registry.json)");
		*out = registry;
		return NULL;
	}
	struct err *err = registry_http_open(url, &registry->http);
	if (err) {
		free(registry);
		return err;
	}
	snprintf(registry->description, sizeof registry->description, "schema registry at %s",
		 registry_http_address(registry->http));
	*out = registry;
	return NULL;
}

static void entry_free(struct entry *entry)
{
	for (size_t i = 0; i < entry->reading_count; i++) {
		record_plan_free(&entry->readings[i].plan);
		free(entry->readings[i].refusal);
	}
	free(entry->text);
	free(entry->name);
	free(entry);
}

static void entries_forget(struct registry *registry)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (registry->slots[i])
			entry_free(registry->slots[i]);
		registry->slots[i] = NULL;
	}
	registry->entry_count = 0;
	registry->last = NULL;
}

void registry_close(struct registry **registry)
{
	if (*registry == NULL)
		return;
	entries_forget(*registry);
	registry_http_close(&(*registry)->http);
	free(*registry);
	*registry = NULL;
}

const char *registry_describe(const struct registry *registry)
{
	return registry->description;
}

/* ---- writing ---- */

/* A type that shares topics with others, whose subject <topic>-value is, stands under its own full
 * name in every topic. */
static struct err *subject_of(const char *topic, const struct record_type *type,
			      char subject[static TOPIC_NAME_MAX + 8])
{
	if (!type->own_subject) {
		snprintf(subject, TOPIC_NAME_MAX + 8, "%s-value", topic);
		return NULL;
	}
	struct schema *schema;
	const struct schema_node *root;
	struct err *err = record_own_parse(type, record_own_text(type->name), &schema, &root);
	if (err)
		return err;
	snprintf(subject, TOPIC_NAME_MAX + 8, "%s", root->name);
	schema_free(&schema);
	return NULL;
}

static struct err *own_id(const struct record_type *type, int32_t *id)
{
	*id = registry_local_id(type->name);
	return *id ? NULL
		   : err_new(ERR_FATAL, "REGISTRY_REFUSED", "%s has no id among the project's own",
			     type->name);
}

static struct err *register_text(struct registry *registry, const char *topic,
				 const struct record_type *type, const char *text, int32_t *id)
{
	char subject[TOPIC_NAME_MAX + 8];
	struct err *err = subject_of(topic, type, subject);
	if (err == NULL)
		err = registry_http_register(registry->http, subject, text, id);
	return err;
}

static struct err *writer_add(struct registry *registry, const char *topic,
			      const struct record_type *type, int32_t *id)
{
	const char *text = record_own_text(type->name);
	if (text == NULL || strlen(topic) > TOPIC_NAME_MAX ||
	    registry->writer_count == WRITERS_REMEMBERED_MAX)
		return err_new(ERR_FATAL, "REGISTRY_REFUSED",
			       "%s can't be written to %s: no such schema, a topic's name too "
			       "long, or too many topics",
			       type->name, topic);
	struct err *err = registry->http != NULL ? register_text(registry, topic, type, text, id)
						 : own_id(type, id);
	if (err)
		return err;
	struct writer *writer = &registry->writers[registry->writer_count++];
	snprintf(writer->topic, sizeof writer->topic, "%s", registry->http != NULL ? topic : "");
	writer->type = type;
	writer->id = *id;
	return NULL;
}

struct err *registry_writer_id(struct registry *registry, const char *topic,
			       const struct record_type *type, int32_t *id)
{
	for (size_t i = 0; i < registry->writer_count; i++) {
		const struct writer *writer = &registry->writers[i];
		if (writer->type == type &&
		    (registry->http == NULL || strcmp(writer->topic, topic) == 0)) {
			*id = writer->id;
			return NULL;
		}
	}
	return writer_add(registry, topic, type, id);
}

struct err *registry_encode(struct registry *registry, const char *topic,
			    const struct record_type *type, const void *record, uint8_t *out,
			    size_t out_max, size_t *len)
{
	*len = 0;
	int32_t id;
	struct err *err = registry_writer_id(registry, topic, type, &id);
	if (err)
		return err;
	if (out_max < WIRE_HEADER_LEN)
		return err_new(ERR_POISON, "RECORD_TOO_LARGE", "no room for the wire header");
	err = record_encode(type, record, out + WIRE_HEADER_LEN, out_max - WIRE_HEADER_LEN, len);
	if (err)
		return err;
	out[0] = 0;
	for (unsigned i = 0; i < sizeof id; i++)
		out[1 + i] = (uint8_t)((uint32_t)id >> (24 - 8 * i));
	*len += WIRE_HEADER_LEN;
	return NULL;
}

/* ---- reading ---- */

static struct err *wire_id(struct bytes value, int32_t *id)
{
	if (value.data == NULL || value.len < WIRE_HEADER_LEN)
		return err_new(ERR_POISON, "WIRE_TRUNCATED",
			       "%zu bytes; a magic byte and a schema id take %d", value.len,
			       WIRE_HEADER_LEN);
	const uint8_t *data = value.data;
	if (data[0] != 0)
		return err_new(ERR_POISON, "WIRE_MAGIC", "magic byte 0x%02x where 0x00 must be",
			       data[0]);
	*id = (int32_t)((uint32_t)data[1] << 24 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 8 |
			data[4]);
	return NULL;
}

static struct entry **slot_of(struct registry *registry, int32_t id)
{
	/* Fibonacci hashing; ids are mostly small and dense. */
	size_t at = ((uint32_t)id * UINT32_C(2654435769)) >> (32 - SLOT_BITS);
	while (registry->slots[at] && registry->slots[at]->id != id)
		at = (at + 1) & (SLOTS - 1);
	return &registry->slots[at];
}

static struct err *unknown_err(int32_t id)
{
	return err_new(ERR_POISON, "SCHEMA_ID_UNKNOWN", "no Avro schema has the id %d", id);
}

static bool unknown_remembered(const struct registry *registry, int32_t id)
{
	int64_t now_ms = time_monotonic_ms();
	for (size_t i = 0; i < UNKNOWN_MAX; i++)
		if (registry->unknowns[i].id == id && registry->unknowns[i].until_ms > now_ms)
			return true;
	return false;
}

static struct err *unknown_add(struct registry *registry, int32_t id)
{
	registry->unknowns[registry->unknown_next] =
		(struct unknown){ .id = id, .until_ms = time_monotonic_ms() + UNKNOWN_MS };
	registry->unknown_next = (registry->unknown_next + 1) % UNKNOWN_MAX;
	return unknown_err(id);
}

/* The text under an id, new, or NULL where nobody knows it. */
static struct err *text_find(struct registry *registry, int32_t id, char **text)
{
	if (registry->http)
		return registry_http_get(registry->http, id, text);
	const char *own = registry_local_text(id);
	*text = own ? check_strdup(own) : NULL;
	return NULL;
}

/* Takes `text` (stolen) in under its id. A text that is no Avro schema of its own (it may refer to
 * others) counts as unknown. */
static struct err *entry_add(struct registry *registry, int32_t id, char *text, struct entry **slot)
{
	struct schema *schema;
	const struct schema_node *root;
	struct err *err = schema_parse(text, &schema, &root);
	if (err) {
		err_free(&err);
		free(text);
		return unknown_add(registry, id);
	}
	struct entry *entry = check_calloc(1, sizeof *entry);
	entry->id = id;
	entry->text = text;
	entry->name = check_strdup(root->name ? root->name : schema_kind_name(root->kind));
	schema_free(&schema);
	*slot = entry;
	registry->entry_count++;
	return NULL;
}

static struct err *entry_find(struct registry *registry, struct bytes value, struct entry **entry)
{
	int32_t id = 0;
	struct err *err = wire_id(value, &id);
	if (err)
		return err;
	*entry = registry->last;
	if (*entry && (*entry)->id == id)
		return NULL;
	struct entry **slot = slot_of(registry, id);
	registry->last = *entry = *slot;
	if (*entry)
		return NULL;
	if (id <= 0 || unknown_remembered(registry, id))
		return unknown_err(id);
	char *text;
	err = text_find(registry, id, &text);
	if (err)
		return err;
	if (text == NULL)
		return unknown_add(registry, id);
	if (registry->entry_count == ENTRIES_MAX) { /* slow, but the line goes on */
		log_emit(LOG_WARN, "registry", "many schemas: are they registered for each record?",
			 "{s:i}", "schemas", ENTRIES_MAX);
		entries_forget(registry);
		slot = slot_of(registry, id);
	}
	err = entry_add(registry, id, text, slot);
	registry->last = *entry = *slot;
	return err;
}

/* Makes the plan once; a refusal is remembered too, so that a stream of such records costs no plan
 * each. */
static struct err *reading_add(struct entry *entry, const struct record_type *type,
			       struct reading **out)
{
	CHECK(entry->reading_count < PLANS_MAX);
	struct record_plan *plan;
	struct err *err = record_plan_new(type, entry->text, &plan);
	if (err && strcmp(err_code(err), "SCHEMA_TABLE") == 0)
		return err;
	struct reading *reading = &entry->readings[entry->reading_count++];
	*reading = (struct reading){ .type = type, .plan = plan };
	if (err) {
		reading->refusal = check_malloc(REASON_LEN_MAX);
		snprintf(reading->refusal, REASON_LEN_MAX, "%s", err_text(err));
		err_free(&err);
	}
	*out = reading;
	return NULL;
}

static struct err *reading_find(struct entry *entry, const struct record_type *type,
				struct reading **reading)
{
	for (size_t i = 0; i < entry->reading_count; i++) {
		if (entry->readings[i].type == type) {
			*reading = &entry->readings[i];
			return NULL;
		}
	}
	return reading_add(entry, type, reading);
}

struct err *registry_record_name(struct registry *registry, struct bytes value, const char **name)
{
	struct entry *entry;
	struct err *err = entry_find(registry, value, &entry);
	*name = err ? NULL : entry->name;
	return err;
}

struct err *registry_schema_text(struct registry *registry, struct bytes value, const char **text)
{
	struct entry *entry;
	struct err *err = entry_find(registry, value, &entry);
	*text = err ? NULL : entry->text;
	return err;
}

struct err *registry_decode(struct registry *registry, const struct record_type *type,
			    struct bytes value, void *record)
{
	struct entry *entry;
	struct reading *reading = NULL;
	struct err *err = entry_find(registry, value, &entry);
	if (err == NULL)
		err = reading_find(entry, type, &reading);
	if (err)
		return err;
	if (reading->plan == NULL)
		return err_new(ERR_POISON, "SCHEMA_MISMATCH", "schema %d (%s): %s", entry->id,
			       entry->name, reading->refusal);
	return record_decode(reading->plan,
			     bytes_of(value.data + WIRE_HEADER_LEN, value.len - WIRE_HEADER_LEN),
			     record);
}
