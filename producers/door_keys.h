/* Who may send what, and how much: the keys of a door, from a JSON file.
 *
 *   {"crm":  {"token": "..."},
 *    "shop": {"secret": "whsec_...", "topics": ["erp.events"], "events_per_second": 200}}
 *
 * A sender shows its token, or signs with its secret (producers/signature.h). Tokens are kept as
 * digests. Ownership: keys own their texts. Threads: one. */
#ifndef PRODUCERS_DOOR_KEYS_H
#define PRODUCERS_DOOR_KEYS_H

#include "producers/signature.h"

enum { DOOR_KEYS_MAX = 64, DOOR_KEY_NAME_MAX = 64, DOOR_KEY_TOPICS_MAX = 16, DOOR_TOKEN_MIN = 16 };

struct door_keys;
struct door_key;

/* New keys from a file, or from text (`name` stands for the file). Free with door_keys_free.
 * rate: events a second of a key that says none. Errors: FATAL DOOR_KEYS, with what is wrong. */
ERR_MUST_USE struct err *door_keys_load(const char *path, int64_t rate, struct door_keys **keys);
ERR_MUST_USE struct err *door_keys_parse(const char *name, struct bytes json, int64_t rate,
					 struct door_keys **keys);
/* One key without a name that everybody has: for a door on loopback. */
struct door_keys *door_keys_open(int64_t rate);
void door_keys_free(struct door_keys **keys); /* NULL-safe */

/* Whether the door asks for nothing. */
bool door_keys_are_open(const struct door_keys *keys);

/* The key that the header Authorization shows; NULL and *why, for the sender, where none. */
struct door_key *door_key_of_token(struct door_keys *keys, const char *authorization,
				   const char **why);

/* The key whose secret signed the request; NULL and *why where none did. */
struct door_key *door_key_of_signature(struct door_keys *keys, const struct signed_request *request,
				       int64_t now_s, const char **why);

bool door_key_may_write(const struct door_key *key, const char *topic);

/* Takes `events` out of the key's allowance (a second's worth is kept). Returns 0, or the ms after
 * which they would be there; then nothing is taken. More than a second's worth is let through when
 * the allowance is full, and then owed. */
int64_t door_key_take(struct door_key *key, size_t events, int64_t now_ms);

#endif
