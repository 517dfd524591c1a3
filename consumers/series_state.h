/* One series in the forecast stage: closed periods, open periods, forecasts awaiting their actual.
 */
#ifndef CONSUMERS_SERIES_STATE_H
#define CONSUMERS_SERIES_STATE_H

#include "consumers/series.h"
#include "models/drift.h"
#include "models/forecaster.h"
#include "models/skill.h"
#include "schemas/states.h"

/* Plain data of fixed size, zeroed when new. */
struct series_state {
	bool started;
	int64_t period_ms; /* the definition's, kept so that the due time needs nothing else */
	int64_t open_ms;   /* start of the oldest open period */
	int64_t corrected_count;
	size_t history_count, open_count, outstanding_count;
	int64_t history[SERIES_HISTORY_MAX]; /* oldest first, the last one ends at open_ms */
	struct outstanding_forecast outstanding[SERIES_OUTSTANDING_MAX];
	struct skill skill; /* of its own method against the naive forecast, one step ahead */
	struct drift drift;
	struct forecaster method;
	int64_t open[SERIES_OPEN_MAX]; /* open[i] starts at open_ms + i periods */
};

/* Where an amount of the period beginning at period_start_ms went. */
enum series_placed {
	SERIES_OPEN,	  /* an open period */
	SERIES_CORRECTED, /* a closed one within the history */
	SERIES_TOO_OLD,	  /* before the history, which is full: it can't matter any more */
	SERIES_TOO_FAR,	  /* more than SERIES_OPEN_MAX periods ahead: not taken */
};

enum series_placed series_state_place(const struct series_state *state, int64_t period_start_ms);
enum series_placed series_state_add(struct series_state *state,
				    const struct series_definition *definition,
				    int64_t period_start_ms, int64_t amount);

/* Closes the oldest open period and returns its amount, which joins the history. */
int64_t series_state_close(struct series_state *state);

/* The end of the oldest open period; TIME_NONE: not started. */
int64_t series_state_due(const void *state);

void series_state_to_record(const struct series_state *state, struct series_state_record *record);
void series_state_from_record(const struct series_state_record *record, struct series_state *state);

#endif
