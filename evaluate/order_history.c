/* See order_history.h. */
#include "evaluate/order_history.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "producers/mapping.h"
#include "producers/row_source.h"

enum { PROGRESS_ROWS = 1000, REFUSAL_LEN_MAX = 160, NAMES_LEN_MAX = 300 };

struct reading {
	const struct order_history_options *options;
	struct order_history *history;
	int64_t base_ms; /* week 0 of the amounts: ORDER_WEEKS_MAX before the first event's */
	int64_t first_ms, last_ms;
	bool seen[ORDER_DIMENSIONS_MAX];		/* dimension k, in an event's attributes */
	char names[ATTR_COUNT_MAX][ORDER_NAME_MAX + 1]; /* attributes of the events, the first */
	size_t name_count;
	char refusal[REFUSAL_LEN_MAX + 1]; /* of the first row that was refused */
};

static int by_place(const void *a, const void *b)
{
	const struct order_node *x = a, *y = b;
	if (x->dimension != y->dimension)
		return x->dimension < y->dimension ? -1 : 1;
	return strcmp(x->name, y->name);
}

static struct err *node_find(struct order_history *h, int dimension, const char *name, size_t len,
			     struct order_node **node)
{
	len = len > ORDER_NAME_MAX ? ORDER_NAME_MAX : len;
	for (size_t i = 0; i < h->node_count; i++) {
		*node = &h->nodes[i];
		if ((*node)->dimension == dimension && strncmp((*node)->name, name, len) == 0 &&
		    (*node)->name[len] == '\0')
			return NULL;
	}
	if (h->node_count == ORDER_NODES_MAX)
		return err_new(ERR_FATAL, "ORDERS",
			       "more than %d different values: take another attribute, or fewer of "
			       "its first bytes (--by %s:N)",
			       ORDER_NODES_MAX,
			       dimension < 0 ? "" : h->dimension[dimension].attribute);
	*node = &h->nodes[h->node_count++];
	(*node)->dimension = dimension;
	memcpy((*node)->name, name, len);
	(*node)->amount = check_calloc(2 * ORDER_WEEKS_MAX, sizeof *(*node)->amount);
	(*node)->number = check_calloc(2 * ORDER_WEEKS_MAX, sizeof *(*node)->number);
	return NULL;
}

static struct err *node_add(struct order_node *node, int64_t week, int64_t amount_minor)
{
	if (__builtin_add_overflow(node->amount[week], amount_minor, &node->amount[week]))
		return err_new(ERR_FATAL, "ORDERS",
			       "the amounts of a week are more than 64 bits hold: are they in the "
			       "unit that the mapping says?");
	node->number[week]++;
	return NULL;
}

static void note_name(struct reading *r, struct bytes name)
{
	for (size_t i = 0; i < r->name_count; i++)
		if (bytes_equal(name, bytes_str(r->names[i])))
			return;
	if (r->name_count == ATTR_COUNT_MAX || name.len > ORDER_NAME_MAX)
		return;
	memcpy(r->names[r->name_count++], name.data, name.len);
}

/* The event's value of dimension k; empty where it has none. */
static struct bytes value_of(struct reading *r, const struct source_event *event, size_t k)
{
	struct bytes wanted = bytes_str(r->history->dimension[k].attribute);
	for (size_t i = 0; i < event->attr_count; i++) {
		if (bytes_equal(event->attrs[i].key, wanted)) {
			r->seen[k] = true;
			return event->attrs[i].value;
		}
		if (!r->seen[k])
			note_name(r, event->attrs[i].key);
	}
	return bytes_str("");
}

static struct err *add(struct reading *r, const struct source_event *event)
{
	struct order_history *h = r->history;
	if (!event->has_amount)
		return NULL;
	int64_t week_ms = time_floor(event->event_ms, MS_PER_WEEK, WEEK_ORIGIN_MS);
	if (r->base_ms == TIME_NONE) {
		r->base_ms = week_ms - (int64_t)ORDER_WEEKS_MAX * MS_PER_WEEK;
		r->first_ms = r->last_ms = event->event_ms;
	}
	int64_t week = (week_ms - r->base_ms) / MS_PER_WEEK;
	if (week < 0 || week >= 2 * ORDER_WEEKS_MAX)
		return err_new(ERR_FATAL, "ORDERS", "the file spans more than %d weeks",
			       ORDER_WEEKS_MAX);
	r->first_ms = event->event_ms < r->first_ms ? event->event_ms : r->first_ms;
	r->last_ms = event->event_ms > r->last_ms ? event->event_ms : r->last_ms;
	struct err *err = node_add(&h->nodes[0], week, event->amount_minor);
	for (size_t k = 0; err == NULL && k < h->dimension_count; k++) {
		struct bytes value = value_of(r, event, k);
		size_t prefix = h->dimension[k].prefix;
		size_t len = prefix > 0 && prefix < value.len ? prefix : value.len;
		struct order_node *node;
		err = node_find(h, (int)k, (const char *)value.data, len, &node);
		if (err == NULL)
			err = node_add(node, week, event->amount_minor);
	}
	return err;
}

static struct err *read_rows(struct reading *r, struct source_file *file, struct row_source *source)
{
	bool more = true;
	struct err *err = NULL;
	while (err == NULL && more) {
		struct row row;
		struct source_event event;
		err = row_source_next(source, &row, &more);
		if (err == NULL && more)
			err = row_source_event(source, &row, &event);
		if (err == NULL && more)
			err = add(r, &event);
		if (err != NULL && err_verdict(err) == ERR_POISON) {
			if (r->history->refused++ == 0)
				snprintf(r->refusal, sizeof r->refusal, "%s", err_text(err));
			err_free(&err);
		}
		r->history->rows += more;
		if (r->history->rows % PROGRESS_ROWS == 0 && r->options->progress != NULL)
			r->options->progress(r->options->progress_context, r->history->rows,
					     (double)source_file_position(file) /
						     (double)(source_file_size(file) + 1));
	}
	return err;
}

static struct err *nothing_counted(const struct reading *r)
{
	if (r->history->refused == 0)
		return err_new(ERR_FATAL, "ORDERS", "%s: no row has an amount",
			       r->options->orders_path);
	return err_new(ERR_FATAL, "ORDERS",
		       "%s: no row has an amount; the mapping refuses %" PRId64 " of %" PRId64
		       ", the first of them since %s",
		       r->options->orders_path, r->history->refused, r->history->rows, r->refusal);
}

/* An attribute that no event has would leave one node without a name. */
static struct err *attributes_check(const struct reading *r)
{
	char names[NAMES_LEN_MAX + 1] = "none at all";
	size_t len = 0, k = 0;
	while (k < r->history->dimension_count && r->seen[k])
		k++;
	if (k == r->history->dimension_count)
		return NULL;
	for (size_t i = 0; i < r->name_count && len < NAMES_LEN_MAX; i++)
		len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "",
					r->names[i]);
	return err_new(ERR_FATAL, "USAGE",
		       "--by %s: no row that counts has this attribute; the mapping gives them %s",
		       r->history->dimension[k].attribute, names);
}

/* Moves the whole weeks to the front and sorts the nodes. */
static struct err *finish(struct reading *r)
{
	struct order_history *h = r->history;
	if (r->base_ms == TIME_NONE)
		return nothing_counted(r);
	struct err *err = attributes_check(r);
	if (err != NULL)
		return err;
	int64_t first = time_floor(r->first_ms + MS_PER_WEEK - 1, MS_PER_WEEK, WEEK_ORIGIN_MS);
	int64_t end = time_floor(r->last_ms, MS_PER_WEEK, WEEK_ORIGIN_MS);
	if (end <= first || (end - first) / MS_PER_WEEK > ORDER_WEEKS_MAX)
		return err_new(ERR_FATAL, "ORDERS", "%s: %s", r->options->orders_path,
			       end <= first ? "there is no whole week in it"
					    : "it spans more than 1040 weeks");
	h->first_ms = first;
	h->weeks = (int)((end - first) / MS_PER_WEEK);
	int64_t skipped = (first - r->base_ms) / MS_PER_WEEK;
	size_t len = (size_t)h->weeks * sizeof(int64_t);
	for (size_t i = 0; i < h->node_count; i++) {
		memmove(h->nodes[i].amount, h->nodes[i].amount + skipped, len);
		memmove(h->nodes[i].number, h->nodes[i].number + skipped, len);
	}
	qsort(h->nodes, h->node_count, sizeof *h->nodes, by_place);
	return NULL;
}

static enum row_format format_of(const char *path)
{
	if (strstr(path, ".jsonl") != NULL)
		return ROWS_JSONL;
	return strstr(path, ".avro") != NULL ? ROWS_AVRO : ROWS_CSV;
}

static struct err *read_file(struct reading *r)
{
	struct mapping *mapping = NULL;
	struct source_file *file = NULL;
	struct row_source *source = NULL;
	struct err *err = NULL;
	if (r->options->map_path != NULL)
		err = mapping_load(r->options->map_path, &mapping);
	else if (format_of(r->options->orders_path) == ROWS_CSV)
		err = err_new(ERR_FATAL, "USAGE",
			      "%s: a mapping is needed (--map), as for ingest csv",
			      r->options->orders_path);
	if (err == NULL)
		err = source_file_open(r->options->orders_path, &file);
	const struct row_source_options options = { .format = format_of(r->options->orders_path),
						    .path = r->options->orders_path,
						    .mapping = mapping,
						    .type = &erp_event_type,
						    .file = file };
	if (err == NULL)
		err = row_source_open(&options, &source);
	if (err == NULL)
		err = read_rows(r, file, source);
	if (source != NULL)
		row_source_close(&source);
	source_file_close(&file);
	mapping_free(&mapping);
	return err != NULL ? err : finish(r);
}

struct err *order_history_read(const struct order_history_options *options,
			       struct order_history **history)
{
	struct order_history *h = check_calloc(1, sizeof *h);
	*history = h;
	h->dimension_count = options->dimension_count;
	for (size_t k = 0; k < options->dimension_count; k++)
		h->dimension[k] = options->dimension[k];
	h->nodes = check_calloc(ORDER_NODES_MAX, sizeof *h->nodes);
	struct reading reading = { .options = options, .history = h, .base_ms = TIME_NONE };
	struct order_node *total;
	struct err *err = node_find(h, -1, "total", strlen("total"), &total);
	if (err == NULL)
		err = read_file(&reading);
	if (err != NULL)
		order_history_free(history);
	return err;
}

void order_history_free(struct order_history **history)
{
	if (*history == NULL)
		return;
	for (size_t i = 0; i < (*history)->node_count; i++) {
		free((*history)->nodes[i].amount);
		free((*history)->nodes[i].number);
	}
	free((*history)->nodes);
	free(*history);
	*history = NULL;
}
