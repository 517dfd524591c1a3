#include "base/hash.h"

#include <openssl/evp.h>

#include "base/check.h"
#include "base/little.h"

uint32_t hash_murmur2(struct bytes key)
{
	const uint32_t m = 0x5bd1e995;
	uint32_t h = 0x9747b28cu ^ (uint32_t)key.len;
	const uint8_t *data = key.data;
	size_t len = key.len;
	for (; len >= 4; data += 4, len -= 4) {
		uint32_t k = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
			     (uint32_t)data[3] << 24;
		k *= m;
		k ^= k >> 24;
		k *= m;
		h *= m;
		h ^= k;
	}
	if (len == 3)
		h ^= (uint32_t)data[2] << 16;
	if (len >= 2)
		h ^= (uint32_t)data[1] << 8;
	if (len >= 1) {
		h ^= data[0];
		h *= m;
	}
	h ^= h >> 13;
	h *= m;
	h ^= h >> 15;
	return h;
}

int32_t hash_partition(struct bytes key, int32_t partition_count)
{
	CHECK(partition_count > 0);
	return (int32_t)((hash_murmur2(key) & 0x7fffffff) % (uint32_t)partition_count);
}

uint64_t hash_table64(struct bytes key)
{
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < key.len; i++)
		h = (h ^ key.data[i]) * 1099511628211u;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* The words may overlap at the end: a load more costs less than a loop over the odd bytes. */
uint64_t hash_key64(struct bytes key, uint64_t seed)
{
	const uint64_t m = 0x9e3779b97f4a7c15u; /* 2^64 over the golden ratio, odd */
	uint64_t h = (seed ^ key.len) * m, last = 0;
	size_t at = 0;
	for (; at + 8 < key.len; at += 8) {
		h = (h ^ little_load64(key.data + at)) * m;
		h ^= h >> 32;
	}
	if (key.len >= 8)
		last = little_load64(key.data + key.len - 8);
	else if (key.len >= 4)
		last = (uint64_t)little_load32(key.data) << 32 |
		       little_load32(key.data + key.len - 4);
	else
		for (size_t i = 0; i < key.len; i++)
			last = last << 8 | key.data[i];
	h = (h ^ last) * m;
	h = (h ^ h >> 32) * m;
	return h ^ h >> 29;
}

void hash_sha256_hex(struct bytes data, char hex[HASH_SHA256_HEX_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[32];
	unsigned len = 0;
	CHECK(EVP_Digest(data.data, data.len, digest, &len, EVP_sha256(), NULL) == 1);
	CHECK(len == sizeof digest);
	for (size_t i = 0; i < sizeof digest; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[HASH_SHA256_HEX_LEN] = '\0';
}
