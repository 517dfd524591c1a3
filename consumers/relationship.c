#include "consumers/relationship.h"

#include <string.h>

#include "consumers/account_features.h"

_Static_assert((int)SIGNAL_COUNT <= (int)SIGNALS_MAX, "each signal has its row");

static const char *const signal_names[SIGNAL_COUNT] = {
	[SIGNAL_ORDER] = "order",
	[SIGNAL_USE] = "use",
	[SIGNAL_VISIT] = "visit",
	[SIGNAL_READING] = "reading",
	[SIGNAL_CHARGING] = "charging",
	[SIGNAL_TICKET] = "ticket",
	[SIGNAL_ANSWER] = "answer",
	[SIGNAL_ESCALATION] = "escalation",
	[SIGNAL_SATISFACTION] = "satisfaction",
	[SIGNAL_DELIVERY] = "delivery",
	[SIGNAL_FAULT] = "fault",
	[SIGNAL_MAIL] = "mail",
	[SIGNAL_MAIL_OPENED] = "mail.opened",
	[SIGNAL_PAYMENT] = "payment",
	[SIGNAL_OVERDUE] = "overdue",
	[SIGNAL_ACTIVITY] = "activity",
	[SIGNAL_WON] = "won",
	[SIGNAL_LOST] = "lost",
	[SIGNAL_RETURN] = "return",
	[SIGNAL_PRICE] = "price",
	[SIGNAL_SEATS] = "seats",
	[SIGNAL_INTEREST] = "interest",
};

static void place_set(uint8_t place[PLACE_LEN_MAX], uint8_t *len, struct bytes name)
{
	if (name.len == 0 || name.len > PLACE_LEN_MAX)
		return;
	memcpy(place, name.data, name.len);
	*len = (uint8_t)name.len;
}

void relationship_add(struct relationship *relationship, const struct source_event *event)
{
	if (event->has_crm && event->crm.has_account) {
		place_set(relationship->region, &relationship->region_len,
			  event->crm.account.region);
		place_set(relationship->segment, &relationship->segment_len,
			  event->crm.account.segment);
	}
	account_features_add(&relationship->features, event);
}

bool relationship_is_known(const struct relationship *relationship)
{
	const struct features *features = &relationship->features;
	if (features->first_ms != 0 || features->is_subscriber)
		return true;
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		if (signal != SIGNAL_ORDER && signal != SIGNAL_RETURN &&
		    features->traces[signal].count > 0)
			return true;
	return false;
}

int relationship_region_slot(const struct relationship *relationship)
{
	return relationship->region_len == 0
		       ? -1
		       : features_slot(relationship->region, relationship->region_len);
}

int relationship_segment_slot(const struct relationship *relationship)
{
	return relationship->segment_len == 0
		       ? -1
		       : features_slot(relationship->segment, relationship->segment_len);
}

/* ---- as a record ---- */

static void traces_to_record(const struct features *features, struct relationship_record *record)
{
	for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct trace *trace = &features->traces[signal];
		if (trace->count == 0)
			continue;
		record->signals[record->signal_count++] = (struct signal_trace_record){
			.signal = bytes_str(signal_names[signal]),
			.first_ms = trace->first_ms,
			.last_ms = trace->last_ms,
			.count = trace->count,
			.count_weeks = (double)trace->counts[HORIZON_WEEKS],
			.count_quarter = (double)trace->counts[HORIZON_QUARTER],
			.count_year = (double)trace->counts[HORIZON_YEAR],
			.sum_weeks = (double)trace->sums[HORIZON_WEEKS],
			.sum_quarter = (double)trace->sums[HORIZON_QUARTER],
			.sum_year = (double)trace->sums[HORIZON_YEAR],
		};
	}
}

void relationship_to_record(const struct relationship *relationship,
			    struct relationship_record *record)
{
	const struct features *features = &relationship->features;
	record->customer_since_ms = features->first_ms;
	record->renewal_ms = features->renewal_ms;
	record->ended_ms = features->ended_ms;
	record->seats_cut_ms = features->seats_cut_ms;
	record->sign_first_ms = features->sign_first_ms;
	record->sign_ms = features->sign_ms;
	record->sign_days = features->sign_days;
	record->seats = features->seats;
	record->seats_usual = features->seats_usual;
	record->seats_active = features->seats_active;
	record->employees = features->employees;
	record->cut_share = features->cut_share;
	record->late_days = features->late_days;
	record->price_percent = features->price_percent;
	record->score = features->score;
	record->is_subscriber = features->is_subscriber;
	record->region = relationship_region(relationship);
	record->segment = bytes_of(relationship->segment, relationship->segment_len);
	record->signal_count = 0;
	traces_to_record(features, record);
	record->example_ms = relationship->example_ms;
	record->pending_count = relationship->pending_count;
	for (size_t i = 0; i < relationship->pending_count; i++)
		record->pending[i].at_ms = relationship->pending_ms[i];
	record->due_said_ms = relationship->due_said_ms;
	record->limit_said = relationship->limit_said;
	record->product_said_ms = relationship->product_said_ms;
	usual_products_to_record(&relationship->usual, record);
}

static void trace_from_record(const struct signal_trace_record *record, struct trace *trace)
{
	*trace = (struct trace){
		.first_ms = record->first_ms,
		.last_ms = record->last_ms,
		.count = (uint32_t)record->count,
		.counts = { [HORIZON_WEEKS] = (float)record->count_weeks,
			    [HORIZON_QUARTER] = (float)record->count_quarter,
			    [HORIZON_YEAR] = (float)record->count_year },
		.sums = { [HORIZON_WEEKS] = (float)record->sum_weeks,
			  [HORIZON_QUARTER] = (float)record->sum_quarter,
			  [HORIZON_YEAR] = (float)record->sum_year },
	};
}

void relationship_from_record(const struct relationship_record *record,
			      struct relationship *relationship)
{
	struct features *features = &relationship->features;
	features->first_ms = record->customer_since_ms;
	features->renewal_ms = record->renewal_ms;
	features->ended_ms = record->ended_ms;
	features->seats_cut_ms = record->seats_cut_ms;
	features->sign_first_ms = record->sign_first_ms;
	features->sign_ms = record->sign_ms;
	features->sign_days = record->sign_days;
	features->seats = record->seats;
	features->seats_usual = record->seats_usual;
	features->seats_active = record->seats_active;
	features->employees = record->employees;
	features->cut_share = record->cut_share;
	features->late_days = record->late_days;
	features->price_percent = record->price_percent;
	features->score = record->score;
	features->is_subscriber = record->is_subscriber;
	place_set(relationship->region, &relationship->region_len, record->region);
	place_set(relationship->segment, &relationship->segment_len, record->segment);
	for (size_t i = 0; i < record->signal_count; i++)
		for (int signal = 0; signal < SIGNAL_COUNT; signal++)
			if (bytes_equal(record->signals[i].signal, bytes_str(signal_names[signal])))
				trace_from_record(&record->signals[i], &features->traces[signal]);
	relationship->example_ms = record->example_ms;
	relationship->pending_count = record->pending_count;
	for (size_t i = 0; i < record->pending_count; i++)
		relationship->pending_ms[i] = record->pending[i].at_ms;
	relationship->due_said_ms = record->due_said_ms;
	relationship->limit_said = record->limit_said;
	relationship->product_said_ms = record->product_said_ms;
	usual_products_from_record(record, &relationship->usual);
}

void relationship_merge(struct relationship *into, const struct relationship *from)
{
	features_merge(&into->features, &from->features);
	usual_products_merge(&into->usual, &from->usual);
	if (into->region_len == 0)
		place_set(into->region, &into->region_len, relationship_region(from));
	if (into->segment_len == 0)
		place_set(into->segment, &into->segment_len,
			  bytes_of(from->segment, from->segment_len));
}
