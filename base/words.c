#include "base/words.h"

#include <stdint.h>

void words_say(struct words *words, const char *en, const char *zh)
{
	phrase_text(&words->en, en);
	phrase_text(&words->zh, zh);
}

void words_number(struct words *words, double number)
{
	int64_t whole = (int64_t)(number < 0 ? number - 0.5 : number + 0.5);
	phrase_int(&words->en, whole, 1);
	phrase_int(&words->zh, whole, 1);
}

void words_tenths(struct words *words, double number)
{
	if (number < 0)
		words_say(words, "-", "-");
	int64_t tenths = (int64_t)((number < 0 ? -number : number) * 10 + 0.5);
	words_number(words, (double)(tenths / 10));
	words_say(words, ".", ".");
	words_number(words, (double)(tenths % 10));
}
