#include "schemas/supply.h"

#include "schemas/rows.h"

/* clang-format off */

#define QUANTILES(s, path)                                   \
	REQ(s, "q025", path q025, FIELD_DOUBLE),             \
		REQ(s, "q100", path q100, FIELD_DOUBLE),     \
		REQ(s, "q500", path q500, FIELD_DOUBLE),     \
		REQ(s, "q900", path q900, FIELD_DOUBLE),     \
		REQ(s, "q975", path q975, FIELD_DOUBLE)

static const char *const supply_kinds[] = { "DEMAND", "STOCK", NULL };

static const struct field supply_fields[] = {
	ENUM(supply, kind, supply_kinds),
	TEXT(supply, product),
	TEXT(supply, place),
	LONG(supply, at_ms),
	LONG(supply, known_ms),
	TEXT(supply, unit),
	LONG(supply, period_ms),
	INT(supply, horizon),
	DOUBLE(supply, level),
	QUANTILES(supply, demand.),
};
const struct record_type supply_type = { .name = "supply",
					 .size = sizeof(struct supply),
					 .fields = supply_fields,
					 .field_count = sizeof supply_fields / sizeof(struct field),
					 .own_subject = true };

static const struct field forecast_fields[] = {
	INT(supply_forecast_record, region),
	INT(supply_forecast_record, horizon),
	QUANTILES(supply_forecast_record, demand.),
};
static TYPE(forecast_type, "SupplyForecast", supply_forecast_record, forecast_fields);

static const struct field stock_fields[] = {
	INT(supply_stock_record, site),
	LONG(supply_stock_record, at_ms),
	DOUBLE(supply_stock_record, level),
};
static TYPE(stock_type, "SupplyStock", supply_stock_record, stock_fields);

static const struct field state_fields[] = {
	TEXT(supply_record, unit),
	LONG(supply_record, period_ms),
	LONG(supply_record, origin_ms),
	LONG(supply_record, planned_ms),
	ARRAY(supply_record, forecasts, forecast_count, forecast_type,
	      SUPPLY_REGIONS_MAX * HORIZON_MAX),
	ARRAY(supply_record, stocks, stock_count, stock_type, SUPPLY_SITES_MAX),
};
TYPE(supply_record_type, "supply_state", supply_record, state_fields);

static const char *const allocation_kinds[] = { "TRANSFER", "ORDER", NULL };

static const struct field action_fields[] = {
	ENUM(allocation_action, kind, allocation_kinds),
	TEXT(allocation_action, from_site),
	TEXT(allocation_action, to_site),
	DOUBLE(allocation_action, quantity),
	LONG(allocation_action, arrives_ms),
	LONG(allocation_action, cost_minor),
	DOUBLE(allocation_action, lost_avoided),
	TEXT(allocation_action, code),
	TEXT(allocation_action, text),
};
static TYPE(action_type, "AllocationAction", allocation_action, action_fields);

static const struct field region_fields[] = {
	TEXT(allocation_region, region),
	DOUBLE(allocation_region, demand),
	DOUBLE(allocation_region, target),
	DOUBLE(allocation_region, expected_lost),
	DOUBLE(allocation_region, expected_lost_without),
	DOUBLE(allocation_region, below_target),
};
static TYPE(region_type, "AllocationRegion", allocation_region, region_fields);

static const struct field level_fields[] = {
	TEXT(allocation_stock, site),
	DOUBLE(allocation_stock, level),
	OPT_NUM(allocation_stock, "at_ms", at_ms, has_at, FIELD_LONG),
};
static TYPE(level_type, "AllocationStock", allocation_stock, level_fields);

static const char *const allocation_statuses[] = { "OPTIMAL", "UNSOLVED", NULL };

static const struct field allocation_fields[] = {
	TEXT(allocation, product),
	LONG(allocation, at_ms),
	TEXT(allocation, definition),
	TEXT(allocation, network_version),
	TEXT(allocation, unit),
	TEXT(allocation, currency),
	LONG(allocation, period_ms),
	INT(allocation, periods),
	DOUBLE(allocation, service_level),
	DOUBLE(allocation, expected_lost),
	DOUBLE(allocation, expected_lost_without),
	LONG(allocation, cost_minor),
	LONG(allocation, cost_without_minor),
	LONG(allocation, bound_minor),
	TEXT(allocation, solver),
	ENUM(allocation, status, allocation_statuses),
	ARRAY(allocation, actions, action_count, action_type, SUPPLY_ACTIONS_MAX),
	ARRAY(allocation, regions, region_count, region_type, SUPPLY_REGIONS_MAX),
	ARRAY(allocation, stocks, stock_count, level_type, SUPPLY_SITES_MAX),
};
TYPE(allocation_type, "allocation", allocation, allocation_fields);
