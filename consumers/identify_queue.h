/* What waits for a name's account: an entry for each record, or for each part of a large one, keyed
 * "<name>, 0, place". The name's state decides what happens to the queue (enum queue_step), and
 * its entries follow in the same record. */
#ifndef CONSUMERS_IDENTIFY_QUEUE_H
#define CONSUMERS_IDENTIFY_QUEUE_H

#include "consumers/identify_stage.h"

/* The entries that the name has named; as processor.follow. */
size_t identify_follow(void *context, struct target targets[TARGETS_MAX]);

void identify_apply_waiting(void *context, const struct origin *origin, const void *parsed,
			    struct bytes key, void *state, struct effects *effects,
			    bool *must_publish);

#endif
