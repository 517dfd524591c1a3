#include "consumers/decisions.h"

#include <pthread.h>
#include <stdatomic.h>
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
	_Atomic size_t count; /* most often 0, and then nobody waits for the lock */
	pthread_rwlock_t lock; /* of what follows */
	struct decision *rows;
	size_t capacity; /* 0 or a power of two */
};

struct decisions *decisions_new(void)
{
	struct decisions *decisions = check_calloc(1, sizeof *decisions);
	CHECK(pthread_rwlock_init(&decisions->lock, NULL) == 0);
	return decisions;
}

void decisions_free(struct decisions **decisions)
{
	if (*decisions == NULL)
		return;
	pthread_rwlock_destroy(&(*decisions)->lock);
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
	struct decision *old = decisions->rows;
	size_t old_capacity = decisions->capacity;
	decisions->capacity = old_capacity > 0 ? 2 * old_capacity : CAPACITY_MIN;
	decisions->rows = check_calloc(decisions->capacity, sizeof *decisions->rows);
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i].used)
			*find(decisions, old[i].print) = old[i];
	free(old);
}

static struct err *put(struct decisions *decisions, const uint8_t print[PRINT_LEN], bool is_there)
{
	size_t count = atomic_load(&decisions->count);
	if (count >= DECISIONS_MAX)
		return err_new(ERR_FATAL, "DECISIONS_TOO_MANY",
			       "identity.decisions has more than %d keys", DECISIONS_MAX);
	if (2 * count >= decisions->capacity)
		grow(decisions);
	struct decision *row = find(decisions, print);
	if (!row->used)
		atomic_store(&decisions->count, count + 1);
	row->used = true;
	row->is_there = is_there;
	memcpy(row->print, print, PRINT_LEN);
	return NULL;
}

struct err *decisions_take(struct decisions *decisions, struct bytes key, bool is_there)
{
	uint8_t print[PRINT_LEN];
	if (!print_of(key, print))
		return err_new(ERR_POISON, "DECISION_UNREADABLE",
			       "the key is no hash: only `foretell erase` and `foretell identity` "
			       "write to identity.decisions");
	pthread_rwlock_wrlock(&decisions->lock);
	struct err *err = put(decisions, print, is_there);
	pthread_rwlock_unlock(&decisions->lock);
	return err;
}

static bool is_there(struct decisions *decisions, const char key[HASH_SHA256_HEX_LEN + 1])
{
	uint8_t print[PRINT_LEN];
	CHECK(print_of(bytes_str(key), print));
	pthread_rwlock_rdlock(&decisions->lock);
	const struct decision *row = find(decisions, print);
	bool found = row->used && row->is_there;
	pthread_rwlock_unlock(&decisions->lock);
	return found;
}

bool decisions_any(const struct decisions *decisions)
{
	return decisions != NULL &&
	       atomic_load_explicit(&decisions->count, memory_order_acquire) > 0;
}

bool decisions_erased(struct decisions *decisions, struct bytes name)
{
	char key[HASH_SHA256_HEX_LEN + 1];
	if (!decisions_any(decisions))
		return false;
	decisions_name_key(name, key);
	return is_there(decisions, key);
}

bool decisions_cut(struct decisions *decisions, struct bytes later, struct bytes earlier)
{
	char key[HASH_SHA256_HEX_LEN + 1];
	if (!decisions_any(decisions))
		return false;
	decisions_link_key(later, earlier, key);
	return is_there(decisions, key);
}
