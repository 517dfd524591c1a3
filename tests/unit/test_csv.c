/* The CSV reader as data: bytes in, rows out, for every size of the pieces in which they arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "producers/csv.h"

/* Hands out text in pieces of at most `piece` bytes. */
struct pieces {
	struct bytes text;
	size_t at, piece;
};

static struct err *read_piece(void *context, uint8_t *out, size_t out_max, size_t *len)
{
	struct pieces *pieces = context;
	size_t count = pieces->text.len - pieces->at;
	if (count > pieces->piece)
		count = pieces->piece;
	if (count > out_max)
		count = out_max;
	if (count > 0)
		memcpy(out, pieces->text.data + pieces->at, count);
	pieces->at += count;
	*len = count;
	return NULL;
}

enum { SHOWN_MAX = 4096 };

static size_t show(char *out, size_t used, const char *open, struct bytes bytes, const char *close)
{
	int len = snprintf(out + used, SHOWN_MAX - used, "%s%.*s%s", open, (int)bytes.len,
			   bytes.len > 0 ? (const char *)bytes.data : "", close);
	assert_true(len >= 0 && used + (size_t)len < SHOWN_MAX);
	return used + (size_t)len;
}

/* Good rows as line[field][field], bad ones as line!CODE{raw}. */
static void show_rows(const struct csv_options *options, size_t expected, const char *text,
		      size_t piece, char *out)
{
	struct pieces pieces = { .text = bytes_str(text), .piece = piece };
	struct csv_input input = { .read = read_piece, .context = &pieces };
	struct csv *csv = csv_open(options, &input);
	struct row row;
	size_t used = 0;
	bool more = true;
	csv_expect(csv, expected);
	out[0] = '\0';
	while (more) {
		struct err *err = csv_next(csv, &row, &more);
		if (!more) {
			assert_null(err);
			break;
		}
		char line[32];
		snprintf(line, sizeof line, "%s%lld", used > 0 ? " " : "", (long long)row.line);
		used = show(out, used, line, bytes_str(err == NULL ? "" : "!"), "");
		if (err != NULL) {
			used = show(out, used, err_code(err), bytes_str("{"), "");
			used = show(out, used, "", row.raw, "}");
			err_free(&err);
			continue;
		}
		for (size_t i = 0; i < row.field_count; i++)
			used = show(out, used, "[", row.fields[i], "]");
	}
	csv_close(&csv);
}

struct example {
	const char *name;
	int delimiter, quote;
	size_t expected;
	const char *text, *rows;
};

static const struct example examples[] = {
	{ "nothing", ',', '"', 0, "", "" },
	{ "plain rows", ',', '"', 2, "a,b\nc,d\n", "1[a][b] 2[c][d]" },
	{ "no line end at the end", ',', '"', 2, "a,b\nc,d", "1[a][b] 2[c][d]" },
	{ "CRLF", ',', '"', 2, "a,b\r\nc,d\r\n", "1[a][b] 2[c][d]" },
	{ "a CR alone is content", ',', '"', 2, "a\rx,b\n", "1[a\rx][b]" },
	{ "empty fields", ',', '"', 3, ",,\n,b,\n", "1[][][] 2[][b][]" },
	{ "byte order mark", ',', '"', 1,
	  "\xef\xbb\xbf"
	  "a\n",
	  "1[a]" },
	{ "half a byte order mark", ',', '"', 1, "\xef\xbb", "1[\xef\xbb]" },
	{ "empty lines are no rows", ',', '"', 1, "\n\na\n\r\n\nb\n\n", "3[a] 6[b]" },
	{ "other delimiters", ';', '\'', 2, "'a;b';c\n", "1[a;b][c]" },
	{ "tab", '\t', '"', 2, "a b\tc\n", "1[a b][c]" },
	{ "quotes off", ',', CSV_NO_QUOTE, 2, "\"a,b\"\n", "1[\"a][b\"]" },

	{ "quoted", ',', '"', 2, "\"a,b\",\"\"\n", "1[a,b][]" },
	{ "doubled quotes", ',', '"', 2, "\"a\"\"b\"\"\",\"\"\"\"\n", "1[a\"b\"][\"]" },
	{ "line ends in quotes", ',', '"', 2, "\"a\nb\r\nc\",d\ne,f\n", "1[a\nb\r\nc][d] 4[e][f]" },
	{ "quoted at the end of input", ',', '"', 2, "a,\"b\"", "1[a][b]" },

	{ "whitespace", CSV_WHITESPACE, CSV_NO_QUOTE, 3, "  a \t b  c \r\n\t d e f\n",
	  "1[a][b][c] 2[d][e][f]" },
	{ "a line of blanks is no row", CSV_WHITESPACE, CSV_NO_QUOTE, 1, "a\n  \t\nb",
	  "1[a] 3[b]" },
	{ "whitespace with quotes", CSV_WHITESPACE, '"', 2, " \"a b\"  c\n", "1[a b][c]" },

	{ "too few fields", ',', '"', 2, "a\nb,c\n", "1!CSV_FIELD_COUNT{a} 2[b][c]" },
	{ "too many fields", ',', '"', 2, "a,b,c\nd,e\n", "1!CSV_FIELD_COUNT{a,b,c} 2[d][e]" },
	{ "a quote inside", ',', '"', 2, "a,7\" x\nb,c\n", "1!CSV_QUOTE{a,7\" x} 2[b][c]" },
	{ "text behind a quote", ',', '"', 2, "\"a\"x,b\nc,d\n", "1!CSV_QUOTE{\"a\"x,b} 2[c][d]" },
	{ "CRLF is no part of a bad row", ',', '"', 2, "a\r\nb,c\r\n",
	  "1!CSV_FIELD_COUNT{a} 2[b][c]" },

	/* damage is bounded: one line, not the rest of the file */
	{ "open to the end of input", ',', '"', 2, "a,\"b\nc,d\ne,f\n",
	  "1!CSV_QUOTE{a,\"b} 2[c][d] 3[e][f]" },
	{ "open in the last row", ',', '"', 2, "a,b\nc,\"d", "1[a][b] 2!CSV_QUOTE{c,\"d}" },
	{ "a stray quote meets a later one", ',', '"', 2, "a,\"b\nc,\"d\"\ne,f\n",
	  "1!CSV_QUOTE{a,\"b} 2[c][d] 3[e][f]" },
	{ "a stray quote that makes a row of the wrong width", ',', '"', 3,
	  "a,\"b,c\nd,e\"\nh,i,j\n", "1!CSV_FIELD_COUNT{a,\"b,c} 2!CSV_QUOTE{d,e\"} 3[h][i][j]" },
};

static void test_examples(void **state)
{
	(void)state;
	char rows[SHOWN_MAX];
	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
		const struct example *e = &examples[i];
		struct csv_options options = { .delimiter = e->delimiter, .quote = e->quote };
		for (size_t piece = 1; piece < 9; piece++) {
			show_rows(&options, e->expected, e->text, piece, rows);
			if (strcmp(rows, e->rows) != 0)
				print_error("%s, in pieces of %zu\n", e->name, piece);
			assert_string_equal(rows, e->rows);
		}
	}
}

static void test_error_names_the_column(void **state)
{
	(void)state;
	static const struct {
		const char *text, *start;
	} faults[] = {
		{ "a,b,c\"\n", "column 3: a quote inside" },
		{ "a,\"b\"x,c\n", "column 2: text after" },
		{ "a,b\n", "column 3: the row has 2 columns; expected 3" },
		{ "a,b,c,d,e\n", "column 4: the row has 5 columns; expected 3" },
		{ "a,\"b\nc,d\n", "column 2: a quote that makes the row run past" },
	};
	const struct csv_options options = { .delimiter = ',', .quote = '"' };
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		struct pieces pieces = { .text = bytes_str(faults[i].text), .piece = 100 };
		struct csv_input input = { .read = read_piece, .context = &pieces };
		struct csv *csv = csv_open(&options, &input);
		struct row row;
		bool more;
		csv_expect(csv, 3);
		struct err *err = csv_next(csv, &row, &more);
		assert_non_null(err);
		assert_int_equal(err_verdict(err), ERR_POISON);
		assert_memory_equal(err_text(err), faults[i].start, strlen(faults[i].start));
		err_free(&err);
		csv_close(&csv);
	}
}

/* `count` times `c`, then `tail`, as one new string. */
static char *long_text(char c, size_t count, const char *tail)
{
	char *text = check_malloc(count + strlen(tail) + 1);
	memset(text, c, count);
	memcpy(text + count, tail, strlen(tail) + 1);
	return text;
}

static void check_long_line(size_t len, const char *line_end, size_t piece)
{
	char tail[16], digest[HASH_SHA256_HEX_LEN + 1];
	snprintf(tail, sizeof tail, "%sb\n", line_end);
	char *text = long_text('x', len, tail);
	struct pieces pieces = { .text = bytes_str(text), .piece = piece };
	struct csv_input input = { .read = read_piece, .context = &pieces };
	const struct csv_options options = { .delimiter = ',', .quote = '"' };
	struct csv *csv = csv_open(&options, &input);
	struct row row;
	bool more;
	struct err *err = csv_next(csv, &row, &more);
	assert_true(more);
	assert_int_equal(row.raw_len, len);
	if (len <= CSV_ROW_LEN_MAX) {
		assert_null(err);
		assert_int_equal(row.raw.len, len);
		assert_string_equal(row.raw_digest, "");
	} else {
		assert_non_null(err);
		assert_string_equal(err_code(err), "CSV_ROW_SIZE");
		assert_null(row.raw.data);
		hash_sha256_hex(bytes_of(text, len), digest);
		assert_string_equal(row.raw_digest, digest);
		err_free(&err);
	}
	err = csv_next(csv, &row, &more);
	assert_null(err);
	assert_int_equal(row.line, 2);
	assert_true(bytes_equal(row.fields[0], bytes_str("b")));
	csv_close(&csv);
	free(text);
}

static void test_limit_of_a_line(void **state)
{
	(void)state;
	static const size_t extra[] = { 0, 1, 2, CSV_CHUNK_LEN, 4 * (size_t)CSV_ROW_LEN_MAX };
	for (size_t i = 0; i < sizeof extra / sizeof extra[0]; i++) {
		check_long_line(CSV_ROW_LEN_MAX - 1, "\n", 65536 - i);
		check_long_line(CSV_ROW_LEN_MAX + extra[i], "\n", 65536 - i);
		check_long_line(CSV_ROW_LEN_MAX + extra[i], "\r\n", 65536 - i);
		check_long_line(CSV_ROW_LEN_MAX + extra[i], "\r\n", 7 + i);
	}
}

static void test_limit_of_lines_in_quotes(void **state)
{
	(void)state;
	char *lines = long_text('\n', CSV_ROW_LINES_MAX - 1, "\"\nb\n");
	char *text = check_malloc(strlen(lines) + 3);
	const struct csv_options options = { .delimiter = ',', .quote = '"' };
	char rows[SHOWN_MAX];
	memcpy(text, "\"", 1);
	memcpy(text + 1, lines, strlen(lines) + 1);
	show_rows(&options, 0, text, 1000, rows);
	assert_int_equal(rows[0], '1');
	assert_int_equal(rows[1], '['); /* one line fewer than the limit is a row */
	text[0] = '"';
	text[1] = '\n';
	memcpy(text + 2, lines, strlen(lines) + 1);
	show_rows(&options, 0, text, 1000, rows);
	/* one line is given up; the closing quote's line is then the next fault, and b is safe */
	assert_memory_equal(rows, "1!CSV_QUOTE{\"}", strlen("1!CSV_QUOTE{\"}"));
	assert_string_equal(rows + strlen(rows) - 3, "[b]");
	free(text);
	free(lines);
}

static void test_too_many_fields(void **state)
{
	(void)state;
	char *text = long_text(',', CSV_FIELD_COUNT_MAX, "\na\n");
	const struct csv_options options = { .delimiter = ',', .quote = '"' };
	char rows[SHOWN_MAX];
	show_rows(&options, 0, text, 1000, rows);
	assert_memory_equal(rows, "1!CSV_FIELD_COUNT", strlen("1!CSV_FIELD_COUNT"));
	assert_string_equal(rows + strlen(rows) - 5, " 2[a]");
	free(text);
}

static struct err *read_failing(void *context, uint8_t *out, size_t out_max, size_t *len)
{
	(void)context, (void)out, (void)out_max;
	*len = 0;
	return err_new(ERR_FATAL, "SOURCE_FILE_READ", "the disk is gone");
}

static void test_input_error_is_passed_on(void **state)
{
	(void)state;
	struct csv_input input = { .read = read_failing };
	const struct csv_options options = { .delimiter = ',', .quote = '"' };
	struct csv *csv = csv_open(&options, &input);
	struct row row;
	bool more;
	struct err *err = csv_next(csv, &row, &more);
	assert_non_null(err);
	assert_int_equal(err_verdict(err), ERR_FATAL);
	err_free(&err);
	csv_close(&csv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_error_names_the_column),
		cmocka_unit_test(test_limit_of_a_line),
		cmocka_unit_test(test_limit_of_lines_in_quotes),
		cmocka_unit_test(test_too_many_fields),
		cmocka_unit_test(test_input_error_is_passed_on),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
