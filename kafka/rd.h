/* What the modules on librdkafka share: configuration from options, its log, errors with verdicts,
 * and messages as records. Internal to kafka/.
 *
 * Ownership: struct rd_client must outlive the handle whose configuration names it.
 * Threads: the log is written from librdkafka's threads; the rest as the caller says. */
#ifndef KAFKA_RD_H
#define KAFKA_RD_H

#include <librdkafka/rdkafka.h>

#include "kafka/bus.h"
#include "kafka/client.h"
#include "kafka/client_stats.h"

/* How long one call may wait for the brokers, ms. */
enum {
	RD_CALL_MS = 15000,   /* a request and its answer */
	RD_INIT_MS = 30000,   /* init_transactions; waits for the id's old transaction */
	RD_TXN_MS = 60000,    /* the end of a transaction */
	RD_STABLE_MS = 75000, /* a foreign transaction's end: its time-out and some */
	RD_QUEUE_MS = 30000,  /* room in the producer's queue */
	RD_BACKOFF_MS = 10,   /* between two tries of the same call */
};

/* Sizes, bytes. */
enum {
	/* What the client lets through. Above RECORD_LEN_MAX, because a dead letter carries a
	 * record that was too large for a stage, and its headers. */
	RD_MESSAGE_BYTES_MAX = 2 * RECORD_LEN_MAX,
	/* The broker's default max.message.bytes, assumed where it can't be asked. */
	RD_TOPIC_BYTES_MAX = 1048588,
	/* A batch of one record: its header, and lengths and attributes of the record. */
	RD_OVERHEAD_BYTES = 61 + 32,
	/* Queued by a reader outside the group. */
	RD_READER_BYTES = 32 * 1024 * 1024,
	/* Below this no topic's bound is looked up. */
	RD_BYTES_UNASKED = 500000,
};

_Static_assert((int)RD_TXN_MS == (int)CLIENT_TRANSACTION_MS, "what is checked is what is asked");
_Static_assert(RD_MESSAGE_BYTES_MAX > RD_TOPIC_BYTES_MAX, "a topic's bound is the first to strike");

/* What one handle tells its owner besides results. */
struct rd_client {
	char brokers[512]; /* where it was told to look, for messages */
	char error[256];   /* the last global error (brokers down, TLS, SASL), "" where none */
	/* producers: the first failed delivery since it was cleared */
	rd_kafka_resp_err_t delivery_error;
	char delivery_topic[TOPIC_NAME_MAX + 1];
	struct client_stats *stats; /* where its statistics go; borrowed, NULL: nowhere */
	bool is_forwarded;	    /* by rd_forward */
};

struct rd_setting {
	const char *name, *value;
};

/* A new configuration: settings[count], then the user's properties, of which those are refused that
 * would break what foretell promises. `client` (borrowed, outlives the handle) takes its errors.
 * Errors: FATAL BUS_OPTION, which names the option. */
ERR_MUST_USE struct err *rd_conf_new(const struct client_options *options,
				     const struct rd_setting *settings, size_t count,
				     struct rd_client *client, rd_kafka_conf_t **conf);

/* A consumer's settings that bound what it has fetched and not handed out yet. */
struct rd_fetch_limits {
	char queued_kbytes[24], queued_messages[24], fetch_bytes[24], partition_bytes[24];
};

/* For about `bytes` in all; 0 or more than the client's defaults take: those. */
void rd_fetch_limits_set(size_t bytes, struct rd_fetch_limits *limits);

/* A new handle; `conf` is stolen. Errors: FATAL BUS_OPTION. */
ERR_MUST_USE struct err *rd_handle_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
				       rd_kafka_t **handle);

/* Lets what the consumer tells its owner come through the queue of its records. From then on
 * rd_kafka_poll must not be called: it takes records for reports, of which librdkafka makes an end
 * of the process, and would run a rebalance within whatever asks. */
void rd_forward(rd_kafka_t *consumer, struct rd_client *client);

/* Copies of options, for what is opened later; free with rd_options_free. */
struct client_options rd_options_copy(const struct client_options *options);
void rd_options_free(struct client_options *options);

/* A new error from an answer of the transactional producer (stolen; NULL gives NULL).
 * retriable RETRY; lost transactions, and producers that a new one can replace, ABORT; missing
 * rights and unsupported brokers FATAL. `what` begins the text. */
struct err *rd_err_txn(rd_kafka_error_t *error, const char *what);

/* A new error from a code of a consumer, an admin call or metadata: BUS_UNREACHABLE (RETRY),
 * BUS_TOPIC_MISSING, BUS_OFFSET_GONE, BUS_AUTHORIZATION (FATAL), BUS_MEMBER_LOST (ABORT), and
 * BUS_BROKER (RETRY) for anything else. */
struct err *rd_err_code(rd_kafka_resp_err_t code, const struct rd_client *client,
			const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What has ended a producer for good, as a new FATAL error under `code`; NULL: nothing has. */
struct err *rd_err_fatal(rd_kafka_t *producer, const char *code);

/* Nothing has come for RD_STABLE_MS. `stable`: where an open transaction stops the reader (RETRY
 * BUS_UNSTABLE, with the command that ends it); -1 where none does (RETRY BUS_UNREACHABLE). */
struct err *rd_err_stuck(const struct rd_client *client, const char *topic, int32_t partition,
			 int64_t stable);

/* The producer's client error where a record of `topic` is larger than bytes_max. */
struct err *rd_err_too_large(const char *topic, size_t size, size_t bytes_max);

/* Bytes of a record as a topic's max.message.bytes counts them (without compression). */
size_t rd_outgoing_size(const struct outgoing *out);

/* Queues a copy of `out` to `partition` (>= 0). QUEUE_FULL is served and waited for, at most
 * RD_QUEUE_MS. Returns librdkafka's code. */
rd_kafka_resp_err_t rd_produce(rd_kafka_t *producer, rd_kafka_topic_t *topic,
			       const struct outgoing *out, int32_t partition);

/* How many partitions `topic` has. Errors: FATAL BUS_TOPIC_MISSING, as rd_err_code. */
ERR_MUST_USE struct err *rd_partition_count(rd_kafka_t *handle, const struct rd_client *client,
					    const char *topic, int32_t *count);

/* The effective value of a topic's configuration into value[value_max]; "" where it is unknown. */
ERR_MUST_USE struct err *rd_topic_config(rd_kafka_t *handle, const struct rd_client *client,
					 const char *topic, const char *name, char *value,
					 size_t value_max);

/* The largest record that `topic` takes. Where the brokers don't tell (rights), their default: too
 * low a bound makes a dead letter, too high a one would fail every transaction again. */
size_t rd_topic_bytes_max(rd_kafka_t *handle, const struct rd_client *client, const char *topic);

/* Fills `record` from a message (borrowed). `topic` is the name to show. */
void rd_record_of(const rd_kafka_message_t *message, const char *topic, struct record *record);

/* The same without its headers. */
void rd_record_bare(const rd_kafka_message_t *message, const char *topic, struct record *record);

/* Reading one partition outside any group, from `start` on (read_committed). */
struct rd_range {
	const char *topic; /* the name that records show */
	int32_t partition;
	int64_t start, end; /* end: the offset before which the last record lies */
	int patience_ms;    /* while nothing comes; 0: RD_STABLE_MS */
};

/* Hands the committed records of range to `each` until `end` is passed. `reader`: a consumer handle
 * made with rd_reader_new. Errors: those of `each`; where nothing comes, what went wrong
 * meanwhile or rd_err_stuck; as rd_err_code. */
ERR_MUST_USE struct err *rd_range_read(rd_kafka_t *reader, const struct rd_client *client,
				       const struct rd_range *range,
				       struct err *(*each)(void *, const struct record *),
				       void *context);

/* A new consumer that is in no group; about `bytes` may wait in it, 0: RD_READER_BYTES. */
ERR_MUST_USE struct err *rd_reader_new(const struct client_options *options, size_t bytes,
				       struct rd_client *client, rd_kafka_t **reader);

/* First retained offset and high watermark. */
ERR_MUST_USE struct err *rd_watermarks(rd_kafka_t *handle, const struct rd_client *client,
				       const char *topic, int32_t partition, int64_t *low,
				       int64_t *high);

/* The first retained offset of each position's partition into its offset, in one request. */
ERR_MUST_USE struct err *rd_begins(rd_kafka_t *handle, const struct rd_client *client,
				   struct position *positions, size_t count);

/* The high watermark of each position's partition into its offset, in one request. */
ERR_MUST_USE struct err *rd_ends(rd_kafka_t *handle, const struct rd_client *client,
				 struct position *positions, size_t count);

/* How far a reader of committed records may go in it (the last stable offset), likewise. */
ERR_MUST_USE struct err *rd_stable_ends(rd_kafka_t *handle, const struct rd_client *client,
					struct position *positions, size_t count);

void rd_pause(int ms);

/* "did not answer within ..." of BUS_UNREACHABLE. */
struct err *rd_err_unreachable(const struct rd_client *client, const char *what);

#endif
