/* JSON objects as rows of a mapping: a column is a key or, where its name begins with "/", a JSON
 * Pointer (RFC 6901). Threads: any. */
#ifndef PRODUCERS_MAPPING_ROW_H
#define PRODUCERS_MAPPING_ROW_H

#include <jansson.h>

#include "producers/mapping.h"

/* Binds it to JSON: what mapping_row makes has a field for each column that it uses. Errors: FATAL
 * MAPPING_COLUMNS, where it is one for delimited text. */
ERR_MUST_USE struct err *mapping_bind_json(struct mapping *mapping);

/* The fields of a JSON object into row->fields, which live in the arena, as do texts made from
 * numbers; strings are borrowed from the JSON. Numbers become texts as decimal rules read them;
 * those that a double doesn't hold exactly get an exponent, which no amount may have. Missing and
 * null are empty. Errors: POISON JSON_OBJECT, JSON_COLUMN (a list or an object where a text
 * belongs). */
ERR_MUST_USE struct err *mapping_row(const struct mapping *mapping, const json_t *object,
				     struct arena *arena, struct row *row);

#endif
