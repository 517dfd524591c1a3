#include "consumers/open_periods.h"

#include <string.h>

#include "base/saturate.h"

static size_t width_of(int64_t amount)
{
	size_t width = amount == 0 ? 0 : 1;
	while (width > 0 && width < sizeof amount &&
	       (amount < -(INT64_C(1) << (8 * width - 1)) ||
		amount >= INT64_C(1) << (8 * width - 1)))
		width++;
	return width;
}

static bool has_room(int64_t count, size_t width)
{
	return count <= SERIES_OPEN_MAX && count * (int64_t)width <= OPEN_BYTES;
}

static int64_t get(const uint8_t *at, size_t width)
{
	uint64_t value = width > 0 && (at[width - 1] & 0x80) != 0 ? UINT64_MAX : 0;
	for (size_t i = width; i > 0; i--)
		value = value << 8 | at[i - 1];
	return (int64_t)value;
}

static void put(uint8_t *at, size_t width, int64_t amount)
{
	for (size_t i = 0; i < width; i++)
		at[i] = (uint8_t)((uint64_t)amount >> (8 * i));
}

/* The last one first: each moves to where those before it no longer are. */
static void widen(struct open_periods *open, size_t width)
{
	for (size_t i = open->count; i > 0; i--)
		put(open->amounts + (i - 1) * width, width, open_periods_at(open, i - 1));
	open->width = (uint16_t)width;
}

/* To what those that are still open take. */
static void narrow(struct open_periods *open)
{
	size_t width = 0;
	for (size_t i = 0; i < open->count; i++) {
		size_t needed = width_of(open_periods_at(open, i));
		width = needed > width ? needed : width;
	}
	for (size_t i = 0; i < open->count; i++)
		put(open->amounts + i * width, width, open_periods_at(open, i));
	open->width = (uint16_t)width;
}

/* Room for `count` periods of at least `width` bytes: *width becomes what they then have. What is
 * refused depends on the amounts alone, not on what was open before: a state that came back from
 * its record is as wide as they need. */
static bool room_make(struct open_periods *open, int64_t count, size_t *width)
{
	if (!has_room(count, *width > open->width ? *width : open->width))
		narrow(open);
	*width = *width > open->width ? *width : open->width;
	return has_room(count, *width);
}

int64_t open_periods_at(const struct open_periods *open, size_t ahead)
{
	return ahead < open->count ? get(open->amounts + ahead * open->width, open->width) : 0;
}

bool open_periods_add(struct open_periods *open, int64_t ahead, int64_t amount)
{
	if (ahead < 0 || ahead >= SERIES_OPEN_MAX)
		return false;
	int64_t count = ahead < open->count ? open->count : ahead + 1;
	int64_t sum = saturating_add(open_periods_at(open, (size_t)ahead), amount);
	size_t width = width_of(sum);
	if (!room_make(open, count, &width))
		return false;
	if (width > open->width)
		widen(open, width);
	memset(open->amounts + open->count * width, 0, ((size_t)count - open->count) * width);
	open->count = (uint16_t)count;
	put(open->amounts + (size_t)ahead * width, width, sum);
	return true;
}

bool open_periods_begin(struct open_periods *open, int64_t count)
{
	size_t width = 0;
	if (count > SERIES_OPEN_MAX || !room_make(open, open->count + count, &width))
		return false;
	size_t shift = (size_t)count * open->width;
	memmove(open->amounts + shift, open->amounts, (size_t)open->count * open->width);
	memset(open->amounts, 0, shift);
	open->count = (uint16_t)(open->count + count);
	return true;
}

int64_t open_periods_close(struct open_periods *open)
{
	int64_t amount = open_periods_at(open, 0);
	if (open->count > 0)
		open->count--;
	memmove(open->amounts, open->amounts + open->width, (size_t)open->count * open->width);
	open->width = open->count > 0 ? open->width : 0;
	return amount;
}
