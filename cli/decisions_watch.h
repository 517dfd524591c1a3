/* What was decided about names: read from its topic to its end before anything begins, then
 * followed by a thread of its own, so that a process that runs hears of what is decided meanwhile.
 *
 * Threads: one calls; the decisions are filled by the watch's thread once it follows. */
#ifndef CLI_DECISIONS_WATCH_H
#define CLI_DECISIONS_WATCH_H

#include <stdatomic.h>

#include "consumers/decisions.h"
#include "kafka/client.h"

struct decisions_watch;

/* *out is new, also after an error, and has read what is there. client is borrowed. Errors: as
 * reader_run, decisions_take and log_tail_open. */
ERR_MUST_USE struct err *decisions_watch_open(const struct client_options *client,
					      struct decisions_watch **out);

/* Borrowed. */
struct decisions *decisions_watch_known(const struct decisions_watch *watch);

/* Begins to follow; where that ends by an error, *stop (borrowed) becomes true. Errors: FATAL
 * THREAD. */
ERR_MUST_USE struct err *decisions_watch_start(struct decisions_watch *watch, _Atomic bool *stop);

/* Ends following; returns (new) the error by which it had ended before. NULL-safe. The decisions go
 * with it. */
ERR_MUST_USE struct err *decisions_watch_close(struct decisions_watch **watch);

#endif
