/* The simulated company's surroundings: regions, warehouses, competitors, prices, regimes.
 *
 * This is a simulation: nothing here was measured. A world is plain data that moves on day by day
 * with its own random numbers, so that a copy of it can be moved on with others: that is how the
 * oracle looks at futures that did not come. Days count from 0, the first one simulated.
 *
 * Ownership: plain data. Threads: one at a time. Errors: none. */
#ifndef SIMULATE_WORLD_H
#define SIMULATE_WORLD_H

#include "base/prng.h"

enum {
	REGION_COUNT = 8,
	SITE_COUNT = 3,
	COMPETITOR_COUNT = 4,
	PRODUCT_COUNT = 12,
	CONTENT_COUNT = 24,
	SALES_COUNT_MAX = 400,
	REGIME_COUNT_MAX = 16,
	SIMULATION_DAYS_MAX = 3660,
};

/* What never changes about a region; a table of constants. */
struct region_facts {
	const char *code;     /* ISO 3166-2 */
	const char *country;  /* ISO 3166-1 alpha-2 */
	const char *currency; /* ISO 4217 */
	const char *phone;    /* country calling code */
	const char *legal_form;
	const char *city;
	int site;	    /* which warehouse delivers */
	double price_level; /* of list prices, Bavaria is 1 */
};

extern const struct region_facts region_facts[REGION_COUNT];

struct region {
	/* drawn once: how this region differs */
	double base;	       /* factor of every hazard */
	double price_weight;   /* factor of what a price gap does */
	double service_weight; /* factor of what bad service does */
	double promotion_weight;
	double season_amplitude, season_phase;
	/* moving */
	double economy;	    /* 0 is usual, about -1 to 1 */
	double price_index; /* 100 on day 0 */
	double promotion;   /* strength of the competitor's offer, 0: none */
	int promotion_days; /* left */
	int promotion_competitor;
	double promotion_percent;
	bool promotion_began; /* today */
	double price_change;  /* of list prices today, per cent; 0: none */
	int days_to_price_change;
};

struct site {
	double disruption; /* 0: none; the chance of a late delivery rises with it */
	int disruption_days;
};

/* A regime holds for some months; what it changes is a factor of what was. */
struct regime {
	int first_day;
	double level;	   /* of all hazards */
	double promotions; /* of the rate of competitors' offers */
	double service;	   /* of the rate of disruptions */
	double price;	   /* of what a price gap does */
	double experience; /* of what satisfaction does */
};

struct world {
	struct prng random;
	int day;
	struct region regions[REGION_COUNT];
	struct site sites[SITE_COUNT];
	struct regime regimes[REGIME_COUNT_MAX];
	int regime_count, regime; /* regime: the one that holds today */
	int sales_count;
	double sales_skill[SALES_COUNT_MAX];  /* of each sales person, 0 is usual */
	double content_effect[CONTENT_COUNT]; /* of each item on a deal */
	double season[REGION_COUNT];	      /* today's factor of demand */
};

/* The world on day 0. */
void world_init(struct world *world, uint64_t seed, int day_count, int sales_count);

/* One day on. */
void world_step(struct world *world);

/* cos(2 pi x), by a polynomial: the same bits everywhere; for seasons, right to about 1e-3. */
double world_wave(double x);

/* Normal weekday pattern: 1 from Monday to Friday, little at the weekend. Day 0 is a Monday. */
bool world_is_weekend(int day);

#endif
