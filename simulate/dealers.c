#include "simulate/dealers.h"

#include "base/dmath.h"
#include "base/timestamp.h"

enum {
	STREAM_DEALERS = 6,
	LAG_DAYS = 21, /* from interest to an order */
	SESSIONS_MAX = 8,
	REFILL_DAYS = 28,
	NUMBER_LEN = 24,
};

const char *const vehicle_models[VEHICLE_MODELS] = { "EV-CITY", "EV-TOUR" };
static const double model_share[VEHICLE_MODELS] = { 0.6, 0.4 };
static const char *const site_names[SITE_COUNT] = { "DEMUC", "NLRTM", "PLWAW" };

void dealers_init(struct dealers *dealers, uint64_t seed)
{
	*dealers = (struct dealers){ .random = prng_new(seed, STREAM_DEALERS) };
	double all = 0;
	for (int r = 0; r < REGION_COUNT; r++) {
		double start = 0.3 * prng_normal(&dealers->random);
		dealers->size[r] = 2 + 5 * prng_uniform(&dealers->random);
		all += dealers->size[r];
		for (int i = 0; i < INTEREST_DAYS; i++)
			dealers->interest[r][i] = start;
	}
	for (int s = 0; s < SITE_COUNT; s++)
		for (int m = 0; m < VEHICLE_MODELS; m++)
			dealers->stock[s][m] = (int)(all * model_share[m] * 30 / SITE_COUNT);
}

static double interest_at(const struct dealers *dealers, int region, int day)
{
	return dealers->interest[region][(day + INTEREST_DAYS) % INTEREST_DAYS];
}

/* Slow: half of a deviation is left after ten weeks. */
static void interest_step(struct dealers *dealers, int region, int day)
{
	double yesterday = interest_at(dealers, region, day - 1);
	dealers->interest[region][day % INTEREST_DAYS] =
		0.99 * yesterday + 0.055 * prng_normal(&dealers->random);
}

static void region_day(struct dealers *dealers, const struct world *world, int region)
{
	struct prng *random = &dealers->random;
	struct dealer_day *day = &dealers->days[region];
	double now = interest_at(dealers, region, world->day);
	double then = interest_at(dealers, region, world->day - LAG_DAYS);
	double offer =
		world->regions[region].promotion > 0 ? world->regions[region].promotion_percent : 0;
	double rate = world_is_weekend(world->day)
			      ? 0
			      : dealers->size[region] * dm_exp(0.9 * then - 0.03 * offer);
	for (int m = 0; m < VEHICLE_MODELS; m++)
		day->sold[m] = prng_poisson(random, rate * model_share[m], 60);
	day->session_count = prng_poisson(random, 3 * dm_exp(0.6 * now), SESSIONS_MAX);
	for (int i = 0; i < day->session_count; i++)
		day->energy_kwh[i] = (15 + 30 * prng_uniform(random)) * dm_exp(0.3 * now);
	day->distance_km =
		1800 * dealers->size[region] * dm_exp(0.7 * now + 0.1 * prng_normal(random));
}

/* What is wanted leaves the region's warehouse while there is any; the head office fills up all
 * warehouses alike to six weeks of what all regions want. */
static void stock_day(struct dealers *dealers, const struct world *world)
{
	double all = 0;
	for (int r = 0; r < REGION_COUNT; r++) {
		all += dealers->size[r];
		double *stock = dealers->stock[region_facts[r].site];
		for (int m = 0; m < VEHICLE_MODELS; m++)
			stock[m] = stock[m] > dealers->days[r].sold[m]
					   ? stock[m] - dealers->days[r].sold[m]
					   : 0;
	}
	if (world->day % REFILL_DAYS != 0)
		return;
	for (int s = 0; s < SITE_COUNT; s++) {
		for (int m = 0; m < VEHICLE_MODELS; m++) {
			double full = (int)(all * model_share[m] * 30 / SITE_COUNT);
			if (dealers->stock[s][m] < full)
				dealers->stock[s][m] = full;
		}
	}
}

void dealers_step(struct dealers *dealers, const struct world *world)
{
	for (int r = 0; r < REGION_COUNT; r++) {
		interest_step(dealers, r, world->day);
		region_day(dealers, world, r);
	}
	stock_day(dealers, world);
}

/* ---- telling -------------------------------------------------------------------------------- */

static const char *dealer(struct teller *teller, int region)
{
	return tell_number(teller, "DEALER-", region, -1);
}

static void tell_sales(const struct dealers *dealers, struct teller *teller, int region, int model)
{
	int sold = dealers->days[region].sold[model];
	if (sold == 0)
		return;
	struct source_event *event = tell_begin(teller, FEED_ERP, "erp.order.line", "crm.account",
						dealer(teller, region), tell_moment(teller, 7, 17));
	event->has_erp = true;
	event->erp = (struct erp_payload){ .has_line = true };
	struct erp_order_line *line = &event->erp.line;
	line->order_id = bytes_str(
		tell_number(teller, "V", region * VEHICLE_MODELS + model, teller->world->day));
	line->has_line_number = line->has_quantity = true;
	line->line_number = 1;
	line->sku = bytes_str(vehicle_models[model]);
	line->quantity = sold;
	line->unit = bytes_str("H87");
	event->attr_count = 1;
	event->attrs[0] =
		(struct attr){ bytes_str("region"), bytes_str(region_facts[region].code) };
	tell_send(teller);
}

static void tell_sessions(const struct dealers *dealers, struct teller *teller, int region)
{
	const struct dealer_day *day = &dealers->days[region];
	for (int i = 0; i < day->session_count; i++) {
		struct source_event *event =
			tell_begin(teller, FEED_IOT, "iot.charging", "crm.account",
				   dealer(teller, region), tell_moment(teller, 5, 22));
		event->has_iot = true;
		event->iot = (struct iot_payload){ .has_charging = true };
		struct iot_charging *charging = &event->iot.charging;
		charging->session_id = bytes_str(
			tell_number(teller, "P", region * SESSIONS_MAX + i, teller->world->day));
		charging->station_id = bytes_str(tell_number(teller, "STATION-", region, i));
		charging->region = bytes_str(region_facts[region].code);
		charging->has_energy_kwh = true;
		charging->energy_kwh = day->energy_kwh[i];
		event->name = bytes_str("energy");
		event->has_value = true;
		event->value = charging->energy_kwh;
		event->unit = bytes_str("KWH");
		tell_send(teller);
	}
}

static void tell_fleet(const struct dealers *dealers, struct teller *teller, int region)
{
	struct source_event *event =
		tell_begin(teller, FEED_IOT, "iot.reading", "crm.account", dealer(teller, region),
			   teller->today_ms + 23 * MS_PER_HOUR);
	event->name = bytes_str("fleet-distance");
	event->has_value = true;
	event->value = dealers->days[region].distance_km;
	event->unit = bytes_str("KMT");
	event->attr_count = 1;
	event->attrs[0] =
		(struct attr){ bytes_str("region"), bytes_str(region_facts[region].code) };
	tell_send(teller);
}

static void tell_level(const struct dealers *dealers, struct teller *teller, int site, int model)
{
	struct source_event *event =
		tell_begin(teller, FEED_ERP, "erp.stock", "site", site_names[site],
			   teller->today_ms + 22 * MS_PER_HOUR + model * MS_PER_MINUTE);
	event->has_erp = true;
	event->erp = (struct erp_payload){ .has_stock = true };
	struct erp_stock *stock = &event->erp.stock;
	stock->site = bytes_str(site_names[site]);
	stock->sku = bytes_str(vehicle_models[model]);
	stock->has_level = true;
	stock->level = dealers->stock[site][model];
	stock->unit = bytes_str("H87");
	tell_send(teller);
}

void dealers_tell(const struct dealers *dealers, struct teller *teller)
{
	for (int r = 0; r < REGION_COUNT; r++) {
		for (int m = 0; m < VEHICLE_MODELS; m++)
			tell_sales(dealers, teller, r, m);
		tell_sessions(dealers, teller, r);
		tell_fleet(dealers, teller, r);
	}
	for (int s = 0; s < SITE_COUNT; s++)
		for (int m = 0; m < VEHICLE_MODELS; m++)
			tell_level(dealers, teller, s, m);
}
