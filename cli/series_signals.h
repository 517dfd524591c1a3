/* Signals of a file that are other series of the line, some periods before:
 *
 *   {"name": "charging", "series": "charging.week.region", "lag": 3}
 *
 * When the file is deployed, their values are filled in from what is known then: one signal for
 * each series of that name, of those of the driven ones that have the same values in the dimensions
 * of the same word. So what is deployed says itself what was known, and a replay knows no more.
 *
 * Ownership: states hold what they were given. Threads: one. */
#ifndef CLI_SERIES_SIGNALS_H
#define CLI_SERIES_SIGNALS_H

#include <jansson.h>

#include "base/err.h"
#include "consumers/series.h"
#include "schemas/states.h"

enum { SERIES_SIGNALS_STATES_MAX = 64 };

struct signal_state {
	char key[KEY_LEN_MAX + 1];
	int64_t period_ms, open_ms;
	size_t count;
	int64_t history[SERIES_HISTORY_MAX]; /* the last one ends at open_ms */
};

struct signal_states {
	size_t count;
	struct signal_state states[SERIES_SIGNALS_STATES_MAX];
};

/* Whether the file has such signals, and whether `definition` is one of those they name. */
bool series_signals_wanted(const json_t *file, struct bytes definition);
bool series_signals_any(const json_t *file);

/* Takes in a series' state, in the place of an earlier one of it; what is too much is left out. */
void series_signals_add(struct signal_states *states, struct bytes key,
			const struct series_state_record *record);

/* Puts values, at most the last `most` of each, in the place of what names a series; states NULL:
 * takes such signals out. Errors: FATAL SERIES_INVALID: a form that can't be, a period that is
 * another, a dimension that the driven series hasn't; SERIES_SIGNAL_NONE: no such series yet. */
ERR_MUST_USE struct err *series_signals_fill(json_t *file, const struct signal_states *states,
					     size_t most);

#endif
