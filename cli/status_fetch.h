/* /status of a running process, fetched from where it listens. */
#ifndef CLI_STATUS_FETCH_H
#define CLI_STATUS_FETCH_H

#include <jansson.h>

#include "base/err.h"

enum { STATUS_FETCH_BYTES_MAX = 32 * 1024 * 1024, STATUS_FETCH_MS = 5000 };

/* The answer of the process at `address` (host:port; 0.0.0.0 and :: are taken as loopback), new.
 * Errors: RETRY STATUS_UNREACHABLE; FATAL STATUS_FOREIGN: something else answers there. */
ERR_MUST_USE struct err *status_fetch(const char *address, json_t **status);

#endif
