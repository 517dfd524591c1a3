/* JSON into a record, by its field table: every field is checked, every error names its field by
 * its path ("payload.order.line_count").
 *
 * Strict: an unknown field, a missing required one, a wrong type and a number that does not fit are
 * errors. null stands for absence where a field is optional. Times are integers (ms) or, in fields
 * whose name ends with "_ms", RFC 3339 texts too. Doubles take integers.
 *
 * Ownership: strings are borrowed from the JSON. Threads: any. */
#ifndef SCHEMAS_RECORD_JSON_H
#define SCHEMAS_RECORD_JSON_H

#include <jansson.h>

#include "schemas/record.h"

enum { RECORD_JSON_PATH_MAX = 200 };

/* Fills *record (of `type`) from an object. `preset`: names of fields, ended by NULL, that the
 * caller has set or will set; the object may not have them, and they are not required.
 * path[RECORD_JSON_PATH_MAX] becomes the field that an error is about, "" where it is about the
 * whole. Errors: POISON JSON_FIELD. */
ERR_MUST_USE struct err *record_from_json(const struct record_type *type, const json_t *object,
					  const char *const *preset, void *record, char *path);

#endif
