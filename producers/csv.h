/* A streaming reader for rows of delimited text, after RFC 4180: quoted fields with doubled quotes,
 * delimiters and line ends inside quotes, LF or CRLF, a byte order mark at the start. Besides:
 * any one-byte delimiter, or "whitespace" (runs of blanks and tabs; those at both ends of a line
 * are ignored). Strict: a quote inside an unquoted field is an error.
 *
 * Lines with nothing on them are no rows.
 *
 * Damage is bounded. A row is damaged where its quotes or its number of fields are wrong, where a
 * quote is still open at the end of the input, or where it exceeds a limit below. Then its FIRST
 * line alone is reported as a bad row, and reading goes on at the next line, so a stray quote costs
 * one row and never the rest of the file. Every byte belongs to exactly one row, good or bad, to a
 * line end, or to an empty line.
 *
 * Ownership: the reader owns its buffers; a row borrows from them until the next csv_next.
 * Threads: one. */
#ifndef PRODUCERS_CSV_H
#define PRODUCERS_CSV_H

#include "base/err.h"
#include "base/limits.h"
#include "producers/row.h"

enum {
	CSV_ROW_LEN_MAX = 256 * 1024, /* bytes, without the line end */
	CSV_ROW_LINES_MAX = 100,      /* lines that one row may span by its quotes */
	CSV_FIELD_COUNT_MAX = 512,
	CSV_CHUNK_LEN = 64 * 1024, /* bytes asked of the input at a time */
};

_Static_assert((int)CSV_ROW_LEN_MAX < (int)RECORD_LEN_MAX, "a bad row fits into a record of dlq");

enum { CSV_WHITESPACE = -1, CSV_NO_QUOTE = -2 }; /* neither is a byte, nor the other */

struct csv_options {
	int delimiter; /* a byte, or CSV_WHITESPACE */
	int quote;     /* a byte, or CSV_NO_QUOTE */
};

/* Where the bytes come from: up to out_max into out; *len 0 means the end. */
struct csv_input {
	struct err *(*read)(void *context, uint8_t *out, size_t out_max, size_t *len);
	void *context;
};

struct csv;

/* A new reader. Close with csv_close. */
struct csv *csv_open(const struct csv_options *options, const struct csv_input *input);
void csv_close(struct csv **csv); /* NULL-safe */

/* From now on a row must have `field_count` fields (0: any). */
void csv_expect(struct csv *csv, size_t field_count);

/* The next row; *more false at the end. Errors: POISON CSV_QUOTE, CSV_FIELD_COUNT, CSV_ROW_SIZE: a
 * bad row; row->line, raw, raw_len and raw_digest are set, its text says in which column (1-based)
 * and what was expected, and the next call goes on behind it. Any other error is the input's. */
ERR_MUST_USE struct err *csv_next(struct csv *csv, struct row *row, bool *more);

#endif
