/* The reference job as a processor: account's state of 400 bytes on a compacted topic, alerts on
 * another. It runs on the shipped runtime like any stage. */
#ifndef TESTS_BENCH_JOB_REFERENCE_H
#define TESTS_BENCH_JOB_REFERENCE_H

#include "runtime/processor.h"
#include "tests/bench/job/churn.h"

/* Logical topics; the dead letters go where every stage's do. */
#define REFERENCE_STATES "reference.states"
#define REFERENCE_ALERTS "reference.alerts"
#define REFERENCE_META	 "reference.meta"

/* Scratch of one worker. */
struct reference {
	struct job_event event;
	struct job_outcome outcome;
	uint8_t alert[JOB_ALERT_LEN_MAX];
};

/* The processor with *reference (borrowed) as its context. */
struct processor reference_processor(struct reference *reference);

#endif
