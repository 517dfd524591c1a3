/* What lies in topics, one line of text for each value, so that two such texts can be compared:
 * "topic/partition key value", in the order of (topic, partition, key), values of a key in theirs;
 * of states the last one alone.
 *
 * Threads: one. */
#ifndef TESTS_SIM_LINES_H
#define TESTS_SIM_LINES_H

#include "base/bytes.h"
#include "tests/sim/subject.h"

struct line;

struct lines {
	const struct subject *subject; /* whose topics they are of; borrowed */
	struct line *items;
	size_t count, room;
};

/* topic: an index of subject->topics. */
void lines_add(struct lines *lines, size_t topic, int32_t partition, struct bytes key,
	       struct bytes value);

/* The text (new); the lines are freed. */
char *lines_text(struct lines *lines);

#endif
