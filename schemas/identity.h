/* Records by which names find their accounts: the log between names, the states of the identify
 * stage, what is suggested to people, and what happens to accounts as a whole.
 *
 * The .avsc of the same name says what each field means; here only what C adds. Strings are
 * borrowed from what is encoded, or from the message that was decoded. */
#ifndef SCHEMAS_IDENTITY_H
#define SCHEMAS_IDENTITY_H

#include "schemas/types.h"

enum identity_note_kind {
	NOTE_LINK,
	NOTE_FIND,
	NOTE_FOUND,
	NOTE_RELEASE,
	NOTE_COMPANY,
	NOTE_SUGGEST,
	NOTE_ERASE,
};

struct identity_note {
	int32_t kind; /* enum identity_note_kind */
	struct bytes name, other, account;
	int64_t at_ms;
	struct bytes source, event_id, text, other_text; /* optional */
	double likeness;
	int32_t rest;
};

extern const struct record_type identity_note_type;

struct identity_held_record {
	struct bytes bytes;
};

struct identity_name_record {
	struct bytes account, parent;
	struct bytes link_source, link_event; /* optional */
	int64_t link_ms, asked_ms;
	bool has_deadline;
	int64_t deadline_ms; /* optional */
	int64_t event_count, duplicate_count;
	int64_t first_seq, next_seq, queued_count;
	int32_t tail_room;
	bool releasing, refusing, erased;
	struct bytes recent, recent_hours;
	int64_t outrun_count;
	int32_t seen_buckets;
	int64_t seen_ms;
	struct bytes seen_filter;
	int64_t filter_ms;
	size_t held_count;
	struct identity_held_record held[HELD_RECORDS_MAX];
};

extern const struct record_type identity_name_type;

struct identity_seen_record {
	struct bytes prints, hours;
};

extern const struct record_type identity_seen_type;

struct identity_waiting_record {
	int32_t parts, part;
	struct bytes bytes;
	size_t record_count;
	struct identity_held_record records[WAITING_RECORDS_MAX];
};

extern const struct record_type identity_waiting_type;

struct identity_company_record {
	struct bytes name, text;
};

struct identity_block_record {
	size_t count;
	struct identity_company_record names[NAMES_PER_BLOCK_MAX];
	int32_t next;
};

extern const struct record_type identity_block_type;

enum identity_suggestion_kind { SUGGESTION_UNKNOWN, SUGGESTION_COMPANY, SUGGESTION_SHARED };

struct identity_suggestion {
	struct bytes name, other;
	int32_t kind;		       /* enum identity_suggestion_kind */
	struct bytes text, other_text; /* optional */
	double likeness;
	int64_t at_ms;
	struct bytes source, event_id; /* optional */
};

extern const struct record_type identity_suggestion_type;

enum identity_decision_kind { DECISION_UNKNOWN, DECISION_ERASED, DECISION_CUT };

struct identity_decision {
	int32_t kind; /* enum identity_decision_kind */
	int64_t at_ms;
};

extern const struct record_type identity_decision_type;

struct identity_erased {
	int64_t at_ms, dropped_count;
};

extern const struct record_type identity_erased_type;

enum account_change_kind { CHANGE_MERGE, CHANGE_TRANSFER, CHANGE_ERASE };

struct account_change {
	int32_t kind; /* enum account_change_kind */
	struct bytes account, other;
	int64_t at_ms;
	struct bytes state; /* optional */
};

extern const struct record_type account_change_type;

/* What the identify stage reads of an account_event: the name stands where the account will. What
 * is wrong behind it is found by whoever reads it whole. Not a table to write with. */
struct named_event {
	struct bytes account, event_id, source;
	int64_t effective_ms, ingest_ms;
};

extern const struct record_type named_event_type;

#endif
