/* What the identify stage knows of one name, of what waits for it, and of company names that begin
 * alike; and their forms in identity.meta.
 *
 * Plain data of fixed size, zeroed when new. Threads: pure. */
#ifndef CONSUMERS_IDENTITY_STATE_H
#define CONSUMERS_IDENTITY_STATE_H

#include "base/timestamp.h"
#include "schemas/identity.h"

struct name_text {
	uint8_t len;
	uint8_t text[KEY_LEN_MAX];
};

/* A name. It leads to its parent, its events go to its account:
 *
 *   new ── an event, no account ──► waiting ── FOUND, or too long ──► releasing ──► settled
 *    └────────────── an account of its own, or FOUND ───────────────────────────────▲
 *
 * Only a settled name with nothing to release hands its events on at once. */
struct name_state {
	int64_t link_ms, asked_ms, deadline_ms;
	int64_t event_count, duplicate_count, outrun_count;
	int64_t first_seq, next_seq; /* of what waits; see WAITING_PARTS_MAX */
	bool has_deadline, releasing, refusing, erased;
	uint8_t recent_count, recent_next;
	uint8_t link_source_len, link_event_len;
	struct name_text account, parent;
	uint8_t link_source[EVENT_TYPE_MAX], link_event[LINK_EVENT_MAX];
	uint64_t recent[RECENT_EVENTS_MAX];	  /* a ring */
	uint16_t recent_hours[RECENT_EVENTS_MAX]; /* when they came, modulo 65536 */
};

/* Room for fingerprints and hours as bytes. */
struct recent_bytes {
	uint8_t prints[8 * RECENT_EVENTS_MAX], hours[2 * RECENT_EVENTS_MAX];
};

/* A repeat is recognised for so long after its event came in, unless more than RECENT_EVENTS_MAX
 * others of the name come meanwhile: outrun_count says how many were forgotten early. */
#define REPEAT_WINDOW_MS (7 * MS_PER_DAY)

/* An entry of a name's queue: a record, or a part of one. Empty where parts is 0. */
struct waiting_state {
	int32_t parts, part;
	size_t len;
	uint8_t bytes[WAITING_PART_MAX];
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
	       name->next_seq == 0 && !name->erased;
}

static inline struct bytes name_text_bytes(const struct name_text *text)
{
	return bytes_of(text->text, text->len);
}

/* text.len up to KEY_LEN_MAX. */
void name_text_set(struct name_text *to, struct bytes text);

/* The first len_max bytes of text into kept, never half a character; their number. */
uint8_t name_keep(struct bytes text, uint8_t *kept, size_t len_max);

/* Whether the event with that fingerprint is among the latest; if not, it is from now on. */
bool name_saw(struct name_state *name, uint64_t fingerprint, int64_t ingest_ms);

/* To the topic's records, which borrow from the state and *recent, and back. Errors of the latter:
 * FATAL STATE_INVALID. */
void name_to_record(const struct name_state *name, struct recent_bytes *recent,
		    struct identity_name_record *record);
ERR_MUST_USE struct err *name_from_record(const struct identity_name_record *record,
					  struct name_state *name);
void block_to_record(const struct block_state *block, struct identity_block_record *record);
ERR_MUST_USE struct err *block_from_record(const struct identity_block_record *record,
					   struct block_state *block);

#endif
