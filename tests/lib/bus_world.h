/* What the tests that run on both buses share: a Kafka, real or in memory, members of groups on it,
 * and what they see. Everything fails the running cmocka test where it can't do what it is asked.
 *
 * Threads: one. */
#ifndef TESTS_LIB_BUS_WORLD_H
#define TESTS_LIB_BUS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/admin.h"
#include "kafka/bus_memory.h"
#include "kafka/client.h"
#include "kafka/writer.h"

enum {
	SEEN_MAX = 5000,
	NAME_MAX_LEN = 100,
	POLL_MS = 100,
	WAIT_MS_MAX = 20000,
};

/* A Kafka, real or in memory. */
struct world {
	struct memory_kafka *memory; /* NULL: the real one */
	const char *program;
	struct client_options client;
	struct admin *admin;
	struct writer *writer;
	char prefix[NAME_MAX_LEN / 2];
	int64_t now_ms; /* of the one in memory */
	bool nameless;	/* members of this test are dynamic */
	int serial;	/* names of topics, groups and ids are new in each test */
};

/* What a reader has seen of one topic. */
struct seen {
	size_t count;
	int64_t offsets[SEEN_MAX];
	char values[SEEN_MAX][16];
};

/* A bus with its listener, which starts where the group has committed, else at 0. */
struct member {
	struct bus *bus;
	struct bus_listener listener;
	size_t assigned_count, revoked_count; /* partitions, in all */
	size_t owned_count;
	size_t empty_count; /* assignments of nothing */
	bool lost;
	struct position committed[8]; /* as they were at the assignment */
	struct seen early;	      /* what the joining poll has already handed out */
};

void expect_ok(struct err *err);
void expect_err(struct err *err, enum err_verdict verdict, const char *code);

/* ---- worlds --------------------------------------------------------------------------------- */

/* A behaviour is a test that is run in each world. */
struct behaviour {
	const char *name;
	CMUnitTestFunction run;
	bool kafka_only;
};

#define BEHAVIOUR(name)            \
	{                          \
#name, name, false \
	}

/* The world of a test, with new names. */
struct world *world_of(void **state);

/* A name of this test; a topic of that name, with settings (NULL: none; ends with a NULL name). */
void world_name(const struct world *world, const char *what, char name[NAME_MAX_LEN]);
void world_topic(struct world *world, const char *what, int32_t partition_count,
		 char name[NAME_MAX_LEN]);
void world_topic_with(struct world *world, const char *what, int32_t partition_count,
		      const struct topic_config *configs, char name[NAME_MAX_LEN]);

/* A bus of the test's one slot, or of a slot by name with client properties (real world only). */
struct bus *world_open(struct world *world, const char *group);
struct bus *world_open_slot(struct world *world, const char *group, const char *slot,
			    const struct client_property *properties, size_t property_count);

void world_append(struct world *world, const struct outgoing *out);
void append(struct world *world, const char *topic, int32_t partition, const char *value);

/* Time goes on, if it doesn't by itself. */
void world_wait(struct world *world, int64_t ms);

/* Opens both (kafka where argc > 1; false: it can't be), runs the behaviours in each, closes. */
bool worlds_open(int argc, char **argv, struct world *memory, struct world *kafka);
int worlds_run(const char *title, const struct behaviour *behaviours, size_t count,
	       const char *only, struct world *memory, struct world *kafka);

/* ---- what is seen --------------------------------------------------------------------------- */

struct err *seen_add(void *seen, const struct record *record);
void expect_seen(const struct seen *seen, size_t count, const char *const *values);

#define EXPECT_SEEN(seen, ...)                                                        \
	do {                                                                          \
		const char *const expected_[] = { __VA_ARGS__ };                      \
		expect_seen(seen, sizeof expected_ / sizeof expected_[0], expected_); \
	} while (0)

/* Every committed record of a partition, as bus_read_all gives it. Waits while RETRY. */
void read_all(struct bus *bus, const char *topic, int32_t partition, struct seen *seen);
int64_t high_of(struct bus *bus, const char *topic, int32_t partition);

/* Waits until the high watermark is `high`: markers are written after the commit has returned. */
void await_high(struct bus *bus, const char *topic, int64_t high);

/* ---- members -------------------------------------------------------------------------------- */

/* The test's one member, or one of a slot. */
void member_open(struct world *world, struct member *member);
void member_open_slot(struct world *world, struct member *member, const char *slot,
		      const struct client_property *properties, size_t property_count);

/* A member's own answers to a rebalance, for listeners that do more. */
struct err *member_assigned(void *member, struct position *positions, size_t count);
struct err *member_revoked(void *member, const struct position *positions, size_t count, bool lost);

/* Joins; returns how long that took, ms. */
int64_t member_join(struct member *member, const char *topic);

/* Polls until `count` records were seen; a few times, expecting nothing. */
void member_poll(struct member *member, size_t count, struct seen *seen);
void member_poll_nothing(struct member *member);
int64_t member_await_end(struct member *member, const char *topic, int32_t partition);

void produce(struct bus *bus, const char *topic, const char *value);
struct position position_at(const char *topic, int64_t offset, const char *metadata);

#endif
