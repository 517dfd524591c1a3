/* Plans against every plan in whole pieces, valued by integrating the demand's distribution; the
 * bound against any plan; and what the network's file must say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "base/timestamp.h"
#include "consumers/allocate.h"
#include "consumers/network.h"
#include "consumers/series_file.h"
#include "models/allocate.h"
#include "schemas/registry.h"
#include "schemas/supply.h"

enum { QUANTILES = ALLOCATE_QUANTILES, STEPS = 4000 };

static void solve(const struct allocate_problem *problem, struct allocate_plan *plan)
{
	struct allocator *allocator = allocator_new();
	struct err *err = allocate(allocator, problem, plan);
	if (err != NULL)
		fail_msg("%s", err_text(err));
	allocator_free(&allocator);
}

/* Two sites with a region each: the first has plenty, the second nothing to speak of. Orders take
 * two periods, transfers one. */
static struct allocate_problem two_sites(void)
{
	struct allocate_problem problem = {
		.sites = { { 60, 2, 3, 1e6 }, { 5, 2, 3, 1e6 } },
		.lanes = { { 0, 1, 1, 2 }, { 1, 0, 1, 2 } },
		.site_count = 2,
		.lane_count = 2,
		.region_count = 2,
		.period_count = 3,
		.service_level = 0.9,
		.lost_sale_cost = 40,
		.holding_cost = 1,
		.lot = 1,
	};
	static const double quantile[2][QUANTILES] = { { 2, 4, 8, 12, 15 }, { 4, 6, 10, 15, 19 } };
	for (int r = 0; r < 2; r++) {
		problem.regions[r].sites = 1u << r;
		for (int g = 0; g < 3; g++)
			memcpy(problem.regions[r].quantile[g], quantile[r], sizeof quantile[r]);
	}
	return problem;
}

/* ---- an oracle of its own: it inverts the distribution function point by point -------------- */

/* The demand of `periods` periods at probability p. */
static double demand_at(const double quantile[QUANTILES], int periods, double p)
{
	static const double at[QUANTILES] = { 0.025, 0.10, 0.5, 0.9, 0.975 };
	int i = p < at[1] ? 0 : p < at[2] ? 1 : p < at[3] ? 2 : 3;
	double slope = (quantile[i + 1] - quantile[i]) / (at[i + 1] - at[i]);
	double value = quantile[i] + (p - at[i]) * slope;
	return periods * (value > 0 ? value : 0);
}

static double loss_at(const double quantile[QUANTILES], int periods, double supply)
{
	double sum = 0;
	for (int i = 0; i < STEPS; i++)
		sum += fmax(0, demand_at(quantile, periods, (i + 0.5) / STEPS) - supply);
	return sum / STEPS;
}

enum { SUPPLY_MAX = 200 };

static double kept[2][4][SUPPLY_MAX]; /* of the problem at hand */

/* The same, kept: supplies here are whole pieces. */
static double loss_of(int region, const double quantile[QUANTILES], int periods, double supply)
{
	double *loss = &kept[region][periods][(int)supply];
	if (*loss == 0)
		*loss = loss_at(quantile, periods, supply) + 1e-12;
	return *loss;
}

/* What a plan costs where each site has one region of its own; lanes 0 -> 1 and 1 -> 0. */
static double value(const struct allocate_problem *problem, const int sent[2], const int ordered[2])
{
	double cost = 0;
	for (int s = 0; s < 2; s++) {
		const double *quantile = problem->regions[s].quantile[0];
		double lost = 0, below = 0, supply = 0;
		for (int g = 0; g < problem->period_count; g++) {
			supply = problem->sites[s].stock - sent[s] +
				 (g >= problem->lanes[1 - s].lead ? sent[1 - s] : 0) +
				 (g >= problem->sites[s].order_lead ? ordered[s] : 0);
			lost = fmax(lost, loss_of(s, quantile, g + 1, supply));
			below = fmax(below,
				     demand_at(quantile, g + 1, problem->service_level) - supply);
		}
		double mean = loss_of(s, quantile, problem->period_count, 0);
		cost += sent[s] * problem->lanes[s].cost +
			ordered[s] * problem->sites[s].order_cost +
			problem->lost_sale_cost * (lost + below) +
			problem->holding_cost * (supply - mean + lost);
	}
	return cost;
}

/* Of all that the first site can send to the second, and both can order. */
static double best_of_all(const struct allocate_problem *problem)
{
	double best = INFINITY;
	int orders[2];
	memset(kept, 0, sizeof kept);
	for (int s = 0; s < 2; s++)
		orders[s] = (int)fmin(40, problem->sites[s].order_max);
	for (int a = 0; a <= 40 && a <= (int)problem->sites[0].stock; a++)
		for (int x = 0; x <= orders[0]; x++)
			for (int y = 0; y <= orders[1]; y++) {
				const int sent[2] = { a, 0 }, ordered[2] = { x, y };
				best = fmin(best, value(problem, sent, ordered));
			}
	return best;
}

static void take(const struct allocate_plan *plan, int sent[2], int ordered[2])
{
	for (size_t i = 0; i < plan->action_count; i++)
		(plan->actions[i].kind == ALLOCATE_ORDER ? ordered : sent)[plan->actions[i].index] =
			(int)plan->actions[i].quantity;
}

static void is_as_good_as_the_best_of_all(void **state)
{
	(void)state;
	const struct allocate_problem problem = two_sites();
	struct allocate_plan plan;
	int sent[2] = { 0 }, ordered[2] = { 0 };
	solve(&problem, &plan);
	take(&plan, sent, ordered);
	double best = best_of_all(&problem), ours = value(&problem, sent, ordered);
	const int nothing[2] = { 0 };
	double idle = value(&problem, nothing, nothing);
	print_message("# best %.2f, plan %.2f (by its own count %.2f, bound %.2f), nothing %.2f\n",
		      best, ours, plan.cost, plan.bound, idle);
	assert_true(sent[0] > 0);
	assert_true(ours <= best * 1.005);
	assert_true(fabs(plan.cost - ours) < 0.02 * ours); /* chords lie above the curve */
	assert_true(fabs(plan.cost_without - idle) < 0.02 * idle);
	assert_true(plan.bound <= plan.cost + 1e-6);
	assert_true(plan.cost - plan.bound < 0.03 * plan.cost); /* what whole pieces cost */
	assert_true(plan.lost < 0.3 * plan.lost_without);
}

/* Other leads, costs, stocks and demands: the bound is below the best plan that there is, but for
 * the chords, and the plan hardly above it. */
static void is_held_between_bound_and_best(void **state)
{
	(void)state;
	struct prng random = prng_new(17, 1);
	double nearest = INFINITY;
	for (int trial = 0; trial < 12; trial++) {
		struct allocate_problem problem = two_sites();
		struct allocate_plan plan;
		int sent[2] = { 0 }, ordered[2] = { 0 };
		problem.lane_count = 1;
		problem.service_level = 0.5 + 0.45 * prng_uniform(&random);
		problem.lost_sale_cost = (double)prng_between(&random, 5, 80);
		problem.holding_cost = (double)prng_between(&random, 0, 4);
		problem.lanes[0].lead = (int)prng_between(&random, 0, 2);
		problem.lanes[0].cost = (double)prng_between(&random, 0, 12);
		for (int s = 0; s < 2; s++) {
			double step = 0.6 + 0.6 * prng_uniform(&random);
			problem.sites[s] =
				(struct allocate_site){ (double)prng_between(&random, 0,
									     s == 0 ? 60 : 15),
							(int)prng_between(&random, 0, 3),
							(double)prng_between(&random, 1, 20), 40 };
			for (int g = 0; g < 3; g++)
				for (int q = 0; q < QUANTILES; q++)
					problem.regions[s].quantile[g][q] =
						step * problem.regions[s].quantile[g][q];
			for (int g = 1; g < 3; g++)
				memcpy(problem.regions[s].quantile[g],
				       problem.regions[s].quantile[0],
				       sizeof problem.regions[s].quantile[0]);
		}
		solve(&problem, &plan);
		double best = best_of_all(&problem);
		take(&plan, sent, ordered);
		double ours = value(&problem, sent, ordered), chords = 0.02 * fabs(best) + 1;
		if (plan.bound > best + chords || ours > best + chords)
			fail_msg("trial %d: bound %.2f, best %.2f, plan %.2f", trial, plan.bound,
				 best, ours);
		nearest = fmin(nearest, (best - plan.bound) / best);
		assert_true(plan.bound > 0.9 * best - 5);
	}
	print_message("# the bound comes as near as %.2f %%\n", 100 * nearest);
}

/* ---- sites and regions that share each other: an oracle that parts out each piece ---------- */

enum { PIECES = 7, ORDERS = 4 };

/* What each region has had up to each of two periods. */
struct supplied {
	int had[2][2]; /* [region][period] */
};

static double shared_value(const struct allocate_problem *problem, const struct supplied *supply,
			   int all)
{
	double cost = 0;
	for (int r = 0; r < 2; r++) {
		const double *quantile = problem->regions[r].quantile[0];
		double lost = 0, below = 0;
		for (int g = 0; g < 2; g++) {
			lost = fmax(lost, loss_of(r, quantile, g + 1, supply->had[r][g]));
			below = fmax(below, demand_at(quantile, g + 1, problem->service_level) -
						    supply->had[r][g]);
		}
		cost += problem->lost_sale_cost * (lost + below) +
			problem->holding_cost * (lost - loss_of(r, quantile, 2, 0));
	}
	return cost + problem->holding_cost * all;
}

/* The best way to part what site s has by each period, with that of the sites behind it. */
static double best_parting(const struct allocate_problem *problem, const int has[2][2], int s,
			   struct supplied supply)
{
	if (s == 2)
		return shared_value(problem, &supply, has[0][1] + has[1][1]);
	double best = INFINITY;
	bool serves[2];
	for (int r = 0; r < 2; r++)
		serves[r] = problem->regions[r].sites >> s & 1;
	for (int x = serves[1] ? 0 : has[s][0]; x <= (serves[0] ? has[s][0] : 0); x++)
		for (int y = serves[1] ? x : has[s][1];
		     y <= (serves[0] ? has[s][1] - (serves[1] ? has[s][0] - x : 0) : 0); y++) {
			struct supplied with = supply;
			with.had[0][0] += x;
			with.had[0][1] += y;
			with.had[1][0] += serves[1] ? has[s][0] - x : 0;
			with.had[1][1] += serves[1] ? has[s][1] - y : 0;
			best = fmin(best, best_parting(problem, has, s + 1, with));
		}
	if (!serves[0] && !serves[1])
		best = best_parting(problem, has, s + 1, supply);
	return best;
}

static double best_of_shared(const struct allocate_problem *problem)
{
	double best = INFINITY;
	const struct allocate_lane *lane = &problem->lanes[0];
	int most[2];
	memset(kept, 0, sizeof kept);
	for (int s = 0; s < 2; s++)
		most[s] = problem->sites[s].order_lead < 2 ? (int)problem->sites[s].order_max : 0;
	for (int sent = 0; sent <= (int)problem->sites[0].stock; sent++)
		for (int a = 0; a <= most[0]; a++)
			for (int b = 0; b <= most[1]; b++) {
				const int ordered[2] = { a, b };
				int has[2][2];
				double cost = sent * lane->cost;
				for (int s = 0; s < 2; s++) {
					const struct allocate_site *site = &problem->sites[s];
					for (int g = 0; g < 2; g++)
						has[s][g] =
							(int)site->stock +
							(g >= site->order_lead ? ordered[s] : 0) +
							(s == 0		   ? -sent
							 : g >= lane->lead ? sent
									   : 0);
					cost += ordered[s] * site->order_cost;
				}
				cost += best_parting(problem, has, 0, (struct supplied){ 0 });
				best = fmin(best, cost);
			}
	return best;
}

/* In small lots the plan is between the bound and the best in whole pieces, but for the chords. */
static void parts_a_site_between_its_regions(void **state)
{
	(void)state;
	struct prng random = prng_new(23, 1);
	double farthest = 0;
	for (int trial = 0; trial < 16; trial++) {
		struct allocate_problem problem = two_sites();
		struct allocate_plan plan;
		problem.period_count = 2;
		problem.lane_count = 1;
		problem.lot = 0.001;
		problem.service_level = 0.5 + 0.45 * prng_uniform(&random);
		problem.lost_sale_cost = (double)prng_between(&random, 10, 80);
		problem.holding_cost = (double)prng_between(&random, 0, 4);
		problem.lanes[0].lead = (int)prng_between(&random, 0, 2);
		problem.lanes[0].cost = (double)prng_between(&random, 0, 12);
		for (int s = 0; s < 2; s++) {
			problem.sites[s] =
				(struct allocate_site){ (double)prng_between(&random, 0, PIECES),
							(int)prng_between(&random, 0, 2),
							(double)prng_between(&random, 1, 20),
							ORDERS };
			problem.regions[s].sites = 1 + prng_below(&random, 3);
			for (int q = 0; q < QUANTILES; q++)
				problem.regions[s].quantile[0][q] *= 0.35;
			memcpy(problem.regions[s].quantile[1], problem.regions[s].quantile[0],
			       sizeof problem.regions[s].quantile[0]);
		}
		solve(&problem, &plan);
		double best = best_of_shared(&problem), chords = 0.02 * fabs(best) + 1;
		double pieces = 0.3 * (problem.lost_sale_cost + 12); /* what part of one is worth */
		if (plan.bound > best + chords || plan.cost > best + chords ||
		    plan.cost < best - pieces || plan.cost > plan.bound + 0.6)
			fail_msg("trial %d: bound %.2f, plan %.2f, best in pieces %.2f", trial,
				 plan.bound, plan.cost, best);
		farthest = fmax(farthest, fabs(plan.cost - best) / pieces);
	}
	print_message("# whole pieces cost up to %.2f of what is allowed\n", farthest);
}

static void leaves_well_alone(void **state)
{
	(void)state;
	struct allocate_problem problem = two_sites();
	struct allocate_plan plan;
	problem.sites[0].stock = problem.sites[1].stock = 500;
	solve(&problem, &plan);
	assert_int_equal(plan.action_count, 0);
	assert_true(plan.lost < 1e-6);
	assert_true(fabs(plan.cost - plan.bound) < 1e-6 * plan.cost);
}

static void sees_no_help_in_what_comes_too_late(void **state)
{
	(void)state;
	struct allocate_problem problem = two_sites();
	struct allocate_plan plan;
	problem.sites[0].order_lead = problem.sites[1].order_lead = 3;
	problem.lanes[0].lead = problem.lanes[1].lead = 3;
	solve(&problem, &plan);
	assert_int_equal(plan.action_count, 0);
	assert_true(plan.lost > 10);
}

static void values_each_action_by_leaving_it_out(void **state)
{
	(void)state;
	struct allocate_problem problem = two_sites();
	struct allocate_plan plan, without;
	problem.sites[0].order_lead = problem.sites[1].order_lead = 3;
	solve(&problem, &plan);
	assert_int_equal(plan.action_count, 1);
	assert_true(plan.actions[0].quantity <= 60);
	problem.lane_count = 0;
	solve(&problem, &without);
	assert_true(fabs(without.lost - plan.lost - plan.actions[0].lost_avoided) < 1e-6);
	assert_true(fabs(without.lost - plan.lost_without) < 1e-6);
	/* each site orders for its own region: an order's worth is what it is without the other */
	for (int s = 0; s < 2; s++) {
		problem.sites[s].stock = 5;
		problem.sites[s].order_lead = 0;
	}
	solve(&problem, &plan);
	assert_int_equal(plan.action_count, 2);
	for (int i = 0; i < 2; i++) {
		const struct allocate_outcome *region = &plan.regions[plan.actions[i].index];
		double avoided = region->lost_without - region->lost;
		assert_true(avoided > 1 && fabs(plan.actions[i].lost_avoided - avoided) < 1e-6);
	}
}

static void demand_that_is_none(void **state)
{
	(void)state;
	struct allocate_problem problem = two_sites();
	struct allocate_plan plan;
	memset(problem.regions[0].quantile, 0, sizeof problem.regions[0].quantile);
	memset(problem.regions[1].quantile, 0, sizeof problem.regions[1].quantile);
	solve(&problem, &plan);
	assert_int_equal(plan.action_count, 0);
	assert_true(plan.lost == 0);
	problem.regions[0].quantile[0][3] = 1; /* crossing quantiles are put in order */
	problem.regions[0].quantile[0][1] = 7;
	problem.regions[1].quantile[2][0] = -4;
	solve(&problem, &plan);
	assert_true(plan.bound <= plan.cost + 1e-6);
}

/* Random networks: nothing leaves that isn't there, the bound holds, and the same comes out twice.
 */
static void random_problem(struct prng *random, struct allocate_problem *problem)
{
	*problem = (struct allocate_problem){
		.site_count = (size_t)prng_between(random, 1, 6),
		.region_count = (size_t)prng_between(random, 1, 12),
		.period_count = (int)prng_between(random, 1, 8),
		.service_level = 0.5 + 0.49 * prng_uniform(random),
		.lost_sale_cost = (double)prng_between(random, 1, 100),
		.holding_cost = (double)prng_between(random, 0, 5),
		.lot = prng_chance(random, 0.3) ? 12 : 1,
	};
	for (size_t s = 0; s < problem->site_count; s++)
		problem->sites[s] = (struct allocate_site){ (double)prng_between(random, 0, 300),
							    (int)prng_between(random, 0, 6),
							    (double)prng_between(random, 0, 20),
							    (double)prng_between(random, 0, 400) };
	for (size_t l = 0; problem->site_count > 1 && l < 10; l++) {
		struct allocate_lane *lane = &problem->lanes[problem->lane_count++];
		lane->from = (int)prng_below(random, (uint32_t)problem->site_count);
		lane->to = (lane->from + 1) % (int)problem->site_count;
		lane->lead = (int)prng_between(random, 0, 3);
		lane->cost = (double)prng_between(random, 0, 9);
	}
	for (size_t r = 0; r < problem->region_count; r++) {
		problem->regions[r].sites = 1u << prng_below(random, (uint32_t)problem->site_count);
		if (prng_chance(random, 0.3))
			problem->regions[r].sites |=
				1u << prng_below(random, (uint32_t)problem->site_count);
		for (int g = 0; g < problem->period_count; g++)
			for (int q = 0; q < QUANTILES; q++)
				problem->regions[r].quantile[g][q] =
					(q > 0 ? problem->regions[r].quantile[g][q - 1] : 0) +
					20 * prng_uniform(random);
	}
}

static void any_network(void **state)
{
	(void)state;
	struct prng random = prng_new(5, 1);
	struct allocate_problem problem;
	struct allocate_plan plan, again;
	for (int trial = 0; trial < 60; trial++) {
		random_problem(&random, &problem);
		double sent[ALLOCATE_SITES_MAX] = { 0 }, lots = 0;
		solve(&problem, &plan);
		solve(&problem, &again);
		assert_memory_equal(&plan, &again, sizeof plan);
		for (size_t i = 0; i < plan.action_count; i++) {
			const struct allocate_action *action = &plan.actions[i];
			assert_true(fmod(action->quantity, problem.lot) == 0);
			if (action->kind == ALLOCATE_TRANSFER)
				sent[problem.lanes[action->index].from] += action->quantity;
			lots += problem.lot;
		}
		for (size_t s = 0; s < problem.site_count; s++)
			assert_true(sent[s] <= problem.sites[s].stock + 1e-9);
		double slack = 1e-6 * (1 + fabs(plan.cost));
		if (plan.bound > plan.cost + slack)
			fail_msg("trial %d: the bound %.9f is above the cost %.9f", trial,
				 plan.bound, plan.cost);
		assert_true(plan.cost <=
			    plan.bound + lots * (2 * problem.lost_sale_cost + 30) + slack);
		assert_true(plan.bound <= plan.cost_without + slack);
	}
}

/* ---- the file ------------------------------------------------------------------------------- */

#define SITES                                                                                 \
	"\"sites\": [{\"site\": \"N\", \"regions\": [\"A\", \"B\"], \"order_lead_days\": 14," \
	" \"order_cost_minor\": 300}, {\"site\": \"S\", \"regions\": [\"B\"]}]"
#define WAYS                                                                                  \
	"\"transfers\": [{\"from\": \"N\", \"to\": \"S\", \"lead_days\": 2, \"cost_minor\": " \
	"150}]"
#define PRODUCTS                                                                              \
	"\"products\": [{\"product\": \"P\", \"lost_sale_cost_minor\": 4000}, {\"product\": " \
	"\"*\", \"lost_sale_cost_minor\": 100, \"service_level\": 0.8, \"lot\": 12}]"
#define DEMAND "\"demand\": \"units.week.region.sku\", \"dimensions\": [\"region\", \"product\"]"

static struct network network;

static void refuse(const char *text, const char *told)
{
	struct err *err = network_parse(text, strlen(text), "net.json", &network);
	assert_non_null(err);
	assert_string_equal(err_code(err), "NETWORK_INVALID");
	if (strstr(err_text(err), told) == NULL)
		fail_msg("\"%s\" is not told: %s", told, err_text(err));
	err_free(&err);
	assert_false(network.is_given);
}

static void file_is_read(void **state)
{
	(void)state;
	const char *text = "{" DEMAND ", " SITES ", " WAYS ", " PRODUCTS "}";
	struct bytes region, product;
	struct err *err = network_parse(text, strlen(text), "net.json", &network);
	if (err != NULL)
		fail_msg("%s", err_text(err));
	assert_int_equal(network.region_count, 2);
	assert_int_equal(network.regions[1].sites, 3);
	assert_int_equal(network.sites[0].order_lead_ms, INT64_C(14) * 86400000);
	assert_int_equal(network.sites[1].order_lead_ms, -1);
	assert_true(network_product(&network, bytes_str("P"))->lost_sale_cost == 4000);
	assert_true(network_product(&network, bytes_str("Q"))->lot == 12);
	assert_true(network_split(&network, bytes_str("B|P"), &region, &product));
	assert_true(bytes_equal(region, bytes_str("B")) && bytes_equal(product, bytes_str("P")));
	assert_false(network_split(&network, bytes_str("B"), &region, &product));
	assert_false(network_split(&network, bytes_str(""), &region, &product));
}

static void file_is_refused(void **state)
{
	(void)state;
	refuse("{", "net.json:1");
	refuse("{" DEMAND ", " SITES "}", "has demand, dimensions, sites, products");
	refuse("{\"demand\": \"d\", \"dimensions\": [\"product\"], " SITES ", " PRODUCTS "}",
	       "[\"region\", \"product\"]");
	refuse("{\"demand\": \"d\", \"dimensions\": [\"region\"], " SITES ", " PRODUCTS "}",
	       "product");
	refuse("{" DEMAND ", \"sites\": [{\"site\": \"N\", \"regions\": []}], " PRODUCTS "}",
	       "1 to 128 pairs");
	refuse("{" DEMAND ", \"sites\": [{\"site\": \"N\", \"region\": []}], " PRODUCTS "}",
	       "site");
	refuse("{" DEMAND ", \"sites\": [{\"site\": \"N\", \"regions\": [\"A\"], "
	       "\"order_lead_days\": -1}], " PRODUCTS "}",
	       "order_lead_days must be 0 to 400");
	refuse("{" DEMAND ", " SITES ", \"transfers\": [{\"from\": \"N\", \"to\": \"X\", "
	       "\"lead_days\": 1, \"cost_minor\": 1}], " PRODUCTS "}",
	       "X: is not one of the sites");
	refuse("{" DEMAND ", " SITES ", \"products\": [{\"product\": \"P\", "
	       "\"lost_sale_cost_minor\": 0}]}",
	       "must be above 0");
	refuse("{" DEMAND ", " SITES ", \"products\": [{\"product\": \"P\", "
	       "\"lost_sale_cost_minor\": 1, \"service_level\": 95}]}",
	       "service_level");
}

static void network_must_fit_the_series(void **state)
{
	(void)state;
	static struct series_table table;
	const char *series = "{\"series\": [{\"name\": \"units.week\", \"types\": [\"erp.order\"], "
			     "\"measure\": \"quantity\", \"period\": \"P1W\", \"horizon\": 2, "
			     "\"dimensions\": [\"attrs.region\", \"attrs.sku\"]}]}";
	const char *text = "{" DEMAND ", " SITES ", " WAYS ", " PRODUCTS "}";
	assert_null(series_file_parse(series, strlen(series), "series.json", &table));
	assert_null(network_parse(text, strlen(text), "net.json", &network));
	struct err *err = network_check(&network, &table);
	assert_non_null(err); /* 14 days are not within a horizon of two weeks */
	assert_non_null(strstr(err_text(err), "horizon"));
	err_free(&err);
	network.sites[0].order_lead_ms /= 2;
	assert_null(network_check(&network, &table));
	snprintf(network.definition, sizeof network.definition, "units.day");
	err = network_check(&network, &table);
	assert_non_null(err);
	assert_non_null(strstr(err_text(err), "units.day"));
	err_free(&err);
}

/* Another program may write to the log, too. */
static void demand_of_no_period_is_refused(void **state)
{
	(void)state;
	static const struct network none;
	static const int64_t periods_ms[] = { MS_PER_WEEK, 0, -1, INT64_MAX };
	struct registry *registry = NULL;
	assert_null(registry_open(NULL, &registry));
	struct allocate_stage *stage = allocate_stage_new(&none, registry);
	const struct processor processor = allocate_processor(stage);
	for (size_t i = 0; i < sizeof periods_ms / sizeof periods_ms[0]; i++) {
		const struct supply note = { .kind = SUPPLY_DEMAND,
					     .product = bytes_str("P1"),
					     .place = bytes_str("NORTH"),
					     .at_ms = MS_PER_DAY,
					     .known_ms = MS_PER_DAY,
					     .unit = bytes_str("C62"),
					     .period_ms = periods_ms[i],
					     .horizon = 1 };
		uint8_t value[1024];
		size_t len = 0;
		struct origin origin = { 0 };
		const void *parsed = NULL;
		assert_null(registry_encode(registry, "supply.events", &supply_type, &note, value,
					    sizeof value, &len));
		const struct record record = { .topic = "supply.events",
					       .value = bytes_of(value, len) };
		struct err *err = processor.parse(processor.context, &record, &origin, &parsed);
		assert_int_equal(err == NULL, i == 0);
		assert_true(err == NULL || err_verdict(err) == ERR_POISON);
		err_free(&err);
	}
	allocate_stage_free(&stage);
	registry_close(&registry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_as_good_as_the_best_of_all),
		cmocka_unit_test(is_held_between_bound_and_best),
		cmocka_unit_test(parts_a_site_between_its_regions),
		cmocka_unit_test(leaves_well_alone),
		cmocka_unit_test(sees_no_help_in_what_comes_too_late),
		cmocka_unit_test(values_each_action_by_leaving_it_out),
		cmocka_unit_test(demand_that_is_none),
		cmocka_unit_test(any_network),
		cmocka_unit_test(file_is_read),
		cmocka_unit_test(file_is_refused),
		cmocka_unit_test(network_must_fit_the_series),
		cmocka_unit_test(demand_of_no_period_is_refused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
