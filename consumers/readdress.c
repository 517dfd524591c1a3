#include "consumers/readdress.h"

#include "base/check.h"
#include "schemas/registry.h"

/* An Avro string begins with its length as a zig-zag varint; one above 63 takes two bytes. */
static size_t put_length(uint8_t *out, size_t len)
{
	size_t zigzag = 2 * len, used = 0;
	while (zigzag >= 0x80) {
		out[used++] = (uint8_t)(zigzag | 0x80);
		zigzag >>= 7;
	}
	out[used++] = (uint8_t)zigzag;
	return used;
}

size_t readdress(struct bytes value, struct bytes account, uint8_t *out)
{
	size_t at = WIRE_HEADER_LEN, old_len = 0;
	for (unsigned shift = 0;; shift += 7) {
		CHECK(at < value.len && shift < 35);
		uint8_t byte = value.data[at++];
		old_len |= (size_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			break;
	}
	at += old_len / 2;
	CHECK(at <= value.len);
	memcpy(out, value.data, WIRE_HEADER_LEN);
	size_t used = WIRE_HEADER_LEN + put_length(out + WIRE_HEADER_LEN, account.len);
	memcpy(out + used, account.data, account.len);
	used += account.len;
	memcpy(out + used, value.data + at, value.len - at);
	return used + value.len - at;
}
