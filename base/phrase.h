/* Short texts from words and whole numbers, for where the C library's formatted printing would cost
 * more than all else that is done for a record. A text that does not fit is cut, between two
 * characters of UTF-8. Threads: pure. */
#ifndef BASE_PHRASE_H
#define BASE_PHRASE_H

#include "base/bytes.h"

struct phrase {
	char *start, *at, *end; /* end: where the terminator goes at the latest */
};

/* Begins a text in buffer[size], size > 0; the buffer is borrowed. */
static inline struct phrase phrase_in(char *buffer, size_t size)
{
	return (struct phrase){ buffer, buffer, buffer + size - 1 };
}

void phrase_bytes(struct phrase *phrase, struct bytes bytes);
void phrase_text(struct phrase *phrase, const char *text);

/* In decimal, with zeros in front up to `digits` digits. */
void phrase_int(struct phrase *phrase, int64_t value, int digits);

/* Terminates the text; its length without the terminator. */
size_t phrase_end(struct phrase *phrase);

#endif
