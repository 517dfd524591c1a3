#include "producers/csv.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/check.h"

/* Where in a row the scanner stands:
 *
 *                 quote
 *   FIELD_START ---------> QUOTED <-- quote (doubled) --+
 *     |     ^                 |                         |
 *     |     | delimiter       +------- quote -----> AFTER_QUOTE
 *     v     |                                           |
 *   UNQUOTED <-- any other byte (an error, found when --+
 *                the row is split)
 *
 * A line end ends the row in every state but QUOTED; a delimiter begins a field in every state but
 * QUOTED. */
enum scan_state { SCAN_FIELD_START, SCAN_UNQUOTED, SCAN_QUOTED, SCAN_AFTER_QUOTE };

/* The buffer holds a row of the largest size, its CRLF, and one chunk. */
enum { BUFFER_LEN = CSV_ROW_LEN_MAX + 2 + CSV_CHUNK_LEN };

struct csv {
	struct csv_options options;
	struct csv_input input;
	size_t expected;      /* fields, 0: any */
	int64_t line;	      /* of the byte at `start` */
	size_t start, filled; /* of buffer: the row begins at start */
	bool at_end;	      /* the input has no more */
	bool begun;	      /* the byte order mark was looked for */
	struct bytes fields[CSV_FIELD_COUNT_MAX];
	uint8_t buffer[BUFFER_LEN];
	uint8_t unquoted[CSV_ROW_LEN_MAX]; /* fields whose doubled quotes were undone */
};

/* What the scanner learnt about the row at csv->start. */
struct extent {
	size_t len;	  /* of the row, without its line end */
	size_t end_len;	  /* of its line end: 0 (end of input), 1 or 2 */
	size_t column;	  /* 1-based, the last one that was reached */
	int64_t lines;	  /* line ends inside it */
	size_t first_len; /* of its first line, where lines > 0 */
	size_t first_end_len;
	bool open_quote; /* the input, or a limit, ended inside a quoted field */
	bool oversized;	 /* not even its first line ends within CSV_ROW_LEN_MAX */
};

struct csv *csv_open(const struct csv_options *options, const struct csv_input *input)
{
	struct csv *csv = check_malloc(sizeof *csv);
	csv->options = *options;
	csv->input = *input;
	csv->expected = 0;
	csv->line = 1;
	csv->start = csv->filled = 0;
	csv->at_end = csv->begun = false;
	return csv;
}

void csv_close(struct csv **csv)
{
	free(*csv);
	*csv = NULL;
}

void csv_expect(struct csv *csv, size_t field_count)
{
	csv->expected = field_count;
}

/* More bytes behind `filled`; what lies before the row is given up for them. */
static struct err *fill(struct csv *csv)
{
	if (csv->start > 0) {
		memmove(csv->buffer, csv->buffer + csv->start, csv->filled - csv->start);
		csv->filled -= csv->start;
		csv->start = 0;
	}
	size_t room = sizeof csv->buffer - csv->filled;
	CHECK(room > 0);
	size_t len = 0;
	struct err *err = csv->input.read(csv->input.context, csv->buffer + csv->filled,
					  room < CSV_CHUNK_LEN ? room : CSV_CHUNK_LEN, &len);
	if (err != NULL)
		return err;
	CHECK(len <= room);
	csv->filled += len;
	csv->at_end = len == 0;
	return NULL;
}

static bool is_delimiter(const struct csv *csv, uint8_t c)
{
	if (csv->options.delimiter == CSV_WHITESPACE)
		return c == ' ' || c == '\t';
	return c == csv->options.delimiter;
}

static enum scan_state scan_step(const struct csv *csv, enum scan_state state, uint8_t c)
{
	bool quote = c == csv->options.quote;
	if (state == SCAN_QUOTED)
		return quote ? SCAN_AFTER_QUOTE : SCAN_QUOTED;
	if (quote && (state == SCAN_FIELD_START || state == SCAN_AFTER_QUOTE))
		return SCAN_QUOTED;
	return is_delimiter(csv, c) ? SCAN_FIELD_START : SCAN_UNQUOTED;
}

static size_t line_end_len(const uint8_t *line, size_t newline_at)
{
	return newline_at > 0 && line[newline_at - 1] == '\r' ? 2 : 1;
}

/* A line end at `at` (relative to the row). Returns whether the row ends there. */
static bool end_line(const struct csv *csv, enum scan_state state, size_t at, struct extent *extent)
{
	size_t end_len = line_end_len(csv->buffer + csv->start, at);
	size_t len = at + 1 - end_len;
	if (state != SCAN_QUOTED) {
		extent->len = len;
		extent->end_len = end_len;
		return true;
	}
	if (extent->lines == 0) {
		extent->first_len = len;
		extent->first_end_len = end_len;
	}
	extent->lines++;
	extent->open_quote = extent->lines >= CSV_ROW_LINES_MAX;
	return extent->open_quote;
}

/* Finds the end of the row at csv->start, reading as much as that takes. */
static struct err *scan(struct csv *csv, struct extent *extent)
{
	enum scan_state state = SCAN_FIELD_START;
	*extent = (struct extent){ .column = 1 };
	for (size_t at = 0;; at++) {
		while (csv->start + at == csv->filled && !csv->at_end) {
			struct err *err = fill(csv);
			if (err != NULL)
				return err;
		}
		if (csv->start + at == csv->filled) {
			extent->len = at;
			extent->open_quote = state == SCAN_QUOTED;
			return NULL;
		}
		uint8_t c = csv->buffer[csv->start + at];
		if (c == '\n') {
			if (end_line(csv, state, at, extent))
				return NULL;
		} else if (at >= CSV_ROW_LEN_MAX + 1 || (at == CSV_ROW_LEN_MAX && c != '\r')) {
			extent->open_quote = extent->lines > 0;
			extent->oversized = extent->lines == 0;
			return NULL;
		}
		bool between =
			state == SCAN_FIELD_START && csv->options.delimiter == CSV_WHITESPACE;
		state = scan_step(csv, state, c);
		extent->column += state == SCAN_FIELD_START && !between;
	}
}

/* Leaves the row (or its first line) behind. */
static void advance(struct csv *csv, size_t len, int64_t lines)
{
	csv->start += len;
	csv->line += lines;
	CHECK(csv->start <= csv->filled);
}

/* A quoted field at raw[*at] (its opening quote); *at moves behind its closing quote. Returns false
 * where text follows that. */
static bool take_quoted(struct csv *csv, struct bytes raw, size_t *at, size_t *unquoted_len,
			struct bytes *field)
{
	uint8_t quote = (uint8_t)csv->options.quote;
	size_t begin = ++*at, doubled = 0;
	for (; *at < raw.len; ++*at) {
		if (raw.data[*at] != quote)
			continue;
		if (*at + 1 == raw.len || raw.data[*at + 1] != quote)
			break;
		++*at;
		doubled++;
	}
	CHECK(*at < raw.len); /* scan ends a row outside quotes only */
	size_t len = *at - begin;
	*field = bytes_of(raw.data + begin, len);
	if (doubled > 0) {
		uint8_t *out = csv->unquoted + *unquoted_len;
		*unquoted_len += len - doubled;
		for (size_t i = 0, o = 0; i < len; i++) {
			out[o++] = raw.data[begin + i];
			i += raw.data[begin + i] == quote;
		}
		*field = bytes_of(out, len - doubled);
	}
	++*at;
	return *at == raw.len || is_delimiter(csv, raw.data[*at]);
}

static bool take_unquoted(struct csv *csv, struct bytes raw, size_t *at, struct bytes *field)
{
	size_t begin = *at;
	for (; *at < raw.len && !is_delimiter(csv, raw.data[*at]); ++*at)
		if (raw.data[*at] == csv->options.quote)
			return false;
	*field = bytes_of(raw.data + begin, *at - begin);
	return true;
}

static void skip_blanks(const struct csv *csv, struct bytes raw, size_t *at)
{
	while (csv->options.delimiter == CSV_WHITESPACE && *at < raw.len &&
	       is_delimiter(csv, raw.data[*at]))
		++*at;
}

static struct err *take_field(struct csv *csv, struct bytes raw, size_t *at, size_t *unquoted_len,
			      size_t column)
{
	struct bytes *field = &csv->fields[column];
	if (*at < raw.len && raw.data[*at] == csv->options.quote) {
		if (!take_quoted(csv, raw, at, unquoted_len, field))
			return err_new(ERR_POISON, "CSV_QUOTE",
				       "column %zu: text after the closing quote; expected a "
				       "delimiter or the end of the row",
				       column + 1);
	} else if (!take_unquoted(csv, raw, at, field)) {
		return err_new(ERR_POISON, "CSV_QUOTE",
			       "column %zu: a quote inside an unquoted field; expected the whole "
			       "field in quotes and this one doubled",
			       column + 1);
	}
	return NULL;
}

/* Splits `raw` into csv->fields. */
static struct err *split(struct csv *csv, struct bytes raw, size_t *field_count)
{
	size_t at = 0, count = 0, unquoted_len = 0;
	bool more = true;
	skip_blanks(csv, raw, &at);
	while (more) {
		if (count == CSV_FIELD_COUNT_MAX)
			return err_new(ERR_POISON, "CSV_FIELD_COUNT",
				       "column %zu: expected at most %d columns", count + 1,
				       CSV_FIELD_COUNT_MAX);
		struct err *err = take_field(csv, raw, &at, &unquoted_len, count);
		if (err != NULL)
			return err;
		count++;
		more = at < raw.len;
		at += more; /* the delimiter */
		skip_blanks(csv, raw, &at);
		if (csv->options.delimiter == CSV_WHITESPACE)
			more = at < raw.len;
	}
	*field_count = count;
	if (csv->expected != 0 && count != csv->expected)
		return err_new(ERR_POISON, "CSV_FIELD_COUNT",
			       "column %zu: the row has %zu columns; expected %zu",
			       count < csv->expected ? count + 1 : csv->expected + 1, count,
			       csv->expected);
	return NULL;
}

/* Reads a line that is too long to be kept up to its end, hashing it. */
static struct err *skip_oversized(struct csv *csv, struct row *row)
{
	static const char digits[] = "0123456789abcdef";
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t digest[HASH_SHA256_HEX_LEN / 2];
	struct err *err = NULL;
	const uint8_t *newline = NULL;
	CHECK(context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1);
	do {
		/* the last byte stays behind while more may come: a CR may belong to the line end
		 */
		const uint8_t *begin = csv->buffer + csv->start;
		size_t have = csv->filled - csv->start;
		newline = have == 0 ? NULL : memchr(begin, '\n', have);
		size_t len = have - (csv->at_end || have == 0 ? 0 : 1), end_len = 0;
		if (newline != NULL) {
			end_len = line_end_len(begin, (size_t)(newline - begin));
			len = (size_t)(newline - begin) + 1 - end_len;
		}
		CHECK(EVP_DigestUpdate(context, begin, len) == 1);
		row->raw_len += (int64_t)len;
		advance(csv, len + end_len, newline != NULL);
		if (newline == NULL && !csv->at_end)
			err = fill(csv);
		else
			break;
	} while (err == NULL);
	CHECK(EVP_DigestFinal_ex(context, digest, NULL) == 1);
	EVP_MD_CTX_free(context);
	for (size_t i = 0; i < sizeof digest; i++) {
		row->raw_digest[2 * i] = digits[digest[i] >> 4];
		row->raw_digest[2 * i + 1] = digits[digest[i] & 15];
	}
	row->raw_digest[HASH_SHA256_HEX_LEN] = '\0';
	return err;
}

/* Only the row's first line is given up where it has several. */
static void drop_damaged(struct csv *csv, const struct extent *extent, struct row *row)
{
	bool several = extent->lines > 0;
	size_t len = several ? extent->first_len : extent->len;
	size_t end_len = several ? extent->first_end_len : extent->end_len;
	row->raw = bytes_of(csv->buffer + csv->start, len);
	row->raw_len = (int64_t)len;
	row->field_count = 0;
	advance(csv, len + end_len, end_len > 0);
}

static struct err *read_row(struct csv *csv, const struct extent *extent, struct row *row)
{
	if (extent->oversized) {
		struct err *err = skip_oversized(csv, row);
		if (err != NULL)
			return err;
		return err_new(ERR_POISON, "CSV_ROW_SIZE",
			       "column 1: the line is %lld bytes long; expected at most %d",
			       (long long)row->raw_len, CSV_ROW_LEN_MAX);
	}
	if (extent->open_quote) {
		drop_damaged(csv, extent, row);
		return err_new(ERR_POISON, "CSV_QUOTE",
			       "column %zu: a quote that makes the row run past %d lines, %d "
			       "bytes or the end of the file; expected its closing quote",
			       extent->column, CSV_ROW_LINES_MAX, CSV_ROW_LEN_MAX);
	}
	row->raw = bytes_of(csv->buffer + csv->start, extent->len);
	row->raw_len = (int64_t)extent->len;
	struct err *err = split(csv, row->raw, &row->field_count);
	if (err != NULL) {
		drop_damaged(csv, extent, row);
		return err;
	}
	row->fields = csv->fields;
	advance(csv, extent->len + extent->end_len, extent->lines + (extent->end_len > 0));
	return NULL;
}

static struct err *skip_byte_order_mark(struct csv *csv)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };
	while (csv->filled < sizeof mark && !csv->at_end) {
		struct err *err = fill(csv);
		if (err != NULL)
			return err;
	}
	if (csv->filled >= sizeof mark && memcmp(csv->buffer, mark, sizeof mark) == 0)
		csv->start = sizeof mark;
	csv->begun = true;
	return NULL;
}

/* Whether the row holds nothing but, between blanks, its line end. */
static bool is_empty(const struct csv *csv, const struct extent *extent)
{
	struct bytes raw = bytes_of(csv->buffer + csv->start, extent->len);
	size_t at = 0;
	skip_blanks(csv, raw, &at);
	return at == raw.len && !extent->oversized && !extent->open_quote;
}

struct err *csv_next(struct csv *csv, struct row *row, bool *more)
{
	struct extent extent;
	struct err *err = csv->begun ? NULL : skip_byte_order_mark(csv);
	*row = (struct row){ 0 };
	*more = false;
	while (err == NULL) {
		err = scan(csv, &extent);
		if (err != NULL)
			return err;
		if (extent.len == 0 && extent.end_len == 0 && !extent.oversized &&
		    !extent.open_quote)
			return NULL;
		if (!is_empty(csv, &extent))
			break;
		advance(csv, extent.len + extent.end_len, extent.end_len > 0);
	}
	if (err != NULL)
		return err;
	*more = true;
	row->line = csv->line;
	return read_row(csv, &extent, row);
}
