#include "consumers/decisions.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"

enum { PRINT_LEN = 16, CAPACITY_MIN = 64, LINK_LEN_MAX = 2 * KEY_LEN_MAX + 1 };

/* The first half of a SHA-256. */
struct decision {
	bool used, is_there;
	uint8_t print[PRINT_LEN];
};

/* A table with open addressing; what was taken back keeps its place. */
struct decisions {
	struct decision *rows;
	size_t capacity, count; /* capacity: 0 or a power of two */
};

struct decisions *decisions_new(void)
{
	return check_calloc(1, sizeof(struct decisions));
}

void decisions_free(struct decisions **decisions)
{
	if (*decisions == NULL)
		return;
	free((*decisions)->rows);
	free(*decisions);
	*decisions = NULL;
}

void decisions_name_key(struct bytes name, char key[HASH_SHA256_HEX_LEN + 1])
{
	hash_sha256_hex(name, key);
}

void decisions_link_key(struct bytes later, struct bytes earlier, char key[HASH_SHA256_HEX_LEN + 1])
{
	uint8_t link[LINK_LEN_MAX];
	CHECK(later.len <= KEY_LEN_MAX && earlier.len <= KEY_LEN_MAX);
	memcpy(link, later.data, later.len);
	link[later.len] = 0;
	memcpy(link + later.len + 1, earlier.data, earlier.len);
	hash_sha256_hex(bytes_of(link, later.len + 1 + earlier.len), key);
}

static int digit_of(uint8_t hex)
{
	if (hex >= '0' && hex <= '9')
		return hex - '0';
	return hex >= 'a' && hex <= 'f' ? hex - 'a' + 10 : -1;
}

static bool print_of(struct bytes key, uint8_t print[PRINT_LEN])
{
	if (key.len != HASH_SHA256_HEX_LEN)
		return false;
	for (size_t i = 0; i < PRINT_LEN; i++) {
		int high = digit_of(key.data[2 * i]), low = digit_of(key.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		print[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The row of a print, or the free one where it would stand. */
static struct decision *find(const struct decisions *decisions, const uint8_t print[PRINT_LEN])
{
	size_t mask = decisions->capacity - 1, at = 0;
	for (size_t i = 0; i < sizeof at; i++)
		at = at << 8 | print[i];
	for (at &= mask; decisions->rows[at].used; at = (at + 1) & mask)
		if (memcmp(decisions->rows[at].print, print, PRINT_LEN) == 0)
			break;
	return &decisions->rows[at];
}

static void grow(struct decisions *decisions)
{
	const struct decisions old = *decisions;
	decisions->capacity = old.capacity > 0 ? 2 * old.capacity : CAPACITY_MIN;
	decisions->rows = check_calloc(decisions->capacity, sizeof *decisions->rows);
	for (size_t i = 0; i < old.capacity; i++)
		if (old.rows[i].used)
			*find(decisions, old.rows[i].print) = old.rows[i];
	free(old.rows);
}

struct err *decisions_take(struct decisions *decisions, struct bytes key, bool is_there)
{
	uint8_t print[PRINT_LEN];
	if (!print_of(key, print))
		return err_new(ERR_FATAL, "DECISION_UNREADABLE",
			       "a key of identity.decisions is no hash: only `foretell erase` and "
			       "`foretell identity` write there");
	if (decisions->count >= DECISIONS_MAX)
		return err_new(ERR_FATAL, "DECISIONS_TOO_MANY",
			       "identity.decisions has more than %d keys", DECISIONS_MAX);
	if (2 * decisions->count >= decisions->capacity)
		grow(decisions);
	struct decision *row = find(decisions, print);
	decisions->count += !row->used;
	row->used = true;
	row->is_there = is_there;
	memcpy(row->print, print, PRINT_LEN);
	return NULL;
}

static bool is_there(const struct decisions *decisions, const char key[HASH_SHA256_HEX_LEN + 1])
{
	uint8_t print[PRINT_LEN];
	CHECK(print_of(bytes_str(key), print));
	const struct decision *row = find(decisions, print);
	return row->used && row->is_there;
}

bool decisions_any(const struct decisions *decisions)
{
	return decisions != NULL && decisions->count > 0;
}

bool decisions_erased(const struct decisions *decisions, struct bytes name)
{
	char key[HASH_SHA256_HEX_LEN + 1];
	if (!decisions_any(decisions))
		return false;
	decisions_name_key(name, key);
	return is_there(decisions, key);
}

bool decisions_cut(const struct decisions *decisions, struct bytes later, struct bytes earlier)
{
	char key[HASH_SHA256_HEX_LEN + 1];
	if (!decisions_any(decisions))
		return false;
	decisions_link_key(later, earlier, key);
	return is_there(decisions, key);
}
