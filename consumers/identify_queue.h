/* What waits for a name's account: in the name's state what finds room there, then entries of a
 * queue, keyed "<name>, 0, place", of which each holds as many records as find room in it, or a
 * part of a large one. The name's state decides what happens to the queue (enum queue_step), and
 * its entries follow in the same record, and are published with it. So do the buckets by which
 * repeats are recognised, keyed "<name>, 1, bucket"; since a name looks into these, it is published
 * with them. */
#ifndef CONSUMERS_IDENTIFY_QUEUE_H
#define CONSUMERS_IDENTIFY_QUEUE_H

#include "consumers/identify_stage.h"

/* The key of a bucket, borrowed from key. name.len up to NAME_KEY_MAX. */
struct bytes identify_bucket_key(struct bytes name, int32_t bucket, uint8_t key[KEY_LEN_MAX]);

/* Hands on what waits in the name's state: `step` is RELEASE, REFUSE (of the record at hand) or
 * ERASE. */
void identify_release_held(struct identify *identify, struct bytes key, struct name_state *name,
			   enum queue_step step, int64_t at_ms, struct effects *effects);

/* The entries that the name has named; as processor.follow. */
size_t identify_follow(void *context, struct target targets[TARGETS_MAX]);

void identify_apply_waiting(void *context, const struct origin *origin, const void *parsed,
			    struct bytes key, void *state, struct effects *effects,
			    bool *must_publish);
void identify_apply_seen(void *context, const struct origin *origin, const void *parsed,
			 struct bytes key, void *state, struct effects *effects,
			 bool *must_publish);

#endif
