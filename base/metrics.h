/* Metrics as text, in Prometheus' exposition format 0.0.4: families with HELP and TYPE, samples
 * with labels. What is written is well-formed whatever UTF-8 the labels hold; that names say what
 * they should and families come once is the caller's affair (promtool looks at it in the tests).
 *
 * Units: as the names say them (_seconds, _bytes); values of seconds are made from milli- or
 * microseconds here, so that nobody divides by hand.
 *
 * Ownership: the stream is borrowed; labels and texts for the call. Threads: one a writer.
 * Errors: none; a stream that can't be written says so by ferror. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

enum { METRICS_LABELS_MAX = 6 };

struct metrics_label {
	const char *name, *value;
};

/* The samples of one family, under way. */
struct metrics {
	FILE *out;
	const char *name;
	struct metrics_label labels[METRICS_LABELS_MAX]; /* of the samples that follow */
	size_t label_count;
};

void metrics_init(struct metrics *metrics, FILE *out);

/* Begins a family: its HELP and TYPE. `name` is borrowed until the next family. */
void metrics_family(struct metrics *metrics, const char *name, enum metrics_type type,
		    const char *help);

/* The labels of the samples that follow; borrowed as long. `metrics_label` adds one; beyond
 * METRICS_LABELS_MAX is a CHECK. */
void metrics_labels_clear(struct metrics *metrics);
void metrics_label(struct metrics *metrics, const char *name, const char *value);

/* One sample of the family with the labels as they are. */
void metrics_count(const struct metrics *metrics, int64_t value);
void metrics_seconds_ms(const struct metrics *metrics, int64_t value_ms);
void metrics_seconds_us(const struct metrics *metrics, int64_t value_us);

/* A histogram of durations: counts[bound_count + 1] by bucket, not added up, the last beyond the
 * highest bound; bounds_us ascending. */
void metrics_histogram_us(const struct metrics *metrics, const int64_t *bounds_us,
			  size_t bound_count, const int64_t *counts, int64_t sum_us);

#endif
