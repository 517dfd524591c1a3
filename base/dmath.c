/* See dmath.h. Every constant is derived here from its definition: the tables hold 2^(j/32) and
 * log(1 + j/64) from 300-bit arithmetic, split into a head and a rounded tail; polynomials are
 * Taylor sections, long enough that the first dropped term is below 2^-56 of the result. */
#include "base/dmath.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "dmath needs strict IEEE arithmetic: build without -ffast-math"
#endif
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif
_Static_assert(FLT_EVAL_METHOD == 0, "doubles must be evaluated as doubles (no x87)");
_Static_assert(DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "doubles must be IEEE-754 binary64");

/* A number as hi + lo. */
struct pair {
	double hi, lo;
};

/* 2^(j/32). */
static const struct pair EXP2_TABLE[32] = {
	{ 0x1p+0, 0x0p+0 },
	{ 0x1.059b0d3158574p+0, 0x1.d73e2a475b465p-55 },
	{ 0x1.0b5586cf9890fp+0, 0x1.8a62e4adc610bp-54 },
	{ 0x1.11301d0125b51p+0, -0x1.6c51039449b3ap-54 },
	{ 0x1.172b83c7d517bp+0, -0x1.19041b9d78a76p-55 },
	{ 0x1.1d4873168b9aap+0, 0x1.e016e00a2643cp-54 },
	{ 0x1.2387a6e756238p+0, 0x1.9b07eb6c70573p-54 },
	{ 0x1.29e9df51fdee1p+0, 0x1.612e8afad1255p-55 },
	{ 0x1.306fe0a31b715p+0, 0x1.6f46ad23182e4p-55 },
	{ 0x1.371a7373aa9cbp+0, -0x1.63aeabf42eae2p-54 },
	{ 0x1.3dea64c123422p+0, 0x1.ada0911f09ebcp-55 },
	{ 0x1.44e086061892dp+0, 0x1.89b7a04ef80d0p-59 },
	{ 0x1.4bfdad5362a27p+0, 0x1.d4397afec42e2p-56 },
	{ 0x1.5342b569d4f82p+0, -0x1.07abe1db13cadp-55 },
	{ 0x1.5ab07dd485429p+0, 0x1.6324c054647adp-54 },
	{ 0x1.6247eb03a5585p+0, -0x1.383c17e40b497p-54 },
	{ 0x1.6a09e667f3bcdp+0, -0x1.bdd3413b26456p-54 },
	{ 0x1.71f75e8ec5f74p+0, -0x1.16e4786887a99p-55 },
	{ 0x1.7a11473eb0187p+0, -0x1.41577ee04992fp-55 },
	{ 0x1.82589994cce13p+0, -0x1.d4c1dd41532d8p-54 },
	{ 0x1.8ace5422aa0dbp+0, 0x1.6e9f156864b27p-54 },
	{ 0x1.93737b0cdc5e5p+0, -0x1.75fc781b57ebcp-57 },
	{ 0x1.9c49182a3f090p+0, 0x1.c7c46b071f2bep-56 },
	{ 0x1.a5503b23e255dp+0, -0x1.d2f6edb8d41e1p-54 },
	{ 0x1.ae89f995ad3adp+0, 0x1.7a1cd345dcc81p-54 },
	{ 0x1.b7f76f2fb5e47p+0, -0x1.5584f7e54ac3bp-56 },
	{ 0x1.c199bdd85529cp+0, 0x1.11065895048ddp-55 },
	{ 0x1.cb720dcef9069p+0, 0x1.503cbd1e949dbp-56 },
	{ 0x1.d5818dcfba487p+0, 0x1.2ed02d75b3707p-55 },
	{ 0x1.dfc97337b9b5fp+0, -0x1.1a5cd4f184b5cp-54 },
	{ 0x1.ea4afa2a490dap+0, -0x1.e9c23179c2893p-54 },
	{ 0x1.f50765b6e4540p+0, 0x1.9d3e12dd8a18bp-54 },
};

/* log(1 + j/64); the head is a multiple of 2^-42. */
static const struct pair LOG_TABLE[65] = {
	{ 0x0p+0, 0x0p+0 },
	{ 0x1.fc0a8b0fc0000p-7, 0x1.f1e7cf6d3a69cp-50 },
	{ 0x1.f829b0e780000p-6, 0x1.980267c7e09e4p-45 },
	{ 0x1.77458f6330000p-5, -0x1.181dce586af09p-44 },
	{ 0x1.f0a30c0118000p-5, -0x1.d599e83368e91p-45 },
	{ 0x1.341d7961bc000p-4, 0x1.1d09299837610p-44 },
	{ 0x1.6f0d28ae58000p-4, -0x1.4b4641b664613p-44 },
	{ 0x1.a926d3a4ac000p-4, 0x1.563650bd22a9cp-44 },
	{ 0x1.e27076e2b0000p-4, -0x1.a342c2af0003cp-45 },
	{ 0x1.0d77e7cd08000p-3, 0x1.cb2cd2ee2f482p-44 },
	{ 0x1.29552f8200000p-3, -0x1.5b967f4471dfcp-44 },
	{ 0x1.44d2b6ccb8000p-3, -0x1.70cc16135783cp-46 },
	{ 0x1.5ff3070a7a000p-3, -0x1.8586f183bebf2p-44 },
	{ 0x1.7ab890210e000p-3, -0x1.bdb9072534a58p-45 },
	{ 0x1.9525a9cf46000p-3, -0x1.297137d9f158fp-44 },
	{ 0x1.af3c94e80c000p-3, -0x1.a4e633fcd9066p-52 },
	{ 0x1.c8ff7c79aa000p-3, -0x1.7794f689f8434p-45 },
	{ 0x1.e27076e2b0000p-3, -0x1.a342c2af0003cp-44 },
	{ 0x1.fb9186d5e4000p-3, -0x1.d572aab993c87p-47 },
	{ 0x1.0a324e2739000p-2, 0x1.c6bee7ef4030ep-47 },
	{ 0x1.1675cababa000p-2, 0x1.8380e731f55c4p-44 },
	{ 0x1.22941fbcf8000p-2, -0x1.a6976f5eb0963p-44 },
	{ 0x1.2e8e2bae12000p-2, -0x1.67b1e99b72bd8p-45 },
	{ 0x1.3a64c55694000p-2, 0x1.7a71cbcd735d0p-44 },
	{ 0x1.4618bc21c6000p-2, -0x1.3d82f484c84ccp-46 },
	{ 0x1.51aad872e0000p-2, -0x1.f4bd8db0a7cc1p-44 },
	{ 0x1.5d1bdbf581000p-2, -0x1.8d6bdc9c7c238p-44 },
	{ 0x1.686c81e9b1000p-2, 0x1.2bb110af84054p-44 },
	{ 0x1.739d7f6bbd000p-2, 0x1.a7389314feb50p-52 },
	{ 0x1.7eaf83b82b000p-2, -0x1.e4da62d0c25adp-49 },
	{ 0x1.89a3386c14000p-2, 0x1.2d5ad38c40882p-45 },
	{ 0x1.947941c211000p-2, 0x1.beae9337451f4p-44 },
	{ 0x1.9f323ecbfa000p-2, -0x1.ed03525ca2643p-44 },
	{ 0x1.a9cec9a9a1000p-2, -0x1.ed9cadec02b43p-44 },
	{ 0x1.b44f77bcc9000p-2, -0x1.3ae68224aa2cep-47 },
	{ 0x1.beb4d9da72000p-2, -0x1.21021e78b2151p-44 },
	{ 0x1.c8ff7c79aa000p-2, -0x1.7794f689f8434p-44 },
	{ 0x1.d32fe7e00f000p-2, -0x1.0aa7884dcd050p-44 },
	{ 0x1.dd46a04c1c000p-2, 0x1.282fb989a9274p-44 },
	{ 0x1.e744261d68000p-2, 0x1.e1f8df68dbcf3p-44 },
	{ 0x1.f128f5faf0000p-2, 0x1.bb2cd720ec44cp-44 },
	{ 0x1.faf588f78f000p-2, 0x1.8f6cd7d9f2754p-45 },
	{ 0x1.02552a5a5d000p-1, 0x1.fd8d38d2bafddp-46 },
	{ 0x1.0723e5c1ce000p-1, -0x1.7f6350d38edddp-46 },
	{ 0x1.0be72e4252800p-1, 0x1.415b4c4bdd99fp-44 },
	{ 0x1.109f39e2d5000p-1, -0x1.b4810e09b27a4p-44 },
	{ 0x1.154c3d2f4d800p-1, -0x1.0b2b38662e34dp-44 },
	{ 0x1.19ee6b467c800p-1, 0x1.6ecc5cbdd7782p-45 },
	{ 0x1.1e85f5e704000p-1, 0x1.a07bd8b34be7cp-46 },
	{ 0x1.23130d7bec000p-1, -0x1.7afa4392f1ba7p-46 },
	{ 0x1.2795e1289b000p-1, 0x1.1aeb783f3db97p-45 },
	{ 0x1.2c0e9ed449000p-1, -0x1.74468563ce45dp-45 },
	{ 0x1.307d7334f1000p-1, 0x1.7c3f6b2143eadp-46 },
	{ 0x1.34e289d9ce000p-1, 0x1.d316eb92d885dp-45 },
	{ 0x1.393e0d3562800p-1, 0x1.0cd4e221301b7p-44 },
	{ 0x1.3d9026a715800p-1, -0x1.055bfbd9c2f53p-45 },
	{ 0x1.41d8fe8467000p-1, 0x1.5732325e617a3p-44 },
	{ 0x1.4618bc21c6000p-1, -0x1.3d82f484c84ccp-45 },
	{ 0x1.4a4f85db04000p-1, -0x1.44fdd840b8591p-45 },
	{ 0x1.4e7d811b75800p-1, 0x1.d84e584c2b22cp-44 },
	{ 0x1.52a2d265bc800p-1, -0x1.2a88c41ba8752p-44 },
	{ 0x1.56bf9d5b3f000p-1, 0x1.cca08e310b9b2p-44 },
	{ 0x1.5ad404c35a000p-1, -0x1.a609acaab41fcp-46 },
	{ 0x1.5ee02a9241800p-1, -0x1.8a8f29f6a02dcp-45 },
	{ 0x1.62e42fefa3800p-1, 0x1.ef35793c76730p-45 },
};

/* log 2 / 32 with a head of 36 bits, so that a 16-bit multiple of the head is exact. */
static const struct pair LN2_32 = { 0x1.62e42fefa0000p-6, 0x1.cf79abc9e3b3ap-45 };
static const double INV_LN2_32 = 0x1.71547652b82fep+5;

/* log 2 with a head of 42 bits: k * hi + LOG_TABLE[j].hi is exact for every exponent k. */
static const struct pair LN2 = { 0x1.62e42fefa3800p-1, 0x1.ef35793c76730p-45 };

static inline uint64_t bits_of(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static inline double double_of(uint64_t bits)
{
	double x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

static double canonical_nan(void)
{
	return double_of(UINT64_C(0x7ff8000000000000));
}

/* 2^k for a normal result. */
static inline double power_of_two(int k)
{
	return double_of((uint64_t)(k + 1023) << 52);
}

bool dm_is_finite(double x)
{
	return (bits_of(x) >> 52 & 0x7ff) != 0x7ff;
}

/* x = (32 k + j) log2/32 + r; p = e^r - 1 without its rounding; both for |x| < 746. */
struct exp_parts {
	int k, j;
	double p;
};

static inline struct exp_parts exp_reduce(double x)
{
	double scaled = x * INV_LN2_32;
	int n = (int)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
	double r1 = x - (double)n * LN2_32.hi;
	double r2 = -(double)n * LN2_32.lo;
	double r = r1 + r2;
	double rr = r * r;
	double even = 1.0 / 2 + rr * (1.0 / 24 + rr * (1.0 / 720));
	double odd = r * (1.0 / 6 + rr * (1.0 / 120));
	int j = (int)((unsigned)n & 31u);
	return (struct exp_parts){ (n - j) / 32, j, r1 + (r2 + rr * (even + odd)) };
}

double dm_exp(double x)
{
	if (x != x)
		return canonical_nan();
	if (x > 709.79)
		return HUGE_VAL;
	if (x < -745.2)
		return 0.0;
	struct exp_parts e = exp_reduce(x);
	struct pair t = EXP2_TABLE[e.j];
	double y = t.hi + (t.lo + t.hi * e.p);
	if (e.k > 1000)
		return y * power_of_two(e.k - 1) * 2.0;
	if (e.k < -1021)
		return y * power_of_two(e.k + 64) * 0x1p-64;
	return y * power_of_two(e.k);
}

/* e^x - 1 for |x| < 0.2: x + x^2/2 + ... with x itself kept out of the rounding. */
static double expm1_small(double x)
{
	double xx = x * x;
	double even = 1.0 / 24 + xx * (1.0 / 720 + xx * (1.0 / 40320 + xx * (1.0 / 3628800)));
	double odd =
		1.0 / 6 +
		xx * (1.0 / 120 + xx * (1.0 / 5040 + xx * (1.0 / 362880 + xx * (1.0 / 39916800))));
	return x + (xx / 2 + (x * xx * odd + xx * xx * even));
}

double dm_expm1(double x)
{
	if (x != x)
		return canonical_nan();
	if (x > 709.79)
		return HUGE_VAL;
	if (x < -40.0)
		return -1.0;
	if (x == 0)
		return x;
	if (x > -0.2 && x < 0.2)
		return expm1_small(x);
	struct exp_parts e = exp_reduce(x);
	struct pair t = EXP2_TABLE[e.j];
	double tail = t.lo + t.hi * e.p;
	if (e.k > 60)
		return dm_exp(x) - 1.0;
	double scale = power_of_two(e.k);
	double head = t.hi * scale;
	/* head - 1 as an exact pair, by Dekker's fast two-sum on the larger operand first. */
	double diff = head - 1.0;
	double lost = head >= 1.0 ? (head - diff) - 1.0 : head - (diff + 1.0);
	return diff + (lost + tail * scale);
}

/* log(1 + f) for |f| <= 1/16: with s = f/(2+f), log(1+f) = f - f^2/2 + s (f^2/2 + R),
 * R = 2 s^2/3 + 2 s^4/5 + ... */
static double log1p_small(double f)
{
	double s = f / (2.0 + f);
	double z = s * s;
	double zz = z * z;
	double r = z * (2.0 / 3 + zz * (2.0 / 7 + zz * (2.0 / 11))) +
		   zz * (2.0 / 5 + zz * (2.0 / 9 + zz * (2.0 / 13)));
	double half = 0.5 * f * f;
	return f - (half - s * (half + r));
}

/* log x for a positive finite x away from 1, plus a tail that belongs to x. */
static inline double log_reduced(double x, double tail)
{
	int k = 0;
	if (x < DBL_MIN) {
		x *= 0x1p54;
		k = -54;
	}
	uint64_t bits = bits_of(x);
	k += (int)(bits >> 52) - 1023;
	double m = double_of((bits & UINT64_C(0xfffffffffffff)) | UINT64_C(0x3ff0000000000000));
	int j = (int)((m - 1.0) * 64.0 + 0.5);
	double center = 1.0 + (double)j * (1.0 / 64);
	/* m = center (1 + u/2)/(1 - u/2), so log m = log center + 2 atanh(u/2); |u| < 2^-7. */
	double f = m - center;
	double u = 2.0 * f / (m + center);
	double v = u * u;
	double odd = u * v * (1.0 / 12 + v * (1.0 / 80 + v * (1.0 / 448)));
	double hi = (double)k * LN2.hi + LOG_TABLE[j].hi;
	double lo = (double)k * LN2.lo + LOG_TABLE[j].lo;
	return hi + (u + (odd + (lo + tail)));
}

double dm_log(double x)
{
	if (x != x || x < 0)
		return canonical_nan();
	if (x == 0)
		return -HUGE_VAL;
	if (x > DBL_MAX)
		return x;
	if (x > 1.0 - 1.0 / 16 && x < 1.0 + 1.0 / 16)
		return log1p_small(x - 1.0);
	return log_reduced(x, 0.0);
}

/* ---- two at a time --------------------------------------------------------------------------
 *
 * The operations of the functions above, in their order, on two numbers side by side: IEEE 754
 * leaves no other result. Where one of the two is out of the ordinary, both go one by one. */

typedef double twin __attribute__((vector_size(16)));

static inline twin twin_of(double a, double b)
{
	return (twin){ a, b };
}

static inline twin exp_twin(twin x)
{
	twin scaled = x * INV_LN2_32;
	int a = (int)(scaled[0] < 0 ? scaled[0] - 0.5 : scaled[0] + 0.5);
	int b = (int)(scaled[1] < 0 ? scaled[1] - 0.5 : scaled[1] + 0.5);
	twin n = twin_of((double)a, (double)b);
	twin r1 = x - n * LN2_32.hi;
	twin r2 = -n * LN2_32.lo;
	twin r = r1 + r2;
	twin rr = r * r;
	twin even = 1.0 / 2 + rr * (1.0 / 24 + rr * (1.0 / 720));
	twin odd = r * (1.0 / 6 + rr * (1.0 / 120));
	twin p = r1 + (r2 + rr * (even + odd));
	const struct pair *s = &EXP2_TABLE[(unsigned)a & 31u], *t = &EXP2_TABLE[(unsigned)b & 31u];
	twin hi = twin_of(s->hi, t->hi), lo = twin_of(s->lo, t->lo);
	/* an arithmetic shift rounds down, as (n - j) / 32 does without a remainder */
	return (hi + (lo + hi * p)) * twin_of(power_of_two(a >> 5), power_of_two(b >> 5));
}

/* Far from overflow and from subnormals; false for NaN. */
static inline bool exp_is_plain(double x)
{
	return x > -690.0 && x < 690.0;
}

void dm_exp_each(double *x, size_t count)
{
	size_t i = 0;
	for (; i + 2 <= count; i += 2) {
		if (exp_is_plain(x[i]) && exp_is_plain(x[i + 1])) {
			twin y = exp_twin(twin_of(x[i], x[i + 1]));
			x[i] = y[0];
			x[i + 1] = y[1];
		} else {
			x[i] = dm_exp(x[i]);
			x[i + 1] = dm_exp(x[i + 1]);
		}
	}
	if (i < count)
		x[i] = dm_exp(x[i]);
}

static inline int log_exponent(double x)
{
	return (int)(bits_of(x) >> 52) - 1023;
}

static inline double log_mantissa(double x)
{
	return double_of((bits_of(x) & UINT64_C(0xfffffffffffff)) | UINT64_C(0x3ff0000000000000));
}

static inline twin log_twin(double x, double y)
{
	twin k = twin_of((double)log_exponent(x), (double)log_exponent(y));
	twin m = twin_of(log_mantissa(x), log_mantissa(y));
	twin scaled = (m - 1.0) * 64.0 + 0.5;
	int a = (int)scaled[0], b = (int)scaled[1];
	twin center = 1.0 + twin_of((double)a, (double)b) * (1.0 / 64);
	twin f = m - center;
	twin u = 2.0 * f / (m + center);
	twin v = u * u;
	twin odd = u * v * (1.0 / 12 + v * (1.0 / 80 + v * (1.0 / 448)));
	twin hi = k * LN2.hi + twin_of(LOG_TABLE[a].hi, LOG_TABLE[b].hi);
	twin lo = k * LN2.lo + twin_of(LOG_TABLE[a].lo, LOG_TABLE[b].lo);
	return hi + (u + (odd + lo));
}

/* Positive, normal, finite, and not near 1; false for NaN. */
static inline bool log_is_plain(double x)
{
	return x >= DBL_MIN && x <= DBL_MAX && !(x > 1.0 - 1.0 / 16 && x < 1.0 + 1.0 / 16);
}

void dm_log_each(double *x, size_t count)
{
	size_t i = 0;
	for (; i + 2 <= count; i += 2) {
		if (log_is_plain(x[i]) && log_is_plain(x[i + 1])) {
			twin y = log_twin(x[i], x[i + 1]);
			x[i] = y[0];
			x[i + 1] = y[1];
		} else {
			x[i] = dm_log(x[i]);
			x[i + 1] = dm_log(x[i + 1]);
		}
	}
	if (i < count)
		x[i] = dm_log(x[i]);
}

double dm_log1p(double x)
{
	if (x != x || x < -1)
		return canonical_nan();
	if (x == -1)
		return -HUGE_VAL;
	if (x > DBL_MAX)
		return x;
	if (x > -1.0 / 16 && x < 1.0 / 16)
		return log1p_small(x);
	double y = 1.0 + x;
	double lost = x >= 1.0 ? 1.0 - (y - x) : x - (y - 1.0);
	return log_reduced(y, lost / y);
}

double dm_sigmoid(double x)
{
	if (x >= 0)
		return 1.0 / (1.0 + dm_exp(-x));
	double e = dm_exp(x);
	return e / (1.0 + e);
}

/* Ratio of two polynomials of degree 7, coefficients from the constant term up. */
static double ratio7(double r, const double num[8], const double den[8])
{
	double a = num[7];
	double b = den[7];
	for (int i = 6; i >= 0; i--) {
		a = a * r + num[i];
		b = b * r + den[i];
	}
	return a / b;
}

/* The coefficients are those printed in AS 241 (PPND16): a/b, c/d, e/f. */
static const double AS241_A[8] = { 3.3871328727963666080e0, 1.3314166789178437745e2,
				   1.9715909503065514427e3, 1.3731693765509461125e4,
				   4.5921953931549871457e4, 6.7265770927008700853e4,
				   3.3430575583588128105e4, 2.5090809287301226727e3 };
static const double AS241_B[8] = { 1.0,
				   4.2313330701600911252e1,
				   6.8718700749205790830e2,
				   5.3941960214247511077e3,
				   2.1213794301586595867e4,
				   3.9307895800092710610e4,
				   2.8729085735721942674e4,
				   5.2264952788528545610e3 };
static const double AS241_C[8] = { 1.42343711074968357734e0,  4.63033784615654529590e0,
				   5.76949722146069140550e0,  3.64784832476320460504e0,
				   1.27045825245236838258e0,  2.41780725177450611770e-1,
				   2.27238449892691845833e-2, 7.74545014278341407640e-4 };
static const double AS241_D[8] = { 1.0,
				   2.05319162663775882187e0,
				   1.67638483018380384940e0,
				   6.89767334985100004550e-1,
				   1.48103976427480074590e-1,
				   1.51986665636164571966e-2,
				   5.47593808499534494600e-4,
				   1.05075007164441684324e-9 };
static const double AS241_E[8] = { 6.65790464350110377720e0,  5.46378491116411436990e0,
				   1.78482653991729133580e0,  2.96560571828504891230e-1,
				   2.65321895265761230930e-2, 1.24266094738807843860e-3,
				   2.71155556874348757815e-5, 2.01033439929228813265e-7 };
static const double AS241_F[8] = { 1.0,
				   5.99832206555887937690e-1,
				   1.36929880922735805310e-1,
				   1.48753612908506148525e-2,
				   7.86869131145613259100e-4,
				   1.84631831751005468180e-5,
				   1.42151175831644588870e-7,
				   2.04426310338993978564e-15 };

double dm_norm_quantile(double p)
{
	if (!(p >= 0 && p <= 1))
		return canonical_nan();
	if (p == 0 || p == 1)
		return p == 0 ? -HUGE_VAL : HUGE_VAL;
	double q = p - 0.5;
	if (q >= -0.425 && q <= 0.425)
		return q * ratio7(0.180625 - q * q, AS241_A, AS241_B);
	double r = sqrt(-dm_log(q < 0 ? p : 1.0 - p));
	double x = r <= 5 ? ratio7(r - 1.6, AS241_C, AS241_D) : ratio7(r - 5.0, AS241_E, AS241_F);
	return q < 0 ? -x : x;
}
