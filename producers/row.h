/* A row of a file, as mappings see it: fields, and the bytes that they were read from. Of delimited
 * text a field is a cell; of JSON it is the text of what a mapping's column names.
 *
 * Ownership: borrowed from the reader until its next row. */
#ifndef PRODUCERS_ROW_H
#define PRODUCERS_ROW_H

#include "base/bytes.h"
#include "base/hash.h"

struct row {
	int64_t line; /* 1-based line of the file on which it begins; of a container the block */
	struct bytes raw; /* its bytes without the line end; absent for a line that is too long */
	int64_t raw_len;  /* bytes, of such a line too */
	char raw_digest[HASH_SHA256_HEX_LEN + 1]; /* of such a line, else "" */
	size_t field_count;
	const struct bytes *fields; /* unquoted, in the file's own encoding */
};

#endif
