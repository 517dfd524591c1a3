/* base/dmath against the C library (within 2 ulp), at its special values, and against a hash of
 * its result bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/dmath.h"
#include "base/dmath_each.h"

typedef double (*function)(double);
typedef long double (*oracle)(long double);

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* In [low, high), from the top 53 bits: exact, so every machine draws the same numbers. */
static double uniform(uint64_t *state, double low, double high)
{
	return low + (high - low) * ((double)(next_random(state) >> 11) * 0x1p-53);
}

/* A double of random bits: any exponent, either sign, now and then a NaN or an infinity. */
static double any_double(uint64_t *state)
{
	uint64_t bits = next_random(state);
	double x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

static void assert_within_2_ulp(double x, double got, long double want)
{
	if (want != want) {
		assert_true(got != got);
		return;
	}
	if (got > DBL_MAX || got < -DBL_MAX) {
		assert_true(fabsl(want) >= (long double)DBL_MAX);
		return;
	}
	double size = fabs(got);
	double ulp = size >= DBL_MAX ? 0x1p971 : nextafter(size, (double)INFINITY) - size;
	if (!(fabsl((long double)got - want) <= 2 * (long double)ulp))
		fail_msg("at %a: got %a, want %La", x, got, want);
}

static void check_range(function f, oracle g, double low, double high)
{
	uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
	for (int i = 0; i < 100000; i++) {
		double x = uniform(&seed, low, high);
		assert_within_2_ulp(x, f(x), g((long double)x));
	}
}

static void check_any(function f, oracle g)
{
	uint64_t seed = UINT64_C(88172645463325252);
	for (int i = 0; i < 100000; i++) {
		double x = any_double(&seed);
		if (x == x)
			assert_within_2_ulp(x, f(x), g((long double)x));
	}
}

static void exp_is_within_2_ulp(void **state)
{
	(void)state;
	check_range(dm_exp, expl, -1, 1);
	check_range(dm_exp, expl, -745, 709.7);
	check_any(dm_exp, expl);
	check_range(dm_expm1, expm1l, -0.3, 0.3);
	check_range(dm_expm1, expm1l, -5, 5);
	check_range(dm_expm1, expm1l, -50, 709.7);
	check_any(dm_expm1, expm1l);
}

static void log_is_within_2_ulp(void **state)
{
	(void)state;
	check_range(dm_log, logl, 0.5, 2);
	check_range(dm_log, logl, 0.9, 1.1);
	check_range(dm_log, logl, 0, 1e9);
	check_range(dm_log, logl, 0, 1e-307);
	check_any(dm_log, logl);
	check_range(dm_log1p, log1pl, -0.999, 3);
	check_range(dm_log1p, log1pl, -0.1, 0.1);
	check_any(dm_log1p, log1pl);
}

static long double sigmoid_oracle(long double x)
{
	return 1 / (1 + expl(-x));
}

static void sigmoid_is_within_2_ulp(void **state)
{
	(void)state;
	check_range(dm_sigmoid, sigmoid_oracle, -40, 40);
	check_range(dm_sigmoid, sigmoid_oracle, -700, 700);
	assert_true(dm_sigmoid(0) == 0.5);
	assert_true(dm_sigmoid(-HUGE_VAL) == 0 && dm_sigmoid(HUGE_VAL) == 1);
}

/* Quantiles by mpmath at 60 digits (findroot on ncdf), not by AS 241. */
static void norm_quantile_equals_printed_values(void **state)
{
	(void)state;
	static const struct {
		double p, x;
	} WANT[] = {
		{ 0x1.999999999999ap-6, -1.9599639845400542118 },
		{ 0x1.999999999999ap-4, -1.2815515655446004353 },
		{ 0x1.ccccccccccccdp-1, 1.2815515655446005935 },
		{ 0x1.f333333333333p-1, 1.9599639845400538556 },
		{ 0x1.6666666666666p-1, 0.52440051270804065631 },
		{ 0x1.339c0ebedfa44p-4, -1.4388253927525399824 },
		{ 0x1.d916872b020c5p-1, 1.43250272082581191 },
		{ 0x1.b7cdfd9d7bdbbp-34, -6.3613409024040561991 },
		{ 0x1.19799812dea11p-40, -7.0344838253011319326 },
		{ 0x1.bff2ee48e0530p-333, -21.273453560965324294 },
		{ 0x1.56e1fc2f8f359p-997, -37.047096299361199237 },
		{ 0x1.ffe5c91d14e3cp-2, -0.00025066283008800749239 },
		{ 0x1.fffffffffffffp-1, 8.2095361516013868556 },
		{ 0x1.47ae147ae147bp-6, -2.0537489106318230443 },
	};
	for (size_t i = 0; i < sizeof WANT / sizeof WANT[0]; i++) {
		double got = dm_norm_quantile(WANT[i].p);
		if (!(fabs(got - WANT[i].x) <= 1e-15 * fabs(WANT[i].x)))
			fail_msg("p %a: got %.17g, want %.17g", WANT[i].p, got, WANT[i].x);
	}
	assert_true(dm_norm_quantile(0.5) == 0);
	assert_true(dm_norm_quantile(0) == -HUGE_VAL && dm_norm_quantile(1) == HUGE_VAL);
	assert_true(dm_norm_quantile(-0.1) != dm_norm_quantile(-0.1));
}

static uint64_t bits_of(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static void specials_are_exact(void **state)
{
	(void)state;
	double nan = (double)NAN;
	static const function ALL[] = { dm_exp,	  dm_expm1,   dm_log,
					dm_log1p, dm_sigmoid, dm_norm_quantile };
	for (size_t i = 0; i < sizeof ALL / sizeof ALL[0]; i++)
		assert_true(bits_of(ALL[i](-nan)) == UINT64_C(0x7ff8000000000000));
	assert_true(dm_exp(0) == 1 && dm_exp(-HUGE_VAL) == 0 && dm_exp(HUGE_VAL) == HUGE_VAL);
	assert_true(dm_exp(710) == HUGE_VAL && dm_exp(-746) == 0);
	assert_true(dm_exp(DBL_MAX) == HUGE_VAL && dm_exp(-DBL_MAX) == 0);
	assert_true(dm_expm1(0) == 0 && dm_expm1(-HUGE_VAL) == -1 && dm_expm1(800) == HUGE_VAL);
	assert_true(bits_of(dm_expm1(-0.0)) == bits_of(-0.0));
	assert_true(dm_log(1) == 0 && dm_log(0) == -HUGE_VAL && dm_log(HUGE_VAL) == HUGE_VAL);
	assert_true(bits_of(dm_log(-1)) == UINT64_C(0x7ff8000000000000));
	assert_true(dm_log1p(0) == 0 && dm_log1p(-1) == -HUGE_VAL);
	assert_true(bits_of(dm_log1p(-0.0)) == bits_of(-0.0));
	assert_true(bits_of(dm_log1p(-2)) == UINT64_C(0x7ff8000000000000));
	assert_true(dm_is_finite(DBL_MAX) && dm_is_finite(-0.0));
	assert_false(dm_is_finite(nan) || dm_is_finite(HUGE_VAL) || dm_is_finite(-HUGE_VAL));
}

static void hash_add(uint64_t *hash, double value)
{
	uint64_t bits = bits_of(value);
	for (int i = 0; i < 64; i += 8)
		*hash = (*hash ^ (bits >> i & 0xff)) * UINT64_C(0x100000001b3);
}

/* FNV-1a over the bits of 12,000 results. A red test means that scores may change in their last
 * bits: if that is meant, bump the logic version and put the new hash here. */
static void result_bits_are_golden(void **state)
{
	(void)state;
	uint64_t seed = UINT64_C(19970930);
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (int i = 0; i < 2000; i++) {
		hash_add(&hash, dm_exp(uniform(&seed, -745, 710)));
		hash_add(&hash, dm_expm1(uniform(&seed, -40, 40)));
		hash_add(&hash, dm_log(any_double(&seed)));
		hash_add(&hash, dm_log1p(uniform(&seed, -1, 50)));
		hash_add(&hash, dm_sigmoid(uniform(&seed, -60, 60)));
		hash_add(&hash, dm_norm_quantile(uniform(&seed, 0, 1)));
	}
	if (hash != UINT64_C(0xafd8df786a68b311))
		fail_msg("hash 0x%016llx", (unsigned long long)hash);
}

/* The two-at-a-time functions give the bits of the plain ones, in any company. */
static void each_gives_the_same_bits(void **state)
{
	(void)state;
	enum { COUNT = 9, ROUNDS = 60000 };
	uint64_t seed = 20;
	for (int round = 0; round < ROUNDS; round++) {
		double x[COUNT], e[COUNT], l[COUNT];
		for (int i = 0; i < COUNT; i++) {
			uint64_t way = next_random(&seed) % 16;
			x[i] = way == 0	 ? any_double(&seed)
			       : way < 4 ? uniform(&seed, 0.9, 1.1)
			       : way < 8 ? uniform(&seed, 0, 100000)
					 : uniform(&seed, -800, 800);
			e[i] = l[i] = x[i];
		}
		size_t count = next_random(&seed) % (COUNT + 1);
		dm_exp_each(e, count);
		dm_log_each(l, count);
		for (size_t i = 0; i < COUNT; i++) {
			double want_e = i < count ? dm_exp(x[i]) : x[i];
			double want_l = i < count ? dm_log(x[i]) : x[i];
			assert_memory_equal(&e[i], &want_e, sizeof want_e);
			assert_memory_equal(&l[i], &want_l, sizeof want_l);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exp_is_within_2_ulp),
		cmocka_unit_test(log_is_within_2_ulp),
		cmocka_unit_test(sigmoid_is_within_2_ulp),
		cmocka_unit_test(norm_quantile_equals_printed_values),
		cmocka_unit_test(specials_are_exact),
		cmocka_unit_test(result_bits_are_golden),
		cmocka_unit_test(each_gives_the_same_bits),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
