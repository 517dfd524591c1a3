/* The products that an account orders again and again, in few places.
 *
 * A day on which a product is ordered counts once. A product that finds no place takes one from
 * each of those that have one, and what has none left goes (J. Misra and D. Gries, "Finding
 * repeated elements", 1982): so what is in more than a fifth of all is kept, and counts are never
 * too high.
 *
 * Plain data of fixed size, zeroed when new. Threads: pure. Errors: none. */
#ifndef CONSUMERS_USUAL_PRODUCTS_H
#define CONSUMERS_USUAL_PRODUCTS_H

#include "schemas/states.h"

enum { PRODUCT_LEN_MAX = 24 };

struct usual_product {
	uint8_t len;
	uint8_t name[PRODUCT_LEN_MAX];
	int32_t order_count; /* days, at least */
	int64_t since_count; /* the account's days with orders when it came */
	int64_t last_ms;
};

struct usual_products {
	size_t count;
	struct usual_product products[USUAL_PRODUCTS_MAX];
};

/* What an event says was ordered: the line's number, or the attribute "product" of an order. Takes
 * it in; day_count: of the account's days with orders, this one included. */
void usual_products_add(struct usual_products *usual, const struct source_event *event,
			int64_t day_count);

/* The product that the account usually orders and that its last order lacks: in at least
 * USUAL_SHARE of the orders since it first came, and ordered USUAL_ORDERS_MIN times. NULL: none.
 * *share: of these orders. */
enum { USUAL_ORDERS_MIN = 4 };
#define USUAL_SHARE 0.75
const struct usual_product *usual_products_missing(const struct usual_products *usual,
						   int64_t last_order_ms, int64_t day_count,
						   double *share);

/* Of two accounts that are one, whose days with orders add up: the counts of both, less what the
 * first that finds no place has (P. K. Agarwal and others, "Mergeable summaries", 2012, section 2),
 * so that they stay too low rather than too high. The orders of one account count as without what
 * only the other orders. */
void usual_products_merge(struct usual_products *into, const struct usual_products *from);

void usual_products_to_record(const struct usual_products *usual,
			      struct relationship_record *record);
void usual_products_from_record(const struct relationship_record *record,
				struct usual_products *usual);

#endif
