/* The input record of the reference job: Avro in Confluent framing, read and written by hand, as
 * the peers do (tests/bench/peers). Every length is checked.
 *
 *   event_id string, account_id string, source enum, kind enum of 8, ts long (ms), amount double,
 *   quantity int, attrs map<string>
 *
 * Ownership: decoded texts are borrowed from the message. Threads: any. */
#ifndef TESTS_BENCH_JOB_EVENT_H
#define TESTS_BENCH_JOB_EVENT_H

#include "base/bytes.h"
#include "base/err.h"

enum {
	JOB_KINDS = 8,
	JOB_EVENT_ID_LEN = 36, /* of every event; a UUID's text */
	JOB_EVENT_LEN_MAX = 256,
	JOB_EVENT_SCHEMA_ID = 1,
};

struct job_event {
	struct bytes event_id, account;
	int32_t source, kind, quantity;
	int64_t at_ms;
	double amount;
	bool flagged; /* some attribute has the value FLAG */
};

/* Errors: POISON EVENT_INVALID. */
ERR_MUST_USE struct err *job_event_decode(struct bytes value, struct job_event *event);

/* Writes `event` with the two attributes region and channel into out[JOB_EVENT_LEN_MAX]; returns
 * the length. Texts are at most 64 bytes each. */
size_t job_event_encode(const struct job_event *event, struct bytes region, struct bytes channel,
			uint8_t *out);

/* Writers of single fields, for the alert; each returns the place after what it wrote. */
uint8_t *job_put_long(uint8_t *at, int64_t value);
uint8_t *job_put_text(uint8_t *at, struct bytes text);
uint8_t *job_put_double(uint8_t *at, double value);

#endif
