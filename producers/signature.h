/* Whether a request comes from whom it says: bearer tokens and signed webhooks.
 *
 * Signatures are those of the Standard Webhooks specification 1.0 (headers webhook-id,
 * webhook-timestamp, webhook-signature): HMAC-SHA256 over "id.timestamp.body", base64, each marked
 * "v1,", several with blanks between them. A timestamp far from now is refused, so that a recorded
 * request can't be played again later. All comparisons of secrets take the same time whatever is
 * wrong. Threads: any. */
#ifndef PRODUCERS_SIGNATURE_H
#define PRODUCERS_SIGNATURE_H

#include "base/bytes.h"
#include "base/err.h"

enum {
	SIGNATURE_SECRET_MAX = 256, /* bytes, decoded */
	SIGNATURE_WINDOW_S = 300,   /* between the timestamp and now, either way */
};

struct signed_request {
	const char *id, *timestamp, *signatures; /* headers; NULL where missing */
	struct bytes body;
};

/* The bytes of a secret "whsec_" + base64, or of any other text as it stands. False where it is too
 * short (16 bytes) or too long. */
bool signature_secret(const char *text, uint8_t secret[SIGNATURE_SECRET_MAX], size_t *len);

/* NULL, or why not, for the sender. */
const char *signature_check(struct bytes secret, const struct signed_request *request,
			    int64_t now_s);

/* The SHA-256 of a token, hex: what is kept and compared instead of it. */
void signature_token_hash(struct bytes token, char hex[65]);
bool signature_equal(const char *hex, const char *other_hex);

#endif
