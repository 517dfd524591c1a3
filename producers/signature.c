#include "producers/signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"

enum { MAC_LEN = 32, MAC_TEXT_LEN = 44, SIGNATURES_MAX = 8, SECRET_MIN = 16, ID_MAX = 256 };

/* Base64 with its padding into out; -1 where it is none. */
static int decode(const char *text, size_t len, uint8_t *out, size_t out_max)
{
	size_t padding = 0;
	if (len == 0 || len % 4 != 0 || len / 4 * 3 > out_max)
		return -1;
	while (padding < 2 && text[len - 1 - padding] == '=')
		padding++;
	int count = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
	return count < 0 ? -1 : count - (int)padding;
}

bool signature_secret(const char *text, uint8_t secret[SIGNATURE_SECRET_MAX], size_t *len)
{
	static const char prefix[] = "whsec_";
	size_t text_len = strlen(text);
	if (strncmp(text, prefix, sizeof prefix - 1) == 0) {
		int count = decode(text + sizeof prefix - 1, text_len - (sizeof prefix - 1), secret,
				   SIGNATURE_SECRET_MAX);
		*len = count < 0 ? 0 : (size_t)count;
	} else {
		*len = text_len <= SIGNATURE_SECRET_MAX ? text_len : 0;
		memcpy(secret, text, *len);
	}
	return *len >= SECRET_MIN;
}

static bool parse_seconds(const char *text, int64_t *seconds)
{
	size_t len = strlen(text);
	if (len == 0 || len > 12 || strspn(text, "0123456789") != len)
		return false;
	*seconds = strtoll(text, NULL, 10);
	return true;
}

static void sign(struct bytes secret, const struct signed_request *request,
		 char text[MAC_TEXT_LEN + 1])
{
	uint8_t mac[MAC_LEN];
	size_t mac_len = sizeof mac;
	char head[ID_MAX + 32];
	int head_len = snprintf(head, sizeof head, "%s.%s.", request->id, request->timestamp);
	EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(algorithm);
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", digest, 0),
				      OSSL_PARAM_construct_end() };
	CHECK(context != NULL && EVP_MAC_init(context, secret.data, secret.len, params) == 1);
	CHECK(EVP_MAC_update(context, (const uint8_t *)head, (size_t)head_len) == 1);
	CHECK(request->body.len == 0 ||
	      EVP_MAC_update(context, request->body.data, request->body.len) == 1);
	CHECK(EVP_MAC_final(context, mac, &mac_len, sizeof mac) == 1 && mac_len == MAC_LEN);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(algorithm);
	CHECK(EVP_EncodeBlock((unsigned char *)text, mac, MAC_LEN) == MAC_TEXT_LEN);
}

static bool any_matches(const char *list, const char *expected)
{
	bool found = false;
	for (int i = 0; i < SIGNATURES_MAX && *list != '\0'; i++) {
		size_t len = strcspn(list, " ");
		if (len == MAC_TEXT_LEN + 3 && memcmp(list, "v1,", 3) == 0)
			found |= CRYPTO_memcmp(list + 3, expected, MAC_TEXT_LEN) == 0;
		list += len;
		list += strspn(list, " ");
	}
	return found;
}

const char *signature_check(struct bytes secret, const struct signed_request *request,
			    int64_t now_s)
{
	int64_t at_s = 0;
	char expected[MAC_TEXT_LEN + 1];
	if (request->id == NULL || request->timestamp == NULL || request->signatures == NULL)
		return "the headers webhook-id, webhook-timestamp and webhook-signature are needed";
	if (strlen(request->id) > ID_MAX)
		return "webhook-id is longer than 256 bytes";
	if (!parse_seconds(request->timestamp, &at_s))
		return "webhook-timestamp is not a number of seconds since 1970";
	if (at_s < now_s - SIGNATURE_WINDOW_S || at_s > now_s + SIGNATURE_WINDOW_S)
		return "webhook-timestamp is more than five minutes from now";
	sign(secret, request, expected);
	return any_matches(request->signatures, expected)
		       ? NULL
		       : "no signature in webhook-signature fits the body and the key";
}

void signature_token_hash(struct bytes token, char hex[65])
{
	_Static_assert(HASH_SHA256_HEX_LEN == 64, "the size of hex");
	hash_sha256_hex(token, hex);
}

bool signature_equal(const char *hex, const char *other_hex)
{
	return CRYPTO_memcmp(hex, other_hex, HASH_SHA256_HEX_LEN) == 0;
}
