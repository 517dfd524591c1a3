/* The project's own schemas, as they stand in schemas/NAME.avsc, embedded by the build. */
#ifndef SCHEMAS_TEXTS_H
#define SCHEMAS_TEXTS_H

#include <stddef.h>

struct schema_text {
	const char *name; /* file name without .avsc */
	const char *text; /* the file, terminated */
};

extern const struct schema_text schema_texts[]; /* sorted by name */
extern const size_t schema_text_count;

#endif
