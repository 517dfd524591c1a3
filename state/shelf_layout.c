#include "state/shelf_layout.h"

#include "base/check.h"

static uint8_t *put_le(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*at++ = (uint8_t)(value >> (8 * i));
	return at;
}

static uint64_t get_le(const uint8_t *at, size_t len)
{
	uint64_t value = 0;
	for (size_t i = 0; i < len; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

struct bytes layout_position_key(void)
{
	static const uint8_t key[] = { PREFIX_POSITION, 'p', 'o', 's', 'i', 't', 'i', 'o', 'n' };
	return bytes_of(key, sizeof key);
}

size_t layout_state_key(uint8_t out[SHELF_KEY_MAX], uint8_t kind, struct bytes key)
{
	CHECK(key.len > 0 && key.len <= KEY_LEN_MAX);
	out[0] = PREFIX_STATE;
	out[1] = kind;
	memcpy(out + STATE_KEY_HEAD_LEN, key.data, key.len);
	return STATE_KEY_HEAD_LEN + key.len;
}

/* Big-endian with the sign bit flipped, so that byte order is time order. */
void layout_due_prefix(uint8_t out[DUE_PREFIX_LEN], int64_t due_ms)
{
	uint64_t sortable = (uint64_t)due_ms ^ UINT64_C(1) << 63;
	out[0] = PREFIX_DUE;
	for (size_t i = 0; i < 8; i++)
		out[1 + i] = (uint8_t)(sortable >> (56 - 8 * i));
}

size_t layout_due_key(uint8_t out[SHELF_KEY_MAX], int64_t due_ms, uint8_t kind, struct bytes key)
{
	layout_due_prefix(out, due_ms);
	out[DUE_PREFIX_LEN] = kind;
	memcpy(out + DUE_KEY_HEAD_LEN, key.data, key.len);
	return DUE_KEY_HEAD_LEN + key.len;
}

void layout_value_head(uint8_t out[VALUE_HEAD_LEN], int64_t lsn, int64_t due_ms)
{
	out[0] = STORE_VERSION;
	put_le(put_le(out + 1, (uint64_t)lsn, 8), (uint64_t)due_ms, 8);
}

void layout_position_head(uint8_t out[POSITION_HEAD_LEN], const struct shelf_position *position)
{
	CHECK(position->cluster.len <= CLUSTER_ID_MAX);
	out[0] = STORE_VERSION;
	uint8_t *at = put_le(out + 1, (uint64_t)position->x, 8);
	at = put_le(at, (uint64_t)position->y, 8);
	at = put_le(at, position->logic_version, 4);
	at = put_le(at, position->fingerprint, 8);
	at = put_le(at, position->cluster.len, 1);
	put_le(at, position->clock.len, 4);
}

bool layout_read_due(struct bytes raw, struct due_item *item)
{
	if (raw.len <= DUE_KEY_HEAD_LEN || raw.data[0] != PREFIX_DUE)
		return false;
	uint64_t sortable = 0;
	for (size_t i = 0; i < 8; i++)
		sortable = sortable << 8 | raw.data[1 + i];
	item->due_ms = (int64_t)(sortable ^ UINT64_C(1) << 63);
	item->kind = raw.data[DUE_PREFIX_LEN];
	item->key = bytes_of(raw.data + DUE_KEY_HEAD_LEN, raw.len - DUE_KEY_HEAD_LEN);
	return true;
}

bool layout_read_value(struct bytes raw, struct shelf_value *value)
{
	if (raw.data == NULL || raw.len < VALUE_HEAD_LEN || raw.data[0] != STORE_VERSION)
		return false;
	value->present = true;
	value->lsn = (int64_t)get_le(raw.data + 1, 8);
	value->due_ms = (int64_t)get_le(raw.data + 9, 8);
	value->state = bytes_of(raw.data + VALUE_HEAD_LEN, raw.len - VALUE_HEAD_LEN);
	return true;
}

bool layout_read_position(struct bytes raw, struct shelf_position *position)
{
	if (raw.len < 1)
		return false;
	position->version = raw.data[0];
	if (position->version != STORE_VERSION)
		return true;
	if (raw.len < POSITION_HEAD_LEN)
		return false;
	size_t cluster_len = raw.data[29], clock_len = (size_t)get_le(raw.data + 30, 4);
	if (raw.len != POSITION_HEAD_LEN + cluster_len + clock_len || cluster_len > CLUSTER_ID_MAX)
		return false;
	position->present = true;
	position->x = (int64_t)get_le(raw.data + 1, 8);
	position->y = (int64_t)get_le(raw.data + 9, 8);
	position->logic_version = (uint32_t)get_le(raw.data + 17, 4);
	position->fingerprint = get_le(raw.data + 21, 8);
	position->cluster = bytes_of(raw.data + POSITION_HEAD_LEN, cluster_len);
	position->clock = bytes_of(raw.data + POSITION_HEAD_LEN + cluster_len, clock_len);
	return true;
}
