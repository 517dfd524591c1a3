#include "consumers/local_hours.h"

#include "base/timestamp.h"

static int64_t hour_at(const struct calendar *calendar, int64_t ms)
{
	return time_floor(zone_local(&calendar->zone, ms), MS_PER_HOUR, 0) / MS_PER_HOUR;
}

bool local_hours_needed(const struct calendar *calendar, int64_t from_ms, int64_t until_ms)
{
	const struct zone *zone = &calendar->zone;
	bool found = false;
	if (calendar->unit != CALENDAR_HOUR)
		return false;
	for (size_t i = 0; !found && i < zone->change_count; i++)
		found = zone->changes[i].at_ms > from_ms && zone->changes[i].at_ms < until_ms;
	return found;
}

/* From the last one back: at most one hour is left out, or there twice, at a time. */
size_t local_hours_history(const struct calendar *calendar, int64_t from_ms, const double *history,
			   size_t count, double *out, size_t room)
{
	size_t at = room; /* out[at..room) are filled */
	int64_t hour = 0;
	int same = 0;
	for (size_t i = count; i > 0 && at > 0; i--) {
		int64_t own = hour_at(calendar, from_ms + ((int64_t)i - 1) * MS_PER_HOUR);
		if (at < room && own >= hour) { /* the clocks were put back */
			same++;
			out[at] += (history[i - 1] - out[at]) / (double)(same + 1);
			continue;
		}
		if (at < room && own < hour - 1) { /* or forward */
			double next = out[at];
			out[--at] = 0.5 * (next + history[i - 1]);
		}
		if (at == 0)
			break;
		out[--at] = history[i - 1];
		hour = own;
		same = 0;
	}
	for (size_t i = at; at > 0 && i < room; i++)
		out[i - at] = out[i];
	return room - at;
}

int local_hours_step(const struct calendar *calendar, int64_t open_ms, int h, int horizon)
{
	int64_t last = hour_at(calendar, open_ms - MS_PER_HOUR);
	int64_t step = hour_at(calendar, open_ms + (h - 1) * MS_PER_HOUR) - last;
	return step < 1 ? 1 : step > horizon ? horizon : (int)step;
}
