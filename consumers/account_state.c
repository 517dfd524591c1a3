#include "consumers/account_state.h"

#include "base/dmath.h"
#include "base/saturate.h"
#include "base/timestamp.h"

struct type_statistics *account_state_type(struct account_state *state, struct bytes type)
{
	for (size_t i = 0; i < state->type_count; i++) {
		struct type_statistics *row = &state->types[i];
		if (bytes_equal(type, bytes_of(row->type, row->type_len)))
			return row;
	}
	if (state->type_count == ACCOUNT_TYPES_MAX)
		return &state->types[ACCOUNT_TYPES_MAX - 1];
	struct type_statistics *row = &state->types[state->type_count++];
	if (state->type_count == ACCOUNT_TYPES_MAX)
		type = bytes_str("*");
	row->type_len = (uint8_t)(type.len < EVENT_TYPE_MAX ? type.len : EVENT_TYPE_MAX);
	memcpy(row->type, type.data, row->type_len);
	return row;
}

static double decayed_add(double value, int64_t elapsed_ms, double days)
{
	double age_days = (double)(elapsed_ms > 0 ? elapsed_ms : 0) / (double)MS_PER_DAY;
	return value * dm_exp(-age_days / days) + 1;
}

static void count_type(struct type_statistics *row, int64_t at_ms, int64_t amount_minor)
{
	int64_t elapsed_ms = row->count > 0 ? at_ms - row->last_ms : 0;
	row->decayed_30 = decayed_add(row->decayed_30, elapsed_ms, 30);
	row->decayed_90 = decayed_add(row->decayed_90, elapsed_ms, 90);
	if (row->count == 0 || at_ms < row->first_ms)
		row->first_ms = at_ms;
	if (row->count == 0 || at_ms > row->last_ms)
		row->last_ms = at_ms;
	row->count++;
	row->sum_minor = saturating_add(row->sum_minor, amount_minor);
}

/* An order counts as a purchase, a return takes its amount back. Orders count when they happened,
 * even if they came late: the account's own rhythm is a matter of event time. */
static void count_purchase(struct account_state *state, const struct source_event *event,
			   int64_t amount)
{
	int64_t refund = amount > 0 ? -amount : amount;
	if (bytes_equal(event->type, bytes_str("erp.order")))
		buyer_update(&state->buyer, event->event_ms, amount > 0 ? amount : 0, 1);
	else if (bytes_equal(event->type, bytes_str("erp.return")) && refund < 0)
		buyer_update(&state->buyer, event->event_ms, refund, 1);
	else
		return;
	state->quiet_from_ms = state->quiet_until_ms = 0;
}

void account_state_count(struct account_state *state, const struct account_event *event)
{
	const struct source_event *source = &event->event;
	if (state->event_count == 0 || source->event_ms < state->first_ms)
		state->first_ms = source->event_ms;
	if (state->event_count == 0 || event->effective_ms > state->last_ms)
		state->last_ms = event->effective_ms;
	state->event_count++;
	state->late_count += event->late;
	if (source->has_amount && state->currency[0] == '\0' && source->currency.len == 3)
		memcpy(state->currency, source->currency.data, 3);
	/* amounts in another currency than the account's own are counted, not added */
	bool same = bytes_equal(source->currency, bytes_str(state->currency));
	int64_t amount = source->has_amount && same ? source->amount_minor : 0;
	count_type(account_state_type(state, source->type), event->effective_ms, amount);
	count_purchase(state, source, amount);
	usual_products_add(&state->relationship.usual, source, state->buyer.order_count);
	relationship_add(&state->relationship, source);
}

static double probability_of(const struct account_state *state)
{
	if (state->scored_ms == 0)
		return -1;
	struct buyer_score score;
	buyer_score(&state->buyer, state->scored_ms, &score);
	return score.probability;
}

static void relationship_put(const struct account_state *state, struct account_record *record)
{
	const struct alert_state *alert = &state->alert;
	record->has_relationship = state->event_count > 0;
	if (!record->has_relationship)
		return;
	struct relationship_record *to = &record->relationship;
	relationship_to_record(&state->relationship, to);
	to->alert_rule = bytes_str(alert_rule_names[alert->rule]);
	to->acknowledged = alert->acknowledged;
	to->snoozed_until_ms = alert->snoozed_until_ms;
	to->cool_until_ms = alert->cool_until_ms;
	to->wrong_count = alert->wrong_count;
	to->useful_count = alert->useful_count;
	to->answers = (int64_t)alert->answers;
}

static void relationship_get(const struct account_record *record, struct account_state *state)
{
	struct alert_state *alert = &state->alert;
	const struct relationship_record *from = &record->relationship;
	if (!record->has_relationship)
		return;
	relationship_from_record(from, &state->relationship);
	for (int rule = 0; rule < ALERT_RULE_COUNT; rule++)
		if (bytes_equal(from->alert_rule, bytes_str(alert_rule_names[rule])))
			alert->rule = rule;
	alert->acknowledged = from->acknowledged;
	alert->snoozed_until_ms = from->snoozed_until_ms;
	alert->cool_until_ms = from->cool_until_ms;
	alert->wrong_count = from->wrong_count;
	alert->useful_count = from->useful_count;
	alert->answers = (uint64_t)from->answers;
}

void account_state_to_record(const struct account_state *state, struct bytes account,
			     struct account_record *record)
{
	const struct buyer *buyer = &state->buyer;
	*record = (struct account_record){
		.account = account,
		.event_count = state->event_count,
		.late_count = state->late_count,
		.first_ms = state->first_ms,
		.last_ms = state->last_ms,
		.currency = bytes_str(state->currency[0] != '\0' ? state->currency : NULL),
		.order_count = buyer->order_count,
		.order_event_count = buyer->event_count,
		.first_order_ms = buyer->first_ms,
		.last_order_ms = buyer->last_ms,
		.order_sum_minor = buyer->sum_minor,
		.decay_ms = buyer->decay_ms,
		.orders_decayed_30 = buyer->decayed[BUYER_DECAY_30],
		.orders_decayed_90 = buyer->decayed[BUYER_DECAY_90],
		.orders_decayed_365 = buyer->decayed[BUYER_DECAY_365],
		.type_count = state->type_count,
		.probability = probability_of(state),
		.band = state->band,
		.scored_ms = state->scored_ms,
		.has_check = account_state_due(state) != TIME_NONE,
		.check_ms = account_state_due(state),
		.alert_open = state->alert.open,
		.alert_episode = state->alert.episode,
		.alert_revision = state->alert.revision,
		.alert_opened_ms = state->alert.opened_ms,
		.alert_severity = state->alert.severity,
		.merged_into = state->into_len > 0 ? account_state_into(state) : bytes_of(NULL, 0),
	};
	relationship_put(state, record);
	for (size_t i = 0; i < state->type_count; i++) {
		const struct type_statistics *row = &state->types[i];
		record->types[i] = (struct type_statistics_record){
			bytes_of(row->type, row->type_len),
			row->count,
			row->sum_minor,
			row->first_ms,
			row->last_ms,
			row->decayed_30,
			row->decayed_90,
		};
	}
}

static void types_from_record(const struct account_record *record, struct account_state *state)
{
	state->type_count = record->type_count;
	for (size_t i = 0; i < record->type_count; i++) {
		const struct type_statistics_record *from = &record->types[i];
		struct type_statistics *row = &state->types[i];
		row->type_len = (uint8_t)(from->type.len < EVENT_TYPE_MAX ? from->type.len
									  : EVENT_TYPE_MAX);
		memcpy(row->type, from->type.data, row->type_len);
		row->count = from->count;
		row->sum_minor = from->sum_minor;
		row->first_ms = from->first_ms;
		row->last_ms = from->last_ms;
		row->decayed_30 = from->decayed_30;
		row->decayed_90 = from->decayed_90;
	}
}

struct err *account_state_from_record(const struct account_record *record,
				      struct account_state *state)
{
	memset(state, 0, sizeof *state);
	state->event_count = record->event_count;
	state->late_count = record->late_count;
	state->first_ms = record->first_ms;
	state->last_ms = record->last_ms;
	if (record->currency.len == 3)
		memcpy(state->currency, record->currency.data, 3);
	state->buyer = (struct buyer){
		.order_count = record->order_count,
		.event_count = record->order_event_count,
		.first_ms = record->first_order_ms,
		.last_ms = record->last_order_ms,
		.sum_minor = record->order_sum_minor,
		.decay_ms = record->decay_ms,
		.decayed = { record->orders_decayed_30, record->orders_decayed_90,
			     record->orders_decayed_365 },
	};
	types_from_record(record, state);
	state->band = record->band;
	state->scored_ms = record->scored_ms;
	if (record->scored_ms != 0)
		state->check_ms = record->has_check ? record->check_ms : TIME_NONE;
	state->alert = (struct alert_state){ .open = record->alert_open,
					     .episode = record->alert_episode,
					     .revision = record->alert_revision,
					     .opened_ms = record->alert_opened_ms,
					     .severity = record->alert_severity };
	relationship_get(record, state);
	if (record->merged_into.len > 0 && record->merged_into.len <= KEY_LEN_MAX) {
		state->into_len = (uint8_t)record->merged_into.len;
		memcpy(state->into, record->merged_into.data, record->merged_into.len);
	}
	if (record->type_count > ACCOUNT_TYPES_MAX || record->merged_into.len > KEY_LEN_MAX ||
	    !buyer_is_valid(&state->buyer))
		return err_new(ERR_FATAL, "STATE_INVALID", "the state of account %.*s is damaged",
			       (int)record->account.len, (const char *)record->account.data);
	return NULL;
}

int64_t account_state_due(const void *state)
{
	const struct account_state *account = state;
	return account->scored_ms != 0 ? account->check_ms : TIME_NONE;
}
