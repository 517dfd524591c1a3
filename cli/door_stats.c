#include "cli/door_stats.h"

#include "base/metrics.h"

enum { STALL_MS = 5000 };

static const unsigned statuses[DOOR_STATUS_COUNT] = { 200, 202, 400, 401, 403, 404,
						      405, 413, 415, 422, 429, 503 };
static const int64_t bounds_us[DOOR_BUCKET_COUNT] = { 1000,  2000,   5000,   10000,   25000,
						      50000, 100000, 250000, 1000000, 5000000 };

void door_stats_request(struct door_stats *stats, unsigned status)
{
	size_t i = 0;
	while (i < DOOR_STATUS_COUNT && statuses[i] != status)
		i++;
	atomic_fetch_add(&stats->requests[i], 1);
}

void door_stats_ack(struct door_stats *stats, int64_t us)
{
	size_t i = 0;
	while (i < DOOR_BUCKET_COUNT && us > bounds_us[i])
		i++;
	atomic_fetch_add(&stats->ack_buckets[i], 1);
	atomic_fetch_add(&stats->ack_us_sum, us);
}

static void write_one(struct metrics *metrics, const char *name, enum metrics_type type,
		      const char *help, int64_t value)
{
	metrics_family(metrics, name, type, help);
	metrics_labels_clear(metrics);
	metrics_count(metrics, value);
}

static void write_requests(struct metrics *metrics, const struct door_stats *stats)
{
	char text[16];
	metrics_family(metrics, "foretell_door_requests_total", METRICS_COUNTER,
		       "Requests to the door, by the status they were answered with.");
	for (size_t i = 0; i <= DOOR_STATUS_COUNT; i++) {
		snprintf(text, sizeof text, "%u", i < DOOR_STATUS_COUNT ? statuses[i] : 0);
		metrics_labels_clear(metrics);
		metrics_label(metrics, "status", i < DOOR_STATUS_COUNT ? text : "other");
		metrics_count(metrics, atomic_load(&stats->requests[i]));
	}
}

void door_stats_write(const struct door_stats *stats, FILE *out)
{
	struct metrics metrics;
	int64_t buckets[DOOR_BUCKET_COUNT + 1];
	metrics_init(&metrics, out);
	write_requests(&metrics, stats);
	metrics_family(&metrics, "foretell_door_events_total", METRICS_COUNTER,
		       "Events that the brokers have taken from the door.");
	for (size_t i = 0; i < stats->topic_count; i++) {
		metrics_labels_clear(&metrics);
		metrics_label(&metrics, "topic", stats->topics[i]);
		metrics_count(&metrics, atomic_load(&stats->events[i]));
	}
	write_one(&metrics, "foretell_door_repeated_total", METRICS_COUNTER,
		  "Events that were taken before, within the window, and not written again.",
		  atomic_load(&stats->repeated));
	write_one(&metrics, "foretell_door_failed_total", METRICS_COUNTER,
		  "Events that the brokers did not take in time; their senders were told.",
		  atomic_load(&stats->failed));
	write_one(&metrics, "foretell_door_pending_events", METRICS_GAUGE,
		  "Events on their way to the brokers.", atomic_load(&stats->pending_events));
	write_one(&metrics, "foretell_door_pending_bytes", METRICS_GAUGE, "Bytes of these.",
		  atomic_load(&stats->pending_bytes));
	write_one(&metrics, "foretell_door_body_bytes", METRICS_GAUGE,
		  "Bytes of requests in memory.", atomic_load(&stats->body_bytes));
	for (size_t i = 0; i <= DOOR_BUCKET_COUNT; i++)
		buckets[i] = atomic_load(&stats->ack_buckets[i]);
	metrics_family(&metrics, "foretell_door_ack_seconds", METRICS_HISTOGRAM,
		       "From a request's last byte to the brokers' last acknowledgement.");
	metrics_labels_clear(&metrics);
	metrics_histogram_us(&metrics, bounds_us, DOOR_BUCKET_COUNT, buckets,
			     atomic_load(&stats->ack_us_sum));
}

bool door_stats_ready(const struct door_stats *stats, int64_t now_ms, FILE *why)
{
	int64_t moved_ms = atomic_load(&stats->moved_ms);
	const char *reason = NULL;
	if (atomic_load(&stats->draining))
		reason = "it is ending";
	else if (atomic_load(&stats->failing))
		reason = "the brokers did not take the last event";
	else if (moved_ms != 0 && now_ms - moved_ms > STALL_MS)
		reason = "the brokers have not answered for 5 s";
	if (reason != NULL)
		fprintf(why, "%s\n", reason);
	return reason == NULL;
}
