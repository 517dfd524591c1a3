/* What is simulated: a stage of the runtime, its topics, and how its input is drawn.
 *
 *   tally               the simulation's own (tests/sim/tally.h), small and unforgiving; an oracle
 *                       knows its rules (tests/sim/oracle.h); naming: one whose states name others
 *   account, forecast   the shipped ones (consumers/); one undisturbed pass of the runtime tells
 *                       what must come of their input (tests/sim/clean.h)
 *
 * Threads: one. */
#ifndef TESTS_SIM_SUBJECT_H
#define TESTS_SIM_SUBJECT_H

#include "base/prng.h"
#include "kafka/bus.h"
#include "runtime/processor.h"
#include "schemas/registry.h"

#define SIM_APP "sim" /* the application's name */

enum { SUBJECT_TOPICS_MAX = 8, DRAFT_KEY_MAX = 16, DRAFT_VALUE_MAX = 512 };

struct subject_topic {
	const char *logical; /* NULL: there are no more */
	bool is_state;	     /* the last value of a key counts */
	bool is_mixed;	     /* a key's values come of several input partitions */
};

/* A record of the input in the making. */
struct draft {
	struct prng *prng;
	struct registry *registry;
	int32_t partition, partition_count;
	uint32_t key_count; /* about as many keys has the partition */
	uint64_t serial;    /* of the record */
	int64_t now_ms;	    /* event time; the subject moves it on */
	char key[DRAFT_KEY_MAX];
	uint8_t value[DRAFT_VALUE_MAX];
	size_t value_len;
};

/* A state that has to go in the same transaction as what was said. */
struct claim {
	struct outgoing state; /* topic (logical), partition, key */
	uint8_t key[64];
	int64_t count; /* for holds */
};

struct subject {
	const char *stage, *group, *input;
	struct subject_topic topics[SUBJECT_TOPICS_MAX];
	int64_t begin_ms; /* of event time */
	uint32_t cache_entries_min;
	uint32_t logic_versions;	   /* 2: it can be upgraded */
	bool has_oracle, names;		   /* names: its states name others */
	void (*draw)(struct draft *draft); /* an event */
	/* Whether a record of topics[0] claims a state, and whether a value is it. NULL: none does.
	 */
	bool (*claims)(const struct record *said, struct claim *claim);
	bool (*holds)(const void *claim, struct bytes value);
};

extern const struct subject subject_tally, subject_naming, subject_account, subject_forecast;

/* One who plays it: a processor of that logic version (1 or 2) with what it needs. registry is
 * borrowed. */
struct actor;

struct actor *actor_new(const struct subject *subject, uint32_t logic, int32_t partition_count,
			struct registry *registry);
void actor_free(struct actor **actor); /* NULL-safe */
const struct processor *actor_processor(const struct actor *actor);

#endif
