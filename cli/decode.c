#include "cli/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "schemas/value_json.h"

struct known_schema {
	char *text; /* the registry's text that `schema` was parsed from */
	struct schema *schema;
	const struct schema_node *root;
};

struct decoder {
	struct registry *registry; /* borrowed */
	size_t count, next;	   /* the oldest gives way */
	struct known_schema known[DECODE_SCHEMAS_MAX];
};

/* ---- public --------------------------------------------------------------------------------- */

struct decoder *decoder_new(struct registry *registry)
{
	struct decoder *decoder = check_calloc(1, sizeof *decoder);
	decoder->registry = registry;
	return decoder;
}

static void known_fini(struct known_schema *known)
{
	schema_free(&known->schema);
	free(known->text);
}

void decoder_free(struct decoder **decoder)
{
	if (*decoder == NULL)
		return;
	for (size_t i = 0; i < (*decoder)->count; i++)
		known_fini(&(*decoder)->known[i]);
	free(*decoder);
	*decoder = NULL;
}

/* The parsed form of a schema's text, made once. */
static struct err *schema_get(struct decoder *decoder, const char *text,
			      const struct schema_node **root)
{
	for (size_t i = 0; i < decoder->count; i++) {
		if (strcmp(decoder->known[i].text, text) == 0) {
			*root = decoder->known[i].root;
			return NULL;
		}
	}
	struct known_schema fresh = { 0 };
	struct err *err = schema_parse(text, &fresh.schema, &fresh.root);
	if (err != NULL)
		return err;
	fresh.text = check_strdup(text);
	if (decoder->count < DECODE_SCHEMAS_MAX) {
		decoder->known[decoder->count++] = fresh;
	} else {
		known_fini(&decoder->known[decoder->next]);
		decoder->known[decoder->next] = fresh;
		decoder->next = (decoder->next + 1) % DECODE_SCHEMAS_MAX;
	}
	*root = fresh.root;
	return NULL;
}

struct err *decode_value(struct decoder *decoder, struct bytes value, json_t **json)
{
	const char *text;
	const struct schema_node *root;
	if (value.data == NULL) {
		*json = json_null();
		return NULL;
	}
	struct err *err = registry_schema_text(decoder->registry, value, &text);
	if (err == NULL)
		err = schema_get(decoder, text, &root);
	if (err != NULL)
		return err;
	CHECK(value.len >= WIRE_HEADER_LEN);
	size_t used = 0;
	struct bytes avro = bytes_of(value.data + WIRE_HEADER_LEN, value.len - WIRE_HEADER_LEN);
	err = value_to_json(root, avro, &used, json);
	if (err == NULL && used != avro.len) {
		json_decref(*json);
		*json = NULL;
		err = err_new(ERR_POISON, "AVRO_TRAILING", "%zu bytes are left after the value",
			      avro.len - used);
	}
	return err;
}

/* As an object; a name that comes again makes its values a list. */
static json_t *headers_json(const struct header *headers, size_t count)
{
	json_t *object = json_object();
	for (size_t i = 0; i < count; i++) {
		json_t *value = value_text(headers[i].value);
		json_t *before = json_object_get(object, headers[i].name);
		if (before == NULL) {
			json_object_set_new(object, headers[i].name, value);
		} else if (json_is_array(before)) {
			json_array_append_new(before, value);
		} else {
			json_t *list = json_array();
			json_array_append(list, before);
			json_array_append_new(list, value);
			json_object_set_new(object, headers[i].name, list);
		}
	}
	return object;
}

struct err *decode_record(struct decoder *decoder, const struct record *record, json_t **json)
{
	json_t *value = NULL;
	struct err *err = NULL;
	if (decoder != NULL)
		err = decode_value(decoder, record->value, &value);
	if (err != NULL && err_verdict(err) == ERR_RETRY)
		return err;
	if (value == NULL)
		value = record->value.data == NULL ? json_null() : value_base64(record->value);
	if (err != NULL) {
		json_t *text = json_string(err_text(err));
		json_object_set_new(value, "error", text != NULL ? text : json_string("invalid"));
		err_free(&err);
	}
	*json = json_pack("{s:s, s:i, s:I, s:I, s:o, s:o, s:o}", "topic", record->topic,
			  "partition", (int)record->partition, "offset", (json_int_t)record->offset,
			  "timestamp", (json_int_t)record->timestamp_ms, "key",
			  value_text(record->key), "headers",
			  headers_json(record->headers, record->header_count), "value", value);
	CHECK(*json != NULL);
	return NULL;
}
