/* Random numbers that are the same on every machine: for simulations and tests, never for a stage.
 *
 * The generator is PCG XSH RR 64/32. Source: M. E. O'Neill, "PCG: A Family of Simple Fast
 * Space-Efficient Statistically Good Algorithms for Random Number Generation", HMC-CS-2014-0905.
 * Streams with different numbers are independent for what is done with them here.
 * Distributions use base/dmath only, so that their bits are the same everywhere, too.
 *
 * Ownership: plain data, copied by assignment. Threads: one at a time. Errors: none. */
#ifndef BASE_PRNG_H
#define BASE_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
	uint64_t state, increment;
};

/* A generator for a seed and a stream's number; all of both count. */
struct prng prng_new(uint64_t seed, uint64_t stream);

static inline uint32_t prng_next(struct prng *prng)
{
	uint64_t old = prng->state;
	prng->state = old * UINT64_C(6364136223846793005) + prng->increment;
	uint32_t mixed = (uint32_t)(((old >> 18) ^ old) >> 27);
	uint32_t turn = (uint32_t)(old >> 59);
	return mixed >> turn | mixed << (-turn & 31);
}

/* In (0, 1), never 0 or 1, in steps of 2^-32. */
static inline double prng_uniform(struct prng *prng)
{
	return ((double)prng_next(prng) + 0.5) * 0x1p-32;
}

static inline bool prng_chance(struct prng *prng, double probability)
{
	return prng_uniform(prng) < probability;
}

/* In [0, bound); the bias of 2^-32 * bound is accepted. bound > 0. */
static inline uint32_t prng_below(struct prng *prng, uint32_t bound)
{
	return (uint32_t)((uint64_t)prng_next(prng) * bound >> 32);
}

/* In [low, high], both included. */
static inline int64_t prng_between(struct prng *prng, int64_t low, int64_t high)
{
	return low + prng_below(prng, (uint32_t)(high - low + 1));
}

/* Of the standard normal distribution, by inversion. */
double prng_normal(struct prng *prng);

/* Of the exponential distribution with that mean. */
double prng_exponential(struct prng *prng, double mean);

/* Of the Poisson distribution, cut at `max`, by inversion; for means up to some tens. */
int prng_poisson(struct prng *prng, double mean, int max);

#endif
