/* One total in the levels stage: the sums of the close at hand, forecasts awaiting their actual.
 * Threads: pure. */
#ifndef CONSUMERS_LEVEL_STATE_H
#define CONSUMERS_LEVEL_STATE_H

#include "consumers/calendar.h"
#include "models/interval.h"
#include "schemas/states.h"

/* Plain data of fixed size, zeroed when new. */
struct level_state {
	bool is_open;	     /* parts of this close have come, and it isn't said */
	int64_t origin_ms;   /* of this close, or the last one that was said; 0: none */
	int64_t tick_offset; /* of this close's parts */
	int64_t period_ms, part_count, closed_count;
	int64_t actual;
	bool nonnegative;
	size_t step_count, outstanding_count;
	struct series_step steps[HORIZON_MAX];
	double size;  /* mean absolute actual, later ones more */
	double scale; /* of MASE: mean absolute error of the naive forecast one period ahead */
	int64_t scale_count;
	struct outstanding_forecast outstanding[SERIES_OUTSTANDING_MAX];
	struct interval interval;
};

/* Adds a part of the close at hand, or of a later one when none is. One of an earlier close is left
 * out, and so is one that another tick closed: whether the total is out by then must not matter. */
void level_state_add(struct level_state *state, int64_t period_ms, const struct series_part *part);

/* The close at hand is not to be said. */
void level_state_skip(struct level_state *state);

/* Takes out the forecasts of the period that ended with the close at hand into made[HORIZON_MAX],
 * and learns from their errors. Returns how many. */
size_t level_state_judge(struct level_state *state, const struct calendar *calendar,
			 struct outstanding_forecast *made);

/* The forecasts of the close at hand into made[HORIZON_MAX]; it is then said. Returns how many.
 * Those that there is no room for are never judged: only where the periods were longer ones before,
 * under the same name, are there so many. */
size_t level_state_predict(struct level_state *state, const struct calendar *calendar,
			   struct outstanding_forecast *made);

/* The close at hand; TIME_NONE: there is none. */
int64_t level_state_due(const void *state);

void level_state_to_record(const struct level_state *state, struct level_record *record);
void level_state_from_record(const struct level_record *record, struct level_state *state);

#endif
