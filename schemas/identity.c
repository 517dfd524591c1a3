#include "schemas/identity.h"

#include "schemas/rows.h"

/* Types that share their topic with others. */
#define SHARED_TYPE(variable, type_name, c_struct, rows)                                   \
	const struct record_type variable = { .name = type_name,                           \
					      .size = sizeof(struct c_struct),             \
					      .fields = rows,                              \
					      .field_count = sizeof rows / sizeof rows[0], \
					      .own_subject = true }

static const char *const note_kinds[] = { "LINK",    "FIND",	"FOUND", "RELEASE",
					  "COMPANY", "SUGGEST", "ERASE", NULL };

static const struct field note_fields[] = {
	ENUM(identity_note, kind, note_kinds),
	TEXT(identity_note, name),
	TEXT(identity_note, other),
	TEXT(identity_note, account),
	LONG(identity_note, at_ms),
	OPT_TEXT(identity_note, "source", source),
	OPT_TEXT(identity_note, "event_id", event_id),
	OPT_TEXT(identity_note, "text", text),
	OPT_TEXT(identity_note, "other_text", other_text),
	DOUBLE(identity_note, likeness),
	INT(identity_note, rest),
};
SHARED_TYPE(identity_note_type, "identity_note", identity_note, note_fields);

static const struct field held_fields[] = {
	REQ(identity_held_record, "bytes", bytes, FIELD_BYTES),
};
static TYPE(identity_held_type, "IdentityHeld", identity_held_record, held_fields);

static const struct field name_fields[] = {
	TEXT(identity_name_record, account),
	TEXT(identity_name_record, parent),
	OPT_TEXT(identity_name_record, "link_source", link_source),
	OPT_TEXT(identity_name_record, "link_event", link_event),
	LONG(identity_name_record, link_ms),
	LONG(identity_name_record, asked_ms),
	OPT_NUM(identity_name_record, "deadline_ms", deadline_ms, has_deadline, FIELD_LONG),
	LONG(identity_name_record, event_count),
	LONG(identity_name_record, duplicate_count),
	LONG(identity_name_record, first_seq),
	LONG(identity_name_record, next_seq),
	LONG(identity_name_record, queued_count),
	INT(identity_name_record, tail_room),
	BOOL(identity_name_record, releasing),
	BOOL(identity_name_record, refusing),
	BOOL(identity_name_record, erased),
	REQ(identity_name_record, "recent", recent, FIELD_BYTES),
	REQ(identity_name_record, "recent_hours", recent_hours, FIELD_BYTES),
	LONG(identity_name_record, outrun_count),
	INT(identity_name_record, seen_buckets),
	LONG(identity_name_record, seen_ms),
	REQ(identity_name_record, "seen_filter", seen_filter, FIELD_BYTES),
	LONG(identity_name_record, filter_ms),
	ARRAY(identity_name_record, held, held_count, identity_held_type, HELD_RECORDS_MAX),
};
SHARED_TYPE(identity_name_type, "identity_name", identity_name_record, name_fields);

static const struct field seen_fields[] = {
	REQ(identity_seen_record, "prints", prints, FIELD_BYTES),
	REQ(identity_seen_record, "hours", hours, FIELD_BYTES),
};
SHARED_TYPE(identity_seen_type, "identity_seen", identity_seen_record, seen_fields);

static const struct field waiting_fields[] = {
	INT(identity_waiting_record, parts),
	INT(identity_waiting_record, part),
	REQ(identity_waiting_record, "bytes", bytes, FIELD_BYTES),
	ARRAY(identity_waiting_record, records, record_count, identity_held_type,
	      WAITING_RECORDS_MAX),
};
SHARED_TYPE(identity_waiting_type, "identity_waiting", identity_waiting_record, waiting_fields);

static const struct field company_fields[] = {
	TEXT(identity_company_record, name),
	TEXT(identity_company_record, text),
};
static TYPE(identity_company_type, "IdentityCompany", identity_company_record, company_fields);

static const struct field block_fields[] = {
	ARRAY(identity_block_record, names, count, identity_company_type, NAMES_PER_BLOCK_MAX),
	INT(identity_block_record, next),
};
SHARED_TYPE(identity_block_type, "identity_block", identity_block_record, block_fields);

static const char *const suggestion_kinds[] = { "UNKNOWN", "COMPANY", "SHARED", NULL };

static const struct field suggestion_fields[] = {
	TEXT(identity_suggestion, name),
	TEXT(identity_suggestion, other),
	ENUM(identity_suggestion, kind, suggestion_kinds),
	OPT_TEXT(identity_suggestion, "text", text),
	OPT_TEXT(identity_suggestion, "other_text", other_text),
	DOUBLE(identity_suggestion, likeness),
	LONG(identity_suggestion, at_ms),
	OPT_TEXT(identity_suggestion, "source", source),
	OPT_TEXT(identity_suggestion, "event_id", event_id),
};
TYPE(identity_suggestion_type, "identity_suggestion", identity_suggestion, suggestion_fields);

static const char *const decision_kinds[] = { "UNKNOWN", "ERASED", "CUT", NULL };

static const struct field decision_fields[] = {
	ENUM(identity_decision, kind, decision_kinds),
	LONG(identity_decision, at_ms),
};
TYPE(identity_decision_type, "identity_decision", identity_decision, decision_fields);

static const struct field erased_fields[] = {
	LONG(identity_erased, at_ms),
	LONG(identity_erased, dropped_count),
};
SHARED_TYPE(identity_erased_type, "identity_erased", identity_erased, erased_fields);

static const char *const change_kinds[] = { "MERGE", "TRANSFER", "ERASE", NULL };

static const struct field change_fields[] = {
	ENUM(account_change, kind, change_kinds),
	TEXT(account_change, account),
	TEXT(account_change, other),
	LONG(account_change, at_ms),
	{ .name = "state",
	  .kind = FIELD_BYTES,
	  .optional = true,
	  .offset = offsetof(struct account_change, state) },
};
SHARED_TYPE(account_change_type, "account_change", account_change, change_fields);

static const struct field named_event_fields[] = {
	TEXT(named_event, account),	 TEXT(named_event, event_id),  TEXT(named_event, source),
	LONG(named_event, effective_ms), LONG(named_event, ingest_ms),
};
const struct record_type named_event_type = { .name = "account_event",
					      .size = sizeof(struct named_event),
					      .fields = named_event_fields,
					      .field_count = sizeof named_event_fields /
							     sizeof(struct field),
					      .head_only = true };
