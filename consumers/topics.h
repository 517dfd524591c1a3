/* Foretell's topics: what each is called, how it is configured, which schema its values have.
 *
 * Inputs belong to the sources and carry their plain name, and so does what all applications share;
 * every other topic belongs to one application and is called "<app.id>.<logical name>", so that a
 * second application can run beside the first. All of them share one partition count (option
 * `partitions`), because a key's partition must be the same wherever the key goes; for good, since
 * changing it would scatter keys. All use LogAppendTime: event time lives in the value only. */
#ifndef CONSUMERS_TOPICS_H
#define CONSUMERS_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

enum topic_role {
	TOPIC_INPUT,	/* a source writes it */
	TOPIC_OUTPUT,	/* others read it */
	TOPIC_INTERNAL, /* foretell's stages write and read it */
	TOPIC_SHARED,	/* foretell's own, of all its applications: its name is plain, too */
};

enum {
	/* Kafka's default, and room for any record that a stage accepts. */
	TOPIC_MESSAGE_BYTES = 1048588,
	/* dlq holds the largest input record and its headers. */
	TOPIC_DLQ_MESSAGE_BYTES = 2 * TOPIC_MESSAGE_BYTES,
};

_Static_assert((int)TOPIC_MESSAGE_BYTES > (int)RECORD_LEN_MAX,
	       "a topic takes what a stage accepts");

struct topic_row {
	const char *logical; /* "account.events" */
	enum topic_role role;
	bool compacted;	      /* cleanup.policy compact, else delete */
	int64_t retention_ms; /* -1: unlimited; not meaningful where compacted */
	int32_t message_bytes_max;
	const char *schema; /* of its values: schemas/NAME.avsc; NULL: bytes as they came */
	const char *doc;
};

extern const struct topic_row topics_table[];
extern const size_t topics_count;

/* The row of a logical name; NULL where there is none. */
const struct topic_row *topics_find(const char *logical);

/* The row of an input topic: "erp.events", or any name that ends with it, such as
 * "eu.erp.events": sources may keep theirs apart. NULL where it is none. */
const struct topic_row *topics_find_input(const char *name);

/* The topic's full name into name. A logical name that is not in the table is a CHECK. */
void topics_name(const char *app_id, const char *logical, char name[TOPIC_NAME_MAX + 1]);

/* The full name of what a person typed: a logical name, or any other name as it stands. Returns
 * false where it is longer than a topic's name may be. */
bool topics_resolve(const char *app_id, const char *typed, char name[TOPIC_NAME_MAX + 1]);
/* The logical name that a mistyped one is most like; NULL where none is much like it. */
const char *topics_near(const char *typed);

#endif
