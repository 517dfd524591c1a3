#include "consumers/held_stock.h"

#include <string.h>

#include "base/phrase.h"
#include "base/timestamp.h"

static int64_t period_end(int64_t known_ms, const struct series_definition *demand)
{
	return calendar_after(&demand->calendar, known_ms, 1);
}

struct bytes held_stock_key(const struct supply *note, const struct series_definition *demand,
			    uint8_t key[KEY_LEN_MAX])
{
	char text[KEY_LEN_MAX];
	struct phrase phrase = phrase_in(text, sizeof text);
	phrase_int(&phrase, period_end(note->known_ms, demand), 14);
	phrase_text(&phrase, "|");
	phrase_bytes(&phrase, note->place);
	phrase_text(&phrase, "|");
	phrase_bytes(&phrase, note->product);
	size_t len = phrase_end(&phrase);
	memcpy(key, text, len);
	return bytes_of(key, len);
}

static void copy(char *out, size_t size, struct bytes text)
{
	size_t len = text.len < size ? text.len : size - 1;
	memset(out, 0, size);
	if (len > 0)
		memcpy(out, text.data, len);
}

void held_stock_add(struct held_stock *held, const struct supply *note,
		    const struct series_definition *demand)
{
	if (held->due_ms != 0 && note->at_ms < held->at_ms)
		return;
	held->at_ms = note->at_ms;
	held->due_ms = period_end(note->known_ms, demand);
	held->level = note->level;
	copy(held->product, sizeof held->product, note->product);
	copy(held->site, sizeof held->site, note->place);
	copy(held->unit, sizeof held->unit, note->unit);
}

void held_stock_tell(struct held_stock *held, struct effects *effects)
{
	struct supply note;
	held_stock_to_record(held, &note);
	effects_say(effects, "supply.events", note.product, &supply_type, &note);
	held->due_ms = 0;
}

int64_t held_stock_due(const void *state)
{
	const struct held_stock *held = state;
	return held->due_ms != 0 ? held->due_ms : TIME_NONE;
}

void held_stock_to_record(const struct held_stock *held, struct supply *record)
{
	*record = (struct supply){ .kind = SUPPLY_STOCK,
				   .product = bytes_str(held->product),
				   .place = bytes_str(held->site),
				   .at_ms = held->at_ms,
				   .known_ms = held->due_ms,
				   .unit = bytes_str(held->unit),
				   .level = held->level };
}

struct err *held_stock_from_record(const struct supply *record, struct held_stock *held)
{
	if (record->product.len > NETWORK_NAME_MAX || record->place.len > NETWORK_NAME_MAX)
		return err_new(ERR_FATAL, "STATE_INVALID", "a level of stock is damaged");
	memset(held, 0, sizeof *held);
	held->at_ms = record->at_ms;
	held->due_ms = record->known_ms;
	held->level = record->level;
	copy(held->product, sizeof held->product, record->product);
	copy(held->site, sizeof held->site, record->place);
	copy(held->unit, sizeof held->unit, record->unit);
	return NULL;
}
