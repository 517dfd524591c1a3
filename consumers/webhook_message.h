/* An alert as a webhook's request: a CloudEvent in structured JSON, signed.
 *
 * Body: CloudEvents 1.0, JSON event format. id is "alert_id/revision", the idempotency key: what is
 * sent again has the same one. type is "foretell.alert.opened" and so on, by the status.
 * Signature: Standard Webhooks 1.0 (headers webhook-id, webhook-timestamp, webhook-signature):
 * HMAC-SHA-256 over "id.timestamp.body" with each secret, in base64 after "v1,".
 *
 * Threads: pure functions. */
#ifndef CONSUMERS_WEBHOOK_MESSAGE_H
#define CONSUMERS_WEBHOOK_MESSAGE_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

enum {
	WEBHOOK_ID_MAX = 2 * KEY_LEN_MAX + 64,
	WEBHOOK_SECRETS_MAX = 2, /* the one in use, and the one it is exchanged with */
	WEBHOOK_SECRET_BYTES_MIN = 24,
	WEBHOOK_SECRET_BYTES_MAX = 64,
	WEBHOOK_SIGNATURE_LEN = 3 + 44, /* "v1," and 32 bytes in base64 */
	WEBHOOK_SIGNATURES_MAX = WEBHOOK_SECRETS_MAX * (WEBHOOK_SIGNATURE_LEN + 1),
};

struct webhook_secret {
	size_t len;
	uint8_t bytes[WEBHOOK_SECRET_BYTES_MAX];
};

struct webhook_secrets {
	size_t count;
	struct webhook_secret secret[WEBHOOK_SECRETS_MAX];
};

/* Reads one or two lines "whsec_<base64 of 24 to 64 bytes>"; blank lines are skipped.
 * Errors: FATAL WEBHOOK_SECRET, which never shows the text. */
ERR_MUST_USE struct err *webhook_secrets_parse(const char *text, struct webhook_secrets *secrets);

struct webhook_message {
	char id[WEBHOOK_ID_MAX + 1];
	char *body; /* new, terminated; free() */
	bool historic;
};

/* Fills *message from an alert's fields (borrowed); source is the CloudEvent's, an URI reference.
 * Errors: POISON WEBHOOK_NO_ALERT where the value is no alert. */
ERR_MUST_USE struct err *webhook_message_make(const json_t *alert, const char *source,
					      struct webhook_message *message);

/* The value of webhook-signature into text[WEBHOOK_SIGNATURES_MAX]; "" without secrets. */
void webhook_sign(const struct webhook_secrets *secrets, const char *id, int64_t timestamp_s,
		  const char *body, char text[WEBHOOK_SIGNATURES_MAX]);

#endif
