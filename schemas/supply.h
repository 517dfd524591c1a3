/* What the allocate stage reads, keeps and says. The .avsc of the same name says what each field
 * means; strings are borrowed from the state that is encoded, or from the message decoded. */
#ifndef SCHEMAS_SUPPLY_H
#define SCHEMAS_SUPPLY_H

#include "base/limits.h"
#include "schemas/record.h"

enum {
	SUPPLY_SITES_MAX = 16,
	SUPPLY_REGIONS_MAX = 32,
	SUPPLY_ACTIONS_MAX = 80,
};

enum supply_kind { SUPPLY_DEMAND, SUPPLY_STOCK };

struct supply_quantiles {
	double q025, q100, q500, q900, q975;
};

/* supply */
struct supply {
	int32_t kind; /* enum supply_kind */
	struct bytes product, place;
	int64_t at_ms, known_ms;
	struct bytes unit;
	int64_t period_ms;
	int32_t horizon;
	double level;
	struct supply_quantiles demand;
};

extern const struct record_type supply_type;

/* supply_state */
struct supply_forecast_record {
	int32_t region, horizon;
	struct supply_quantiles demand;
};

struct supply_stock_record {
	int32_t site;
	int64_t at_ms;
	double level;
};

struct supply_record {
	struct bytes unit;
	int64_t period_ms, origin_ms, planned_ms;
	size_t forecast_count, stock_count;
	struct supply_forecast_record forecasts[SUPPLY_REGIONS_MAX * HORIZON_MAX];
	struct supply_stock_record stocks[SUPPLY_SITES_MAX];
};

extern const struct record_type supply_record_type;

/* allocation */
enum allocation_status { ALLOCATION_OPTIMAL, ALLOCATION_UNSOLVED };
enum allocation_kind { ALLOCATION_TRANSFER, ALLOCATION_ORDER };

struct allocation_action {
	int32_t kind; /* enum allocation_kind */
	struct bytes from_site, to_site;
	double quantity;
	int64_t arrives_ms, cost_minor;
	double lost_avoided;
	struct bytes code, text;
};

struct allocation_region {
	struct bytes region;
	double demand, target, expected_lost, expected_lost_without, below_target;
};

struct allocation_stock {
	struct bytes site;
	double level;
	bool has_at;
	int64_t at_ms; /* optional */
};

struct allocation {
	struct bytes product;
	int64_t at_ms;
	struct bytes definition, network_version, unit, currency;
	int64_t period_ms;
	int32_t periods;
	double service_level, expected_lost, expected_lost_without;
	int64_t cost_minor, cost_without_minor, bound_minor;
	struct bytes solver;
	int32_t status; /* enum allocation_status */
	size_t action_count, region_count, stock_count;
	struct allocation_action actions[SUPPLY_ACTIONS_MAX];
	struct allocation_region regions[SUPPLY_REGIONS_MAX];
	struct allocation_stock stocks[SUPPLY_SITES_MAX];
};

extern const struct record_type allocation_type;

#endif
