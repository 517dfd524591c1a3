/* A small HTTP server (libmicrohttpd) for those who watch a process: GET and HEAD of a few paths,
 * each answered by a function that writes a page.
 *
 * Threads: the pages are made on the server's one thread; http_server_stop waits for it. Bounds: so
 * many connections, so long an idle one, see below; a request's body is refused.
 * No encryption and no passwords: it is meant for loopback or an inner network. */
#ifndef CLI_HTTP_SERVER_H
#define CLI_HTTP_SERVER_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

enum {
	HTTP_CONNECTIONS_MAX = 32,
	HTTP_IDLE_S_MAX = 10,
	HTTP_HOST_MAX = 256,
	HTTP_ADDRESS_MAX = HTTP_HOST_MAX + 8, /* "host:port" */
};

struct http_page {
	const char *path; /* "/metrics" */
	const char *type; /* Content-Type */
	/* Writes the page and returns the status, 200 for instance. */
	unsigned (*write)(void *context, FILE *out);
};

struct http_listener;
struct http_server;

/* Takes the address "host:port" ("[::1]:9464"; port 0: a free one) that `option` holds, so that a
 * wrong or taken one is known before anything else is begun. Errors: FATAL HTTP_LISTEN, which names
 * the option and says what to do. */
ERR_MUST_USE struct err *http_listen(const char *option, const char *address,
				     struct http_listener **listener);

/* Where it listens, numeric: "127.0.0.1:9464"; borrowed. */
const char *http_listener_address(const struct http_listener *listener);
void http_listener_close(struct http_listener **listener);

/* The listening socket, for a server of one's own; *listener is freed and becomes NULL. */
int http_listener_take(struct http_listener **listener);

/* Begins to serve pages[count] (borrowed, as is the context). *listener is stolen where it
 * succeeds. Errors: FATAL HTTP_LISTEN. */
ERR_MUST_USE struct err *http_server_start(struct http_listener **listener,
					   const struct http_page *pages, size_t count,
					   void *context, struct http_server **server);
void http_server_stop(struct http_server **server);

/* host and port of an address into host[HTTP_HOST_MAX] (brackets left out) and port[8]; false where
 * it is none. */
bool http_address_split(const char *address, char host[HTTP_HOST_MAX], char port[8]);

#endif
