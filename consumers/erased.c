#include "consumers/erased.h"

struct bytes erased_key_make(struct bytes name, struct erased_key *key)
{
	hash_sha256_hex(name, key->hex);
	return bytes_of(key->hex, HASH_SHA256_HEX_LEN);
}

void erased_set(struct erased_state *state, int64_t at_ms)
{
	if (state->is_there)
		return;
	state->is_there = true;
	state->at_ms = at_ms;
}

struct err *erased_encode(struct registry *registry, const char *topic,
			  const struct erased_state *state, uint8_t *out, size_t *len)
{
	*len = 0;
	if (!state->is_there)
		return NULL;
	const struct identity_erased record = { state->at_ms, state->dropped_count };
	return registry_encode(registry, topic, &identity_erased_type, &record, out, OUTPUT_LEN_MAX,
			       len);
}

struct err *erased_decode(struct registry *registry, struct bytes value, struct erased_state *state)
{
	struct identity_erased record;
	struct err *err = registry_decode(registry, &identity_erased_type, value, &record);
	if (err == NULL)
		*state = (struct erased_state){ true, record.at_ms, record.dropped_count };
	return err;
}
