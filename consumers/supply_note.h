/* What other stages tell the allocate stage: the forecast stage, on supply.events and keyed by
 * product, the demand of regions, levels of stock (consumers/held_stock.h) and its clock; the
 * resolve stage levels of stock to the forecast stage, on series.points. Without a network nothing
 * is told.
 */
#ifndef CONSUMERS_SUPPLY_NOTE_H
#define CONSUMERS_SUPPLY_NOTE_H

#include "consumers/network.h"
#include "runtime/effects.h"

/* An event about a site's stock, where it is one. */
void supply_tell_stock(const struct network *network, const struct account_event *event,
		       struct effects *effects);

/* A forecast, where it is one of the network's demand. */
void supply_tell_demand(const struct network *network, const struct forecast *forecast,
			int64_t period_ms, struct effects *effects);

/* The clock of a partition of series.points, and the set of its partitions. */
void supply_tell_clock(const struct network *network, const struct origin *origin, int64_t clock_ms,
		       struct effects *effects);
void supply_tell_inputs(const struct network *network, const struct origin *origin,
			int32_t partition_count, struct effects *effects);

#endif
