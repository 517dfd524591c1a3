/* What diff remembers of two applications' topics: for each key, how many records each side has and
 * a hash over all of them, and of the key only its hash. So memory grows with the number of keys
 * (96 bytes each and the index), never with that of records.
 *
 * Two keys or histories whose truncated SHA-256 (128 bits) collide would be taken for equal; that
 * does not happen by accident.
 * Threads: one. */
#ifndef CLI_DIFF_TABLE_H
#define CLI_DIFF_TABLE_H

#include <stdbool.h>

#include "kafka/bus.h"

enum {
	DIFF_SIDES = 2,
	DIFF_HASH_LEN = 16,
	DIFF_KEYS_MAX = 50000000,
};

struct diff_hash {
	uint8_t bytes[DIFF_HASH_LEN];
};

struct diff_key {
	struct diff_hash key;
	int64_t count[DIFF_SIDES];	    /* records; of a compacted topic 1, 0 when deleted */
	struct diff_hash chain[DIFF_SIDES]; /* over those records, in order; zeros for none */
};

struct diff_table;

struct diff_table *diff_table_new(bool compacted);
void diff_table_free(struct diff_table **table); /* NULL-safe */

/* Takes the next record of `side` (0 or 1). Compacted: it replaces what the key had; a null value
 * removes it. Errors: FATAL DIFF_KEYS beyond DIFF_KEYS_MAX. */
ERR_MUST_USE struct err *diff_table_add(struct diff_table *table, size_t side,
					const struct record *record);

size_t diff_table_count(const struct diff_table *table);
const struct diff_key *diff_table_at(const struct diff_table *table, size_t i); /* borrowed */
bool diff_key_equal(const struct diff_key *key);

/* The hash of a key, as the table has it; absent and empty keys differ. */
struct diff_hash diff_hash_key(struct bytes key);

/* Hash over value and stable headers, and over `before` (the chain so far). */
struct diff_hash diff_hash_record(const struct diff_hash *before, const struct record *record);

/* Whether the header belongs to what a replay must reproduce. Offsets do not. */
bool diff_header_is_stable(const struct header *header);

#endif
