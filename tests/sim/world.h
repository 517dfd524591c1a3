/* One simulated run: a cluster, processes with their disks, a plan of input, and whatever a seed
 * makes of them.
 *
 * Each process is a fiber that runs the real runtime with the tally processor; each of its calls to
 * Kafka may leave it standing while others run. Between, the world kills, stops and starts
 * processes, loses disks, starts second ones under a name that is still alive, compacts and
 * retains. At the end everything is mended, the rest of the input is processed, all processes stop
 * cleanly, and what was committed is compared with the plan's expectation.
 *
 * Threads: one. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdint.h>
#include <stdio.h>

#include "schemas/registry.h"

struct world_counts {
	int64_t turns, commits, aborts, kills, zombies, revoked, lost, restored, replayed, followed;
};

/* Runs `seed`. NULL: as expected; else what went wrong (new text). folder: for lock files, exists.
 * trace: what happens, for a person; NULL: nowhere. counts are added to. */
char *world_run(uint64_t seed, struct registry *registry, const char *folder, FILE *trace,
		struct world_counts *counts);

#endif
