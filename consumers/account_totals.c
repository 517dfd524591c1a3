#include "consumers/account_totals.h"

#include "base/check.h"
#include "base/saturate.h"
#include "base/timestamp.h"

void account_totals_flush(struct account_totals *totals, struct bytes key, struct effects *effects)
{
	struct series_name name;
	CHECK(series_key_split(key, &name));
	for (size_t i = 0; i < totals->period_count; i++) {
		const struct series_point point = {
			.definition = name.definition,
			.dimension = name.dimension,
			.unit = name.unit,
			.period_start_ms = totals->periods[i].period_start_ms,
			.amount = totals->periods[i].amount,
			.late = totals->periods[i].late,
		};
		effects_say(effects, "series.points", name.definition, &series_point_type, &point);
	}
	totals->period_count = 0;
	totals->flush_ms = 0;
}

static void add_to_period(struct account_totals *totals, int64_t period_start_ms, int64_t amount,
			  bool late)
{
	size_t i = 0;
	while (i < totals->period_count && totals->periods[i].period_start_ms != period_start_ms)
		i++;
	struct period_total *total = &totals->periods[i];
	if (i == totals->period_count) {
		totals->period_count++;
		*total = (struct period_total){ .period_start_ms = period_start_ms };
	}
	total->amount = saturating_add(total->amount, amount);
	total->late = total->late || late;
}

void account_totals_add(struct account_totals *totals, const struct series_definition *definition,
			struct bytes key, const struct account_event *event, int64_t amount,
			int64_t tick_ms, struct effects *effects)
{
	int64_t period_start_ms = calendar_after(&definition->calendar, event->event.event_ms, 0);
	if (totals->period_count == SERIES_TOTALS_MAX)
		account_totals_flush(totals, key, effects);
	if (totals->period_count == 0)
		totals->flush_ms = time_floor(event->effective_ms, tick_ms, 0) + tick_ms;
	add_to_period(totals, period_start_ms, amount, event->late);
}

int64_t account_totals_due(const void *state)
{
	const struct account_totals *totals = state;
	return totals->period_count > 0 ? totals->flush_ms : TIME_NONE;
}

void account_totals_to_record(const struct account_totals *totals, struct series_totals *record)
{
	record->flush_ms = account_totals_due(totals);
	record->period_count = totals->period_count;
	memcpy(record->periods, totals->periods, sizeof record->periods);
}

void account_totals_from_record(const struct series_totals *record, struct account_totals *totals)
{
	memset(totals, 0, sizeof *totals);
	totals->period_count = record->period_count;
	totals->flush_ms = record->period_count > 0 ? record->flush_ms : 0;
	memcpy(totals->periods, record->periods, sizeof totals->periods);
}
