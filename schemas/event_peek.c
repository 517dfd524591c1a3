#include "schemas/event_peek.h"

#include "base/timestamp.h"
#include "schemas/registry.h"

enum { TEXTS_BEFORE = 4, VARINT_BYTES_MAX = 10 };

/* Takes a zigzag varint off the front. */
static bool take(struct bytes *rest, int64_t *value)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < VARINT_BYTES_MAX && i < rest->len; i++) {
		bits |= (uint64_t)(rest->data[i] & 0x7f) << 7 * i;
		if (rest->data[i] & 0x80)
			continue;
		*value = (int64_t)(bits >> 1 ^ (~(bits & 1) + 1));
		*rest = bytes_of(rest->data + i + 1, rest->len - i - 1);
		return true;
	}
	return false;
}

int64_t event_peek_ms(struct bytes value)
{
	int64_t number = 0;
	if (value.data == NULL || value.len < WIRE_HEADER_LEN || value.data[0] != 0)
		return TIME_NONE;
	struct bytes rest = bytes_of(value.data + WIRE_HEADER_LEN, value.len - WIRE_HEADER_LEN);
	for (int i = 0; i < TEXTS_BEFORE; i++) {
		if (!take(&rest, &number) || number < 0 || (uint64_t)number > rest.len)
			return TIME_NONE;
		rest = bytes_of(rest.data + number, rest.len - (size_t)number);
	}
	return take(&rest, &number) && time_is_event(number) ? number : TIME_NONE;
}
