#include "consumers/network.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/file_text.h"
#include "base/hash.h"
#include "base/timestamp.h"
#include "models/allocate.h"

static struct err *invalid(const char *where, const char *which, const char *what)
{
	return err_new(ERR_FATAL, "NETWORK_INVALID", "%s %.40s: %s", where, which, what);
}

static bool name_copy(const char *name, char out[NETWORK_NAME_MAX + 1])
{
	size_t len = strlen(name);
	if (len == 0 || len > NETWORK_NAME_MAX || strchr(name, '|') != NULL)
		return false;
	memcpy(out, name, len + 1);
	return true;
}

/* A lead time in days, parts of a day allowed. */
static bool lead_of(double days, int64_t *ms)
{
	if (!(days >= 0 && days <= NETWORK_LEAD_DAYS_MAX))
		return false;
	*ms = (int64_t)(days * (double)MS_PER_DAY + 0.5);
	return true;
}

static bool is_cost(double cost)
{
	return cost >= 0 && cost <= 1e12;
}

static int find_site(const struct network *network, const char *name)
{
	return network_site(network, bytes_str(name));
}

/* ---- regions and sites ---------------------------------------------------------------------- */

static struct err *add_region(struct network *network, const char *name, int site)
{
	int index = network_region(network, bytes_str(name));
	if (index < 0) {
		if (network->region_count == SUPPLY_REGIONS_MAX)
			return invalid("region", name, "at most 32 regions");
		index = (int)network->region_count++;
		if (!name_copy(name, network->regions[index].name))
			return invalid("region", name, "a name has 1 to 40 bytes, none of them |");
	}
	network->regions[index].sites |= UINT32_C(1) << site;
	return NULL;
}

static struct err *read_site(json_t *json, struct network *network)
{
	const char *name = "?";
	json_t *regions = NULL, *item;
	json_error_t error;
	double lead_days = 0, cost = 0, most = 1e9;
	size_t i;
	if (json_unpack_ex(json, &error, JSON_STRICT, "{s:s, s:o, s?F, s?F, s?F}", "site", &name,
			   "regions", &regions, "order_lead_days", &lead_days, "order_cost_minor",
			   &cost, "order_max", &most) != 0)
		return invalid("site", name, error.text);
	if (network->site_count == SUPPLY_SITES_MAX)
		return invalid("site", name, "at most 16 sites");
	if (find_site(network, name) >= 0)
		return invalid("site", name, "is there twice");
	struct network_site *site = &network->sites[network->site_count];
	*site = (struct network_site){ .order_lead_ms = -1, .order_cost = cost, .order_max = most };
	if (!name_copy(name, site->name))
		return invalid("site", name, "a name has 1 to 40 bytes, none of them |");
	bool can_order = json_object_get(json, "order_lead_days") != NULL;
	if (can_order && !lead_of(lead_days, &site->order_lead_ms))
		return invalid("site", name, "order_lead_days must be 0 to 400");
	if (!is_cost(cost) || !(most >= 0 && most <= 1e9))
		return invalid("site", name,
			       "order_cost_minor must be 0 to 1e12, order_max 0 to 1e9");
	if (!json_is_array(regions))
		return invalid("site", name, "regions must be a list of names, maybe empty");
	struct err *err = NULL;
	int index = (int)network->site_count++;
	json_array_foreach(regions, i, item) {
		if (err == NULL)
			err = json_is_string(item)
				      ? add_region(network, json_string_value(item), index)
				      : invalid("site", name, "a region is a text");
	}
	return err;
}

static struct err *read_lane(json_t *json, struct network *network)
{
	const char *from = "?", *to = "?";
	json_error_t error;
	double lead_days = 0, cost = 0;
	if (json_unpack_ex(json, &error, JSON_STRICT, "{s:s, s:s, s:F, s:F}", "from", &from, "to",
			   &to, "lead_days", &lead_days, "cost_minor", &cost) != 0)
		return invalid("transfer from", from, error.text);
	if (network->lane_count == NETWORK_LANES_MAX)
		return invalid("transfer from", from, "at most 64 transfers");
	struct network_lane *lane = &network->lanes[network->lane_count++];
	lane->from = find_site(network, from);
	lane->to = find_site(network, to);
	lane->cost = cost;
	if (lane->from < 0 || lane->to < 0)
		return invalid("transfer", lane->from < 0 ? from : to, "is not one of the sites");
	if (lane->from == lane->to)
		return invalid("transfer from", from, "leads to the same site");
	if (!lead_of(lead_days, &lane->lead_ms) || !is_cost(cost))
		return invalid("transfer from", from,
			       "lead_days must be 0 to 400, cost_minor 0 to 1e12");
	return NULL;
}

/* ---- products ------------------------------------------------------------------------------- */

static struct err *read_product(json_t *json, struct network *network)
{
	const char *name = "?";
	json_error_t error;
	double level = 0.95, lost = 0, holding = 0, lot = 1;
	if (json_unpack_ex(json, &error, JSON_STRICT, "{s:s, s:F, s?F, s?F, s?F}", "product", &name,
			   "lost_sale_cost_minor", &lost, "service_level", &level,
			   "holding_cost_minor", &holding, "lot", &lot) != 0)
		return invalid("product", name, error.text);
	if (network->product_count == NETWORK_PRODUCTS_MAX)
		return invalid("product", name, "at most 64 products");
	struct network_product *product = &network->products[network->product_count];
	if (!name_copy(name, product->name))
		return invalid("product", name, "a name has 1 to 40 bytes, none of them |");
	for (size_t i = 0; i < network->product_count; i++)
		if (strcmp(network->products[i].name, name) == 0)
			return invalid("product", name, "is there twice");
	network->product_count++;
	if (!(level > 0 && level < 1))
		return invalid("product", name, "service_level must be above 0 and below 1");
	if (!is_cost(lost) || !is_cost(holding) || lost == 0)
		return invalid("product", name,
			       "lost_sale_cost_minor must be above 0, holding_cost_minor 0 to "
			       "1e12");
	if (!(lot >= 1e-6 && lot <= 1e9))
		return invalid("product", name, "lot must be 0.000001 to 1e9");
	product->service_level = level;
	product->lost_sale_cost = lost;
	product->holding_cost = holding;
	product->lot = lot;
	return NULL;
}

static struct err *read_each(json_t *list, const char *name, struct network *network,
			     struct err *(*read)(json_t *, struct network *))
{
	struct err *err = NULL;
	json_t *item;
	size_t i;
	if (!json_is_array(list) || json_array_size(list) == 0)
		return invalid("the list", name, "must have at least one entry");
	json_array_foreach(list, i, item) {
		if (err == NULL)
			err = read(item, network);
	}
	return err;
}

/* ---- the demand ----------------------------------------------------------------------------- */

static struct err *read_dimensions(json_t *list, const char *product, struct network *network)
{
	json_t *item;
	size_t i;
	network->region_at = network->product_at = -1;
	json_array_foreach(list, i, item) {
		const char *word = json_is_string(item) ? json_string_value(item) : "";
		if (strcmp(word, "region") == 0)
			network->region_at = (int)i;
		else if (strcmp(word, "product") == 0)
			network->product_at = (int)i;
	}
	network->dimension_count = (int)json_array_size(list);
	if (network->region_at < 0 || network->dimension_count > SERIES_LEVELS_MAX ||
	    network->dimension_count != 1 + (network->product_at >= 0))
		return invalid("the list", "dimensions",
			       "says what the demand's dimensions are, in their order: "
			       "[\"region\"], [\"region\", \"product\"] or the other way round");
	if ((product == NULL) == (network->product_at < 0))
		return invalid("the field", "product",
			       "is needed where the demand has no dimension for it, and only "
			       "there");
	if (product != NULL && !name_copy(product, network->product))
		return invalid("product", product, "a name has 1 to 40 bytes, none of them |");
	return NULL;
}

static struct err *read_all(json_t *json, struct network *network)
{
	const char *demand = "", *currency = "EUR", *product = NULL;
	json_t *dimensions = NULL, *sites = NULL, *transfers = NULL, *products = NULL;
	json_error_t error;
	if (json_unpack_ex(json, &error, JSON_STRICT, "{s:s, s:o, s?s, s?s, s:o, s?o, s:o}",
			   "demand", &demand, "dimensions", &dimensions, "product", &product,
			   "currency", &currency, "sites", &sites, "transfers", &transfers,
			   "products", &products) != 0)
		return invalid("the file", "",
			       "has demand, dimensions, sites, products, and may have transfers, "
			       "product, currency");
	if (*demand == '\0' || strlen(demand) >= SERIES_NAME_MAX)
		return invalid("demand", demand, "must be the name of a series definition");
	if (strlen(currency) != 3)
		return invalid("currency", currency, "must be an ISO 4217 code");
	snprintf(network->definition, sizeof network->definition, "%s", demand);
	snprintf(network->currency, sizeof network->currency, "%s", currency);
	struct err *err = read_dimensions(dimensions, product, network);
	if (err == NULL)
		err = read_each(sites, "sites", network, read_site);
	if (err == NULL && transfers != NULL && json_array_size(transfers) > 0)
		err = read_each(transfers, "transfers", network, read_lane);
	if (err == NULL)
		err = read_each(products, "products", network, read_product);
	int pair_count = 0;
	for (size_t i = 0; i < network->region_count; i++)
		pair_count += __builtin_popcount(network->regions[i].sites);
	if (err == NULL && (pair_count == 0 || pair_count > ALLOCATE_PAIRS_MAX))
		err = invalid("the lists", "regions",
			      "sites and the regions they deliver to must be 1 to 128 pairs");
	return err;
}

struct err *network_parse(const char *text, size_t len, const char *name, struct network *network)
{
	json_error_t error;
	*network = (struct network){ 0 };
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL)
		return err_new(ERR_FATAL, "NETWORK_INVALID", "%s:%d:%d: %s", name, error.line,
			       error.column, error.text);
	struct err *err = read_all(json, network);
	json_decref(json);
	char hex[HASH_SHA256_HEX_LEN + 1];
	hash_sha256_hex(bytes_of(text, len), hex);
	memcpy(network->version, hex, NETWORK_VERSION_LEN);
	network->is_given = err == NULL;
	return err == NULL ? NULL : err_wrap(err, "%s", name);
}

struct err *network_read(const char *path, struct network *network)
{
	char *text = NULL;
	size_t len = 0;
	struct err *err =
		file_text_read(path, NETWORK_FILE_BYTES_MAX, "NETWORK_INVALID", &text, &len);
	if (err == NULL)
		err = network_parse(text, len, path, network);
	free(text);
	return err;
}

struct err *network_check(const struct network *network, const struct series_table *series)
{
	const struct series_definition *definition =
		series_find(series, bytes_str(network->definition));
	if (definition == NULL)
		return invalid("demand", network->definition,
			       "is no series that is forecast (series.file; each combination of "
			       "dimensions has a name, such as units.week.region.sku)");
	if ((int)definition->dimension_count != network->dimension_count)
		return invalid("demand", network->definition,
			       "has another number of dimensions than the list dimensions");
	if (series_is_total(definition))
		return invalid("demand", network->definition,
			       "is a sum of finer series; name the finest, or define one that has "
			       "no other dimensions");
	if (definition->unit[0] == '\0')
		return invalid("demand", network->definition,
			       "is an amount of money; stock is compared with units");
	int64_t ahead_ms = definition->horizon * definition->calendar.period_ms;
	for (size_t i = 0; i < network->site_count; i++)
		if (network->sites[i].order_lead_ms >= ahead_ms)
			return invalid("site", network->sites[i].name,
				       "an order is there only after the forecasts' horizon: "
				       "raise the series' horizon");
	return NULL;
}

/* ---- looking up ----------------------------------------------------------------------------- */

int network_site(const struct network *network, struct bytes name)
{
	for (size_t i = 0; i < network->site_count; i++)
		if (bytes_equal(name, bytes_str(network->sites[i].name)))
			return (int)i;
	return -1;
}

int network_region(const struct network *network, struct bytes name)
{
	for (size_t i = 0; i < network->region_count; i++)
		if (bytes_equal(name, bytes_str(network->regions[i].name)))
			return (int)i;
	return -1;
}

const struct network_product *network_product(const struct network *network, struct bytes name)
{
	const struct network_product *other = NULL;
	for (size_t i = 0; i < network->product_count; i++) {
		if (bytes_equal(name, bytes_str(network->products[i].name)))
			return &network->products[i];
		if (strcmp(network->products[i].name, "*") == 0)
			other = &network->products[i];
	}
	return other;
}

/* Part number `at` of "A|B". */
static struct bytes part_of(struct bytes text, int at)
{
	const uint8_t *begin = text.data, *end = text.data + text.len;
	for (; at > 0; at--) {
		const uint8_t *bar = memchr(begin, '|', (size_t)(end - begin));
		if (bar == NULL)
			return bytes_of(end, 0);
		begin = bar + 1;
	}
	const uint8_t *bar = memchr(begin, '|', (size_t)(end - begin));
	return bytes_of(begin, (size_t)((bar == NULL ? end : bar) - begin));
}

bool network_split(const struct network *network, struct bytes dimension, struct bytes *region,
		   struct bytes *product)
{
	if (dimension.len == 0)
		return false;
	*region = part_of(dimension, network->region_at);
	*product = network->product_at < 0 ? bytes_str(network->product)
					   : part_of(dimension, network->product_at);
	return region->len > 0 && product->len > 0;
}
