#include "simulate/container.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "schemas/record_plan.h"

enum {
	BLOCK_LEN = 64 * 1024, /* a block is written when it has so many bytes */
	BLOCK_LEN_MAX = BLOCK_LEN + 2 * POST_EVENT_LEN_MAX,
	MARK_LEN = 16,
	VARINT_LEN_MAX = 10,
	PATH_LEN_MAX = 4096,
	BROKEN = FEED_COUNT, /* the file after those of the feeds */
	FILE_COUNT,
};

static const char broken_schema[] =
	"{\"type\":\"record\",\"name\":\"BrokenRecord\",\"namespace\":\"foretell.simulation\","
	"\"doc\":\"A record that is no Avro, planted by the simulation.\",\"fields\":["
	"{\"name\":\"topic\",\"type\":\"string\",\"doc\":\"Where it belongs.\"},"
	"{\"name\":\"key\",\"type\":\"bytes\",\"doc\":\"The record's key.\"},"
	"{\"name\":\"value\",\"type\":\"bytes\",\"doc\":\"The record's value.\"}]}";

struct container {
	FILE *file;
	int64_t block_count;
	size_t block_len;
	uint8_t block[BLOCK_LEN_MAX];
};

struct containers {
	uint8_t mark[MARK_LEN];
	struct container files[FILE_COUNT];
};

static const char *file_name(int index)
{
	return index == BROKEN ? "broken" : feed_facts[index].topic;
}

static struct err *write_err(int index)
{
	return err_new(ERR_FATAL, "SIMULATION_FILE", "can't write %s.avro: %s", file_name(index),
		       strerror(errno));
}

static size_t put_long(uint8_t *at, int64_t value)
{
	uint64_t rest = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
	size_t len = 0;
	for (; rest > 0x7f; rest >>= 7)
		at[len++] = (uint8_t)(rest | 0x80);
	at[len++] = (uint8_t)rest;
	return len;
}

static size_t put_bytes(uint8_t *at, struct bytes bytes)
{
	size_t len = put_long(at, (int64_t)bytes.len);
	if (bytes.len > 0)
		memcpy(at + len, bytes.data, bytes.len);
	return len + bytes.len;
}

static struct err *header_write(struct containers *containers, int index)
{
	const char *schema =
		index == BROKEN ? broken_schema : record_own_text(feed_facts[index].type->name);
	CHECK(schema != NULL);
	uint8_t *header = check_malloc(strlen(schema) + 256);
	size_t len = 0;
	memcpy(header, "Obj\x01", 4);
	len += 4;
	len += put_long(header + len, 2);
	len += put_bytes(header + len, bytes_str("avro.schema"));
	len += put_bytes(header + len, bytes_str(schema));
	len += put_bytes(header + len, bytes_str("avro.codec"));
	len += put_bytes(header + len, bytes_str("null"));
	header[len++] = 0;
	memcpy(header + len, containers->mark, MARK_LEN);
	len += MARK_LEN;
	bool written = fwrite(header, 1, len, containers->files[index].file) == len;
	free(header);
	return written ? NULL : write_err(index);
}

struct err *containers_open(const char *folder, uint64_t seed, struct containers **out)
{
	struct containers *containers = check_calloc(1, sizeof *containers);
	struct err *err = NULL;
	struct prng random = prng_new(seed, 0);
	for (size_t i = 0; i < MARK_LEN; i++)
		containers->mark[i] = (uint8_t)prng_next(&random);
	for (int i = 0; i < FILE_COUNT && err == NULL; i++) {
		char path[PATH_LEN_MAX];
		snprintf(path, sizeof path, "%s/%s.avro", folder, file_name(i));
		containers->files[i].file = fopen(path, "wb");
		if (containers->files[i].file == NULL)
			err = write_err(i);
		else
			err = header_write(containers, i);
	}
	*out = containers;
	if (err == NULL)
		return NULL;
	struct err *close_err = containers_close(out);
	err_free(&close_err);
	return err;
}

static struct err *block_write(struct containers *containers, int index)
{
	struct container *container = &containers->files[index];
	uint8_t head[2 * VARINT_LEN_MAX];
	if (container->block_count == 0)
		return NULL;
	size_t len = put_long(head, container->block_count);
	len += put_long(head + len, (int64_t)container->block_len);
	bool written = fwrite(head, 1, len, container->file) == len &&
		       fwrite(container->block, 1, container->block_len, container->file) ==
			       container->block_len &&
		       fwrite(containers->mark, 1, MARK_LEN, container->file) == MARK_LEN;
	container->block_count = 0;
	container->block_len = 0;
	return written ? NULL : write_err(index);
}

struct err *containers_send(void *context, const struct delivery *delivery)
{
	struct containers *containers = context;
	int index = delivery->is_raw ? BROKEN : (int)delivery->feed;
	struct container *container = &containers->files[index];
	uint8_t *block = container->block;
	size_t *len = &container->block_len;
	CHECK(delivery->value.len <= POST_EVENT_LEN_MAX + VARINT_LEN_MAX);
	if (delivery->is_raw) {
		*len += put_bytes(block + *len, bytes_str(feed_facts[delivery->feed].topic));
		*len += put_bytes(block + *len, delivery->key);
		*len += put_bytes(block + *len, delivery->value);
	} else {
		memcpy(block + *len, delivery->value.data, delivery->value.len);
		*len += delivery->value.len;
	}
	container->block_count++;
	return *len < BLOCK_LEN ? NULL : block_write(containers, index);
}

struct err *containers_close(struct containers **out)
{
	struct containers *containers = *out;
	struct err *err = NULL;
	if (containers == NULL)
		return NULL;
	for (int i = 0; i < FILE_COUNT; i++) {
		if (containers->files[i].file == NULL)
			continue;
		struct err *write_error = block_write(containers, i);
		if (fclose(containers->files[i].file) != 0 && write_error == NULL)
			write_error = write_err(i);
		if (err == NULL)
			err = write_error;
		else
			err_free(&write_error);
	}
	free(containers);
	*out = NULL;
	return err;
}
