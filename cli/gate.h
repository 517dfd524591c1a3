/* The gate before a history: it goes through stretch by stretch, and after each one resolve waits
 * until names have found their accounts in it. What names ask one another goes through identify's
 * log, step by step; so each identify worker is asked whether it has come to its end, and where
 * there are several, which say things to one another, again until nothing was said between.
 *
 *     PASSING ─stretch is over─► CLOSED ─own records are committed─► ASKED ─all have come to rest─►
 *     PASSING; and after GATE_CLOSED_MS in any case
 *
 * Threads: an asker belongs to its resolve worker, an answerer to its identify worker; what both
 * see is atomic. */
#ifndef CLI_GATE_H
#define CLI_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/timestamp.h"

/* How much of a history goes through at a time, event time. */
#define GATE_STRETCH_MS (4 * MS_PER_WEEK)

enum { GATE_CLOSED_MS = 30000 }; /* that a stretch waits at most */

/* What all workers of a line share. */
struct gate {
	_Atomic int64_t asked; /* the last question; 0: none yet */
};

/* An identify worker's. */
struct gate_answerer {
	_Atomic int64_t answered;	/* the last question that it has answered */
	const _Atomic int64_t *effects; /* records that it has said, borrowed */
};

/* A resolve worker's; all 0 at first. */
struct gate_asker {
	int64_t pass_until_ms;	 /* how far the history may go, event time */
	int64_t closed_since_ms; /* monotonic; 0: it is open */
	int64_t asked, said;	 /* its question (0: none), and what had been said by then */
};

/* What an asker sees when it looks. */
struct gate_view {
	const struct gate_answerer *const *answerers;
	size_t answerer_count;
	int64_t now_ms;	 /* monotonic, above 0 */
	bool is_settled; /* all that this worker has read is committed */
};

/* Whether what happened at time_ms may go through. */
bool gate_may_pass(struct gate *gate, struct gate_asker *asker, const struct gate_view *view,
		   int64_t time_ms);

/* The question that this worker has not answered; 0: none. It is answered once the worker has read
 * its log to an end that it looked up after this call. */
int64_t gate_question(struct gate *gate, const struct gate_answerer *answerer);
void gate_answer(struct gate_answerer *answerer, int64_t question);

#endif
