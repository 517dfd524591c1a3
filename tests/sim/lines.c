#include "tests/sim/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct line {
	size_t topic, sequence;
	int32_t partition;
	struct bytes key, value; /* owned, one behind the other */
};

void lines_add(struct lines *lines, size_t topic, int32_t partition, struct bytes key,
	       struct bytes value)
{
	if (lines->count == lines->room) {
		lines->room = lines->room == 0 ? 256 : 2 * lines->room;
		lines->items = check_realloc(lines->items, lines->room * sizeof *lines->items);
	}
	uint8_t *bytes = check_malloc(key.len + value.len + 1);
	if (key.len > 0)
		memcpy(bytes, key.data, key.len);
	if (value.len > 0)
		memcpy(bytes + key.len, value.data, value.len);
	lines->items[lines->count] = (struct line){ .topic = topic,
						    .sequence = lines->count,
						    .partition = partition,
						    .key = bytes_of(bytes, key.len),
						    .value = bytes_of(bytes + key.len, value.len) };
	lines->count++;
}

static int compare_place(const struct line *a, const struct line *b)
{
	if (a->topic != b->topic)
		return a->topic < b->topic ? -1 : 1;
	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	return bytes_compare(a->key, b->key);
}

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = compare_place(x, y);
	return order != 0 ? order : (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* Where the order is chance's: by the values. */
static int compare_mixed(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = compare_place(x, y);
	return order != 0 ? order : bytes_compare(x->value, y->value);
}

static void sort(struct lines *lines)
{
	size_t count = 0;
	qsort(lines->items, lines->count, sizeof *lines->items, compare_lines);
	for (size_t from = 0; from < lines->count; from += count) {
		size_t topic = lines->items[from].topic;
		for (count = 0; from + count < lines->count; count++)
			if (lines->items[from + count].topic != topic)
				break;
		if (lines->subject->topics[topic].is_mixed)
			qsort(lines->items + from, count, sizeof *lines->items, compare_mixed);
	}
}

static void print_line(const struct lines *lines, const struct line *line, FILE *out)
{
	fprintf(out, "%s/%d %.*s ", lines->subject->topics[line->topic].logical,
		(int)line->partition, (int)line->key.len, (const char *)line->key.data);
	for (size_t i = 0; i < line->value.len; i++)
		fprintf(out, "%02x", (unsigned)line->value.data[i]);
	fputc('\n', out);
}

char *lines_text(struct lines *lines)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	CHECK(out != NULL);
	if (lines->count > 1)
		sort(lines);
	for (size_t i = 0; i < lines->count; i++) {
		const struct line *line = &lines->items[i];
		if (!lines->subject->topics[line->topic].is_state || i + 1 == lines->count ||
		    compare_place(line, &lines->items[i + 1]) != 0)
			print_line(lines, line, out);
	}
	CHECK(fclose(out) == 0);
	for (size_t i = 0; i < lines->count; i++)
		free((void *)(uintptr_t)lines->items[i].key.data);
	free(lines->items);
	*lines = (struct lines){ .subject = lines->subject };
	return text;
}
