#include "evaluate/orders.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/timestamp.h"
#include "producers/csv.h"
#include "producers/mapping.h"
#include "producers/source_file.h"

enum { NAME_BYTES_MAX = 1 << 30, ROW_ARENA_LEN = 2 * 1024 * 1024 };

struct loading {
	struct orders *orders;
	struct mapping *mapping;
	struct source_file *file;
	struct csv *csv;
	struct arena *arena; /* of one row */
	size_t order_capacity, customer_capacity, slot_count;
	uint32_t *slots; /* customer + 1, by the hash of its name */
	int64_t last_ms;
	char first_fault[200];
};

static void place(struct loading *loading, uint32_t customer)
{
	size_t mask = loading->slot_count - 1;
	size_t at = hash_table64(loading->orders->names[customer]) & mask;
	while (loading->slots[at] != 0)
		at = (at + 1) & mask;
	loading->slots[at] = customer + 1;
}

static uint32_t customer_of(struct loading *loading, struct bytes name)
{
	struct orders *orders = loading->orders;
	if (2 * (orders->customer_count + 1) > loading->slot_count) {
		free(loading->slots);
		loading->slot_count = loading->slot_count == 0 ? 1024 : loading->slot_count * 2;
		loading->slots = check_calloc(loading->slot_count, sizeof *loading->slots);
		for (uint32_t i = 0; i < orders->customer_count; i++)
			place(loading, i);
	}
	size_t mask = loading->slot_count - 1;
	for (size_t at = hash_table64(name) & mask; loading->slots[at] != 0; at = (at + 1) & mask)
		if (bytes_equal(orders->names[loading->slots[at] - 1], name))
			return loading->slots[at] - 1;
	if (orders->customer_count == loading->customer_capacity) {
		loading->customer_capacity =
			loading->customer_capacity == 0 ? 1024 : loading->customer_capacity * 2;
		orders->names = check_realloc(orders->names,
					      loading->customer_capacity * sizeof *orders->names);
	}
	orders->names[orders->customer_count] = arena_copy(orders->arena, name);
	place(loading, (uint32_t)orders->customer_count);
	return (uint32_t)orders->customer_count++;
}

static bool ends_with(struct bytes text, const char *end)
{
	size_t len = strlen(end);
	return text.len >= len && memcmp(text.data + text.len - len, end, len) == 0;
}

static struct err *add_event(struct loading *loading, const struct source_event *event)
{
	struct orders *orders = loading->orders;
	int64_t amount = event->has_amount ? event->amount_minor : 0;
	bool is_return = ends_with(event->type, ".return") || amount < 0;
	if (!is_return && !ends_with(event->type, ".order")) {
		orders->other_count++;
		return NULL;
	}
	if (orders->count == ORDERS_MAX || orders->customer_count == ORDER_CUSTOMERS_MAX ||
	    arena_used(orders->arena) + event->subject.len > NAME_BYTES_MAX)
		return err_new(ERR_FATAL, "ORDERS_SIZE",
			       "the file has more than %d orders or %d customers: take a sample of "
			       "its customers",
			       ORDERS_MAX, ORDER_CUSTOMERS_MAX);
	if (orders->count == loading->order_capacity) {
		loading->order_capacity =
			loading->order_capacity == 0 ? 4096 : loading->order_capacity * 2;
		orders->orders = check_realloc(orders->orders,
					       loading->order_capacity * sizeof *orders->orders);
	}
	orders->orders[orders->count++] =
		(struct order){ .customer = customer_of(loading, event->subject),
				.is_return = is_return,
				.at_ms = event->event_ms,
				.amount_minor = amount < 0 ? -amount : amount };
	if (orders->count == 1 || event->event_ms < orders->first_ms)
		orders->first_ms = event->event_ms;
	if (orders->count == 1 || event->event_ms > loading->last_ms)
		loading->last_ms = event->event_ms;
	return NULL;
}

/* ---- reading ---- */

static struct err *read_file(void *context, uint8_t *out, size_t out_max, size_t *len)
{
	return source_file_read(context, out, out_max, len);
}

static struct err *bind(struct loading *loading, const char *path)
{
	struct row row;
	size_t field_count = 0;
	bool more = true, has_header = mapping_info(loading->mapping).has_header;
	struct err *err = has_header ? csv_next(loading->csv, &row, &more) : NULL;
	if (err == NULL && !more)
		err = err_new(ERR_FATAL, "ORDERS_EMPTY", "%s is empty", path);
	if (err == NULL)
		err = mapping_bind(loading->mapping, path, has_header ? &row : NULL, loading->arena,
				   &field_count);
	if (err == NULL)
		csv_expect(loading->csv, field_count);
	return err;
}

static struct err *read_row(struct loading *loading, bool *more)
{
	struct row row;
	struct source_event event;
	arena_reset(loading->arena);
	struct err *err = csv_next(loading->csv, &row, more);
	if (err == NULL && !*more)
		return NULL;
	if (err == NULL)
		err = mapping_apply(loading->mapping, &row, loading->arena, &event);
	if (err == NULL)
		return add_event(loading, &event);
	if (err_verdict(err) != ERR_POISON)
		return err;
	*more = true;
	if (loading->orders->bad_count++ == 0)
		snprintf(loading->first_fault, sizeof loading->first_fault, "%.190s",
			 err_text(err));
	err_free(&err);
	return NULL;
}

static struct err *read_rows(struct loading *loading, const char *path)
{
	struct orders *orders = loading->orders;
	bool more = true;
	struct err *err = bind(loading, path);
	while (err == NULL && more)
		err = read_row(loading, &more);
	if (err != NULL)
		return err;
	if (orders->bad_count * 5 > orders->count)
		return err_new(ERR_FATAL, "ORDERS_DAMAGED",
			       "%s: %zu rows can't be read against %zu that can; the first: %s",
			       path, orders->bad_count, orders->count, loading->first_fault);
	if (orders->count == 0)
		return err_new(ERR_FATAL, "ORDERS_EMPTY",
			       "%s has no orders: the mapping must give them a type that ends in "
			       ".order",
			       path);
	return NULL;
}

/* ---- by customer ---- */

static int by_time(const void *a, const void *b)
{
	const struct order *left = a, *right = b;
	if (left->at_ms != right->at_ms)
		return left->at_ms < right->at_ms ? -1 : 1;
	if (left->is_return != right->is_return)
		return left->is_return ? 1 : -1;
	return (left->amount_minor > right->amount_minor) -
	       (left->amount_minor < right->amount_minor);
}

static void sort(struct orders *orders)
{
	size_t customers = orders->customer_count;
	struct order *sorted = check_calloc(orders->count + 1, sizeof *sorted);
	orders->begins = check_calloc(customers + 2, sizeof *orders->begins);
	for (size_t i = 0; i < orders->count; i++)
		orders->begins[orders->orders[i].customer + 2]++;
	for (size_t i = 2; i < customers + 2; i++)
		orders->begins[i] += orders->begins[i - 1];
	for (size_t i = 0; i < orders->count; i++)
		sorted[orders->begins[orders->orders[i].customer + 1]++] = orders->orders[i];
	for (size_t i = 0; i < customers; i++)
		qsort(sorted + orders->begins[i], orders->begins[i + 1] - orders->begins[i],
		      sizeof *sorted, by_time);
	free(orders->orders);
	orders->orders = sorted;
}

struct err *orders_read(const char *path, const char *map_path, struct orders *orders)
{
	struct loading loading = { .orders = orders };
	*orders = (struct orders){ .arena = arena_new((size_t)2 * NAME_BYTES_MAX) };
	loading.arena = arena_new(ROW_ARENA_LEN);
	struct err *err = mapping_load(map_path, &loading.mapping);
	if (err == NULL)
		err = source_file_open(path, &loading.file);
	if (err == NULL) {
		const struct mapping_info info = mapping_info(loading.mapping);
		const struct csv_input input = { read_file, loading.file };
		loading.csv = csv_open(&info.csv, &input);
		err = read_rows(&loading, path);
	}
	if (err == NULL) {
		orders->end_ms = time_floor(loading.last_ms, MS_PER_DAY, 0) + MS_PER_DAY;
		sort(orders);
	}
	free(loading.slots);
	csv_close(&loading.csv);
	source_file_close(&loading.file);
	mapping_free(&loading.mapping);
	arena_free(&loading.arena);
	return err;
}

void orders_fini(struct orders *orders)
{
	free(orders->orders);
	free(orders->begins);
	free(orders->names);
	arena_free(&orders->arena);
	*orders = (struct orders){ 0 };
}
