/* The way of the simulated events to foretell: encoded, delayed, repeated, damaged, put in order.
 *
 * What is sent here leaves when a real source would deliver it: after its usual delay, sometimes
 * days late, after an outage all at once, sometimes twice. post_deliver hands out one day in the
 * order of delivery. Everything planted is counted, by source, at delivery; what would come after
 * the end never does and is not counted.
 *
 * Ownership: what is sent is copied; a delivery is borrowed during the sink's call.
 * Threads: one. */
#ifndef SIMULATE_POST_H
#define SIMULATE_POST_H

#include "base/prng.h"
#include "schemas/types.h"

enum feed {
	FEED_CRM,
	FEED_ERP,
	FEED_IOT,
	FEED_MARKETING,
	FEED_SUPPORT,
	FEED_CONTENT,
	FEED_MARKET,
	FEED_COUNT,
};

enum {
	POST_DAYS_AHEAD = 160, /* the latest that anything may be delivered after it is sent */
	POST_EVENT_LEN_MAX = 4096,
	POST_OUTAGES_MAX = 256, /* of one feed */
};

#define POST_BYTES_MAX ((size_t)4 << 30) /* waiting for their delivery */

struct feed_facts {
	const char *topic, *source;
	const struct record_type *type;
};

extern const struct feed_facts feed_facts[FEED_COUNT];

/* How real the feeds are; shares of events, 0 to 1. */
struct post_options {
	uint64_t seed;
	int64_t start_ms; /* day 0, 00:00 UTC */
	int day_count;
	double duplicates, late, malformed;
	bool has_outages;
};

struct delivery {
	enum feed feed;
	int64_t event_ms, delivered_ms;
	struct bytes key;
	struct bytes value; /* Avro without a frame; where is_raw, the bytes as they go */
	bool is_raw, is_duplicate, is_malformed;
};

struct post_sink {
	struct err *(*send)(void *context, const struct delivery *delivery);
	void *context;
};

struct post_counts {
	int64_t events;	    /* good ones, each once */
	int64_t duplicates; /* repeats of these */
	int64_t malformed;  /* records that no reader can take, besides */
	int64_t unlinked;   /* of events: under a name that no link leads to an account */
	int64_t mislinked;  /* of events: under a name that is linked to another account */
	int64_t late;	    /* of events: delivered more than an hour after they happened */
	int64_t disordered; /* of events: older than one delivered before on the same feed */
	int64_t held;	    /* of events: delivered at the end of an outage */
};

struct post_outage {
	int64_t from_ms, until_ms;
};

struct post;

/* What is known about who an event is about. */
enum post_link { POST_LINKED, POST_UNLINKED, POST_MISLINKED };

struct post *post_new(const struct post_options *options);
void post_free(struct post **post);

/* Copies an event that happens at event->event_ms. Its delivery may be on today's day or later;
 * `not_before_ms` is the earliest. Errors: FATAL SIMULATION_SIZE (too much waits), and of
 * record_encode. */
ERR_MUST_USE struct err *post_send(struct post *post, enum feed feed,
				   const struct source_event *event, int64_t not_before_ms,
				   enum post_link link);

/* Hands out what is delivered on that day; days in their order, each once. Errors: the sink's. */
ERR_MUST_USE struct err *post_deliver(struct post *post, int day, const struct post_sink *sink);

const struct post_counts *post_counts(const struct post *post, enum feed feed);
const struct post_outage *post_outages(const struct post *post, enum feed feed, size_t *count);

#endif
