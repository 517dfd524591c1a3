/* What the reference job decides: the state of an account, its update by an event, the score, and
 * the bytes of an alert. The same arithmetic in the same order as the peers' (tests/bench/peers),
 * with base/dmath for logarithms and exponentials: the bits of a replay must not depend on the
 * machine.
 *
 * Threads: pure functions. */
#ifndef TESTS_BENCH_JOB_CHURN_H
#define TESTS_BENCH_JOB_CHURN_H

#include "tests/bench/job/event.h"

/* What happened of one kind. */
struct job_kind {
	int64_t count;
	double sum;
	double decayed_7, decayed_30; /* amounts, decayed over 70 s and 300 s of event time */
	int64_t last_ms;
};

/* An account's state. The job defines its 400 bytes as these fields, little-endian, so on such a
 * machine the struct is the value of the state topic. New: zeros. */
struct job_state {
	int64_t version; /* 1; 0: a new account */
	struct job_kind kinds[JOB_KINDS];
	int64_t total, first_ms;
	double score;
	int64_t in_alert; /* 0 or 1 */
	int64_t last_alert_ms, alert_count;
	uint8_t event_tail[24]; /* of the last event's id */
};

_Static_assert(sizeof(struct job_state) == 400, "the job's state");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the job's state is little-endian");

enum { JOB_ALERT_LEN_MAX = 320, JOB_FEATURES = 3 * JOB_KINDS };

/* What an update came to. */
struct job_outcome {
	bool alert;
	double score, score_before;
	double features[JOB_FEATURES]; /* of each kind: ln(1 + count), ratio of decayed, recency */
};

void job_state_apply(struct job_state *state, const struct job_event *event,
		     struct job_outcome *outcome);

/* The alert about `event` into out[JOB_ALERT_LEN_MAX]; returns its length. */
size_t job_alert_encode(const struct job_event *event, const struct job_outcome *outcome,
			uint8_t *out);

#endif
