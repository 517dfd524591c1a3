/* Hashes: Kafka's partitioner, tables in memory, fingerprints. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/bytes.h"

/* MurmurHash2, 32 bit, seed 0x9747b28c: the hash of Kafka's default partitioner
 * (org.apache.kafka.common.utils.Utils.murmur2). */
uint32_t hash_murmur2(struct bytes key);

/* The partition that Kafka's default partitioner gives `key` among `partition_count` > 0. */
int32_t hash_partition(struct bytes key, int32_t partition_count);

/* A 64-bit fingerprint (FNV-1a with a final mix), the same on every machine; it may be kept. */
uint64_t hash_table64(struct bytes key);

/* A 64-bit hash for tables in memory, eight bytes at a time; never kept, so it may change. `seed`
 * tells apart equal keys of different owners. */
uint64_t hash_key64(struct bytes key, uint64_t seed);

enum { HASH_SHA256_HEX_LEN = 64 };

/* SHA-256 as 64 lower-case hex digits and a terminator. */
void hash_sha256_hex(struct bytes data, char hex[HASH_SHA256_HEX_LEN + 1]);

#endif
