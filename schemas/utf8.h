/* Whether bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above
 * U+10FFFF). Inline, because most strings are short and ASCII. Threads: pure. */
#ifndef SCHEMAS_UTF8_H
#define SCHEMAS_UTF8_H

#include "base/bytes.h"

/* The full check, for bytes that are not all ASCII. */
bool utf8_check_slow(const uint8_t *data, size_t len);

static inline bool utf8_check(const uint8_t *data, size_t len)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	uint64_t seen = 0, word;
	size_t i = 0;
	for (; len - i >= sizeof word; i += sizeof word) {
		memcpy(&word, data + i, sizeof word);
		seen |= word & high;
	}
	for (; i < len; i++)
		seen |= data[i] & 0x80u;
	return seen == 0 || utf8_check_slow(data, len);
}

#endif
