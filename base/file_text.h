/* A whole file of bounded size in memory: settings, keys, definitions; never data. */
#ifndef BASE_FILE_TEXT_H
#define BASE_FILE_TEXT_H

#include <stddef.h>

#include "base/err.h"

/* The bytes of `path` and a NUL behind them into a new *text (free() it), their number into *len.
 * Errors: FATAL `code`: can't be read, and why; larger than bytes_max. *text is NULL then. */
ERR_MUST_USE struct err *file_text_read(const char *path, size_t bytes_max, const char *code,
					char **text, size_t *len);

#endif
