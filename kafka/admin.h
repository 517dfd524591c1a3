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

/* Waits for a broker's answer. Errors: RETRY BUS_UNREACHABLE after wait_ms, with the last reason.
 */
ERR_MUST_USE struct err *admin_reach(struct admin *admin, int wait_ms);

/* Creates what is missing of specs[count] (one request), waits until it can be used (bounded) and
 * sets created[i] (may be NULL). Existing topics are left as they are. Errors: RETRY, FATAL. */
ERR_MUST_USE struct err *admin_create(struct admin *admin, const struct topic_spec *specs,
				      size_t count, bool *created);

/* *count of an existing topic's partitions, -1 where it does not exist. */
ERR_MUST_USE struct err *admin_partition_count(struct admin *admin, const char *topic,
					       int32_t *count);

/* How a topic lies on the brokers. */
struct topic_layout {
	int32_t partition_count; /* -1: the topic does not exist */
	int replicas_min;	 /* copies of the partition that has fewest */
	int in_sync_min;	 /* copies that are in sync, of the partition that has fewest */
	int leaderless_count;	 /* partitions without a leader */
	int broker_count;	 /* of the cluster */
	int32_t broker_id;	 /* one of them, for admin_configs_read; -1: none */
};

/* Errors: as rd_err_code; a missing topic is none. */
ERR_MUST_USE struct err *admin_topic_layout(struct admin *admin, const char *topic,
					    struct topic_layout *layout);

/* Every effective setting of a topic, or of a broker (its id as text), in one request. */
struct admin_configs;
enum admin_resource { ADMIN_TOPIC, ADMIN_BROKER };

/* *configs is new. Errors: FATAL BUS_AUTHORIZATION where the rights don't suffice. */
ERR_MUST_USE struct err *admin_configs_read(struct admin *admin, enum admin_resource kind,
					    const char *name, struct admin_configs **configs);
void admin_configs_free(struct admin_configs **configs);

/* A setting's value, borrowed; NULL where the brokers know or show none of this name. */
const char *admin_config(const struct admin_configs *configs, const char *name);

/* The effective value of one topic configuration into value[value_max] ("" where unknown). */
ERR_MUST_USE struct err *admin_topic_config(struct admin *admin, const char *topic,
					    const char *name, char *value, size_t value_max);

#endif
