#include "consumers/identify_name.h"

#include "consumers/identify_queue.h"
#include "consumers/names.h"
#include "runtime/dead_letter.h"

enum { RELEASES_MAX = 64 /* said at once */ };

/* How long an answer is taken for good. An account that was made up meanwhile may have been found
 * to belong to another one; what still goes there is sent on, at the price of a detour. */
#define ASK_AGAIN_MADE_UP_MS MS_PER_DAY
#define ASK_AGAIN_MS	     (30 * MS_PER_DAY)

static bool has_account(const struct name_state *name)
{
	return name->account.len > 0;
}

/* Whether names of this kind are accounts without further ado. */
static bool founds(const struct identify *identify, struct bytes key)
{
	int scheme = name_scheme_of(key);
	return scheme == 0 || name_is_place(key) ||
	       (scheme > 0 && (identify->options.accounts >> scheme & 1) != 0);
}

static void ask(struct bytes key, struct name_state *name, int64_t at_ms, struct effects *effects)
{
	if (name->parent.len == 0)
		return;
	const struct identity_note find = { .kind = NOTE_FIND,
					    .name = name_text_bytes(&name->parent),
					    .other = key,
					    .at_ms = at_ms };
	name->asked_ms = at_ms;
	identify_say(&find, effects);
}

/* Each hands on one block of what waits. More than there are blocks now: while they are on their
 * way, further events come and wait, and the queue has to end some time. */
static void say_releases(struct bytes key, const struct name_state *name, int64_t at_ms,
			 struct effects *effects)
{
	int64_t blocks = 1;
	if (name->next_seq > name->first_seq)
		blocks += (name->next_seq - 1) / WAITING_PARTS_MAX -
			  name->first_seq / WAITING_PARTS_MAX;
	if (name->erased)
		blocks += name->recent.bucket_count / WAITING_PARTS_MAX;
	int count = blocks * 2 < RELEASES_MAX ? (int)blocks * 2 : RELEASES_MAX;
	struct identity_note release = { .kind = NOTE_RELEASE, .name = key, .at_ms = at_ms };
	for (release.rest = count - 1; release.rest >= 0; release.rest--)
		identify_say(&release, effects);
}

static void begin_release(struct bytes key, struct name_state *name, int64_t at_ms,
			  struct effects *effects)
{
	if (name_waits(name) == 0 || name->releasing)
		return;
	name->releasing = true;
	say_releases(key, name, at_ms, effects);
}

/* The account is known. What waits in the state goes on at once, the queue block by block. */
static void settle(struct identify *identify, struct bytes key, struct name_state *name,
		   struct bytes account, int64_t at_ms, struct effects *effects)
{
	name_text_set(&name->account, account);
	name->has_deadline = name->refusing = false;
	identify_release_held(identify, key, name, QUEUE_RELEASE, at_ms, effects);
	begin_release(key, name, at_ms, effects);
}

/* No account was found in time. Dead letters need a record that they stand for, so even what waits
 * in the state waits for a RELEASE. */
static void give_up(struct identify *identify, struct bytes key, struct name_state *name,
		    int64_t at_ms, struct effects *effects)
{
	name->has_deadline = false;
	if (!identify->options.unknown_to_dlq) {
		settle(identify, key, name, key, at_ms, effects);
		return;
	}
	name->refusing = true;
	begin_release(key, name, at_ms, effects);
}

static void refuse_large(struct identify *identify, struct effects *effects)
{
	struct err *why = err_new(ERR_POISON, "IDENTITY_TOO_LARGE",
				  "an event whose account is not known yet waits, and of more than "
				  "%d bytes it can't",
				  WAITING_PARTS_MAX * WAITING_PART_MAX);
	dead_letter_send(effects, "identify", &identify->record, why);
	err_free(&why);
}

/* The record at hand goes to the end of the queue. False: it is too large, and refused. */
static bool queue(struct identify *identify, struct bytes key, struct name_state *name,
		  struct effects *effects)
{
	struct bytes record = identify->record.value;
	if (record.len > WAITING_PARTS_MAX * WAITING_PART_MAX || key.len > NAME_KEY_MAX) {
		refuse_large(identify, effects);
		return false;
	}
	identify->step = QUEUE_HOLD;
	identify->held = record;
	identify->from_seq = name_queue(name, record.len, &identify->count);
	return true;
}

/* The record at hand waits until the account is known: in the state, as long as there is room and
 * nothing is behind it. */
static void hold(struct identify *identify, struct bytes key, struct name_state *name,
		 int64_t at_ms, struct effects *effects)
{
	bool queued = name->releasing || name->first_seq != name->next_seq ||
		      !name_hold(name, identify->record.value);
	if (queued && !queue(identify, key, name, effects))
		return;
	if (has_account(name))
		return;
	if (!name->has_deadline && !name->refusing) {
		name->has_deadline = true;
		name->deadline_ms = at_ms + identify->options.wait_ms;
		ask(key, name, at_ms, effects);
	}
	if (name_waits(name) > WAITING_EVENTS_MAX && name->has_deadline)
		give_up(identify, key, name, at_ms, effects);
}

/* ---- what comes ----------------------------------------------------------------------------- */

/* Whether the event at hand has come before. A large one that waits leaves no target for a bucket
 * that is split. */
static bool is_repeat(struct identify *identify, struct bytes key, struct name_state *name,
		      bool *must_publish)
{
	bool fits =
		identify->record.value.len <= WAITING_PART_MAX * (TARGETS_MAX - SPILL_BUCKETS_MAX);
	enum repeats_room room = key.len > NAME_KEY_MAX ? REPEATS_NO_BUCKET
				 : fits			? REPEATS_ANY
							: REPEATS_NO_SPLIT;
	bool repeat =
		repeats_saw(&name->recent, identify->looks, identify->look_count, identify->print,
			    identify->event.ingest_ms, room, &identify->spill);
	*must_publish |= identify->spill.count > 0;
	return repeat;
}

static void apply_event(struct identify *identify, struct bytes key, struct name_state *name,
			struct effects *effects, bool *must_publish)
{
	int64_t at_ms = identify->event.effective_ms;
	if (is_repeat(identify, key, name, must_publish)) {
		name->duplicate_count++;
		return;
	}
	name->event_count++;
	if (!has_account(name) && founds(identify, key))
		settle(identify, key, name, key, at_ms, effects);
	if (!has_account(name) || name->releasing) {
		hold(identify, key, name, at_ms, effects);
		return;
	}
	struct bytes account = name_text_bytes(&name->account);
	identify_pass(identify, account, identify->record.value, effects);
	int64_t again_ms = name_rank(account) > 0 ? ASK_AGAIN_MADE_UP_MS : ASK_AGAIN_MS;
	if (name->parent.len > 0 && at_ms - name->asked_ms >= again_ms)
		ask(key, name, at_ms, effects);
}

/* The name belongs to that account. Where it was taken for one of its own, that one is merged. */
static void learn(struct identify *identify, struct bytes key, struct name_state *name,
		  struct bytes account, int64_t at_ms, struct effects *effects)
{
	struct bytes before = name_text_bytes(&name->account);
	if (bytes_equal(before, account))
		return;
	if (before.len == 0) {
		settle(identify, key, name, account, at_ms, effects);
		return;
	}
	if (bytes_equal(before, key)) {
		const struct account_change merge = {
			.kind = CHANGE_MERGE, .account = key, .other = account, .at_ms = at_ms
		};
		effects_say(effects, "account.events", key, &account_change_type, &merge);
	}
	name_text_set(&name->account, account);
}

/* A parent that is an account at once need not be waited for. It is asked all the same: it may have
 * gone into another one itself, or have been erased. */
static void set_parent(struct identify *identify, const struct identity_note *link,
		       struct bytes key, struct name_state *name, struct effects *effects)
{
	name_text_set(&name->parent, link->other);
	name->link_ms = link->at_ms;
	name->link_source_len = name_keep(link->source, name->link_source, EVENT_TYPE_MAX);
	name->link_event_len = name_keep(link->event_id, name->link_event, LINK_EVENT_MAX);
	if (founds(identify, link->other))
		learn(identify, key, name, link->other, link->at_ms, effects);
	ask(key, name, link->at_ms, effects);
}

/* Two parents of one name, the later one first. */
static void two_parents(const struct identity_note *link, struct bytes key, struct bytes later,
			struct bytes earlier, struct effects *effects)
{
	struct identity_note note = *link;
	note.name = later;
	note.other = earlier;
	if (!name_joins(key)) {
		if (!name_is_customer(later) || !name_is_customer(earlier))
			return;
		note.kind = NOTE_SUGGEST;
		note.text = key;
	}
	identify_say(&note, effects);
}

static void apply_link(struct identify *identify, struct bytes key, struct name_state *name,
		       struct effects *effects)
{
	const struct identity_note *link = &identify->note;
	struct bytes parent = name_text_bytes(&name->parent);
	if (name_compare(link->other, key) >= 0 || bytes_equal(link->other, parent))
		return;
	if (parent.len == 0) {
		set_parent(identify, link, key, name, effects);
		return;
	}
	bool earlier = name_compare(link->other, parent) < 0;
	if (earlier)
		two_parents(link, key, parent, link->other, effects);
	else
		two_parents(link, key, link->other, parent, effects);
	if (earlier)
		set_parent(identify, link, key, name, effects);
}

static void apply_find(struct identify *identify, struct bytes key, struct name_state *name,
		       struct effects *effects)
{
	const struct identity_note *find = &identify->note;
	if (!has_account(name) && founds(identify, key))
		settle(identify, key, name, key, find->at_ms, effects);
	if (!has_account(name)) {
		hold(identify, key, name, find->at_ms, effects);
		return;
	}
	const struct identity_note found = { .kind = NOTE_FOUND,
					     .name = find->other,
					     .other = key,
					     .account = name_text_bytes(&name->account),
					     .at_ms = find->at_ms };
	identify_say(&found, effects);
}

static void apply_found(struct identify *identify, struct bytes key, struct name_state *name,
			struct effects *effects)
{
	const struct identity_note *found = &identify->note;
	if (bytes_equal(found->other, name_text_bytes(&name->parent)) && found->account.len > 0 &&
	    found->account.len <= KEY_LEN_MAX)
		learn(identify, key, name, found->account, found->at_ms, effects);
}

/* Some of an erased name's buckets. */
static void forget_buckets(struct identify *identify, struct name_state *name)
{
	int32_t left = name->recent.bucket_count - WAITING_PARTS_MAX;
	left = left > 0 ? left : 0;
	identify->step = QUEUE_FORGET;
	identify->from_seq = left;
	identify->count = (size_t)(name->recent.bucket_count - left);
	name->recent.bucket_count = left;
}

/* A block of the queue. */
static void release_block(struct identify *identify, struct name_state *name, enum queue_step step)
{
	int64_t block_end = (name->first_seq / WAITING_PARTS_MAX + 1) * (int64_t)WAITING_PARTS_MAX;
	int64_t until = block_end < name->next_seq ? block_end : name->next_seq;
	identify->step = step;
	identify->account = name->account;
	identify->from_seq = name->first_seq;
	identify->count = (size_t)(until - name->first_seq);
	name->first_seq = until;
}

static void apply_release(struct identify *identify, struct bytes key, struct name_state *name,
			  struct effects *effects)
{
	if (!name->releasing)
		return;
	enum queue_step step = name->erased	? QUEUE_ERASE
			       : name->refusing ? QUEUE_REFUSE
						: QUEUE_RELEASE;
	identify_release_held(identify, key, name, step, identify->note.at_ms, effects);
	if (name->first_seq < name->next_seq)
		release_block(identify, name, step);
	else if (name->erased)
		forget_buckets(identify, name);
	if (name->first_seq < name->next_seq || (name->erased && name->recent.bucket_count > 0)) {
		if (identify->note.rest == 0)
			say_releases(key, name, identify->note.at_ms, effects);
	} else if (name->erased) {
		memset(name, 0, sizeof *name);
	} else {
		name->releasing = name->refusing = false;
	}
}

static void apply_suggest(struct identify *identify, struct bytes key, struct name_state *name,
			  struct effects *effects)
{
	const struct identity_note *note = &identify->note;
	if (!has_account(name) && founds(identify, key))
		settle(identify, key, name, key, note->at_ms, effects);
	if (!has_account(name))
		hold(identify, key, name, note->at_ms, effects);
	else if (!bytes_equal(name_text_bytes(&name->account), note->other))
		identify_suggest(note, effects);
}

/* Nothing is left but the mark; what waits in the queue, and buckets, go block by block. An account
 * may have been made up under the name, so the account stage is told in any case. */
static void apply_erase(struct identify *identify, struct bytes key, struct name_state *name,
			struct effects *effects, bool *must_publish)
{
	int64_t at_ms = identify->note.at_ms;
	const struct account_change change = { .kind = CHANGE_ERASE,
					       .account = key,
					       .at_ms = at_ms };
	effects_say(effects, "account.events", key, &account_change_type, &change);
	identify->dropped = name->event_count + name->duplicate_count;
	const int64_t first_seq = name->first_seq, next_seq = name->next_seq;
	const int32_t bucket_count = name->recent.bucket_count;
	identify_release_held(identify, key, name, QUEUE_ERASE, at_ms, effects);
	memset(name, 0, sizeof *name);
	*must_publish = true;
	if (first_seq == next_seq && bucket_count == 0)
		return;
	name->erased = name->releasing = true;
	name->first_seq = first_seq;
	name->next_seq = next_seq;
	name->recent.bucket_count = bucket_count;
	say_releases(key, name, at_ms, effects);
}

/* What comes for a name that was erased. */
static void drop(struct identify *identify, struct effects *effects)
{
	if (identify->is_event) {
		identify->step = QUEUE_DROP;
		identify->dropped = 1;
	} else if (identify->note.kind == NOTE_FIND) {
		identify_erase(identify->note.other, identify->note.at_ms, effects);
	}
}

static bool is_erased(const struct identify *identify, const struct name_state *name,
		      const struct erased_state *mark)
{
	if (!identify->is_event && identify->note.kind == NOTE_ERASE)
		return false;
	bool release = !identify->is_event && identify->note.kind == NOTE_RELEASE;
	return (mark != NULL && mark->is_there) || (name->erased && !release);
}

void identify_apply_name(void *context, const struct origin *origin, const void *parsed,
			 struct bytes key, void *state, struct effects *effects, bool *must_publish)
{
	(void)parsed;
	struct identify *identify = context;
	struct name_state *name = state;
	/* either the mark is read or buckets, see read_with_name */
	const struct erased_state *mark = name_is_new(name) ? origin->reads[0] : NULL;
	for (size_t i = 0; i < identify->look_count; i++)
		identify->looks[i].seen = origin->reads[i];
	if (is_erased(identify, name, mark)) {
		drop(identify, effects);
		return;
	}
	if (identify->is_event) {
		apply_event(identify, key, name, effects, must_publish);
		return;
	}
	switch (identify->note.kind) {
	case NOTE_LINK: apply_link(identify, key, name, effects); break;
	case NOTE_FIND: apply_find(identify, key, name, effects); break;
	case NOTE_FOUND: apply_found(identify, key, name, effects); break;
	case NOTE_RELEASE: apply_release(identify, key, name, effects); break;
	case NOTE_SUGGEST: apply_suggest(identify, key, name, effects); break;
	case NOTE_ERASE: apply_erase(identify, key, name, effects, must_publish); break;
	default: break;
	}
}

void identify_fire_name(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
			void *state, struct effects *effects, bool *must_publish)
{
	(void)origin;
	(void)must_publish;
	give_up(context, key, state, at_ms, effects);
}
