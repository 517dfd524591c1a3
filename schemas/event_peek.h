/* The time of a source's event without decoding it.
 *
 * The time is the fifth field of every event's schema, behind four texts, so it is found by four
 * leaps. That is a guess: a source may write by a schema with another order of fields. So it serves
 * where a wrong answer does no harm. Threads: pure. */
#ifndef SCHEMAS_EVENT_PEEK_H
#define SCHEMAS_EVENT_PEEK_H

#include "base/bytes.h"

/* The time (UTC ms) that a framed value seems to tell; TIME_NONE: none that could be one. */
int64_t event_peek_ms(struct bytes value);

#endif
