/* The random numbers of simulations: the published generator, and distributions that are right. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/prng.h"

enum { DRAWS = 200000 };

/* Source: the demonstration output of the reference implementation of pcg32, seed 42, stream 54. */
static void the_published_numbers_come(void **state)
{
	(void)state;
	static const uint32_t published[] = { 0xa15c02b7, 0x7b47f409, 0xba1d3330,
					      0x83d2f293, 0xbfa4784b, 0xcbed606e };
	struct prng prng = { .state = 0, .increment = 54u << 1 | 1 };
	prng_next(&prng);
	prng.state += 42;
	prng_next(&prng);
	for (size_t i = 0; i < sizeof published / sizeof published[0]; i++)
		assert_int_equal(prng_next(&prng), published[i]);
}

static void seeds_and_streams_differ(void **state)
{
	(void)state;
	int equal = 0;
	for (uint64_t i = 0; i < 1000; i++) {
		struct prng a = prng_new(i, 7), b = prng_new(i + 1, 7), c = prng_new(i, 8);
		struct prng again = prng_new(i, 7);
		uint32_t first = prng_next(&a);
		assert_int_equal(prng_next(&again), first);
		equal += prng_next(&b) == first;
		equal += prng_next(&c) == first;
	}
	assert_true(equal <= 1);
}

static void distributions_have_their_moments(void **state)
{
	(void)state;
	struct prng prng = prng_new(1, 1);
	double uniform = 0, normal = 0, square = 0, exponential = 0, counts = 0;
	int64_t below = 0, between = 0;
	for (int i = 0; i < DRAWS; i++) {
		double u = prng_uniform(&prng);
		assert_true(u > 0 && u < 1);
		uniform += u;
		double z = prng_normal(&prng);
		normal += z;
		square += z * z;
		exponential += prng_exponential(&prng, 3);
		counts += prng_poisson(&prng, 0.7, 20);
		uint32_t at = prng_below(&prng, 10);
		assert_true(at < 10);
		below += at;
		int64_t in = prng_between(&prng, -5, 5);
		assert_true(in >= -5 && in <= 5);
		between += in;
	}
	/* within five standard errors */
	assert_true(fabs(uniform / DRAWS - 0.5) < 5 * 0.289 / sqrt(DRAWS));
	assert_true(fabs(normal / DRAWS) < 5 / sqrt(DRAWS));
	assert_true(fabs(square / DRAWS - 1) < 5 * 1.42 / sqrt(DRAWS));
	assert_true(fabs(exponential / DRAWS - 3) < 5 * 3 / sqrt(DRAWS));
	assert_true(fabs(counts / DRAWS - 0.7) < 5 * 0.84 / sqrt(DRAWS));
	assert_true(fabs((double)below / DRAWS - 4.5) < 5 * 2.9 / sqrt(DRAWS));
	assert_true(fabs((double)between / DRAWS) < 5 * 3.2 / sqrt(DRAWS));
}

static void counts_are_cut_at_their_bound(void **state)
{
	(void)state;
	struct prng prng = prng_new(2, 1);
	int cut = 0;
	for (int i = 0; i < 1000; i++) {
		int count = prng_poisson(&prng, 4, 5);
		assert_true(count >= 0 && count <= 5);
		cut += count == 5;
	}
	assert_true(cut > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_numbers_come),
		cmocka_unit_test(seeds_and_streams_differ),
		cmocka_unit_test(distributions_have_their_moments),
		cmocka_unit_test(counts_are_cut_at_their_bound),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("prng", tests, NULL, NULL);
}
