/* What a stranger sends to be let in: lines of headers (Authorization, webhook-id,
 * webhook-timestamp, webhook-signature), then a body; and the keys' own file.
 *
 * Held: nobody gets in without the token or a fitting signature. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "producers/door_keys.h"

enum { LEN_MAX = 16 * 1024, FIELDS = 4 };

static const char keys_text[] = "{\"a\":{\"token\":\"0123456789abcdef\"},"
				"\"b\":{\"secret\":\"whsec_c2VjcmV0IG9mIHNvbWUgbGVuZ3Ro\"}}";

static void fuzz_keys(const uint8_t *data, size_t len)
{
	struct door_keys *keys = NULL;
	struct err *err = door_keys_parse("keys.json", bytes_of(data, len), 100, &keys);
	CHECK((err == NULL) == (keys != NULL));
	err_free(&err);
	door_keys_free(&keys);
}

static void fuzz_request(char *text, size_t len)
{
	const char *fields[FIELDS], *why = NULL;
	char *at = text;
	struct door_keys *keys = NULL;
	for (int i = 0; i < FIELDS; i++) {
		fields[i] = *at == '-' ? NULL : at;
		char *end = at + strcspn(at, "\n");
		at = *end == '\0' ? end : end + 1;
		*end = '\0';
	}
	const struct signed_request request = { fields[1], fields[2], fields[3],
						bytes_of(at, len - (size_t)(at - text)) };
	CHECK(door_keys_parse("keys.json", bytes_str(keys_text), 100, &keys) == NULL);
	const struct door_key *key = door_key_of_token(keys, fields[0], &why);
	CHECK(key != NULL || why != NULL);
	CHECK(key == NULL || strcmp(fields[0] + strlen("Bearer "), "0123456789abcdef") == 0);
	key = door_key_of_signature(keys, &request, 1717149600, &why);
	CHECK(key != NULL || why != NULL);
	/* a stranger doesn't guess 256 bits; the one who could is in the corpus */
	CHECK(key == NULL || (fields[2] != NULL && strcmp(fields[2], "1717149500") == 0));
	door_keys_free(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0 || len > LEN_MAX)
		return 0;
	if (data[0] == 'k') {
		fuzz_keys(data + 1, len - 1);
		return 0;
	}
	char *text = check_calloc(len + 1, 1);
	memcpy(text, data + 1, len - 1);
	fuzz_request(text, len - 1);
	free(text);
	return 0;
}
