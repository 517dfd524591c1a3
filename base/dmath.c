/* See dmath.h. Polynomials are Taylor sections, long enough that the first dropped term is below
 * 2^-56 of the result. */
#include "base/dmath.h"

#include <math.h>

#include "base/dmath_tables.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static double canonical_nan(void)
{
	return dm_double_of(UINT64_C(0x7ff8000000000000));
}

bool dm_is_finite(double x)
{
	return (dm_bits_of(x) >> 52 & 0x7ff) != 0x7ff;
}

/* x = (32 k + j) log2/32 + r; p = e^r - 1 without its rounding; both for |x| < 746. */
struct exp_parts {
	int k, j;
	double p;
};

static inline struct exp_parts exp_reduce(double x)
{
	double scaled = x * DM_INV_LN2_32;
	int n = (int)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
	double r1 = x - (double)n * DM_LN2_32.hi;
	double r2 = -(double)n * DM_LN2_32.lo;
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
	struct dm_pair t = dm_exp2_table[e.j];
	double y = t.hi + (t.lo + t.hi * e.p);
	if (e.k > 1000)
		return y * dm_power_of_two(e.k - 1) * 2.0;
	if (e.k < -1021)
		return y * dm_power_of_two(e.k + 64) * 0x1p-64;
	return y * dm_power_of_two(e.k);
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
	struct dm_pair t = dm_exp2_table[e.j];
	double tail = t.lo + t.hi * e.p;
	if (e.k > 60)
		return dm_exp(x) - 1.0;
	double scale = dm_power_of_two(e.k);
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
	uint64_t bits = dm_bits_of(x);
	k += (int)(bits >> 52) - 1023;
	double m = dm_double_of((bits & UINT64_C(0xfffffffffffff)) | UINT64_C(0x3ff0000000000000));
	int j = (int)((m - 1.0) * 64.0 + 0.5);
	double center = 1.0 + (double)j * (1.0 / 64);
	/* m = center (1 + u/2)/(1 - u/2), so log m = log center + 2 atanh(u/2); |u| < 2^-7. */
	double f = m - center;
	double u = 2.0 * f / (m + center);
	double v = u * u;
	double odd = u * v * (1.0 / 12 + v * (1.0 / 80 + v * (1.0 / 448)));
	double hi = (double)k * DM_LN2.hi + dm_log_table[j].hi;
	double lo = (double)k * DM_LN2.lo + dm_log_table[j].lo;
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
