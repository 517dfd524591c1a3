/* The HTTP door (libmicrohttpd): requests become events on the input topics.
 *
 *   POST /events          events of types that foretell knows, each to its source's topic
 *   POST /events/TOPIC    events of that source, own types too
 *   POST /hooks/NAME      foreign JSON by the mapping NAME.json
 *   GET /health, /ready   for whoever sends work here
 *
 * 202 is answered after the brokers' acknowledgement of every event of the request, never before:
 *
 *   HEAD ─► BODY ─► read, checked, encoded ─► all records sent, connection suspended ─► all told
 *    │ no        │ no    │ no                          (no room: 429 or 503)              │
 *    ▼           ▼       ▼                                                                 ▼
 *   401 403 404 405 413 429 503     400 401 413 415 422                     202, or 503: again
 * later
 *
 * Memory is bounded: so many bytes of bodies, so many records under way; beyond it a request is
 * told to come back later. Threads: the server's own one reads, another tells acknowledgements.
 * Errors go to the sender, as application/problem+json (RFC 9457). */
#ifndef CLI_DOOR_H
#define CLI_DOOR_H

#include "base/limits.h"
#include "cli/door_stats.h"
#include "cli/http_server.h"
#include "kafka/client.h"
#include "producers/door_keys.h"
#include "producers/mapping.h"
#include "schemas/registry.h"

enum {
	DOOR_BODY_MAX = 1024 * 1024,	    /* of one request, bytes */
	DOOR_BODIES_MAX = 64 * 1024 * 1024, /* of all */
	DOOR_EVENTS_MAX = 1000,		    /* of one request */
	DOOR_PENDING_BYTES_MAX = 64 * 1024 * 1024,
	DOOR_CONNECTIONS_MAX = 512,
	DOOR_IDLE_S_MAX = 30, /* of a connection that says nothing */
	DOOR_HOOKS_MAX = 64,
};

struct door_hook {
	char name[64];
	struct mapping *mapping; /* bound to JSON */
};

struct door_options {
	const struct client_options *client;
	struct registry *registry; /* the door's own while it runs */
	struct door_keys *keys;
	const char *const *topics; /* the inputs */
	size_t topic_count;
	const struct door_hook *hooks;
	size_t hook_count;
	const char *certificate, *key; /* PEM texts; NULL: without TLS */
	int ack_ms;		       /* how long the brokers may take */
	int64_t pending_max;	       /* events under way */
};

struct door;

/* Begins to serve (everything borrowed; *listener is stolen where it succeeds). Errors: FATAL
 * HTTP_LISTEN; as acks_open. */
ERR_MUST_USE struct err *door_start(const struct door_options *options,
				    struct http_listener **listener, struct door **door);

struct door_stats *door_stats(struct door *door);

/* What has ended the door's producer for good: it takes nothing any more, and only a new process
 * helps; NULL: nothing has. */
struct err *door_fatal(const struct door *door);

/* Takes no more, waits for what is under way (at most ack_ms), and frees everything. */
void door_stop(struct door **door);

#endif
