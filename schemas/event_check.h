/* What an event must satisfy before it enters the line, whoever wrote it. */
#ifndef SCHEMAS_EVENT_CHECK_H
#define SCHEMAS_EVENT_CHECK_H

#include "base/err.h"
#include "schemas/types.h"

/* ingest_ms: the broker's timestamp. future_ms: how far ahead of it an event may be dated.
 * Errors: POISON EVENT_FIELD (missing or too long; the text names it), TIME_ABSURD, TIME_FUTURE,
 * QUANTITY_NEGATIVE, CURRENCY_INVALID. */
ERR_MUST_USE struct err *event_check(const struct source_event *event, int64_t ingest_ms,
				     int64_t future_ms);

#endif
