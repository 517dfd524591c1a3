/* A borrowed view of bytes: pointer and length, no ownership, no terminator.
 *
 * Text in foretell travels as views into the message it came from; whoever keeps it beyond that
 * message copies it. A view with data == NULL is "absent", one with len == 0 is "empty". */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *data; /* borrowed */
	size_t len;	     /* bytes */
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){ .data = data, .len = len };
}

/* The characters of a C string, terminator left out; NULL gives "absent". */
static inline struct bytes bytes_str(const char *text)
{
	return (struct bytes){ .data = (const uint8_t *)text, .len = text ? strlen(text) : 0 };
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Order by unsigned byte, a prefix before what it begins: <0, 0 or >0. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

/* The longest prefix of at most so many bytes that ends between two characters of UTF-8. */
static inline struct bytes bytes_cut(struct bytes text, size_t len_max)
{
	if (text.len <= len_max)
		return text;
	size_t len = len_max;
	while (len > 0 && (text.data[len] & 0xC0) == 0x80)
		len--;
	return bytes_of(text.data, len);
}

#endif
