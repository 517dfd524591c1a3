/* Records as JSON for people: any framed Avro value by its own writer's schema
 * (schemas/value_json.h says how it shows).
 *
 * Ownership: results are new json_t. Threads: one. */
#ifndef CLI_DECODE_H
#define CLI_DECODE_H

#include <jansson.h>

#include "kafka/bus.h"
#include "schemas/registry.h"

enum { DECODE_SCHEMAS_MAX = 64 }; /* parsed schemas that are remembered */

struct decoder;

/* A new decoder; registry is borrowed and must outlive it. Free with decoder_free(&decoder). */
struct decoder *decoder_new(struct registry *registry);
void decoder_free(struct decoder **decoder);

/* The value as JSON; absent gives null. Errors: POISON WIRE_*, SCHEMA_ID_UNKNOWN, AVRO_*; RETRY
 * REGISTRY_UNREACHABLE; FATAL SCHEMA_INVALID. */
ERR_MUST_USE struct err *decode_value(struct decoder *decoder, struct bytes value, json_t **json);

/* {"topic","partition","offset","timestamp","key","headers","value"}. A value that can't be
 * decoded, or any value where decoder is NULL, shows as {"base64": ..., "error": ...}; the error is
 * left out where nothing was tried. Errors: RETRY REGISTRY_UNREACHABLE. */
ERR_MUST_USE struct err *decode_record(struct decoder *decoder, const struct record *record,
				       json_t **json);

#endif
