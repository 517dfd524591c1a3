/* One product in the allocate stage: the last level of stock at each site, and the forecasts that
 * wait for the log's clock. Plain data, zeroed when new. Threads: pure. */
#ifndef CONSUMERS_SUPPLY_STATE_H
#define CONSUMERS_SUPPLY_STATE_H

#include "consumers/network.h"
#include "models/allocate.h"
#include "schemas/supply.h"

enum { SUPPLY_UNIT_MAX = 8 };

struct supply_level {
	int64_t at_ms; /* 0: none was told */
	double level;
};

struct supply_state {
	char unit[SUPPLY_UNIT_MAX + 1];
	int64_t period_ms;
	int64_t origin_ms;  /* of the forecasts; 0: none wait */
	int64_t planned_ms; /* the last plan's; 0: there was none */
	int horizon_count;  /* periods that were forecast */
	struct supply_level levels[SUPPLY_SITES_MAX];
	bool is_forecast[SUPPLY_REGIONS_MAX];
	struct supply_quantiles demand[SUPPLY_REGIONS_MAX][HORIZON_MAX];
};

/* The newest counts. */
void supply_state_add_level(struct supply_state *state, int site, const struct supply *note);

/* What belongs to a plan that was made already is left alone. */
void supply_state_add_demand(struct supply_state *state, int region, const struct supply *note);

/* The forecasts are used up. */
void supply_state_planned(struct supply_state *state);

int64_t supply_state_due(const void *state); /* when the plan is made; TIME_NONE: nothing waits */

void supply_state_to_record(const struct supply_state *state, struct supply_record *record);
/* Errors: FATAL STATE_INVALID. */
ERR_MUST_USE struct err *supply_state_from_record(const struct supply_record *record,
						  struct supply_state *state);

#endif
