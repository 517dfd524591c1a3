/* The events of the reference job: the same stream of any length for everyone, by seed 42.
 *
 * 80 % of the draws fall on the 20 % of the accounts whose number is a multiple of 5. The random
 * numbers are those of java.util.SplittableRandom (Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", OOPSLA 2014), so that a peer's program can make the same stream.
 *
 * Ownership: what stream_next gives is borrowed until the next call. Threads: one. */
#ifndef TESTS_BENCH_JOB_STREAM_H
#define TESTS_BENCH_JOB_STREAM_H

#include "tests/bench/job/event.h"

#define STREAM_START_MS INT64_C(1795000000000)

enum { STREAM_ACCOUNTS = 100000, STREAM_ACCOUNTS_MAX = 10000000, STREAM_KEY_LEN = 8 };

struct stream {
	uint64_t seed;
	int64_t index; /* of the next event */
	int64_t account_count;
	int64_t first_pass; /* the first so many events go to one account after the other */
	char key[STREAM_KEY_LEN], event_id[JOB_EVENT_ID_LEN];
	uint8_t value[JOB_EVENT_LEN_MAX];
};

/* account_count: a multiple of 5, at most STREAM_ACCOUNTS_MAX. With first_pass each account gets
 * one event, in a scattered order, before the random ones. */
void stream_init(struct stream *stream, int64_t account_count, bool first_pass);

/* The next event, its time an event time of 1 ms after the last. *key is the account's name. */
void stream_next(struct stream *stream, struct bytes *key, struct bytes *value);

/* The same, flagged or not, at a given time and with a given id of JOB_EVENT_ID_LEN characters. */
void stream_next_at(struct stream *stream, int64_t at_ms, bool flagged, const char *event_id,
		    struct bytes *key, struct bytes *value);

/* An account's number from its name; -1 for anything else. */
int64_t stream_account(struct bytes key);

#endif
