/* Amounts of one series within one partition of account.events, added up until the next tick. */
#ifndef CONSUMERS_ACCOUNT_TOTALS_H
#define CONSUMERS_ACCOUNT_TOTALS_H

#include "consumers/series.h"
#include "runtime/effects.h"
#include "schemas/states.h"

/* Plain data of fixed size, zeroed when new. */
struct account_totals {
	int64_t flush_ms; /* only where period_count > 0 */
	size_t period_count;
	struct period_total periods[SERIES_TOTALS_MAX];
};

/* Adds an event's amount (series_take) to its period; what no longer fits is handed on first. */
void account_totals_add(struct account_totals *totals, const struct series_definition *definition,
			struct bytes key, const struct account_event *event, int64_t amount,
			int64_t tick_ms, struct effects *effects);

/* Hands everything on to series.points, keyed by the definition. */
void account_totals_flush(struct account_totals *totals, struct bytes key, struct effects *effects);

int64_t account_totals_due(const void *totals); /* the next tick boundary; TIME_NONE: empty */

void account_totals_to_record(const struct account_totals *totals, struct series_totals *record);
void account_totals_from_record(const struct series_totals *record, struct account_totals *totals);

#endif
