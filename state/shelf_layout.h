/* The bytes of a shelf (version STORE_VERSION):
 *
 *   key 0x00 "position"                       {u8 version, i64 x, i64 y, u32 logic_version,
 *                                              u64 fingerprint, u8 cluster_len, u32 clock_len,
 *                                              cluster, clock}
 *   key 0x01 kind key                         {u8 version, i64 lsn, i64 due_ms, state bytes}
 *   key 0x02 due_ms (big-endian, sign flipped) kind key   {}
 *
 * Integers are little-endian unless said. Pure functions; bytes are borrowed from what is read. */
#ifndef STATE_SHELF_LAYOUT_H
#define STATE_SHELF_LAYOUT_H

#include "state/shelf.h"

enum {
	PREFIX_POSITION = 0,
	PREFIX_STATE = 1,
	PREFIX_DUE = 2,
	STATE_KEY_HEAD_LEN = 1 + 1,
	DUE_PREFIX_LEN = 1 + 8,
	DUE_KEY_HEAD_LEN = DUE_PREFIX_LEN + 1,
	SHELF_KEY_MAX = DUE_KEY_HEAD_LEN + KEY_LEN_MAX,
	VALUE_HEAD_LEN = 1 + 8 + 8,
	POSITION_HEAD_LEN = 1 + 8 + 8 + 4 + 8 + 1 + 4,
};

struct bytes layout_position_key(void);
size_t layout_state_key(uint8_t out[SHELF_KEY_MAX], uint8_t kind, struct bytes key);
void layout_due_prefix(uint8_t out[DUE_PREFIX_LEN], int64_t due_ms);
size_t layout_due_key(uint8_t out[SHELF_KEY_MAX], int64_t due_ms, uint8_t kind, struct bytes key);

void layout_value_head(uint8_t out[VALUE_HEAD_LEN], int64_t lsn, int64_t due_ms);
void layout_position_head(uint8_t out[POSITION_HEAD_LEN], const struct shelf_position *position);

/* Each false where the bytes are not of this layout. A position of another version is read as far
 * as its version, with present = false. */
bool layout_read_due(struct bytes raw, struct due_item *item);
bool layout_read_value(struct bytes raw, struct shelf_value *value);
bool layout_read_position(struct bytes raw, struct shelf_position *position);

#endif
