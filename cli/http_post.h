/* Posts events to an HTTP door (libcurl): collects them in batches, one a topic, for at most
 * HTTP_POST_AGE_MS; waits where it is told to, and sends a batch again, with its ids, until it is
 * taken or refused.
 *
 * Ownership: what is added is copied. Threads: one. */
#ifndef CLI_HTTP_POST_H
#define CLI_HTTP_POST_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
	HTTP_POST_BATCH_MAX = 250,
	HTTP_POST_AGE_MS = 300,
	HTTP_POST_TRIES_MAX = 60,
	HTTP_POST_TOPICS_MAX = 16,
};

struct http_post;

/* url: "http://host:port"; token: NULL for none. Free with http_post_close. */
struct http_post *http_post_open(const char *url, const char *token, const volatile int *stop);
void http_post_close(struct http_post **post);

/* Adds an event (stolen) for the topic (borrowed until the close), sending what is full or old.
 * Errors: RETRY HTTP_POST (nobody answers), FATAL HTTP_REFUSED, with the answer. */
ERR_MUST_USE struct err *http_post_add(struct http_post *post, const char *topic, json_t *event);

/* Sends what has gathered. Errors: as http_post_add. */
ERR_MUST_USE struct err *http_post_flush(struct http_post *post);

/* Sends bytes that may be anything; *status is the answer's. Errors: RETRY HTTP_POST. */
ERR_MUST_USE struct err *http_post_raw(struct http_post *post, const char *topic, struct bytes body,
				       long *status);

#endif
