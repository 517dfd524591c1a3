/* One series in the forecast stage: closed periods, open periods, forecasts awaiting their actual.
 */
#ifndef CONSUMERS_SERIES_STATE_H
#define CONSUMERS_SERIES_STATE_H

#include "consumers/open_periods.h"
#include "consumers/series.h"
#include "models/drift.h"
#include "models/forecaster.h"
#include "models/newcomer.h"
#include "models/skill.h"
#include "schemas/states.h"

enum { SERIES_WHOLE_MAX = SERIES_NAME_MAX + SERIES_UNIT_LEN + 2 }; /* a key without dimensions */

/* What the forecasts of one close have in common. */
struct awaited_close {
	int64_t origin_ms;
	double scale, size;
};

/* A forecast that awaits its actual: what an outstanding_forecast says besides. */
struct awaited_forecast {
	int64_t own, naive, lower_80, upper_80, lower_95, upper_95;
	uint32_t ahead_s; /* from the close to the period's beginning */
	uint8_t close, horizon;
	bool is_naive; /* its point is the naive forecast, not the series' own */
};

/* Plain data of fixed size, zeroed when new. */
struct series_state {
	bool started;
	int64_t period_ms; /* of a usual period */
	int64_t open_ms,
		end_ms; /* of the oldest open period; kept, as its due time is asked of it */
	int64_t corrected_count;
	size_t history_count, outstanding_count;
	int64_t history[SERIES_HISTORY_MAX]; /* oldest first, the last one ends at open_ms */
	struct awaited_close closes[HORIZON_MAX];
	struct awaited_forecast outstanding[SERIES_OUTSTANDING_MAX];
	struct skill skill; /* of its own method against the naive forecast, one step ahead */
	struct drift drift;
	struct forecaster method;
	char whole[SERIES_WHOLE_MAX + 1]; /* what it takes its share of while it is new; "": none */
	struct newcomer newcomer;	  /* that share */
	int64_t tick_offset;		  /* of a whole: the tick that closed its last period */
	struct open_periods open;	  /* from open_ms on */
};

enum { SERIES_STATE_BYTES_MAX = 27 * 1024 }; /* as docs/performance.md has it */

_Static_assert(sizeof(struct series_state) <= (size_t)SERIES_STATE_BYTES_MAX, "of a series");

/* Where an amount of the period beginning at period_start_ms went. */
enum series_placed {
	SERIES_OPEN,	  /* an open period */
	SERIES_CORRECTED, /* a closed one within the history */
	SERIES_TOO_OLD,	  /* before the history, which is full: it can't matter any more */
	SERIES_TOO_FAR,	  /* with it there would be more open periods than there is room for */
};

enum series_placed series_state_add(struct series_state *state, const struct calendar *calendar,
				    int64_t period_start_ms, int64_t amount);

/* Closes the oldest open period and returns its amount, which joins the history. calendar NULL: the
 * series is no longer defined, its periods are as long as usual. */
int64_t series_state_close(struct series_state *state, const struct calendar *calendar);

/* Keeps a forecast until its actual is known; at most SERIES_OUTSTANDING_MAX at a time, of the last
 * HORIZON_MAX closes. Those of one close have its origin, scale and size. One more is never judged:
 * only where the periods were longer ones before, under the same name, are there so many. */
void series_state_await(struct series_state *state, const struct outstanding_forecast *made);
void series_state_awaited(const struct series_state *state, size_t i,
			  struct outstanding_forecast *made);

/* The end of the oldest open period; TIME_NONE: not started. */
int64_t series_state_due(const void *state);

void series_state_to_record(const struct series_state *state, struct series_state_record *record);

/* False: there are more open periods in it than a state has room for (an earlier version's had). */
bool series_state_from_record(const struct series_state_record *record, struct series_state *state);

#endif
