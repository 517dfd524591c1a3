#include "consumers/company.h"

#include <stdbool.h>

enum { WORDS_MAX = 16, WORD_MAX = 32 };

struct word {
	size_t len;
	uint8_t text[WORD_MAX];
};

struct words {
	size_t count;
	struct word words[WORDS_MAX];
};

/* U+00C0 to U+017F without their accents, "?" where a letter is none of these; U+00DF is "ss". */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo?ouuuuytsaaaaaaaceeeeiiiidnooooo?ouuuuyty"
			    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiijjjjkk"
			    "kllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyz"
			    "zzzzzs";

static void put(struct words *words, uint8_t c)
{
	struct word *word = &words->words[words->count - 1];
	if (word->len < WORD_MAX)
		word->text[word->len++] = c;
}

/* U+2000 to U+207F, general punctuation (dashes, quotes, spaces), and U+3000 to U+3003, the CJK
 * space, comma and full stop. */
static bool is_mark(uint8_t first, struct bytes name, size_t at)
{
	if (at + 1 >= name.len)
		return false;
	return (first == 0xe2 && (name.data[at] & 0xfe) == 0x80) ||
	       (first == 0xe3 && name.data[at] == 0x80 && name.data[at + 1] <= 0x83);
}

/* The next character of UTF-8 as small Latin without accents; 0: something between words. Bytes of
 * other scripts are handed on one by one. */
static uint8_t next(struct bytes name, size_t *at, bool *twice)
{
	uint8_t c = name.data[(*at)++];
	*twice = false;
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c - 'A' + 'a');
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		return c;
	if (c < 0x80)
		return 0;
	if (c == 0xc2) { /* signs of two bytes: a no-break space, a registered trade mark */
		*at += *at < name.len;
		return 0;
	}
	if (is_mark(c, name, *at)) {
		*at += 2;
		return 0;
	}
	if (c < 0xc3 || c > 0xc5 || *at == name.len)
		return c;
	unsigned point = (c & 0x1fu) << 6 | (name.data[*at] & 0x3fu);
	(*at)++;
	*twice = point == 0xdf;
	uint8_t plain = (uint8_t)latin[point - 0xc0];
	return plain == '?' ? 0 : plain;
}

/* Single letters in a row are one word: "S. A." is "sa". */
static void split(struct bytes name, struct words *words)
{
	bool open = false, twice;
	words->count = 0;
	for (size_t i = 0; i < name.len;) {
		uint8_t c = next(name, &i, &twice);
		if (c == 0 || c == ' ') {
			open = false;
			continue;
		}
		if (!open && words->count == WORDS_MAX)
			return;
		if (!open)
			words->words[words->count++].len = 0;
		open = true;
		put(words, c);
		if (twice)
			put(words, c);
	}
}

static void join_letters(struct words *words)
{
	size_t count = 0;
	bool letters = false;
	for (size_t i = 0; i < words->count; i++) {
		bool single = words->words[i].len == 1;
		if (single && letters && words->words[count - 1].len < WORD_MAX)
			words->words[count - 1].text[words->words[count - 1].len++] =
				words->words[i].text[0];
		else
			words->words[count++] = words->words[i];
		letters = single;
	}
	words->count = count;
}

static bool is_form(const struct word *word)
{
	static const char *const forms[] = {
		"gmbh", "ggmbh",       "mbh",
		"ag",	"kg",	       "kgaa",
		"ohg",	"ug",	       "ev",
		"eg",	"se",	       "sa",
		"sas",	"sarl",	       "sasu",
		"eurl", "srl",	       "spa",
		"sl",	"slu",	       "sau",
		"bv",	"nv",	       "vof",
		"bvba", "ltd",	       "limited",
		"llc",	"llp",	       "lp",
		"plc",	"inc",	       "incorporated",
		"corp", "corporation", "company",
		"co",	"oy",	       "oyj",
		"ab",	"as",	       "asa",
		"aps",	"kft",	       "zrt",
		"nyrt", "doo",	       "dd",
		"sro",	"spzoo",       "zoo",
		"sp",	"pty",	       "pte",
		"pvt",	"kk",	       "haftungsbeschrankt",
	};
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (bytes_equal(bytes_of(word->text, word->len), bytes_str(forms[i])))
			return true;
	return false;
}

size_t company_squeeze(struct bytes name, uint8_t text[COMPANY_TEXT_MAX])
{
	struct words words;
	split(name, &words);
	join_letters(&words);
	while (words.count > 1 && is_form(&words.words[words.count - 1]))
		words.count--;
	size_t len = 0;
	for (size_t i = 0; i < words.count; i++)
		for (size_t k = 0; k < words.words[i].len && len < COMPANY_TEXT_MAX; k++)
			text[len++] = words.words[i].text[k];
	return len;
}

/* Letters of a that b has near the same place, in b's order; each of b's counts once. */
static size_t match(struct bytes a, struct bytes b, size_t reach, bool of_a[COMPANY_TEXT_MAX],
		    bool of_b[COMPANY_TEXT_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < a.len; i++) {
		size_t from = i > reach ? i - reach : 0;
		size_t until = i + reach + 1 < b.len ? i + reach + 1 : b.len;
		for (size_t k = from; k < until && !of_a[i]; k++) {
			if (of_b[k] || a.data[i] != b.data[k])
				continue;
			of_a[i] = of_b[k] = true;
			count++;
		}
	}
	return count;
}

double company_likeness(struct bytes a, struct bytes b)
{
	bool of_a[COMPANY_TEXT_MAX] = { false }, of_b[COMPANY_TEXT_MAX] = { false };
	if (a.len > COMPANY_TEXT_MAX || b.len > COMPANY_TEXT_MAX || a.len == 0 || b.len == 0)
		return 0;
	size_t longer = a.len > b.len ? a.len : b.len;
	size_t count = match(a, b, longer / 2 > 0 ? longer / 2 - 1 : 0, of_a, of_b);
	if (count == 0)
		return 0;
	size_t crossed = 0, k = 0;
	for (size_t i = 0; i < a.len; i++) {
		if (!of_a[i])
			continue;
		while (!of_b[k])
			k++;
		crossed += a.data[i] != b.data[k++];
	}
	double matched = (double)count;
	double jaro = (matched / (double)a.len + matched / (double)b.len +
		       (matched - (double)crossed / 2) / matched) /
		      3;
	size_t prefix = 0;
	while (prefix < 4 && prefix < a.len && prefix < b.len && a.data[prefix] == b.data[prefix])
		prefix++;
	return jaro + 0.1 * (double)prefix * (1 - jaro);
}
