#include "consumers/webhook_message.h"

#include <ctype.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"

enum { HMAC_LEN = 32, LINE_MAX_LEN = 128 };

static const char prefix[] = "whsec_";

/* Base64 of `len` characters into secret->bytes; false where it is none, or of a wrong length. */
static bool secret_decode(const char *text, size_t len, struct webhook_secret *secret)
{
	uint8_t decoded[LINE_MAX_LEN];
	if (len == 0 || len % 4 != 0 || len / 4 * 3 > sizeof decoded)
		return false;
	int got = EVP_DecodeBlock(decoded, (const unsigned char *)text, (int)len);
	if (got < 0)
		return false;
	/* It counts what the padding stands for. */
	size_t size = (size_t)got - (text[len - 1] == '=') - (text[len - 2] == '=');
	if (size < WEBHOOK_SECRET_BYTES_MIN || size > WEBHOOK_SECRET_BYTES_MAX)
		return false;
	memcpy(secret->bytes, decoded, size);
	secret->len = size;
	return true;
}

struct err *webhook_secrets_parse(const char *text, struct webhook_secrets *secrets)
{
	*secrets = (struct webhook_secrets){ 0 };
	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, "\r\n");
		const char *line = at;
		at += len + strspn(at + len, "\r\n");
		while (len > 0 && isspace((unsigned char)line[len - 1]))
			len--;
		if (len == 0)
			continue;
		size_t skip = strncmp(line, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
		if (skip == 0 || secrets->count == WEBHOOK_SECRETS_MAX ||
		    !secret_decode(line + skip, len - skip, &secrets->secret[secrets->count]))
			return err_new(
				ERR_FATAL, "WEBHOOK_SECRET",
				"the file of secrets must have one or two lines, each whsec_ "
				"and %d to %d random bytes in base64 (make one: printf "
				"'whsec_%%s\\n' \"$(openssl rand -base64 32)\")",
				WEBHOOK_SECRET_BYTES_MIN, WEBHOOK_SECRET_BYTES_MAX);
		secrets->count++;
	}
	return secrets->count > 0
		       ? NULL
		       : err_new(ERR_FATAL, "WEBHOOK_SECRET",
				 "the file of secrets is empty: it needs a line whsec_ and "
				 "24 to 64 random bytes in base64");
}

void webhook_sign(const struct webhook_secrets *secrets, const char *id, int64_t timestamp_s,
		  const char *body, char text[WEBHOOK_SIGNATURES_MAX])
{
	size_t body_len = strlen(body), size = strlen(id) + body_len + 32, used = 0;
	char *signed_text = check_malloc(size);
	int len = snprintf(signed_text, size, "%s.%" PRId64 ".%s", id, timestamp_s, body);
	CHECK(len > 0 && (size_t)len < size);
	text[0] = '\0';
	for (size_t i = 0; i < secrets->count; i++) {
		unsigned char hmac[EVP_MAX_MD_SIZE], base64[64];
		unsigned hmac_len = 0;
		CHECK(HMAC(EVP_sha256(), secrets->secret[i].bytes, (int)secrets->secret[i].len,
			   (const unsigned char *)signed_text, (size_t)len, hmac,
			   &hmac_len) != NULL);
		CHECK(hmac_len == HMAC_LEN);
		EVP_EncodeBlock(base64, hmac, HMAC_LEN);
		int more = snprintf(text + used, WEBHOOK_SIGNATURES_MAX - used, "%sv1,%s",
				    i == 0 ? "" : " ", (const char *)base64);
		CHECK(more > 0 && used + (size_t)more < WEBHOOK_SIGNATURES_MAX);
		used += (size_t)more;
	}
	free(signed_text);
}

static const char *text_of(const json_t *alert, const char *name)
{
	const char *text = json_string_value(json_object_get(alert, name));
	return text != NULL ? text : "";
}

struct err *webhook_message_make(const json_t *alert, const char *source,
				 struct webhook_message *message)
{
	const char *alert_id = text_of(alert, "alert_id"), *status = text_of(alert, "status");
	const json_t *revision = json_object_get(alert, "revision");
	const json_t *at = json_object_get(alert, "at_ms");
	*message = (struct webhook_message){ 0 };
	if (*alert_id == '\0' || *status == '\0' || !json_is_integer(revision) ||
	    !json_is_integer(at))
		return err_new(ERR_POISON, "WEBHOOK_NO_ALERT",
			       "the record is no alert: alert_id, revision, status or at_ms is "
			       "missing");
	int len = snprintf(message->id, sizeof message->id, "%s/%" JSON_INTEGER_FORMAT, alert_id,
			   json_integer_value(revision));
	if (len < 0 || (size_t)len >= sizeof message->id)
		return err_new(ERR_POISON, "WEBHOOK_NO_ALERT", "its alert_id is too long");
	char type[64], time[TIME_TEXT_LEN + 1];
	len = snprintf(type, sizeof type, "foretell.alert.%s", status);
	if (len < 0 || (size_t)len >= sizeof type || !time_is_event(json_integer_value(at)))
		return err_new(ERR_POISON, "WEBHOOK_NO_ALERT", "no alert has its status or time");
	for (char *c = type; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	time_format(json_integer_value(at), time);
	json_t *event = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "specversion", "1.0",
				  "id", message->id, "source", source, "type", type, "subject",
				  text_of(alert, "account"), "time", time, "datacontenttype",
				  "application/json", "data", alert);
	CHECK(event != NULL);
	message->body = json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(17));
	json_decref(event);
	CHECK(message->body != NULL);
	message->historic = json_is_true(json_object_get(alert, "historic"));
	return NULL;
}
