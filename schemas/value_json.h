/* Any Avro value as JSON, by its writer's schema.
 *
 * Unions show their branch's value alone; bytes, fixed, and text that is not UTF-8 show as
 * {"base64": "..."}; a double that JSON can't hold shows as "NaN", "Infinity" or "-Infinity".
 *
 * Ownership: results are new json_t. Threads: any. */
#ifndef SCHEMAS_VALUE_JSON_H
#define SCHEMAS_VALUE_JSON_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"
#include "schemas/schema.h"

enum { VALUE_ITEMS_MAX = 1000000 }; /* array and map items, fields and branches of one value */

/* The value at the beginning of `avro`; *used is its length in bytes. Errors: POISON
 * AVRO_TRUNCATED, AVRO_INVALID, AVRO_UTF8, AVRO_TOO_MANY. */
ERR_MUST_USE struct err *value_to_json(const struct schema_node *root, struct bytes avro,
				       size_t *used, json_t **json);

/* Text as a JSON string, other bytes as {"base64": ...}, absent as null. */
json_t *value_text(struct bytes text);

/* {"base64": ...} of any bytes. */
json_t *value_base64(struct bytes data);

#endif
