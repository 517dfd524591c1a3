#include "base/prng.h"

#include "base/dmath.h"

/* splitmix64's finalizer: seeds that differ in one bit begin far apart. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

struct prng prng_new(uint64_t seed, uint64_t stream)
{
	struct prng prng = { .state = mix(seed + UINT64_C(0x9e3779b97f4a7c15)),
			     .increment = mix(stream + 1) << 1 | 1 };
	prng.state += mix(stream ^ UINT64_C(0xd1342543de82ef95));
	prng_next(&prng);
	return prng;
}

double prng_normal(struct prng *prng)
{
	return dm_norm_quantile(prng_uniform(prng));
}

double prng_exponential(struct prng *prng, double mean)
{
	return -mean * dm_log(prng_uniform(prng));
}

int prng_poisson(struct prng *prng, double mean, int max)
{
	double u = prng_uniform(prng);
	/* most days nothing happens, and that needs no exponential */
	if (u < 1 - mean)
		return 0;
	double probability = dm_exp(-mean), sum = probability;
	int count = 0;
	while (u > sum && count < max) {
		count++;
		probability *= mean / count;
		sum += probability;
	}
	return count;
}
