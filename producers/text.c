#include "producers/text.h"

#include "base/utf8.h"

static void latin1_to_utf8(struct bytes text, struct arena *arena, struct bytes *out)
{
	size_t high = 0;
	for (size_t i = 0; i < text.len; i++)
		high += text.data[i] >= 0x80;
	*out = text;
	if (high == 0)
		return;
	uint8_t *utf8 = arena_alloc(arena, text.len + high);
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c >= 0x80) {
			utf8[len++] = (uint8_t)(0xc0 | c >> 6);
			c = (uint8_t)(0x80 | (c & 0x3f));
		}
		utf8[len++] = c;
	}
	*out = bytes_of(utf8, len);
}

bool text_to_utf8(enum text_encoding encoding, struct bytes text, struct arena *arena,
		  struct bytes *out)
{
	*out = text;
	if (text.len == 0)
		return true;
	if (memchr(text.data, 0, text.len) != NULL)
		return false;
	if (encoding == TEXT_UTF8)
		return utf8_check(text.data, text.len);
	latin1_to_utf8(text, arena, out);
	return true;
}

const char *text_show(struct bytes text, char shown[TEXT_SHOWN_LEN + 1])
{
	size_t len = text.len <= TEXT_SHOWN_LEN ? text.len : TEXT_SHOWN_LEN - 3;
	for (size_t i = 0; i < len; i++)
		shown[i] = text.data[i] >= 0x20 && text.data[i] < 0x7f ? (char)text.data[i] : '?';
	if (len < text.len) {
		memcpy(shown + len, "...", 3);
		len += 3;
	}
	shown[len] = '\0';
	return shown;
}
