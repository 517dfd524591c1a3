#include "consumers/identify_queue.h"

#include "base/check.h"
#include "runtime/dead_letter.h"

enum { SEQ_LEN = 9 /* a zero and eight bytes, big-endian */ };

static struct bytes queue_key(struct bytes name, int64_t seq, uint8_t key[KEY_LEN_MAX])
{
	CHECK(name.len + SEQ_LEN <= KEY_LEN_MAX);
	memcpy(key, name.data, name.len);
	key[name.len] = 0;
	for (size_t i = 0; i < 8; i++)
		key[name.len + 1 + i] = (uint8_t)((uint64_t)seq >> (56 - 8 * i));
	return bytes_of(key, name.len + SEQ_LEN);
}

static int64_t queue_seq(struct bytes key)
{
	uint64_t seq = 0;
	for (size_t i = key.len - 8; i < key.len; i++)
		seq = seq << 8 | key.data[i];
	return (int64_t)seq;
}

struct bytes identify_bucket_key(struct bytes name, int32_t bucket, uint8_t key[KEY_LEN_MAX])
{
	CHECK(name.len + 2 <= KEY_LEN_MAX && bucket >= 0 && bucket < SEEN_BUCKETS_MAX);
	memcpy(key, name.data, name.len);
	key[name.len] = 1;
	key[name.len + 1] = (uint8_t)bucket;
	return bytes_of(key, name.len + 2);
}

static struct bytes target_key(struct identify *identify, struct bytes name, size_t i)
{
	int64_t seq = identify->from_seq + (int64_t)i;
	return identify->step == QUEUE_FORGET
		       ? identify_bucket_key(name, (int32_t)seq, identify->keys[i])
		       : queue_key(name, seq, identify->keys[i]);
}

size_t identify_follow(void *context, struct target targets[TARGETS_MAX])
{
	struct identify *identify = context;
	struct bytes name = identify_name_of(identify);
	size_t count = identify->step == QUEUE_NOTHING ? 0 : identify->count;
	if (identify->step == QUEUE_DROP) {
		targets[0] = (struct target){ IDENTIFY_ERASED,
					      erased_key_make(name, &identify->erased), NO_TIMERS };
		return 1;
	}
	CHECK(count <= WAITING_PARTS_MAX);
	uint8_t kind = identify->step == QUEUE_FORGET ? IDENTIFY_SEEN : IDENTIFY_WAITING;
	for (size_t i = 0; i < count; i++)
		targets[i] = (struct target){ kind, target_key(identify, name, i), NO_TIMERS };
	int32_t buckets[SPILL_BUCKETS_MAX];
	size_t bucket_count = repeats_targets(&identify->spill, buckets);
	CHECK(count + bucket_count <= TARGETS_MAX);
	for (size_t i = 0; i < bucket_count; i++, count++)
		targets[count] = (struct target){
			IDENTIFY_SEEN, identify_bucket_key(name, buckets[i], identify->keys[count]),
			NO_TIMERS
		};
	return count;
}

static void refuse(struct identify *identify, struct bytes item, struct bytes name,
		   struct effects *effects)
{
	struct record record = identify->record;
	record.value = item;
	struct err *why = err_new(ERR_POISON, "IDENTITY_UNKNOWN",
				  "no account was found for %.*s before identity.wait.ms was over, "
				  "or more than %d of its records waited",
				  (int)name.len, (const char *)name.data, WAITING_EVENTS_MAX);
	dead_letter_send(effects, "identify", &record, why);
	err_free(&why);
}

/* What waited was read before it had to, so it can be read; but the registry may be away. */
static bool is_read(struct err *err, struct effects *effects)
{
	if (err == NULL)
		return true;
	CHECK(err_verdict(err) != ERR_POISON);
	effects_fail(effects, err);
	return false;
}

/* What is done with records that have waited. */
struct handing {
	enum queue_step step;
	struct bytes name, account;
	int64_t at_ms;
};

static void release_note(struct identify *identify, const struct handing *handing,
			 struct bytes item, struct effects *effects)
{
	struct identity_note note;
	if (!is_read(registry_decode(identify->registry, &identity_note_type, item, &note),
		     effects))
		return;
	if (handing->step == QUEUE_ERASE) {
		if (note.kind == NOTE_FIND)
			identify_erase(note.other, handing->at_ms, effects);
		return;
	}
	if (note.kind == NOTE_SUGGEST) {
		if (!bytes_equal(note.other, handing->account))
			identify_suggest(&note, effects);
		return;
	}
	if (handing->step == QUEUE_REFUSE)
		return; /* who asked has a deadline of its own, and asks again */
	const struct identity_note found = { .kind = NOTE_FOUND,
					     .name = note.other,
					     .other = note.name,
					     .account = handing->account,
					     .at_ms = note.at_ms };
	identify_say(&found, effects);
}

static void release(struct identify *identify, const struct handing *handing, struct bytes item,
		    struct effects *effects)
{
	const char *type = NULL;
	if (!is_read(registry_record_name(identify->registry, item, &type), effects))
		return;
	if (strcmp(type, "foretell.IdentityNote") == 0)
		release_note(identify, handing, item, effects);
	else if (handing->step == QUEUE_ERASE)
		return; /* it is counted */
	else if (handing->step == QUEUE_REFUSE)
		refuse(identify, item, handing->name, effects);
	else
		identify_pass(identify, handing->account, item, effects);
}

void identify_release_held(struct identify *identify, struct bytes key, struct name_state *name,
			   enum queue_step step, int64_t at_ms, struct effects *effects)
{
	const struct handing handing = { step, key, name_text_bytes(&name->account), at_ms };
	size_t at = 0;
	for (size_t i = 0; i < name->held_count; i++) {
		release(identify, &handing, bytes_of(name->held + at, name->held_len[i]), effects);
		at += name->held_len[i];
	}
	memset(name->held, 0, at);
	memset(name->held_len, 0, sizeof name->held_len);
	name->held_count = 0;
}

/* Whole, or that part of a large one. A replay that finds the name as it was, and the entry gone
 * with all that it held, puts the last of it there once more, until it comes to where it goes. */
static void hold(const struct identify *identify, int64_t part, struct waiting_state *waiting)
{
	if (identify->count == 1) {
		waiting_add(waiting, identify->held);
		return;
	}
	size_t from = (size_t)part * WAITING_PART_MAX, len = identify->held.len - from;
	waiting->parts = (int32_t)identify->count;
	waiting->part = (int32_t)part;
	waiting->len = len < WAITING_PART_MAX ? len : WAITING_PART_MAX;
	memcpy(waiting->bytes, identify->held.data + from, waiting->len);
}

static void release_records(struct identify *identify, const struct handing *handing,
			    const struct waiting_state *waiting, struct effects *effects)
{
	size_t at = 0;
	for (size_t i = 0; i < waiting->record_count; i++) {
		struct bytes record = bytes_of(waiting->bytes + at, waiting->record_len[i]);
		release(identify, handing, record, effects);
		at += waiting->record_len[i];
	}
}

/* Parts come in their order, all with one record. */
static void release_part(struct identify *identify, const struct handing *handing,
			 const struct waiting_state *waiting, struct effects *effects)
{
	if (waiting->part == 0)
		identify->item_len = 0;
	memcpy(identify->item + identify->item_len, waiting->bytes, waiting->len);
	identify->item_len += waiting->len;
	if (waiting->part + 1 == waiting->parts)
		release(identify, handing, bytes_of(identify->item, identify->item_len), effects);
}

void identify_apply_waiting(void *context, const struct origin *origin, const void *parsed,
			    struct bytes key, void *state, struct effects *effects,
			    bool *must_publish)
{
	(void)origin;
	(void)parsed;
	struct identify *identify = context;
	struct waiting_state *waiting = state;
	*must_publish = true;
	if (identify->step == QUEUE_HOLD) {
		hold(identify, queue_seq(key) - identify->from_seq, waiting);
		return;
	}
	if (waiting->parts == 0)
		return; /* a gap at the end of a block */
	const struct handing handing = { identify->step, identify->note.name,
					 name_text_bytes(&identify->account),
					 identify->note.at_ms };
	if (waiting->record_count > 0)
		release_records(identify, &handing, waiting, effects);
	else
		release_part(identify, &handing, waiting, effects);
	memset(waiting, 0, sizeof *waiting);
}

void identify_apply_seen(void *context, const struct origin *origin, const void *parsed,
			 struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)origin;
	(void)parsed;
	(void)effects;
	struct identify *identify = context;
	*must_publish = true;
	if (identify->step == QUEUE_FORGET)
		memset(state, 0, sizeof(struct seen_state));
	else
		repeats_put(&identify->spill, key.data[key.len - 1], state);
}
