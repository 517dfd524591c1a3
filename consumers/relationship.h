/* The part of an account's state that churn is judged from, where more than orders is known: its
 * features, where it belongs, examples that wait for their outcome, and what people said of its
 * alerts. Plain data of fixed size, zeroed when new; its form on the accounts topic is optional. */
#ifndef CONSUMERS_RELATIONSHIP_H
#define CONSUMERS_RELATIONSHIP_H

#include "consumers/usual_products.h"
#include "models/features.h"
#include "schemas/states.h"

enum { PLACE_LEN_MAX = 24 };

struct relationship {
	struct features features;
	uint8_t region_len, segment_len;
	uint8_t region[PLACE_LEN_MAX], segment[PLACE_LEN_MAX];
	int64_t example_ms;
	size_t pending_count;
	int64_t pending_ms[PENDING_EXAMPLES_MAX]; /* looks that wait for their outcome, oldest first
						   */
	/* the last opportunities that were said, by their cause */
	int64_t due_said_ms, limit_said, product_said_ms;
	struct usual_products usual;
};

/* Takes an event in. */
void relationship_add(struct relationship *relationship, const struct source_event *event);

/* Whether more is known than orders: then the hazard model judges. */
bool relationship_is_known(const struct relationship *relationship);

static inline struct bytes relationship_region(const struct relationship *relationship)
{
	return bytes_of(relationship->region, relationship->region_len);
}

/* The numbers that features_read asks for; -1: unknown. */
int relationship_region_slot(const struct relationship *relationship);
int relationship_segment_slot(const struct relationship *relationship);

/* To the record, which borrows from the relationship, and back. */
void relationship_to_record(const struct relationship *relationship,
			    struct relationship_record *record);
void relationship_from_record(const struct relationship_record *record,
			      struct relationship *relationship);

/* What both accounts knew, in one: sums at a common time, the earliest first, the latest last. */
void relationship_merge(struct relationship *into, const struct relationship *from);

#endif
