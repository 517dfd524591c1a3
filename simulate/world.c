#include "simulate/world.h"

#include "base/check.h"
#include "base/dmath.h"

const struct region_facts region_facts[REGION_COUNT] = {
	{ "DE-BY", "DE", "EUR", "+49", "GmbH", "Muenchen", 0, 1.00 },
	{ "DE-NW", "DE", "EUR", "+49", "GmbH", "Koeln", 0, 1.00 },
	{ "FR-IDF", "FR", "EUR", "+33", "SARL", "Paris", 1, 1.06 },
	{ "AT-9", "AT", "EUR", "+43", "GmbH", "Wien", 0, 1.02 },
	{ "CH-ZH", "CH", "CHF", "+41", "AG", "Zuerich", 0, 1.22 },
	{ "NL-NH", "NL", "EUR", "+31", "B.V.", "Amsterdam", 1, 1.04 },
	{ "PL-14", "PL", "PLN", "+48", "Sp. z o.o.", "Warszawa", 2, 0.78 },
	{ "IT-25", "IT", "EUR", "+39", "S.r.l.", "Milano", 1, 0.95 },
};

/* Chances a day, lengths in days; invented, then set so that the frozen difficulty holds. */
static const double promotion_chance = 1.0 / 110, disruption_chance = 1.0 / 150;
enum {
	PROMOTION_DAYS_MIN = 14,
	PROMOTION_DAYS_MAX = 45,
	DISRUPTION_DAYS_MIN = 8,
	DISRUPTION_DAYS_MAX = 28,
	PRICE_DAYS_MIN = 130,
	PRICE_DAYS_MAX = 260,
	REGIME_DAYS_MIN = 100,
	REGIME_DAYS_MAX = 240,
	STREAM_WORLD = 1,
};

/* A factor whose logarithm is normal with mean 0, within two standard deviations. */
static double factor(struct prng *random, double deviation)
{
	double z = prng_normal(random);
	z = z > 2 ? 2 : z < -2 ? -2 : z;
	return dm_exp(deviation * z);
}

static void regimes_draw(struct world *world, int day_count)
{
	struct prng *random = &world->random;
	int day = 0;
	while (day < day_count && world->regime_count < REGIME_COUNT_MAX) {
		/* the first is the usual one, against which the others shift */
		double shift = world->regime_count > 0;
		world->regimes[world->regime_count++] = (struct regime){
			.first_day = day,
			.level = factor(random, 0.22 * shift),
			.promotions = factor(random, 0.5 * shift),
			.service = factor(random, 0.5 * shift),
			.price = factor(random, 0.4 * shift),
			.experience = factor(random, 0.12 * shift),
		};
		day += (int)prng_between(random, REGIME_DAYS_MIN, REGIME_DAYS_MAX);
	}
}

static void region_init(struct region *region, struct prng *random)
{
	*region = (struct region){
		.base = factor(random, 0.35),
		.price_weight = factor(random, 0.3),
		.service_weight = factor(random, 0.25),
		.promotion_weight = factor(random, 0.3),
		.season_amplitude = 0.08 + 0.17 * prng_uniform(random),
		.season_phase = prng_uniform(random),
		.economy = 0.3 * prng_normal(random),
		.price_index = 100,
		.days_to_price_change = (int)prng_between(random, 20, PRICE_DAYS_MAX),
	};
}

double world_wave(double x)
{
	x -= (double)(int64_t)x;
	x = x < 0 ? x + 1 : x;
	/* a quarter wave by its series, the others by symmetry */
	double sign = 1, y = x > 0.5 ? 1 - x : x;
	if (y > 0.25) {
		y = 0.5 - y;
		sign = -1;
	}
	double a = 6.283185307179586 * y, a2 = a * a;
	return sign * (1 - a2 / 2 + a2 * a2 / 24 - a2 * a2 * a2 / 720);
}

bool world_is_weekend(int day)
{
	return day % 7 >= 5;
}

static void season_set(struct world *world)
{
	for (int i = 0; i < REGION_COUNT; i++) {
		const struct region *region = &world->regions[i];
		double at = (double)world->day / 365.25 + region->season_phase;
		world->season[i] = 1 + region->season_amplitude * world_wave(at);
	}
}

void world_init(struct world *world, uint64_t seed, int day_count, int sales_count)
{
	CHECK(day_count > 0 && day_count <= SIMULATION_DAYS_MAX);
	CHECK(sales_count > 0 && sales_count <= SALES_COUNT_MAX);
	*world = (struct world){ .random = prng_new(seed, STREAM_WORLD),
				 .sales_count = sales_count };
	regimes_draw(world, day_count);
	for (int i = 0; i < REGION_COUNT; i++)
		region_init(&world->regions[i], &world->random);
	for (int i = 0; i < sales_count; i++)
		world->sales_skill[i] = 0.4 * prng_normal(&world->random);
	for (int i = 0; i < CONTENT_COUNT; i++)
		world->content_effect[i] = 0.35 * prng_normal(&world->random);
	season_set(world);
}

static void promotion_step(struct region *region, const struct regime *regime, struct prng *random)
{
	region->promotion_began = false;
	if (region->promotion_days > 0 && --region->promotion_days == 0)
		region->promotion = 0;
	if (region->promotion_days > 0)
		return;
	if (!prng_chance(random, promotion_chance * regime->promotions))
		return;
	region->promotion_began = true;
	region->promotion_days = (int)prng_between(random, PROMOTION_DAYS_MIN, PROMOTION_DAYS_MAX);
	region->promotion_competitor = (int)prng_below(random, COMPETITOR_COUNT);
	region->promotion_percent = (double)prng_between(random, 5, 25);
	region->promotion = region->promotion_percent / 20;
}

static void region_step(struct region *region, const struct regime *regime, struct prng *random)
{
	region->economy += -0.01 * region->economy + 0.04 * prng_normal(random);
	region->price_index *= 1 + 0.0001 + 0.0005 * prng_normal(random);
	promotion_step(region, regime, random);
	region->price_change = 0;
	if (--region->days_to_price_change > 0)
		return;
	region->price_change = 0.5 * (double)prng_between(random, 4, 18);
	region->days_to_price_change = (int)prng_between(random, PRICE_DAYS_MIN, PRICE_DAYS_MAX);
}

static void site_step(struct site *site, const struct regime *regime, struct prng *random)
{
	if (site->disruption_days > 0 && --site->disruption_days == 0)
		site->disruption = 0;
	if (site->disruption_days > 0 || !prng_chance(random, disruption_chance * regime->service))
		return;
	site->disruption_days = (int)prng_between(random, DISRUPTION_DAYS_MIN, DISRUPTION_DAYS_MAX);
	site->disruption = 0.25 + 0.5 * prng_uniform(random);
}

void world_step(struct world *world)
{
	world->day++;
	while (world->regime + 1 < world->regime_count &&
	       world->regimes[world->regime + 1].first_day <= world->day)
		world->regime++;
	const struct regime *regime = &world->regimes[world->regime];
	for (int i = 0; i < REGION_COUNT; i++)
		region_step(&world->regions[i], regime, &world->random);
	for (int i = 0; i < SITE_COUNT; i++)
		site_step(&world->sites[i], regime, &world->random);
	season_set(world);
}
