/* What the identify stage knows of one name, of what waits for it, and of company names that begin
 * alike; and their forms in identity.meta. What came before is in consumers/repeats.h.
 *
 * Plain data of fixed size, zeroed when new. Threads: pure. */
#ifndef CONSUMERS_IDENTITY_STATE_H
#define CONSUMERS_IDENTITY_STATE_H

#include "consumers/repeats.h"

struct name_text {
	uint8_t len;
	uint8_t text[KEY_LEN_MAX];
};

/* A name. It leads to its parent, its events go to its account:
 *
 *   new ── an event, no account ──► waiting ── FOUND, or too long ──► releasing ──► settled
 *    └────────────── an account of its own, or FOUND ───────────────────────────────▲
 *
 * Only a settled name with nothing to release hands its events on at once. What waits first lies in
 * the name's own state, so that a name whose account is found soon costs no further states; what
 * finds no room there goes into a queue of entries (consumers/identify_queue.h). */
struct name_state {
	int64_t link_ms, asked_ms, deadline_ms;
	int64_t event_count, duplicate_count;
	int64_t first_seq, next_seq; /* entries of its queue; see WAITING_PARTS_MAX */
	int64_t queued_count;	     /* records, since the queue was last empty */
	int32_t tail_room;	     /* in the last entry */
	bool has_deadline, releasing, refusing, erased;
	uint8_t link_source_len, link_event_len;
	struct name_text account, parent;
	uint8_t link_source[EVENT_TYPE_MAX], link_event[LINK_EVENT_MAX];
	struct recent_prints recent;
	uint8_t held_count;
	uint16_t held_len[HELD_RECORDS_MAX];
	uint8_t held[HELD_BYTES_MAX]; /* records, end to end */
};

/* An entry of a name's queue: whole records, or a part of a large one. Empty where parts is 0. */
struct waiting_state {
	int32_t parts, part;
	size_t len;
	uint8_t record_count; /* 0: a part */
	uint16_t record_len[WAITING_RECORDS_MAX];
	uint8_t bytes[WAITING_PART_MAX]; /* records, end to end */
};

struct block_state {
	size_t count;
	int32_t next; /* to be replaced */
	struct {
		struct name_text name;
		uint8_t text_len;
		uint8_t text[COMPANY_KEPT_MAX];
	} names[NAMES_PER_BLOCK_MAX];
};

/* Nothing is known of it, and nothing is kept. */
static inline bool name_is_new(const struct name_state *name)
{
	return name->event_count == 0 && name->account.len == 0 && name->parent.len == 0 &&
	       name->next_seq == 0 && name->held_count == 0 && !name->erased;
}

static inline struct bytes name_text_bytes(const struct name_text *text)
{
	return bytes_of(text->text, text->len);
}

/* text.len up to KEY_LEN_MAX. */
void name_text_set(struct name_text *to, struct bytes text);

/* The first len_max bytes of text into kept, never half a character; their number. */
uint8_t name_keep(struct bytes text, uint8_t *kept, size_t len_max);

/* Keeps a record that waits in the state; false: there is no room. */
bool name_hold(struct name_state *name, struct bytes record);

/* Records that wait, in the state and in the queue; fewer while the queue is handed on. Of the
 * queue of an earlier version its entries. */
int64_t name_waits(const struct name_state *name);

/* A place in the queue for a record of that length, the first of *parts entries; where it goes to
 * what another one left of the last entry, *parts is 1 as well. What has several parts lies in one
 * block, so that it is released with one record. len up to WAITING_PARTS_MAX * WAITING_PART_MAX. */
int64_t name_queue(struct name_state *name, size_t len, size_t *parts);

/* Another whole record into an entry, which has room. */
void waiting_add(struct waiting_state *waiting, struct bytes record);

/* To the topic's records, which borrow from the state and *bytes, and back. Errors of the latter:
 * FATAL STATE_INVALID. */
void name_to_record(const struct name_state *name, struct print_bytes *bytes,
		    struct identity_name_record *record);
ERR_MUST_USE struct err *name_from_record(const struct identity_name_record *record,
					  struct name_state *name);
void waiting_to_record(const struct waiting_state *waiting, struct identity_waiting_record *record);
ERR_MUST_USE struct err *waiting_from_record(const struct identity_waiting_record *record,
					     struct waiting_state *waiting);
void block_to_record(const struct block_state *block, struct identity_block_record *record);
ERR_MUST_USE struct err *block_from_record(const struct identity_block_record *record,
					   struct block_state *block);

#endif
