/* Whether bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above
 * U+10FFFF). Inline, because most strings are short and ASCII. Threads: pure. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/bytes.h"
#include "base/little.h"

/* The full check, for bytes that are not all ASCII. */
bool utf8_check_slow(const uint8_t *data, size_t len);

/* Puts '?' for each byte of a terminated text that belongs to no well-formed character: where it
 * was cut within one, and where it never was UTF-8. */
void utf8_mend(char *text);

/* The same, and for each control character: what others wrote must not steer a terminal. */
void utf8_plain(char *text);

/* Not 0 where a byte is not ASCII. By words, the last one overlapping. */
static inline uint64_t utf8_not_ascii(const uint8_t *data, size_t len)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	uint64_t seen = 0;
	if (len >= 8) {
		for (size_t i = 0; i + 8 < len; i += 8)
			seen |= little_load64(data + i);
		return (seen | little_load64(data + len - 8)) & high;
	}
	if (len >= 4)
		return (little_load32(data) | little_load32(data + len - 4)) & high;
	for (size_t i = 0; i < len; i++)
		seen |= data[i];
	return seen & high;
}

static inline bool utf8_check(const uint8_t *data, size_t len)
{
	return utf8_not_ascii(data, len) == 0 || utf8_check_slow(data, len);
}

#endif
