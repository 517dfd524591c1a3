/* Numbers into bytes and back, little-endian whatever the machine: how models are written down.
 *
 * A writer grows as it needs to; a reader never reads beyond its bytes, but gives zeros from there
 * on and remembers that it failed, so that a decoder may look once, at the end.
 *
 * Ownership: a writer owns its bytes; a reader borrows them. Threads: one. */
#ifndef MODELS_PACKING_H
#define MODELS_PACKING_H

#include <stdbool.h>

#include "base/bytes.h"

struct packer {
	uint8_t *data;
	size_t len, capacity;
};

void packer_fini(struct packer *packer);
struct bytes packer_bytes(const struct packer *packer); /* borrowed, until the next pack_ call */

void pack_u8(struct packer *packer, uint8_t value);
void pack_u32(struct packer *packer, uint32_t value);
void pack_u64(struct packer *packer, uint64_t value);
void pack_double(struct packer *packer, double value);
void pack_bytes(struct packer *packer, struct bytes bytes); /* without their length */

struct unpacker {
	const uint8_t *at;
	size_t left;
	bool failed;
};

struct unpacker unpacker_of(struct bytes bytes);

uint8_t unpack_u8(struct unpacker *unpacker);
uint32_t unpack_u32(struct unpacker *unpacker);
uint64_t unpack_u64(struct unpacker *unpacker);
double unpack_double(struct unpacker *unpacker);
struct bytes unpack_bytes(struct unpacker *unpacker, size_t len); /* absent where it failed */

/* A count that must not exceed `max`, nor what could be left at item_len bytes each; 0 and failed
 * otherwise: so a damaged count never asks for much memory. */
size_t unpack_count(struct unpacker *unpacker, size_t max, size_t item_len);

#endif
