#include "kafka/client_stats.h"

#include <jansson.h>
#include <string.h>

static int64_t number(const json_t *object, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(object, name));
}

static void set(_Atomic int64_t *to, int64_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

/* The group coordinator and the bootstrap addresses stand in the list, too; their connections are
 * real, their round trips are those of brokers that are in it anyway. */
static void take_brokers(struct client_stats *stats, const json_t *brokers)
{
	int64_t requests = 0, connected = 0, rtt_us = 0;
	const char *name;
	json_t *broker;
	json_object_foreach((json_t *)brokers, name, broker) {
		const char *state = json_string_value(json_object_get(broker, "state"));
		int64_t p99_us = number(json_object_get(broker, "rtt"), "p99");
		requests += number(broker, "outbuf_cnt") + number(broker, "waitresp_cnt");
		connected += state != NULL && strcmp(state, "UP") == 0;
		rtt_us = p99_us > rtt_us ? p99_us : rtt_us;
	}
	set(&stats->requests, requests);
	set(&stats->connected_brokers, connected);
	set(&stats->rtt_us, rtt_us);
}

/* What a consumer has fetched and nobody has taken yet. */
static void take_fetched(struct client_stats *stats, const json_t *topics)
{
	int64_t messages = 0, bytes = 0;
	const char *name;
	json_t *topic, *partition;
	json_object_foreach((json_t *)topics, name, topic) {
		json_t *partitions = json_object_get(topic, "partitions");
		json_object_foreach(partitions, name, partition) {
			messages += number(partition, "fetchq_cnt");
			bytes += number(partition, "fetchq_size");
		}
	}
	set(&stats->queued_messages, messages);
	set(&stats->queued_bytes, bytes);
}

static void take_group(struct client_stats *stats, const json_t *group)
{
	const char *join = json_string_value(json_object_get(group, "join_state"));
	int state = CLIENT_JOIN_UNKNOWN;
	if (join != NULL)
		state = strcmp(join, "steady") == 0 ? CLIENT_JOIN_STEADY : CLIENT_JOIN_WAITING;
	atomic_store_explicit(&stats->join, state, memory_order_relaxed);
	set(&stats->assigned, number(group, "assignment_size"));
}

void client_stats_take(struct client_stats *stats, const char *json, size_t len, int64_t wall_ms)
{
	json_t *report = json_loadb(json, len, 0, NULL);
	const char *type = json_string_value(json_object_get(report, "type"));
	if (type != NULL) {
		if (strcmp(type, "consumer") == 0) {
			take_fetched(stats, json_object_get(report, "topics"));
			take_group(stats, json_object_get(report, "cgrp"));
		} else {
			set(&stats->queued_messages, number(report, "msg_cnt"));
			set(&stats->queued_bytes, number(report, "msg_size"));
		}
		take_brokers(stats, json_object_get(report, "brokers"));
		set(&stats->sent_bytes, number(report, "tx_bytes"));
		set(&stats->received_bytes, number(report, "rx_bytes"));
		set(&stats->told_wall_ms, wall_ms);
	}
	json_decref(report);
}
