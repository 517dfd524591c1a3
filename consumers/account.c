#include "consumers/account.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "consumers/account_merge.h"
#include "consumers/account_totals.h"
#include "consumers/erased.h"
#include "consumers/examples.h"
#include "consumers/model_shelf.h"
#include "consumers/region.h"
#include "consumers/risk.h"
#include "consumers/series_shelf.h"
#include "runtime/relay.h"

enum {
	LOGIC_VERSION = 10,
	ACCOUNT_KIND = 0,
	TOTALS_KIND = 1,
	REGION_KIND = 2,
	MODELS_KIND = 3,
	ERASED_KIND = 4,
	SHELF_KIND = 5
};

/* What an account is judged with; of one that nothing is known of, whether it was erased: it has no
 * region yet. */
enum { READ_MODELS, READ_REGION, READ_ERASED = READ_REGION };

static const char accounts_topic[] = "accounts";
static const char meta_topic[] = "account.meta";
static const char points_topic[] = "series.points";
static const char examples_topic[] = "examples";
static const char own_log[] = "account.events"; /* without app.id: the same in every application */

struct account_stage {
	struct account_options options;
	struct churn_rule churn;
	struct registry *registry;
	struct hazard_model prior;
	struct account_event event; /* scratch of parse */
	struct bytes value;	    /* of the event; borrowed */
	bool is_moved;		    /* it came on from another account */
	bool is_change;		    /* not an event but: */
	struct account_move move;
	int64_t dropped; /* events of the record at hand, of an erased account */
	struct erased_key erased;
	uint8_t sent_on[OUTPUT_LEN_MAX + KEY_LEN_MAX + READDRESS_ROOM];
	bool is_model; /* not an event but: */
	struct model_record model;
	bool is_deployment; /* not an event but: */
	struct series_definitions_record deployment;
	struct series_guide guide;
	struct region_record region; /* scratch of encode and decode, as what follows */
	struct model_shelf_record shelf;
	uint8_t bodies[MODELS_SHELVED_MAX][HAZARD_MODEL_BYTES_MAX];
	uint8_t keys[SERIES_DEFINITIONS_MAX][KEY_LEN_MAX];
	struct account_record record; /* scratch of encode and decode */
};

struct account_stage *account_stage_new(const struct account_options *options,
					struct registry *registry)
{
	struct account_stage *stage = check_calloc(1, sizeof *stage);
	stage->options = *options;
	stage->guide.own = options->series;
	churn_rule_init(&stage->churn, &options->churn);
	hazard_prior(&stage->prior);
	stage->registry = registry;
	return stage;
}

void account_stage_free(struct account_stage **stage)
{
	free(*stage);
	*stage = NULL;
}

/* A version is named by the hash of its bytes: another name is of other bytes. */
static struct err *model_check(const struct model_record *model)
{
	char hex[HASH_SHA256_HEX_LEN + 1];
	hash_sha256_hex(model->body, hex);
	if (model->version.len > 0 && model->version.len < sizeof hex &&
	    memcmp(hex, model->version.data, model->version.len) == 0)
		return NULL;
	return err_new(ERR_POISON, "MODEL_DAMAGED", "model %.*s has bytes of the hash %.16s",
		       (int)(model->version.len < 64 ? model->version.len : 64),
		       (const char *)model->version.data, hex);
}

static struct err *parse(void *context, const struct record *record, struct origin *origin,
			 const void **parsed)
{
	struct account_stage *stage = context;
	const char *type = NULL;
	*parsed = &stage->event;
	stage->dropped = 0;
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
	stage->is_model = err == NULL && strcmp(type, "foretell.Model") == 0;
	stage->is_deployment = err == NULL && strcmp(type, "foretell.SeriesDefinitions") == 0;
	if (stage->is_model) {
		err = registry_decode(stage->registry, &model_type, record->value, &stage->model);
		return err != NULL ? err : model_check(&stage->model);
	}
	if (stage->is_deployment)
		return registry_decode(stage->registry, &series_definitions_type, record->value,
				       &stage->deployment);
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
		struct bytes account = stage->move.change.account;
		targets[0] = (struct target){ ACCOUNT_KIND, account, NO_TIMERS };
		if (stage->move.change.kind != CHANGE_ERASE)
			return 1;
		targets[1] = (struct target){ ERASED_KIND, erased_key_make(account, &stage->erased),
					      NO_TIMERS };
		return 2;
	}
	if (stage->is_model) {
		targets[0] = (struct target){ MODELS_KIND, bytes_str(examples_key), NO_TIMERS };
		return 1;
	}
	if (stage->is_deployment) {
		targets[0] = (struct target){ SHELF_KIND, bytes_str(series_shelf_key), NO_TIMERS };
		return 1;
	}
	if (region_is_subject(&event->event)) {
		targets[0] = (struct target){ REGION_KIND, event->event.subject, NO_TIMERS };
		return 1;
	}
	if (bytes_equal(event->event.subject_scheme, bytes_str("site")))
		return 0; /* of no account, and nothing is judged by it */
	targets[count++] = (struct target){ ACCOUNT_KIND, event->account, event->effective_ms };
	if (stage->is_moved)
		return count; /* what was sent on is in its series */
	const struct series_table *series = series_guide_at(&stage->guide, event->event.event_ms);
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

/* The account that the record at hand is about. */
static struct bytes account_of(const struct account_stage *stage)
{
	return stage->is_change ? stage->move.change.account : stage->event.account;
}

/* The account's own state names its region; the models are the same for all. */
static size_t read_with_account(void *context, const void *state, const void *parsed,
				struct target reads[READS_MAX])
{
	struct account_stage *stage = context;
	const struct account_state *account = state;
	reads[READ_MODELS] = (struct target){ MODELS_KIND, bytes_str(examples_key), NO_TIMERS };
	if (parsed != NULL && account_is_new(account)) {
		reads[READ_ERASED] = (struct target){
			ERASED_KIND, erased_key_make(account_of(stage), &stage->erased), NO_TIMERS
		};
		return 2;
	}
	if (account->relationship.region_len == 0)
		return 1;
	reads[READ_REGION] =
		(struct target){ REGION_KIND, relationship_region(&account->relationship),
				 NO_TIMERS };
	return 2;
}

/* The model that is active at the record at hand. */
static const struct hazard_model *model_at(const struct account_stage *stage,
					   const struct origin *origin)
{
	const struct hazard_model *active =
		model_shelf_at(origin->reads[READ_MODELS], origin->offset);
	return active != NULL ? active : &stage->prior;
}

/* The occasion of a risk; around is the caller's. */
static struct risk_occasion occasion_of(const struct account_stage *stage,
					const struct origin *origin, int64_t at_ms,
					struct surroundings *around)
{
	region_read(origin->reads[READ_REGION], origin->offset, at_ms, around);
	return (struct risk_occasion){ .at_ms = at_ms,
				       .ingest_ms = origin->ingest_ms,
				       .around = around,
				       .model = model_at(stage, origin) };
}

/* An event of an account of which more is known than orders. */
static void apply_known(struct account_stage *stage, const struct origin *origin,
			const struct account_event *event, struct bytes key,
			struct account_state *account, struct effects *effects)
{
	struct surroundings around;
	struct risk_occasion occasion = occasion_of(stage, origin, event->effective_ms, &around);
	occasion.trigger_event_id = event->event.event_id;
	if (bytes_equal(event->event.type, bytes_str(FEEDBACK_TYPE)))
		(void)risk_feedback(key, &occasion, &event->event, account, effects);
	else if (account->scored_ms == 0 || risk_is_telling(&event->event))
		(void)risk_judge(&stage->options.risk, key, &occasion, account, effects);
}

static void apply_change(struct account_stage *stage, const struct origin *origin, struct bytes key,
			 struct account_state *account, struct effects *effects)
{
	const struct account_rules rules = { &stage->churn, &stage->options.risk };
	struct surroundings around;
	struct risk_occasion occasion =
		occasion_of(stage, origin, stage->move.change.at_ms, &around);
	account_move_apply(&stage->move, stage->registry, &rules, &occasion, key, account, effects);
}

/* What comes for an account that was erased, on its way when that happened or later. */
static bool drop(struct account_stage *stage, const struct erased_state *mark)
{
	const struct account_move *move = &stage->move;
	if (!mark->is_there || (stage->is_change && move->change.kind == CHANGE_ERASE))
		return false;
	if (!stage->is_change)
		stage->dropped = 1;
	else if (move->change.kind == CHANGE_TRANSFER)
		stage->dropped = move->state.event_count;
	return true;
}

static size_t follow(void *context, struct target targets[TARGETS_MAX])
{
	struct account_stage *stage = context;
	if (stage->dropped == 0)
		return 0;
	targets[0] =
		(struct target){ ERASED_KIND, erased_key_make(account_of(stage), &stage->erased),
				 NO_TIMERS };
	return 1;
}

static void apply_account(void *context, const struct origin *from, const void *parsed,
			  struct bytes key, void *state, struct effects *effects,
			  bool *must_publish)
{
	struct account_stage *stage = context;
	const struct account_event *event = parsed;
	struct account_state *account = state;
	struct origin at = *from, *origin = &at;
	if (account_is_new(account)) {
		if (drop(stage, from->reads[READ_ERASED]))
			return;
		at.reads[READ_REGION] = NULL;
	}
	const struct churn_occasion occasion = { event->effective_ms, origin->ingest_ms,
						 event->event.event_id, model_at(stage, origin) };
	if (stage->is_change) {
		apply_change(stage, origin, key, account, effects);
		*must_publish = true;
		return;
	}
	if (account_state_into(state).len > 0) {
		account_send_on(stage->value, key, state, stage->sent_on, effects);
		return;
	}
	account_state_count(account, event);
	uint64_t answers = account->alert.answers;
	bool is_feedback = bytes_equal(event->event.type, bytes_str(FEEDBACK_TYPE));
	if (is_feedback && opportunity_holds(account))
		(void)opportunity_feedback(key, &occasion, &event->event, account, effects);
	else if (relationship_is_known(&account->relationship))
		apply_known(stage, origin, event, key, account, effects);
	else if (is_feedback)
		(void)churn_feedback(key, &occasion, &event->event, account, effects);
	else
		(void)churn_judge(&stage->churn, key, &occasion, account, effects);
	if (is_feedback)
		examples_answer(key, event->effective_ms, answers, account, effects);
}

static void fire_account(void *context, const struct origin *origin, struct bytes key,
			 int64_t at_ms, void *state, struct effects *effects, bool *must_publish)
{
	(void)must_publish;
	struct account_stage *stage = context;
	struct account_state *account = state;
	const struct churn_occasion silence = { at_ms, origin->ingest_ms, bytes_of(NULL, 0),
						model_at(stage, origin) };
	struct surroundings around;
	const struct risk_occasion occasion = occasion_of(stage, origin, at_ms, &around);
	if (relationship_is_known(&account->relationship))
		(void)risk_judge(&stage->options.risk, key, &occasion, account, effects);
	else
		(void)churn_judge(&stage->churn, key, &silence, account, effects);
}

/* ---- what was erased ---- */

/* The events that the account had are gone with it; those are counted where their names are. */
static void apply_erased(void *context, const struct origin *origin, const void *parsed,
			 struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)origin;
	(void)parsed;
	(void)key;
	(void)effects;
	const struct account_stage *stage = context;
	struct erased_state *mark = state;
	mark->dropped_count += stage->dropped;
	if (!stage->is_change || stage->move.change.kind != CHANGE_ERASE)
		return;
	erased_set(mark, stage->move.change.at_ms);
	*must_publish = true;
}

static struct err *encode_erased(void *context, const char *topic, struct bytes key,
				 const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	return erased_encode(((struct account_stage *)context)->registry, topic, state, out, len);
}

static struct err *decode_erased(void *context, struct bytes value, void *state)
{
	return erased_decode(((struct account_stage *)context)->registry, value, state);
}

/* ---- what accounts are judged with ---- */

static void apply_region(void *context, const struct origin *origin, const void *parsed,
			 struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)context;
	(void)key;
	(void)effects;
	(void)must_publish;
	const struct account_event *event = parsed;
	region_add(state, &event->event, origin->offset);
}

static struct err *encode_region(void *context, const char *topic, struct bytes key,
				 const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	struct account_stage *stage = context;
	region_to_record(state, &stage->region);
	return registry_encode(stage->registry, topic, &region_record_type, &stage->region, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode_region(void *context, struct bytes value, void *state)
{
	struct account_stage *stage = context;
	struct err *err =
		registry_decode(stage->registry, &region_record_type, value, &stage->region);
	if (err == NULL)
		region_from_record(&stage->region, state);
	return err;
}

static void apply_models(void *context, const struct origin *origin, const void *parsed,
			 struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)key;
	(void)parsed;
	(void)effects;
	struct account_stage *stage = context;
	model_shelf_add(state, &stage->model, origin->offset);
	*must_publish = true;
}

static struct err *encode_models(void *context, const char *topic, struct bytes key,
				 const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	struct account_stage *stage = context;
	model_shelf_to_record(state, &stage->shelf, stage->bodies);
	return registry_encode(stage->registry, topic, &model_shelf_type, &stage->shelf, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode_models(void *context, struct bytes value, void *state)
{
	struct account_stage *stage = context;
	struct err *err = registry_decode(stage->registry, &model_shelf_type, value, &stage->shelf);
	if (err == NULL)
		model_shelf_from_record(&stage->shelf, state);
	return err;
}

/* ---- deployed series ---- */

static void guided(void *context, const void *state, int64_t offset)
{
	struct account_stage *stage = context;
	series_guide_set(&stage->guide, state, offset);
}

/* Handed on to all of series.points before any amount that follows from it. */
static void apply_shelf(void *context, const struct origin *origin, const void *parsed,
			struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)parsed;
	struct account_stage *stage = context;
	const struct series_definitions_record *deployment = &stage->deployment;
	if (!series_shelf_add(state, deployment, origin->offset))
		return;
	*must_publish = true;
	effects_tell_all(effects, points_topic, key, &series_definitions_type, deployment);
	if (origin->partition == 0)
		effects_say(effects, "series.definitions", key, &series_definitions_type,
			    deployment);
}

static struct err *encode_shelf(void *context, const char *topic, struct bytes key,
				const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	const struct account_stage *stage = context;
	return series_shelf_encode(stage->registry, topic, state, out, len);
}

static struct err *decode_shelf(void *context, struct bytes value, void *state)
{
	const struct account_stage *stage = context;
	return series_shelf_decode(stage->registry, value, state);
}

/* ---- as records ---- */

static struct err *encode_account(void *context, const char *topic, struct bytes key,
				  const void *state, uint8_t *out, size_t *len)
{
	struct account_stage *stage = context;
	const struct account_state *account = state;
	*len = 0;
	if (account_is_new(account))
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
	const struct account_event *event = parsed;
	struct series_name name;
	CHECK(series_key_split(key, &name));
	const struct series_definition *definition =
		series_find(series_guide_at(&stage->guide, event->event.event_ms), name.definition);
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

static void clock_moved(void *context, const struct origin *origin, int64_t clock_ms,
			struct effects *effects)
{
	(void)context;
	relay_clock(effects, points_topic, own_log, origin, clock_ms);
	relay_clock(effects, examples_topic, own_log, origin, clock_ms);
}

static void inputs_given(void *context, const struct origin *origin, struct effects *effects)
{
	const struct account_stage *stage = context;
	relay_inputs(effects, points_topic, own_log, stage->options.partition_count, origin);
	relay_inputs(effects, examples_topic, own_log, stage->options.partition_count, origin);
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
					      .reads = read_with_account,
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
					     .fire = fire_totals },
			   [REGION_KIND] = { .name = "region",
					     .state_topic = meta_topic,
					     .state_size = sizeof(struct region_state),
					     .encode = encode_region,
					     .decode = decode_region,
					     .apply = apply_region },
			   [MODELS_KIND] = { .name = "models",
					     .state_topic = meta_topic,
					     .few = true,
					     .state_size = sizeof(struct model_shelf),
					     .encode = encode_models,
					     .decode = decode_models,
					     .apply = apply_models },
			   [ERASED_KIND] = { .name = "erased",
					     .state_topic = meta_topic,
					     .state_size = sizeof(struct erased_state),
					     .encode = encode_erased,
					     .decode = decode_erased,
					     .apply = apply_erased },
			   [SHELF_KIND] = { .name = "shelf",
					    .state_topic = meta_topic,
					    .few = true,
					    .state_size = sizeof(struct series_shelf),
					    .encode = encode_shelf,
					    .decode = decode_shelf,
					    .apply = apply_shelf } },
		.kind_count = 6,
		.guide = { SHELF_KIND, bytes_str(series_shelf_key), NO_TIMERS },
		.guided = guided,
		.context = stage,
		.parse = parse,
		.route = route,
		.follow = follow,
		.clock_moved = clock_moved,
		.inputs_given = inputs_given,
	};
}
