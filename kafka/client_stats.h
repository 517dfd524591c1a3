/* What a Kafka client tells of itself now and then (librdkafka's statistics), kept as numbers for
 * other threads to read: queues, requests under way, round trips, bytes on the wire.
 *
 * Threads: the client's own thread writes, any reads; each number is an atomic of its own, so they
 * may stem from two neighbouring reports. A zeroed struct is a valid one: nothing was told yet. */
#ifndef KAFKA_CLIENT_STATS_H
#define KAFKA_CLIENT_STATS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_STATS_INTERVAL_TEXT "2000" /* ms between two reports */

/* How far a consumer has come in its group. */
enum client_join { CLIENT_JOIN_UNKNOWN, CLIENT_JOIN_WAITING, CLIENT_JOIN_STEADY };

struct client_stats {
	_Atomic int64_t told_wall_ms; /* when; 0: never */
	/* waiting in the client: fetched for the application, or not yet acknowledged by brokers */
	_Atomic int64_t queued_messages, queued_bytes;
	_Atomic int64_t requests; /* queued or sent to brokers, and not answered */
	_Atomic int64_t sent_bytes, received_bytes; /* since the client was made */
	_Atomic int64_t connected_brokers;
	_Atomic int64_t rtt_us;	  /* the highest of the brokers' 99th percentiles; 0: none */
	_Atomic int join;	  /* enum client_join; consumers */
	_Atomic int64_t assigned; /* partitions; consumers */
};

/* Takes over what one report (librdkafka's JSON) says. A text that isn't one changes nothing. */
void client_stats_take(struct client_stats *stats, const char *json, size_t len, int64_t wall_ms);

#endif
