#include "tests/bench/job/event.h"

/* The wire format's header: 0x00 and a big-endian schema id. */
static const uint8_t wire_header[] = { 0, 0, 0, 0, JOB_EVENT_SCHEMA_ID };

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static int64_t take_long_slow(struct cursor *cursor)
{
	uint64_t bits = 0;
	for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
		uint8_t byte = *cursor->at++;
		bits |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
	}
	cursor->bad = true;
	return 0;
}

/* Most are one byte. */
static inline int64_t take_long(struct cursor *cursor)
{
	if (cursor->at == cursor->end || *cursor->at > 0x7f)
		return take_long_slow(cursor);
	uint8_t byte = *cursor->at++;
	return (byte >> 1) ^ -(byte & 1);
}

static inline struct bytes take_text(struct cursor *cursor)
{
	int64_t len = take_long(cursor);
	if (len < 0 || len > cursor->end - cursor->at) {
		cursor->bad = true;
		return bytes_of(NULL, 0);
	}
	struct bytes text = bytes_of(cursor->at, (size_t)len);
	cursor->at += len;
	return text;
}

static double take_double(struct cursor *cursor)
{
	uint64_t bits = 0;
	double value;
	if (cursor->end - cursor->at < (ptrdiff_t)sizeof bits) {
		cursor->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < sizeof bits; i++)
		bits |= (uint64_t)cursor->at[i] << 8 * i;
	cursor->at += sizeof bits;
	memcpy(&value, &bits, sizeof value);
	return value;
}

/* Whether an attribute has the value FLAG. */
static bool take_attrs(struct cursor *cursor)
{
	bool flagged = false;
	for (;;) {
		int64_t count = take_long(cursor);
		if (count < 0) {
			count = -count;
			(void)take_long(cursor);
		}
		if (count == 0 || cursor->bad)
			return flagged;
		for (; count > 0 && !cursor->bad; count--) {
			(void)take_text(cursor);
			struct bytes value = take_text(cursor);
			flagged = flagged || (value.len == 4 && memcmp(value.data, "FLAG", 4) == 0);
		}
	}
}

struct err *job_event_decode(struct bytes value, struct job_event *event)
{
	struct cursor cursor = { value.data + sizeof wire_header, value.data + value.len, false };
	if (value.len < sizeof wire_header ||
	    memcmp(value.data, wire_header, sizeof wire_header) != 0)
		return err_new(ERR_POISON, "EVENT_INVALID", "not an event of the reference job");
	event->event_id = take_text(&cursor);
	event->account = take_text(&cursor);
	event->source = (int32_t)take_long(&cursor);
	int64_t kind = take_long(&cursor);
	event->kind = (int32_t)kind;
	event->at_ms = take_long(&cursor);
	event->amount = take_double(&cursor);
	event->quantity = (int32_t)take_long(&cursor);
	event->flagged = take_attrs(&cursor);
	if (cursor.bad || cursor.at != cursor.end || kind < 0 || kind >= JOB_KINDS ||
	    event->event_id.len != JOB_EVENT_ID_LEN || event->account.len == 0)
		return err_new(ERR_POISON, "EVENT_INVALID", "a damaged event");
	return NULL;
}

uint8_t *job_put_long(uint8_t *at, int64_t value)
{
	uint64_t rest = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
	for (; rest > 0x7f; rest >>= 7)
		*at++ = (uint8_t)(rest | 0x80);
	*at++ = (uint8_t)rest;
	return at;
}

uint8_t *job_put_text(uint8_t *at, struct bytes text)
{
	at = job_put_long(at, (int64_t)text.len);
	memcpy(at, text.data, text.len);
	return at + text.len;
}

uint8_t *job_put_double(uint8_t *at, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	for (unsigned i = 0; i < sizeof bits; i++)
		at[i] = (uint8_t)(bits >> 8 * i);
	return at + sizeof bits;
}

size_t job_event_encode(const struct job_event *event, struct bytes region, struct bytes channel,
			uint8_t *out)
{
	uint8_t *at = out;
	memcpy(at, wire_header, sizeof wire_header);
	at = job_put_text(at + sizeof wire_header, event->event_id);
	at = job_put_text(at, event->account);
	at = job_put_long(at, event->source);
	at = job_put_long(at, event->kind);
	at = job_put_long(at, event->at_ms);
	at = job_put_double(at, event->amount);
	at = job_put_long(at, event->quantity);
	at = job_put_long(at, 2);
	at = job_put_text(at, bytes_str("region"));
	at = job_put_text(at, region);
	at = job_put_text(at, bytes_str("channel"));
	at = job_put_text(at, channel);
	at = job_put_long(at, 0);
	return (size_t)(at - out);
}
