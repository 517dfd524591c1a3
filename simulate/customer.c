#include "simulate/customer.h"

#include <math.h>
#include <string.h>

#include "base/dmath.h"

/* How strong each cause is. Invented, then set once so that the difficulty that docs/simulate.md
 * states holds; frozen since, so that results stay comparable. Hazards are a day. */
static const double outside_rate = 0.000060;
static const double satisfaction_rate = 0.000038, satisfaction_slope = 1.90;
static const double service_rate = 0.000085, service_slope = 1.50;
static const double price_rate = 0.000045, price_slope = 0.30;
static const double competitor_rate = 0.000110;
static const double usage_rate = 0.000028, usage_slope = 2.8;

/* Activities of a deal: the chance a day, and how many its usual 38 days bring. */
static const double activity_chance = 0.12, deal_activities = 4.6;
static const double load_kept = 0.955, price_gap_kept = 0.985; /* from one day to the next */

static const struct {
	double share, order_rate, order_units, ticket_rate, hazard, feature_rate;
	int seats, devices;
} segments[SEGMENT_COUNT] = {
	{ 0.50, 0.030, 8, 0.016, 1.90, 8, 6, 1 },
	{ 0.35, 0.080, 20, 0.030, 0.70, 24, 30, 3 },
	{ 0.15, 0.180, 60, 0.050, 0.30, 60, 150, 5 },
};

const char *cause_name(enum cause cause)
{
	static const char *const names[CAUSE_COUNT] = { "outside", "satisfaction", "service",
							"price",   "competitor",   "usage" };
	return names[cause];
}

const char *segment_name(int segment)
{
	static const char *const names[SEGMENT_COUNT] = { "small", "mid", "large" };
	return names[segment];
}

/* ---- who it is ---- */

static int segment_draw(struct prng *random)
{
	double u = prng_uniform(random);
	if (u < segments[SEGMENT_SMALL].share)
		return SEGMENT_SMALL;
	return u < segments[SEGMENT_SMALL].share + segments[SEGMENT_MID].share ? SEGMENT_MID
									       : SEGMENT_LARGE;
}

static double spread(struct prng *random, double deviation)
{
	return dm_exp(deviation * prng_normal(random));
}

static void traits_init(struct customer_traits *traits, const struct world *world,
			struct prng *random, int day_count)
{
	int segment = segment_draw(random);
	*traits = (struct customer_traits){
		.region = (int)prng_below(random, REGION_COUNT),
		.segment = segment,
		.sales_person = (int)prng_below(random, (uint32_t)world->sales_count),
		/* two in three were there before; the others come in over time */
		.first_day =
			prng_chance(random, 0.67)
				? -(int)prng_below(random, 1500)
				: (int)prng_below(random, (uint32_t)(day_count > LAST_DAYS
									     ? day_count - LAST_DAYS
									     : 1)),
		.frailty = 0.70 * prng_normal(random),
		.price_weight = spread(random, 0.35),
		.satisfaction_usual = 0.85 * prng_normal(random),
		.order_rate = segments[segment].order_rate * spread(random, 0.4),
		.order_units = segments[segment].order_units * spread(random, 0.4),
		.unit_minor = 4000 * spread(random, 0.3),
		.feature_rate = segments[segment].feature_rate * spread(random, 0.4),
		.ticket_rate = segments[segment].ticket_rate * spread(random, 0.4),
		.visit_rate = 0.15 * spread(random, 0.5),
		.reply_rate = 0.10 + 0.35 * prng_uniform(random),
		.payment_delay_days = 6 * prng_normal(random),
		.has_subscription = prng_chance(random, 0.75),
		.is_diverter = prng_chance(random, 0.02),
		.seats = 1 + (int)(segments[segment].seats * spread(random, 0.4)),
		.renewal_days = prng_chance(random, 0.6) ? 365 : 91,
		.device_count = (int)prng_below(random, (uint32_t)segments[segment].devices + 2),
		.contact_count = 1 + (int)prng_below(random, CONTACTS_MAX),
	};
	traits->renewal_phase = (int)prng_below(random, (uint32_t)traits->renewal_days);
	traits->ship_region =
		prng_chance(random, 0.05) ? (int)prng_below(random, REGION_COUNT) : traits->region;
}

void customer_init(struct customer *customer, const struct world *world, uint64_t seed,
		   uint32_t index, int day_count)
{
	enum { STREAM_CUSTOMERS = 1 << 8 };
	memset(customer, 0, sizeof *customer);
	customer->random = prng_new(seed, STREAM_CUSTOMERS + (uint64_t)index * 4);
	struct prng *random = &customer->random;
	traits_init(&customer->traits, world, random, day_count);
	customer->is_active = true;
	customer->seats = customer->traits.seats;
	customer->satisfaction = customer->traits.satisfaction_usual + 0.5 * prng_normal(random);
	customer->usage = 0.3 * prng_normal(random);
	customer->use_average = customer->traits.feature_rate;
	for (int i = 0; i < CAUSE_COUNT; i++)
		customer->shown_last[i] = -1;
}

/* ---- hazards ---- */

static bool is_renewal_near(const struct customer_traits *traits, int day)
{
	int left = (day + traits->renewal_phase) % traits->renewal_days;
	return left < 8 || left >= traits->renewal_days - 15;
}

void customer_hazards(const struct customer *customer, const struct world *world,
		      double hazards[CAUSE_COUNT])
{
	const struct customer_traits *traits = &customer->traits;
	const struct region *region = &world->regions[traits->region];
	const struct regime *regime = &world->regimes[world->regime];
	int age = world->day - traits->first_day;
	double common = regime->level * region->base * segments[traits->segment].hazard *
			dm_exp(traits->frailty - 0.25 * region->economy);
	if (traits->has_subscription)
		common *= is_renewal_near(traits, world->day) ? 2.2 : 0.8;
	if (age < 180)
		common *= 2.4 - 1.4 * age / 180;
	double discontent =
		dm_exp(-satisfaction_slope * regime->experience * customer->satisfaction);
	double gap = customer->price_gap * traits->price_weight * region->price_weight;
	hazards[CAUSE_OUTSIDE] = common * outside_rate;
	hazards[CAUSE_SATISFACTION] = common * satisfaction_rate * discontent;
	/* bad service is forgiven by the content, and feeds on discontent */
	hazards[CAUSE_SERVICE] = common * service_rate *
				 dm_expm1(service_slope * customer->load * region->service_weight) *
				 (0.5 + 0.5 * discontent);
	/* a rise hurts most while a competitor offers less */
	hazards[CAUSE_PRICE] = common * price_rate * regime->price * dm_expm1(price_slope * gap) *
			       (1 + 1.5 * region->promotion);
	hazards[CAUSE_COMPETITOR] = common * competitor_rate * region->promotion *
				    region->promotion_weight * traits->price_weight *
				    (0.4 + 0.6 * discontent);
	hazards[CAUSE_USAGE] = common * usage_rate * dm_exp(-usage_slope * customer->usage);
}

/* ---- a day ---- */

static void shows(struct customer *customer, enum cause cause, int day)
{
	int last = customer->shown_last[cause];
	if (last < 0 || day - last > SHOWN_WINDOW_DAYS - SHOWN_DAYS_BEFORE)
		customer->shown_since[cause] = day;
	customer->shown_last[cause] = day;
}

/* Whether an event told of the cause between the window's start and SHOWN_DAYS_BEFORE. Events of
 * one run are at most the window's length apart, so that a run that spans it has one within it. */
static bool was_shown(const struct customer *customer, enum cause cause, int day)
{
	int last = customer->shown_last[cause];
	return last >= 0 && last >= day - SHOWN_WINDOW_DAYS &&
	       customer->shown_since[cause] <= day - SHOWN_DAYS_BEFORE;
}

static void add_order(struct customer *customer, const struct world *world,
		      struct customer_day *day, double units, int deal_serial)
{
	if (day->order_count == ORDERS_A_DAY_MAX)
		return;
	struct prng *random = &customer->random;
	const struct customer_traits *traits = &customer->traits;
	const struct site *site = &world->sites[region_facts[traits->region].site];
	bool diverted = traits->is_diverter && prng_chance(random, 0.3);
	struct customer_order order = {
		.units = 1 + (int)(units * spread(random, 0.3) * (diverted ? 2.5 : 1)),
		.transit_days = (int)prng_between(random, 2, 5),
		.deal_serial = deal_serial,
		.is_diverted = diverted,
	};
	if (prng_chance(random, 0.05 + 0.75 * site->disruption))
		order.late_days = 1 + prng_poisson(random, 3 + 4 * site->disruption, 9);
	/* lateness hurts when the promised day has passed */
	if (order.late_days >= 2)
		customer->coming_load[(world->day + order.transit_days + 1) % LOAD_DAYS] +=
			0.35 + 0.08 * order.late_days;
	day->orders[day->order_count++] = order;
	customer->days_without_order = 0;
}

static void orders_draw(struct customer *customer, const struct world *world,
			struct customer_day *day)
{
	const struct customer_traits *traits = &customer->traits;
	double weekday = world_is_weekend(world->day) ? 0.15 : 1.34;
	double mean = traits->order_rate * weekday * world->season[traits->region] *
		      dm_exp(customer->usage + 0.2 * world->regions[traits->region].economy);
	int count = prng_poisson(&customer->random, mean, ORDERS_A_DAY_MAX - 1);
	customer->days_without_order++;
	for (int i = 0; i < count; i++)
		add_order(customer, world, day, traits->order_units, -1);
	if (!traits->has_subscription && customer->days_without_order * traits->order_rate > 3)
		shows(customer, CAUSE_USAGE, world->day);
}

static void uses_draw(struct customer *customer, const struct world *world,
		      struct customer_day *day)
{
	const struct customer_traits *traits = &customer->traits;
	if (!traits->has_subscription)
		return;
	double mean = traits->feature_rate * dm_exp(customer->usage);
	if (world_is_weekend(world->day))
		mean *= 0.2;
	/* many small uses: the normal distribution is near enough, and costs one draw */
	double count = mean + sqrt(mean) * prng_normal(&customer->random);
	day->use_count = count < 0.5 ? 0 : (int)(count + 0.5);
	if (!world_is_weekend(world->day))
		customer->use_average += (day->use_count - customer->use_average) / 8;
	if (customer->use_average < 0.6 * traits->feature_rate)
		shows(customer, CAUSE_USAGE, world->day);
	int seats = customer->seats;
	if (prng_chance(&customer->random, 0.004))
		seats += customer->usage > 0.1 ? 1 + seats / 8 : -(1 + seats / 10);
	customer->seats = seats < 1 ? 1 : seats;
	if (customer->seats < day->seats_before)
		shows(customer, CAUSE_USAGE, world->day);
}

static void tickets_draw(struct customer *customer, const struct world *world,
			 struct customer_day *day)
{
	struct prng *random = &customer->random;
	double mean = customer->traits.ticket_rate *
		      dm_exp(-0.7 * customer->satisfaction + 0.5 * customer->load);
	day->ticket_count = prng_poisson(random, mean, TICKETS_A_DAY_MAX);
	for (int i = 0; i < day->ticket_count; i++) {
		struct customer_ticket *ticket = &day->tickets[i];
		double slow = spread(random, 0.7);
		ticket->answer_hours = 1 + (int)(5 * slow);
		ticket->close_hours = ticket->answer_hours + 2 + (int)(30 * slow);
		ticket->is_escalated = prng_chance(random, slow > 2 ? 0.5 : 0.06);
		if (prng_chance(random, 0.35)) {
			double felt = 3.6 + 0.8 * customer->satisfaction - 0.5 * (slow - 1) +
				      0.6 * prng_normal(random);
			ticket->score = felt < 1.5 ? 1 : felt > 4.5 ? 5 : (int)(felt + 0.5);
		}
		if (ticket->is_escalated)
			customer->coming_load[(world->day + 2) % LOAD_DAYS] += 0.5;
		if (ticket->is_escalated || (ticket->score >= 1 && ticket->score <= 2))
			shows(customer, CAUSE_SATISFACTION, world->day);
	}
}

static void faults_draw(struct customer *customer, const struct world *world,
			struct customer_day *day)
{
	double mean = 0.0025 * customer->traits.device_count;
	day->fault_count = prng_poisson(&customer->random, mean, FAULTS_A_DAY_MAX);
	for (int i = 0; i < day->fault_count; i++) {
		customer->coming_load[(world->day + 1) % LOAD_DAYS] += 0.45;
		shows(customer, CAUSE_SERVICE, world->day);
	}
}

static void price_draw(struct customer *customer, const struct world *world,
		       struct customer_day *day)
{
	const struct customer_traits *traits = &customer->traits;
	double change = world->regions[traits->region].price_change;
	/* large customers negotiate: theirs changes at their renewal instead */
	if (traits->segment == SEGMENT_LARGE)
		change = 0;
	if (day->is_renewal && traits->renewal_days > 100)
		change += (double)prng_between(&customer->random, -2, 6);
	day->price_change = change;
	customer->price_gap += change;
	if (customer->price_gap < 0)
		customer->price_gap = 0;
	if (change > 0)
		shows(customer, CAUSE_PRICE, world->day);
}

/* The log odds of winning a deal, as they are today, with so many activities in all. */
static double deal_odds(const struct customer *customer, const struct world *world,
			const struct deal *deal, double activities)
{
	const struct region *region = &world->regions[customer->traits.region];
	if (activities > 8)
		activities = 8;
	return -0.9 + world->sales_skill[customer->traits.sales_person] +
	       world->content_effect[deal->content] + 0.55 * customer->satisfaction -
	       0.7 * region->promotion * region->promotion_weight -
	       0.04 * customer->price_gap * customer->traits.price_weight + 0.3 * region->economy +
	       0.10 * activities;
}

static void deal_open(struct customer *customer, const struct world *world, struct deal *deal,
		      struct deal_day *today)
{
	struct prng *random = &customer->random;
	*deal = (struct deal){
		.is_open = true,
		.serial = customer->deal_count++,
		.stage_days = (int)prng_between(random, 5, 20),
		.content = (int)prng_below(random, CONTENT_COUNT),
		.product = (int)prng_below(random, PRODUCT_COUNT),
		.opened_day = world->day,
		.value_minor = customer->traits.order_units * customer->traits.unit_minor * 6 *
			       spread(random, 0.6),
	};
	deal->probability_opened = dm_sigmoid(deal_odds(customer, world, deal, deal_activities));
	today->step = DEAL_OPENED;
}

static void deal_close(struct customer *customer, const struct world *world, struct deal *deal,
		       struct customer_day *day, struct deal_day *today)
{
	struct prng *random = &customer->random;
	today->probability = dm_sigmoid(deal_odds(customer, world, deal, deal->activity_count));
	bool won = prng_chance(random, today->probability);
	today->step = won ? DEAL_WON : DEAL_LOST;
	today->to_competitor =
		world->regions[customer->traits.region].promotion > 0 && prng_chance(random, 0.6);
	deal->is_open = false;
	if (won)
		add_order(customer, world, day, deal->value_minor / customer->traits.unit_minor,
			  deal->serial);
}

static void deal_step(struct customer *customer, const struct world *world, struct deal *deal,
		      struct customer_day *day, struct deal_day *today)
{
	struct prng *random = &customer->random;
	if (!deal->is_open) {
		double rate = 0.004 * world->season[customer->traits.region] *
			      dm_exp(0.4 * customer->usage);
		if (prng_chance(random, rate))
			deal_open(customer, world, deal, today);
		return;
	}
	today->has_activity = prng_chance(random, activity_chance);
	deal->activity_count += today->has_activity;
	today->value_before_minor = deal->value_minor;
	if (--deal->stage_days > 0) {
		if (prng_chance(random, 0.01)) {
			deal->value_minor *= spread(random, 0.3);
			today->step = DEAL_REVALUED;
		}
		return;
	}
	if (deal->stage + 1 == DEAL_STAGE_COUNT) {
		deal_close(customer, world, deal, day, today);
		return;
	}
	deal->stage++;
	deal->stage_days = (int)prng_between(random, 6, 20);
	today->step = DEAL_MOVED;
}

/* The causes move: each back to what is usual for it, pushed by the others and by chance. */
static void causes_step(struct customer *customer, const struct world *world)
{
	const struct customer_traits *traits = &customer->traits;
	struct prng *random = &customer->random;
	double *coming = &customer->coming_load[world->day % LOAD_DAYS];
	if (*coming >= 0.5)
		shows(customer, CAUSE_SERVICE, world->day);
	customer->load = customer->load * load_kept + *coming;
	*coming = 0;
	if (customer->load > 3)
		customer->load = 3;
	customer->price_gap *= price_gap_kept;
	double usual = traits->satisfaction_usual + 0.3 * world->sales_skill[traits->sales_person] -
		       0.25 * customer->load - 0.02 * customer->price_gap * traits->price_weight;
	customer->satisfaction +=
		0.015 * (usual - customer->satisfaction) + 0.09 * prng_normal(random);
	double usage = 0.35 * customer->satisfaction - 0.1 * customer->load;
	customer->usage += 0.03 * (usage - customer->usage) + 0.06 * prng_normal(random);
	if (world->regions[traits->region].promotion_began)
		shows(customer, CAUSE_COMPETITOR, world->day);
}

static void owner_draw(struct customer *customer, const struct world *world,
		       struct customer_day *day)
{
	if (!prng_chance(&customer->random, 0.0006))
		return;
	customer->traits.sales_person =
		(int)prng_below(&customer->random, (uint32_t)world->sales_count);
	day->has_new_owner = true;
}

static void leaving_draw(struct customer *customer, const struct world *world,
			 struct customer_day *day)
{
	double sum = 0;
	customer_hazards(customer, world, day->hazards);
	for (int i = 0; i < CAUSE_COUNT; i++)
		sum += day->hazards[i];
	double u = prng_uniform(&customer->random);
	if (u >= -dm_expm1(-sum))
		return;
	double at = prng_uniform(&customer->random) * sum;
	int cause = 0;
	while (cause + 1 < CAUSE_COUNT && at >= day->hazards[cause])
		at -= day->hazards[cause++];
	day->left = true;
	day->cause = (enum cause)cause;
	day->is_shown = was_shown(customer, day->cause, world->day);
	customer->is_active = false;
}

void customer_step(struct customer *customer, const struct world *world, struct customer_day *day)
{
	const struct customer_traits *traits = &customer->traits;
	memset(day, 0, sizeof *day);
	day->seats_before = customer->seats;
	day->is_renewal = traits->has_subscription &&
			  (world->day + traits->renewal_phase) % traits->renewal_days == 0;
	causes_step(customer, world);
	price_draw(customer, world, day);
	orders_draw(customer, world, day);
	uses_draw(customer, world, day);
	tickets_draw(customer, world, day);
	faults_draw(customer, world, day);
	for (int i = 0; i < DEALS_MAX; i++)
		deal_step(customer, world, &customer->deals[i], day, &day->deals[i]);
	owner_draw(customer, world, day);
	leaving_draw(customer, world, day);
}
