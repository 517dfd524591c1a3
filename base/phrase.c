#include "base/phrase.h"

enum { DIGITS_MAX = 20 };

void phrase_bytes(struct phrase *phrase, struct bytes bytes)
{
	struct bytes part = bytes_cut(bytes, (size_t)(phrase->end - phrase->at));
	if (part.len > 0)
		memcpy(phrase->at, part.data, part.len);
	phrase->at += part.len;
	if (part.len < bytes.len)
		phrase->end = phrase->at;
}

void phrase_text(struct phrase *phrase, const char *text)
{
	phrase_bytes(phrase, bytes_str(text));
}

void phrase_int(struct phrase *phrase, int64_t value, int digits)
{
	char reversed[DIGITS_MAX], text[1 + DIGITS_MAX];
	size_t count = 0, len = 0;
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	do {
		reversed[count++] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0 || ((int)count < digits && count < DIGITS_MAX));
	if (value < 0)
		text[len++] = '-';
	while (count > 0)
		text[len++] = reversed[--count];
	phrase_bytes(phrase, bytes_of(text, len));
}

size_t phrase_end(struct phrase *phrase)
{
	*phrase->at = '\0';
	return (size_t)(phrase->at - phrase->start);
}
