#include "consumers/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "consumers/account_merge.h"
#include "consumers/account_totals.h"

enum { LOGIC_VERSION = 2, ACCOUNT_KIND = 0, TOTALS_KIND = 1, WRITER_NAME_MAX = 32 };

static const char accounts_topic[] = "accounts";
static const char meta_topic[] = "account.meta";
static const char points_topic[] = "series.points";
static const char own_log[] = "account.events"; /* without app.id: the same in every application */

struct account_stage {
	struct account_options options;
	struct churn_rule churn;
	struct registry *registry;
	struct account_event event; /* scratch of parse */
	struct bytes value;	    /* of the event; borrowed */
	bool is_moved;		    /* it came on from another account */
	bool is_change;		    /* not an event but: */
	struct account_move move;
	uint8_t sent_on[OUTPUT_LEN_MAX + KEY_LEN_MAX + READDRESS_ROOM];
	uint8_t keys[SERIES_DEFINITIONS_MAX][KEY_LEN_MAX];
	struct account_record record; /* scratch of encode and decode */
};

struct account_stage *account_stage_new(const struct account_options *options,
					struct registry *registry)
{
	struct account_stage *stage = check_calloc(1, sizeof *stage);
	stage->options = *options;
	churn_rule_init(&stage->churn, &options->churn);
	stage->registry = registry;
	return stage;
}

void account_stage_free(struct account_stage **stage)
{
	free(*stage);
	*stage = NULL;
}

static struct err *parse(void *context, const struct record *record, struct origin *origin,
			 const void **parsed)
{
	struct account_stage *stage = context;
	const char *type = NULL;
	*parsed = &stage->event;
	struct err *err = registry_record_name(stage->registry, record->value, &type);
	stage->is_change = err == NULL && strcmp(type, "foretell.AccountChange") == 0;
	if (stage->is_change)
		return account_move_read(&stage->move, stage->registry, record->value);
	stage->value = record->value;
	stage->is_moved = record->header_count > 0 &&
			  strcmp(record->headers[0].name, ACCOUNT_MOVED_HEADER) == 0;
	if (err == NULL && record->value.len > OUTPUT_LEN_MAX)
		err = err_new(ERR_POISON, "RECORD_TOO_LARGE", "%zu bytes, at most %d are accepted",
			      record->value.len, OUTPUT_LEN_MAX);
	if (err == NULL)
		err = registry_decode(stage->registry, &account_event_type, record->value,
				      &stage->event);
	if (err == NULL &&
	    (stage->event.account.len == 0 || stage->event.account.len > KEY_LEN_MAX))
		err = err_new(ERR_POISON, "EVENT_FIELD", "account has %zu bytes, 1 to %d expected",
			      stage->event.account.len, KEY_LEN_MAX);
	if (err == NULL &&
	    (stage->event.effective_ms < EVENT_MS_MIN || stage->event.effective_ms > EVENT_MS_MAX))
		err = err_new(ERR_POISON, "TIME_ABSURD",
			      "effective_ms lies outside the years 1900 to 2200");
	origin->ingest_ms = stage->event.ingest_ms;
	return err;
}

static size_t route(void *context, const void *parsed, struct target targets[TARGETS_MAX])
{
	struct account_stage *stage = context;
	const struct account_event *event = parsed;
	size_t count = 0;
	if (stage->is_change) {
		targets[0] = (struct target){ ACCOUNT_KIND, stage->move.change.account, NO_TIMERS };
		return 1;
	}
	targets[count++] = (struct target){ ACCOUNT_KIND, event->account, event->effective_ms };
	if (stage->is_moved)
		return count; /* what was sent on is in its series */
	const struct series_table *series = &stage->options.series;
	for (size_t i = 0; i < series->count; i++) {
		int64_t amount;
		size_t len;
		if (series_take(&series->definitions[i], event, &amount, stage->keys[i], &len))
			targets[count++] =
				(struct target){ TOTALS_KIND, bytes_of(stage->keys[i], len),
						 event->effective_ms };
	}
	return count;
}

static void apply_account(void *context, const struct origin *origin, const void *parsed,
			  struct bytes key, void *state, struct effects *effects,
			  bool *must_publish)
{
	struct account_stage *stage = context;
	const struct account_event *event = parsed;
	const struct churn_occasion occasion = { event->effective_ms, origin->ingest_ms,
						 event->event.event_id };
	if (stage->is_change) {
		account_move_apply(&stage->move, stage->registry, &stage->churn, origin->ingest_ms,
				   key, state, effects);
		*must_publish = true;
		return;
	}
	if (account_state_into(state).len > 0) {
		account_send_on(stage->value, key, state, stage->sent_on, effects);
		return;
	}
	account_state_count(state, event);
	if (churn_judge(&stage->churn, key, &occasion, state, effects))
		*must_publish = true;
}

static void fire_account(void *context, const struct origin *origin, struct bytes key,
			 int64_t at_ms, void *state, struct effects *effects, bool *must_publish)
{
	struct account_stage *stage = context;
	const struct churn_occasion occasion = { at_ms, origin->ingest_ms, bytes_of(NULL, 0) };
	if (churn_judge(&stage->churn, key, &occasion, state, effects))
		*must_publish = true;
}

static struct err *encode_account(void *context, const char *topic, struct bytes key,
				  const void *state, uint8_t *out, size_t *len)
{
	struct account_stage *stage = context;
	const struct account_state *account = state;
	*len = 0;
	if (account->erased && account->event_count == 0)
		return NULL;
	account_state_to_record(state, key, &stage->record);
	return registry_encode(stage->registry, topic, &account_record_type, &stage->record, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode_account(void *context, struct bytes value, void *state)
{
	struct account_stage *stage = context;
	struct err *err =
		registry_decode(stage->registry, &account_record_type, value, &stage->record);
	return err != NULL ? err : account_state_from_record(&stage->record, state);
}

static void apply_totals(void *context, const struct origin *origin, const void *parsed,
			 struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)origin;
	(void)must_publish;
	struct account_stage *stage = context;
	struct series_name name;
	CHECK(series_key_split(key, &name));
	const struct series_definition *definition =
		series_find(&stage->options.series, name.definition);
	int64_t amount = 0;
	uint8_t taken_key[KEY_LEN_MAX];
	size_t len = 0;
	CHECK(definition != NULL && series_take(definition, parsed, &amount, taken_key, &len));
	account_totals_add(state, definition, key, parsed, amount, stage->options.tick_ms, effects);
}

static void fire_totals(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
			void *state, struct effects *effects, bool *must_publish)
{
	(void)context;
	(void)origin;
	(void)at_ms;
	(void)must_publish;
	account_totals_flush(state, key, effects);
}

static struct err *encode_totals(void *context, const char *topic, struct bytes key,
				 const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	struct account_stage *stage = context;
	struct series_totals record;
	account_totals_to_record(state, &record);
	return registry_encode(stage->registry, topic, &series_totals_type, &record, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode_totals(void *context, struct bytes value, void *state)
{
	struct account_stage *stage = context;
	struct series_totals record;
	struct err *err = registry_decode(stage->registry, &series_totals_type, value, &record);
	if (err == NULL)
		account_totals_from_record(&record, state);
	return err;
}

static struct bytes writer_name(const struct origin *origin, char name[WRITER_NAME_MAX])
{
	int len = snprintf(name, WRITER_NAME_MAX, "%s/%" PRId32, own_log, origin->partition);
	return bytes_of(name, (size_t)len);
}

static void clock_moved(void *context, const struct origin *origin, int64_t clock_ms,
			struct effects *effects)
{
	(void)context;
	char name[WRITER_NAME_MAX];
	const struct control tick = { .kind = CONTROL_TICK,
				      .writer = writer_name(origin, name),
				      .at_ms = clock_ms,
				      .ingest_ms = origin->ingest_ms };
	effects_tell_all(effects, points_topic, tick.writer, &control_type, &tick);
}

static void inputs_given(void *context, const struct origin *origin, struct effects *effects)
{
	struct account_stage *stage = context;
	char name[WRITER_NAME_MAX];
	struct control inputs = { .kind = CONTROL_INPUTS,
				  .writer = bytes_str(""),
				  .input_count = 1 };
	inputs.inputs[0] =
		(struct control_input){ bytes_str(own_log), stage->options.partition_count };
	effects_tell_all(effects, points_topic, writer_name(origin, name), &control_type, &inputs);
}

struct processor account_processor(struct account_stage *stage)
{
	return (struct processor){
		.name = "account",
		.logic_version = LOGIC_VERSION,
		.meta_topic = meta_topic,
		.keyed = true,
		.clocked = true,
		.kinds = { [ACCOUNT_KIND] = { .name = "account",
					      .state_topic = accounts_topic,
					      .published = true,
					      .state_size = sizeof(struct account_state),
					      .encode = encode_account,
					      .decode = decode_account,
					      .due = account_state_due,
					      .apply = apply_account,
					      .fire = fire_account },
			   [TOTALS_KIND] = { .name = "totals",
					     .state_topic = meta_topic,
					     .state_size = sizeof(struct account_totals),
					     .encode = encode_totals,
					     .decode = decode_totals,
					     .due = account_totals_due,
					     .apply = apply_totals,
					     .fire = fire_totals } },
		.kind_count = 2,
		.context = stage,
		.parse = parse,
		.route = route,
		.clock_moved = clock_moved,
		.inputs_given = inputs_given,
	};
}
