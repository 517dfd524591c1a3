/* What market events say of a region: competitors' offers and the business climate.
 *
 * An account is judged with its region as it was known at the record at hand. What is known is
 * therefore kept with the offset that told of it, and reading asks for an offset: a replay that
 * begins before a change sees the region without it, as the first pass did.
 *
 * Bounded: the last REGION_OFFERS_MAX offers and REGION_CLIMATES_MAX indicators, so a replay is
 * exact as long as no more than so many came between two checkpoints.
 * Ownership: plain data, zeroed when new. Threads: pure. Errors: none. */
#ifndef CONSUMERS_REGION_H
#define CONSUMERS_REGION_H

#include "models/features.h"
#include "schemas/states.h"

enum { REGION_OFFERS_MAX = REGION_CHANGES_MAX, REGION_CLIMATES_MAX = REGION_CHANGES_MAX };

struct region_offer {
	int64_t offset, start_ms, end_ms;
	double percent;
};

struct region_climate {
	int64_t offset;
	double value; /* 0: usual */
};

struct region_state {
	size_t offer_count, climate_count;
	struct region_offer offers[REGION_OFFERS_MAX];	     /* oldest first */
	struct region_climate climates[REGION_CLIMATES_MAX]; /* oldest first */
};

/* Whether an event is about a region and belongs to no account. */
bool region_is_subject(const struct source_event *event);

void region_add(struct region_state *region, const struct source_event *event, int64_t offset);

/* The surroundings at `now_ms`, as far as records up to `offset` told. NULL: usual ones. */
void region_read(const struct region_state *region, int64_t offset, int64_t now_ms,
		 struct surroundings *out);

/* To the record and back. */
void region_to_record(const struct region_state *region, struct region_record *record);
void region_from_record(const struct region_record *record, struct region_state *region);

#endif
