#include "consumers/identity_state.h"

#include "base/check.h"

void name_text_set(struct name_text *to, struct bytes text)
{
	CHECK(text.len <= KEY_LEN_MAX);
	to->len = (uint8_t)text.len;
	if (text.len > 0)
		memcpy(to->text, text.data, text.len);
}

uint8_t name_keep(struct bytes text, uint8_t *kept, size_t len_max)
{
	struct bytes cut = bytes_cut(text, len_max);
	if (cut.len > 0)
		memcpy(kept, cut.data, cut.len);
	return (uint8_t)cut.len;
}

bool name_hold(struct name_state *name, struct bytes record)
{
	size_t used = 0;
	for (size_t i = 0; i < name->held_count; i++)
		used += name->held_len[i];
	if (name->held_count == HELD_RECORDS_MAX || record.len > HELD_BYTES_MAX - used)
		return false;
	memcpy(name->held + used, record.data, record.len);
	name->held_len[name->held_count++] = (uint16_t)record.len;
	return true;
}

int64_t name_waits(const struct name_state *name)
{
	int64_t entries = name->next_seq - name->first_seq;
	bool counted = entries > 0 && name->queued_count > entries;
	return name->held_count + (counted ? name->queued_count : entries);
}

/* ---- the queue ------------------------------------------------------------------------------ */

int64_t name_queue(struct name_state *name, size_t len, size_t *parts)
{
	size_t room = len > WAITING_RECORD_MIN ? len : WAITING_RECORD_MIN;
	*parts = (len + WAITING_PART_MAX - 1) / WAITING_PART_MAX;
	CHECK(*parts >= 1 && *parts <= WAITING_PARTS_MAX);
	if (name->first_seq == name->next_seq) {
		name->queued_count = 0;
		name->tail_room = 0;
	}
	name->queued_count++;
	if (room <= (size_t)name->tail_room) {
		name->tail_room -= (int32_t)room;
		return name->next_seq - 1;
	}
	int64_t in_block = name->next_seq % WAITING_PARTS_MAX, count = (int64_t)*parts;
	if (in_block + count > WAITING_PARTS_MAX)
		name->next_seq += WAITING_PARTS_MAX - in_block;
	int64_t seq = name->next_seq;
	name->next_seq += count;
	name->tail_room = count == 1 ? WAITING_PART_MAX - (int32_t)room : 0;
	return seq;
}

void waiting_add(struct waiting_state *waiting, struct bytes record)
{
	CHECK(waiting->record_count < WAITING_RECORDS_MAX &&
	      record.len <= WAITING_PART_MAX - waiting->len);
	waiting->parts = 1;
	memcpy(waiting->bytes + waiting->len, record.data, record.len);
	waiting->len += record.len;
	waiting->record_len[waiting->record_count++] = (uint16_t)record.len;
}

/* ---- as records ----------------------------------------------------------------------------- */

/* Absent where nothing is kept. */
static struct bytes optional(const uint8_t *text, size_t len)
{
	return len > 0 ? bytes_of(text, len) : bytes_of(NULL, 0);
}

void name_to_record(const struct name_state *name, struct print_bytes *bytes,
		    struct identity_name_record *record)
{
	*record = (struct identity_name_record){
		.account = name_text_bytes(&name->account),
		.parent = name_text_bytes(&name->parent),
		.link_source = optional(name->link_source, name->link_source_len),
		.link_event = optional(name->link_event, name->link_event_len),
		.link_ms = name->link_ms,
		.asked_ms = name->asked_ms,
		.has_deadline = name->has_deadline,
		.deadline_ms = name->deadline_ms,
		.event_count = name->event_count,
		.duplicate_count = name->duplicate_count,
		.first_seq = name->first_seq,
		.next_seq = name->next_seq,
		.queued_count = name->queued_count,
		.tail_room = name->tail_room,
		.releasing = name->releasing,
		.refusing = name->refusing,
		.erased = name->erased,
		.held_count = name->held_count,
	};
	size_t at = 0;
	for (size_t i = 0; i < name->held_count; i++) {
		record->held[i].bytes = bytes_of(name->held + at, name->held_len[i]);
		at += name->held_len[i];
	}
	recent_to_record(&name->recent, bytes, record);
}

static bool fits(struct bytes text, size_t len_max)
{
	return text.len <= len_max;
}

struct err *name_from_record(const struct identity_name_record *record, struct name_state *name)
{
	memset(name, 0, sizeof *name);
	if (!fits(record->account, KEY_LEN_MAX) || !fits(record->parent, KEY_LEN_MAX) ||
	    !fits(record->link_source, EVENT_TYPE_MAX) ||
	    !fits(record->link_event, LINK_EVENT_MAX) || record->first_seq < 0 ||
	    record->next_seq < record->first_seq || record->tail_room < 0 ||
	    record->tail_room >= WAITING_PART_MAX)
		return err_new(ERR_FATAL, "STATE_INVALID", "the state of a name is damaged");
	name_text_set(&name->account, record->account);
	name_text_set(&name->parent, record->parent);
	name->link_source_len = name_keep(record->link_source, name->link_source, EVENT_TYPE_MAX);
	name->link_event_len = name_keep(record->link_event, name->link_event, LINK_EVENT_MAX);
	name->link_ms = record->link_ms;
	name->asked_ms = record->asked_ms;
	name->has_deadline = record->has_deadline;
	name->deadline_ms = record->deadline_ms;
	name->event_count = record->event_count;
	name->duplicate_count = record->duplicate_count;
	name->first_seq = record->first_seq;
	name->next_seq = record->next_seq;
	name->queued_count = record->queued_count;
	name->tail_room = record->tail_room;
	name->releasing = record->releasing;
	name->refusing = record->refusing;
	name->erased = record->erased;
	for (size_t i = 0; i < record->held_count; i++)
		if (!name_hold(name, record->held[i].bytes))
			return err_new(ERR_FATAL, "STATE_INVALID", "a name holds too much");
	return recent_from_record(record, &name->recent);
}

void waiting_to_record(const struct waiting_state *waiting, struct identity_waiting_record *record)
{
	bool whole = waiting->record_count > 0;
	record->parts = waiting->parts;
	record->part = waiting->part;
	record->bytes = bytes_of(waiting->bytes, whole ? 0 : waiting->len);
	record->record_count = waiting->record_count;
	size_t at = 0;
	for (size_t i = 0; i < waiting->record_count; i++) {
		record->records[i].bytes = bytes_of(waiting->bytes + at, waiting->record_len[i]);
		at += waiting->record_len[i];
	}
}

static bool is_sound(const struct identity_waiting_record *record)
{
	size_t len = record->bytes.len;
	for (size_t i = 0; i < record->record_count; i++)
		len += record->records[i].bytes.len;
	bool whole = record->record_count > 0;
	return record->parts >= 1 && record->parts <= WAITING_PARTS_MAX && record->part >= 0 &&
	       record->part < record->parts && len <= WAITING_PART_MAX &&
	       !(whole && (record->parts > 1 || record->bytes.len > 0));
}

struct err *waiting_from_record(const struct identity_waiting_record *record,
				struct waiting_state *waiting)
{
	memset(waiting, 0, sizeof *waiting);
	if (!is_sound(record))
		return err_new(ERR_FATAL, "STATE_INVALID", "a waiting record is damaged");
	waiting->parts = record->parts;
	waiting->part = record->part;
	waiting->len = record->bytes.len;
	if (waiting->len > 0)
		memcpy(waiting->bytes, record->bytes.data, waiting->len);
	for (size_t i = 0; i < record->record_count; i++)
		waiting_add(waiting, record->records[i].bytes);
	return NULL;
}

void block_to_record(const struct block_state *block, struct identity_block_record *record)
{
	record->count = block->count;
	record->next = block->next;
	for (size_t i = 0; i < block->count; i++)
		record->names[i] = (struct identity_company_record){
			name_text_bytes(&block->names[i].name),
			bytes_of(block->names[i].text, block->names[i].text_len),
		};
}

struct err *block_from_record(const struct identity_block_record *record, struct block_state *block)
{
	memset(block, 0, sizeof *block);
	bool sound = record->count <= NAMES_PER_BLOCK_MAX && record->next >= 0 &&
		     record->next < NAMES_PER_BLOCK_MAX;
	for (size_t i = 0; sound && i < record->count; i++) {
		sound = fits(record->names[i].name, KEY_LEN_MAX);
		if (!sound)
			break;
		name_text_set(&block->names[i].name, record->names[i].name);
		block->names[i].text_len =
			name_keep(record->names[i].text, block->names[i].text, COMPANY_KEPT_MAX);
	}
	if (!sound)
		return err_new(ERR_FATAL, "STATE_INVALID", "a block of company names is damaged");
	block->count = record->count;
	block->next = record->next;
	return NULL;
}
