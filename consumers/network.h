/* The sites, ways and costs that allocations are made by: a JSON file, docs/allocations.md, the
 * same for every process of an application.
 *
 * Ownership: plain data, texts included. Threads: read-only once it is read. Costs are minor units
 * of `currency`, lead times milliseconds. */
#ifndef CONSUMERS_NETWORK_H
#define CONSUMERS_NETWORK_H

#include "base/bytes.h"
#include "base/err.h"
#include "consumers/series.h"
#include "schemas/supply.h"

enum {
	NETWORK_VERSION_LEN = 16,
	NETWORK_NAME_MAX = 40, /* of a site, a region or a product */
	NETWORK_LANES_MAX = 64,
	NETWORK_PRODUCTS_MAX = 64,
	NETWORK_FILE_BYTES_MAX = 1 << 20,
	NETWORK_LEAD_DAYS_MAX = 400,
};

struct network_site {
	char name[NETWORK_NAME_MAX + 1];
	int64_t order_lead_ms; /* -1: it can't order */
	double order_cost, order_max;
};

struct network_lane {
	int from, to;
	int64_t lead_ms;
	double cost;
};

struct network_region {
	char name[NETWORK_NAME_MAX + 1];
	uint32_t sites; /* bit s: site s delivers there */
};

/* What one product's shortage and surplus cost. */
struct network_product {
	char name[NETWORK_NAME_MAX + 1]; /* "*": any other */
	double service_level, lost_sale_cost, holding_cost, lot;
};

struct network {
	bool is_given;			  /* false: no allocations are made */
	char definition[SERIES_NAME_MAX]; /* of the demand, region and product among its dimensions
					   */
	char currency[4];
	char version[NETWORK_VERSION_LEN + 1];	    /* of the file: the beginning of its SHA-256 */
	int dimension_count, region_at, product_at; /* product_at -1: there is one product, the: */
	char product[NETWORK_NAME_MAX + 1];
	struct network_site sites[SUPPLY_SITES_MAX];
	struct network_lane lanes[NETWORK_LANES_MAX];
	struct network_region regions[SUPPLY_REGIONS_MAX];
	struct network_product products[NETWORK_PRODUCTS_MAX];
	size_t site_count, lane_count, region_count, product_count;
};

/* Fills *network from the JSON text; `name` is the file's, for messages. Errors: FATAL
 * NETWORK_INVALID, which says where and what is expected. */
ERR_MUST_USE struct err *network_parse(const char *text, size_t len, const char *name,
				       struct network *network);

/* The same from a file. */
ERR_MUST_USE struct err *network_read(const char *path, struct network *network);

/* Whether the network fits the series: its demand is one of them, has those dimensions, and looks
 * far enough ahead for every way and order. Errors: FATAL NETWORK_INVALID. */
ERR_MUST_USE struct err *network_check(const struct network *network,
				       const struct series_table *series);

/* Places in the lists; -1: there is none of that name. */
int network_site(const struct network *network, struct bytes name);
int network_region(const struct network *network, struct bytes name);

/* What is said of the product, by name or for any other; NULL: it isn't planned. */
const struct network_product *network_product(const struct network *network, struct bytes name);

/* Region and product of a demand's series, by its dimension's text "A|B"; borrowed from it and the
 * network. False: a part is missing. */
bool network_split(const struct network *network, struct bytes dimension, struct bytes *region,
		   struct bytes *product);

#endif
