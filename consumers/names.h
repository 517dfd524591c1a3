/* Names of customers: a scheme and a value become one key, the same for every way of writing it.
 *
 * A key is "email:anna@gtx.example"; of crm.account, and of a subject without a scheme, it is the
 * value alone: such a name is an account of its own, and doesn't begin like a name of another
 * scheme, or a "site:Bergen" would be taken for the place. Of a scheme that is not in the table it
 * is "~scheme:value".
 *
 *   email    trimmed, "mailto:" off, ASCII letters small; one "@", a domain behind it. What comes
 *            before the "@" is otherwise kept: RFC 5321 leaves it to the receiving host.
 *   domain   scheme, "www.", port, path and last dot off, letters small; letters, digits and
 *            hyphens (RFC 1123, section 2.1). One that anybody may have an address at is no name.
 *   phone    E.164: "+" and 7 to 15 digits. "00" is "+", "(0)" goes; without a country's code the
 *            number is no name, since it means another line in each country.
 *   tax_id   letters large, all but letters and digits off, two letters of the country in front
 *            (Council Directive 2006/112/EC, article 215; "GR" is "EL").
 *   others   trimmed, no control characters.
 *
 * Names have an order, which tells who leads to whom: first by the table's order of schemes, then
 * by bytes. Threads: pure. Ownership: plain data. */
#ifndef CONSUMERS_NAMES_H
#define CONSUMERS_NAMES_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

struct name_key {
	size_t len;
	uint8_t text[KEY_LEN_MAX];
};

static inline struct bytes name_bytes(const struct name_key *key)
{
	return bytes_of(key->text, key->len);
}

/* The key of `value` under `scheme` (absent: none). Errors: POISON NAME_UNUSABLE, which says what
 * is expected. */
ERR_MUST_USE struct err *name_key_make(struct bytes scheme, struct bytes value,
				       struct name_key *key);

/* The scheme and value that a key is made of, as an event names them; the scheme of an account's is
 * absent. Both borrow. */
void name_key_split(struct bytes key, struct bytes *scheme, struct bytes *value);

/* Of a key: its rank in the order of schemes, 0 for accounts. */
int name_rank(struct bytes key);

/* Order of two keys: < 0 where a comes first. The later one leads to the earlier one. */
int name_compare(struct bytes a, struct bytes b);

/* Whether two names that share this one are the same customer: true of accounts and tax numbers
 * alone. A device may be sold, a switchboard shared. */
bool name_joins(struct bytes key);

/* Whether the key is of a kind that stands for a customer (CRM, tax, ERP), so that two of them with
 * one mail address are worth a look. */
bool name_is_customer(struct bytes key);

/* Whether the key belongs to no customer (region, site): such a name is an account of its own. */
bool name_is_place(struct bytes key);

/* The index of a scheme in the table, for sets of schemes; -1: not in it. */
int name_scheme_find(struct bytes scheme);
int name_scheme_of(struct bytes key); /* 0: accounts; -1: not in the table */

#endif
