#include "producers/source_file.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/check.h"

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_XZ };

enum { ZLIB_GZIP_ONLY = 16 + MAX_WBITS }; /* zlib.h: 16 added to windowBits asks for gzip */

struct source_file {
	char *path;
	int fd;
	enum packing packing;
	int64_t size, position;
	char digest[HASH_SHA256_HEX_LEN + 1];
	EVP_MD_CTX *running; /* the digest of what has been read in the second pass */
	bool at_end;	     /* of the bytes on the disk */
	bool stream_end;     /* of the content */
	bool gzip_fresh;     /* between two gzip members */
	bool verified;	     /* the second digest was compared */
	z_stream gzip;
	lzma_stream xz;
	size_t used, filled; /* of buffer */
	uint8_t buffer[SOURCE_FILE_BUFFER_LEN];
};

static struct err *read_error(const struct source_file *file)
{
	return err_new(ERR_FATAL, "SOURCE_FILE_READ", "%s: reading failed at byte %lld: %s",
		       file->path, (long long)file->position, strerror(errno));
}

static struct err *damaged(const struct source_file *file, const char *why)
{
	return err_new(ERR_FATAL, "SOURCE_FILE_DAMAGED",
		       "%s: %s near byte %lld of %lld: expected a whole %s file", file->path, why,
		       (long long)(file->position - (int64_t)(file->filled - file->used)),
		       (long long)file->size, file->packing == PACKING_XZ ? "xz" : "gzip");
}

/* The next bytes on the disk into the buffer; sets at_end when there are none. */
static struct err *fill(struct source_file *file)
{
	ssize_t count;
	do
		count = read(file->fd, file->buffer, sizeof file->buffer);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return read_error(file);
	file->used = 0;
	file->filled = (size_t)count;
	file->position += count;
	file->at_end = count == 0;
	CHECK(EVP_DigestUpdate(file->running, file->buffer, file->filled) == 1);
	return NULL;
}

static void digest_finish(EVP_MD_CTX *context, char hex[HASH_SHA256_HEX_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[HASH_SHA256_HEX_LEN / 2];
	unsigned len = 0;
	CHECK(EVP_DigestFinal_ex(context, digest, &len) == 1 && len == sizeof digest);
	for (size_t i = 0; i < sizeof digest; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[HASH_SHA256_HEX_LEN] = '\0';
}

/* The first pass: digest and size, and back to the beginning. */
static struct err *take_digest(struct source_file *file)
{
	CHECK(EVP_DigestInit_ex(file->running, EVP_sha256(), NULL) == 1);
	while (!file->at_end) {
		struct err *err = fill(file);
		if (err != NULL)
			return err;
	}
	digest_finish(file->running, file->digest);
	file->size = file->position;
	if (lseek(file->fd, 0, SEEK_SET) != 0)
		return read_error(file);
	file->position = 0;
	file->at_end = false;
	CHECK(EVP_DigestInit_ex(file->running, EVP_sha256(), NULL) == 1);
	return fill(file);
}

static struct err *start_decoder(struct source_file *file)
{
	static const uint8_t gzip_magic[] = { 0x1f, 0x8b };
	static const uint8_t xz_magic[] = { 0xfd, '7', 'z', 'X', 'Z', 0x00 };
	const uint8_t *head = file->buffer;
	if (file->filled >= sizeof gzip_magic && memcmp(head, gzip_magic, sizeof gzip_magic) == 0) {
		if (inflateInit2(&file->gzip, ZLIB_GZIP_ONLY) != Z_OK)
			return damaged(file, "zlib did not start");
		file->packing = PACKING_GZIP;
	} else if (file->filled >= sizeof xz_magic &&
		   memcmp(head, xz_magic, sizeof xz_magic) == 0) {
		if (lzma_stream_decoder(&file->xz, SOURCE_FILE_XZ_MEMORY_MAX, LZMA_CONCATENATED) !=
		    LZMA_OK)
			return damaged(file, "liblzma did not start");
		file->packing = PACKING_XZ;
	}
	return NULL;
}

static struct err *open_regular(struct source_file *file)
{
	struct stat info;
	file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0 || fstat(file->fd, &info) != 0)
		return err_new(ERR_FATAL, "SOURCE_FILE_OPEN", "%s: %s", file->path,
			       strerror(errno));
	if (!S_ISREG(info.st_mode))
		return err_new(ERR_FATAL, "SOURCE_FILE_OPEN",
			       "%s: expected a regular file (it is read twice); write a pipe's "
			       "content into a file first",
			       file->path);
	return NULL;
}

struct err *source_file_open(const char *path, struct source_file **out)
{
	struct source_file *file = check_calloc(1, sizeof *file);
	file->path = check_strdup(path);
	file->fd = -1;
	file->xz = (lzma_stream)LZMA_STREAM_INIT;
	file->running = EVP_MD_CTX_new();
	CHECK(file->running != NULL);
	struct err *err = open_regular(file);
	if (err == NULL)
		err = take_digest(file);
	if (err == NULL)
		err = start_decoder(file);
	if (err != NULL)
		source_file_close(&file);
	*out = file;
	return err;
}

void source_file_close(struct source_file **out)
{
	struct source_file *file = *out;
	*out = NULL;
	if (file == NULL)
		return;
	if (file->packing == PACKING_GZIP)
		inflateEnd(&file->gzip);
	lzma_end(&file->xz);
	EVP_MD_CTX_free(file->running);
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	free(file);
}

static struct err *read_plain(struct source_file *file, uint8_t *out, size_t out_max, size_t *len)
{
	size_t count = file->filled - file->used;
	if (count > out_max)
		count = out_max;
	memcpy(out, file->buffer + file->used, count);
	file->used += count;
	*len = count;
	file->stream_end = file->at_end;
	return NULL;
}

static struct err *read_gzip(struct source_file *file, uint8_t *out, size_t out_max, size_t *len)
{
	z_stream *gzip = &file->gzip;
	if (file->gzip_fresh && file->used < file->filled) {
		/* `cat a.gz b.gz` is a gzip file too */
		if (inflateReset(gzip) != Z_OK)
			return damaged(file, "zlib did not start again");
		file->gzip_fresh = false;
	}
	if (file->at_end) {
		file->stream_end = file->gzip_fresh;
		return file->gzip_fresh ? NULL : damaged(file, "the archive is cut off");
	}
	gzip->next_in = file->buffer + file->used;
	gzip->avail_in = (uInt)(file->filled - file->used);
	gzip->next_out = out;
	gzip->avail_out = (uInt)out_max;
	int status = inflate(gzip, Z_NO_FLUSH);
	file->used = file->filled - gzip->avail_in;
	*len = out_max - gzip->avail_out;
	file->gzip_fresh = status == Z_STREAM_END;
	if (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR)
		return NULL;
	return damaged(file, gzip->msg != NULL ? gzip->msg : "zlib gave up");
}

static struct err *read_xz(struct source_file *file, uint8_t *out, size_t out_max, size_t *len)
{
	lzma_stream *xz = &file->xz;
	xz->next_in = file->buffer + file->used;
	xz->avail_in = file->filled - file->used;
	xz->next_out = out;
	xz->avail_out = out_max;
	lzma_ret status = lzma_code(xz, file->at_end ? LZMA_FINISH : LZMA_RUN);
	file->used = file->filled - xz->avail_in;
	*len = out_max - xz->avail_out;
	file->stream_end = status == LZMA_STREAM_END;
	if (status == LZMA_OK || status == LZMA_STREAM_END)
		return NULL;
	if (status == LZMA_BUF_ERROR)
		return file->at_end ? damaged(file, "the archive is cut off") : NULL;
	if (status == LZMA_MEMLIMIT_ERROR)
		return damaged(file, "unpacking needs more than 128 MiB");
	return damaged(file, "liblzma found damage");
}

static struct err *check_unchanged(struct source_file *file)
{
	char digest[HASH_SHA256_HEX_LEN + 1];
	CHECK(file->at_end);
	digest_finish(file->running, digest);
	file->verified = true;
	if (memcmp(digest, file->digest, sizeof digest) != 0)
		return err_new(ERR_FATAL, "SOURCE_FILE_CHANGED",
			       "%s: the file changed while it was read; run again when nothing "
			       "writes to it",
			       file->path);
	return NULL;
}

struct err *source_file_read(struct source_file *file, uint8_t *out, size_t out_max, size_t *len)
{
	CHECK(out_max > 0);
	*len = 0;
	while (*len == 0 && !file->stream_end) {
		struct err *err = NULL;
		if (file->used == file->filled && !file->at_end)
			err = fill(file);
		if (err == NULL && file->packing == PACKING_NONE)
			err = read_plain(file, out, out_max, len);
		else if (err == NULL && file->packing == PACKING_GZIP)
			err = read_gzip(file, out, out_max, len);
		else if (err == NULL)
			err = read_xz(file, out, out_max, len);
		if (err != NULL)
			return err;
	}
	return *len == 0 && !file->verified ? check_unchanged(file) : NULL;
}

const char *source_file_digest(const struct source_file *file)
{
	return file->digest;
}

int64_t source_file_size(const struct source_file *file)
{
	return file->size;
}

int64_t source_file_position(const struct source_file *file)
{
	return file->position;
}
