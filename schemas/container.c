#include "schemas/container.h"

#include <inttypes.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/check.h"
#include "schemas/record_decode.h"

enum {
	MARK_LEN = 16,
	READ_LEN = 64 * 1024,
	META_LEN_MAX = SCHEMA_TEXT_MAX, /* one entry's key or value */
	GROW_LEN = 256 * 1024,
};

enum codec { CODEC_NULL, CODEC_DEFLATE, CODEC_ZSTANDARD };

struct buffer {
	uint8_t *data;
	size_t len, capacity;
};

struct container {
	struct container_input input;
	size_t used, filled; /* of bytes */
	int64_t consumed;    /* bytes of the stream before `bytes` */
	bool at_end;
	char *schema_text;
	struct schema *schema;
	const struct schema_node *root;
	enum codec codec;
	uint8_t mark[MARK_LEN];
	struct buffer packed, block; /* as it lies in the file; as values */
	size_t block_used;
	int64_t block_left, block_number;
	uint8_t bytes[READ_LEN];
};

static struct err *damaged(const struct container *container, const char *what)
{
	return err_new(
		ERR_FATAL, "CONTAINER_DAMAGED",
		"the Avro container is damaged near byte %" PRId64 " (block %" PRId64 "): %s",
		container->consumed + (int64_t)container->used, container->block_number, what);
}

/* ---- the stream ----------------------------------------------------------------------------- */

/* Makes sure that a byte is there, but at the end. */
static struct err *fill(struct container *container)
{
	if (container->used < container->filled || container->at_end)
		return NULL;
	container->consumed += (int64_t)container->filled;
	container->used = container->filled = 0;
	struct err *err = container->input.read(container->input.context, container->bytes,
						sizeof container->bytes, &container->filled);
	container->at_end = err == NULL && container->filled == 0;
	return err;
}

static struct err *read_bytes(struct container *container, uint8_t *out, size_t len)
{
	while (len > 0) {
		struct err *err = fill(container);
		if (err != NULL)
			return err;
		size_t count = container->filled - container->used;
		if (count == 0)
			return damaged(container, "it ends within a block or the header");
		count = count < len ? count : len;
		memcpy(out, container->bytes + container->used, count);
		container->used += count;
		out += count;
		len -= count;
	}
	return NULL;
}

/* A zigzag varint. */
static struct err *read_long(struct container *container, int64_t *value)
{
	uint64_t bits = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = 0;
		struct err *err = read_bytes(container, &byte, 1);
		if (err != NULL)
			return err;
		if (shift == 63 && byte > 1)
			break;
		bits |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
			return NULL;
		}
	}
	return damaged(container, "a number of more than 64 bits");
}

/* ---- buffers -------------------------------------------------------------------------------- */

/* Room for `len` bytes in all; false where that is more than a block may have, or than there is. */
static bool reserve(struct buffer *buffer, size_t len)
{
	if (len <= buffer->capacity)
		return true;
	if (len > CONTAINER_BLOCK_MAX)
		return false;
	size_t capacity = buffer->capacity * 2 > len ? buffer->capacity * 2 : len;
	if (capacity > CONTAINER_BLOCK_MAX)
		capacity = CONTAINER_BLOCK_MAX;
	uint8_t *data = realloc(buffer->data, capacity);
	if (data == NULL)
		return false;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

/* The stream's next len bytes, in steps: a length that lies must not take memory. */
static struct err *read_buffer(struct container *container, size_t len, struct buffer *buffer)
{
	buffer->len = 0;
	while (buffer->len < len) {
		size_t step = len - buffer->len < GROW_LEN ? len - buffer->len : GROW_LEN;
		if (!reserve(buffer, buffer->len + step))
			return damaged(container, "a block of more than 32 MiB");
		struct err *err = read_bytes(container, buffer->data + buffer->len, step);
		if (err != NULL)
			return err;
		buffer->len += step;
	}
	return NULL;
}

/* ---- the header ----------------------------------------------------------------------------- */

/* A length and that many bytes, as a new text with a terminator. */
static struct err *read_text(struct container *container, char **text, size_t *len)
{
	int64_t count = 0;
	struct buffer buffer = { 0 };
	struct err *err = read_long(container, &count);
	if (err != NULL)
		return err;
	if (count < 0 || count > META_LEN_MAX)
		return damaged(container, "an entry of the header is too long");
	err = read_buffer(container, (size_t)count, &buffer);
	if (err == NULL) {
		*text = check_calloc((size_t)count + 1, 1);
		*len = (size_t)count;
		if (count > 0)
			memcpy(*text, buffer.data, (size_t)count);
	}
	free(buffer.data);
	return err;
}

static struct err *take_codec(struct container *container, const char *name)
{
	static const char *const names[] = { "null", "deflate", "zstandard" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		container->codec = (enum codec)i;
		if (strcmp(name, names[i]) == 0)
			return NULL;
	}
	return err_new(
		ERR_FATAL, "CONTAINER_CODEC",
		"the Avro container is packed with \"%.40s\"; null, deflate and zstandard can "
		"be read",
		name);
}

static struct err *read_entry(struct container *container)
{
	char *key = NULL, *value = NULL;
	size_t key_len, value_len = 0;
	struct err *err = read_text(container, &key, &key_len);
	if (err == NULL)
		err = read_text(container, &value, &value_len);
	if (err == NULL && strcmp(key, "avro.codec") == 0)
		err = take_codec(container, value);
	if (err == NULL && strcmp(key, "avro.schema") == 0) {
		free(container->schema_text);
		container->schema_text = value;
		value = NULL;
	}
	free(key);
	free(value);
	return err;
}

static struct err *read_meta(struct container *container)
{
	int64_t total = 0;
	for (;;) {
		int64_t count = 0, size;
		struct err *err = read_long(container, &count);
		if (err == NULL && count < 0) {
			err = read_long(container, &size);
			count = count < -CONTAINER_META_MAX ? CONTAINER_META_MAX + 1 : -count;
		}
		if (err != NULL)
			return err;
		if (count == 0)
			return NULL;
		if (count > CONTAINER_META_MAX - total)
			return damaged(container, "too many entries in the header");
		total += count;
		for (int64_t i = 0; i < count && err == NULL; i++)
			err = read_entry(container);
		if (err != NULL)
			return err;
	}
}

static struct err *read_header(struct container *container)
{
	static const uint8_t magic[] = { 'O', 'b', 'j', 1 };
	uint8_t head[sizeof magic] = { 0 };
	struct err *err = read_bytes(container, head, sizeof head);
	if (err != NULL || memcmp(head, magic, sizeof magic) != 0) {
		err_free(&err);
		return err_new(ERR_FATAL, "CONTAINER_DAMAGED",
			       "this is no Avro object container: it doesn't begin with Obj and 1");
	}
	err = read_meta(container);
	if (err == NULL)
		err = read_bytes(container, container->mark, MARK_LEN);
	if (err == NULL && container->schema_text == NULL)
		err = damaged(container, "the header has no avro.schema");
	if (err == NULL)
		err = schema_parse(container->schema_text, &container->schema, &container->root);
	return err;
}

struct err *container_open(const struct container_input *input, struct container **out)
{
	struct container *container = check_calloc(1, sizeof *container);
	container->input = *input;
	struct err *err = read_header(container);
	if (err != NULL)
		container_close(&container);
	*out = container;
	return err;
}

void container_close(struct container **out)
{
	struct container *container = *out;
	*out = NULL;
	if (container == NULL)
		return;
	schema_free(&container->schema);
	free(container->schema_text);
	free(container->packed.data);
	free(container->block.data);
	free(container);
}

/* ---- blocks --------------------------------------------------------------------------------- */

/* Raw deflate, RFC 1951: no header, no checksum. */
static struct err *inflate_block(struct container *container)
{
	struct buffer *out = &container->block;
	z_stream stream = { .next_in = container->packed.data,
			    .avail_in = (uInt)container->packed.len };
	CHECK(inflateInit2(&stream, -MAX_WBITS) == Z_OK);
	int status = Z_OK;
	out->len = 0;
	while (status == Z_OK && reserve(out, out->len + GROW_LEN)) {
		stream.next_out = out->data + out->len;
		stream.avail_out = (uInt)(out->capacity - out->len);
		status = inflate(&stream, Z_NO_FLUSH);
		out->len = out->capacity - stream.avail_out;
	}
	inflateEnd(&stream);
	return status == Z_STREAM_END ? NULL
				      : damaged(container, "a block can't be unpacked (deflate)");
}

static struct err *unpack_zstandard(struct container *container)
{
	struct buffer *out = &container->block;
	ZSTD_DStream *stream = ZSTD_createDStream();
	CHECK(stream != NULL);
	ZSTD_inBuffer from = { container->packed.data, container->packed.len, 0 };
	size_t status = 1;
	out->len = 0;
	while (status != 0 && !ZSTD_isError(status) && reserve(out, out->len + GROW_LEN)) {
		ZSTD_outBuffer to = { out->data, out->capacity, out->len };
		size_t before = from.pos;
		status = ZSTD_decompressStream(stream, &to, &from);
		bool moved = to.pos > out->len || from.pos > before;
		out->len = to.pos;
		if (status != 0 && !moved)
			break;
	}
	ZSTD_freeDStream(stream);
	return status == 0 ? NULL : damaged(container, "a block can't be unpacked (zstandard)");
}

static struct err *unpack(struct container *container)
{
	struct buffer swap = container->block;
	switch (container->codec) {
	case CODEC_DEFLATE: return inflate_block(container);
	case CODEC_ZSTANDARD: return unpack_zstandard(container);
	case CODEC_NULL:
	default:
		container->block = container->packed;
		container->packed = swap;
		return NULL;
	}
}

/* *more false where the stream ends between two blocks. */
static struct err *read_block(struct container *container, bool *more)
{
	int64_t count = 0, size = 0;
	uint8_t mark[MARK_LEN];
	struct err *err = fill(container);
	*more = !container->at_end;
	if (err != NULL || !*more)
		return err;
	container->block_number++;
	err = read_long(container, &count);
	if (err == NULL)
		err = read_long(container, &size);
	if (err == NULL && (count < 0 || size < 0))
		err = damaged(container, "a block of negative size");
	if (err == NULL && size > CONTAINER_BLOCK_MAX)
		err = damaged(container, "a block of more than 32 MiB");
	if (err == NULL)
		err = read_buffer(container, (size_t)size, &container->packed);
	if (err == NULL)
		err = read_bytes(container, mark, MARK_LEN);
	if (err == NULL && memcmp(mark, container->mark, MARK_LEN) != 0)
		err = damaged(container, "the mark after a block is another than the header's");
	if (err == NULL)
		err = unpack(container);
	container->block_left = count;
	container->block_used = 0;
	return err;
}

/* A block whose values are over must be over, too, and the other way round. Values without bytes
 * (of a null's type) are no records. */
static struct err *bad_rest(struct container *container, struct bytes *rest, struct err *why)
{
	*rest = bytes_of(container->block.data + container->block_used,
			 container->block.len - container->block_used);
	container->block_used = container->block.len;
	struct err *err = err_new(
		ERR_POISON, "CONTAINER_VALUE",
		"block %" PRId64 ": the last %" PRId64 " values can't be told apart: %s",
		container->block_number, container->block_left,
		why == NULL ? "the block is over before its values, or after them" : err_text(why));
	err_free(&why);
	return err;
}

struct err *container_next(struct container *container, struct bytes *avro, bool *more)
{
	*more = true;
	while (container->block_used == container->block.len) {
		struct err *err = read_block(container, more);
		if (err != NULL || !*more)
			return err;
		if (container->block.len == 0 && container->block_left > 0)
			return bad_rest(container, avro, NULL);
	}
	struct bytes rest = bytes_of(container->block.data + container->block_used,
				     container->block.len - container->block_used);
	size_t used = 0;
	if (container->block_left == 0)
		return bad_rest(container, avro, NULL);
	struct err *err = record_skip(container->root, rest, &used);
	if (err != NULL || used == 0 || (container->block_left == 1 && used != rest.len) ||
	    (container->block_left > 1 && used == rest.len))
		return bad_rest(container, avro, err);
	*avro = bytes_of(rest.data, used);
	container->block_used += used;
	container->block_left--;
	return NULL;
}

const char *container_schema(const struct container *container)
{
	return container->schema_text;
}

const struct schema_node *container_root(const struct container *container)
{
	return container->root;
}

int64_t container_block_left(const struct container *container)
{
	return container->block_left;
}

int64_t container_block(const struct container *container)
{
	return container->block_number;
}
