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

size_t identify_follow(void *context, struct target targets[TARGETS_MAX])
{
	struct identify *identify = context;
	if (identify->step == QUEUE_NOTHING)
		return 0;
	struct bytes name = identify_name_of(identify);
	if (identify->step == QUEUE_DROP) {
		targets[0] = (struct target){ IDENTIFY_ERASED,
					      erased_key_make(name, &identify->erased), NO_TIMERS };
		return 1;
	}
	CHECK(identify->count <= WAITING_PARTS_MAX);
	for (size_t i = 0; i < identify->count; i++)
		targets[i] = (struct target){ IDENTIFY_WAITING,
					      queue_key(name, identify->from_seq + (int64_t)i,
							identify->keys[i]),
					      NO_TIMERS };
	return identify->count;
}

static void refuse(struct identify *identify, struct bytes item, struct bytes name,
		   struct effects *effects)
{
	struct record record = identify->record;
	record.value = item;
	struct err *why = err_new(ERR_POISON, "IDENTITY_UNKNOWN",
				  "no account was found for %.*s within identity.wait.ms",
				  (int)name.len, (const char *)name.data);
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

static void release_note(struct identify *identify, struct bytes item, struct effects *effects)
{
	struct identity_note note;
	if (!is_read(registry_decode(identify->registry, &identity_note_type, item, &note),
		     effects))
		return;
	struct bytes account = name_text_bytes(&identify->account);
	if (identify->step == QUEUE_ERASE) {
		if (note.kind == NOTE_FIND)
			identify_erase(note.other, identify->note.at_ms, effects);
		return;
	}
	if (note.kind == NOTE_SUGGEST) {
		if (!bytes_equal(note.other, account))
			identify_suggest(&note, effects);
		return;
	}
	if (identify->step == QUEUE_REFUSE)
		return; /* who asked has a deadline of its own, and asks again */
	const struct identity_note found = { .kind = NOTE_FOUND,
					     .name = note.other,
					     .other = note.name,
					     .account = account,
					     .at_ms = note.at_ms };
	identify_say(&found, effects);
}

static void release(struct identify *identify, struct bytes item, struct effects *effects)
{
	const char *type = NULL;
	if (!is_read(registry_record_name(identify->registry, item, &type), effects))
		return;
	if (strcmp(type, "foretell.IdentityNote") == 0)
		release_note(identify, item, effects);
	else if (identify->step == QUEUE_ERASE)
		return; /* it is counted */
	else if (identify->step == QUEUE_REFUSE)
		refuse(identify, item, identify->note.name, effects);
	else
		identify_pass(identify, name_text_bytes(&identify->account), item, effects);
}

static void hold_part(const struct identify *identify, int64_t part, struct waiting_state *waiting)
{
	size_t from = (size_t)part * WAITING_PART_MAX, len = identify->held.len - from;
	waiting->parts = (int32_t)identify->count;
	waiting->part = (int32_t)part;
	waiting->len = len < WAITING_PART_MAX ? len : WAITING_PART_MAX;
	memcpy(waiting->bytes, identify->held.data + from, waiting->len);
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
		hold_part(identify, queue_seq(key) - identify->from_seq, waiting);
		return;
	}
	if (waiting->parts == 0)
		return; /* a gap at the end of a block */
	if (waiting->part == 0)
		identify->item_len = 0;
	memcpy(identify->item + identify->item_len, waiting->bytes, waiting->len);
	identify->item_len += waiting->len;
	if (waiting->part + 1 == waiting->parts)
		release(identify, bytes_of(identify->item, identify->item_len), effects);
	memset(waiting, 0, sizeof *waiting);
}
