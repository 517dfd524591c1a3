#include "models/packing.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/little.h"

enum { FIRST_CAPACITY = 256 };

static uint8_t *extend(struct packer *packer, size_t len)
{
	if (packer->capacity - packer->len < len) {
		size_t capacity = packer->capacity > 0 ? packer->capacity : FIRST_CAPACITY;
		while (capacity - packer->len < len)
			capacity *= 2;
		packer->data = check_realloc(packer->data, capacity);
		packer->capacity = capacity;
	}
	packer->len += len;
	return packer->data + packer->len - len;
}

void packer_fini(struct packer *packer)
{
	free(packer->data);
	*packer = (struct packer){ 0 };
}

struct bytes packer_bytes(const struct packer *packer)
{
	return bytes_of(packer->data, packer->len);
}

void pack_u8(struct packer *packer, uint8_t value)
{
	*extend(packer, 1) = value;
}

void pack_u32(struct packer *packer, uint32_t value)
{
	uint8_t *at = extend(packer, 4);
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

void pack_u64(struct packer *packer, uint64_t value)
{
	little_store64(extend(packer, 8), value);
}

void pack_double(struct packer *packer, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	pack_u64(packer, bits);
}

void pack_bytes(struct packer *packer, struct bytes bytes)
{
	if (bytes.len > 0)
		memcpy(extend(packer, bytes.len), bytes.data, bytes.len);
}

struct unpacker unpacker_of(struct bytes bytes)
{
	return (struct unpacker){ .at = bytes.data, .left = bytes.len };
}

static const uint8_t *take(struct unpacker *unpacker, size_t len)
{
	if (unpacker->failed || unpacker->left < len) {
		unpacker->failed = true;
		return NULL;
	}
	const uint8_t *at = unpacker->at;
	unpacker->at += len;
	unpacker->left -= len;
	return at;
}

uint8_t unpack_u8(struct unpacker *unpacker)
{
	const uint8_t *at = take(unpacker, 1);
	return at == NULL ? 0 : *at;
}

uint32_t unpack_u32(struct unpacker *unpacker)
{
	const uint8_t *at = take(unpacker, 4);
	return at == NULL ? 0 : little_load32(at);
}

uint64_t unpack_u64(struct unpacker *unpacker)
{
	const uint8_t *at = take(unpacker, 8);
	return at == NULL ? 0 : little_load64(at);
}

double unpack_double(struct unpacker *unpacker)
{
	uint64_t bits = unpack_u64(unpacker);
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

struct bytes unpack_bytes(struct unpacker *unpacker, size_t len)
{
	const uint8_t *at = take(unpacker, len);
	return at == NULL ? bytes_of(NULL, 0) : bytes_of(at, len);
}

size_t unpack_count(struct unpacker *unpacker, size_t max, size_t item_len)
{
	size_t count = unpack_u32(unpacker);
	if (count > max || count > unpacker->left / item_len)
		unpacker->failed = true;
	return unpacker->failed ? 0 : count;
}
