/* The simulated company's vehicles: dealers in each region sell them, public stations charge them,
 * and each region's fleet tells how far it drives. A simulation: nothing here was measured.
 *
 * What drives the demand of a region is known: a slow interest in electric vehicles, which shows in
 * charging and driving two to four weeks before it shows in orders, and the competitor's promotion
 * that runs there. Stock lies at the warehouses, is sold from the one that delivers to the region,
 * and is refilled by the head office in equal parts, whatever the regions want.
 *
 * Only with --vehicles: it has random numbers of its own and changes nothing in the customers'
 * lives. Ownership: plain data. Threads: one at a time. Errors: kept by the teller. */
#ifndef SIMULATE_DEALERS_H
#define SIMULATE_DEALERS_H

#include "simulate/tell.h"
#include "simulate/world.h"

enum { VEHICLE_MODELS = 2, INTEREST_DAYS = 32 };

/* What happened in a region on a day. */
struct dealer_day {
	int sold[VEHICLE_MODELS]; /* wanted, whether there was stock or not */
	int session_count;
	double energy_kwh[8]; /* of the first sessions; there are at most as many */
	double distance_km;   /* of the fleet */
};

struct dealers {
	struct prng random;
	double interest[REGION_COUNT][INTEREST_DAYS]; /* by day modulo: 0 is usual */
	double size[REGION_COUNT];		      /* vehicles a working day */
	double stock[SITE_COUNT][VEHICLE_MODELS];
	struct dealer_day days[REGION_COUNT]; /* the last one */
};

extern const char *const vehicle_models[VEHICLE_MODELS];

void dealers_init(struct dealers *dealers, uint64_t seed);

/* Lives through the world's day. */
void dealers_step(struct dealers *dealers, const struct world *world);

/* Tells of it; the teller's account is NULL. */
void dealers_tell(const struct dealers *dealers, struct teller *teller);

#endif
