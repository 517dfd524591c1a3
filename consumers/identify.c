#include "consumers/identify.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "consumers/company.h"
#include "consumers/identify_name.h"
#include "consumers/identify_queue.h"
#include "consumers/names.h"
#include "runtime/relay.h"

enum { LOGIC_VERSION = 6 };

static const char meta_topic[] = "identity.meta";
static const char names_log[] = "identity.events";
static const char accounts_log[] = "account.events";

struct identify *identify_new(const struct identify_options *options, struct registry *registry)
{
	struct identify *identify = check_calloc(1, sizeof *identify);
	identify->options = *options;
	identify->registry = registry;
	return identify;
}

void identify_free(struct identify **identify)
{
	free(*identify);
	*identify = NULL;
}

/* ---- what it says --------------------------------------------------------------------------- */

void identify_say(const struct identity_note *note, struct effects *effects)
{
	effects_say(effects, names_log, note->name, &identity_note_type, note);
}

void identify_erase(struct bytes name, int64_t at_ms, struct effects *effects)
{
	const struct identity_note erase = { .kind = NOTE_ERASE, .name = name, .at_ms = at_ms };
	identify_say(&erase, effects);
}

void identify_pass(struct identify *identify, struct bytes account, struct bytes value,
		   struct effects *effects)
{
	size_t len = readdress(value, account, identify->scratch);
	struct bytes passed = bytes_of(identify->scratch, len);
	/* what happens in a place is of interest to accounts in any partition */
	effects_pass(effects, accounts_log, name_is_place(account) ? EFFECTS_ALL : EFFECTS_BY_KEY,
		     account, passed, NULL, 0);
}

void identify_suggest(const struct identity_note *note, struct effects *effects)
{
	bool company = note->other_text.data != NULL;
	const struct identity_suggestion suggestion = {
		.name = note->name,
		.other = note->other,
		.kind = company ? SUGGESTION_COMPANY : SUGGESTION_SHARED,
		.text = note->text,
		.other_text = note->other_text,
		.likeness = company ? note->likeness : 1,
		.at_ms = note->at_ms,
		.source = note->source,
		.event_id = note->event_id,
	};
	effects_say(effects, "identity.suggestions", note->name, &identity_suggestion_type,
		    &suggestion);
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool is_name(struct bytes text)
{
	return text.len > 0 && text.len <= KEY_LEN_MAX;
}

static struct err *read_record(struct identify *identify, const struct record *record)
{
	const char *type = NULL;
	struct err *err = registry_record_name(identify->registry, record->value, &type);
	if (err != NULL)
		return err;
	identify->is_event = strcmp(type, "foretell.AccountEvent") == 0;
	if (!identify->is_event)
		return registry_decode(identify->registry, &identity_note_type, record->value,
				       &identify->note);
	const struct named_event *event = &identify->event;
	err = registry_decode(identify->registry, &named_event_type, record->value,
			      &identify->event);
	if (err == NULL)
		identify->print = hash_table64(event->event_id) * 31 + hash_table64(event->source);
	return err;
}

static struct err *parse(void *context, const struct record *record, struct origin *origin,
			 const void **parsed)
{
	(void)origin;
	struct identify *identify = context;
	identify->record = *record;
	identify->step = QUEUE_NOTHING;
	identify->dropped = 0;
	identify->spill.count = identify->look_count = 0;
	*parsed = identify;
	if (record->value.len > OUTPUT_LEN_MAX)
		return err_new(ERR_POISON, "RECORD_TOO_LARGE", "%zu bytes, at most %d are accepted",
			       record->value.len, OUTPUT_LEN_MAX);
	struct err *err = read_record(identify, record);
	if (err != NULL)
		return err;
	const struct identity_note *note = &identify->note;
	bool sound = identify->is_event ? is_name(identify->event.account)
					: is_name(note->name) && note->other.len <= KEY_LEN_MAX;
	return sound ? NULL
		     : err_new(ERR_POISON, "NAME_UNUSABLE", "a name of 1 to %d bytes is expected",
			       KEY_LEN_MAX);
}

static size_t route(void *context, const void *parsed, struct target targets[TARGETS_MAX])
{
	(void)parsed;
	struct identify *identify = context;
	const struct identity_note *note = identify->is_event ? NULL : &identify->note;
	bool erase = note != NULL && note->kind == NOTE_ERASE;
	bool block = note != NULL && (note->kind == NOTE_COMPANY || (erase && note->other.len > 0));
	targets[0] = (struct target){ block ? IDENTIFY_BLOCK : IDENTIFY_NAME,
				      identify_name_of(identify), NO_TIMERS };
	if (block || !erase)
		return 1;
	targets[1] = (struct target){ IDENTIFY_ERASED,
				      erased_key_make(note->name, &identify->erased), NO_TIMERS };
	return 2;
}

/* Of a name that nothing is known of, whether it was erased; of another one's event, the buckets by
 * which it is judged. */
static size_t read_with_name(void *context, const void *state, const void *parsed,
			     struct target reads[READS_MAX])
{
	struct identify *identify = context;
	const struct name_state *name = state;
	if (parsed == NULL)
		return 0;
	struct bytes text = identify_name_of(identify);
	if (name_is_new(name)) {
		struct bytes key = erased_key_make(text, &identify->erased);
		reads[0] = (struct target){ IDENTIFY_ERASED, key, NO_TIMERS };
		return 1;
	}
	if (!identify->is_event || name->erased)
		return 0;
	identify->look_count = repeats_looks(&name->recent, identify->print,
					     identify->event.ingest_ms, identify->looks);
	for (size_t i = 0; i < identify->look_count; i++)
		reads[i] = (struct target){ IDENTIFY_SEEN,
					    identify_bucket_key(text, identify->looks[i].bucket,
								identify->look_keys[i]),
					    NO_TIMERS };
	return identify->look_count;
}

_Static_assert((int)LOOKS_MAX <= (int)READS_MAX, "each look is a read");

/* ---- what was erased ------------------------------------------------------------------------ */

static void apply_erased(void *context, const struct origin *origin, const void *parsed,
			 struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)origin;
	(void)parsed;
	(void)key;
	(void)effects;
	const struct identify *identify = context;
	struct erased_state *mark = state;
	mark->dropped_count += identify->dropped;
	if (identify->is_event || identify->note.kind != NOTE_ERASE)
		return;
	erased_set(mark, identify->note.at_ms);
	*must_publish = true;
}

static struct err *encode_erased(void *context, const char *topic, struct bytes key,
				 const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	return erased_encode(((struct identify *)context)->registry, topic, state, out, len);
}

static struct err *decode_erased(void *context, struct bytes value, void *state)
{
	return erased_decode(((struct identify *)context)->registry, value, state);
}

/* ---- company names -------------------------------------------------------------------------- */

static void compare(const struct identity_note *company, struct bytes name, struct bytes text,
		    struct effects *effects)
{
	uint8_t squeezed[COMPANY_TEXT_MAX], other[COMPANY_TEXT_MAX];
	size_t len = company_squeeze(company->text, squeezed);
	size_t other_len = company_squeeze(text, other);
	double likeness = company_likeness(bytes_of(squeezed, len), bytes_of(other, other_len));
	if (likeness < COMPANY_ALIKE_MIN)
		return;
	bool later = name_compare(company->other, name) > 0;
	struct identity_note suggest = *company;
	suggest.kind = NOTE_SUGGEST;
	suggest.name = later ? company->other : name;
	suggest.other = later ? name : company->other;
	suggest.text = later ? company->text : text;
	suggest.other_text = later ? text : company->text;
	suggest.likeness = likeness;
	identify_say(&suggest, effects);
}

static void forget_in_block(struct block_state *block, struct bytes name)
{
	size_t kept = 0;
	for (size_t i = 0; i < block->count; i++)
		if (!bytes_equal(name_text_bytes(&block->names[i].name), name))
			block->names[kept++] = block->names[i];
	if (kept == block->count)
		return;
	memset(&block->names[kept], 0, (block->count - kept) * sizeof block->names[0]);
	block->count = kept;
	block->next = 0;
}

/* A name that comes again with the same company name says nothing new. */
static void apply_block(void *context, const struct origin *origin, const void *parsed,
			struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)origin;
	(void)parsed;
	(void)key;
	const struct identify *identify = context;
	const struct identity_note *company = &identify->note;
	struct block_state *block = state;
	if (company->kind == NOTE_ERASE) {
		forget_in_block(block, company->other);
		*must_publish = true;
		return;
	}
	size_t at = block->count;
	uint8_t text[COMPANY_KEPT_MAX];
	size_t len = name_keep(company->text, text, sizeof text);
	for (size_t i = 0; i < block->count; i++)
		if (bytes_equal(name_text_bytes(&block->names[i].name), company->other))
			at = i;
	if (at < block->count &&
	    bytes_equal(bytes_of(block->names[at].text, block->names[at].text_len),
			bytes_of(text, len)))
		return;
	for (size_t i = 0; i < block->count; i++)
		if (i != at)
			compare(company, name_text_bytes(&block->names[i].name),
				bytes_of(block->names[i].text, block->names[i].text_len), effects);
	if (at == NAMES_PER_BLOCK_MAX) {
		at = (size_t)block->next;
		block->next = (block->next + 1) % NAMES_PER_BLOCK_MAX;
	} else if (at == block->count) {
		block->count++;
	}
	name_text_set(&block->names[at].name, company->other);
	block->names[at].text_len = (uint8_t)len;
	memcpy(block->names[at].text, text, len);
}

/* ---- states as records ---------------------------------------------------------------------- */

static struct err *encode_name(void *context, const char *topic, struct bytes key,
			       const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	struct identify *identify = context;
	struct print_bytes bytes;
	struct identity_name_record record;
	*len = 0;
	if (name_is_new(state))
		return NULL;
	name_to_record(state, &bytes, &record);
	return registry_encode(identify->registry, topic, &identity_name_type, &record, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode_name(void *context, struct bytes value, void *state)
{
	struct identify *identify = context;
	struct identity_name_record record;
	struct err *err = registry_decode(identify->registry, &identity_name_type, value, &record);
	return err != NULL ? err : name_from_record(&record, state);
}

static int64_t name_due(const void *state)
{
	const struct name_state *name = state;
	return name->has_deadline ? name->deadline_ms : TIME_NONE;
}

static struct err *encode_waiting(void *context, const char *topic, struct bytes key,
				  const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	struct identify *identify = context;
	const struct waiting_state *waiting = state;
	*len = 0;
	if (waiting->parts == 0)
		return NULL;
	struct identity_waiting_record record;
	waiting_to_record(waiting, &record);
	return registry_encode(identify->registry, topic, &identity_waiting_type, &record, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode_waiting(void *context, struct bytes value, void *state)
{
	struct identify *identify = context;
	struct identity_waiting_record record;
	struct err *err =
		registry_decode(identify->registry, &identity_waiting_type, value, &record);
	return err != NULL ? err : waiting_from_record(&record, state);
}

static struct err *encode_seen(void *context, const char *topic, struct bytes key,
			       const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	struct identify *identify = context;
	const struct seen_state *seen = state;
	struct print_bytes bytes;
	struct identity_seen_record record;
	*len = 0;
	if (seen->count == 0)
		return NULL;
	seen_to_record(seen, &bytes, &record);
	return registry_encode(identify->registry, topic, &identity_seen_type, &record, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode_seen(void *context, struct bytes value, void *state)
{
	struct identify *identify = context;
	struct identity_seen_record record;
	struct err *err = registry_decode(identify->registry, &identity_seen_type, value, &record);
	return err != NULL ? err : seen_from_record(&record, state);
}

static struct err *encode_block(void *context, const char *topic, struct bytes key,
				const void *state, uint8_t *out, size_t *len)
{
	(void)key;
	struct identify *identify = context;
	struct identity_block_record record;
	*len = 0;
	if (((const struct block_state *)state)->count == 0)
		return NULL;
	block_to_record(state, &record);
	return registry_encode(identify->registry, topic, &identity_block_type, &record, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode_block(void *context, struct bytes value, void *state)
{
	struct identify *identify = context;
	struct identity_block_record record;
	struct err *err = registry_decode(identify->registry, &identity_block_type, value, &record);
	return err != NULL ? err : block_from_record(&record, state);
}

/* ---- the clock goes on ---------------------------------------------------------------------- */

static void clock_moved(void *context, const struct origin *origin, int64_t clock_ms,
			struct effects *effects)
{
	(void)context;
	relay_clock(effects, accounts_log, names_log, origin, clock_ms);
}

static void inputs_given(void *context, const struct origin *origin, struct effects *effects)
{
	const struct identify *identify = context;
	relay_inputs(effects, accounts_log, names_log, identify->options.partition_count, origin);
}

struct processor identify_processor(struct identify *identify)
{
	return (struct processor){
		.name = "identify",
		.logic_version = LOGIC_VERSION,
		.meta_topic = meta_topic,
		.keyed = true,
		.no_headers = true,
		.clocked = true,
		.kinds = { [IDENTIFY_NAME] = { .name = "name",
					       .state_topic = meta_topic,
					       .state_size = sizeof(struct name_state),
					       .encode = encode_name,
					       .decode = decode_name,
					       .reads = read_with_name,
					       .due = name_due,
					       .apply = identify_apply_name,
					       .fire = identify_fire_name },
			   [IDENTIFY_WAITING] = { .name = "waiting",
						  .state_topic = meta_topic,
						  .state_size = sizeof(struct waiting_state),
						  .encode = encode_waiting,
						  .decode = decode_waiting,
						  .apply = identify_apply_waiting },
			   [IDENTIFY_BLOCK] = { .name = "company",
						.state_topic = meta_topic,
						.state_size = sizeof(struct block_state),
						.encode = encode_block,
						.decode = decode_block,
						.apply = apply_block },
			   [IDENTIFY_ERASED] = { .name = "erased",
						 .state_topic = meta_topic,
						 .state_size = sizeof(struct erased_state),
						 .encode = encode_erased,
						 .decode = decode_erased,
						 .apply = apply_erased },
			   [IDENTIFY_SEEN] = { .name = "seen",
					       .state_topic = meta_topic,
					       .state_size = sizeof(struct seen_state),
					       .encode = encode_seen,
					       .decode = decode_seen,
					       .apply = identify_apply_seen } },
		.kind_count = 5,
		.context = identify,
		.parse = parse,
		.route = route,
		.follow = identify_follow,
		.clock_moved = clock_moved,
		.inputs_given = inputs_given,
	};
}
