#include "base/words.h"

#include <stdint.h>

#include "base/dmath.h"

/* What is shown ends there: beyond 2^63 a number would be shown otherwise on each machine. */
#define SHOWN_MAX 1e15

static int64_t rounded(double number)
{
	number = dm_clamp(number, -SHOWN_MAX, SHOWN_MAX);
	return (int64_t)(number < 0 ? number - 0.5 : number + 0.5);
}

void words_say(struct words *words, const char *en, const char *zh)
{
	phrase_text(&words->en, en);
	phrase_text(&words->zh, zh);
}

void words_number(struct words *words, double number)
{
	int64_t whole = rounded(number);
	phrase_int(&words->en, whole, 1);
	phrase_int(&words->zh, whole, 1);
}

void words_tenths(struct words *words, double number)
{
	if (number < 0)
		words_say(words, "-", "-");
	int64_t tenths = rounded((number < 0 ? -number : number) * 10);
	words_number(words, (double)(tenths / 10));
	words_say(words, ".", ".");
	words_number(words, (double)(tenths % 10));
}
