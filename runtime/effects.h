/* What processing a batch wants to say: records for output topics, kept until the seal.
 *
 * Effects of records that were committed before a crash are suppressed: nothing is kept of them.
 * Ownership: effects copy what they are given into their arena. Threads: one. */
#ifndef RUNTIME_EFFECTS_H
#define RUNTIME_EFFECTS_H

#include "kafka/bus.h"
#include "schemas/registry.h"

enum { READS_MAX = 2 };

/* Instead of a partition. */
enum { EFFECTS_BY_KEY = -1, EFFECTS_ALL = -2 /* one copy is kept, and produced to each */ };

/* Where a record came from. */
struct origin {
	const char *topic;
	int32_t partition;
	int64_t offset;
	int64_t ingest_ms;	      /* the broker's timestamp of the record */
	const void *reads[READS_MAX]; /* states that the one at hand is judged with */
};

struct effects;

/* app_id prefixes output topics (see runtime/names.h); registry is borrowed. */
struct effects *effects_new(const char *app_id, struct registry *registry);
void effects_free(struct effects **effects);

/* Encodes *record as `type` and keeps it for `topic` (a logical name, a literal), keyed.
 * A record that can't be encoded is a defect of the processor, which bounds what it says: CHECKed.
 * A registry that can't be asked is remembered and returned (new) by effects_error. */
void effects_say(struct effects *effects, const char *topic, struct bytes key,
		 const struct record_type *type, const void *record);

/* The same to every partition of a topic: control records. */
void effects_tell_all(struct effects *effects, const char *topic, struct bytes key,
		      const struct record_type *type, const void *record);

/* Bytes as they are, with headers, to a partition or EFFECTS_*. */
void effects_pass(struct effects *effects, const char *topic, int32_t partition, struct bytes key,
		  struct bytes value, const struct header *headers, size_t header_count);

/* While suppressed, the calls above keep nothing. */
void effects_suppress(struct effects *effects, bool suppressed);

/* What else went wrong while something was said: err (stolen) is the next effects_error's. */
void effects_fail(struct effects *effects, struct err *err);

size_t effects_count(const struct effects *effects);
size_t effects_bytes(const struct effects *effects);

/* How many of them go to all partitions: each is as many records as its topic has partitions. */
size_t effects_to_all_count(const struct effects *effects);
ERR_MUST_USE struct err *effects_error(struct effects *effects);

/* Produces everything in order, in the open transaction. A value or key too large for its
 * topic (only a dead letter's can be) is stood for by its SHA-256. */
ERR_MUST_USE struct err *effects_produce(struct effects *effects, struct bus *bus);

/* Forgets what was said, and an error that nobody asked for. */
void effects_clear(struct effects *effects);

/* The full name of a logical topic; lives as long as effects. */
const char *effects_topic(struct effects *effects, const char *topic);

#endif
