/* Weekly revenue from a file of orders: in total, and by the values of some of their attributes.
 *
 * Weeks begin on Monday, 00:00 UTC; the first and the last, which the file need not hold whole, are
 * left out. Rows that the mapping refuses are counted and left out.
 *
 * Ownership: a history owns its texts and amounts. Threads: loading reads the mapping, which
 * belongs before the first thread. */
#ifndef EVALUATE_ORDER_HISTORY_H
#define EVALUATE_ORDER_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	ORDER_DIMENSIONS_MAX = 4,
	ORDER_NODES_MAX = 2000, /* in all */
	ORDER_WEEKS_MAX = 1040,
	ORDER_NAME_MAX = 64, /* bytes of a value; longer ones are cut */
};

/* An attribute of the events, of whose value the first `prefix` bytes count (0: all). */
struct order_dimension {
	char attribute[ORDER_NAME_MAX + 1];
	size_t prefix;
};

struct order_node {
	int dimension; /* -1: the total */
	char name[ORDER_NAME_MAX + 1];
	int64_t *amount; /* [weeks], minor units */
	int64_t *number; /* [weeks], of amounts */
};

struct order_history {
	size_t dimension_count;
	struct order_dimension dimension[ORDER_DIMENSIONS_MAX];
	size_t node_count; /* the total first, then by dimension, each by name */
	struct order_node *nodes;
	int weeks;
	int64_t first_ms; /* beginning of the first whole week */
	int64_t rows, refused;
};

struct order_history_options {
	const char *orders_path, *map_path;
	size_t dimension_count;
	const struct order_dimension *dimension;
	void (*progress)(void *context, int64_t rows, double share);
	void *progress_context;
};

/* A new history. An event without the attribute is under "". Errors: those of mapping.h and
 * row_source.h; FATAL ORDERS: no whole week, more than ORDER_WEEKS_MAX, or too many nodes; FATAL
 * USAGE: an attribute that no event has. */
ERR_MUST_USE struct err *order_history_read(const struct order_history_options *options,
					    struct order_history **history);
void order_history_free(struct order_history **history); /* NULL-safe */

#endif
