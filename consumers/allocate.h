/* The allocate stage: for each product, when a period of its demand has closed, the transfers and
 * orders that cost least (models/allocate.h), with the reason of each.
 *
 * A plan is made when the log's clock reaches the close, or something of a later close comes: by
 * then the forecast stage has told the forecasts made at it and the stock that counts by it, so a
 * plan follows from the times of the events alone, and where the clock jumps over many closes, each
 * has its plan. */
#ifndef CONSUMERS_ALLOCATE_H
#define CONSUMERS_ALLOCATE_H

#include "consumers/network.h"
#include "runtime/processor.h"

struct allocate_stage;

/* A new stage; network is copied, registry borrowed. */
struct allocate_stage *allocate_stage_new(const struct network *network, struct registry *registry);
void allocate_stage_free(struct allocate_stage **stage);

/* The processor; its context is `stage`, which must outlive it. */
struct processor allocate_processor(struct allocate_stage *stage);

#endif
