/* What a door has done, for /metrics. Written by the server's and the acknowledgements' threads,
 * read by any. */
#ifndef CLI_DOOR_STATS_H
#define CLI_DOOR_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { DOOR_TOPICS_MAX = 16, DOOR_STATUS_COUNT = 12, DOOR_BUCKET_COUNT = 10 };

struct door_stats {
	_Atomic int64_t requests[DOOR_STATUS_COUNT + 1]; /* by status; the last: any other */
	size_t topic_count;
	const char *topics[DOOR_TOPICS_MAX];
	_Atomic int64_t events[DOOR_TOPICS_MAX]; /* acknowledged by the brokers */
	_Atomic int64_t repeated;		 /* answered without writing them again */
	_Atomic int64_t failed;			 /* records that the brokers didn't take in time */
	_Atomic int64_t pending_events, pending_bytes, body_bytes;
	_Atomic int64_t ack_buckets[DOOR_BUCKET_COUNT + 1], ack_us_sum;
	_Atomic int64_t moved_ms; /* when a record last was sent or told of; 0: none is under way */
	_Atomic bool failing, draining; /* failing: the last record to end was given up */
};

void door_stats_request(struct door_stats *stats, unsigned status);
void door_stats_ack(struct door_stats *stats, int64_t us);
void door_stats_write(const struct door_stats *stats, FILE *out);

/* Whether a sender may expect its events to be taken now; else why not, into `why`. */
bool door_stats_ready(const struct door_stats *stats, int64_t now_ms, FILE *why);

#endif
