/* Records as JSON for people: any framed Avro value by its own writer's schema.
 *
 * Unions show their branch's value alone; bytes, fixed, and text that is not UTF-8 show as
 * {"base64": "..."}; a double that JSON can't hold shows as "NaN", "Infinity" or "-Infinity".
 *
 * Ownership: results are new json_t. Threads: one. */
#ifndef CLI_DECODE_H
#define CLI_DECODE_H

#include <jansson.h>

#include "kafka/bus.h"
#include "schemas/registry.h"

enum {
	DECODE_SCHEMAS_MAX = 64,    /* parsed schemas that are remembered */
	DECODE_ITEMS_MAX = 1000000, /* array and map items, fields and branches of one value */
};

struct decoder;

/* A new decoder; registry is borrowed and must outlive it. Free with decoder_free(&decoder). */
struct decoder *decoder_new(struct registry *registry);
void decoder_free(struct decoder **decoder);

/* The value as JSON; absent gives null. Errors: POISON WIRE_*, SCHEMA_ID_UNKNOWN, AVRO_*; RETRY
 * REGISTRY_UNREACHABLE; FATAL SCHEMA_INVALID. */
ERR_MUST_USE struct err *decode_value(struct decoder *decoder, struct bytes value, json_t **json);

/* Text as a JSON string, other bytes as {"base64": ...}, absent as null. */
json_t *decode_text(struct bytes text);

/* {"base64": ...} of any bytes. */
json_t *decode_base64(struct bytes data);

/* Headers as an object; a name that comes again makes its values a list. */
json_t *decode_headers(const struct header *headers, size_t count);

/* {"topic","partition","offset","timestamp","key","headers","value"}. A value that can't be
 * decoded, or any value where decoder is NULL, shows as {"base64": ..., "error": ...}; the error is
 * left out where nothing was tried. Errors: RETRY REGISTRY_UNREACHABLE. */
ERR_MUST_USE struct err *decode_record(struct decoder *decoder, const struct record *record,
				       json_t **json);

#endif
