/* Bytes of a regular file, plain, gzip or xz (told by its first bytes, never by its name), as one
 * stream in bounded memory.
 *
 * The file is read twice: opening it takes the SHA-256 of what lies on the disk, because event ids
 * are made from that digest before the first event can be sent; reading to the end takes it again,
 * so that a file that grew or changed in between is an error, not a mixture.
 *
 * Ownership: the reader owns its descriptor and buffers. Threads: one. */
#ifndef PRODUCERS_SOURCE_FILE_H
#define PRODUCERS_SOURCE_FILE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"

enum {
	SOURCE_FILE_BUFFER_LEN = 64 * 1024,
	SOURCE_FILE_XZ_MEMORY_MAX = 128 * 1024 * 1024, /* xz -9 needs 65 MiB */
};

struct source_file;

/* A new reader, at the first byte of the content. Close with source_file_close.
 * Errors: FATAL SOURCE_FILE_OPEN (missing, unreadable, not a regular file), SOURCE_FILE_READ. */
ERR_MUST_USE struct err *source_file_open(const char *path, struct source_file **file);
void source_file_close(struct source_file **file); /* NULL-safe */

/* Up to out_max > 0 bytes of the content into out; *len 0 means the end, and that the digest still
 * holds. Errors: FATAL SOURCE_FILE_READ, SOURCE_FILE_DAMAGED (a broken or cut archive),
 * SOURCE_FILE_CHANGED. */
ERR_MUST_USE struct err *source_file_read(struct source_file *file, uint8_t *out, size_t out_max,
					  size_t *len);

/* The SHA-256 of the file as it lies on the disk, 64 hex digits. Borrowed. */
const char *source_file_digest(const struct source_file *file);

/* Bytes on the disk, and how many of them have been read: for a progress bar. */
int64_t source_file_size(const struct source_file *file);
int64_t source_file_position(const struct source_file *file);

#endif
