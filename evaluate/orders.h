/* A file of orders, read by a mapping (docs/ingest.md), in memory: each customer's, in time order.
 *
 * Events whose type ends in ".order" are orders; those that end in ".return", or whose amount is
 * negative, are returns; all others are left out. Ownership: orders own what they hold. Threads:
 * read only once read. */
#ifndef EVALUATE_ORDERS_H
#define EVALUATE_ORDERS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

enum { ORDERS_MAX = 50000000, ORDER_CUSTOMERS_MAX = 10000000 };

struct order {
	uint32_t customer;
	bool is_return;
	int64_t at_ms;
	int64_t amount_minor; /* of a return, what is given back: not negative */
};

struct orders {
	size_t count, customer_count;
	struct order *orders;	       /* by customer, then time, then place in the file */
	size_t *begins;		       /* [customer_count + 1]: where each one's begin */
	struct bytes *names;	       /* [customer_count] */
	int64_t first_ms, end_ms;      /* of the first; the end of the day (UTC) of the last */
	size_t bad_count, other_count; /* rows that can't be read; events that are no orders */
	struct arena *arena;
};

/* Errors: FATAL SOURCE_FILE_*, MAPPING_*, ORDERS_EMPTY, ORDERS_SIZE, ORDERS_DAMAGED (more than one
 * row in five can't be read). *orders is to be freed in any case. */
ERR_MUST_USE struct err *orders_read(const char *path, const char *map_path, struct orders *orders);
void orders_fini(struct orders *orders);

#endif
