#include "cli/door.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "consumers/names.h"
#include "kafka/acks.h"
#include "producers/cloud_event.h"
#include "producers/recent_ids.h"

enum {
	STATUS_OK = 200,
	STATUS_ACCEPTED = 202,
	STATUS_UNAUTHORIZED = 401,
	STATUS_FORBIDDEN = 403,
	STATUS_NOT_FOUND = 404,
	STATUS_METHOD = 405,
	STATUS_TOO_LARGE = 413,
	STATUS_BUSY = 429,
	STATUS_AWAY = 503,
	BODY_GROW = 16 * 1024,
	RECORDS_LEN_MAX = 8 * 1024 * 1024, /* of one request, encoded */
	ACK_POLL_MS = 50,
	STOP_POLL_MS = 20,
	RETRY_S_DEFAULT = 1,
	RETRY_S_AWAY = 5,
	NO_TOPIC = -1,
};

struct request;

/* One event of a request; its bytes lie in the request's records. */
struct ticket {
	struct request *request;
	size_t topic, key_at, key_len, value_at, value_len;
	struct recent_id id;
};

struct request {
	struct door *door;
	struct MHD_Connection *connection;
	struct door_key *key; /* NULL: its signature is looked at when the body is there */
	int topic;	      /* asked for, or NO_TOPIC */
	const struct door_hook *hook;
	bool waiting; /* for acknowledgements */
	bool oversized;
	bool crowded; /* there was no room for its body, which is not kept */
	size_t body_len, body_max;
	uint8_t *body;
	size_t ticket_count, repeated_count;
	struct ticket *tickets;
	size_t records_len, records_max;
	uint8_t *records;
	int64_t read_us; /* when its last byte was there */
	_Atomic int unacknowledged;
	_Atomic bool failed;
	/* headers of CloudEvents, while it is read */
	size_t header_count;
	struct cloud_header headers[CLOUD_HEADERS_MAX];
	char names[CLOUD_HEADERS_MAX][32];
};

struct door {
	struct door_options options;
	struct door_stats stats;
	struct MHD_Daemon *daemon;
	int listen_fd;
	struct acks *acks;
	struct recent_ids *recent;
	struct arena *arena;
	struct cloud_faults faults;
	uint8_t value[EVENT_LEN_MAX];
	_Atomic int request_count; /* requests that are being read, worked at or answered */
	pthread_t teller;
	_Atomic bool stop_telling;
	const struct event_source *sources[DOOR_TOPICS_MAX]; /* of each topic */
};

/* ---- answers -------------------------------------------------------------------------------- */

static enum MHD_Result answer_text(struct request *request, unsigned status, const char *type,
				   char *text, int64_t retry_s)
{
	char seconds[24];
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	CHECK(response != NULL);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	snprintf(seconds, sizeof seconds, "%" PRId64, retry_s);
	if (retry_s > 0)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	if (status == STATUS_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
					"Bearer realm=\"foretell\"");
	if (status == STATUS_METHOD)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "POST");
	if (atomic_load(&request->door->stats.draining))
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	enum MHD_Result result = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	door_stats_request(&request->door->stats, status);
	return result;
}

static enum MHD_Result answer_json(struct request *request, unsigned status, json_t *json,
				   int64_t retry_s)
{
	char *text = json_dumps(json, JSON_COMPACT);
	CHECK(text != NULL);
	json_decref(json);
	return answer_text(request, status,
			   status < 300 ? "application/json" : "application/problem+json", text,
			   retry_s);
}

/* Source: RFC 9457. */
static enum MHD_Result refuse(struct request *request, unsigned status, const char *detail,
			      int64_t retry_s)
{
	json_t *json = json_pack("{s:s, s:i, s:s}", "title", MHD_get_reason_phrase_for(status),
				 "status", (int)status, "detail", detail);
	CHECK(json != NULL);
	return answer_json(request, status, json, retry_s);
}

static enum MHD_Result refuse_events(struct request *request, const struct cloud_faults *faults)
{
	json_t *errors = json_array();
	size_t shown = faults->count < CLOUD_FAULTS_MAX ? faults->count : CLOUD_FAULTS_MAX;
	for (size_t i = 0; i < shown; i++)
		json_array_append_new(errors, json_pack("{s:I, s:s, s:s}", "index",
							(json_int_t)faults->list[i].index, "field",
							faults->list[i].field, "reason",
							faults->list[i].text));
	json_t *json = json_pack("{s:s, s:i, s:s, s:I, s:o}", "title",
				 MHD_get_reason_phrase_for(faults->status), "status",
				 (int)faults->status, "detail",
				 "no event of this request was taken; mend these and send it again",
				 "error_count", (json_int_t)faults->count, "errors", errors);
	CHECK(json != NULL);
	return answer_json(request, faults->status, json, 0);
}

static enum MHD_Result accept_events(struct request *request)
{
	json_t *json = json_pack("{s:I, s:I}", "accepted", (json_int_t)request->ticket_count,
				 "repeated", (json_int_t)request->repeated_count);
	return answer_json(request, STATUS_ACCEPTED, json, 0);
}

static enum MHD_Result refuse_away(struct request *request)
{
	return refuse(request, STATUS_AWAY,
		      "the brokers did not take all events in time; send the request again, with "
		      "the same ids: what was taken is not taken twice",
		      RETRY_S_AWAY);
}

static enum MHD_Result refuse_crowded(struct request *request)
{
	return refuse(request, STATUS_BUSY, "too many requests are under way", RETRY_S_DEFAULT);
}

/* ---- the head ------------------------------------------------------------------------------- */

static const char *header_of(struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* Sets what the path asks for; false where there is no such thing. */
static bool choose_target(struct request *request, const char *path)
{
	const struct door_options *options = &request->door->options;
	request->topic = NO_TOPIC;
	if (strcmp(path, "/events") == 0 || strcmp(path, "/events/") == 0)
		return true;
	if (strncmp(path, "/hooks/", 7) == 0)
		for (size_t i = 0; i < options->hook_count; i++)
			if (strcmp(path + 7, options->hooks[i].name) == 0)
				request->hook = &options->hooks[i];
	if (strncmp(path, "/events/", 8) == 0)
		for (size_t i = 0; i < options->topic_count; i++)
			if (strcmp(path + 8, options->topics[i]) == 0)
				request->topic = (int)i;
	const char *topic =
		request->hook == NULL ? NULL : mapping_info(request->hook->mapping).topic;
	for (size_t i = 0; topic != NULL && i < options->topic_count; i++)
		if (strcmp(topic, options->topics[i]) == 0)
			request->topic = (int)i;
	return request->topic != NO_TOPIC;
}

static enum MHD_Result refuse_target(struct request *request)
{
	char detail[512] = "there are /events, /events/TOPIC and /hooks/NAME; topics:";
	const struct door_options *options = &request->door->options;
	for (size_t i = 0; i < options->topic_count + options->hook_count; i++) {
		size_t len = strlen(detail);
		if (i == options->topic_count) {
			snprintf(detail + len, sizeof detail - len, "; hooks:");
			len = strlen(detail);
		}
		snprintf(detail + len, sizeof detail - len, " %s",
			 i < options->topic_count ? options->topics[i]
						  : options->hooks[i - options->topic_count].name);
	}
	utf8_mend(detail); /* names of files may be anything, and the list is cut */
	return refuse(request, STATUS_NOT_FOUND, detail, 0);
}

/* Whether the sender may write where it wants to. */
static bool may_write(struct request *request)
{
	return request->topic == NO_TOPIC ||
	       door_key_may_write(request->key, request->door->options.topics[request->topic]);
}

/* What the head alone tells. *refused true where it was answered. */
static enum MHD_Result take_head(struct request *request, const char *path, bool *refused)
{
	struct door *door = request->door;
	const char *why = NULL, *length = header_of(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
	*refused = true;
	if (atomic_load(&door->stats.draining))
		return refuse(request, STATUS_AWAY, "the door is closing", RETRY_S_AWAY);
	if (!choose_target(request, path))
		return refuse_target(request);
	if (header_of(request, "webhook-signature") == NULL ||
	    door_keys_are_open(door->options.keys)) {
		request->key =
			door_key_of_token(door->options.keys,
					  header_of(request, MHD_HTTP_HEADER_AUTHORIZATION), &why);
		if (request->key == NULL)
			return refuse(request, STATUS_UNAUTHORIZED, why, 0);
		if (!may_write(request))
			return refuse(request, STATUS_FORBIDDEN,
				      "this key may not write to this topic", 0);
	}
	if (length != NULL && strtoull(length, NULL, 10) > DOOR_BODY_MAX)
		return refuse(request, STATUS_TOO_LARGE, "at most 1 MiB is accepted at a time", 0);
	if (atomic_load(&door->stats.body_bytes) > DOOR_BODIES_MAX - DOOR_BODY_MAX)
		return refuse_crowded(request);
	*refused = false;
	return MHD_YES;
}

/* ---- the body ------------------------------------------------------------------------------- */

/* Room for `size` bytes of its body; false where all bodies together would take too much. Senders
 * that were let in while there was room may all send at once. */
static bool grow_body(struct request *request, size_t size)
{
	_Atomic int64_t *all = &request->door->stats.body_bytes;
	int64_t growth = (int64_t)(size - request->body_max);
	if (atomic_load(all) + growth > DOOR_BODIES_MAX)
		return false;
	atomic_fetch_add(all, growth);
	request->body = check_realloc(request->body, size);
	request->body_max = size;
	return true;
}

static void drop_body(struct request *request)
{
	atomic_fetch_sub(&request->door->stats.body_bytes, (int64_t)request->body_max);
	free(request->body);
	request->body = NULL;
	request->body_max = 0;
}

/* MHD_NO closes the connection of one who sends on and on. */
static enum MHD_Result take_body(struct request *request, const char *data, size_t len)
{
	if (request->body_len + len > DOOR_BODY_MAX) {
		bool again = request->oversized;
		request->oversized = true;
		return again ? MHD_NO : MHD_YES;
	}
	if (!request->crowded && request->body_len + len > request->body_max &&
	    !grow_body(request, request->body_len + len + BODY_GROW)) {
		request->crowded = true;
		drop_body(request);
	}
	if (!request->crowded)
		memcpy(request->body + request->body_len, data, len);
	request->body_len += len;
	return MHD_YES;
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name,
				   const char *value)
{
	struct request *request = context;
	(void)kind;
	if (strncasecmp(name, "ce-", 3) != 0 || value == NULL ||
	    request->header_count == CLOUD_HEADERS_MAX || strlen(name) >= sizeof request->names[0])
		return MHD_YES;
	char *lower = request->names[request->header_count];
	for (size_t i = 0; i <= strlen(name); i++)
		lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
	request->headers[request->header_count++] = (struct cloud_header){ lower, value };
	return MHD_YES;
}

/* ---- events --------------------------------------------------------------------------------- */

static int topic_of(const struct request *request, const struct event_source *source)
{
	if (request->topic != NO_TOPIC)
		return request->topic;
	for (size_t i = 0; i < request->door->options.topic_count; i++)
		if (request->door->sources[i] == source)
			return (int)i;
	return NO_TOPIC;
}

/* Room for `len` more bytes of records. */
static bool reserve(struct request *request, size_t len)
{
	if (request->records_len + len > RECORDS_LEN_MAX)
		return false;
	if (request->records_len + len > request->records_max) {
		request->records_max = (request->records_len + len) * 2;
		request->records = check_realloc(request->records, request->records_max);
	}
	return true;
}

static struct err *take_event(void *context, const struct event_source *source,
			      const struct source_event *event)
{
	struct request *request = context;
	struct door *door = request->door;
	size_t len = 0;
	int topic = topic_of(request, source);
	if (topic == NO_TOPIC)
		return err_new(ERR_POISON, "DOOR_TOPIC", "%s is none of the inputs here",
			       source->topic);
	const char *name = door->options.topics[topic];
	if (!door_key_may_write(request->key, name))
		return err_new(ERR_FATAL, "DOOR_FORBIDDEN", "this key may not write to %s", name);
	struct name_key key; /* the resolve stage would refuse one that is none */
	struct err *err = name_key_make(event->subject_scheme, event->subject, &key);
	if (err == NULL)
		err = registry_encode(door->options.registry, name, source->schema, event,
				      door->value, sizeof door->value, &len);
	/* one that its topic never takes would be sent again for ever */
	if (err == NULL)
		err = acks_fits(door->acks, (size_t)topic, event->subject,
				bytes_of(door->value, len));
	if (err != NULL)
		return err;
	struct recent_id id = recent_id_of(event->source, event->event_id);
	if (recent_ids_has(door->recent, &id, time_monotonic_ms())) {
		request->repeated_count++;
		return NULL;
	}
	if (request->ticket_count == DOOR_EVENTS_MAX || !reserve(request, event->subject.len + len))
		return err_new(ERR_POISON, "DOOR_SIZE",
			       "the request's events take more than 8 MiB; send fewer at a time");
	if (request->tickets == NULL)
		request->tickets = check_calloc(DOOR_EVENTS_MAX, sizeof *request->tickets);
	struct ticket *ticket = &request->tickets[request->ticket_count++];
	*ticket = (struct ticket){ .request = request,
				   .topic = (size_t)topic,
				   .key_at = request->records_len,
				   .key_len = event->subject.len,
				   .value_at = request->records_len + event->subject.len,
				   .value_len = len,
				   .id = id };
	memcpy(request->records + ticket->key_at, event->subject.data, event->subject.len);
	memcpy(request->records + ticket->value_at, door->value, len);
	request->records_len += event->subject.len + len;
	return NULL;
}

/* One record of the request less. The one that takes the last wakes the connection up. */
static void release(struct request *request)
{
	if (atomic_fetch_sub(&request->unacknowledged, 1) == 1)
		MHD_resume_connection(request->connection);
}

static void told(void *context, void *ticket_pointer, bool taken)
{
	struct door *door = context;
	const struct ticket *ticket = ticket_pointer;
	atomic_store(&door->stats.failing, !taken);
	atomic_store(&door->stats.moved_ms, time_monotonic_ms());
	if (taken) {
		recent_ids_add(door->recent, &ticket->id, time_monotonic_ms());
		atomic_fetch_add(&door->stats.events[ticket->topic], 1);
	} else {
		atomic_fetch_add(&door->stats.failed, 1);
		atomic_store(&ticket->request->failed, true);
	}
	atomic_fetch_sub(&door->stats.pending_bytes,
			 (int64_t)(ticket->key_len + ticket->value_len));
	if (atomic_fetch_sub(&door->stats.pending_events, 1) == 1)
		atomic_store(&door->stats.moved_ms, 0);
	release(ticket->request);
}

static void *tell(void *context)
{
	struct door *door = context;
	while (!atomic_load(&door->stop_telling))
		acks_poll(door->acks, ACK_POLL_MS);
	return NULL;
}

/* Whether there is room for the request's records; if not, it was answered. */
static bool admit(struct request *request, enum MHD_Result *result)
{
	struct door *door = request->door;
	struct door_stats *stats = &door->stats;
	int64_t wait_ms = door_key_take(
		request->key, request->ticket_count + request->repeated_count, time_monotonic_ms());
	if (wait_ms > 0) {
		*result = refuse(request, STATUS_BUSY,
				 "more events a second than this key is allowed",
				 (wait_ms + 999) / 1000);
		return false;
	}
	int64_t events = atomic_load(&stats->pending_events) + (int64_t)request->ticket_count;
	int64_t bytes = atomic_load(&stats->pending_bytes) + (int64_t)request->records_len;
	if (events <= door->options.pending_max && bytes <= DOOR_PENDING_BYTES_MAX)
		return true;
	*result = atomic_load(&stats->failing)
			  ? refuse_away(request)
			  : refuse(request, STATUS_BUSY,
				   "the brokers are slower than the senders; come back later",
				   RETRY_S_DEFAULT);
	return false;
}

/* Sends all records with the connection suspended; their acknowledgements resume it. */
static void send_records(struct request *request)
{
	struct door *door = request->door;
	int64_t none = 0;
	request->waiting = true;
	drop_body(request);
	/* one more than there are, until all are sent: none may wake the connection up before */
	atomic_store(&request->unacknowledged, (int)request->ticket_count + 1);
	MHD_suspend_connection(request->connection);
	for (size_t i = 0; i < request->ticket_count; i++) {
		struct ticket *ticket = &request->tickets[i];
		size_t len = ticket->key_len + ticket->value_len;
		atomic_fetch_add(&door->stats.pending_events, 1);
		atomic_fetch_add(&door->stats.pending_bytes, (int64_t)len);
		atomic_compare_exchange_strong(&door->stats.moved_ms, &none, time_monotonic_ms());
		none = 0;
		struct err *err = acks_send(
			door->acks, ticket->topic,
			bytes_of(request->records + ticket->key_at, ticket->key_len),
			bytes_of(request->records + ticket->value_at, ticket->value_len), ticket);
		if (err == NULL)
			continue;
		log_emit(LOG_WARN, "door", "an event could not be sent", "{s:s}", "why",
			 err_text(err));
		err_free(&err);
		told(door, ticket, false);
	}
	release(request);
}

static enum MHD_Result refuse_err(struct request *request, struct err *err)
{
	unsigned status =
		strcmp(err_code(err), "DOOR_FORBIDDEN") == 0 ? STATUS_FORBIDDEN : STATUS_AWAY;
	if (status == STATUS_AWAY)
		log_emit(LOG_ERROR, "door", "events can't be encoded", "{s:s}", "why",
			 err_text(err));
	enum MHD_Result result =
		refuse(request, status, err_text(err), status == STATUS_AWAY ? RETRY_S_AWAY : 0);
	err_free(&err);
	return result;
}

/* The body is there: to the brokers, or back to the sender. */
static enum MHD_Result take_request(struct request *request)
{
	struct door *door = request->door;
	const char *why = NULL;
	enum MHD_Result result;
	const struct signed_request signature = { header_of(request, "webhook-id"),
						  header_of(request, "webhook-timestamp"),
						  header_of(request, "webhook-signature"),
						  bytes_of(request->body, request->body_len) };
	request->read_us = time_monotonic_ns() / 1000;
	if (request->oversized)
		return refuse(request, STATUS_TOO_LARGE, "at most 1 MiB is accepted at a time", 0);
	if (request->crowded)
		return refuse_crowded(request);
	if (request->key == NULL)
		request->key = door_key_of_signature(door->options.keys, &signature,
						     time_wall_ms() / 1000, &why);
	if (request->key == NULL)
		return refuse(request, STATUS_UNAUTHORIZED, why, 0);
	if (!may_write(request))
		return refuse(request, STATUS_FORBIDDEN, "this key may not write to this topic", 0);
	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, take_header, request);
	const struct cloud_request read = {
		.content_type = header_of(request, MHD_HTTP_HEADER_CONTENT_TYPE),
		.body = bytes_of(request->body, request->body_len),
		.headers = request->headers,
		.header_count = request->header_count,
		.source = request->topic == NO_TOPIC ? NULL : door->sources[request->topic],
		.mapping = request->hook == NULL ? NULL : request->hook->mapping,
		.webhook_id = signature.id,
		.now_ms = time_wall_ms(),
		.event_max = DOOR_EVENTS_MAX,
	};
	const struct cloud_sink sink = { take_event, request };
	struct err *err = cloud_events_read(&read, door->arena, &sink, &door->faults);
	if (err != NULL)
		return refuse_err(request, err);
	if (door->faults.count > 0)
		return refuse_events(request, &door->faults);
	atomic_fetch_add(&door->stats.repeated, (int64_t)request->repeated_count);
	if (!admit(request, &result))
		return result;
	if (request->ticket_count == 0)
		return accept_events(request);
	send_records(request);
	return MHD_YES;
}

static enum MHD_Result answer_waited(struct request *request)
{
	door_stats_ack(&request->door->stats, time_monotonic_ns() / 1000 - request->read_us);
	return atomic_load(&request->failed) ? refuse_away(request) : accept_events(request);
}

/* ---- the server ----------------------------------------------------------------------------- */

static enum MHD_Result answer_get(struct request *request, const char *path)
{
	char *text = NULL;
	size_t len = 0;
	bool ready = true;
	if (strcmp(path, "/health") != 0 && strcmp(path, "/ready") != 0)
		return refuse(request, STATUS_METHOD, "events are posted here", 0);
	FILE *out = open_memstream(&text, &len);
	CHECK(out != NULL);
	if (strcmp(path, "/ready") == 0)
		ready = door_stats_ready(&request->door->stats, time_monotonic_ms(), out);
	if (ready)
		fputs("ok\n", out);
	CHECK(fclose(out) == 0);
	return answer_text(request, ready ? STATUS_OK : STATUS_AWAY, "text/plain", text, 0);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *data, size_t *data_len, void **slot)
{
	struct request *request = *slot;
	bool refused;
	(void)version;
	if (request == NULL) {
		request = check_calloc(1, sizeof *request);
		request->door = context;
		request->connection = connection;
		atomic_fetch_add(&request->door->request_count, 1);
		*slot = request;
		if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
		    strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
			return answer_get(request, path);
		if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
			return refuse(request, STATUS_METHOD, "events are posted here", 0);
		return take_head(request, path, &refused);
	}
	if (*data_len > 0) {
		enum MHD_Result result = take_body(request, data, *data_len);
		*data_len = 0;
		return result;
	}
	return request->waiting ? answer_waited(request) : take_request(request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
			 enum MHD_RequestTerminationCode code)
{
	struct request *request = *slot;
	struct door *door = context;
	(void)connection;
	(void)code;
	if (request == NULL)
		return;
	drop_body(request);
	atomic_fetch_sub(&door->request_count, 1);
	free(request->tickets);
	free(request->records);
	free(request);
	*slot = NULL;
}

/* What libmicrohttpd says of its own affairs: clients that break off, TLS that fails. */
__attribute__((format(printf, 2, 0))) static void on_log(void *context, const char *format,
							 va_list args)
{
	char text[512];
	(void)context;
	vsnprintf(text, sizeof text, format, args);
	text[strcspn(text, "\n")] = '\0';
	log_emit(LOG_DEBUG, "door", "libmicrohttpd", "{s:s}", "text", text);
}

static struct err *start_server(struct door *door, struct http_listener **listener)
{
	const struct door_options *options = &door->options;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->key },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_ERROR_LOG;
	if (options->certificate != NULL)
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	char address[HTTP_ADDRESS_MAX];
	snprintf(address, sizeof address, "%s", http_listener_address(*listener));
	door->listen_fd = http_listener_take(listener);
	door->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, door, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, door->listen_fd, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, door, MHD_OPTION_CONNECTION_LIMIT, (unsigned)DOOR_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)DOOR_IDLE_S_MAX, MHD_OPTION_ARRAY, tls,
		MHD_OPTION_END);
	if (door->daemon != NULL)
		return NULL;
	close(door->listen_fd);
	return err_new(ERR_FATAL, "HTTP_LISTEN", "the server can't be started on %s%s", address,
		       options->certificate == NULL
			       ? ""
			       : ": do serve.tls.certificate and serve.tls.key belong together?");
}

struct err *door_start(const struct door_options *options, struct http_listener **listener,
		       struct door **out)
{
	struct door *door = check_calloc(1, sizeof *door);
	const struct acks_listener acks = { told, door };
	CHECK(options->topic_count <= DOOR_TOPICS_MAX);
	door->options = *options;
	door->stats.topic_count = options->topic_count;
	for (size_t i = 0; i < options->topic_count; i++) {
		door->stats.topics[i] = options->topics[i];
		door->sources[i] = event_source_find(options->topics[i]);
		CHECK(door->sources[i] != NULL); /* the options were checked */
	}
	door->recent = recent_ids_new();
	door->arena = arena_new(CLOUD_ARENA_LEN);
	struct err *err =
		acks_open(options->client, options->topics, options->topic_count, options->ack_ms,
			  (int)options->pending_max + DOOR_EVENTS_MAX, &acks, &door->acks);
	if (err == NULL && pthread_create(&door->teller, NULL, tell, door) != 0)
		err = err_new(ERR_FATAL, "DOOR_THREAD", "no thread can be started");
	else if (err == NULL) {
		err = start_server(door, listener);
		if (err != NULL) {
			atomic_store(&door->stop_telling, true);
			pthread_join(door->teller, NULL);
		}
	}
	if (err != NULL) {
		acks_close(&door->acks);
		recent_ids_free(&door->recent);
		arena_free(&door->arena);
		free(door);
		door = NULL;
	}
	*out = door;
	return err;
}

struct door_stats *door_stats(struct door *door)
{
	return &door->stats;
}

struct err *door_fatal(const struct door *door)
{
	struct err *err = acks_fatal(door->acks);
	return err == NULL ? NULL : err_wrap(err, "the door takes nothing more, start it again");
}

void door_stop(struct door **out)
{
	struct door *door = *out;
	*out = NULL;
	if (door == NULL)
		return;
	atomic_store(&door->stats.draining, true);
	MHD_socket fd = MHD_quiesce_daemon(door->daemon);
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
	/* who sent a whole request is answered; the brokers end every wait within ack_ms */
	int64_t deadline = time_monotonic_ms() + door->options.ack_ms + 2000;
	while (time_monotonic_ms() < deadline && (atomic_load(&door->request_count) > 0 ||
						  atomic_load(&door->stats.pending_events) > 0))
		time_system.sleep_ms(time_system.context, STOP_POLL_MS);
	/* no connection may be suspended when the server ends, so its end waits for the records */
	while (atomic_load(&door->stats.pending_events) > 0)
		time_system.sleep_ms(time_system.context, STOP_POLL_MS);
	MHD_stop_daemon(door->daemon);
	atomic_store(&door->stop_telling, true);
	pthread_join(door->teller, NULL);
	acks_close(&door->acks);
	recent_ids_free(&door->recent);
	arena_free(&door->arena);
	free(door);
}
