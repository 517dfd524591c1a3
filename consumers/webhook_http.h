/* The requests of the webhook sink, many at a time, on libcurl.
 *
 * Redirections are not followed: what is signed and authorised is for the address given.
 * Threads: one. */
#ifndef CONSUMERS_WEBHOOK_HTTP_H
#define CONSUMERS_WEBHOOK_HTTP_H

#include "consumers/webhook.h"

struct webhook_http;
struct webhook_request;

/* How a request ended. */
struct webhook_answer {
	void *tag;
	int status;		       /* of HTTP; 0: there was no answer */
	int64_t retry_after_ms;	       /* as the answer asks; 0: it doesn't */
	char text[WEBHOOK_REASON_MAX]; /* "HTTP 503", or what went wrong */
};

/* Errors: FATAL WEBHOOK_URL. */
ERR_MUST_USE struct err *webhook_http_open(const struct webhook_options *options,
					   struct webhook_http **http);
void webhook_http_close(struct webhook_http **http);

/* Begins a request; `message` is borrowed until it ends. The answer will name `tag`. */
struct webhook_request *webhook_http_post(struct webhook_http *http,
					  const struct webhook_message *message,
					  int64_t timestamp_s, void *tag);

/* Gives a request up; no answer will come. */
void webhook_http_cancel(struct webhook_http *http, struct webhook_request *request);

/* Goes on with all requests, waiting at most timeout_ms for something to happen. */
void webhook_http_step(struct webhook_http *http, int timeout_ms);

/* The next request that has ended, which is freed; false: none. */
bool webhook_http_answer(struct webhook_http *http, struct webhook_answer *answer);

#endif
