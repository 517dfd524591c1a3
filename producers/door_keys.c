#include "producers/door_keys.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/check.h"
#include "base/file_text.h"
#include "base/limits.h"

enum { FILE_LEN_MAX = 256 * 1024, RATE_MAX = 10000000 };

struct door_key {
	char name[DOOR_KEY_NAME_MAX + 1];
	bool has_token;
	char token_hash[65];
	size_t secret_len; /* 0: none */
	uint8_t secret[SIGNATURE_SECRET_MAX];
	size_t topic_count; /* 0: all */
	char topics[DOOR_KEY_TOPICS_MAX][TOPIC_NAME_MAX + 1];
	int64_t rate;	    /* events a second */
	double left;	    /* of the allowance; negative: owed */
	int64_t counted_ms; /* when `left` was counted; 0: never */
};

struct door_keys {
	bool open;
	size_t count;
	struct door_key keys[DOOR_KEYS_MAX];
};

static struct err *invalid(const char *file, const char *name, const char *what)
{
	return err_new(ERR_FATAL, "DOOR_KEYS", "%s: key \"%.64s\": %s", file, name, what);
}

static struct err *read_topics(const char *file, const json_t *list, struct door_key *key)
{
	size_t i;
	json_t *item;
	if (list == NULL)
		return NULL;
	if (!json_is_array(list) || json_array_size(list) == 0 ||
	    json_array_size(list) > DOOR_KEY_TOPICS_MAX)
		return invalid(file, key->name,
			       "expected \"topics\" to be a list of 1 to 16 names");
	json_array_foreach((json_t *)list, i, item) {
		const char *name = json_string_value(item);
		if (name == NULL || *name == '\0' || strlen(name) > TOPIC_NAME_MAX)
			return invalid(file, key->name, "expected names of topics in \"topics\"");
		snprintf(key->topics[key->topic_count++], TOPIC_NAME_MAX + 1, "%s", name);
	}
	return NULL;
}

static struct err *read_key(const char *file, const char *name, const json_t *json,
			    struct door_key *key)
{
	static const char *const known[] = { "token", "secret", "topics", "events_per_second" };
	const char *field;
	json_t *value;
	if (*name == '\0' || strlen(name) > DOOR_KEY_NAME_MAX)
		return invalid(file, name, "expected a name of 1 to 64 bytes");
	snprintf(key->name, sizeof key->name, "%s", name);
	if (!json_is_object(json))
		return invalid(file, name, "expected an object with \"token\" or \"secret\"");
	json_object_foreach((json_t *)json, field, value) {
		bool found = false;
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
			found = found || strcmp(field, known[i]) == 0;
		if (!found)
			return invalid(file, name,
				       "there are \"token\", \"secret\", \"topics\" and "
				       "\"events_per_second\", and nothing else");
	}
	const char *token = json_string_value(json_object_get(json, "token"));
	const char *secret = json_string_value(json_object_get(json, "secret"));
	const json_t *rate = json_object_get(json, "events_per_second");
	if ((token == NULL) == (secret == NULL))
		return invalid(file, name, "expected either \"token\" or \"secret\"");
	if (token != NULL && strlen(token) < DOOR_TOKEN_MIN)
		return invalid(file, name, "expected a token of at least 16 characters");
	if (secret != NULL && !signature_secret(secret, key->secret, &key->secret_len))
		return invalid(file, name, "expected a secret of 16 to 256 bytes, or whsec_BASE64");
	key->has_token = token != NULL;
	if (token != NULL)
		signature_token_hash(bytes_str(token), key->token_hash);
	if (rate != NULL && (!json_is_integer(rate) || json_integer_value(rate) < 1 ||
			     json_integer_value(rate) > RATE_MAX))
		return invalid(file, name, "expected events_per_second from 1 to 10000000");
	if (rate != NULL)
		key->rate = json_integer_value(rate);
	return read_topics(file, json_object_get(json, "topics"), key);
}

struct err *door_keys_parse(const char *file, struct bytes text, int64_t rate,
			    struct door_keys **out)
{
	json_error_t error;
	const char *name;
	json_t *value;
	struct err *err = NULL;
	*out = NULL;
	json_t *json =
		json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL)
		return err_new(ERR_FATAL, "DOOR_KEYS", "%s: line %d, column %d: not JSON: %s", file,
			       error.line, error.column, error.text);
	if (!json_is_object(json) || json_object_size(json) == 0 ||
	    json_object_size(json) > DOOR_KEYS_MAX) {
		json_decref(json);
		return err_new(ERR_FATAL, "DOOR_KEYS", "%s: expected an object of 1 to %d keys",
			       file, DOOR_KEYS_MAX);
	}
	struct door_keys *keys = check_calloc(1, sizeof *keys);
	json_object_foreach(json, name, value) {
		keys->keys[keys->count].rate = rate;
		if (err == NULL)
			err = read_key(file, name, value, &keys->keys[keys->count++]);
	}
	json_decref(json);
	if (err != NULL)
		door_keys_free(&keys);
	*out = keys;
	return err;
}

struct err *door_keys_load(const char *path, int64_t rate, struct door_keys **keys)
{
	char *text = NULL;
	size_t len = 0;
	struct err *err = file_text_read(path, FILE_LEN_MAX, "DOOR_KEYS", &text, &len);
	if (err == NULL)
		err = door_keys_parse(path, bytes_of(text, len), rate, keys);
	free(text);
	return err;
}

struct door_keys *door_keys_open(int64_t rate)
{
	struct door_keys *keys = check_calloc(1, sizeof *keys);
	keys->open = true;
	keys->count = 1;
	keys->keys[0].rate = rate;
	return keys;
}

void door_keys_free(struct door_keys **keys)
{
	free(*keys);
	*keys = NULL;
}

bool door_keys_are_open(const struct door_keys *keys)
{
	return keys->open;
}

struct door_key *door_key_of_token(struct door_keys *keys, const char *authorization,
				   const char **why)
{
	char hash[65];
	struct door_key *found = NULL;
	if (keys->open)
		return &keys->keys[0];
	*why = "a token (Authorization: Bearer ...) or a signature is needed";
	if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
		return NULL;
	signature_token_hash(bytes_str(authorization + 7), hash);
	for (size_t i = 0; i < keys->count; i++)
		if (keys->keys[i].has_token && signature_equal(hash, keys->keys[i].token_hash))
			found = &keys->keys[i];
	*why = "nobody here has this token";
	return found;
}

struct door_key *door_key_of_signature(struct door_keys *keys, const struct signed_request *request,
				       int64_t now_s, const char **why)
{
	struct door_key *found = NULL;
	*why = "nobody here signs requests";
	for (size_t i = 0; i < keys->count && found == NULL; i++) {
		struct door_key *key = &keys->keys[i];
		if (key->secret_len == 0)
			continue;
		*why = signature_check(bytes_of(key->secret, key->secret_len), request, now_s);
		if (*why == NULL)
			found = key;
	}
	return found;
}

bool door_key_may_write(const struct door_key *key, const char *topic)
{
	for (size_t i = 0; i < key->topic_count; i++)
		if (strcmp(key->topics[i], topic) == 0)
			return true;
	return key->topic_count == 0;
}

int64_t door_key_take(struct door_key *key, size_t events, int64_t now_ms)
{
	double rate = (double)key->rate, needed = (double)events;
	if (key->counted_ms == 0)
		key->left = rate;
	else
		key->left += (double)(now_ms - key->counted_ms) * rate / 1000;
	key->counted_ms = now_ms;
	if (key->left > rate)
		key->left = rate;
	double asked = needed < rate ? needed : rate;
	if (key->left < asked)
		return (int64_t)((asked - key->left) * 1000 / rate) + 1;
	key->left -= needed;
	return 0;
}
