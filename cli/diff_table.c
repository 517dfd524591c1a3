#include "cli/diff_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

struct diff_table {
	bool compacted;
	size_t count, room;
	struct diff_key *keys;
	size_t slot_count; /* a power of two, at least twice the count */
	uint32_t *slots;   /* index into keys plus one; 0: free */
};

static const char *const unstable_headers[] = { "lsn", NULL };

bool diff_header_is_stable(const struct header *header)
{
	for (size_t i = 0; unstable_headers[i] != NULL; i++)
		if (strcmp(header->name, unstable_headers[i]) == 0)
			return false;
	return true;
}

/* ---- hashes --------------------------------------------------------------------------------- */

static uint8_t digit_value(char digit)
{
	return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static struct diff_hash hash_of(struct bytes data)
{
	char hex[HASH_SHA256_HEX_LEN + 1];
	struct diff_hash hash;
	hash_sha256_hex(data, hex);
	for (size_t i = 0; i < DIFF_HASH_LEN; i++)
		hash.bytes[i] =
			(uint8_t)(digit_value(hex[2 * i]) << 4 | digit_value(hex[2 * i + 1]));
	return hash;
}

/* Bytes with their length before them, so that two fields never run into one another; absent
 * bytes have a length of their own. Returns where the next field goes. */
static uint8_t *field_put(uint8_t *at, struct bytes field)
{
	uint64_t len = field.data == NULL ? UINT64_MAX : field.len;
	memcpy(at, &len, sizeof len);
	if (field.len > 0)
		memcpy(at + sizeof len, field.data, field.len);
	return at + sizeof len + field.len;
}

struct diff_hash diff_hash_key(struct bytes key)
{
	uint8_t *data = check_malloc(sizeof(uint64_t) + key.len);
	uint8_t *end = field_put(data, key);
	struct diff_hash hash = hash_of(bytes_of(data, (size_t)(end - data)));
	free(data);
	return hash;
}

struct diff_hash diff_hash_record(const struct diff_hash *before, const struct record *record)
{
	size_t len = DIFF_HASH_LEN + sizeof(uint64_t) + record->value.len;
	for (size_t i = 0; i < record->header_count; i++)
		len += 2 * sizeof(uint64_t) + strlen(record->headers[i].name) +
		       record->headers[i].value.len;
	uint8_t *data = check_malloc(len), *at = data;
	memcpy(at, before->bytes, DIFF_HASH_LEN);
	at = field_put(at + DIFF_HASH_LEN, record->value);
	for (size_t i = 0; i < record->header_count; i++) {
		if (!diff_header_is_stable(&record->headers[i]))
			continue;
		at = field_put(at, bytes_str(record->headers[i].name));
		at = field_put(at, record->headers[i].value);
	}
	struct diff_hash hash = hash_of(bytes_of(data, (size_t)(at - data)));
	free(data);
	return hash;
}

/* ---- the table ------------------------------------------------------------------------------ */

struct diff_table *diff_table_new(bool compacted)
{
	struct diff_table *table = check_calloc(1, sizeof *table);
	table->compacted = compacted;
	table->room = 1024;
	table->keys = check_calloc(table->room, sizeof *table->keys);
	table->slot_count = 4 * table->room;
	table->slots = check_calloc(table->slot_count, sizeof *table->slots);
	return table;
}

void diff_table_free(struct diff_table **table)
{
	if (*table == NULL)
		return;
	free((*table)->keys);
	free((*table)->slots);
	free(*table);
	*table = NULL;
}

/* The slot of the key, or the free one where it belongs. */
static uint32_t *slot_find(const struct diff_table *table, const struct diff_hash *key)
{
	uint64_t start;
	memcpy(&start, key->bytes, sizeof start);
	for (size_t i = (size_t)start & (table->slot_count - 1);;
	     i = (i + 1) & (table->slot_count - 1)) {
		uint32_t place = table->slots[i];
		if (place == 0 || memcmp(&table->keys[place - 1].key, key, sizeof *key) == 0)
			return &table->slots[i];
	}
}

static void table_grow(struct diff_table *table)
{
	table->room *= 2;
	table->keys = check_realloc(table->keys, table->room * sizeof *table->keys);
	free(table->slots);
	table->slot_count = 4 * table->room;
	table->slots = check_calloc(table->slot_count, sizeof *table->slots);
	for (size_t i = 0; i < table->count; i++)
		*slot_find(table, &table->keys[i].key) = (uint32_t)(i + 1);
}

struct err *diff_table_add(struct diff_table *table, size_t side, const struct record *record)
{
	static const struct diff_hash none;
	CHECK(side < DIFF_SIDES);
	struct diff_hash hash = diff_hash_key(record->key);
	uint32_t *slot = slot_find(table, &hash);
	if (*slot == 0) {
		if (table->count == DIFF_KEYS_MAX)
			return err_new(ERR_FATAL, "DIFF_KEYS", "%s has more than %d keys",
				       record->topic, DIFF_KEYS_MAX);
		if (table->count == table->room)
			table_grow(table);
		slot = slot_find(table, &hash);
		table->keys[table->count] = (struct diff_key){ .key = hash };
		*slot = (uint32_t)++table->count;
	}
	struct diff_key *key = &table->keys[*slot - 1];
	if (!table->compacted) {
		key->count[side]++;
		key->chain[side] = diff_hash_record(&key->chain[side], record);
		return NULL;
	}
	key->count[side] = record->value.data != NULL;
	key->chain[side] = record->value.data != NULL ? diff_hash_record(&none, record) : none;
	return NULL;
}

size_t diff_table_count(const struct diff_table *table)
{
	return table->count;
}

const struct diff_key *diff_table_at(const struct diff_table *table, size_t i)
{
	CHECK(i < table->count);
	return &table->keys[i];
}

bool diff_key_equal(const struct diff_key *key)
{
	return key->count[0] == key->count[1] &&
	       memcmp(&key->chain[0], &key->chain[1], sizeof key->chain[0]) == 0;
}
