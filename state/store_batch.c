#include "state/store_batch.h"

#include <stdlib.h>

#include "base/check.h"
#include "state/store_rocks.h"

/* One put or deletion; its bytes lie in the batch. */
struct op {
	const struct shelf *shelf;
	uint64_t order; /* the first bytes of the key, big-endian */
	size_t at;	/* of the key, then the value */
	uint32_t key_len, value_len;
	bool deletes;
};

/* What is sorted: qsort hands no context on, so the key's bytes stand behind a pointer of each. */
struct placed {
	const struct op *op;
	const uint8_t *key;
};

/* What is to be written, put in the order of keys when it is: RocksDB finds the place of a key much
 * faster beside that of the one before. Of several ops on a key the last one counts. */
struct store_batch {
	rocksdb_writebatch_t *scratch;
	struct op *ops;
	struct placed *placed;
	size_t count, capacity;
	uint8_t *bytes;
	size_t used, room;
};

struct store_batch *store_batch_new(void)
{
	struct store_batch *batch = check_calloc(1, sizeof *batch);
	batch->scratch = rocksdb_writebatch_create();
	return batch;
}

void store_batch_free(struct store_batch **batch)
{
	if (*batch == NULL)
		return;
	rocksdb_writebatch_destroy((*batch)->scratch);
	free((*batch)->ops);
	free((*batch)->placed);
	free((*batch)->bytes);
	free(*batch);
	*batch = NULL;
}

void store_batch_clear(struct store_batch *batch)
{
	batch->count = batch->used = 0;
}

size_t store_batch_bytes(const struct store_batch *batch)
{
	return batch->used;
}

/* ---- filling -------------------------------------------------------------------------------- */

static void keep(struct store_batch *batch, struct bytes part)
{
	if (part.len == 0)
		return;
	memcpy(batch->bytes + batch->used, part.data, part.len);
	batch->used += part.len;
}

static void make_room(struct store_batch *batch, size_t len)
{
	if (batch->used + len > batch->room) {
		batch->room = 2 * (batch->used + len);
		batch->bytes = check_realloc(batch->bytes, batch->room);
	}
	if (batch->count == batch->capacity) {
		batch->capacity = batch->capacity > 0 ? 2 * batch->capacity : 256;
		batch->ops = check_realloc(batch->ops, batch->capacity * sizeof *batch->ops);
		batch->placed =
			check_realloc(batch->placed, batch->capacity * sizeof *batch->placed);
	}
}

static uint64_t order_of(struct bytes key)
{
	uint64_t order = 0;
	for (size_t i = 0; i < sizeof order; i++)
		order = order << 8 | (i < key.len ? key.data[i] : 0);
	return order;
}

static void add(struct store_batch *batch, const struct shelf *shelf, struct bytes key,
		const struct bytes *parts, size_t part_count, bool deletes)
{
	size_t len = 0;
	for (size_t i = 0; i < part_count; i++)
		len += parts[i].len;
	make_room(batch, key.len + len);
	batch->ops[batch->count++] = (struct op){ .shelf = shelf,
						  .order = order_of(key),
						  .at = batch->used,
						  .key_len = (uint32_t)key.len,
						  .value_len = (uint32_t)len,
						  .deletes = deletes };
	keep(batch, key);
	for (size_t i = 0; i < part_count; i++)
		keep(batch, parts[i]);
}

void store_batch_add(struct store_batch *batch, const struct shelf *shelf, struct bytes key,
		     const struct bytes *parts, size_t part_count)
{
	add(batch, shelf, key, parts, part_count, false);
}

void store_batch_delete(struct store_batch *batch, const struct shelf *shelf, struct bytes key)
{
	add(batch, shelf, key, NULL, 0, true);
}

/* ---- writing -------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct placed *left = a, *right = b;
	const struct op *x = left->op, *y = right->op;
	if (x->shelf != y->shelf)
		return (uintptr_t)x->shelf < (uintptr_t)y->shelf ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	int order =
		bytes_compare(bytes_of(left->key, x->key_len), bytes_of(right->key, y->key_len));
	return order != 0 ? order : (x > y) - (x < y);
}

static bool same_key(const struct placed *a, const struct placed *b)
{
	return a->op->shelf == b->op->shelf && a->op->order == b->op->order &&
	       bytes_equal(bytes_of(a->key, a->op->key_len), bytes_of(b->key, b->op->key_len));
}

static void write_op(rocksdb_writebatch_t *out, const struct placed *placed)
{
	const struct op *op = placed->op;
	const char *key = (const char *)placed->key;
	if (op->deletes)
		rocksdb_writebatch_delete_cf(out, op->shelf->handle, key, op->key_len);
	else
		rocksdb_writebatch_put_cf(out, op->shelf->handle, key, op->key_len,
					  key + op->key_len, op->value_len);
}

struct err *store_batch_write(struct store *store, struct store_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		batch->placed[i] =
			(struct placed){ &batch->ops[i], batch->bytes + batch->ops[i].at };
	if (batch->count > 0)
		qsort(batch->placed, batch->count, sizeof *batch->placed, by_place);
	rocksdb_writebatch_clear(batch->scratch);
	for (size_t i = 0; i < batch->count; i++)
		if (i + 1 == batch->count || !same_key(&batch->placed[i], &batch->placed[i + 1]))
			write_op(batch->scratch, &batch->placed[i]);
	return store_write(store, batch->scratch);
}
