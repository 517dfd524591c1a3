#include "base/dmath_avx2.h"

#include "base/check.h"

#ifdef __x86_64__

#include <immintrin.h>

#include "base/dmath_tables.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* AVX2 without FMA: nothing can be fused. */
#define WIDE __attribute__((target("avx2,no-fma")))

typedef double quad __attribute__((vector_size(32)));

bool dm_avx2_usable(void)
{
	return __builtin_cpu_supports("avx2");
}

WIDE static inline bool all_between(quad x, double above, double below)
{
	__m256d in = _mm256_and_pd(_mm256_cmp_pd(x, _mm256_set1_pd(above), _CMP_GT_OQ),
				   _mm256_cmp_pd(x, _mm256_set1_pd(below), _CMP_LT_OQ));
	return _mm256_movemask_pd(in) == 0xf;
}

/* The heads and the tails of four entries of a table. */
WIDE static inline quad heads(const struct dm_pair *table, __m128i at)
{
	return _mm256_i32gather_pd(&table->hi, _mm_slli_epi32(at, 1), 8);
}

WIDE static inline quad tails(const struct dm_pair *table, __m128i at)
{
	return _mm256_i32gather_pd(&table->lo, _mm_slli_epi32(at, 1), 8);
}

WIDE bool dm_avx2_exp(double *in)
{
	quad x = _mm256_loadu_pd(in);
	if (!all_between(x, -690.0, 690.0))
		return false;
	quad scaled = x * DM_INV_LN2_32;
	quad half = _mm256_or_pd(_mm256_and_pd(scaled, _mm256_set1_pd(-0.0)), _mm256_set1_pd(0.5));
	__m128i whole = _mm256_cvttpd_epi32(scaled + half);
	quad n = _mm256_cvtepi32_pd(whole);
	quad r1 = x - n * DM_LN2_32.hi;
	quad r2 = -n * DM_LN2_32.lo;
	quad r = r1 + r2;
	quad rr = r * r;
	quad even = 1.0 / 2 + rr * (1.0 / 24 + rr * (1.0 / 720));
	quad odd = r * (1.0 / 6 + rr * (1.0 / 120));
	quad p = r1 + (r2 + rr * (even + odd));
	__m128i j = _mm_and_si128(whole, _mm_set1_epi32(31));
	quad hi = heads(dm_exp2_table, j), lo = tails(dm_exp2_table, j);
	__m256i k = _mm256_cvtepi32_epi64(_mm_srai_epi32(whole, 5));
	quad power = _mm256_castsi256_pd(
		_mm256_slli_epi64(_mm256_add_epi64(k, _mm256_set1_epi64x(1023)), 52));
	_mm256_storeu_pd(in, (hi + (lo + hi * p)) * power);
	return true;
}

/* The lower halves of four 64-bit numbers. */
WIDE static inline __m128i narrow(__m256i wide)
{
	const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
	return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(wide, even));
}

WIDE bool dm_avx2_log(double *in)
{
	quad x = _mm256_loadu_pd(in);
	/* what is near 1 or subnormal is rare: both sides are left to the plain function */
	if (!all_between(x, 1.0 + 1.0 / 16, DBL_MAX))
		return false;
	__m256i bits = _mm256_castpd_si256(x);
	__m128i exponent = narrow(_mm256_srli_epi64(bits, 52));
	quad k = _mm256_cvtepi32_pd(_mm_sub_epi32(exponent, _mm_set1_epi32(1023)));
	quad m = _mm256_or_pd(
		_mm256_and_pd(x, _mm256_castsi256_pd(_mm256_set1_epi64x(INT64_C(0xfffffffffffff)))),
		_mm256_set1_pd(1.0));
	quad scaled = (m - 1.0) * 64.0 + 0.5;
	__m128i j = _mm256_cvttpd_epi32(scaled);
	quad center = 1.0 + _mm256_cvtepi32_pd(j) * (1.0 / 64);
	quad f = m - center;
	quad u = 2.0 * f / (m + center);
	quad v = u * u;
	quad odd = u * v * (1.0 / 12 + v * (1.0 / 80 + v * (1.0 / 448)));
	quad hi = k * DM_LN2.hi + heads(dm_log_table, j);
	quad lo = k * DM_LN2.lo + tails(dm_log_table, j);
	_mm256_storeu_pd(in, hi + (u + (odd + lo)));
	return true;
}

#else

bool dm_avx2_usable(void)
{
	return false;
}

bool dm_avx2_exp(double *x)
{
	(void)x;
	CHECK(false);
}

bool dm_avx2_log(double *x)
{
	(void)x;
	CHECK(false);
}

#endif
