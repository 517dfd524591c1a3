/* Hours as the clocks show them, for the forecast of a series of hours in a zone whose clocks
 * change: what people do at eight they do at eight, before and after. A series' hours are sixty
 * minutes each; here the one that the clocks leave out in spring is put in (the mean of its
 * neighbours), and the two of the same name in autumn are one (their mean).
 *
 * Threads: pure. Units: UTC milliseconds. Errors: none. */
#ifndef CONSUMERS_LOCAL_HOURS_H
#define CONSUMERS_LOCAL_HOURS_H

#include "consumers/calendar.h"

/* Whether the clocks change between two moments, by a zone's hours. */
bool local_hours_needed(const struct calendar *calendar, int64_t from_ms, int64_t until_ms);

/* history[count], the hours from from_ms on, into out[room] as the clocks have them, as many of the
 * last ones as there is room for; returns how many. */
size_t local_hours_history(const struct calendar *calendar, int64_t from_ms, const double *history,
			   size_t count, double *out, size_t room);

/* How many of these hours ahead of the last one before open_ms the h-th (from 1) hour from then on
 * is, 1 to horizon. */
int local_hours_step(const struct calendar *calendar, int64_t open_ms, int h, int horizon);

#endif
