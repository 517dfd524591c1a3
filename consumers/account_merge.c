#include "consumers/account_merge.h"

#include "base/check.h"
#include "base/dmath.h"
#include "base/saturate.h"
#include "base/timestamp.h"
#include "consumers/examples.h"

static const char log_topic[] = "account.events";
static const char states_topic[] = "accounts";

struct err *account_move_read(struct account_move *move, struct registry *registry,
			      struct bytes value)
{
	struct account_change *change = &move->change;
	struct err *err = registry_decode(registry, &account_change_type, value, change);
	if (err != NULL)
		return err;
	if (change->account.len == 0 || change->account.len > KEY_LEN_MAX ||
	    change->other.len > KEY_LEN_MAX)
		return err_new(ERR_POISON, "EVENT_FIELD", "an account of 1 to %d bytes is expected",
			       KEY_LEN_MAX);
	if (change->kind != CHANGE_TRANSFER)
		return NULL;
	err = registry_decode(registry, &account_record_type, change->state, &move->record);
	return err != NULL ? err : account_state_from_record(&move->record, &move->state);
}

/* ---- adding up ------------------------------------------------------------------------------ */

static double decayed(double value, int64_t from_ms, int64_t to_ms, double days)
{
	return value * dm_exp(-(double)(to_ms - from_ms) / (double)MS_PER_DAY / days);
}

static void merge_type(struct type_statistics *into, const struct type_statistics *from,
		       bool same_currency)
{
	if (into->count == 0) {
		into->first_ms = from->first_ms;
		into->last_ms = from->last_ms;
	}
	int64_t at_ms = into->last_ms > from->last_ms ? into->last_ms : from->last_ms;
	into->decayed_30 = decayed(into->decayed_30, into->last_ms, at_ms, 30) +
			   decayed(from->decayed_30, from->last_ms, at_ms, 30);
	into->decayed_90 = decayed(into->decayed_90, into->last_ms, at_ms, 90) +
			   decayed(from->decayed_90, from->last_ms, at_ms, 90);
	into->last_ms = at_ms;
	if (from->first_ms < into->first_ms)
		into->first_ms = from->first_ms;
	into->count = saturating_add(into->count, from->count);
	if (same_currency)
		into->sum_minor = saturating_add(into->sum_minor, from->sum_minor);
}

void account_state_merge(struct account_state *into, const struct account_state *from)
{
	if (from->event_count == 0)
		return;
	if (into->event_count == 0 || from->first_ms < into->first_ms)
		into->first_ms = from->first_ms;
	if (into->event_count == 0 || from->last_ms > into->last_ms)
		into->last_ms = from->last_ms;
	into->event_count = saturating_add(into->event_count, from->event_count);
	into->late_count = saturating_add(into->late_count, from->late_count);
	if (into->currency[0] == '\0')
		memcpy(into->currency, from->currency, sizeof into->currency);
	bool same = from->currency[0] == '\0' || strcmp(into->currency, from->currency) == 0;
	for (size_t i = 0; i < from->type_count; i++) {
		const struct type_statistics *row = &from->types[i];
		merge_type(account_state_type(into, bytes_of(row->type, row->type_len)), row, same);
	}
	struct buyer bought = from->buyer;
	if (!same)
		bought.sum_minor = 0;
	buyer_merge(&into->buyer, &bought);
	relationship_merge(&into->relationship, &from->relationship);
	alert_life_merge(&into->alert, &from->alert);
	into->quiet_from_ms = into->quiet_until_ms = 0;
}

/* ---- the changes ---------------------------------------------------------------------------- */

static void say(const struct account_change *change, struct effects *effects)
{
	effects_say(effects, log_topic, change->account, &account_change_type, change);
}

/* Never before what the account has seen: the link may be older than its last event. */
static int64_t moment_of(const struct account_move *move, const struct account_state *state)
{
	int64_t at_ms = move->change.at_ms;
	at_ms = at_ms > state->last_ms ? at_ms : state->last_ms;
	return at_ms > state->scored_ms ? at_ms : state->scored_ms;
}

/* The account is no more: its open alert ends, and nobody will know what came of its examples. */
static void end_account(const struct risk_occasion *occasion, struct bytes key,
			struct account_state *state, struct effects *effects)
{
	const struct churn_occasion silence = { occasion->at_ms, occasion->ingest_ms,
						bytes_of(NULL, 0), occasion->model };
	if (opportunity_holds(state))
		(void)opportunity_end(key, &silence, state, effects);
	else if (relationship_is_known(&state->relationship))
		risk_end(key, occasion, state, effects);
	else
		churn_end(key, &silence, state, effects);
	examples_drop(key, occasion->at_ms, state, effects);
}

static void give_away(struct account_move *move, struct registry *registry,
		      struct risk_occasion *occasion, struct bytes key, struct account_state *state,
		      struct effects *effects)
{
	struct account_change transfer = { .kind = CHANGE_TRANSFER,
					   .account = move->change.other,
					   .other = key,
					   .at_ms = move->change.at_ms };
	size_t len = 0;
	account_state_to_record(state, key, &move->record);
	struct err *err = registry_encode(registry, effects_topic(effects, states_topic),
					  &account_record_type, &move->record, move->scratch,
					  sizeof move->scratch, &len);
	if (err != NULL) {
		effects_fail(effects, err);
		return;
	}
	transfer.state = bytes_of(move->scratch, len);
	occasion->at_ms = moment_of(move, state);
	end_account(occasion, key, state, effects);
	say(&transfer, effects);
	memset(state, 0, sizeof *state);
	state->into_len = (uint8_t)move->change.other.len;
	memcpy(state->into, move->change.other.data, move->change.other.len);
}

static void take_over(struct account_move *move, const struct account_rules *rules,
		      struct risk_occasion *occasion, struct bytes key, struct account_state *state,
		      struct effects *effects)
{
	const struct alert_state *alert = &move->state.alert;
	account_state_merge(state, &move->state);
	occasion->at_ms = moment_of(move, state);
	if (relationship_is_known(&state->relationship)) {
		risk_take_over(rules->risk, key, occasion, alert, state, effects);
		/* judged with the region that it has now, which is not at hand here */
		state->scored_ms = occasion->at_ms;
		state->check_ms = occasion->at_ms + 1;
		return;
	}
	const struct churn_occasion silence = { occasion->at_ms, occasion->ingest_ms,
						bytes_of(NULL, 0), occasion->model };
	churn_take_over(rules->churn, key, &silence, alert, state, effects);
	(void)churn_judge(rules->churn, key, &silence, state, effects);
}

void account_move_apply(struct account_move *move, struct registry *registry,
			const struct account_rules *rules, struct risk_occasion *occasion,
			struct bytes key, struct account_state *state, struct effects *effects)
{
	if (move->change.kind == CHANGE_ERASE) {
		occasion->at_ms = moment_of(move, state);
		end_account(occasion, key, state, effects);
		memset(state, 0, sizeof *state);
	} else if (state->into_len > 0 && move->change.kind == CHANGE_TRANSFER) {
		struct account_change on = move->change;
		on.account = account_state_into(state);
		say(&on, effects);
	} else if (move->change.kind == CHANGE_TRANSFER) {
		take_over(move, rules, occasion, key, state, effects);
	} else if (state->into_len == 0) {
		give_away(move, registry, occasion, key, state, effects);
	}
}

void account_send_on(struct bytes value, struct bytes from, const struct account_state *state,
		     uint8_t *scratch, struct effects *effects)
{
	const struct header moved = { ACCOUNT_MOVED_HEADER, from };
	size_t len = readdress(value, account_state_into(state), scratch);
	effects_pass(effects, log_topic, EFFECTS_BY_KEY, account_state_into(state),
		     bytes_of(scratch, len), &moved, 1);
}
