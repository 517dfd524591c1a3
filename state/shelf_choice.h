/* Whether a shelf on disk may be the start of a recovery, or is read again from Kafka. Pure. */
#ifndef STATE_SHELF_CHOICE_H
#define STATE_SHELF_CHOICE_H

#include "state/shelf.h"

/* What the shelf has to continue. */
struct shelf_need {
	int64_t x, y; /* committed */
	uint32_t logic_version;
	uint64_t fingerprint;
	struct bytes cluster; /* empty: not known, nor compared */
	int64_t low;	      /* first retained offset of the input */
	bool replayable;      /* false: what lies below x can't be judged again as it was */
};

/* The first that holds, in this order. */
enum shelf_fit {
	SHELF_DAMAGED,
	SHELF_ABSENT,	     /* empty, or a restore that was cut short */
	SHELF_OTHER_FORMAT,  /* of another STORE_VERSION */
	SHELF_OTHER_CLUSTER, /* its offsets mean other records */
	SHELF_OTHER_SETUP,   /* another fingerprint */
	SHELF_OTHER_LOGIC,   /* made by another logic version than what was committed */
	SHELF_AHEAD,	     /* it knows more than was committed: the group was reset */
	SHELF_UNREPEATABLE,  /* older than X, where only X itself will do */
	SHELF_NOT_RETAINED,  /* older than what the input still has */
	SHELF_USABLE,
};

enum shelf_fit shelf_fit(const struct shelf_position *position, const struct shelf_need *need);

/* What to tell an operator; a literal. */
const char *shelf_fit_text(enum shelf_fit fit);

static inline bool shelf_usable(const struct shelf_position *position,
				const struct shelf_need *need)
{
	return shelf_fit(position, need) == SHELF_USABLE;
}

#endif
