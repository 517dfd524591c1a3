#include "kafka/rd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "kafka/hold.h"

enum {
	READ_BATCH_MAX = 1000,
	QUEUED_RECORD_BYTES = 600,	   /* in a consumer's queue, of 100 to 200 bytes */
	FETCH_BYTES_MIN = 2 * 1024 * 1024, /* librdkafka's message.max.bytes, and some */
};

/* ---- configuration -------------------------------------------------------------------------- */

/* Options that may have one value only, or (NULL) can't be given at all. */
struct refusal {
	const char *name, *value, *why;
};

static const struct refusal refusals[] = {
	{ "enable.auto.commit", "false", "offsets are committed in transactions only" },
	{ "auto.commit.enable", "false", "offsets are committed in transactions only" },
	{ "enable.auto.offset.store", "false", "offsets are committed in transactions only" },
	{ "isolation.level", "read_committed", "aborted records must not be read" },
	{ "enable.idempotence", "true", "records must be neither lost nor doubled" },
	{ "acks", "all", "records must survive the loss of a broker" },
	{ "request.required.acks", "all", "records must survive the loss of a broker" },
	{ "auto.offset.reset", "error", "a position that is gone must never be reset silently" },
	{ "enable.partition.eof", "true", "the end of a partition must be seen" },
	{ "group.protocol", "classic", "a static member of the other one can't rejoin at once" },
	{ "partition.assignment.strategy", "range", "rebalances are handled for it alone" },
	{ "transactional.id", NULL, "it is made of the application, the stage and the worker" },
	{ "group.id", NULL, "it is made of the application and the stage" },
	{ "group.instance.id", NULL, "it is made of the application, the stage and the worker" },
	{ "partitioner", NULL, "records are partitioned by murmur2 of their key" },
};

static struct err *property_check(const struct client_property *property)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		const struct refusal *refusal = &refusals[i];
		if (strcmp(refusal->name, property->name) != 0)
			continue;
		if (refusal->value == NULL)
			return err_new(ERR_FATAL, "BUS_OPTION", "kafka.%s can't be set: %s",
				       property->name, refusal->why);
		if (strcmp(refusal->value, property->value) != 0)
			return err_new(ERR_FATAL, "BUS_OPTION", "kafka.%s can't be %s, only %s: %s",
				       property->name, property->value, refusal->value,
				       refusal->why);
	}
	return NULL;
}

static void log_cb(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
	/* The same properties are given to consumers and producers; that some are for the other
	 * kind is no news. */
	if (strcmp(facility, "CONFWARN") == 0)
		return;
	/* What librdkafka calls an error (3) it retries by itself; the verdict of the call that
	 * fails for good is what its caller logs. */
	enum log_level severity = level <= 2   ? LOG_ERROR
				  : level <= 4 ? LOG_WARN
				  : level <= 6 ? LOG_INFO
					       : LOG_DEBUG;
	log_emit(severity, "kafka", "librdkafka", "{s:s, s:s, s:s}", "client",
		 handle == NULL ? "" : rd_kafka_name(handle), "facility", facility, "text", text);
}

static void error_cb(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
	struct rd_client *client = opaque;
	(void)handle;
	snprintf(client->error, sizeof client->error, "%s: %s", rd_kafka_err2name(code), reason);
}

static void delivery_cb(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
	struct rd_client *client = opaque;
	(void)handle;
	if (message->err == 0 || client->delivery_error != 0)
		return;
	client->delivery_error = message->err;
	snprintf(client->delivery_topic, sizeof client->delivery_topic, "%s",
		 rd_kafka_topic_name(message->rkt));
}

static int stats_cb(rd_kafka_t *handle, char *json, size_t len, void *opaque)
{
	struct rd_client *client = opaque;
	(void)handle;
	if (client->stats != NULL)
		client_stats_take(client->stats, json, len, time_wall_ms());
	return 0; /* the text stays librdkafka's */
}

static struct err *conf_set(rd_kafka_conf_t *conf, const char *prefix, const char *name,
			    const char *value)
{
	char text[256];
	switch (rd_kafka_conf_set(conf, name, value, text, sizeof text)) {
	case RD_KAFKA_CONF_OK: return NULL;
	case RD_KAFKA_CONF_UNKNOWN:
		return err_new(ERR_FATAL, "BUS_OPTION",
			       "%s%s is no option of the Kafka client (librdkafka %s)", prefix,
			       name, rd_kafka_version_str());
	case RD_KAFKA_CONF_INVALID:
	default: return err_new(ERR_FATAL, "BUS_OPTION", "%s%s=%s: %s", prefix, name, value, text);
	}
}

struct err *rd_conf_new(const struct client_options *options, const struct rd_setting *settings,
			size_t count, struct rd_client *client, rd_kafka_conf_t **conf)
{
	rd_kafka_conf_t *made = rd_kafka_conf_new();
	*client = (struct rd_client){ 0 };
	snprintf(client->brokers, sizeof client->brokers, "%s", options->brokers);
	rd_kafka_conf_set_opaque(made, client);
	rd_kafka_conf_set_log_cb(made, log_cb);
	rd_kafka_conf_set_error_cb(made, error_cb);
	rd_kafka_conf_set_dr_msg_cb(made, delivery_cb);
	rd_kafka_conf_set_stats_cb(made, stats_cb);
	struct err *err = conf_set(made, "", "bootstrap.servers", options->brokers);
	if (err == NULL)
		err = conf_set(made, "", "client.id", "foretell");
	if (err == NULL) /* as Java's clients do: what was damaged on its way is asked for again */
		err = conf_set(made, "", "check.crcs", "true");
	if (err == NULL) /* mostly states: a fifth of the bytes, for brokers to keep and compact */
		err = conf_set(made, "", "compression.codec", "lz4");
	/* the default forgets all brokers and begins with bootstrap.servers again while none
	 * answers, over and over: a tenth of a core for each client after a minute, later all. The
	 * oldest version that setup takes need not have the option */
	char ignored[256];
	(void)rd_kafka_conf_set(made, "metadata.recovery.strategy", "none", ignored,
				sizeof ignored);
	for (size_t i = 0; i < count && err == NULL; i++)
		err = conf_set(made, "", settings[i].name, settings[i].value);
	for (size_t i = 0; i < options->property_count && err == NULL; i++) {
		const struct client_property *property = &options->properties[i];
		err = property_check(property);
		if (err == NULL)
			err = conf_set(made, "kafka.", property->name, property->value);
	}
	if (err != NULL)
		rd_kafka_conf_destroy(made);
	else
		*conf = made;
	return err;
}

static size_t bounded(size_t value, size_t least, size_t most)
{
	return value < least ? least : value > most ? most : value;
}

void rd_fetch_limits_set(size_t bytes, struct rd_fetch_limits *limits)
{
	bytes = bytes == 0 ? SIZE_MAX : bytes;
	/* half for what has come, half for what the last requests bring on top of it */
	snprintf(limits->queued_kbytes, sizeof limits->queued_kbytes, "%zu",
		 bounded(bytes / 2 / 1024, 1024, 65536));
	/* a small record costs the client more than its bytes */
	snprintf(limits->queued_messages, sizeof limits->queued_messages, "%zu",
		 bounded(bytes / 2 / QUEUED_RECORD_BYTES, 1000, 100000));
	snprintf(limits->fetch_bytes, sizeof limits->fetch_bytes, "%zu",
		 bounded(bytes / 4, FETCH_BYTES_MIN, 52428800));
	snprintf(limits->partition_bytes, sizeof limits->partition_bytes, "%zu",
		 bounded(bytes / 16, 65536, 1048576));
}

struct err *rd_handle_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **handle)
{
	char text[512];
	*handle = rd_kafka_new(type, conf, text, sizeof text);
	if (*handle != NULL)
		return NULL;
	rd_kafka_conf_destroy(conf);
	return err_new(ERR_FATAL, "BUS_OPTION", "the Kafka client's options don't fit: %s", text);
}

void rd_forward(rd_kafka_t *consumer, struct rd_client *client)
{
	CHECK(rd_kafka_poll_set_consumer(consumer) == 0);
	client->is_forwarded = true;
}

struct client_options rd_options_copy(const struct client_options *options)
{
	struct client_property *properties =
		check_calloc(options->property_count + 1, sizeof *properties);
	for (size_t i = 0; i < options->property_count; i++) {
		properties[i].name = check_strdup(options->properties[i].name);
		properties[i].value = check_strdup(options->properties[i].value);
	}
	return (struct client_options){
		.brokers = check_strdup(options->brokers),
		.properties = properties,
		.property_count = options->property_count,
	};
}

void rd_options_free(struct client_options *options)
{
	for (size_t i = 0; i < options->property_count; i++) {
		free((void *)options->properties[i].name);
		free((void *)options->properties[i].value);
	}
	free((void *)options->properties);
	free((void *)options->brokers);
	*options = (struct client_options){ 0 };
}

struct err *rd_reader_new(const struct client_options *options, size_t bytes,
			  struct rd_client *client, rd_kafka_t **reader)
{
	struct rd_fetch_limits limits;
	rd_fetch_limits_set(bytes > 0 ? bytes : RD_READER_BYTES, &limits);
	const struct rd_setting settings[] = {
		{ "queued.max.messages.kbytes", limits.queued_kbytes },
		{ "queued.min.messages", limits.queued_messages },
		{ "enable.auto.commit", "false" },
		{ "enable.auto.offset.store", "false" },
		{ "auto.offset.reset", "error" },
		{ "isolation.level", "read_committed" },
		{ "enable.partition.eof", "true" },
		{ "fetch.queue.backoff.ms", "10" },
		{ "fetch.wait.max.ms", "20" },
	};
	rd_kafka_conf_t *conf = NULL;
	struct err *err =
		rd_conf_new(options, settings, sizeof settings / sizeof settings[0], client, &conf);
	return err != NULL ? err : rd_handle_new(RD_KAFKA_CONSUMER, conf, reader);
}

/* ---- errors --------------------------------------------------------------------------------- */

static bool code_forbidden(rd_kafka_resp_err_t code)
{
	switch ((int)code) {
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION: return true;
	default: return false;
	}
}

static bool code_unsupported(rd_kafka_resp_err_t code)
{
	switch ((int)code) {
	case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
	case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
	case RD_KAFKA_RESP_ERR__NOT_CONFIGURED:
	case RD_KAFKA_RESP_ERR__INVALID_ARG: return true;
	default: return false;
	}
}

static bool code_fenced(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
	       code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

static bool code_membership(rd_kafka_resp_err_t code)
{
	switch ((int)code) {
	case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
	case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
	case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST: return true;
	default: return false;
	}
}

struct err *rd_err_txn(rd_kafka_error_t *error, const char *what)
{
	if (error == NULL)
		return NULL;
	rd_kafka_resp_err_t code = rd_kafka_error_code(error);
	enum err_verdict verdict = ERR_ABORT;
	const char *name = "BUS_TXN";
	if (code_forbidden(code)) {
		verdict = ERR_FATAL;
		name = "BUS_AUTHORIZATION";
	} else if (code_unsupported(code)) {
		verdict = ERR_FATAL;
		name = "BUS_UNSUPPORTED";
	} else if (code_fenced(code)) {
		name = "BUS_FENCED";
	} else if (code_membership(code)) {
		name = "BUS_MEMBER_LOST";
	} else if (!rd_kafka_error_is_fatal(error) && !rd_kafka_error_txn_requires_abort(error) &&
		   rd_kafka_error_is_retriable(error)) {
		verdict = ERR_RETRY;
		name = "BUS_TIMED_OUT";
	}
	struct err *err = err_new(verdict, name, "%s: %s: %s", what, rd_kafka_error_name(error),
				  rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return err;
}

static bool code_unreachable(rd_kafka_resp_err_t code)
{
	switch ((int)code) {
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__WAIT_COORD:
	case RD_KAFKA_RESP_ERR__NOENT: /* the leader's broker isn't known, or not any more */
	case RD_KAFKA_RESP_ERR__SSL: return true;
	default: return false;
	}
}

struct err *rd_err_code(rd_kafka_resp_err_t code, const struct rd_client *client,
			const char *format, ...)
{
	enum err_verdict verdict = ERR_RETRY;
	const char *name = "BUS_BROKER", *hint = "";
	if (code_unreachable(code)) {
		name = "BUS_UNREACHABLE";
		hint = client->error;
	} else if (code_forbidden(code)) {
		verdict = ERR_FATAL;
		name = "BUS_AUTHORIZATION";
	} else if (code_membership(code)) {
		verdict = ERR_ABORT;
		name = "BUS_MEMBER_LOST";
	} else if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		   code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		   code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
		verdict = ERR_FATAL;
		name = "BUS_TOPIC_MISSING";
		hint = "create it: foretell topics create";
	} else if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
		   code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
		   code == RD_KAFKA_RESP_ERR__LOG_TRUNCATION) {
		verdict = ERR_FATAL;
		name = "BUS_OFFSET_GONE";
		hint = "retention has passed it, or the log was cut off (`foretell status` says "
		       "which): start over under another --app with --from-beginning";
	}
	char what[ERR_TEXT_MAX / 2];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	bool unreachable = code_unreachable(code);
	return err_new(verdict, name, "%s%s%s: %s (%s)%s%s", what, unreachable ? " at " : "",
		       unreachable ? client->brokers : "", rd_kafka_err2str(code),
		       rd_kafka_err2name(code), *hint == 0 ? "" : "; ", hint);
}

struct err *rd_err_unreachable(const struct rd_client *client, const char *what)
{
	return rd_err_code(RD_KAFKA_RESP_ERR__TIMED_OUT, client, "%s", what);
}

struct err *rd_err_fatal(rd_kafka_t *producer, const char *code)
{
	char text[512];
	rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(producer, text, sizeof text);
	if (fatal == 0)
		return NULL;
	return err_new(ERR_FATAL, code, "the producer can't go on: %s (%s)", text,
		       rd_kafka_err2name(fatal));
}

struct err *rd_err_stuck(const struct rd_client *client, const char *topic, int32_t partition,
			 int64_t stable)
{
	char command[HOLD_REMEDY_MAX];
	if (stable < 0)
		return rd_err_code(RD_KAFKA_RESP_ERR__TIMED_OUT, client,
				   "%s [%d]: nothing came for %d s", topic, (int)partition,
				   RD_STABLE_MS / 1000);
	hold_remedy(client->brokers, topic, partition, stable, command);
	return err_new(ERR_RETRY, "BUS_UNSTABLE",
		       "%s [%d]: a transaction that began at offset %lld has been open for more "
		       "than %d s. If it doesn't end by itself (`foretell status` says since when "
		       "it is open): %s",
		       topic, (int)partition, (long long)stable, RD_STABLE_MS / 1000, command);
}

struct err *rd_err_too_large(const char *topic, size_t size, size_t bytes_max)
{
	return err_new(ERR_POISON, "BUS_TOO_LARGE",
		       "a record of %zu bytes for topic %s, which takes %zu (max.message.bytes)",
		       size, topic, bytes_max);
}

void rd_pause(int ms)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	nanosleep(&pause,
		  NULL); /* cut short by a signal: the caller looks at its deadline anyway */
}

/* ---- producing ------------------------------------------------------------------------------ */

size_t rd_outgoing_size(const struct outgoing *out)
{
	size_t size = RD_OVERHEAD_BYTES + out->key.len + out->value.len;
	for (size_t i = 0; i < out->header_count; i++)
		size += strlen(out->headers[i].name) + out->headers[i].value.len + 10;
	return size;
}

static rd_kafka_headers_t *headers_new(const struct outgoing *out)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(out->header_count);
	for (size_t i = 0; i < out->header_count; i++)
		CHECK(rd_kafka_header_add(headers, out->headers[i].name, -1,
					  out->headers[i].value.data,
					  (ssize_t)out->headers[i].value.len) == 0);
	return headers;
}

/* librdkafka's calls take the bytes it only copies as non-const. */
static void *unconst(const void *bytes)
{
	return (void *)(uintptr_t)bytes;
}

static rd_kafka_resp_err_t produce_once(rd_kafka_t *producer, rd_kafka_topic_t *topic,
					const struct outgoing *out, int32_t partition)
{
	if (out->header_count == 0)
		return rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY,
					unconst(out->value.data), out->value.len, out->key.data,
					out->key.len, NULL) == 0
			       ? RD_KAFKA_RESP_ERR_NO_ERROR
			       : rd_kafka_last_error();
	rd_kafka_headers_t *headers = headers_new(out);
	rd_kafka_resp_err_t code =
		rd_kafka_producev(producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
				  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
				  RD_KAFKA_V_VALUE(unconst(out->value.data), out->value.len),
				  RD_KAFKA_V_KEY(unconst(out->key.data), out->key.len),
				  RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
	if (code != 0) /* taken over on success only */
		rd_kafka_headers_destroy(headers);
	return code;
}

rd_kafka_resp_err_t rd_produce(rd_kafka_t *producer, rd_kafka_topic_t *topic,
			       const struct outgoing *out, int32_t partition)
{
	int64_t deadline = 0;
	for (;;) {
		rd_kafka_resp_err_t code = produce_once(producer, topic, out, partition);
		if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			return code;
		int64_t now = time_monotonic_ms();
		if (deadline == 0)
			deadline = now + RD_QUEUE_MS;
		if (now >= deadline)
			return code;
		rd_kafka_poll(producer, RD_BACKOFF_MS);
	}
}

/* ---- metadata ------------------------------------------------------------------------------- */

struct err *rd_partition_count(rd_kafka_t *handle, const struct rd_client *client,
			       const char *topic, int32_t *count)
{
	rd_kafka_topic_t *asked = rd_kafka_topic_new(handle, topic, NULL);
	if (asked == NULL)
		return rd_err_code(rd_kafka_last_error(), client, "topic %s", topic);
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 0, asked, &metadata, RD_CALL_MS);
	rd_kafka_topic_destroy(asked);
	if (code != 0) {
		if (!client->is_forwarded)
			rd_kafka_poll(handle, 0); /* fetches the reason */
		return rd_err_code(code, client, "partitions of topic %s", topic);
	}
	struct err *err = NULL;
	code = metadata->topic_cnt == 1 ? metadata->topics[0].err
					: RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	if (code != 0)
		err = rd_err_code(code, client, "topic %s", topic);
	else
		*count = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	return err;
}

/* Takes over the offsets that were found. Where a broker's answer was lost, librdkafka gives its
 * partitions an offset that means nothing, and no error. */
static rd_kafka_resp_err_t offset_list_take(rd_kafka_event_t *event, struct position *positions,
					    size_t count)
{
	size_t found_count = 0;
	const rd_kafka_ListOffsetsResultInfo_t **infos = rd_kafka_ListOffsets_result_infos(
		rd_kafka_event_ListOffsets_result(event), &found_count);
	for (size_t j = 0; j < count; j++)
		positions[j].offset = -1;
	for (size_t i = 0; i < found_count; i++) {
		const rd_kafka_topic_partition_t *found =
			rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
		if (found->err != 0)
			return found->err;
		for (size_t j = 0; j < count; j++)
			if (positions[j].partition == found->partition &&
			    strcmp(positions[j].topic, found->topic) == 0)
				positions[j].offset = found->offset;
	}
	for (size_t j = 0; j < count; j++)
		if (positions[j].offset < 0)
			return RD_KAFKA_RESP_ERR__TRANSPORT;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Which offset of a partition. */
struct offset_wanted {
	int64_t spec;
	rd_kafka_IsolationLevel_t level;
};

static const struct offset_wanted offset_first = { RD_KAFKA_OFFSET_SPEC_EARLIEST,
						   RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED };
static const struct offset_wanted offset_end = { RD_KAFKA_OFFSET_SPEC_LATEST,
						 RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED };
static const struct offset_wanted offset_stable = { RD_KAFKA_OFFSET_SPEC_LATEST,
						    RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED };

static rd_kafka_AdminOptions_t *offset_options(rd_kafka_t *handle,
					       const struct offset_wanted *wanted)
{
	rd_kafka_AdminOptions_t *options =
		rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
	CHECK(rd_kafka_AdminOptions_set_isolation_level(options, wanted->level) == NULL);
	return options;
}

/* One end of a partition by the admin API: the simpler rd_kafka_query_watermark_offsets of a
 * read_committed consumer gives the last stable offset for the high watermark, and what is still
 * held back by a marker would be missed. */
static struct err *offset_list_once(rd_kafka_t *handle, const struct rd_client *client,
				    const struct offset_wanted *wanted, struct position *positions,
				    size_t count)
{
	rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(asked, positions[i].topic, positions[i].partition)
			->offset = wanted->spec;
	rd_kafka_AdminOptions_t *options = offset_options(handle, wanted);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
	rd_kafka_ListOffsets(handle, asked, options, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, RD_CALL_MS);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	if (event != NULL)
		code = rd_kafka_event_error(event);
	if (code == 0)
		code = offset_list_take(event, positions, count);
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_topic_partition_list_destroy(asked);
	return code == 0
		       ? NULL
		       : rd_err_code(code, client, "offsets of %s and others", positions[0].topic);
}

/* Right after a broker's restart the client's idea of the leaders is stale for a moment. */
static struct err *offset_list(rd_kafka_t *handle, const struct rd_client *client,
			       const struct offset_wanted *wanted, struct position *positions,
			       size_t count)
{
	if (count == 0)
		return NULL;
	int64_t deadline = time_monotonic_ms() + RD_CALL_MS;
	struct err *err = offset_list_once(handle, client, wanted, positions, count);
	while (err != NULL && err_verdict(err) == ERR_RETRY && time_monotonic_ms() < deadline) {
		err_free(&err);
		rd_pause(20);
		err = offset_list_once(handle, client, wanted, positions, count);
	}
	return err;
}

struct err *rd_begins(rd_kafka_t *handle, const struct rd_client *client,
		      struct position *positions, size_t count)
{
	return offset_list(handle, client, &offset_first, positions, count);
}

struct err *rd_ends(rd_kafka_t *handle, const struct rd_client *client, struct position *positions,
		    size_t count)
{
	return offset_list(handle, client, &offset_end, positions, count);
}

struct err *rd_stable_ends(rd_kafka_t *handle, const struct rd_client *client,
			   struct position *positions, size_t count)
{
	return offset_list(handle, client, &offset_stable, positions, count);
}

struct err *rd_watermarks(rd_kafka_t *handle, const struct rd_client *client, const char *topic,
			  int32_t partition, int64_t *low, int64_t *high)
{
	struct position first = { .topic = topic, .partition = partition }, end = first;
	struct err *err = rd_begins(handle, client, &first, 1);
	if (err == NULL)
		err = rd_ends(handle, client, &end, 1);
	if (err != NULL)
		return err_wrap(err, "watermarks of %s [%d]", topic, (int)partition);
	*low = first.offset;
	*high = end.offset;
	return NULL;
}

/* Finds `name` in the answer to a DescribeConfigs of one topic. */
static rd_kafka_resp_err_t config_find(rd_kafka_event_t *event, const char *name, char *value,
				       size_t value_max)
{
	const rd_kafka_DescribeConfigs_result_t *result =
		rd_kafka_event_DescribeConfigs_result(event);
	size_t resource_count = 0, entry_count = 0;
	if (result == NULL)
		return RD_KAFKA_RESP_ERR__FAIL;
	const rd_kafka_ConfigResource_t **resources =
		rd_kafka_DescribeConfigs_result_resources(result, &resource_count);
	if (resource_count != 1)
		return RD_KAFKA_RESP_ERR__FAIL;
	if (rd_kafka_ConfigResource_error(resources[0]) != 0)
		return rd_kafka_ConfigResource_error(resources[0]);
	const rd_kafka_ConfigEntry_t **entries =
		rd_kafka_ConfigResource_configs(resources[0], &entry_count);
	for (size_t i = 0; i < entry_count; i++) {
		const char *found = rd_kafka_ConfigEntry_value(entries[i]);
		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0 && found != NULL)
			snprintf(value, value_max, "%s", found);
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

struct err *rd_topic_config(rd_kafka_t *handle, const struct rd_client *client, const char *topic,
			    const char *name, char *value, size_t value_max)
{
	*value = 0;
	rd_kafka_ConfigResource_t *resource =
		rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
	rd_kafka_DescribeConfigs(handle, &resource, 1, NULL, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, RD_CALL_MS);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	if (event != NULL)
		code = rd_kafka_event_error(event);
	if (code == 0)
		code = config_find(event, name, value, value_max);
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_ConfigResource_destroy(resource);
	return code == 0 ? NULL : rd_err_code(code, client, "configuration of topic %s", topic);
}

size_t rd_topic_bytes_max(rd_kafka_t *handle, const struct rd_client *client, const char *topic)
{
	char value[32];
	struct err *err =
		rd_topic_config(handle, client, topic, "max.message.bytes", value, sizeof value);
	unsigned long long bytes = err == NULL ? strtoull(value, NULL, 10) : 0;
	err_free(&err);
	if (bytes == 0)
		bytes = RD_TOPIC_BYTES_MAX;
	return bytes < RD_MESSAGE_BYTES_MAX ? (size_t)bytes : RD_MESSAGE_BYTES_MAX;
}

/* ---- reading -------------------------------------------------------------------------------- */

void rd_record_bare(const rd_kafka_message_t *message, const char *topic, struct record *record)
{
	record->topic = topic;
	record->partition = message->partition;
	record->offset = message->offset;
	record->timestamp_ms = rd_kafka_message_timestamp(message, NULL);
	record->key = bytes_of(message->key, message->key_len);
	record->value = bytes_of(message->payload, message->len);
	record->header_count = 0;
}

void rd_record_of(const rd_kafka_message_t *message, const char *topic, struct record *record)
{
	rd_kafka_headers_t *headers = NULL;
	rd_record_bare(message, topic, record);
	if (rd_kafka_message_headers(message, &headers) != 0)
		return;
	for (size_t i = 0; i < HEADER_COUNT_MAX; i++) {
		struct header *header = &record->headers[i];
		const void *value;
		size_t len;
		if (rd_kafka_header_get_all(headers, i, &header->name, &value, &len) != 0)
			return;
		header->value = bytes_of(value, len);
		record->header_count++;
	}
}

/* How far the reading of a range has come. */
struct range_progress {
	bool done, moved; /* moved: by the last step */
	int64_t stable;	  /* where a transaction stops it; -1: nowhere */
	struct err *last; /* what went wrong since it moved; librdkafka goes on by itself */
};

/* What one message means to a range. */
static struct err *range_take(const struct rd_client *client, const struct rd_range *range,
			      const rd_kafka_message_t *message,
			      struct err *(*each)(void *, const struct record *), void *context,
			      struct range_progress *progress)
{
	/* At the end of a partition the offset is the last stable one: below range->end a
	 * transaction is still open, or its marker is still being written. */
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		progress->moved = message->offset != progress->stable;
		progress->done = message->offset >= range->end;
		progress->stable = message->offset;
		err_free(&progress->last);
		return NULL;
	}
	if (message->err != 0) {
		struct err *err =
			rd_err_code(message->err, client, "reading %s [%d] at %lld", range->topic,
				    (int)range->partition, (long long)message->offset);
		if (err_verdict(err) != ERR_RETRY)
			return err;
		err_free(&progress->last);
		progress->last = err;
		return NULL;
	}
	progress->moved = true;
	err_free(&progress->last);
	progress->stable = -1;
	if (message->offset >= range->end) {
		progress->done = true;
		return NULL;
	}
	struct record record;
	rd_record_of(message, range->topic, &record);
	progress->done = message->offset + 1 >= range->end;
	return each(context, &record);
}

/* Takes one fetched batch. */
static struct err *range_step(rd_kafka_queue_t *queue, const struct rd_client *client,
			      const struct rd_range *range, rd_kafka_message_t **messages,
			      struct err *(*each)(void *, const struct record *), void *context,
			      struct range_progress *progress)
{
	/* A batch waits its whole time-out unless it fills, so it takes what is there first. */
	ssize_t got = rd_kafka_consume_batch_queue(queue, 0, messages, READ_BATCH_MAX);
	if (got <= 0)
		got = rd_kafka_consume_batch_queue(queue, 100, messages, 1);
	struct err *err = NULL;
	progress->moved = false;
	for (ssize_t i = 0; i < got; i++) {
		if (err == NULL && !progress->done)
			err = range_take(client, range, messages[i], each, context, progress);
		rd_kafka_message_destroy(messages[i]);
	}
	return err;
}

/* Nothing has come for long. */
static struct err *range_stuck(const struct rd_client *client, const struct rd_range *range,
			       struct range_progress *progress)
{
	struct err *last = progress->last;
	progress->last = NULL;
	return last != NULL
		       ? last
		       : rd_err_stuck(client, range->topic, range->partition, progress->stable);
}

struct err *rd_range_read(rd_kafka_t *reader, const struct rd_client *client,
			  const struct rd_range *range,
			  struct err *(*each)(void *, const struct record *), void *context)
{
	if (range->start >= range->end)
		return NULL;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(reader, range->topic, NULL);
	if (topic == NULL)
		return rd_err_code(rd_kafka_last_error(), client, "topic %s", range->topic);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(reader);
	rd_kafka_message_t **messages = check_calloc(READ_BATCH_MAX, sizeof(void *));
	struct err *err = NULL;
	struct range_progress progress = { .stable = -1 };
	if (rd_kafka_consume_start_queue(topic, range->partition, range->start, queue) != 0)
		err = rd_err_code(rd_kafka_last_error(), client, "reading %s [%d]", range->topic,
				  (int)range->partition);
	int64_t quiet_since = time_monotonic_ms();
	int64_t patience_ms = range->patience_ms > 0 ? range->patience_ms : RD_STABLE_MS;
	while (err == NULL && !progress.done) {
		err = range_step(queue, client, range, messages, each, context, &progress);
		rd_kafka_poll(reader, 0);
		int64_t now = time_monotonic_ms();
		if (progress.moved)
			quiet_since = now;
		else if (now - quiet_since > patience_ms && err == NULL)
			err = range_stuck(client, range, &progress);
	}
	rd_kafka_consume_stop(topic, range->partition);
	err_free(&progress.last);
	free(messages);
	rd_kafka_queue_destroy(queue);
	rd_kafka_topic_destroy(topic);
	return err;
}
