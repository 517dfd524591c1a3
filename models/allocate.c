#include "models/allocate.h"

#include <coin/Clp_C_Interface.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum {
	POINTS = ALLOCATE_QUANTILES + 2,
	CELLS_MAX = ALLOCATE_REGIONS_MAX * HORIZON_MAX, /* a region in a period */
	ROWS_MAX = 3 * CELLS_MAX + ALLOCATE_SITES_MAX * (HORIZON_MAX + 1),
	COLUMNS_MAX = ALLOCATE_ACTIONS_MAX + 2 * ALLOCATE_REGIONS_MAX +
		      ALLOCATE_PAIRS_MAX * HORIZON_MAX + CELLS_MAX * ALLOCATE_SEGMENTS,
	ENTRIES_MAX = ALLOCATE_ACTIONS_MAX * (HORIZON_MAX + 2) * 2 +
		      2 * ALLOCATE_REGIONS_MAX * HORIZON_MAX +
		      ALLOCATE_PAIRS_MAX * 3 * HORIZON_MAX * (HORIZON_MAX + 1) / 2 +
		      CELLS_MAX * ALLOCATE_SEGMENTS * 2,
	ITERATIONS_MAX = 1000000,
	NO_PERTURBATION = 100, /* Clp's word for it: nothing at random */
};

static const double probability[POINTS] = { 0, 0.025, 0.10, 0.5, 0.9, 0.975, 1 };
static const int parts[POINTS - 1] = { 2, 2, 4, 4, 2, 2 }; /* chords between two points */

/* What a region wants up to the end of a period. */
struct demand {
	double at[POINTS]; /* where the distribution function has those values */
	double mean, target;
};

/* The program by columns, as Clp takes it:
 *
 *   columns   a quantity for each lane; for each site an order; for each region the sales lost, and
 *             what is missing to its target; for each pair and period what is delivered in it; for
 *             each cell its segments of sales
 *   rows      for each cell: segments <= delivered so far; lost + sales >= mean; missing +
 * delivered so far >= target. For each site and period: delivered and sent so far <= stock and what
 * has arrived; for each site: sent <= stock
 */
struct allocator {
	const struct allocate_problem *problem;
	struct demand demands[CELLS_MAX];
	int pair_site[ALLOCATE_PAIRS_MAX], pair_region[ALLOCATE_PAIRS_MAX], pair_count;
	int row_count, column_count, entry_count;
	CoinBigIndex starts[COLUMNS_MAX + 1];
	int rows[ENTRIES_MAX];
	double values[ENTRIES_MAX];
	double lower[COLUMNS_MAX], upper[COLUMNS_MAX], costs[COLUMNS_MAX];
	double row_lower[ROWS_MAX], row_upper[ROWS_MAX];
	double fixed; /* what every plan costs */
	Clp_Simplex *clp;
};

/* The value of a solved program, with what is of interest of its solution. */
struct solution {
	double cost;
	double lost[ALLOCATE_REGIONS_MAX], missing[ALLOCATE_REGIONS_MAX];
	double lost_sum, missing_sum;
};

struct allocator *allocator_new(void)
{
	return check_calloc(1, sizeof(struct allocator));
}

void allocator_free(struct allocator **allocator)
{
	free(*allocator);
	*allocator = NULL;
}

const char *allocate_solver(void)
{
	return Clp_Version();
}

uint32_t allocate_solver_number(void)
{
	return (uint32_t)(Clp_VersionMajor() * 10000 + Clp_VersionMinor() * 100 +
			  Clp_VersionRelease() % 100);
}

/* ---- demand --------------------------------------------------------------------------------- */

static double quantile_of(const struct demand *demand, double level)
{
	int i = 0;
	while (i < POINTS - 2 && probability[i + 1] < level)
		i++;
	double share = (level - probability[i]) / (probability[i + 1] - probability[i]);
	return demand->at[i] + share * (demand->at[i + 1] - demand->at[i]);
}

static void demand_complete(struct demand *demand, double service_level)
{
	double *at = demand->at;
	double below = (probability[1] - probability[0]) / (probability[2] - probability[1]);
	at[0] = fmax(0, at[1] - below * (at[2] - at[1]));
	at[POINTS - 1] = at[POINTS - 2] + below * (at[POINTS - 2] - at[POINTS - 3]);
	demand->mean = at[0];
	for (int i = 0; i + 1 < POINTS; i++)
		demand->mean +=
			(at[i + 1] - at[i]) * (1 - (probability[i] + probability[i + 1]) / 2);
	demand->target = quantile_of(demand, service_level);
}

/* Quantiles that cross are put in order, and demand is never negative. */
static void demands_make(struct allocator *allocator)
{
	const struct allocate_problem *problem = allocator->problem;
	for (size_t r = 0; r < problem->region_count; r++) {
		double sums[ALLOCATE_QUANTILES] = { 0 };
		for (int g = 0; g < problem->period_count; g++) {
			struct demand *demand =
				&allocator->demands[(int)r * problem->period_count + g];
			double least = 0;
			for (int q = 0; q < ALLOCATE_QUANTILES; q++) {
				least = fmax(least, problem->regions[r].quantile[g][q]);
				sums[q] += least;
				demand->at[q + 1] = sums[q];
			}
			demand_complete(demand, problem->service_level);
		}
	}
}

/* ---- the program ---------------------------------------------------------------------------- */

static int cell_of(const struct allocator *allocator, int region, int period)
{
	return region * allocator->problem->period_count + period;
}

static int cell_count(const struct allocator *allocator)
{
	return (int)allocator->problem->region_count * allocator->problem->period_count;
}

static int sales_row(const struct allocator *allocator, int region, int period)
{
	return cell_of(allocator, region, period);
}

static int lost_row(const struct allocator *allocator, int region, int period)
{
	return cell_count(allocator) + cell_of(allocator, region, period);
}

static int target_row(const struct allocator *allocator, int region, int period)
{
	return 2 * cell_count(allocator) + cell_of(allocator, region, period);
}

static int stock_row(const struct allocator *allocator, int site, int period)
{
	return 3 * cell_count(allocator) + site * allocator->problem->period_count + period;
}

static int sent_row(const struct allocator *allocator, int site)
{
	return stock_row(allocator, (int)allocator->problem->site_count, 0) + site;
}

static int order_column(const struct allocator *allocator, int site)
{
	return (int)allocator->problem->lane_count + site;
}

static int lost_column(const struct allocator *allocator, int region)
{
	return order_column(allocator, (int)allocator->problem->site_count) + region;
}

static int missing_column(const struct allocator *allocator, int region)
{
	return lost_column(allocator, (int)allocator->problem->region_count) + region;
}

static void begin_column(struct allocator *allocator, double upper, double cost)
{
	int column = allocator->column_count++;
	CHECK(column < COLUMNS_MAX);
	allocator->lower[column] = 0;
	allocator->upper[column] = upper;
	allocator->costs[column] = cost;
	allocator->starts[column] = allocator->entry_count;
}

static void put(struct allocator *allocator, int row, double value)
{
	CHECK(allocator->entry_count < ENTRIES_MAX);
	allocator->rows[allocator->entry_count] = row;
	allocator->values[allocator->entry_count++] = value;
}

static void add_lanes(struct allocator *allocator)
{
	const struct allocate_problem *problem = allocator->problem;
	for (size_t l = 0; l < problem->lane_count; l++) {
		const struct allocate_lane *lane = &problem->lanes[l];
		begin_column(allocator, problem->sites[lane->from].stock, lane->cost);
		for (int g = 0; g < problem->period_count; g++) {
			put(allocator, stock_row(allocator, lane->from, g), 1);
			if (g >= lane->lead)
				put(allocator, stock_row(allocator, lane->to, g), -1);
		}
		put(allocator, sent_row(allocator, lane->from), 1);
	}
}

/* Whole lots; what the solver means by a whole number may be a hair below it. */
static double in_lots(double quantity, double lot, bool up)
{
	enum { HAIR = 1000000 };
	double lots = quantity / lot;
	return lot * (up ? ceil(lots - 1.0 / HAIR) : floor(lots + 1.0 / HAIR));
}

/* No more than all of its regions could want can be of use. */
static double order_limit(const struct allocator *allocator, size_t site)
{
	const struct allocate_problem *problem = allocator->problem;
	if (problem->sites[site].order_lead >= problem->period_count)
		return 0;
	double most = 0;
	for (size_t r = 0; r < problem->region_count; r++) {
		int cell = cell_of(allocator, (int)r, problem->period_count - 1);
		if (problem->regions[r].sites >> site & 1)
			most += allocator->demands[cell].at[POINTS - 1];
	}
	return fmin(in_lots(most, problem->lot, true),
		    in_lots(problem->sites[site].order_max, problem->lot, false));
}

static void add_orders(struct allocator *allocator)
{
	const struct allocate_problem *problem = allocator->problem;
	for (size_t s = 0; s < problem->site_count; s++) {
		begin_column(allocator, order_limit(allocator, s),
			     problem->sites[s].order_cost + problem->holding_cost);
		for (int g = problem->sites[s].order_lead; g < problem->period_count; g++)
			put(allocator, stock_row(allocator, (int)s, g), -1);
	}
}

/* What is left at the end is what there was, and was ordered, less what is sold: so a lost sale
 * costs a unit's holding more, and all else of it no plan can change. */
static void add_losses(struct allocator *allocator)
{
	const struct allocate_problem *problem = allocator->problem;
	for (int r = 0; r < (int)problem->region_count; r++) {
		const struct demand *all =
			&allocator->demands[cell_of(allocator, r, problem->period_count - 1)];
		begin_column(allocator, all->mean, problem->lost_sale_cost + problem->holding_cost);
		for (int g = 0; g < problem->period_count; g++)
			put(allocator, lost_row(allocator, r, g), 1);
		allocator->fixed -= problem->holding_cost * all->mean;
	}
	for (int r = 0; r < (int)problem->region_count; r++) {
		const struct demand *all =
			&allocator->demands[cell_of(allocator, r, problem->period_count - 1)];
		begin_column(allocator, all->target, problem->lost_sale_cost);
		for (int g = 0; g < problem->period_count; g++)
			put(allocator, target_row(allocator, r, g), 1);
	}
}

static void add_deliveries(struct allocator *allocator, double most)
{
	int period_count = allocator->problem->period_count;
	for (int p = 0; p < allocator->pair_count; p++) {
		int site = allocator->pair_site[p], region = allocator->pair_region[p];
		for (int at = 0; at < period_count; at++) {
			begin_column(allocator, most, 0);
			for (int g = at; g < period_count; g++) {
				put(allocator, sales_row(allocator, region, g), -1);
				put(allocator, target_row(allocator, region, g), 1);
				put(allocator, stock_row(allocator, site, g), 1);
			}
		}
	}
}

/* The share of each unit's demand that comes: the chord's slope is exact over its segment. */
static void add_segments(struct allocator *allocator)
{
	int period_count = allocator->problem->period_count;
	for (int cell = 0; cell < cell_count(allocator); cell++) {
		const struct demand *demand = &allocator->demands[cell];
		int r = cell / period_count, g = cell % period_count;
		begin_column(allocator, demand->at[0], 0);
		put(allocator, sales_row(allocator, r, g), 1);
		put(allocator, lost_row(allocator, r, g), 1);
		for (int i = 0; i + 1 < POINTS; i++) {
			double step = (probability[i + 1] - probability[i]) / parts[i];
			for (int k = 0; k < parts[i]; k++) {
				begin_column(allocator,
					     (demand->at[i + 1] - demand->at[i]) / parts[i], 0);
				put(allocator, sales_row(allocator, r, g), 1);
				put(allocator, lost_row(allocator, r, g),
				    1 - (probability[i] + (k + 0.5) * step));
			}
		}
	}
}

static void bound_rows(struct allocator *allocator)
{
	const struct allocate_problem *problem = allocator->problem;
	int cells = cell_count(allocator);
	for (int cell = 0; cell < cells; cell++) {
		allocator->row_lower[cell] = -DBL_MAX;
		allocator->row_upper[cell] = 0;
		allocator->row_lower[cells + cell] = allocator->demands[cell].mean;
		allocator->row_lower[2 * cells + cell] = allocator->demands[cell].target;
		allocator->row_upper[cells + cell] = allocator->row_upper[2 * cells + cell] =
			DBL_MAX;
	}
	for (int s = 0; s < (int)problem->site_count; s++) {
		for (int g = 0; g <= problem->period_count; g++) {
			int row = g < problem->period_count ? stock_row(allocator, s, g)
							    : sent_row(allocator, s);
			allocator->row_lower[row] = -DBL_MAX;
			allocator->row_upper[row] = problem->sites[s].stock;
		}
	}
	allocator->row_count = sent_row(allocator, (int)problem->site_count);
}

static void find_pairs(struct allocator *allocator)
{
	const struct allocate_problem *problem = allocator->problem;
	allocator->pair_count = 0;
	for (size_t r = 0; r < problem->region_count; r++) {
		for (size_t s = 0; s < problem->site_count; s++) {
			if ((problem->regions[r].sites >> s & 1) == 0)
				continue;
			CHECK(allocator->pair_count < ALLOCATE_PAIRS_MAX);
			allocator->pair_site[allocator->pair_count] = (int)s;
			allocator->pair_region[allocator->pair_count++] = (int)r;
		}
	}
}

static void build(struct allocator *allocator)
{
	const struct allocate_problem *problem = allocator->problem;
	allocator->column_count = allocator->entry_count = 0;
	allocator->fixed = 0;
	find_pairs(allocator);
	demands_make(allocator);
	double most = 0;
	for (size_t s = 0; s < problem->site_count; s++) {
		most += problem->sites[s].stock + order_limit(allocator, s);
		allocator->fixed += problem->holding_cost * problem->sites[s].stock;
	}
	add_lanes(allocator);
	add_orders(allocator);
	add_losses(allocator);
	add_deliveries(allocator, most);
	add_segments(allocator);
	allocator->starts[allocator->column_count] = allocator->entry_count;
	bound_rows(allocator);
}

/* ---- solving -------------------------------------------------------------------------------- */

/* A bound on the cost of every plan, from any prices of the rows: each row is worth its price times
 * the end of its range that the price pays for, and each column takes the better end of its own. */
static double dual_bound(const struct allocator *allocator, const double *prices)
{
	double bound = allocator->fixed;
	static const double none = 0;
	for (int i = 0; i < allocator->row_count; i++) {
		bool up = allocator->row_upper[i] < DBL_MAX; /* each row has one end */
		double price = up ? fmin(none, prices[i]) : fmax(none, prices[i]);
		bound += price * (up ? allocator->row_upper[i] : allocator->row_lower[i]);
	}
	for (int j = 0; j < allocator->column_count; j++) {
		double reduced = allocator->costs[j];
		for (CoinBigIndex k = allocator->starts[j]; k < allocator->starts[j + 1]; k++) {
			int i = allocator->rows[k];
			bool up = allocator->row_upper[i] < DBL_MAX;
			reduced -= allocator->values[k] *
				   (up ? fmin(none, prices[i]) : fmax(none, prices[i]));
		}
		bound +=
			reduced < 0 ? reduced * allocator->upper[j] : reduced * allocator->lower[j];
	}
	return bound;
}

static struct err *solve(struct allocator *allocator, struct solution *solution)
{
	const struct allocate_problem *problem = allocator->problem;
	Clp_chgColumnLower(allocator->clp, allocator->lower);
	Clp_chgColumnUpper(allocator->clp, allocator->upper);
	Clp_dual(allocator->clp, 0);
	if (Clp_status(allocator->clp) != 0)
		return err_new(ERR_FATAL, "ALLOCATE_UNSOLVED",
			       "the solver ended with status %d after %d iterations",
			       Clp_status(allocator->clp), Clp_numberIterations(allocator->clp));
	const double *values = Clp_primalColumnSolution(allocator->clp);
	*solution =
		(struct solution){ .cost = Clp_objectiveValue(allocator->clp) + allocator->fixed };
	for (int r = 0; r < (int)problem->region_count; r++) {
		solution->lost[r] = values[lost_column(allocator, r)];
		solution->missing[r] = values[missing_column(allocator, r)];
		solution->lost_sum += solution->lost[r];
		solution->missing_sum += solution->missing[r];
	}
	return NULL;
}

static void hold(struct allocator *allocator, int column, double quantity)
{
	allocator->lower[column] = allocator->upper[column] = quantity;
}

static int decision_count(const struct allocator *allocator)
{
	return lost_column(allocator, 0);
}

static void take_actions(struct allocator *allocator, struct allocate_plan *plan)
{
	const struct allocate_problem *problem = allocator->problem;
	const double *values = Clp_primalColumnSolution(allocator->clp);
	plan->action_count = 0;
	for (int column = 0; column < decision_count(allocator); column++) {
		bool is_order = column >= (int)problem->lane_count;
		double quantity = in_lots(values[column], problem->lot, is_order);
		hold(allocator, column, quantity);
		if (quantity <= 0)
			continue;
		int index = is_order ? column - (int)problem->lane_count : column;
		double unit =
			is_order ? problem->sites[index].order_cost : problem->lanes[index].cost;
		plan->actions[plan->action_count++] = (struct allocate_action){
			.kind = is_order ? ALLOCATE_ORDER : ALLOCATE_TRANSFER,
			.index = index,
			.quantity = quantity,
			.cost = quantity * unit,
		};
	}
}

/* What each action is worth, all others being done. */
static struct err *value_actions(struct allocator *allocator, const struct solution *all,
				 struct allocate_plan *plan)
{
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < plan->action_count; i++) {
		struct allocate_action *action = &plan->actions[i];
		struct solution without;
		int column = action->kind == ALLOCATE_ORDER ? order_column(allocator, action->index)
							    : action->index;
		hold(allocator, column, 0);
		err = solve(allocator, &without);
		hold(allocator, column, action->quantity);
		if (err != NULL)
			continue;
		action->lost_avoided = fmax(0, without.lost_sum - all->lost_sum);
		action->target_gained = fmax(0, without.missing_sum - all->missing_sum);
	}
	return err;
}

static int by_worth(const void *a, const void *b)
{
	const struct allocate_action *left = a, *right = b;
	if (left->lost_avoided != right->lost_avoided)
		return left->lost_avoided > right->lost_avoided ? -1 : 1;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return (left->index > right->index) - (left->index < right->index);
}

static void take_outcomes(struct allocator *allocator, const struct solution *with,
			  const struct solution *without, struct allocate_plan *plan)
{
	const struct allocate_problem *problem = allocator->problem;
	plan->cost = with->cost;
	plan->cost_without = without->cost;
	plan->lost = with->lost_sum;
	plan->lost_without = without->lost_sum;
	for (int r = 0; r < (int)problem->region_count; r++) {
		const struct demand *all =
			&allocator->demands[cell_of(allocator, r, problem->period_count - 1)];
		plan->regions[r] = (struct allocate_outcome){
			.demand = all->mean,
			.target = all->target,
			.lost = with->lost[r],
			.lost_without = without->lost[r],
			.below_target = with->missing[r],
			.below_without = without->missing[r],
		};
	}
}

/* The optimum; the rounded plan; doing nothing; and without each action in turn. */
static struct err *plan_make(struct allocator *allocator, struct allocate_plan *plan)
{
	struct solution best, with, without;
	struct err *err = solve(allocator, &best);
	if (err != NULL)
		return err;
	plan->bound = dual_bound(allocator, Clp_dualRowSolution(allocator->clp));
	take_actions(allocator, plan);
	err = solve(allocator, &with);
	if (err == NULL)
		err = value_actions(allocator, &with, plan);
	for (int column = 0; column < decision_count(allocator); column++)
		hold(allocator, column, 0);
	if (err == NULL)
		err = solve(allocator, &without);
	if (err != NULL)
		return err;
	take_outcomes(allocator, &with, &without, plan);
	if (plan->action_count > 1)
		qsort(plan->actions, plan->action_count, sizeof plan->actions[0], by_worth);
	return NULL;
}

struct err *allocate(struct allocator *allocator, const struct allocate_problem *problem,
		     struct allocate_plan *plan)
{
	CHECK(problem->period_count >= 1 && problem->period_count <= HORIZON_MAX);
	CHECK(problem->region_count <= ALLOCATE_REGIONS_MAX && problem->lot > 0);
	*plan = (struct allocate_plan){ 0 };
	allocator->problem = problem;
	build(allocator);
	allocator->clp = Clp_newModel();
	Clp_setLogLevel(allocator->clp, 0);
	Clp_setMaximumIterations(allocator->clp, ITERATIONS_MAX);
	Clp_setPerturbation(allocator->clp, NO_PERTURBATION);
	Clp_loadProblem(allocator->clp, allocator->column_count, allocator->row_count,
			allocator->starts, allocator->rows, allocator->values, allocator->lower,
			allocator->upper, allocator->costs, allocator->row_lower,
			allocator->row_upper);
	struct err *err = plan_make(allocator, plan);
	Clp_deleteModel(allocator->clp);
	allocator->clp = NULL;
	return err;
}
