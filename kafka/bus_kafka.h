/* The bus on a real Kafka, by librdkafka. See bus.h. */
#ifndef KAFKA_BUS_KAFKA_H
#define KAFKA_BUS_KAFKA_H

#include "kafka/bus.h"
#include "kafka/client.h"
#include "kafka/client_stats.h"

struct bus_kafka_options {
	const struct client_options *client; /* borrowed for the call */
	const char *group;		     /* consumer group id */
	const char *instance;		     /* group.instance.id; NULL: dynamic membership */
	const char *transactional_id;
	/* how much may wait in the clients, bytes: fetched, or not sent yet; 0: their defaults */
	size_t fetch_bytes, producer_bytes;
	/* where the clients' statistics go; borrowed for the bus's life, NULL: nowhere */
	struct client_stats *consumer_stats, *producer_stats;
};

/* A new bus, its old transaction settled (init_transactions). Errors: RETRY BUS_UNREACHABLE,
 * FATAL BUS_OPTION (the text names the option). */
ERR_MUST_USE struct err *bus_kafka_open(const struct bus_kafka_options *options, struct bus **bus);

#endif
