#include "simulate/identity.h"

#include <string.h>

#include "base/bytes.h"
#include "base/phrase.h"
#include "base/timestamp.h"

/* 64 * 64 * 64 beginnings and 32 second words: more names than IDENTITY_COUNT_MAX. */
static const char *const syllables[64] = {
	"al", "an",  "ar", "as", "ba",	"be",  "bo",  "bre", "ca",  "ce",  "co",  "da", "del",
	"do", "du",  "el", "en", "er",	"fa",  "fel", "fi",  "ga",  "ge",  "gro", "ha", "hel",
	"hu", "in",  "is", "ja", "ka",	"kel", "ko",  "la",  "le",  "lin", "lo",  "ma", "mel",
	"mi", "mo",  "na", "ne", "no",	"or",  "os",  "pa",  "pel", "po",  "ra",  "ri", "ro",
	"sa", "sel", "so", "ta", "tel", "to",  "ul",  "va",  "vel", "vi",  "wa",  "zo",
};
static const char *const second_words[32] = {
	"technik", "logistik", "werke",	 "systeme", "handel",  "energie",  "bau",     "metall",
	"textil",  "medien",   "chemie", "food",    "print",   "mobil",	   "optik",   "papier",
	"glas",	   "labor",    "pumpen", "holz",    "service", "software", "robotik", "sensor",
	"trade",   "design",   "pharma", "agrar",   "marine",  "aero",	   "rail",    "cargo",
};
static const char *const first_names[16] = {
	"anna", "bruno", "clara", "david", "elena", "felix", "greta", "henri",
	"ines", "jonas", "katja", "luca",  "marie", "nils",  "olga",  "paul",
};
static const char *const last_names[16] = {
	"berg",	 "conti",  "dubois", "egger", "fischer", "graf",  "huber", "jansen",
	"kowal", "lehner", "moreau", "nowak", "peters",	 "rossi", "steyn", "vogel",
};

/* A number below 2^23 for each index below it, each once, far apart for neighbours. */
static uint32_t scatter(uint32_t index, uint64_t seed)
{
	return (uint32_t)((index * UINT64_C(5471377) + (seed % 1000003) * 7919) & 0x7fffff);
}

static void put_name(struct identity *identity, uint32_t scattered)
{
	const char *parts[] = { syllables[scattered & 63], syllables[scattered >> 6 & 63],
				syllables[scattered >> 12 & 63] };
	const char *second = second_words[scattered >> 18 & 31];
	struct phrase name = phrase_in(identity->name, sizeof identity->name);
	struct phrase domain = phrase_in(identity->domain, sizeof identity->domain);
	for (size_t i = 0; i < 3; i++) {
		phrase_text(&name, parts[i]);
		phrase_text(&domain, parts[i]);
		/* "la" + "na" and "lan" + "a" must stay two names */
		phrase_text(&domain, i < 2 ? "-" : "");
	}
	phrase_text(&name, " ");
	phrase_text(&name, second);
	phrase_text(&domain, "-");
	phrase_text(&domain, second);
	phrase_text(&domain, ".example");
	phrase_end(&name);
	phrase_end(&domain);
	identity->name[0] = (char)(identity->name[0] - 'a' + 'A');
}

static void put_number(char text[IDENTITY_TEXT_MAX], const char *before, int64_t number, int digits,
		       const char *after)
{
	struct phrase phrase = phrase_in(text, IDENTITY_TEXT_MAX);
	phrase_text(&phrase, before);
	phrase_int(&phrase, number, digits);
	phrase_text(&phrase, after);
	phrase_end(&phrase);
}

void identity_crm(uint32_t index, char text[IDENTITY_TEXT_MAX])
{
	put_number(text, "C-", index, 7, "");
}

static void links_draw(struct identity *identity, const struct identity_options *options,
		       struct prng *random)
{
	for (int i = 0; i < SYSTEM_COUNT; i++)
		identity->is_linked[i] = !prng_chance(random, options->unlinked);
	identity->erp_knows_crm = prng_chance(random, 0.6);
	double u = prng_uniform(random);
	uint32_t other = prng_below(random, options->count);
	identity->is_erp_mislinked = u < options->mislinked && other != identity->index &&
				     identity->is_linked[SYSTEM_ERP];
	identity->mislinked_to = other;
}

void identity_init(struct identity *identity, const struct identity_options *options,
		   const struct customer *customer, uint32_t index)
{
	enum { STREAM_IDENTITY = 1 << 8 };
	struct prng random = prng_new(options->seed, STREAM_IDENTITY + (uint64_t)index * 4 + 1);
	const struct region_facts *facts = &region_facts[customer->traits.region];
	uint32_t scattered = scatter(index, options->seed);
	*identity = (struct identity){ .index = index };
	put_name(identity, scattered);
	identity_crm(index, identity->crm);
	if (prng_chance(&random, 0.04))
		put_number(identity->crm_double, "C-", index, 7, "D");
	put_number(identity->erp, "", 70000000 + (int64_t)scattered, 8, "");
	put_number(identity->tax, facts->country, 100000000 + (int64_t)scattered * 7, 9, "");
	put_number(identity->phone, facts->phone, 20000000 + (int64_t)scattered, 8, "");
	put_number(identity->cookie, "ck", (int64_t)scattered * 977 + 31, 10, "");
	put_number(identity->product, "P", index, 7, "");
	links_draw(identity, options, &random);
	if (options->has_skew && prng_chance(&random, 0.03))
		identity->skew_ms = prng_between(&random, -2 * MS_PER_HOUR, 8 * MS_PER_MINUTE);
}

void identity_mail(const struct identity *identity, int contact, bool untidy,
		   char mail[IDENTITY_MAIL_MAX])
{
	uint32_t person = identity->index * 5 + (uint32_t)contact * 7;
	struct phrase phrase = phrase_in(mail, IDENTITY_MAIL_MAX);
	phrase_text(&phrase, first_names[person % 16]);
	phrase_text(&phrase, ".");
	phrase_text(&phrase, last_names[(person / 16 + (uint32_t)contact) % 16]);
	phrase_int(&phrase, contact + 1, 1);
	/* what no system links must not be told by its domain either */
	if (!identity->is_linked[SYSTEM_MAILS])
		phrase_int(&phrase, identity->index, 8);
	phrase_text(&phrase, "@");
	phrase_text(&phrase, identity->is_linked[SYSTEM_MAILS] ? identity->domain : "mail.example");
	phrase_end(&phrase);
	if (!untidy)
		return;
	for (char *at = mail; *at != '\0'; at++)
		if (*at >= 'a' && *at <= 'z' && (at == mail || at[-1] == '.' || at[-1] == '@'))
			*at = (char)(*at - 'a' + 'A');
}

void identity_vehicle(const struct identity *identity, int vehicle, char text[IDENTITY_TEXT_MAX])
{
	put_number(text, "VH", (int64_t)identity->index * 10 + vehicle, 9, "");
}

void identity_device(const struct identity *identity, int device, char text[IDENTITY_TEXT_MAX])
{
	put_number(text, "SN", (int64_t)identity->index * 10 + device, 8, "");
}
