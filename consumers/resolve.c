#include "consumers/resolve.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/phrase.h"
#include "consumers/company.h"
#include "consumers/identity_state.h"
#include "consumers/names.h"
#include "consumers/supply_note.h"
#include "schemas/event_check.h"
#include "schemas/event_types.h"
#include "schemas/identity.h"
#include "schemas/states.h"

enum { LOGIC_VERSION = 4, INPUT_KIND = 0, WRITER_NAME_MAX = TOPIC_NAME_MAX + 16 };
enum { BLOCK_LETTERS = 5, LETTER_BYTES_MAX = 4 }; /* by which company names meet */

static const char log_topic[] = "identity.events";
static const char meta_topic[] = "resolve.meta";

/* A record as it was read: an event, or the end of a finite input. */
struct parsed {
	bool is_end;
	struct control control;
	struct account_event event;
	struct name_key name; /* of the event's subject */
	size_t writer_len;
	char writer[WRITER_NAME_MAX];
};

struct resolve {
	struct resolve_options options;
	struct registry *registry;
	struct control inputs; /* the set, as it is told */
	int64_t inputs_print;  /* its fingerprint, never 0 */
	struct parsed parsed;
};

static int64_t print_of(const struct control *inputs)
{
	uint64_t print = 1;
	for (size_t i = 0; i < inputs->input_count; i++)
		print = print * 1000003 + hash_table64(inputs->inputs[i].topic) +
			(uint64_t)inputs->inputs[i].partition_count;
	return (int64_t)(print == 0 ? 1 : print);
}

struct resolve *resolve_new(const struct resolve_options *options, struct registry *registry)
{
	CHECK(options->tick_ms > 0 && options->input_count <= TOPICS_PER_STAGE_MAX);
	struct resolve *resolve = check_calloc(1, sizeof *resolve);
	resolve->options = *options;
	resolve->registry = registry;
	resolve->inputs.kind = CONTROL_INPUTS;
	resolve->inputs.writer = bytes_str("");
	resolve->inputs.input_count = options->input_count;
	for (size_t i = 0; i < options->input_count; i++)
		resolve->inputs.inputs[i] = options->inputs[i];
	resolve->inputs_print = print_of(&resolve->inputs);
	return resolve;
}

void resolve_free(struct resolve **resolve)
{
	free(*resolve);
	*resolve = NULL;
}

static size_t writer_name(const struct origin *origin, char name[WRITER_NAME_MAX])
{
	struct phrase phrase = phrase_in(name, WRITER_NAME_MAX);
	phrase_text(&phrase, origin->topic);
	phrase_text(&phrase, "/");
	phrase_int(&phrase, origin->partition, 1);
	return phrase_end(&phrase);
}

static struct err *parse_event(struct resolve *resolve, const char *name,
			       const struct record *record, const struct origin *origin)
{
	struct parsed *parsed = &resolve->parsed;
	const struct record_type *type = event_source_schema(name);
	if (type == NULL)
		return err_new(ERR_POISON, "RECORD_UNEXPECTED", "a %s is not an event of a source",
			       name);
	if (record->value.len > EVENT_LEN_MAX)
		return err_new(ERR_POISON, "RECORD_TOO_LARGE",
			       "an event of %zu bytes, at most %d are accepted", record->value.len,
			       EVENT_LEN_MAX);
	struct err *err =
		registry_decode(resolve->registry, type, record->value, &parsed->event.event);
	if (err == NULL)
		err = event_check(&parsed->event.event, origin->ingest_ms,
				  resolve->options.future_ms);
	if (err == NULL)
		err = name_key_make(parsed->event.event.subject_scheme, parsed->event.event.subject,
				    &parsed->name);
	parsed->event.account = name_bytes(&parsed->name);
	parsed->event.ingest_ms = origin->ingest_ms;
	return err;
}

static struct err *parse(void *context, const struct record *record, struct origin *origin,
			 const void **out)
{
	struct resolve *resolve = context;
	struct parsed *parsed = &resolve->parsed;
	const char *name = NULL;
	*out = parsed;
	if (record->key.len == 0)
		return err_new(ERR_POISON, "KEY_EMPTY",
			       "the record has no key; the source's identifier is expected");
	struct err *err = registry_record_name(resolve->registry, record->value, &name);
	if (err != NULL)
		return err;
	parsed->writer_len = writer_name(origin, parsed->writer);
	parsed->is_end = strcmp(name, "foretell.Control") == 0;
	if (!parsed->is_end)
		return parse_event(resolve, name, record, origin);
	err = registry_decode(resolve->registry, &control_type, record->value, &parsed->control);
	if (err == NULL &&
	    (parsed->control.kind != CONTROL_END || parsed->control.at_ms < EVENT_MS_MIN ||
	     parsed->control.at_ms > origin->ingest_ms + MS_PER_DAY))
		err = err_new(ERR_POISON, "CONTROL_UNEXPECTED",
			      "an input takes only END control records, dated up to a day ahead");
	return err;
}

static struct bytes input_key(void *context, const char *topic, int32_t partition)
{
	struct resolve *resolve = context;
	const struct origin origin = { .topic = topic, .partition = partition };
	resolve->parsed.writer_len = writer_name(&origin, resolve->parsed.writer);
	return bytes_of(resolve->parsed.writer, resolve->parsed.writer_len);
}

static size_t route(void *context, const void *parsed, struct target targets[TARGETS_MAX])
{
	(void)context;
	const struct parsed *record = parsed;
	targets[0] = (struct target){ INPUT_KIND, bytes_of(record->writer, record->writer_len),
				      NO_TIMERS };
	return 1;
}

static void tell_inputs(struct resolve *resolve, struct bytes writer, struct resolve_input *input,
			struct effects *effects)
{
	if (input->inputs_told == resolve->inputs_print)
		return;
	if (input->inputs_told == 0)
		input->watermark_ms = input->tick_ms = INT64_MIN;
	effects_tell_all(effects, log_topic, writer, &control_type, &resolve->inputs);
	input->inputs_told = resolve->inputs_print;
}

/* Moves the input's clock to the tick boundary at or below at_ms. */
static void move_clock(const struct resolve *resolve, struct bytes writer, int64_t at_ms,
		       int64_t ingest_ms, struct resolve_input *input, struct effects *effects)
{
	int64_t boundary_ms = time_floor(at_ms, resolve->options.tick_ms, 0);
	if (boundary_ms <= input->tick_ms)
		return;
	input->tick_ms = boundary_ms;
	const struct control tick = {
		.kind = CONTROL_TICK, .writer = writer, .at_ms = boundary_ms, .ingest_ms = ingest_ms
	};
	effects_tell_all(effects, log_topic, writer, &control_type, &tick);
}

/* The later of two names is told that it leads to the earlier one. A place is nobody's name. */
static void tell_link(struct decisions *decisions, const struct account_event *event,
		      struct bytes other, struct effects *effects)
{
	int order = name_compare(event->account, other);
	if (order == 0 || name_is_place(event->account) || name_is_place(other))
		return;
	struct bytes later = order > 0 ? event->account : other;
	struct bytes earlier = order > 0 ? other : event->account;
	if (decisions_erased(decisions, other) || decisions_cut(decisions, later, earlier))
		return;
	const struct identity_note link = { .kind = NOTE_LINK,
					    .name = later,
					    .other = earlier,
					    .at_ms = event->effective_ms,
					    .source = event->event.source,
					    .event_id = event->event.event_id };
	effects_say(effects, log_topic, link.name, &identity_note_type, &link);
}

/* An identifier that is none ("n/a" as a mail address) links nobody; the event itself is good. */
static void tell_identifier(struct decisions *decisions, const struct account_event *event,
			    struct bytes scheme, struct bytes value, struct effects *effects)
{
	struct name_key key;
	struct err *err = name_key_make(scheme, value, &key);
	if (err == NULL)
		tell_link(decisions, event, name_bytes(&key), effects);
	err_free(&err);
}

static struct bytes company_of(const struct source_event *event)
{
	if (event->has_crm && event->crm.has_account)
		return event->crm.account.name;
	if (event->has_erp && event->erp.has_customer)
		return event->erp.customer.name;
	if (event->has_marketing && event->marketing.has_form)
		return event->marketing.form.company;
	return bytes_of(NULL, 0);
}

/* The first characters of a squeezed name, whole ones of whatever script. */
static struct bytes first_letters(struct bytes squeezed)
{
	size_t len = 0, letters = 0;
	for (; len < squeezed.len; len++)
		if ((squeezed.data[len] & 0xc0) != 0x80 && letters++ == BLOCK_LETTERS)
			break;
	return bytes_of(squeezed.data, len);
}

/* Names that begin alike meet at one place. */
static void tell_company(const struct account_event *event, struct effects *effects)
{
	uint8_t squeezed[COMPANY_TEXT_MAX], kept[COMPANY_KEPT_MAX];
	struct bytes text = company_of(&event->event);
	size_t len = company_squeeze(text, squeezed);
	if (len < COMPANY_LEN_MIN)
		return;
	char block[16 + LETTER_BYTES_MAX * BLOCK_LETTERS];
	struct phrase phrase = phrase_in(block, sizeof block);
	phrase_text(&phrase, "company:");
	phrase_bytes(&phrase, first_letters(bytes_of(squeezed, len)));
	const struct identity_note company = {
		.kind = NOTE_COMPANY,
		.name = bytes_of(block, phrase_end(&phrase)),
		.other = event->account,
		.at_ms = event->effective_ms,
		.source = event->event.source,
		.event_id = event->event.event_id,
		.text = bytes_of(kept, name_keep(text, kept, sizeof kept)),
	};
	effects_say(effects, log_topic, company.name, &identity_note_type, &company);
}

static bool merges(const struct source_event *source)
{
	return source->has_crm && source->crm.has_account &&
	       source->crm.account.merged_into.len > 0;
}

static void tell_names(struct decisions *decisions, const struct account_event *event,
		       struct effects *effects)
{
	const struct source_event *source = &event->event;
	for (size_t i = 0; i < source->identifier_count; i++)
		tell_identifier(decisions, event, source->identifiers[i].scheme,
				source->identifiers[i].value, effects);
	if (merges(source))
		tell_identifier(decisions, event, bytes_str("crm.account"),
				source->crm.account.merged_into, effects);
	tell_company(event, effects);
}

/* Of two names that belong together, the one that sorts first stays. */
static bool leads_to_erased(struct decisions *decisions, struct bytes account, struct bytes scheme,
			    struct bytes value)
{
	struct name_key key;
	struct err *err = name_key_make(scheme, value, &key);
	bool erased = err == NULL && name_compare(account, name_bytes(&key)) > 0 &&
		      decisions_erased(decisions, name_bytes(&key));
	err_free(&err);
	return erased;
}

/* Whether the event is of an erased name, or says that its own leads to one. */
static bool is_erased(struct decisions *decisions, const struct account_event *event)
{
	const struct source_event *source = &event->event;
	if (!decisions_any(decisions))
		return false;
	bool erased = decisions_erased(decisions, event->account);
	for (size_t i = 0; !erased && i < source->identifier_count; i++)
		erased = leads_to_erased(decisions, event->account, source->identifiers[i].scheme,
					 source->identifiers[i].value);
	if (!erased && merges(source))
		erased = leads_to_erased(decisions, event->account, bytes_str("crm.account"),
					 source->crm.account.merged_into);
	return erased;
}

/* Completes the event that was parsed, in place: it is a large struct. */
static void apply_event(struct resolve *resolve, struct bytes writer, struct resolve_input *input,
			struct effects *effects)
{
	struct account_event *event = &resolve->parsed.event;
	int64_t event_ms = event->event.event_ms;
	event->late = event_ms < input->tick_ms;
	event->effective_ms = event->late ? input->tick_ms : event_ms;
	/* capped, so that one event from the future can't make everything after it late */
	int64_t capped_ms = event_ms < event->ingest_ms ? event_ms : event->ingest_ms;
	if (capped_ms > input->watermark_ms)
		input->watermark_ms = capped_ms;
	move_clock(resolve, writer, input->watermark_ms, event->ingest_ms, input, effects);
	if (is_erased(resolve->options.decisions, event)) {
		input->erased_count++;
		return;
	}
	input->event_count++;
	input->late_count += event->late;
	tell_names(resolve->options.decisions, event, effects);
	effects_say(effects, log_topic, event->account, &account_event_type, event);
	supply_tell_stock(resolve->options.network, event, effects);
}

static void apply(void *context, const struct origin *origin, const void *parsed, struct bytes key,
		  void *state, struct effects *effects, bool *must_publish)
{
	struct resolve *resolve = context;
	const struct parsed *record = parsed;
	struct resolve_input *input = state;
	*must_publish = true;
	tell_inputs(resolve, key, input, effects);
	if (!record->is_end) {
		apply_event(resolve, key, input, effects);
		return;
	}
	if (record->control.at_ms > input->watermark_ms)
		input->watermark_ms = record->control.at_ms;
	move_clock(resolve, key, input->watermark_ms, origin->ingest_ms, input, effects);
}

static void idle(void *context, const struct origin *origin, int64_t wall_ms, void *state,
		 struct effects *effects)
{
	struct resolve *resolve = context;
	struct resolve_input *input = state;
	struct bytes writer = input_key(context, origin->topic, origin->partition);
	tell_inputs(resolve, writer, input, effects);
	if (wall_ms > input->watermark_ms)
		input->watermark_ms = wall_ms;
	move_clock(resolve, writer, wall_ms, wall_ms, input, effects);
}

static struct err *encode(void *context, const char *topic, struct bytes key, const void *state,
			  uint8_t *out, size_t *len)
{
	(void)key;
	struct resolve *resolve = context;
	return registry_encode(resolve->registry, topic, &resolve_input_type, state, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode(void *context, struct bytes value, void *state)
{
	struct resolve *resolve = context;
	return registry_decode(resolve->registry, &resolve_input_type, value, state);
}

struct processor resolve_processor(struct resolve *resolve)
{
	return (struct processor){
		.name = "resolve",
		.logic_version = LOGIC_VERSION,
		.meta_topic = meta_topic,
		.no_headers = true,
		.kinds = { [INPUT_KIND] = { .name = "input",
					    .state_topic = meta_topic,
					    .state_size = sizeof(struct resolve_input),
					    .encode = encode,
					    .decode = decode,
					    .apply = apply } },
		.kind_count = 1,
		.context = resolve,
		.parse = parse,
		.route = route,
		.idle = resolve->options.live ? idle : NULL,
		.input_key = input_key,
	};
}
