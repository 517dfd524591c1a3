/* Topics: what exists, creating what is missing, checking what is there. */
#ifndef KAFKA_ADMIN_H
#define KAFKA_ADMIN_H

#include "kafka/client.h"

enum { TOPIC_CONFIG_MAX = 8 };

struct topic_config {
	const char *name, *value;
};

struct topic_spec {
	const char *name;
	int32_t partition_count;
	int16_t replication_factor;		       /* -1: the broker's default */
	struct topic_config configs[TOPIC_CONFIG_MAX]; /* ends with a NULL name, or full */
};

struct admin;

ERR_MUST_USE struct err *admin_open(const struct client_options *options, struct admin **admin);
void admin_close(struct admin **admin);

/* Creates what is missing of specs[count] (one request), waits until it can be used (bounded) and
 * sets created[i] (may be NULL). Existing topics are left as they are. Errors: RETRY, FATAL. */
ERR_MUST_USE struct err *admin_create(struct admin *admin, const struct topic_spec *specs,
				      size_t count, bool *created);

/* *count of an existing topic's partitions, -1 where it does not exist. */
ERR_MUST_USE struct err *admin_partition_count(struct admin *admin, const char *topic,
					       int32_t *count);

/* The effective value of one topic configuration into value[value_max] ("" where unknown). */
ERR_MUST_USE struct err *admin_topic_config(struct admin *admin, const char *topic,
					    const char *name, char *value, size_t value_max);

#endif
