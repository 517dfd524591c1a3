/* What tells a topic from another one of the same name: the ids that brokers give to clusters and
 * topics (KIP-516). A topic that was deleted and made anew has another id, and its offsets mean
 * other records. Internal to kafka/. */
#ifndef KAFKA_LOG_IDS_H
#define KAFKA_LOG_IDS_H

#include "kafka/rd.h"

struct log_ids_request {
	const char *const *topics;
	size_t count; /* at most BUS_IDS_MAX */
	int timeout_ms;
};

/* The ids of the topics into ids[count], in one request, and the cluster's into `cluster`. 0 and ""
 * where the brokers have none (before Kafka 2.8). Errors: as rd_err_code. */
ERR_MUST_USE struct err *log_ids_ask(rd_kafka_t *handle, const struct rd_client *client,
				     const struct log_ids_request *request, uint64_t *ids,
				     char cluster[CLUSTER_ID_MAX + 1]);

#endif
