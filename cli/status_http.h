/* The pages of a running process: /metrics (Prometheus), /health and /ready (200, or 503 with what
 * is missing, a line each), /status (JSON). */
#ifndef CLI_STATUS_HTTP_H
#define CLI_STATUS_HTTP_H

#include "cli/http_server.h"
#include "cli/status_report.h"

/* Begins to serve; *listener is stolen where it succeeds, `source` (borrowed) must outlive the
 * server, and the server must be stopped before the line is finished. Errors: as
 * http_server_start. */
ERR_MUST_USE struct err *status_http_start(struct http_listener **listener,
					   struct status_source *source,
					   struct http_server **server);

#endif
