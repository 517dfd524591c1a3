/* The simulated feeds as files: one Avro object container for each topic, which any Avro reader
 * opens, and broken.avro with the records that are no Avro (topic, key, value as bytes).
 * Source: Apache Avro specification 1.11, "Object Container Files"; no compression.
 *
 * Ownership: a container set owns its files. Threads: one. Errors: FATAL SIMULATION_FILE. */
#ifndef SIMULATE_CONTAINER_H
#define SIMULATE_CONTAINER_H

#include "simulate/post.h"

struct containers;

/* New files in `folder`, which exists; files that are there are replaced. The seed makes the marks
 * between blocks, so that the same simulation gives the same bytes. */
ERR_MUST_USE struct err *containers_open(const char *folder, uint64_t seed,
					 struct containers **containers);

/* For post_sink; `context` is the struct containers. */
ERR_MUST_USE struct err *containers_send(void *context, const struct delivery *delivery);

/* Writes what is left and closes; NULL-safe, *containers becomes NULL. */
ERR_MUST_USE struct err *containers_close(struct containers **containers);

#endif
