/* Where an application stands in Kafka: for each stage its group, and for each input partition X
 * (the committed position), Y (where a replay would begin) and the log's ends.
 *
 * Ownership: the positions own what they point to, except the topic names that the configuration
 * holds. */
#ifndef CLI_STATUS_POSITIONS_H
#define CLI_STATUS_POSITIONS_H

#include "base/conf.h"
#include "consumers/stages.h"
#include "kafka/group.h"
#include "runtime/checkpoint.h"
#include "runtime/names.h"

/* What is wrong with a position, if anything. */
enum position_fault {
	POSITION_GOOD,
	POSITION_NONE,	    /* nothing is committed: the stage has not begun here */
	POSITION_FOREIGN,   /* not foretell's */
	POSITION_PASSED,    /* retention removed what lies behind Y */
	POSITION_TRUNCATED, /* X lies beyond the log's end */
};

struct stage_position {
	enum position_fault fault;
	struct checkpoint checkpoint; /* of a good, passed or truncated one */
	int64_t lag;		      /* offsets to the end; from the first retained where there is
				       * no position */
};

struct stage_positions {
	const char *stage;
	char group[NAME_LEN_MAX + 1];
	const char *topics[TOPICS_PER_STAGE_MAX];
	char own_topic[TOPIC_NAME_MAX + 1];
	size_t topic_count;
	struct group_view view;
	struct stage_position *positions; /* one for each of view.positions */
	int64_t lag;			  /* added up */
	size_t fault_count;		  /* beyond POSITION_NONE */
	bool is_used; /* others are not shown */
};

struct status_positions {
	struct stage_positions stages[STAGE_COUNT];
};

/* Judges one position: pure. Sets position->fault, checkpoint, lag. */
void position_judge(const struct group_position *committed, struct stage_position *position);

/* What a fault means and what to do about it, for a person; "" where there is none. */
const char *position_fault_text(enum position_fault fault);

/* Asks Kafka. Errors: FATAL BUS_TOPIC_MISSING, RETRY BUS_UNREACHABLE. */
ERR_MUST_USE struct err *status_positions_read(struct status_positions *positions,
					       const struct conf *conf,
					       const struct client_options *client);
void status_positions_fini(struct status_positions *positions);

#endif
