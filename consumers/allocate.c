#include "consumers/allocate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/timestamp.h"
#include "consumers/supply_state.h"

enum {
	LOGIC_VERSION = 1,
	VERSIONS_OF_SOLVER = 1000000, /* the solver's version is the logic version's lower part */
	PERIOD_DAYS_MAX = 366,
	PRODUCT_KIND = 0,
	TEXT_MAX = 200,
	SOLVER_TEXT_MAX = 32,
};

_Static_assert((int)SUPPLY_SITES_MAX == (int)ALLOCATE_SITES_MAX, "a site of the file is one here");
_Static_assert((int)SUPPLY_REGIONS_MAX == (int)ALLOCATE_REGIONS_MAX, "and so is a region");
_Static_assert((int)NETWORK_LANES_MAX == (int)ALLOCATE_LANES_MAX, "and a way between sites");
_Static_assert((int)SUPPLY_ACTIONS_MAX == (int)ALLOCATE_ACTIONS_MAX, "all actions are said");

static const char meta_topic[] = "allocate.meta";
static const char allocations_topic[] = "allocations";

struct allocate_stage {
	struct network network;
	struct registry *registry;
	struct allocator *allocator;
	char solver[SOLVER_TEXT_MAX];
	struct supply note; /* scratch of parse, and so on */
	int place;	    /* of the note's site or region in the network */
	struct supply_record record;
	struct allocate_problem problem;
	int regions[ALLOCATE_REGIONS_MAX]; /* of the problem: their places in the network */
	struct allocate_plan plan;
	struct allocation allocation;
	char texts[SUPPLY_ACTIONS_MAX][TEXT_MAX];
};

struct allocate_stage *allocate_stage_new(const struct network *network, struct registry *registry)
{
	struct allocate_stage *stage = check_calloc(1, sizeof *stage);
	stage->network = *network;
	stage->registry = registry;
	stage->allocator = allocator_new();
	snprintf(stage->solver, sizeof stage->solver, "Clp %s", allocate_solver());
	return stage;
}

void allocate_stage_free(struct allocate_stage **stage)
{
	if (*stage == NULL)
		return;
	allocator_free(&(*stage)->allocator);
	free(*stage);
	*stage = NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool is_sound(const struct supply *note)
{
	const struct supply_quantiles *q = &note->demand;
	if (note->kind == SUPPLY_DEMAND &&
	    (note->period_ms <= 0 || note->period_ms > PERIOD_DAYS_MAX * MS_PER_DAY))
		return false;
	return note->product.len > 0 && note->product.len <= KEY_LEN_MAX &&
	       time_is_event(note->at_ms) && time_is_event(note->known_ms) &&
	       dm_is_finite(note->level) && dm_is_finite(q->q025) && dm_is_finite(q->q100) &&
	       dm_is_finite(q->q500) && dm_is_finite(q->q900) && dm_is_finite(q->q975);
}

static struct err *parse(void *context, const struct record *record, struct origin *origin,
			 const void **parsed)
{
	(void)origin;
	struct allocate_stage *stage = context;
	*parsed = &stage->note;
	struct err *err =
		registry_decode(stage->registry, &supply_type, record->value, &stage->note);
	if (err == NULL && !is_sound(&stage->note))
		err = err_new(ERR_POISON, "SUPPLY_INVALID",
			      "a product of 1 to %d bytes, times, a period and finite numbers are "
			      "expected",
			      KEY_LEN_MAX);
	return err;
}

/* What the file no longer names is passed over. */
static size_t route(void *context, const void *parsed, struct target targets[TARGETS_MAX])
{
	struct allocate_stage *stage = context;
	const struct supply *note = parsed;
	bool is_demand = note->kind == SUPPLY_DEMAND;
	stage->place = is_demand ? network_region(&stage->network, note->place)
				 : network_site(&stage->network, note->place);
	if (stage->place < 0)
		return 0;
	/* the plan of an earlier close comes before what counts from a later one on */
	targets[0] = (struct target){ PRODUCT_KIND, note->product, note->known_ms - 1 };
	return 1;
}

static void apply(void *context, const struct origin *origin, const void *parsed, struct bytes key,
		  void *state, struct effects *effects, bool *must_publish)
{
	(void)origin;
	(void)key;
	(void)effects;
	(void)must_publish;
	const struct allocate_stage *stage = context;
	const struct supply *note = parsed;
	if (note->kind == SUPPLY_DEMAND)
		supply_state_add_demand(state, stage->place, note);
	else
		supply_state_add_level(state, stage->place, note);
}

/* ---- the problem ---------------------------------------------------------------------------- */

/* Whole periods: what arrives within one is of use from the next on. */
static int periods_of(int64_t lead_ms, int64_t period_ms)
{
	int64_t periods = (lead_ms + period_ms - 1) / period_ms;
	return periods < HORIZON_MAX ? (int)periods : HORIZON_MAX;
}

/* Until what is ordered at the next close can be there, as far as was forecast. */
static int look_ahead(const struct network *network, const struct supply_state *state)
{
	int most = 1;
	for (size_t i = 0; i < network->site_count; i++) {
		int lead = periods_of(network->sites[i].order_lead_ms, state->period_ms) + 1;
		if (network->sites[i].order_lead_ms >= 0 && lead > most)
			most = lead;
	}
	for (size_t i = 0; i < network->lane_count; i++) {
		int lead = periods_of(network->lanes[i].lead_ms, state->period_ms) + 1;
		most = lead > most ? lead : most;
	}
	return most < state->horizon_count ? most : state->horizon_count;
}

static void pose_sites(const struct network *network, const struct supply_state *state,
		       struct allocate_problem *problem)
{
	problem->site_count = network->site_count;
	problem->lane_count = network->lane_count;
	for (size_t i = 0; i < network->site_count; i++) {
		const struct network_site *site = &network->sites[i];
		problem->sites[i] = (struct allocate_site){
			.stock = state->levels[i].level,
			.order_lead = site->order_lead_ms < 0
					      ? HORIZON_MAX
					      : periods_of(site->order_lead_ms, state->period_ms),
			.order_cost = site->order_cost,
			.order_max = site->order_max,
		};
	}
	for (size_t i = 0; i < network->lane_count; i++) {
		const struct network_lane *lane = &network->lanes[i];
		problem->lanes[i] =
			(struct allocate_lane){ lane->from, lane->to,
						periods_of(lane->lead_ms, state->period_ms),
						lane->cost };
	}
}

static void pose(struct allocate_stage *stage, const struct supply_state *state,
		 const struct network_product *product)
{
	const struct network *network = &stage->network;
	struct allocate_problem *problem = &stage->problem;
	*problem = (struct allocate_problem){ .period_count = look_ahead(network, state),
					      .service_level = product->service_level,
					      .lost_sale_cost = product->lost_sale_cost,
					      .holding_cost = product->holding_cost,
					      .lot = product->lot };
	pose_sites(network, state, problem);
	for (size_t r = 0; r < network->region_count; r++) {
		if (!state->is_forecast[r])
			continue;
		struct allocate_region *region = &problem->regions[problem->region_count];
		stage->regions[problem->region_count++] = (int)r;
		region->sites = network->regions[r].sites;
		for (int h = 0; h < problem->period_count; h++) {
			const struct supply_quantiles *q = &state->demand[r][h];
			const double quantile[ALLOCATE_QUANTILES] = { q->q025, q->q100, q->q500,
								      q->q900, q->q975 };
			memcpy(region->quantile[h], quantile, sizeof quantile);
		}
	}
}

/* ---- what is said --------------------------------------------------------------------------- */

static int64_t to_minor(double value)
{
	value = dm_clamp(value, -9e18, 9e18);
	return value < 0 ? -(int64_t)(0.5 - value) : (int64_t)(value + 0.5);
}

/* "12" or "12.5": a person's number. */
static const char *number(double value, char text[32])
{
	double tenths = (double)to_minor(value * 10);
	int64_t whole = (int64_t)(tenths / 10);
	int64_t rest = (int64_t)tenths - whole * 10;
	if (rest == 0)
		snprintf(text, 32, "%" PRId64, whole);
	else
		snprintf(text, 32, "%" PRId64 ".%" PRId64, whole, rest);
	return text;
}

/* What a site's own regions want, and what they lose if nothing is done. */
static void sum_site(const struct allocate_stage *stage, int site, double *demand, double *lost)
{
	*demand = *lost = 0;
	for (size_t r = 0; r < stage->problem.region_count; r++) {
		if ((stage->problem.regions[r].sites >> site & 1) == 0)
			continue;
		*demand += stage->plan.regions[r].demand;
		*lost += stage->plan.regions[r].lost_without;
	}
}

static void explain(struct allocate_stage *stage, const struct allocate_action *action,
		    struct allocation_action *said, char text[TEXT_MAX])
{
	char stock[32], wanted[32], lost[32], avoided[32], gained[32];
	double demand, losing;
	int to = action->kind == ALLOCATE_ORDER ? action->index
						: stage->problem.lanes[action->index].to;
	bool is_lost = action->lost_avoided >= 0.05;
	sum_site(stage, to, &demand, &losing);
	said->code = bytes_str(is_lost			       ? "SHORTAGE"
			       : action->target_gained >= 0.05 ? "SERVICE_LEVEL"
							       : "HOLDING");
	int len = snprintf(
		text, TEXT_MAX, "%s has %s; its regions want %s in %d periods and would lose %s. ",
		stage->network.sites[to].name, number(stage->problem.sites[to].stock, stock),
		number(demand, wanted), stage->problem.period_count, number(losing, lost));
	if (is_lost)
		len += snprintf(text + len, TEXT_MAX - (size_t)len, "This avoids %s lost sales.",
				number(action->lost_avoided, avoided));
	else if (action->target_gained >= 0.05)
		len += snprintf(text + len, TEXT_MAX - (size_t)len,
				"This brings the service level %s nearer.",
				number(action->target_gained, gained));
	else
		len += snprintf(text + len, TEXT_MAX - (size_t)len,
				"Together with the others it costs less than without.");
	said->text = bytes_of(text, (size_t)(len < TEXT_MAX ? len : TEXT_MAX - 1));
}

static void say_actions(struct allocate_stage *stage, int64_t now_ms)
{
	const struct network *network = &stage->network;
	struct allocation *allocation = &stage->allocation;
	allocation->action_count = stage->plan.action_count;
	for (size_t i = 0; i < stage->plan.action_count; i++) {
		const struct allocate_action *action = &stage->plan.actions[i];
		struct allocation_action *said = &allocation->actions[i];
		bool is_order = action->kind == ALLOCATE_ORDER;
		const struct network_lane *lane = is_order ? NULL : &network->lanes[action->index];
		const struct network_site *to =
			&network->sites[is_order ? action->index : lane->to];
		*said = (struct allocation_action){
			.kind = is_order ? ALLOCATION_ORDER : ALLOCATION_TRANSFER,
			.from_site = bytes_str(is_order ? "" : network->sites[lane->from].name),
			.to_site = bytes_str(to->name),
			.quantity = action->quantity,
			.arrives_ms = now_ms + (is_order ? to->order_lead_ms : lane->lead_ms),
			.cost_minor = to_minor(action->cost),
			.lost_avoided = action->lost_avoided,
		};
		explain(stage, action, said, stage->texts[i]);
	}
}

static void say_places(struct allocate_stage *stage, const struct supply_state *state)
{
	const struct network *network = &stage->network;
	struct allocation *allocation = &stage->allocation;
	allocation->region_count = stage->problem.region_count;
	for (size_t r = 0; r < allocation->region_count; r++) {
		const struct allocate_outcome *outcome = &stage->plan.regions[r];
		allocation->regions[r] = (struct allocation_region){
			bytes_str(network->regions[stage->regions[r]].name),
			outcome->demand,
			outcome->target,
			outcome->lost,
			outcome->lost_without,
			outcome->below_target,
		};
	}
	allocation->stock_count = network->site_count;
	for (size_t s = 0; s < network->site_count; s++) {
		const struct supply_level *level = &state->levels[s];
		allocation->stocks[s] = (struct allocation_stock){
			.site = bytes_str(network->sites[s].name),
			.level = level->level,
			.has_at = level->at_ms != 0,
			.at_ms = level->at_ms,
		};
	}
}

static void say(struct allocate_stage *stage, struct bytes key, const struct supply_state *state,
		int64_t now_ms, bool is_solved, struct effects *effects)
{
	const struct allocate_plan *plan = &stage->plan;
	struct allocation *allocation = &stage->allocation;
	*allocation = (struct allocation){
		.product = key,
		.at_ms = now_ms,
		.definition = bytes_str(stage->network.definition),
		.network_version = bytes_str(stage->network.version),
		.unit = bytes_str(state->unit),
		.currency = bytes_str(stage->network.currency),
		.period_ms = state->period_ms,
		.periods = stage->problem.period_count,
		.service_level = stage->problem.service_level,
		.expected_lost = plan->lost,
		.expected_lost_without = plan->lost_without,
		.cost_minor = to_minor(plan->cost),
		.cost_without_minor = to_minor(plan->cost_without),
		.bound_minor = to_minor(plan->bound),
		.solver = bytes_str(stage->solver),
		.status = is_solved ? ALLOCATION_OPTIMAL : ALLOCATION_UNSOLVED,
	};
	say_actions(stage, now_ms);
	say_places(stage, state);
	effects_say(effects, allocations_topic, key, &allocation_type, allocation);
}

static void fire(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
		 void *state, struct effects *effects, bool *must_publish)
{
	(void)origin;
	(void)must_publish;
	struct allocate_stage *stage = context;
	struct supply_state *supply = state;
	const struct network_product *product = network_product(&stage->network, key);
	if (product != NULL && supply->horizon_count > 0) {
		pose(stage, supply, product);
		struct err *err = allocate(stage->allocator, &stage->problem, &stage->plan);
		/* the line goes on: the same input would fail again */
		bool is_solved = err == NULL;
		err_free(&err);
		if (!is_solved)
			stage->plan = (struct allocate_plan){ 0 };
		say(stage, key, supply, at_ms, is_solved, effects);
	}
	supply_state_planned(supply);
}

static struct err *encode(void *context, const char *topic, struct bytes key, const void *state,
			  uint8_t *out, size_t *len)
{
	(void)key;
	struct allocate_stage *stage = context;
	supply_state_to_record(state, &stage->record);
	return registry_encode(stage->registry, topic, &supply_record_type, &stage->record, out,
			       OUTPUT_LEN_MAX, len);
}

static struct err *decode(void *context, struct bytes value, void *state)
{
	struct allocate_stage *stage = context;
	struct err *err =
		registry_decode(stage->registry, &supply_record_type, value, &stage->record);
	return err != NULL ? err : supply_state_from_record(&stage->record, state);
}

struct processor allocate_processor(struct allocate_stage *stage)
{
	return (struct processor){
		.name = "allocate",
		.logic_version = LOGIC_VERSION * VERSIONS_OF_SOLVER + allocate_solver_number(),
		.meta_topic = meta_topic,
		.keyed = true,
		.no_headers = true,
		.clocked = true,
		.kinds = { [PRODUCT_KIND] = { .name = "product",
					      .state_topic = meta_topic,
					      .state_size = sizeof(struct supply_state),
					      .encode = encode,
					      .decode = decode,
					      .due = supply_state_due,
					      .apply = apply,
					      .fire = fire } },
		.kind_count = 1,
		.context = stage,
		.parse = parse,
		.route = route,
	};
}
