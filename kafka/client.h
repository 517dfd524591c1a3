/* What every client of a real Kafka shares: where the brokers are, and options passed through. */
#ifndef KAFKA_CLIENT_H
#define KAFKA_CLIENT_H

#include "base/bytes.h"
#include "base/err.h"

struct client_property {
	const char *name, *value; /* as librdkafka's CONFIGURATION.md names them */
};

struct client_options {
	const char *brokers;			  /* host:port[,host:port] */
	const struct client_property *properties; /* kafka.* of the configuration; they win */
	size_t property_count;
};

/* What the clients ask of brokers, which must allow it. */
enum {
	CLIENT_SESSION_MS = 45000,     /* a member's, unless kafka.session.timeout.ms says other */
	CLIENT_TRANSACTION_MS = 60000, /* the longest transaction */
};

/* librdkafka's version, for the log. */
const char *client_version(void);

#endif
