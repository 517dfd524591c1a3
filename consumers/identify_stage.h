/* What the parts of the identify stage share; everyone else sees identify.h. */
#ifndef CONSUMERS_IDENTIFY_STAGE_H
#define CONSUMERS_IDENTIFY_STAGE_H

#include "consumers/erased.h"
#include "consumers/identify.h"
#include "consumers/identity_state.h"
#include "consumers/readdress.h"

/* What a name's state decided about the record at hand; the entries of its queue act on it. */
enum queue_step {
	QUEUE_NOTHING,
	QUEUE_HOLD,
	QUEUE_RELEASE,
	QUEUE_REFUSE,
	QUEUE_ERASE,
	QUEUE_FORGET, /* buckets of repeats, of an erased name */
	QUEUE_DROP,
};

struct identify {
	struct identify_options options;
	struct registry *registry;

	struct record record; /* at hand; borrowed */
	bool is_event;
	struct named_event event;
	uint64_t print; /* of the event */
	struct repeats_look looks[LOOKS_MAX];
	size_t look_count;
	struct identity_note note;

	enum queue_step step;
	int64_t dropped;   /* ERASE, DROP: events, for the mark of the name */
	struct bytes held; /* HOLD: the bytes that wait */
	int64_t from_seq;
	size_t count;		  /* entries; FORGET: buckets from from_seq on */
	struct name_text account; /* RELEASE: where to */
	struct spill spill;
	uint8_t keys[TARGETS_MAX][KEY_LEN_MAX];
	uint8_t look_keys[LOOKS_MAX][KEY_LEN_MAX];
	struct erased_key erased;
	size_t item_len; /* a record that is put together from its parts */
	uint8_t item[WAITING_PARTS_MAX * WAITING_PART_MAX];

	uint8_t scratch[OUTPUT_LEN_MAX + KEY_LEN_MAX + READDRESS_ROOM];
};

enum { IDENTIFY_NAME, IDENTIFY_WAITING, IDENTIFY_BLOCK, IDENTIFY_ERASED, IDENTIFY_SEEN };

/* The name that the record at hand is for; borrowed. */
static inline struct bytes identify_name_of(const struct identify *identify)
{
	return identify->is_event ? identify->event.account : identify->note.name;
}

/* To identity.events, keyed by whom it is for. */
void identify_say(const struct identity_note *note, struct effects *effects);
/* An event goes to an account. */
void identify_pass(struct identify *identify, struct bytes account, struct bytes value,
		   struct effects *effects);
/* A name that leads to an erased one is erased with it. */
void identify_erase(struct bytes name, int64_t at_ms, struct effects *effects);
/* A note of kind SUGGEST goes to people. */
void identify_suggest(const struct identity_note *note, struct effects *effects);

#endif
