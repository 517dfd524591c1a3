/* Reading a whole topic from outside any group, read_committed: for tail, explain, diff and
 * reports. */
#ifndef KAFKA_READER_H
#define KAFKA_READER_H

#include "kafka/bus.h"
#include "kafka/client.h"

struct reader_options {
	const struct client_options *client;
	const char *topic;
	int32_t partition; /* -1: all */
	bool follow;	   /* go on at the end instead of returning */
	bool from_end;	   /* start at the end instead of the first retained record */
};

/* Hands each record to `each` until the end that stood when the reading began (follow: until *stop
 * becomes non-zero; stop may be NULL). Order holds per partition. An error of `each` ends it and is
 * returned. Errors: RETRY BUS_UNREACHABLE, BUS_UNSTABLE (a transaction holds it back), FATAL
 * BUS_TOPIC_MISSING. */
ERR_MUST_USE struct err *reader_run(const struct reader_options *options,
				    struct err *(*each)(void *context, const struct record *record),
				    void *context, const volatile int *stop);

#endif
