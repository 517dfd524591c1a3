/* A field of a record by its name, found once and read many times: "amount_minor",
 * "iot.charging.region", "attrs.country" (an entry of a map).
 *
 * Threads: a path is read-only once it is made. */
#ifndef SCHEMAS_RECORD_PATH_H
#define SCHEMAS_RECORD_PATH_H

#include "schemas/record.h"

enum { RECORD_PATH_LEN_MAX = 64, RECORD_PATH_DEPTH_MAX = 4 };

struct record_path {
	enum field_kind kind;		     /* of the field; FIELD_STRING for a map's entry */
	size_t gates[RECORD_PATH_DEPTH_MAX]; /* offsets of the bools that must be true */
	size_t gate_count;
	size_t offset;
	size_t count_offset;		       /* of the map */
	char map_key[RECORD_PATH_LEN_MAX + 1]; /* "": no map's entry */
};

/* Finds `text` in the type. Errors: FATAL PATH_UNKNOWN, which names what could stand there. */
ERR_MUST_USE struct err *record_path_find(const struct record_type *type, const char *text,
					  struct record_path *path);

/* Texts: FIELD_STRING. Absent where the record lacks it. Borrowed from the record. */
struct bytes record_path_text(const struct record_path *path, const void *record);

/* Numbers: FIELD_LONG, FIELD_INT, FIELD_DOUBLE. False where the record lacks it. */
bool record_path_is_number(const struct record_path *path);
bool record_path_number(const struct record_path *path, const void *record, double *number);

/* The same of FIELD_LONG, exactly. */
bool record_path_long(const struct record_path *path, const void *record, int64_t *number);

#endif
