/* Reads Avro object container files, from any stream of bytes, in bounded memory.
 * Source: Apache Avro specification 1.11, "Object Container Files". Codecs: null, deflate,
 * zstandard.
 *
 * Damage: where a value can't be told from the next one, the rest of its block is handed out as one
 * bad value and reading goes on at the next block. Where blocks themselves are broken (a wrong mark
 * between them, a cut file), reading ends.
 *
 * Ownership: the reader owns its buffers; a value is borrowed until the next container_next.
 * Threads: one. */
#ifndef SCHEMAS_CONTAINER_H
#define SCHEMAS_CONTAINER_H

#include "base/bytes.h"
#include "base/err.h"
#include "schemas/schema.h"

enum {
	CONTAINER_BLOCK_MAX = 32 * 1024 * 1024, /* a block, packed or not */
	CONTAINER_META_MAX = 64,		/* entries of the header */
};

/* Where the bytes come from: up to out_max into out; *len 0 means the end. */
struct container_input {
	struct err *(*read)(void *context, uint8_t *out, size_t out_max, size_t *len);
	void *context;
};

struct container;

/* A new reader that has read the header. Close with container_close. Errors: FATAL
 * CONTAINER_DAMAGED, CONTAINER_CODEC (an unknown one), SCHEMA_INVALID; the input's. */
ERR_MUST_USE struct err *container_open(const struct container_input *input,
					struct container **container);
void container_close(struct container **container); /* NULL-safe */

/* The writer's schema, as text and parsed; borrowed. */
const char *container_schema(const struct container *container);
const struct schema_node *container_root(const struct container *container);

/* The next value's bytes into *avro; *more false at the end. Errors: POISON CONTAINER_VALUE: *avro
 * is the rest of a block that holds `block_left` values (this one included) and can't be told
 * apart; FATAL CONTAINER_DAMAGED; the input's. */
ERR_MUST_USE struct err *container_next(struct container *container, struct bytes *avro,
					bool *more);

/* How many values the block still holds, the one handed out last not among them; after
 * CONTAINER_VALUE those that were lost. And the number of the block, from 1. */
int64_t container_block_left(const struct container *container);
int64_t container_block(const struct container *container);

#endif
