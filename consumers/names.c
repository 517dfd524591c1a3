#include "consumers/names.h"

#include "base/check.h"

enum { PHONE_DIGITS_MIN = 7, PHONE_DIGITS_MAX = 15, TAX_MIN = 4, TAX_MAX = 17, LABEL_MAX = 63 };

/* Text on its way to a key: in place, always shorter than what came. */
struct draft {
	size_t len;
	uint8_t text[2 * KEY_LEN_MAX];
};

typedef const char *(*rule)(struct draft *draft); /* NULL: good, else what is expected */

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static uint8_t small(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static uint8_t large(uint8_t c)
{
	return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

static void make_small(struct draft *draft)
{
	for (size_t i = 0; i < draft->len; i++)
		draft->text[i] = small(draft->text[i]);
}

static void drop_front(struct draft *draft, size_t count)
{
	draft->len -= count;
	memmove(draft->text, draft->text + count, draft->len);
}

static bool begins(const struct draft *draft, const char *with)
{
	size_t len = strlen(with);
	return draft->len >= len && memcmp(draft->text, with, len) == 0;
}

static void drop_prefix(struct draft *draft, const char *prefix)
{
	if (begins(draft, prefix))
		drop_front(draft, strlen(prefix));
}

static const char *plain_rule(struct draft *draft)
{
	for (size_t i = 0; i < draft->len; i++)
		if (draft->text[i] < 0x20)
			return "no control characters";
	return NULL;
}

/* ---- domains and mail addresses ---- */

/* Letters (of any script), digits, inner hyphens; at least two labels. */
static bool is_host(struct bytes host)
{
	size_t label = 0, dots = 0;
	for (size_t i = 0; i < host.len; i++) {
		uint8_t c = host.data[i];
		bool edge = label == 0 || i + 1 == host.len || host.data[i + 1] == '.';
		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			dots++;
			continue;
		}
		bool usual = is_letter(c) || is_digit(c) || c >= 0x80;
		if (!usual && (c != '-' || edge))
			return false;
		if (++label > LABEL_MAX)
			return false;
	}
	return dots > 0 && label > 0;
}

/* Providers of mail to everybody: having an address there links nobody to anybody. The largest
 * ones, by their own names; a domain that is missing here only makes a link that shows as one. */
static bool is_public(struct bytes domain)
{
	static const char *const known[] = {
		"gmail.com",   "googlemail.com", "outlook.com",	   "hotmail.com", "live.com",
		"msn.com",     "yahoo.com",	 "ymail.com",	   "icloud.com",  "me.com",
		"aol.com",     "gmx.de",	 "gmx.net",	   "gmx.com",	  "web.de",
		"t-online.de", "freenet.de",	 "mail.com",	   "proton.me",	  "protonmail.com",
		"orange.fr",   "free.fr",	 "wanadoo.fr",	   "laposte.net", "libero.it",
		"wp.pl",       "o2.pl",		 "onet.pl",	   "seznam.cz",	  "ziggo.nl",
		"kpnmail.nl",  "bluewin.ch",	 "btinternet.com", "comcast.net", "qq.com",
		"163.com",     "yandex.ru",	 "mail.ru",	   "zoho.com",	  "fastmail.com",
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (bytes_equal(domain, bytes_str(known[i])))
			return true;
	return false;
}

static const char *domain_rule(struct draft *draft)
{
	make_small(draft);
	drop_prefix(draft, "https://");
	drop_prefix(draft, "http://");
	drop_prefix(draft, "www.");
	for (size_t i = 0; i < draft->len; i++)
		if (draft->text[i] == '/' || draft->text[i] == ':' || draft->text[i] == '?')
			draft->len = i;
	if (draft->len > 0 && draft->text[draft->len - 1] == '.')
		draft->len--;
	struct bytes domain = bytes_of(draft->text, draft->len);
	if (!is_host(domain))
		return "a domain such as gtx.example";
	return is_public(domain) ? "a company's own domain, not a mail provider's" : NULL;
}

static const char *email_rule(struct draft *draft)
{
	static const char expected[] = "a mail address such as anna@gtx.example";
	make_small(draft);
	drop_prefix(draft, "mailto:");
	if (draft->len > 0 && draft->text[draft->len - 1] == '.')
		draft->len--;
	size_t at = draft->len;
	for (size_t i = 0; i < draft->len; i++) {
		if (draft->text[i] <= ' ')
			return expected;
		if (draft->text[i] == '@' && at != draft->len)
			return expected;
		if (draft->text[i] == '@')
			at = i;
	}
	if (at == 0 || at == draft->len)
		return expected;
	return is_host(bytes_of(draft->text + at + 1, draft->len - at - 1)) ? NULL : expected;
}

/* ---- numbers ---- */

/* What people put between digits; "(0)" is the trunk prefix, which is not dialled from abroad. */
static const char *phone_rule(struct draft *draft)
{
	static const char expected[] =
		"a phone number with its country's code, such as +4989123456";
	size_t len = 0;
	bool international = false;
	for (size_t i = 0; i < draft->len; i++) {
		uint8_t c = draft->text[i];
		if (c == '+' && len == 0 && !international) {
			international = true;
		} else if (is_digit(c)) {
			draft->text[len++] = c;
		} else if (c == '(' && i + 2 < draft->len && draft->text[i + 1] == '0' &&
			   draft->text[i + 2] == ')') {
			i += 2;
		} else if (strchr(" -./()", c) == NULL || c == '\0') {
			return expected;
		}
	}
	draft->len = len;
	if (!international && begins(draft, "00")) {
		drop_front(draft, 2);
		international = true;
	}
	if (!international || draft->len < PHONE_DIGITS_MIN || draft->len > PHONE_DIGITS_MAX ||
	    draft->text[0] == '0')
		return expected;
	memmove(draft->text + 1, draft->text, draft->len++);
	draft->text[0] = '+';
	return NULL;
}

static const char *tax_rule(struct draft *draft)
{
	static const char expected[] = "a tax number with its country's two letters, such as "
				       "DE123456789";
	size_t len = 0;
	for (size_t i = 0; i < draft->len; i++) {
		uint8_t c = draft->text[i];
		if (is_letter(c) || is_digit(c))
			draft->text[len++] = large(c);
		else if (strchr(" -./_*+", c) == NULL || c == '\0')
			return expected;
	}
	draft->len = len;
	if (len < TAX_MIN || len > TAX_MAX || !is_letter(draft->text[0]) ||
	    !is_letter(draft->text[1]))
		return expected;
	if (begins(draft, "GR"))
		memcpy(draft->text, "EL", 2);
	return NULL;
}

/* ---- schemes ---- */

/* In their order: each leads to those above it. */
static const struct scheme {
	const char *name;
	rule normalise;
	bool joins, is_customer, is_place;
} schemes[] = {
	{ "crm.account", plain_rule, true, true, false },
	{ "tax_id", tax_rule, true, true, false },
	{ "erp.customer", plain_rule, false, true, false },
	{ "domain", domain_rule, false, false, false },
	{ "email", email_rule, false, false, false },
	{ "phone", phone_rule, false, false, false },
	{ "crm.contact", plain_rule, false, false, false },
	{ "product.account", plain_rule, false, false, false },
	{ "iot.device", plain_rule, false, false, false },
	{ "cookie", plain_rule, false, false, false },
	{ "region", plain_rule, false, false, true },
	{ "site", plain_rule, false, false, true },
};

enum { SCHEME_COUNT = sizeof schemes / sizeof schemes[0], SCHEME_ACCOUNT = 0 };

int name_scheme_find(struct bytes scheme)
{
	for (int i = 0; i < SCHEME_COUNT; i++)
		if (bytes_equal(scheme, bytes_str(schemes[i].name)))
			return i;
	return -1;
}

int name_scheme_of(struct bytes key)
{
	if (key.len > 0 && key.data[0] == '~')
		return -1;
	const uint8_t *colon = key.len > 0 ? memchr(key.data, ':', key.len) : NULL;
	if (colon == NULL)
		return SCHEME_ACCOUNT;
	int found = name_scheme_find(bytes_of(key.data, (size_t)(colon - key.data)));
	return found < 0 ? SCHEME_ACCOUNT : found;
}

static struct bytes trim(struct bytes text)
{
	while (text.len > 0 && text.data[0] <= ' ') {
		text.data++;
		text.len--;
	}
	while (text.len > 0 && text.data[text.len - 1] <= ' ')
		text.len--;
	return text;
}

static struct err *unusable(struct bytes scheme, const char *expected)
{
	return err_new(ERR_POISON, "NAME_UNUSABLE",
		       "an identifier of scheme %.*s is not usable: "
		       "expected is %s",
		       (int)(scheme.len < EVENT_TYPE_MAX ? scheme.len : EVENT_TYPE_MAX),
		       scheme.len > 0 ? (const char *)scheme.data : "", expected);
}

static void append(struct name_key *key, struct bytes text)
{
	memcpy(key->text + key->len, text.data, text.len);
	key->len += text.len;
}

struct err *name_key_make(struct bytes scheme, struct bytes value, struct name_key *key)
{
	int found = scheme.len == 0 ? SCHEME_ACCOUNT : name_scheme_find(scheme);
	struct draft draft;
	value = trim(value);
	if (value.len == 0 || value.len > KEY_LEN_MAX)
		return unusable(scheme, "1 to 128 bytes of text");
	draft.len = value.len;
	memcpy(draft.text, value.data, value.len);
	const char *expected = (found < 0 ? plain_rule : schemes[found].normalise)(&draft);
	if (expected != NULL)
		return unusable(scheme, expected);
	bool bare = found == SCHEME_ACCOUNT;
	struct bytes text = bytes_of(draft.text, draft.len);
	if (bare && name_scheme_of(text) > SCHEME_ACCOUNT)
		return unusable(scheme, "a value that doesn't begin like a name of another scheme "
					"(site:, email:), or subject_scheme");
	size_t before = bare ? 0 : scheme.len + 1 + (found < 0);
	size_t most = bare ? KEY_LEN_MAX : NAME_KEY_MAX;
	if (scheme.len > EVENT_TYPE_MAX || before + draft.len > most)
		return unusable(scheme, "scheme and value of up to 118 bytes together");
	key->len = 0;
	if (found < 0)
		append(key, bytes_str("~"));
	if (!bare) {
		append(key, scheme);
		append(key, bytes_str(":"));
	}
	append(key, text);
	return NULL;
}

void name_key_split(struct bytes key, struct bytes *scheme, struct bytes *value)
{
	*scheme = bytes_of(NULL, 0);
	*value = key;
	if (name_scheme_of(key) == SCHEME_ACCOUNT)
		return;
	size_t from = key.data[0] == '~';
	const uint8_t *colon = memchr(key.data, ':', key.len);
	if (colon == NULL)
		return;
	size_t at = (size_t)(colon - key.data);
	*scheme = bytes_of(key.data + from, at - from);
	*value = bytes_of(colon + 1, key.len - at - 1);
}

int name_rank(struct bytes key)
{
	int scheme = name_scheme_of(key);
	return scheme < 0 ? SCHEME_COUNT : scheme;
}

int name_compare(struct bytes a, struct bytes b)
{
	int order = name_rank(a) - name_rank(b);
	return order != 0 ? order : bytes_compare(a, b);
}

bool name_joins(struct bytes key)
{
	int scheme = name_scheme_of(key);
	return scheme >= 0 && schemes[scheme].joins;
}

bool name_is_customer(struct bytes key)
{
	int scheme = name_scheme_of(key);
	return scheme >= 0 && schemes[scheme].is_customer;
}

bool name_is_place(struct bytes key)
{
	int scheme = name_scheme_of(key);
	return scheme >= 0 && schemes[scheme].is_place;
}
