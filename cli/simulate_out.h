/* Where a simulation's records go: files, Kafka, both, or nowhere; at full speed or paced.
 *
 * Ownership: what simulate_out_open is given is borrowed. Threads: one. */
#ifndef CLI_SIMULATE_OUT_H
#define CLI_SIMULATE_OUT_H

#include "base/conf.h"
#include "simulate/post.h"

struct simulate_out_options {
	const char *folder; /* exists; NULL: no files */
	bool to_kafka;
	const char *url;	 /* of an HTTP door; NULL: none */
	const char *token;	 /* for the door, may be NULL */
	const char *feeds;	 /* sources with commas between them; NULL: all */
	const struct conf *conf; /* how to reach Kafka and the registry */
	uint64_t seed;
	int64_t rate; /* records a second; 0: as fast as they come */
	const volatile int *stop;
};

struct simulate_out;

/* Errors: FATAL SIMULATION_FILE; those of writer_open, registry_open and of missing topics. */
ERR_MUST_USE struct err *simulate_out_open(const struct simulate_out_options *options,
					   struct simulate_out **out);

/* What the door has refused, of what was malformed on purpose. */
int64_t simulate_out_refused(const struct simulate_out *out);

/* For post_sink; `context` is the struct simulate_out. */
ERR_MUST_USE struct err *simulate_out_send(void *context, const struct delivery *delivery);

/* Marks every topic as ended at end_ms, so that time goes on to there; to Kafka only. */
ERR_MUST_USE struct err *simulate_out_end(struct simulate_out *out, int64_t end_ms);

/* Waits until all is written and closes. NULL-safe; *out becomes NULL. */
ERR_MUST_USE struct err *simulate_out_close(struct simulate_out **out);

#endif
