/* The webhook sink: posts each alert to an address until it is taken, at least once.
 *
 *   webhook_take ─► WAITING ──► FLYING ──► DONE         2xx, or skipped
 *                      ▲           │
 *                      └── retry ◄─┤                    the receiver or the way to it is at fault
 *                                  └──► PARKED ─► DONE  this alert is refused, or time is over
 *
 * What to do about an answer:
 *   2xx                                            taken
 *   400 405 406 411 413 414 415 422 431            this alert is refused: parked at once
 *   anything else, a redirection included, and no answer: again, after a pause that doubles from
 *   RETRY_FIRST_MS to RETRY_LAST_MS with jitter, or as Retry-After says; after retry_max_ms parked
 *
 * Order: of one account, an alert is sent when the one before it is done. Of a partition at most
 * WEBHOOK_WINDOW_MAX are under way; a refused one holds up nobody else until that window is full.
 *
 * Threads: one. Time: the caller's. */
#ifndef CONSUMERS_WEBHOOK_H
#define CONSUMERS_WEBHOOK_H

#include "consumers/webhook_message.h"
#include "kafka/bus.h"

enum {
	WEBHOOK_WINDOW_MAX = 64,
	WEBHOOK_PARALLEL_MAX = 64,
	WEBHOOK_REASON_MAX = 320,
};

struct webhook_options {
	const char *url;	   /* http(s)://...; borrowed, as all texts here */
	const char *source;	   /* of the CloudEvents */
	const char *authorization; /* value of that header; "": none */
	const char *ca_file;	   /* certificates that the receiver's must descend from; "": the
				    * system's */
	struct webhook_secrets secrets; /* none: not signed */
	int64_t timeout_ms, retry_max_ms;
	int parallel_count; /* requests at a time, to WEBHOOK_PARALLEL_MAX */
	bool historic;	    /* send what is marked so, too */
};

struct webhook_stats {
	int64_t taken, delivered, retried, parked, skipped;
	int64_t waiting, flying; /* now */
	int last_status;	 /* of HTTP; 0: no answer */
	char last_error[WEBHOOK_REASON_MAX];
};

/* What the sink needs of others. */
struct webhook_outside {
	void *context;
	/* The record's value as JSON into *alert, new. Errors: POISON parks it; others end the
	 * sink. */
	struct err *(*decode)(void *context, const struct record *record, json_t **alert);
	/* Keeps a record for good that can't be delivered. Errors: RETRY is asked again; others end
	 * the sink. */
	struct err *(*park)(void *context, const struct outgoing *record);
	/* Every record of the partition below `offset` is done. */
	void (*done)(void *context, int32_t partition, int64_t offset);
};

/* The caller's clocks. Pauses and retry_max_ms go by the one that nobody sets; the other is what
 * requests are signed with. */
struct webhook_moment {
	int64_t monotonic_ms, wall_ms;
};

struct webhook;

/* A new sink. Errors: FATAL WEBHOOK_URL. */
ERR_MUST_USE struct err *webhook_open(const struct webhook_options *options,
				      const struct webhook_outside *outside,
				      struct webhook **webhook);
void webhook_close(struct webhook **webhook); /* what flies is dropped, to be sent again */

/* Takes a record (copied). False: its partition's window is full now. */
bool webhook_take(struct webhook *webhook, const struct record *record);

/* Drops what is under way of a partition. */
void webhook_forget(struct webhook *webhook, int32_t partition);

/* Sends, hears answers (waiting for one at most timeout_ms), parks. Errors: those of decode and
 * park that are neither POISON nor RETRY. */
ERR_MUST_USE struct err *webhook_step(struct webhook *webhook, const struct webhook_moment *now,
				      int timeout_ms);

/* From here on nothing new is sent; answers to what flies are still heard. */
void webhook_hold(struct webhook *webhook);

/* Whether anything is under way. */
bool webhook_is_idle(const struct webhook *webhook);

const struct webhook_stats *webhook_stats(const struct webhook *webhook);

#endif
