/* What others may see of a running webhook sink: /metrics, /health, /ready.
 *
 * Ready: the last delivery, if any was tried, was answered by the receiver, whatever the answer.
 * Threads: the sink's thread tells; the pages are made on the server's. */
#ifndef CLI_WEBHOOK_WATCH_H
#define CLI_WEBHOOK_WATCH_H

#include "consumers/webhook.h"

struct webhook_watch;

/* A new watch on `address` ("host:port"); "" gives NULL, which the functions below take. `name` is
 * copied. Errors: as http_listen. */
ERR_MUST_USE struct err *webhook_watch_start(const char *address, const char *name,
					     struct webhook_watch **watch);
void webhook_watch_stop(struct webhook_watch **watch);

/* The figures as of now, and that the sink has come round. */
void webhook_watch_tell(struct webhook_watch *watch, const struct webhook_stats *stats);

#endif
