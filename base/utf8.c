#include "base/utf8.h"

/* How many bytes the well-formed character at data[0..len) has; 0 where there is none. Source: the
 * table of well-formed byte sequences in the Unicode Standard, chapter 3 (table 3-7). */
static size_t character_len(const uint8_t *data, size_t len)
{
	uint8_t lead = data[0];
	if (lead < 0x80)
		return 1;
	size_t want = lead >= 0xc2 && lead <= 0xdf   ? 2
		      : (lead & 0xf0) == 0xe0	     ? 3
		      : lead >= 0xf0 && lead <= 0xf4 ? 4
						     : 0;
	if (want == 0 || len < want)
		return 0;
	uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (data[1] < low || data[1] > high)
		return 0;
	for (size_t i = 2; i < want; i++)
		if ((data[i] & 0xc0) != 0x80)
			return 0;
	return want;
}

bool utf8_check_slow(const uint8_t *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t step = character_len(data + at, len - at);
		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

void utf8_mend(char *text)
{
	size_t len = strlen(text);
	if (utf8_not_ascii((const uint8_t *)text, len) == 0)
		return;
	for (size_t at = 0; at < len;) {
		size_t step = character_len((const uint8_t *)text + at, len - at);
		if (step == 0)
			text[at] = '?';
		at += step > 0 ? step : 1;
	}
}

void utf8_plain(char *text)
{
	utf8_mend(text);
	for (uint8_t *at = (uint8_t *)text; *at != '\0'; at++) {
		bool is_second_set = at[0] == 0xc2 && at[1] < 0xa0; /* U+0080 to U+009F */
		if (*at < 0x20 || *at == 0x7f || is_second_set)
			*at = '?';
		if (is_second_set)
			*++at = '?';
	}
}
