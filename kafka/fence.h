/* Whether a static member whose place in the group has been taken lost it to a rival, another
 * process of its name, or to itself.
 *
 * To itself: it lost its session and joins anew under a new id, and a heartbeat of its old id,
 * which librdkafka sends again until it is answered, reaches the group after that. The answer is
 * the same as to one whose place a rival took, and ends the client for good; the place is its own
 * all the while. The group's description tells the id that holds the place.
 *
 * A client that is joining doesn't know its new id yet, so its own join can't be told from a
 * rival's. But an ended client sends no heartbeats: its place is free after a session's time, a
 * rival's is not. */
#ifndef KAFKA_FENCE_H
#define KAFKA_FENCE_H

#include <stdint.h>

enum fence_verdict {
	FENCE_OWN, /* nobody else has the place: join anew */
	FENCE_RIVAL,
	FENCE_WAIT, /* can't be told yet: look again */
};

struct fence_view {
	const char *own;    /* the id under which the member knows itself; "" while it joins */
	const char *holder; /* the id that has the place; "" nobody */
	int64_t since_ms;   /* how long the place is known to be lost */
	int64_t session_ms;
};

enum fence_verdict fence_judge(const struct fence_view *view);

#endif
