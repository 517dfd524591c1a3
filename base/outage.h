/* Failures that may pass: whether they have kept coming for so long that somebody should be told,
 * once, and that it is over, once. Failures no more than OUTAGE_MS apart are one outage.
 *
 * Ownership: plain data, zeroed when new. Threads: pure. Times are monotonic ms > 0. Errors:
 * none. */
#ifndef BASE_OUTAGE_H
#define BASE_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

enum { OUTAGE_MS = 60000 };

struct outage {
	int64_t since_ms, last_ms; /* of its failures; 0: there is none */
	bool is_told;
};

enum outage_news { OUTAGE_NO_NEWS, OUTAGE_LASTS, OUTAGE_IS_OVER };

/* A try that failed, or did not; what is to be told of it. */
enum outage_news outage_look(struct outage *outage, bool failed, int64_t now_ms);

#endif
