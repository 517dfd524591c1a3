/* Hashes: Kafka's partitioner, table lookups, and the fingerprints of files and dead letters. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/bytes.h"

/* MurmurHash2, 32 bit, seed 0x9747b28c: the hash of Kafka's default partitioner
 * (org.apache.kafka.common.utils.Utils.murmur2). */
uint32_t hash_murmur2(struct bytes key);

/* The partition that Kafka's default partitioner gives `key` among `partition_count` > 0. */
int32_t hash_partition(struct bytes key, int32_t partition_count);

/* A 64-bit hash for tables in memory (FNV-1a with a final mix); never persisted. */
uint64_t hash_table64(struct bytes key);

enum { HASH_SHA256_HEX_LEN = 64 };

/* SHA-256 as 64 lower-case hex digits and a terminator. */
void hash_sha256_hex(struct bytes data, char hex[HASH_SHA256_HEX_LEN + 1]);

#endif
