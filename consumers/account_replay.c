#include "consumers/account_replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "consumers/model_shelf.h"
#include "consumers/region.h"
#include "runtime/log_clock.h"
#include "schemas/identity.h"

/* As consumers/account.c numbers them. */
enum { KIND_ACCOUNT = 0, KIND_TOTALS = 1, KIND_REGION = 2, KIND_MODELS = 3, NEIGHBOURS_MAX = 256 };

/* A state of another kind that accounts of the partition are judged with. */
struct neighbour {
	uint8_t kind, key_len;
	uint8_t key[KEY_LEN_MAX];
	void *state;
};

struct account_replay {
	struct account_stage *stage;
	struct processor processor;
	struct registry *registry;
	struct effects *effects;
	struct log_clock *clock;
	struct hazard_model prior;
	int64_t until_ms, first_offset;
	/* The log's clock, or the account's own records, have passed the moment. What is not known
	 * of it by then may still come, where its names waited for their account. */
	bool is_past;
	struct origin last;
	uint8_t key_len;
	uint8_t key[KEY_LEN_MAX];
	struct account_state state;
	size_t neighbour_count;
	struct neighbour neighbours[NEIGHBOURS_MAX];
};

struct account_replay *account_replay_new(const struct account_options *options,
					  struct bytes account, int64_t until_ms,
					  struct registry *registry)
{
	struct account_replay *replay = check_calloc(1, sizeof *replay);
	CHECK(account.len > 0 && account.len <= KEY_LEN_MAX);
	replay->stage = account_stage_new(options, registry);
	replay->processor = account_processor(replay->stage);
	replay->registry = registry;
	replay->effects = effects_new("replay", registry);
	replay->clock = log_clock_new();
	replay->until_ms = until_ms;
	replay->first_offset = -1;
	replay->key_len = (uint8_t)account.len;
	memcpy(replay->key, account.data, account.len);
	hazard_prior(&replay->prior);
	effects_suppress(replay->effects, true);
	return replay;
}

void account_replay_free(struct account_replay **out)
{
	struct account_replay *replay = *out;
	if (replay == NULL)
		return;
	for (size_t i = 0; i < replay->neighbour_count; i++)
		free(replay->neighbours[i].state);
	log_clock_free(&replay->clock);
	effects_free(&replay->effects);
	account_stage_free(&replay->stage);
	free(replay);
	*out = NULL;
}

static struct bytes own_key(const struct account_replay *replay)
{
	return bytes_of(replay->key, replay->key_len);
}

/* The state, made where it is not there; NULL: there are too many. */
static void *neighbour_state(struct account_replay *replay, uint8_t kind, struct bytes key)
{
	for (size_t i = 0; i < replay->neighbour_count; i++) {
		struct neighbour *neighbour = &replay->neighbours[i];
		if (neighbour->kind == kind &&
		    bytes_equal(key, bytes_of(neighbour->key, neighbour->key_len)))
			return neighbour->state;
	}
	if (replay->neighbour_count == NEIGHBOURS_MAX || key.len > KEY_LEN_MAX)
		return NULL;
	struct neighbour *made = &replay->neighbours[replay->neighbour_count++];
	made->kind = kind;
	made->key_len = (uint8_t)key.len;
	memcpy(made->key, key.data, key.len);
	made->state = check_calloc(1, replay->processor.kinds[kind].state_size);
	return made->state;
}

/* The origin with the states that the account is judged with. */
static struct origin with_reads(struct account_replay *replay, const struct origin *origin,
				const void *parsed)
{
	const struct state_kind *kind = &replay->processor.kinds[KIND_ACCOUNT];
	struct target reads[READS_MAX];
	struct origin with = *origin;
	size_t count = kind->reads(replay->processor.context, &replay->state, parsed, reads);
	for (size_t i = 0; i < count; i++)
		with.reads[i] = neighbour_state(replay, reads[i].kind, reads[i].key);
	return with;
}

static void fire_until(struct account_replay *replay, const struct origin *origin, int64_t until_ms)
{
	const struct state_kind *kind = &replay->processor.kinds[KIND_ACCOUNT];
	bool must_publish = false;
	until_ms = until_ms < replay->until_ms ? until_ms : replay->until_ms;
	for (int64_t due_ms = kind->due(&replay->state); due_ms <= until_ms;
	     due_ms = kind->due(&replay->state)) {
		struct origin with = with_reads(replay, origin, NULL);
		kind->fire(replay->processor.context, &with, own_key(replay), due_ms,
			   &replay->state, replay->effects, &must_publish);
		CHECK(kind->due(&replay->state) > due_ms);
	}
}

static struct err *take_control(struct account_replay *replay, const struct record *record,
				struct origin *origin)
{
	struct control control;
	bool moved = false;
	struct err *err = registry_decode(replay->registry, &control_type, record->value, &control);
	if (err == NULL)
		err = log_clock_apply(replay->clock, record->offset, &control, &moved);
	if (err != NULL || !moved || control.kind == CONTROL_INPUTS)
		return err;
	origin->ingest_ms = control.ingest_ms;
	fire_until(replay, origin, log_clock_now(replay->clock));
	replay->is_past |= log_clock_now(replay->clock) > replay->until_ms;
	return NULL;
}

static void apply_own(struct account_replay *replay, const struct origin *origin,
		      const void *parsed, int64_t until_ms)
{
	bool must_publish = false;
	if (until_ms != NO_TIMERS)
		fire_until(replay, origin, until_ms);
	if (until_ms != NO_TIMERS && until_ms > replay->until_ms) {
		replay->is_past = true;
		return;
	}
	struct origin with = with_reads(replay, origin, parsed);
	replay->processor.kinds[KIND_ACCOUNT].apply(replay->processor.context, &with, parsed,
						    own_key(replay), &replay->state,
						    replay->effects, &must_publish);
}

static struct err *take_event(struct account_replay *replay, const struct record *record,
			      struct origin *origin)
{
	const struct processor *processor = &replay->processor;
	const void *parsed = NULL;
	struct target targets[TARGETS_MAX];
	bool must_publish = false;
	struct err *err = processor->parse(processor->context, record, origin, &parsed);
	if (err != NULL)
		return err;
	size_t count = processor->route(processor->context, parsed, targets);
	for (size_t i = 0; i < count; i++) {
		if (targets[i].kind == KIND_ACCOUNT) {
			if (bytes_equal(targets[i].key, own_key(replay)))
				apply_own(replay, origin, parsed, targets[i].until_ms);
		} else if (targets[i].kind != KIND_TOTALS && !replay->is_past) {
			void *state = neighbour_state(replay, targets[i].kind, targets[i].key);
			if (state != NULL)
				processor->kinds[targets[i].kind].apply(
					processor->context, origin, parsed, targets[i].key, state,
					replay->effects, &must_publish);
		}
	}
	return NULL;
}

/* A merge, a transfer or an erasure has its own time, and fires no timers. */
static struct err *take_change(struct account_replay *replay, const struct record *record,
			       struct origin *origin)
{
	struct account_change change;
	struct err *err =
		registry_decode(replay->registry, &account_change_type, record->value, &change);
	return err != NULL || change.at_ms > replay->until_ms ? err
							      : take_event(replay, record, origin);
}

struct err *account_replay_take(struct account_replay *replay, const struct record *record)
{
	const char *name = NULL;
	if (replay->first_offset < 0)
		replay->first_offset = record->offset;
	if (record->value.data == NULL || (replay->is_past && replay->state.event_count > 0))
		return NULL;
	struct origin origin = { .topic = record->topic,
				 .partition = record->partition,
				 .offset = record->offset,
				 .ingest_ms = record->timestamp_ms };
	/* nothing that became known later is asked for */
	if (replay->is_past)
		origin.offset = replay->last.offset;
	replay->last = origin;
	struct err *err = registry_record_name(replay->registry, record->value, &name);
	if (err == NULL && strcmp(name, "foretell.Control") == 0)
		err = take_control(replay, record, &origin);
	else if (err == NULL && strcmp(name, "foretell.AccountChange") == 0)
		err = take_change(replay, record, &origin);
	else if (err == NULL)
		err = take_event(replay, record, &origin);
	if (err != NULL && err_verdict(err) == ERR_POISON)
		err_free(&err);
	return err;
}

void account_replay_end(struct account_replay *replay)
{
	fire_until(replay, &replay->last, replay->until_ms);
	replay->is_past = true;
}

const struct account_state *account_replay_state(const struct account_replay *replay)
{
	return &replay->state;
}

int64_t account_replay_first_offset(const struct account_replay *replay)
{
	return replay->first_offset;
}

struct risk_occasion account_replay_occasion(const struct account_replay *replay,
					     struct surroundings *around)
{
	const struct model_shelf *shelf = NULL;
	const struct region_state *region = NULL;
	struct bytes place = relationship_region(&replay->state.relationship);
	for (size_t i = 0; i < replay->neighbour_count; i++) {
		const struct neighbour *neighbour = &replay->neighbours[i];
		struct bytes key = bytes_of(neighbour->key, neighbour->key_len);
		if (neighbour->kind == KIND_MODELS)
			shelf = neighbour->state;
		else if (neighbour->kind == KIND_REGION && bytes_equal(key, place))
			region = neighbour->state;
	}
	region_read(region, replay->last.offset, replay->until_ms, around);
	const struct hazard_model *active = model_shelf_at(shelf, replay->last.offset);
	return (struct risk_occasion){ .at_ms = replay->until_ms,
				       .around = around,
				       .model = active != NULL ? active : &replay->prior };
}
