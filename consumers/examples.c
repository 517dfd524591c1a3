#include "consumers/examples.h"

#include <string.h>

#include "base/little.h"
#include "base/timestamp.h"

#define EVERY_MS   (EXAMPLE_DAYS * MS_PER_DAY)
#define HORIZON_MS (HAZARD_HORIZON_DAYS * MS_PER_DAY)
#define MATURE_MS  (HORIZON_MS + EXAMPLE_GRACE_DAYS * MS_PER_DAY)
#define GONE	   0.3 /* probability of still being there, below which it counts as gone */

_Static_assert(PENDING_EXAMPLES_MAX *(int)EXAMPLE_DAYS >
		       (int)HAZARD_HORIZON_DAYS + (int)EXAMPLE_GRACE_DAYS,
	       "an example matures before there are too many");

const char examples_key[] = "churn";

static void put(uint8_t *at, double number)
{
	float value = (float)number;
	uint32_t bits;
	memcpy(&bits, &value, sizeof bits);
	for (size_t byte = 0; byte < sizeof bits; byte++)
		at[byte] = (uint8_t)(bits >> 8 * byte);
}

static double get(const uint8_t *at)
{
	uint32_t bits = little_load32(at);
	float value;
	memcpy(&value, &bits, sizeof value);
	return (double)value;
}

void examples_pack(const struct example_facts *facts, uint8_t out[EXAMPLE_BYTES])
{
	const struct bgnbd_history *history = &facts->history;
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		put(out + 4 * i, facts->features[i]);
	put(out + 4 * FEATURE_COUNT, history->repeats);
	put(out + 4 * FEATURE_COUNT + 4, history->recent_days);
	put(out + 4 * FEATURE_COUNT + 8, history->age_days);
}

bool examples_unpack(struct bytes packed, struct example_facts *facts)
{
	if (!examples_are_long(packed.len))
		return false;
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		facts->features[i] = get(packed.data + 4 * i);
		if (!(facts->features[i] >= -8 && facts->features[i] <= 8))
			return false;
	}
	struct bgnbd_history *history = &facts->history;
	*history = (struct bgnbd_history){ .repeats = -1 };
	if (packed.len == EXAMPLE_BYTES_FORMER)
		return true;
	history->repeats = get(packed.data + 4 * FEATURE_COUNT);
	history->recent_days = get(packed.data + 4 * FEATURE_COUNT + 4);
	history->age_days = get(packed.data + 4 * FEATURE_COUNT + 8);
	return history->repeats >= -1 && history->repeats < 1e7 && history->recent_days >= 0 &&
	       history->age_days >= history->recent_days && history->age_days < 1e6;
}

struct bgnbd_history examples_history(const struct buyer *buyer, int64_t at_ms)
{
	double recent = time_days_between(buyer->first_ms, buyer->last_ms);
	double age = time_days_between(buyer->first_ms, at_ms);
	if (buyer->order_count == 0)
		return (struct bgnbd_history){ .repeats = -1 };
	return (struct bgnbd_history){ .repeats = (double)(buyer->order_count - 1),
				       .recent_days = recent,
				       .age_days = age > recent ? age : recent };
}

/* When it left, as far as is known now; TIME_NONE: it has not. */
static int64_t left_ms(const struct features *features, int64_t now_ms)
{
	if (features->ended_ms > 0)
		return features->ended_ms;
	return features_alive(features, now_ms) < GONE ? features->sign_ms : TIME_NONE;
}

/* -1: it teaches nothing. */
static int32_t outcome_of(const struct account_state *state, int64_t example_ms, int64_t now_ms)
{
	int64_t gone_ms = left_ms(&state->relationship.features, now_ms);
	if (gone_ms <= example_ms)
		return -1;
	return gone_ms <= example_ms + HORIZON_MS;
}

static void say_outcome(struct bytes account, int64_t example_ms, int64_t now_ms, int32_t known,
			struct effects *effects)
{
	const struct example outcome = { .account = account,
					 .at_ms = example_ms,
					 .matured_ms = now_ms,
					 .features = bytes_str(""),
					 .outcome = known };
	effects_say(effects, "examples", bytes_str(examples_key), &example_type, &outcome);
}

static void say_example(struct bytes account, int64_t at_ms, int64_t matured_ms,
			const struct example_facts *facts, struct effects *effects)
{
	uint8_t packed[EXAMPLE_BYTES];
	examples_pack(facts, packed);
	const struct example example = {
		.account = account,
		.at_ms = at_ms,
		.matured_ms = matured_ms,
		.features = bytes_of(packed, sizeof packed),
		.outcome = -1,
	};
	effects_say(effects, "examples", bytes_str(examples_key), &example_type, &example);
}

void examples_look(struct bytes account, const struct risk_occasion *occasion, bool may_learn,
		   struct account_state *state, struct effects *effects)
{
	struct relationship *relationship = &state->relationship;
	int64_t at_ms = occasion->at_ms;
	while (relationship->pending_count > 0 &&
	       relationship->pending_ms[0] + MATURE_MS <= at_ms) {
		int64_t example_ms = relationship->pending_ms[0];
		say_outcome(account, example_ms, at_ms, outcome_of(state, example_ms, at_ms),
			    effects);
		memmove(relationship->pending_ms, relationship->pending_ms + 1,
			--relationship->pending_count * sizeof relationship->pending_ms[0]);
	}
	if (!may_learn || account.len > EXAMPLE_ACCOUNT_MAX)
		return;
	if (relationship->example_ms == 0) {
		int days = features_slot(account.data, account.len) % EXAMPLE_DAYS;
		relationship->example_ms = at_ms - days * MS_PER_DAY;
	}
	if (at_ms - relationship->example_ms < EVERY_MS ||
	    relationship->pending_count == PENDING_EXAMPLES_MAX)
		return;
	relationship->example_ms = at_ms;
	relationship->pending_ms[relationship->pending_count++] = at_ms;
	struct example_facts facts = { .history = examples_history(&state->buyer, at_ms) };
	struct hazard_score score;
	risk_score(state, occasion, &score, facts.features);
	say_example(account, at_ms, at_ms + MATURE_MS, &facts, effects);
}

void examples_look_at_buyer(struct bytes account, int64_t at_ms, struct account_state *state,
			    struct effects *effects)
{
	struct relationship *relationship = &state->relationship;
	if (relationship->example_ms != 0 &&
	    at_ms - relationship->example_ms < BUYERS_DAYS * MS_PER_DAY)
		return;
	int slot = features_slot(account.data, account.len);
	if (slot % BUYERS_ONE_IN != 0 || account.len > EXAMPLE_ACCOUNT_MAX)
		return;
	bool is_first = relationship->example_ms == 0;
	relationship->example_ms = at_ms;
	if (is_first) {
		relationship->example_ms -= slot / BUYERS_ONE_IN % BUYERS_DAYS * MS_PER_DAY;
		return;
	}
	const struct example_facts facts = { .history = examples_history(&state->buyer, at_ms) };
	say_example(account, at_ms, at_ms, &facts, effects);
	say_outcome(account, at_ms, at_ms, 0, effects);
}

void examples_answer(struct bytes account, int64_t at_ms, uint64_t answers_before,
		     const struct account_state *state, struct effects *effects)
{
	struct alert_answer answer;
	if (account.len > EXAMPLE_ACCOUNT_MAX ||
	    !alert_life_answer(answers_before, state->alert.answers, &answer))
		return;
	const struct example example = { .account = account,
					 .at_ms = at_ms,
					 .matured_ms = at_ms,
					 .features = bytes_str(""),
					 .outcome = -1,
					 .reason = answer.reason,
					 .useful = answer.useful,
					 .wrong = answer.wrong };
	effects_say(effects, "examples", bytes_str(examples_key), &example_type, &example);
}

void examples_drop(struct bytes account, int64_t at_ms, struct account_state *state,
		   struct effects *effects)
{
	struct relationship *relationship = &state->relationship;
	for (size_t i = 0; i < relationship->pending_count; i++)
		say_outcome(account, relationship->pending_ms[i], at_ms, -1, effects);
	relationship->pending_count = 0;
}

int64_t examples_due(const struct account_state *state)
{
	const struct relationship *relationship = &state->relationship;
	return relationship->pending_count > 0 ? relationship->pending_ms[0] + MATURE_MS
					       : TIME_NONE;
}
