/* The HTTP interface of a Confluent-compatible schema registry: look up an id, register a text.
 *
 * Every request has a time-out and every answer a bound. Threads: one. */
#ifndef SCHEMAS_REGISTRY_HTTP_H
#define SCHEMAS_REGISTRY_HTTP_H

#include <stdint.h>

#include "base/err.h"

enum {
	HTTP_CONNECT_TIMEOUT_MS = 2000,
	HTTP_TIMEOUT_MS = 5000,
	HTTP_ANSWER_MAX = 1024 * 1024, /* bytes; a schema's text stands in it escaped */
	HTTP_URL_MAX = 2048,
};

struct registry_http;

/* A new client for http(s)://[user:password@]host[:port][/path]. Sends nothing yet.
 * Errors: FATAL REGISTRY_URL. */
ERR_MUST_USE struct err *registry_http_open(const char *url, struct registry_http **http);
void registry_http_close(struct registry_http **http);

/* The address without user and password; borrowed. */
const char *registry_http_address(const struct registry_http *http);

/* The schema text under that id, new (free() it); NULL where the service has no such id, or holds
 * something else than Avro there. Errors: RETRY REGISTRY_UNREACHABLE; FATAL REGISTRY_REFUSED (not
 * allowed, or not a registry). */
ERR_MUST_USE struct err *registry_http_get(struct registry_http *http, int32_t id, char **text);

/* Registers the text under the subject, or finds it there. Errors: RETRY REGISTRY_UNREACHABLE;
 * FATAL REGISTRY_REFUSED (incompatible, not allowed). */
ERR_MUST_USE struct err *registry_http_register(struct registry_http *http, const char *subject,
						const char *text, int32_t *id);

#endif
