/* The manifest of a simulation, written beside its truth: what was generated and what was planted,
 * record by record, so that whoever reads the feeds can account for each one.
 *
 * For each topic: records = events + duplicates + malformed. Threads: one. */
#ifndef SIMULATE_MANIFEST_H
#define SIMULATE_MANIFEST_H

#include "simulate/simulate.h"

/* Writes it as JSON to `path`, replacing what is there. Errors: FATAL SIMULATION_FILE. */
ERR_MUST_USE struct err *manifest_write(const struct simulate_options *options,
					const struct simulate_result *result, const char *path);

#endif
