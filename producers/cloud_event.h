/* A request's body into source events: CloudEvents 1.0 over HTTP in binary, structured and batch
 * mode, events as their schema has them, and foreign JSON by a mapping. Pure: no I/O, no clock.
 *
 *   Content-Type                         body
 *   application/cloudevents+json         one CloudEvent (structured mode)
 *   application/cloudevents-batch+json   a list of them (batch mode)
 *   application/json, with ce-* headers  its data (binary mode)
 *   application/json                     an event as its schema has it, or a list of them
 *   application/json, with a mapping     an object that the mapping knows, or a list of them
 *
 * A CloudEvent's id, source, type, subject, time, dataschema and traceparent become event_id,
 * source, type, subject, event_ms, data_version and trace_id; its data are the schema's other
 * fields. Without a time it is the moment of arrival.
 *
 * Sources: CloudEvents 1.0.2; its JSON format; its HTTP protocol binding. */
#ifndef PRODUCERS_CLOUD_EVENT_H
#define PRODUCERS_CLOUD_EVENT_H

#include "producers/mapping.h"
#include "schemas/event_types.h"

enum {
	CLOUD_FAULTS_MAX = 16,	      /* of one request that are told */
	CLOUD_HEADERS_MAX = 32,	      /* ce-* headers of one request */
	CLOUD_ARENA_LEN = 256 * 1024, /* that reading one event may take */
};

_Static_assert((int)CLOUD_ARENA_LEN > 2 * MAPPING_ARENA_LEN - 1, "an event by a mapping");

struct cloud_header {
	const char *name, *value; /* the name in lower case: "ce-id" */
};

struct cloud_request {
	const char *content_type; /* NULL: none given */
	struct bytes body;
	const struct cloud_header *headers; /* those that begin with ce- */
	size_t header_count;
	const struct event_source *source; /* the topic asked for; NULL: each event's type tells */
	struct mapping *mapping;	   /* bound to JSON; NULL: none */
	const char *webhook_id;		   /* for events whose mapping finds no id; may be NULL */
	int64_t now_ms;
	size_t event_max;
};

/* What is wrong with one event. */
struct cloud_fault {
	size_t index;	 /* in the list, from 0 */
	char field[200]; /* its path, "" where it is the whole */
	char text[300];
};

struct cloud_faults {
	size_t count; /* of all; the first CLOUD_FAULTS_MAX are kept */
	struct cloud_fault list[CLOUD_FAULTS_MAX];
	unsigned
		status; /* HTTP: 400 (no JSON, no CloudEvent), 413, 415, 422 (against the schema) */
};

struct cloud_sink {
	/* One good event; all is borrowed for the call. Only called while nothing was wrong.
	 * Errors: POISON is a fault of the event; others end the reading and are returned. */
	struct err *(*event)(void *context, const struct event_source *source,
			     const struct source_event *event);
	void *context;
};

/* Reads the request; `arena` holds CLOUD_ARENA_LEN. faults->count 0: every event was handed to the
 * sink. Else none may be used, and the faults say why. Errors: the sink's. */
ERR_MUST_USE struct err *cloud_events_read(const struct cloud_request *request, struct arena *arena,
					   const struct cloud_sink *sink,
					   struct cloud_faults *faults);

#endif
