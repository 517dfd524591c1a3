/* What to move where: one product's stock at sites against the uncertain demand of regions over the
 * next periods, as a linear program that Clp (COIN-OR) solves to a proven optimum.
 *
 * Demand. A region's demand up to the end of period g is taken to have the sums of the quantiles of
 * periods 1 to g (as if a region's errors all went one way), with a distribution function that is
 * linear between them and goes on beyond the outer two as within the last interval, not below 0.
 * Its expected shortage at a supply y, E[(D - y)+] (the newsvendor's loss function; Silver, Pyke,
 * Thomas, Inventory and Production Management in Supply Chains, 4th ed., chapter 9), is convex; it
 * is replaced by its chords between ALLOCATE_SEGMENTS points, which lie on it or above.
 *
 * Lost sales. With the supply A_g that a region has had by g, the sales lost up to the end are
 * max over g of (D_g - A_g)+. The program charges the largest of the expected shortages, which is
 * at most the expectation of that maximum.
 *
 * Decisions, all made now: transfers between sites and orders, each of which arrives after its lead
 * time; and how a site's stock is kept for its regions, period by period. Minimised are the costs
 * of transfers and orders, of lost sales, of what is left in the end, and the cost of a lost sale
 * for each unit by which a region, in its worst period, has less than the service level's quantile.
 *
 * Rounding. Transfers are rounded down and orders up to whole lots; the rounded plan is valued by
 * the same program. `bound` is by weak duality below the cost of any plan, and is computed here
 * from the solver's prices, so the distance of `cost` to it doesn't rest on trust in the solver.
 *
 * Ownership: plain data; a solver holds its memory from beginning to end. Threads: one a solver.
 * Units: quantities are numbers of the product's unit, costs minor units of one currency. */
#ifndef MODELS_ALLOCATE_H
#define MODELS_ALLOCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"

enum {
	ALLOCATE_SITES_MAX = 16,
	ALLOCATE_REGIONS_MAX = 32,
	ALLOCATE_LANES_MAX = 64,
	ALLOCATE_PAIRS_MAX = 128, /* of a site and a region that it delivers to */
	ALLOCATE_QUANTILES = 5,	  /* 2.5, 10, 50, 90, 97.5 % */
	ALLOCATE_SEGMENTS = 17,
	ALLOCATE_ACTIONS_MAX = ALLOCATE_LANES_MAX + ALLOCATE_SITES_MAX,
};

struct allocate_site {
	double stock;	/* on hand, at least 0 */
	int order_lead; /* periods until an order is there; as many as are planned: too late */
	double order_cost, order_max; /* a unit; units */
};

/* A way from one site to another. */
struct allocate_lane {
	int from, to, lead; /* periods */
	double cost;	    /* a unit */
};

struct allocate_region {
	uint32_t sites; /* bit s: site s delivers there */
	double quantile[HORIZON_MAX][ALLOCATE_QUANTILES];
};

struct allocate_problem {
	struct allocate_site sites[ALLOCATE_SITES_MAX];
	struct allocate_lane lanes[ALLOCATE_LANES_MAX];
	struct allocate_region regions[ALLOCATE_REGIONS_MAX];
	size_t site_count, lane_count, region_count;
	int period_count;		     /* 1 to HORIZON_MAX */
	double service_level;		     /* above 0, below 1 */
	double lost_sale_cost, holding_cost; /* a unit lost, a unit left at the end */
	double lot;			     /* quantities are whole multiples of it; above 0 */
};

enum allocate_kind { ALLOCATE_TRANSFER, ALLOCATE_ORDER };

struct allocate_action {
	enum allocate_kind kind;
	int index; /* of the lane, of the site */
	double quantity;
	double cost;	      /* of the transfer or order */
	double lost_avoided;  /* units: what would be lost more without this one */
	double target_gained; /* units: by how much less regions fall short of the service level */
};

struct allocate_outcome {
	double demand;			    /* expected, over all periods */
	double target;			    /* the service level's quantile of it */
	double lost;			    /* expected, with the plan */
	double lost_without;		    /* with no transfer and no order */
	double below_target, below_without; /* in the worst period */
};

struct allocate_plan {
	struct allocate_action actions[ALLOCATE_ACTIONS_MAX]; /* what avoids most first */
	size_t action_count;
	struct allocate_outcome regions[ALLOCATE_REGIONS_MAX];
	double lost, lost_without; /* units, of all regions */
	double cost, cost_without; /* of the rounded plan; of doing nothing */
	double bound;		   /* no plan costs less, in lots or not */
};

struct allocator;

/* A new solver with room for the largest problem. */
struct allocator *allocator_new(void);
void allocator_free(struct allocator **allocator);

/* Fills *plan. Errors: FATAL ALLOCATE_UNSOLVED (the solver gave up; the text says with what). */
ERR_MUST_USE struct err *allocate(struct allocator *allocator,
				  const struct allocate_problem *problem,
				  struct allocate_plan *plan);

/* Clp's version, "1.17.6", for ever; and as a number, 11706, for a stage's logic version: the same
 * input may lead another version to another plan of the same cost. */
const char *allocate_solver(void);
uint32_t allocate_solver_number(void);

#endif
